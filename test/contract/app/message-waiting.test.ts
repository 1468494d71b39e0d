/** Message waiting on the wire: stock drachtio-srf, the engine, and phones that the test plays. */
import { Notifier, type WatcherSrf } from '../../../signaling/app/events/notifier';
import { MESSAGE_SUMMARY, messageSummary } from '../../../signaling/app/events/packages/message-summary';
import { MessageWaiting, type NoticeSrf } from '../../../signaling/app/message-waiting';
import type { Binding } from '../../../signaling/app/binding';
import type { LocationEvent } from '../../../signaling/app/locations';
import type { IncomingRequest, Responder } from '../../../signaling/app/exchange';
import { systemClock } from '../../../signaling/clock';
import type { SipRequest } from '../../../signaling/engine/wire/message';
import { PeerDialog, SipPeer, type Heard } from '../../support/sip-peer';
import { eventually } from '../../support/wait';
import { binding, FakeLog } from '../../unit/app/call-fakes';
import { fastTimers, isRealServer, startApp, startServer, type AppUnderTest, type ServerUnderTest } from '../engine/harness';

let server: ServerUnderTest;
let app: AppUnderTest;
let notifier: Notifier;
let waiting: MessageWaiting;
let phone: SipPeer;
let counts: { new: number; saved: number };
let bindings: Binding[];
let extensions: Set<string>;
/** What each NOTIFY was answered. */
let answered: Map<string, number>;
let happens: (event: LocationEvent) => void;

beforeAll(async () => {
  server = await startServer({ timers: fastTimers });
  app = await startApp(server, (srf) => {
    notifier = new Notifier({
      srf: srf as unknown as WatcherSrf,
      packages: [messageSummary({ counts: async () => counts, directory: { find: async (number) => (extensions.has(number) ? { number } : undefined) } })],
      clock: systemClock,
      log: new FakeLog(),
    });
    waiting = new MessageWaiting({
      srf: srf as unknown as NoticeSrf,
      counts: async () => counts,
      locations: { lookup: (number) => bindings.filter((one) => one.extension === number), onEvent: (listener) => (happens = listener) },
      isSubscribed: (number, contact) => notifier.isWatchedBy(MESSAGE_SUMMARY, number, contact),
      reach: { addressFor: () => '127.0.0.1', isLocal: () => true },
      clock: systemClock,
      log: new FakeLog(),
    });
    srf.subscribe((req, res) => void notifier.subscribe(req as unknown as IncomingRequest, res as unknown as Responder, '1001'));
  });
});
afterAll(async () => {
  waiting.close();
  await notifier.close();
  app.close();
  await server.close();
});
beforeEach(async () => {
  counts = { new: 2, saved: 8 };
  answered = new Map();
  bindings = [];
  extensions = new Set(['1001']);
  phone = await SipPeer.udp(server.udp);
});
afterEach(async () => {
  const dialogs = (app.srf as unknown as { _dialogs: Map<string, unknown> })._dialogs;
  const left = () => JSON.stringify({ subscriptions: notifier.stats().subscriptions, srf: dialogs.size, engine: isRealServer ? 0 : server.stats().core.dialogs });
  await eventually('nothing to be left', () => left() === '{"subscriptions":0,"srf":0,"engine":0}', 6000).catch((err: Error) => {
    throw new Error(`${err.message}: ${left()}`);
  });
  await phone.close();
});

const ask = (headers: Record<string, string> = {}, uri = 'sip:1001@pbx.test'): SipRequest => {
  const request = phone.request('SUBSCRIBE', uri, { from: '<sip:1001@pbx.test>;tag=f1', to: '<sip:1001@pbx.test>', headers: { Event: 'message-summary', Expires: '600', ...headers } });
  phone.send(request);
  return request;
};

/** As the phone system tells both. */
function update(number: string): void {
  notifier.changed(MESSAGE_SUMMARY, number);
  waiting.update(number);
}

