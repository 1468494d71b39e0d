/** The server side of the core: what arrives, what is answered, what time does. */
import { CoreUnderTest, FakeApp, FakeFlow } from './fakes';

let sip: CoreUnderTest;
const id = CoreUnderTest.dialogId;

beforeEach(() => {
  sip = new CoreUnderTest();
});

describe('2xx to INVITE (RFC 3261 §13.3.1.4)', () => {
  test('is sent again after T1, 2*T1 … T2, for 64*T1, then BYE', () => {
    const invite = sip.receive('INVITE');
    sip.respond(200, [], 'v=0');
    expect(invite.statuses).toEqual([100, 200]);
    const at: number[] = [];
    for (let ms = 0, seen = 0; ms < 31_900; ms += 100) {
      sip.clock.advance(100);
      if (invite.repeats > seen) at.push(ms + 100);
      seen = invite.repeats;
    }
    expect(at).toEqual([500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    expect(sip.methodsSent).toEqual([]);
    sip.clock.advance(200);
    expect(sip.lastSent.request.headers.get('reason')).toBe('SIP;cause=200;text="ACK timeout"');
    expect(sip.app.last).toMatchObject({ transactionId: 'unsolicited', dialogId: id });
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, incoming: 0 });
    expect(sip.clock.waiting).toBe(0);
  });

  test('is not sent again after its ACK, which the application gets once, under the INVITE\'s transaction', () => {
    const invite = sip.receive('INVITE');
    const { transactionId } = sip.app.last;
    sip.respond(200, [], 'v=0');
    sip.ack(invite, 99);
    expect(sip.app.story).toEqual(['>INVITE', 'echo']);
    sip.ack(invite);
    sip.ack(invite);
    expect(sip.app.story).toEqual(['>INVITE', 'echo', '>ACK']);
    expect(sip.app.last).toMatchObject({ transactionId, dialogId: id });
    sip.clock.advance(60_000);
    expect(invite.repeats).toBe(-1);
    expect(sip.clock.waiting).toBe(0);
  });

  test('an ACK to the 2xx of a re-INVITE has a transaction id of its own', () => {
    const invite = sip.answered();
    const again = sip.inDialog(invite, 'INVITE', 2);
    const { transactionId } = sip.app.last;
    sip.respond(200, [], 'v=0');
    sip.ack(invite, 2);
    expect(again.statuses).toEqual([100, 200]);
    expect(sip.app.last.message.method).toBe('ACK');
    expect(sip.app.last.transactionId).not.toBe(transactionId);
    expect(sip.app.last.transactionId).not.toBe('');
  });

  test('a BYE of the application waits for the ACK, and takes the place of the engine\'s when none comes', () => {
    sip.receive('INVITE');
    sip.respond(200, [], 'v=0');
    expect(sip.requestInDialog(id, 'BYE', ['X-Mine: 1'])).toMatchObject({ reason: 'no answer yet' });
    expect(sip.methodsSent).toEqual([]);
    sip.clock.advance(32_000);
    expect(sip.methodsSent).toEqual(['BYE']);
    expect(sip.lastSent.request.headers.get('x-mine')).toBe('1');
    expect(sip.app.story.at(-1)).toBe('echo');
  });

  test('a BYE that waited finds the dialog gone when the caller was quicker', () => {
    const invite = sip.receive('INVITE');
    sip.respond(200, [], 'v=0');
    sip.requestInDialog(id, 'BYE');
    const bye = sip.inDialog(invite, 'BYE', 2);
    expect(sip.methodsSent).toEqual([]);
    expect(sip.app.story).toEqual(['>INVITE', 'echo', 'echo', '>BYE']);
    sip.respond(200);
    expect(bye.statuses).toEqual([200]);
  });
});

