/** Dialogs made by SUBSCRIBE (RFC 6665), and the CSeq rules every dialog has (RFC 3261 §12.2.2). */
import { CoreUnderTest } from './fakes';

let sip: CoreUnderTest;
const id = CoreUnderTest.dialogId;

beforeEach(() => {
  sip = new CoreUnderTest();
});

describe('a subscription to us', () => {
  const subscribed = (expires: number): ReturnType<CoreUnderTest['receive']> => {
    const subscribe = sip.receive('SUBSCRIBE', { Event: 'presence' });
    expect(sip.respond(202, [`Expires: ${expires}`])).toMatchObject({ ok: true, dialogId: id, expectsMore: true });
    return subscribe;
  };

  test('is forgotten when nobody renews it', () => {
    subscribed(60);
    sip.clock.advance(60_000 + 31_999);
    expect(sip.core.stats().dialogs).toBe(1);
    sip.clock.advance(1);
    expect(sip.core.stats().dialogs).toBe(0);
    expect(sip.clock.waiting).toBe(0);
  });

  test('lives on when it is renewed, an hour when nothing is said', () => {
    const subscribe = subscribed(60);
    sip.clock.advance(50_000);
    sip.inDialog(subscribe, 'SUBSCRIBE', 2, { Event: 'presence' });
    sip.respond(200, ['Expires: 100']);
    sip.clock.advance(131_999);
    expect(sip.core.stats().dialogs).toBe(1);
    sip.inDialog(subscribe, 'SUBSCRIBE', 3, { Event: 'presence' });
    sip.respond(200);
    sip.clock.advance(3_631_999);
    expect(sip.core.stats().dialogs).toBe(1);
    sip.clock.advance(1);
    expect(sip.core.stats().dialogs).toBe(0);
  });

  test('ends when our final NOTIFY is answered, whatever the answer', () => {
    subscribed(60);
    sip.requestInDialog(id, 'NOTIFY', ['Event: presence', 'Subscription-State: active']);
    sip.lastSent.answer(200);
    sip.requestInDialog(id, 'NOTIFY', ['Event: presence', 'Subscription-State: terminated;reason=noresource']);
    expect(sip.core.stats().dialogs).toBe(1);
    expect(sip.lastSent.request.headers.has('contact')).toBe(true);
    sip.lastSent.answer(481);
    expect(sip.core.stats().dialogs).toBe(0);
    expect(sip.clock.waiting).toBe(0);
  });

  test('ends with the loss of its application', () => {
    subscribed(60);
    sip.core.appLost(sip.app);
    expect(sip.clock.waiting).toBe(0);
  });
});

describe('a subscription of ours', () => {
  const own = (): string => `${sip.lastSent.request.callId};from-tag=${sip.lastSent.request.fromTag}`;
  const notify = (state: string, seq: number): ReturnType<CoreUnderTest['receive']> => {
    const { request } = sip.transactions.sent[0]!;
    return sip.receive('NOTIFY', { 'Call-ID': request.callId, To: `<sip:us@192.0.2.1>;tag=${request.fromTag}`, From: '<sip:bob@198.51.100.9>;tag=theirs', CSeq: `${seq} NOTIFY`, Event: 'presence', 'Subscription-State': state });
  };

  test('a NOTIFY that overtakes the 2xx is delivered after it', () => {
    sip.request('SUBSCRIBE', 'sip:bob@198.51.100.9', ['Event: presence']);
    const early = notify('active', 1);
    expect(sip.app.story).toEqual(['echo']);
    sip.lastSent.answer(200, { lines: ['Contact: <sip:bob@198.51.100.9>', 'Expires: 60'] });
    expect(sip.app.story).toEqual(['echo', '200', '>NOTIFY']);
    expect(sip.app.last.dialogId).toBe(own());
    sip.respond(200);
    expect(early.statuses).toEqual([200]);
  });

  test('a NOTIFY that overtakes a refusal is answered 481', () => {
    sip.request('SUBSCRIBE', 'sip:bob@198.51.100.9', ['Event: presence']);
    const early = notify('active', 1);
    sip.lastSent.answer(403);
    expect(early.statuses).toEqual([481]);
    expect(sip.app.story).toEqual(['echo', '403']);
  });

  test('the final NOTIFY ends it once it is answered, with that answer', () => {
    sip.request('SUBSCRIBE', 'sip:bob@198.51.100.9', ['Event: presence']);
    sip.lastSent.answer(200, { lines: ['Contact: <sip:bob@198.51.100.9>'] });
    const last = notify('Terminated;reason=timeout', 1);
    expect(sip.core.stats().dialogs).toBe(1);
    sip.respond(200);
    expect(last.statuses).toEqual([200]);
    expect(sip.core.stats().dialogs).toBe(0);
    expect(sip.clock.waiting).toBe(0);
  });
});

test.each([
  ['higher', 7, undefined],
  ['a gap', 99, undefined],
  ['the same by another path', 5, 482],
  ['lower', 4, 500],
])('CSeq %s', (_case, seq, refused) => {
  const call = sip.answered();
  sip.inDialog(call, 'INFO', 5);
  const delivered = sip.app.requests.length;
  const second = sip.inDialog(call, 'MESSAGE', seq);
  expect(second.statuses).toEqual(refused === undefined ? [] : [refused]);
  expect(sip.app.requests.length).toBe(delivered + (refused === undefined ? 1 : 0));
});

test('a request with somebody else\'s From tag is not in the dialog', () => {
  const call = sip.answered();
  expect(sip.inDialog(call, 'BYE', 2, { From: '<sip:mallory@example.com>;tag=guessed' }).statuses).toEqual([481]);
  expect(sip.core.stats().dialogs).toBe(1);
});

test('in an early dialog of theirs the tags count too; in one of ours any branch may speak', () => {
  const invite = sip.receive('INVITE');
  sip.respond(180);
  expect(sip.inDialog(invite, 'UPDATE', 2, { From: '<sip:mallory@example.com>;tag=guessed' }).statuses).toEqual([481]);
  expect(sip.inDialog(invite, 'UPDATE', 2).statuses).toEqual([]);

  sip = new CoreUnderTest();
  sip.request('INVITE', 'sip:bob@198.51.100.9', [], 'v=0');
  sip.lastSent.answer(183, { tag: 'one', lines: ['Contact: <sip:bob@198.51.100.9>'] });
  const { request } = sip.lastSent;
  const update = sip.receive('UPDATE', { 'Call-ID': request.callId, To: `<sip:us@192.0.2.1>;tag=${request.fromTag}`, From: '<sip:bob@198.51.100.9>;tag=two', CSeq: '1 UPDATE' });
  expect(update.statuses).toEqual([]);
  expect(sip.app.last.message.method).toBe('UPDATE');
});
