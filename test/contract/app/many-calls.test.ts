/** Many calls at the same time, at the timers of RFC 3261: each gets through, and nothing is left of them. */
import { SipRequest, SipResponse } from '../../../signaling/engine/wire/message';
import { PeerDialog, type Heard } from '../../support/sip-peer';
import { eventually } from '../../support/wait';
import { problems } from '../engine/harness';
import { Exchange, type Phone } from './phones';

let exchange: Exchange;

beforeAll(async () => {
  exchange = await Exchange.start({ maxCalls: 100 });
});

afterAll(async () => {
  await exchange.close();
  expect(problems).toEqual([]);
});

afterEach(() => exchange.clear());

/** Messages that fit, the first of each Call-ID: what is repeated until an ACK arrives counts once. */
async function each<T extends SipRequest | SipResponse>(phone: Phone, count: number, fits: (m: SipRequest | SipResponse) => m is T): Promise<Array<Heard<T>>> {
  const found = () => new Map(phone.peer.heard.filter((h): h is Heard<T> => fits(h.message)).map((h) => [h.message.callId, h]));
  await eventually(`${count} messages`, () => found().size >= count, 8000);
  return [...found().values()];
}

const isInvite = (m: SipRequest | SipResponse): m is SipRequest => m instanceof SipRequest && m.method === 'INVITE';
const isBye = (m: SipRequest | SipResponse): m is SipRequest => m instanceof SipRequest && m.method === 'BYE';
const answers = (status: number) => (m: SipRequest | SipResponse): m is SipResponse => m instanceof SipResponse && m.status === status && m.cseq.method === 'INVITE';

test('a hundred calls at once, and one too many', async () => {
  const caller = await exchange.phone('1001', 11);
  const callee = await exchange.phone('1002', 12);
  const invites = new Map(Array.from({ length: 100 }, () => caller.invite('1002')).map((invite) => [invite.callId, invite]));
  for (const invited of await each(callee, 100, isInvite)) callee.answer(invited);
  const dialogs = (await each(caller, 100, answers(200))).map((answered) => {
    const dialog = PeerDialog.caller(caller.peer, invites.get(answered.message.callId) as SipRequest, answered);
    dialog.ack();
    return dialog;
  });
  expect(exchange.calls.active()).toBe(100);
  expect(exchange.plane.held.size).toBe(200);

  const extra = caller.invite('1002');
  const refusal = await caller.response(503, 'INVITE');
  caller.ackRefusal(extra, refusal);
  expect(refusal.message.headers.get('retry-after')).toBe('5');

  for (const dialog of dialogs) dialog.send('BYE');
  for (const bye of await each(callee, 100, isBye)) callee.accept(bye);
  await exchange.quiet();
  expect(exchange.calls.stats()).toMatchObject({ active: 0, answered: 100, faults: 0, mediaErrors: 0 });
});

test('shutting down while calls are up and ring: everybody is told', async () => {
  const caller = await exchange.phone('1001', 11);
  const callee = await exchange.phone('1002', 12);
  const up = caller.invite('1002');
  const [first] = await each(callee, 1, isInvite);
  callee.answer(first as Heard<SipRequest>);
  PeerDialog.caller(caller.peer, up, await caller.response(200, 'INVITE')).ack();
  const ringing = caller.invite('1002');
  const second = (await each(callee, 2, isInvite)).find((h) => h !== first) as Heard<SipRequest>;
  callee.peer.reply(second, 180);
  await caller.response(180);

  const drained = exchange.calls.drain(0);
  caller.ackRefusal(ringing, await caller.response(503, 'INVITE'));
  await Promise.all([caller.hungUp(), callee.hungUp()]);
  callee.peer.reply(await callee.request('CANCEL'), 200);
  callee.peer.reply(second, 487);
  await drained;
  const late = caller.invite('1002');
  const refusal = await caller.response(503, 'INVITE');
  caller.ackRefusal(late, refusal);
  expect(refusal.message.reason).toBe('the server is shutting down');
});