describe('a call that rings', () => {
  test('the last provisional is repeated every minute (RFC 3261 §13.3.1.1)', () => {
    const invite = sip.receive('INVITE');
    sip.respond(180);
    sip.clock.advance(64_000 + 60_000 + 60_000);
    expect(invite.statuses).toEqual([100, 180, 180, 180, 180]);
  });

  test('but not for ever: 480, and the application hears of it as of a CANCEL', () => {
    sip = new CoreUnderTest({ maxRingingMs: 100_000 });
    const invite = sip.receive('INVITE');
    sip.respond(180);
    sip.clock.advance(100_000);
    expect(invite.statuses).toEqual([100, 180, 180, 480]);
    expect(sip.app.last.message.method).toBe('CANCEL');
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, incoming: 0 });
    expect(sip.respond(200, [], 'v=0', sip.app.requests[0]!.transactionId)).toMatchObject({ ok: false, reason: 'Response not sent due to unknown transaction' });
  });

  test('nobody says anything: 500 after 64 seconds for INVITE, 30 for the others', () => {
    const invite = sip.receive('INVITE');
    const options = sip.receive('OPTIONS', { 'Call-ID': 'other' });
    sip.clock.advance(30_000);
    expect(options.statuses).toEqual([500]);
    sip.clock.advance(34_000);
    expect(invite.statuses).toEqual([100, 500]);
  });

  test('BYE in the early dialog ends the INVITE with 487 (RFC 3261 §15.1.2)', () => {
    const invite = sip.receive('INVITE');
    sip.respond(180);
    const bye = sip.inDialog(invite, 'BYE', 2);
    expect(invite.statuses).toEqual([100, 180, 487]);
    expect(sip.app.story).toEqual(['>INVITE', 'echo', '>CANCEL', '>BYE']);
    sip.respond(200);
    expect(bye.statuses).toEqual([200]);
    expect(sip.core.stats().dialogs).toBe(0);
  });

  test('CANCEL of a re-INVITE leaves the call', () => {
    const invite = sip.answered();
    const again = sip.inDialog(invite, 'INVITE', 2);
    sip.cancel(again);
    expect(again.statuses).toEqual([100, 487]);
    expect(sip.app.last.message.method).toBe('CANCEL');
    expect(sip.core.stats().dialogs).toBe(1);
  });
});

describe('reliable provisional responses (RFC 3262)', () => {
  const supported = { Supported: '100rel' };
  const prack = (invite: ReturnType<CoreUnderTest['receive']>, response: number, seq: number): ReturnType<CoreUnderTest['receive']> =>
    sip.inDialog(invite, 'PRACK', seq, { RAck: `${invite.responses[response]!.headers.get('rseq')} 1 INVITE` });

  test('a second one waits for the PRACK of the first', () => {
    const invite = sip.receive('INVITE', supported);
    sip.respond(183, ['Require: 100rel'], 'v=0');
    sip.respond(180, ['Require: 100rel']);
    expect(invite.statuses).toEqual([100, 183]);
    sip.clock.advance(500);
    expect(invite.statuses).toEqual([100, 183, 183]);
    prack(invite, 1, 2);
    expect(invite.statuses).toEqual([100, 183, 183, 180]);
    expect(Number(invite.responses[3]!.headers.get('rseq'))).toBe(Number(invite.responses[1]!.headers.get('rseq')) + 1);
  });

  test('a 2xx waits while one with SDP has no PRACK', () => {
    const invite = sip.receive('INVITE', supported);
    sip.respond(183, ['Require: 100rel'], 'v=0');
    const outcome = sip.respond(200, [], 'v=0', sip.app.requests[0]!.transactionId);
    expect(outcome).toMatchObject({ ok: true, dialogId: id });
    expect(invite.statuses).toEqual([100, 183]);
    prack(invite, 1, 2);
    expect(invite.statuses).toEqual([100, 183, 200]);
    sip.ack(invite);
    expect(sip.app.story.slice(-1)).toEqual(['>ACK']);
    expect(sip.app.story).toContain('>PRACK');
  });

  test('a CANCEL while it waits ends the dialog the application believes in', () => {
    const invite = sip.receive('INVITE', supported);
    sip.respond(183, ['Require: 100rel'], 'v=0');
    sip.respond(200, [], 'v=0');
    sip.cancel(invite);
    expect(invite.statuses).toEqual([100, 183, 487]);
    expect(sip.app.last).toMatchObject({ transactionId: 'unsolicited', dialogId: id });
    expect(sip.methodsSent).toEqual([]);
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, incoming: 0 });
    expect(sip.clock.waiting).toBe(0);
  });

  test('without PRACK: sent again with doubling intervals, then 504', () => {
    const invite = sip.receive('INVITE', supported);
    sip.respond(183, ['Require: 100rel']);
    sip.clock.advance(31_999);
    expect(invite.statuses.filter((status) => status === 183)).toHaveLength(7);
    sip.clock.advance(1);
    expect(invite.statuses.at(-1)).toBe(504);
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, incoming: 0 });
  });

  test('a PRACK for nothing is 481', () => {
    const invite = sip.receive('INVITE', supported);
    sip.respond(180);
    expect(sip.inDialog(invite, 'PRACK', 2, { RAck: '1 1 INVITE' }).statuses).toEqual([481]);
  });
});