async function subscribed(headers: Record<string, string> = {}): Promise<{ dialog: PeerDialog; first: Heard<SipRequest>; accepted: Awaited<ReturnType<SipPeer['getResponse']>> }> {
  const request = ask(headers);
  const accepted = await phone.getResponse(202, 'SUBSCRIBE');
  const dialog = PeerDialog.caller(phone, request, accepted);
  const first = await notified();
  return { dialog, first, accepted };
}

/** What was answered, and comes again because the answer was late, is let pass. */
async function notified(status = 200): Promise<Heard<SipRequest>> {
  for (;;) {
    const heard = await phone.getRequest('NOTIFY');
    const name = `${heard.message.callId} ${heard.message.cseq.seq}`;
    phone.reply(heard, answered.get(name) ?? status);
    if (answered.has(name)) continue;
    answered.set(name, status);
    return heard;
  }
}

/** NOTIFYs, however often each was sent. */
const told = (): number => new Set(phone.heard.flatMap(({ message }) => ('method' in message && message.method === 'NOTIFY' ? [`${message.callId} ${message.cseq.seq}`] : []))).size;

const state = ({ message }: Heard<SipRequest>): string => message.headers.get('subscription-state') ?? '';
const text = ({ message }: Heard<SipRequest>): string => message.body.toString();

async function unsubscribe(dialog: PeerDialog): Promise<Heard<SipRequest>> {
  dialog.send('SUBSCRIBE', { headers: { Event: 'message-summary', Expires: '0' } });
  await phone.getResponse(202, 'SUBSCRIBE');
  return notified();
}

test('a subscription: told at once, at each change, refreshed, and ended by the phone', async () => {
  const { dialog, first, accepted } = await subscribed();
  expect(accepted.message.headers.get('expires')).toBe('600');
  expect(state(first)).toMatch(/^active;expires=(600|599)$/);
  expect([first.message.headers.get('event'), first.message.headers.get('content-type')]).toEqual(['message-summary', 'application/simple-message-summary']);
  expect(text(first)).toBe('Messages-Waiting: yes\r\nMessage-Account: sip:*97@pbx.test\r\nVoice-Message: 2/8 (0/0)\r\n');

  counts = { new: 0, saved: 10 };
  update('1001');
  update('1001');
  expect(text(await notified())).toContain('Messages-Waiting: no\r\n');

  dialog.send('SUBSCRIBE', { headers: { Event: 'message-summary', Expires: '120' } });
  expect((await phone.getResponse(200, 'SUBSCRIBE')).message.headers.get('expires')).toBe('120');
  expect(state(await notified())).toMatch(/^active;expires=1(20|19)$/);

  const last = await unsubscribe(dialog);
  expect(state(last)).toBe('terminated;reason=timeout');
  expect(text(last)).toContain('Voice-Message: 0/10');
  expect(told()).toBe(4);
});

test('Expires 0 asks once; an id of the event is repeated', async () => {
  const { first } = await subscribed({ Expires: '0', Event: 'message-summary;id=7' });
  expect([state(first), first.message.headers.get('event')]).toEqual(['terminated;reason=timeout', 'message-summary;id=7']);
});

test.each([
  ['another event', { Event: 'presence' }, 'sip:1001@pbx.test', 489],
  ['no event', { Event: '' }, 'sip:1001@pbx.test', 489],
  ["another's mailbox", {}, 'sip:1002@pbx.test', 403],
  ['bodies that we do not make', { Accept: 'application/pidf+xml' }, 'sip:1001@pbx.test', 406],
  ['too often', { Expires: '5' }, 'sip:1001@pbx.test', 423],
  ['lists of resources', { Require: 'recipient-list-subscribe' }, 'sip:1001@pbx.test', 420],
])('%s is refused', async (_name, headers, uri, status) => {
  ask(headers, uri);
  await phone.getResponse(status, 'SUBSCRIBE');
  expect(notifier.stats().refused[status]).toBeGreaterThan(0);
});

test('*97 is the mailbox too', async () => {
  ask({ Accept: 'text/plain, application/*' }, 'sip:*97@pbx.test');
  await phone.getResponse(202, 'SUBSCRIBE');
  await notified(481);
});

