/** Dialogs whose application is gone: they wait for it, are handed back, or end. On a fake clock. */
import type { App, RequestDelivery } from '../../../../signaling/engine/core/app';
import { CoreUnderTest, FakeApp } from './fakes';

const GRACE = 10_000;

class NamedApp extends FakeApp {
  constructor(
    name: string,
    readonly identity: string | undefined,
  ) {
    super(name);
  }
}

let sip: CoreUnderTest;
let first: NamedApp;

/** The engine asks `app` from here on. */
function serve(app: FakeApp): void {
  sip.router = app;
  (sip as { app: App }).app = app;
}

beforeEach(() => {
  sip = new CoreUnderTest({ applicationGraceMs: GRACE, maxDialogs: 100 });
  first = new NamedApp('first', 'blue');
  serve(first);
});

const methods = (): string[] => sip.methodsSent;
const told = (app: FakeApp): string[] => app.requests.map((one) => `${one.transactionId === 'unsolicited' ? '!' : ''}${one.message.method}`);

test('within the grace requests get 503 with the seconds that are left, and the dialog stays', () => {
  const invite = sip.answered();
  sip.core.appLost(first);
  sip.clock.advance(4_000);
  const info = sip.inDialog(invite, 'INFO', 2);
  expect(info.statuses).toEqual([503]);
  expect(info.responses[0]!.headers.get('retry-after')).toBe('6');
  expect(sip.inDialog(invite, 'INVITE', 3, {}, { body: 'v=0' }).statuses).toEqual([503]);
  expect(sip.core.stats()).toMatchObject({ dialogs: 1, counters: { orphanedDialogs: 1, returnedDialogs: 0, orphansEnded: 0 } });
  expect(methods()).toEqual([]);
});

test('an application of the same name gets the dialog, and requests in it', () => {
  const invite = sip.answered();
  sip.core.appLost(first);
  const second = new NamedApp('second', 'blue');
  sip.core.appReady(new NamedApp('other', 'red'));
  sip.core.appReady(new NamedApp('nameless', undefined));
  sip.core.appReady(second);
  sip.inDialog(invite, 'INFO', 2);
  expect(told(second)).toEqual(['INFO']);
  expect(second.last.dialogId).toBe(CoreUnderTest.dialogId);
  sip.clock.advance(2 * GRACE);
  expect(sip.core.stats()).toMatchObject({ dialogs: 1, counters: { returnedDialogs: 1, orphansEnded: 0 } });
  serve(second);
  expect(sip.requestInDialog(CoreUnderTest.dialogId, 'BYE')).toMatchObject({ ok: true });
  expect(methods()).toEqual(['BYE']);
});

test('lost and back again and again: the dialog follows', () => {
  const invite = sip.answered();
  let app = first;
  for (let i = 0; i < 5; i++) {
    sip.core.appLost(app);
    sip.clock.advance(GRACE - 1);
    app = new NamedApp(`again${i}`, 'blue');
    sip.core.appReady(app);
  }
  sip.inDialog(invite, 'INFO', 2);
  expect(told(app)).toEqual(['INFO']);
});

test('BYE in the meantime gets 200, and the application learns of it when it is back', () => {
  const invite = sip.answered();
  sip.core.appLost(first);
  expect(sip.inDialog(invite, 'BYE', 2).statuses).toEqual([200]);
  expect(sip.core.stats().dialogs).toBe(0);
  expect(sip.inDialog(invite, 'INFO', 3).statuses).toEqual([481]);
  const second = new NamedApp('second', 'blue');
  sip.core.appReady(second);
  expect(told(second)).toEqual(['!BYE']);
  expect(second.last).toMatchObject({ dialogId: CoreUnderTest.dialogId, envelope: { source: 'application' } } satisfies DeepPartial<RequestDelivery>);
});

test('the ACK it missed is delivered, too', () => {
  const invite = sip.receive('INVITE', {}, { body: 'v=0' });
  sip.respond(200, [], 'v=0');
  sip.core.appLost(first);
  sip.ack(invite, 1, 'v=0 answer');
  const second = new NamedApp('second', 'blue');
  sip.core.appReady(second);
  expect(told(second)).toEqual(['ACK']);
  expect(second.last.message.body.toString()).toBe('v=0 answer');
});

test('when the grace is over there is a BYE, and nothing is left', () => {
  const invite = sip.answered();
  sip.core.appLost(first);
  sip.clock.advance(GRACE - 1);
  expect(methods()).toEqual([]);
  sip.clock.advance(1);
  expect(methods()).toEqual(['BYE']);
  expect(sip.lastSent.request.headers.get('reason')).toContain('the application is gone');
  expect(sip.inDialog(invite, 'INFO', 2).statuses).toEqual([481]);
  const late = new NamedApp('late', 'blue');
  sip.core.appReady(late);
  expect(told(late)).toEqual([]);
  expect(sip.core.stats()).toMatchObject({ dialogs: 0, counters: { orphansEnded: 1, returnedDialogs: 0 } });
  expect(sip.clock.waiting).toBe(0);
});