describe('responses', () => {
  test('To tag, Contact, Record-Route, Content-Type as the kind of response wants them', () => {
    const invite = sip.receive('INVITE', { 'Record-Route': '<sip:proxy.example.com;lr>' });
    sip.respond(180);
    sip.respond(200, ['X-Own: 1'], 'v=0');
    const [trying, ringing, ok] = invite.responses;
    expect(trying!.toTag).toBeUndefined();
    expect(trying!.headers.has('contact')).toBe(false);
    for (const response of [ringing!, ok!]) {
      expect(response.toTag).toBe('ourtag');
      expect(response.headers.get('contact')).toBe('<sip:192.0.2.1:5060>');
      expect(response.headers.get('record-route')).toBe('<sip:proxy.example.com;lr>');
    }
    expect(ok!.headers.get('content-type')).toBe('application/sdp');
    expect(ok!.headers.get('x-own')).toBe('1');
  });

  test.each([
    ['INVITE', 486, false],
    ['INVITE', 302, false],
    ['REGISTER', 200, false],
    ['OPTIONS', 200, false],
    ['SUBSCRIBE', 202, true],
    ['SUBSCRIBE', 489, false],
  ])('%s %i: Contact %s', (method, status, expected) => {
    const transaction = sip.receive(method);
    sip.respond(status);
    expect(transaction.responses.at(-1)!.headers.has('contact')).toBe(expected);
  });

  test('TCP is named in the Contact', () => {
    const invite = sip.receive('INVITE', {}, { flow: new FakeFlow('tcp', '198.51.100.7', 40_000) });
    sip.respond(200, [], 'v=0');
    expect(invite.responses.at(-1)!.headers.get('contact')).toBe('<sip:192.0.2.1:5060;transport=tcp>');
  });

  test('only the owner may answer, once', () => {
    const options = sip.receive('OPTIONS');
    const { transactionId } = sip.app.last;
    const other = new FakeApp('other');
    let refused = '';
    sip.core.respond(other, transactionId, { kind: 'response', status: 200, reason: '', headers: sip.makeRequest('OPTIONS').headers, body: Buffer.alloc(0) }, (outcome) => {
      refused = outcome.ok ? '' : outcome.reason;
    });
    expect(refused).toMatch(/unknown transaction/);
    expect(sip.respond(200)).toMatchObject({ ok: true });
    expect(sip.respond(200, [], '', transactionId)).toMatchObject({ ok: false });
    expect(options.statuses).toEqual([200]);
  });

  test.each([
    ['no Contact of its own, Expires', ['Expires: 60'], [['alice@198.51.100.7', 60_000]]],
    ['the client\'s Contact among others', ['Contact: <sip:alice@203.0.113.1>;expires=10, <sip:alice@198.51.100.7:5062>;expires=70'], [['alice@198.51.100.7', 70_000]]],
    ['nothing granted', [], [['alice@198.51.100.7', 0]]],
  ])('a stream client\'s registration is remembered for as long as it is granted: %s', (_case, lines, expected) => {
    sip.receive('REGISTER', {}, { flow: new FakeFlow('tcp', '198.51.100.7', 40_000) });
    sip.respond(200, lines);
    expect(sip.remembered).toEqual(expected);
    sip.receive('REGISTER', {});
    sip.respond(200, ['Expires: 60']);
    expect(sip.remembered).toEqual(expected);
  });

  test('a refused registration is not remembered', () => {
    sip.receive('REGISTER', {}, { flow: new FakeFlow('tcp', '198.51.100.7', 40_000) });
    sip.respond(401, ['Expires: 60']);
    expect(sip.remembered).toEqual([]);
  });
});

