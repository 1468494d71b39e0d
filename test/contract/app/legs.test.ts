/** Legs of calls on the wire, through stock drachtio-srf and the engine: phones that we call, that are parked, that take what rings elsewhere. */
import type { Feature } from '../../../signaling/app/feature';
import { park } from '../../../signaling/app/features/park';
import { pickup } from '../../../signaling/app/features/pickup';
import { PeerDialog } from '../../support/sip-peer';
import { eventually } from '../../support/wait';
import { fastTimers, problems } from '../engine/harness';
import { connect, Exchange, type Phone } from './phones';

let exchange: Exchange;
let ann: Phone;
let bob: Phone;
let cat: Phone;

const features: Feature[] = [
  park({ seconds: 120, music: async () => [], sayDigits: (number) => [...number], tell: () => undefined }),
  pickup({ at: (picker, number) => exchange.calls.pickups.at(picker, number), inGroups: (picker) => exchange.calls.pickups.inGroups(picker) }),
];

beforeAll(async () => {
  exchange = await Exchange.start({ features }, { timers: fastTimers });
});

afterAll(async () => {
  await exchange.close();
  expect(problems).toEqual([]);
});

beforeEach(async () => {
  ann = await exchange.phone('1001', 11);
  bob = await exchange.phone('1002', 12);
  cat = await exchange.phone('1003', 13);
});

afterEach(() => exchange.clear());

const hangsUp = async (phone: Phone, dialog: PeerDialog): Promise<void> => {
  dialog.send('BYE');
  await phone.response(200, 'BYE');
};

/** One call is left, and up. */
const up = (): Promise<unknown> => eventually('one call that is up', () => exchange.calls.list().length === 1 && exchange.calls.list()[0]?.state === 'up');

/** The re-INVITE that moves a phone, accepted. */
const moved = async (phone: Phone): Promise<void> => {
  const request = await phone.request('INVITE');
  phone.accept(request, phone.sdp());
  await phone.request('ACK');
};

test('a phone that we call: the service has it, until it hangs up', async () => {
  let over: string | undefined;
  const { id, answered } = await exchange.calls.originate('1001', async (call) => void (over = await call.ended), { service: 'wake-up', shows: { number: '5000', name: 'Wake-up' }, autoAnswer: true });
  const invited = await ann.request('INVITE');
  expect(invited.message.headers.get('from')).toContain('"Wake-up" <sip:5000@127.0.0.1');
  expect(invited.message.headers.get('call-info')).toContain('answer-after=0');
  ann.peer.reply(invited, 180, { tag: 'tag-1001-11' });
  const dialog = ann.answer(invited);
  await ann.request('ACK');
  expect(await answered).toBeUndefined();
  // held and resumed as with any service
  dialog.send('INVITE', { body: ann.sdp({ direction: 'sendonly' }) });
  expect((await ann.response(200, 'INVITE')).message.body.toString()).toContain('a=recvonly');
  dialog.ack({ cseq: dialog.seq });
  expect(exchange.calls.list()).toMatchObject([{ id, from: '1001', service: 'wake-up', state: 'up' }]);
  await hangsUp(ann, dialog);
  await eventually('the service to know', () => over === 'hung up');
});

test('a phone that we call and that does not want to; one that we give up', async () => {
  const first = await exchange.calls.originate('1001', () => Promise.reject(new Error('never')));
  ann.peer.reply(await ann.request('INVITE'), 486);
  expect(await first.answered).toMatchObject({ cause: 'busy' });
  const second = await exchange.calls.originate('1001', () => Promise.reject(new Error('never')));
  const ringing = await ann.request('INVITE');
  ann.peer.reply(ringing, 180, { tag: 'tag-1001-11' });
  await eventually('it to ring', () => exchange.calls.list()[0]?.state === 'ringing');
  second.end();
  ann.accept(await ann.request('CANCEL'));
  ann.peer.reply(ringing, 487, { tag: 'tag-1001-11' });
  expect(await second.answered).toMatchObject({ cause: 'cancelled' });
});

test('click to dial', async () => {
  await exchange.calls.control.originate('1001', '1002');
  const a = ann.answer(await ann.request('INVITE'));
  await ann.request('ACK');
  const invited = await bob.request('INVITE');
  expect(invited.message.headers.get('from')).toContain('"Name of 1001" <sip:1001@127.0.0.1');
  const wired = exchange.plane.of('connect').length;
  bob.answer(invited);
  await bob.request('ACK');
  await eventually('the relay', () => exchange.plane.of('connect').length > wired);
  await hangsUp(ann, a);
  await bob.hungUp();
});

test('parked by REFER, taken by dialling the slot', async () => {
  const { b } = await connect(ann, bob);
  b.send('REFER', { headers: { 'refer-to': '<sip:700@pbx.test>' } });
  await bob.response(202, 'REFER');
  bob.accept(await bob.request('NOTIFY'));
  await moved(ann);
  bob.accept(await bob.request('NOTIFY'));
  await bob.hungUp();
  expect(exchange.calls.list()).toMatchObject([{ from: '1001', to: '701', parkedBy: '1002' }]);
  const invite = cat.invite('701');
  await moved(ann);
  const c = PeerDialog.caller(cat.peer, invite, await cat.response(200));
  c.ack();
  await up();
  expect(exchange.calls.list()).toMatchObject([{ from: '1003', to: '1001' }]);
  await hangsUp(cat, c);
  await ann.hungUp();
});

test.each(['**1002', 'Replaces'])('what rings elsewhere is taken: %s', async (how) => {
  const invite = ann.invite('1002');
  const ringing = await bob.request('INVITE');
  bob.peer.reply(ringing, 180, { tag: 'tag-1002-12' });
  await ann.response(180);
  const replaces = { Replaces: `${ringing.message.callId};to-tag=tag-1002-12;from-tag=${ringing.message.fromTag};early-only` };
  const picks = how === 'Replaces' ? cat.invite('1002', cat.sdp(), replaces) : cat.invite(how);
  const c = PeerDialog.caller(cat.peer, picks, await cat.response(200));
  c.ack();
  await moved(cat);
  const cancel = await bob.request('CANCEL');
  expect(cancel.message.headers.get('reason')).toContain('Call completed elsewhere');
  bob.accept(cancel);
  bob.peer.reply(ringing, 487, { tag: 'tag-1002-12' });
  const a = PeerDialog.caller(ann.peer, invite, await ann.response(200));
  a.ack();
  await up();
  expect(exchange.calls.list()).toMatchObject([{ from: '1001', to: '1003', pickedUpBy: '1003' }]);
  await hangsUp(ann, a);
  await cat.hungUp();
});