test.each([
  ['without a name', () => new NamedApp('nameless', undefined), GRACE],
  ['where the grace is 0', () => new NamedApp('named', 'blue'), 0],
])('%s there is no waiting: BYE at once', (_why, make, applicationGraceMs) => {
  sip = new CoreUnderTest({ applicationGraceMs });
  const app = make();
  serve(app);
  sip.answered();
  sip.core.appLost(app);
  expect(methods()).toEqual(['BYE']);
  expect(sip.core.stats().dialogs).toBe(0);
  expect(sip.clock.waiting).toBe(0);
});

test('no BYE before the ACK to the 2xx (RFC 3261 §15)', () => {
  const app = new NamedApp('nameless', undefined);
  serve(app);
  const invite = sip.receive('INVITE', {}, { body: 'v=0' });
  sip.respond(200, [], 'v=0');
  sip.core.appLost(app);
  expect(methods()).toEqual([]);
  sip.ack(invite);
  expect(methods()).toEqual(['BYE']);
  expect(sip.clock.waiting).toBe(0);
});

test('an INVITE it had not answered gets 503, one it had only rung for too; neither dialog waits', () => {
  const fresh = sip.receive('INVITE', { 'Call-ID': 'a' });
  const ringing = sip.receive('INVITE', { 'Call-ID': 'b' });
  sip.respond(180);
  sip.core.appLost(first);
  expect([fresh.statuses.at(-1), ringing.statuses.at(-1)]).toEqual([503, 503]);
  expect(sip.core.stats()).toMatchObject({ dialogs: 0, incoming: 0, counters: { orphanedDialogs: 0 } });
  expect(sip.clock.waiting).toBe(0);
});

test('a 2xx it can have done nothing with is acknowledged and the call ended', () => {
  sip.request('INVITE', 'sip:bob@198.51.100.9', [], 'v=0');
  sip.lastSent.answer(200, { lines: ['Contact: <sip:bob@198.51.100.9>'], body: 'v=0' });
  sip.core.appLost(first);
  expect(sip.transactions.direct.map((one) => one.request.method)).toEqual(['ACK']);
  expect(methods()).toEqual(['INVITE', 'BYE']);
  expect(sip.core.stats().dialogs).toBe(0);
});

test.each([
  ['v=0', ['INVITE'], 1],
  ['', ['INVITE', 'BYE'], 0],
])('the answer to its re-INVITE is acknowledged; the call goes on if that is all that was owed (offer %p)', (offer, then, dialogs) => {
  sip.answered();
  sip.requestInDialog(CoreUnderTest.dialogId, 'INVITE', [], offer);
  const reinvite = sip.lastSent;
  sip.core.appLost(first);
  expect(reinvite.cancelled).toBe(true);
  reinvite.answer(200, { lines: ['Contact: <sip:alice@198.51.100.7:5062>'], body: 'v=0' });
  expect(sip.transactions.direct.map((one) => one.request.method)).toEqual(['ACK']);
  expect(methods()).toEqual(then);
  expect(sip.core.stats().dialogs).toBe(dialogs);
});

describe('subscriptions end as RFC 6665 has it', () => {
  beforeEach(() => {
    first = new NamedApp('nameless', undefined);
    serve(first);
  });

  test('as notifier with a NOTIFY that invites to subscribe again', () => {
    sip.receive('SUBSCRIBE', { Event: 'presence', Expires: '60' });
    sip.respond(202, ['Expires: 60']);
    sip.core.appLost(first);
    const { headers } = sip.lastSent.request;
    expect(methods()).toEqual(['NOTIFY']);
    expect([headers.get('subscription-state'), headers.get('event')]).toEqual(['terminated;reason=deactivated', 'presence']);
    expect(sip.clock.waiting).toBe(0);
  });

  test('as subscriber with Expires: 0', () => {
    sip.request('SUBSCRIBE', 'sip:bob@198.51.100.9', ['Event: dialog', 'Expires: 60']);
    sip.lastSent.answer(200, { lines: ['Contact: <sip:bob@198.51.100.9>', 'Expires: 60'] });
    sip.core.appLost(first);
    const { headers } = sip.lastSent.request;
    expect(methods()).toEqual(['SUBSCRIBE', 'SUBSCRIBE']);
    expect([headers.get('expires'), headers.get('event')]).toEqual(['0', 'dialog']);
    expect(sip.core.stats().dialogs).toBe(0);
  });
});

type DeepPartial<T> = { [K in keyof T]?: T[K] extends object ? DeepPartial<T[K]> : T[K] };