test('a phone that does not know its subscription any more has none', async () => {
  ask();
  await phone.getResponse(202, 'SUBSCRIBE');
  await notified(481);
});

test('a phone that was restarted subscribes anew: the old subscription ends', async () => {
  await subscribed();
  ask({}, 'sip:1001@pbx.test');
  await phone.getResponse(202, 'SUBSCRIBE');
  const both = [await notified(), await notified()].map(state).sort();
  expect(both[0]).toMatch(/^active/);
  expect(both[1]).toBe('terminated;reason=deactivated');
  counts = { new: 3, saved: 8 };
  update('1001');
  const last = await notified(481);
  expect(state(last)).toMatch(/^active/);
});

test('an extension that was removed has nobody to tell', async () => {
  await subscribed();
  extensions.clear();
  notifier.recheck();
  expect(state(await notified())).toBe('terminated;reason=noresource');
});

test('who is told nothing new is not told', async () => {
  const { dialog } = await subscribed();
  update('1001');
  await new Promise((resolve) => setTimeout(resolve, 150));
  await unsubscribe(dialog);
  expect(told()).toBe(2);
});

test('a change while a NOTIFY has no answer yet is told in one more', async () => {
  const { dialog } = await subscribed();
  counts = { new: 1, saved: 0 };
  update('1001');
  const slow = await phone.getRequest('NOTIFY');
  counts = { new: 7, saved: 0 };
  update('1001');
  await new Promise((resolve) => setTimeout(resolve, 120));
  phone.reply(slow, 200);
  answered.set(`${slow.message.callId} ${slow.message.cseq.seq}`, 200);
  expect(text(await notified())).toContain('Voice-Message: 7/0');
  await unsubscribe(dialog);
});

describe('without a subscription', () => {
  const registers = (more: Partial<Binding> = {}, type: LocationEvent['type'] = 'registered'): void => {
    const one = { ...binding('1001', phone.host, phone.port), ...more };
    bindings = [one];
    happens({ type, binding: one });
  };

  test('a phone is told when it registers and something waits, and at each change', async () => {
    registers();
    const first = await notified();
    expect(first.message.uri).toBe(`sip:1001@${phone.host}:${phone.port}`);
    expect(text(first)).toBe('Messages-Waiting: yes\r\nMessage-Account: sip:*97@127.0.0.1\r\nVoice-Message: 2/8 (0/0)\r\n');
    expect(first.message.headers.get('from')).toMatch(/^<sip:1001@[^>]+>;tag=/);
    registers({}, 'refreshed');
    update('1001');
    counts = { new: 0, saved: 8 };
    update('1001');
    expect(text(await notified())).toContain('Messages-Waiting: no');
    expect(told()).toBe(2);
  });

  test('nothing is said to a phone that has nothing to show', async () => {
    counts = { new: 0, saved: 3 };
    registers();
    counts = { new: 1, saved: 3 };
    // only now
    await new Promise((resolve) => setTimeout(resolve, 50));
    update('1001');
    expect(text(await notified())).toContain('Voice-Message: 1/3');
  });

  test('a phone that does not want it is left alone until it registers anew', async () => {
    registers();
    await notified(481);
    counts = { new: 3, saved: 0 };
    update('1001');
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(told()).toBe(1);
    expect(waiting.stats().unwanted).toBe(1);
    registers({ callId: 'another' }, 'refreshed');
    await notified();
  });

  test('a phone that did not answer is told next time', async () => {
    registers();
    await notified(503);
    await eventually('the failure', () => waiting.stats().failed > 0);
    update('1001');
    await notified();
  });

  test('who is subscribed is not told twice', async () => {
    bindings = [{ ...binding('1001', phone.host, phone.port), uri: `sip:alice@${phone.host}:${phone.port}` }];
    const { dialog } = await subscribed();
    counts = { new: 4, saved: 0 };
    update('1001');
    await notified();
    await unsubscribe(dialog);
    expect(told()).toBe(3);
  });
});
