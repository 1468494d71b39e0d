/** Calls that the system answers, on the wire: a feature through stock drachtio-srf and the engine. */
import { CallOver, exactly, type Feature, type ServiceCall } from '../../../signaling/app/feature';
import { PeerDialog } from '../../support/sip-peer';
import { eventually } from '../../support/wait';
import { fastTimers, problems } from '../engine/harness';
import { Exchange, type Phone } from './phones';

let exchange: Exchange;
let caller: Phone;
/** What the features have to say. */
let said: string[] = [];

/** `code` at `number`; what becomes of it is said. */
const service = (number: string, code: (call: ServiceCall) => Promise<void>): Feature => ({
  name: `service ${number}`,
  numbers: [exactly(number, 'a test')],
  answer: (call) =>
    code(call).then(
      () => void said.push('returned'),
      (err: unknown) => {
        said.push(err instanceof CallOver ? 'over' : String(err));
        throw err;
      },
    ),
});

const features: Feature[] = [
  service('*1', async (call) => {
    await call.answer();
    said.push('answered');
    await call.ended;
  }),
  service('*2', async (call) => {
    await call.early();
    said.push('early');
    await call.pause(150);
    await call.answer();
    await call.ended;
  }),
  service('*3', async (call) => {
    await call.early();
    said.push('early');
    await call.play([{ tone: 'ringback' }], { loop: true });
  }),
  service('*4', async (call) => {
    await call.answer();
    said.push((await call.gather({ max: 3 })).digits);
  }),
  service('*5', async (call) => {
    await call.answer();
    said.push(await call.transferTo('1002'));
    await call.ended;
  }),
  {
    name: 'mailbox',
    numbers: [],
    unanswered: ({ refusal }) =>
      refusal.cause === 'busy'
        ? async (call) => {
            await call.answer();
            said.push('mailbox');
            await call.ended;
          }
        : undefined,
  },
];

beforeAll(async () => {
  exchange = await Exchange.start({ features }, { timers: fastTimers });
});

afterAll(async () => {
  await exchange.close();
  expect(problems).toEqual([]);
});

beforeEach(async () => {
  said = [];
  caller = await exchange.phone('1001', 11);
});

afterEach(() => exchange.clear());

const text = (message: { body: Buffer }) => message.body.toString();
const saying = (what: string) => eventually(`the feature to say ${what}`, () => said.includes(what));

async function up(number: string, body?: string) {
  const invite = caller.invite(number, body);
  const answered = await caller.response(200, 'INVITE');
  const dialog = PeerDialog.caller(caller.peer, invite, answered);
  dialog.ack(body === '' ? { body: caller.sdp() } : {});
  return { answered, dialog };
}

test('answered at once, refreshed, put on hold, and hung up on by the caller', async () => {
  const { answered, dialog } = await up('*1');
  expect(text(answered.message)).toMatch(/m=audio 4\d{4} RTP\/AVP 0 101\r\n/);
  expect(answered.message.headers.get('allow')).toContain('INFO');
  await saying('answered');
  dialog.send('INVITE', { body: caller.sdp({ direction: 'inactive' }) });
  const held = await caller.response(200, 'INVITE');
  expect(text(held.message)).toContain('a=inactive\r\n');
  dialog.ack({ cseq: dialog.seq });
  await eventually('silence', () => [...exchange.plane.audio.values()].some(({ send }) => send === null));
  dialog.send('BYE');
  await caller.response(200, 'BYE');
  await saying('returned');
});

test('an INVITE without SDP: our offer in the 200, the answer in the ACK', async () => {
  const { answered, dialog } = await up('*1', '');
  expect(text(answered.message)).toContain('RTP/AVP 96 9 0 8 97 101');
  await saying('answered');
  dialog.send('BYE');
  await caller.response(200, 'BYE');
});

test('early media, and the same description in the 200', async () => {
  const invite = caller.invite('*2');
  const early = await caller.response(183);
  const answered = await caller.response(200, 'INVITE');
  expect(text(answered.message)).toBe(text(early.message));
  expect(answered.message.toTag).toBe(early.message.toTag);
  const dialog = PeerDialog.caller(caller.peer, invite, answered);
  dialog.ack();
  dialog.send('BYE');
  await caller.response(200, 'BYE');
});

test('given up while it plays something before the answer', async () => {
  const invite = caller.invite('*3');
  await caller.response(183);
  await saying('early');
  caller.cancel(invite);
  const refused = await caller.response(487, 'INVITE');
  caller.ackRefusal(invite, refused);
  await saying('over');
});

test('keys by INFO; then the service hangs up', async () => {
  const { dialog } = await up('*4');
  for (const key of ['1', '*', '10']) {
    dialog.send('INFO', { headers: { 'content-type': 'application/dtmf-relay' }, body: `Signal=${key}\r\nDuration=160\r\n` });
    await caller.response(200, 'INFO');
  }
  const bye = await caller.hungUp();
  expect(bye.message.headers.get('reason')).toBe('Q.850;cause=16;text="service *4 has ended the call"');
  expect(said).toEqual(['1**', 'returned']);
});

test('the caller is put through, and the phone hangs up', async () => {
  const callee = await exchange.phone('1002', 12);
  await up('*5');
  const ringing = await callee.request('INVITE');
  expect(ringing.message.headers.get('from')).toContain('sip:1001@127.0.0.1');
  const wired = exchange.plane.of('connect').length;
  const b = callee.answer(ringing);
  await saying('over');
  await eventually('the relay', () => exchange.plane.of('connect').length > wired);
  b.send('BYE');
  await callee.response(200, 'BYE');
  const bye = await caller.hungUp();
  expect(bye.message.headers.get('reason')).toContain('1002 hung up');
});

test('the phone is busy: the caller is still with the service', async () => {
  const callee = await exchange.phone('1002', 12);
  const { dialog } = await up('*5');
  callee.peer.reply(await callee.request('INVITE'), 486);
  await saying('busy');
  dialog.send('BYE');
  await caller.response(200, 'BYE');
});

test('a busy phone: the mailbox answers', async () => {
  const callee = await exchange.phone('1002', 12);
  const invite = caller.invite('1002');
  callee.peer.reply(await callee.request('INVITE'), 486);
  const answered = await caller.response(200, 'INVITE');
  const dialog = PeerDialog.caller(caller.peer, invite, answered);
  dialog.ack();
  await saying('mailbox');
  dialog.send('BYE');
  await caller.response(200, 'BYE');
});