describe('limits and refusals', () => {
  test('over maxDialogs a call gets 503 with Retry-After, other requests pass', () => {
    sip = new CoreUnderTest({ maxDialogs: 1, retryAfterSeconds: 7 });
    sip.answered();
    const invite = sip.receive('INVITE', { 'Call-ID': 'call2' });
    expect(invite.statuses).toEqual([100, 503]);
    expect(invite.responses.at(-1)!.headers.get('retry-after')).toBe('7');
    expect(sip.request('INVITE', 'sip:x@198.51.100.9')).toMatchObject({ ok: false, reason: 'over 1 dialogs' });
    expect(sip.receive('OPTIONS').statuses).toEqual([]);
    expect(sip.core.stats().counters.overload).toBe(1);
  });

  test('over maxPendingRequests nothing new waits', () => {
    sip = new CoreUnderTest({ maxPendingRequests: 1 });
    sip.receive('OPTIONS');
    expect(sip.receive('OPTIONS', { 'Call-ID': 'second' }).statuses).toEqual([503]);
    expect(sip.request('OPTIONS', 'sip:x@198.51.100.9')).toMatchObject({ ok: true });
    expect(sip.request('OPTIONS', 'sip:x@198.51.100.9')).toMatchObject({ ok: false });
  });

  test.each([
    ['a bar in the Call-ID', { 'Call-ID': 'a|b' }, 400],
    ['no From tag', { From: '<sip:alice@example.com>' }, 400],
    ['no Contact', { Contact: undefined }, 400],
    ['a Contact that is no SIP URI', { Contact: '<tel:+4930>' }, 400],
    ['a Record-Route that is none', { 'Record-Route': '<nonsense>' }, 400],
  ])('INVITE with %s is refused', (_case, lines, status) => {
    expect(sip.receive('INVITE', lines).statuses.at(-1)).toBe(status);
    expect(sip.app.requests).toHaveLength(0);
  });

  test('a request nobody registered for', () => {
    sip.router = undefined;
    expect(sip.receive('INVITE').statuses).toEqual([100, 503]);
    expect(sip.receive('MESSAGE').statuses).toEqual([503]);
    expect(sip.receive('FROBNICATE').statuses).toEqual([501]);
  });

  test('REGISTER and PUBLISH are outside dialogs whatever their To says', () => {
    sip.receive('REGISTER', { To: '<sip:bob@example.com>;tag=old' });
    expect(sip.app.last.dialogId).toBe('');
  });

  test('an early offer below the minimum interval is refused where the caller can understand it', () => {
    expect(sip.receive('INVITE', { Supported: 'timer', 'Session-Expires': '89' }).statuses).toEqual([100, 422]);
    sip.receive('INVITE', { 'Session-Expires': '89;refresher=uac', 'Call-ID': 'call2' });
    const outcome = sip.respond(200, [], 'v=0');
    expect(outcome.ok && outcome.message.headers.get('session-expires')).toBe('90;refresher=uac');
  });
});

describe('an application that goes away', () => {
  test('what it owed is answered, its dialogs are gone, its clocks stop', () => {
    const call = sip.answered({ Supported: 'timer', 'Session-Expires': '90' });
    const ringing = sip.receive('INVITE', { 'Call-ID': 'call2' });
    const options = sip.receive('OPTIONS', { 'Call-ID': 'call3' });
    sip.core.appLost(sip.app);
    sip.core.appLost(sip.app);
    expect([ringing.statuses, options.statuses]).toEqual([[100, 503], [503]]);
    expect(sip.inDialog(call, 'INFO', 2).statuses).toEqual([481]);
    expect(sip.inDialog(call, 'BYE', 3).statuses).toEqual([481]);
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, incoming: 0, outgoing: 0 });
    expect(sip.clock.waiting).toBe(0);
  });

  test('close() answers what is open and stops every clock', () => {
    sip.answered();
    const invite = sip.receive('INVITE', { 'Call-ID': 'call2' });
    sip.core.close();
    expect(invite.statuses).toEqual([100, 503]);
    expect(sip.clock.waiting).toBe(0);
  });
});

test.each([
  [{ Contact: '*', Expires: '0' }, undefined],
  [{ Contact: '*', Expires: '60' }, 400],
  [{ Contact: '*' }, 400],
  [{ Contact: '*, <sip:alice@192.0.2.7>', Expires: '0' }, 400],
  [{ Contact: '<alice@192.0.2.7>' }, 400],
  [{ Contact: '<sip:alice@192.0.2.7>, <tel:+15550100>' }, undefined],
  [{ Contact: undefined }, undefined],
])('REGISTER with %j: %s before anybody is asked (RFC 3261 §10.3)', (lines, status) => {
  const core = new CoreUnderTest();
  const register = core.receive('REGISTER', lines);
  expect(register.statuses).toEqual(status === undefined ? [] : [status]);
  expect(core.app.requests).toHaveLength(status === undefined ? 1 : 0);
});
