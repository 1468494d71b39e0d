/** The client side of the core: requests out, responses in, and where they go. */
import type { Flow } from '../../../../signaling/engine/transport/types';
import { SipParseError } from '../../../../signaling/engine/wire/errors';
import { CoreUnderTest, FakeFlow, unreachable } from './fakes';

let sip: CoreUnderTest;

beforeEach(() => {
  sip = new CoreUnderTest();
});

const uri = 'sip:bob@198.51.100.9';
const contact = 'Contact: <sip:bob@198.51.100.9:5070>';
const own = (): string => `${sip.transactions.sent[0]!.request.callId};from-tag=${sip.transactions.sent[0]!.request.fromTag}`;

/** A call of ours that was answered and acknowledged. */
function call(lines: string[] = [contact], inviteLines: string[] = []): string {
  sip.request('INVITE', uri, inviteLines, 'v=0\r\nours');
  sip.lastSent.answer(200, { lines, body: 'v=0\r\ntheirs' });
  sip.requestInDialog(own(), 'ACK');
  return own();
}

describe('requests outside dialogs', () => {
  test('the echo comes before every response, 100 is not delivered, a final one ends it', () => {
    expect(sip.request('INVITE', uri, [], 'v=0')).toMatchObject({ ok: true, expectsMore: true, envelope: { source: 'application', protocol: 'udp', address: '192.0.2.1', port: 5060 } });
    sip.lastSent.answer(100);
    sip.lastSent.answer(180);
    sip.lastSent.answer(180);
    sip.lastSent.answer(486);
    expect(sip.app.story).toEqual(['echo', '180', '180', '486']);
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, outgoing: 0 });
  });

  test('responses to INVITE and SUBSCRIBE carry the dialog, to others none', () => {
    sip.request('MESSAGE', uri, ['Content-Type: text/plain'], 'hi');
    sip.lastSent.answer(200);
    expect(sip.app.responses[0]).toMatchObject({ dialogId: '', envelope: { source: 'network', address: '198.51.100.9', port: 5060 } });
    sip.request('SUBSCRIBE', uri, ['Event: presence']);
    sip.lastSent.answer(489);
    const { request } = sip.lastSent;
    expect(sip.app.responses[1]!.dialogId).toBe(`${request.callId};from-tag=${request.fromTag}`);
  });

  test('what was not said is filled in, in a form that can be sent', () => {
    sip.request('INVITE', uri, [], 'v=0');
    const { headers } = sip.lastSent.request;
    expect(headers.get('from')).toMatch(/^<sip:192\.0\.2\.1:5060>;tag=[0-9a-f]{16}$/);
    expect(headers.get('to')).toBe(`<${uri}>`);
    expect(headers.get('contact')).toBe('<sip:192.0.2.1:5060>');
    expect(headers.get('max-forwards')).toBe('70');
    expect(headers.get('call-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.get('cseq')).toMatch(/^\d+ INVITE$/);
    expect(headers.get('content-type')).toBe('application/sdp');
  });

  test.each([
    ['a From that is none', ['From: "x'], 'invalid from value provided by client'],
    ['a Call-ID that would tear frames apart', ['Call-ID: a|b'], 'invalid call-id'],
  ])('%s is refused', (_case, lines, reason) => {
    expect(sip.request('OPTIONS', uri, lines)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) as string });
  });

  test.each([
    ['ACK', 'needs a dialog'],
    ['CANCEL', 'needs a dialog'],
  ])('%s cannot be sent outside a dialog', (method, reason) => {
    expect(sip.request(method, uri)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) as string });
  });

  test('no way to the next hop: the echo, then 503 made here', async () => {
    sip.flowTo = unreachable;
    sip.request('INVITE', uri, [], 'v=0');
    await Promise.resolve();
    await Promise.resolve();
    expect(sip.app.story).toEqual(['echo', '503']);
    expect(sip.app.responses[0]!.envelope).toEqual({ source: 'network', bytes: 0, protocol: 'udp', address: '', port: 0 });
    expect(sip.app.responses[0]!.message.toTag).toBeDefined();
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, outgoing: 0 });
  });

  test('time-outs and transport errors become 408 and 503; a cancelled INVITE 487', () => {
    sip.request('OPTIONS', uri);
    sip.lastSent.handlers.onTimeout();
    sip.request('OPTIONS', uri);
    sip.lastSent.handlers.onTransportError(Object.assign(new Error('x'), { code: 'x' }) as never);
    const outcome = sip.request('INVITE', uri, [], 'v=0');
    if (!outcome.ok) throw new Error(outcome.reason);
    let echoed = '';
    sip.core.cancel(sip.app, outcome.transactionId, { kind: 'request', method: 'CANCEL', uri, headers: sip.makeRequest('CANCEL', { Reason: 'SIP;cause=200' }).headers, body: Buffer.alloc(0) }, (sent) => {
      echoed = sent.ok ? `${(sent.message as { method?: string }).method} ${sent.message.headers.get('reason')} ${sent.message.headers.getAll('contact').length}` : sent.reason;
    });
    expect(echoed).toBe('CANCEL SIP;cause=200 0');
    expect(sip.lastSent.cancelled).toBe(true);
    sip.lastSent.handlers.onTimeout();
    expect(sip.app.responses.map((response) => response.message.status)).toEqual([408, 503, 487]);
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, outgoing: 0 });
  });
});

describe('nothing is held for ever', () => {
  test('what cannot be put into bytes leaves nothing behind', () => {
    const broken = sip.transactions.request.bind(sip.transactions);
    sip.transactions.request = () => {
      throw new SipParseError('uri', 'The URI cannot be written.');
    };
    expect(sip.request('INVITE', uri, [], 'v=0')).toMatchObject({ ok: false, reason: 'The URI cannot be written.' });
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, outgoing: 0 });
    sip.transactions.request = broken;
  });

  test('a 2xx that the application does not acknowledge in 64*T1 is acknowledged and ended, and the application is told', () => {
    sip.request('INVITE', uri, [], 'v=0');
    sip.lastSent.answer(202, { lines: [contact] });
    sip.clock.advance(31_900);
    expect(sip.core.stats().dialogs).toBe(1);
    sip.clock.advance(200);
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, counters: { unacknowledgedByApplication: 1 } });
    expect(sip.transactions.direct.map(({ request }) => request.method)).toEqual(['ACK']);
    expect(sip.lastSent.request.method).toBe('BYE');
    expect(sip.app.story.at(-1)).toBe('>BYE');
  });

  test('one that is acknowledged stays', () => {
    call();
    sip.clock.advance(40_000);
    expect(sip.core.stats().dialogs).toBe(1);
  });

  test('a BYE that is challenged can be sent again; without that the call is over after 64*T1', () => {
    const id = call();
    sip.requestInDialog(id, 'BYE');
    sip.lastSent.answer(407);
    expect(sip.core.stats().dialogs).toBe(1);
    expect(sip.requestInDialog(id, 'BYE')).toMatchObject({ ok: true });
    sip.lastSent.answer(401);
    sip.clock.advance(32_100);
    expect(sip.core.stats().dialogs).toBe(0);
  });
});

describe('where a request goes', () => {
  const tcp = new FakeFlow('tcp', '203.0.113.4', 40_000);

  test.each([
    ['the Request-URI', uri, '', { host: '198.51.100.9' }],
    ['its port and transport', 'sip:bob@198.51.100.9:5080;transport=tcp', '', { host: '198.51.100.9', port: 5080, protocol: 'tcp' }],
    ['its maddr', 'sip:bob@example.com;maddr=198.51.100.8', '', { host: '198.51.100.8' }],
    ['IPv6', 'sip:[2001:db8::9]:5090', '', { host: '2001:db8::9', port: 5090 }],
    ['what the application says', 'tel:+4930', 'sip:198.51.100.7:5099;transport=udp', { host: '198.51.100.7', port: 5099, protocol: 'udp' }],
  ])('%s', (_case, to, routeUrl, target) => {
    expect(sip.request('OPTIONS', to, [], '', routeUrl)).toMatchObject({ ok: true });
    expect(sip.targets).toEqual([target]);
  });

  test.each([
    ['itself', 'sip:bob@192.0.2.1', '', 'can not send request to myself'],
    ['itself as next hop', uri, 'sip:192.0.2.1:5060', 'can not send request to myself'],
    ['a transport it has not', 'sip:bob@h;transport=sctp', '', 'not available'],
    ['sips', 'sips:bob@198.51.100.9', '', 'not available'],
    ['a telephone number', 'tel:+4930', '', 'invalid request-uri'],
    ['nonsense', 'bob', '', 'invalid request-uri'],
  ])('not to %s', (_case, to, routeUrl, reason) => {
    expect(sip.request('OPTIONS', to, [], '', routeUrl)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) as string });
  });

  test('a registered stream client is reached over its connection, unless the application says otherwise', () => {
    sip.registered.set('bob@198.51.100.9', { flow: tcp });
    sip.request('INVITE', `${uri}:1234;transport=ws`, [], 'v=0');
    expect(sip.lastSent.flow).toBe(tcp);
    expect(sip.lastSent.request.headers.get('contact')).toBe('<sip:192.0.2.1:5060;transport=tcp>');
    sip.request('INVITE', uri, [], 'v=0', 'sip:198.51.100.7');
    expect(sip.lastSent.flow).not.toBe(tcp);
  });

  test('a registered client whose connection is gone: 410', async () => {
    sip.registered.set('bob@198.51.100.9', 'gone');
    sip.request('OPTIONS', uri);
    await Promise.resolve();
    await Promise.resolve();
    expect(sip.app.story).toEqual(['echo', '410']);
  });

  test('in a call over a stream: its connection, then the one it registered over since', () => {
    const flow = new FakeFlow('tcp', '203.0.113.4', 40_000);
    const invite = sip.answered({ Contact: '<sip:alice@10.0.0.5:5062;transport=tcp>' }, [], { flow });
    sip.requestInDialog(CoreUnderTest.dialogId, 'INFO');
    expect(sip.lastSent.flow).toBe(flow);
    // Anybody can register anything as Contact: from another address only when our connection is gone.
    const other = new FakeFlow('tcp', '203.0.113.99', 1);
    sip.registered.set('alice@10.0.0.5', { flow: other });
    sip.requestInDialog(CoreUnderTest.dialogId, 'INFO');
    expect(sip.lastSent.flow).toBe(flow);
    const newer = new FakeFlow('tcp', '203.0.113.4', 41_000);
    sip.registered.set('alice@10.0.0.5', { flow: newer });
    sip.requestInDialog(CoreUnderTest.dialogId, 'INFO');
    expect(sip.lastSent.flow).toBe(newer);
    flow.open = false;
    sip.registered.set('alice@10.0.0.5', { flow: other });
    sip.requestInDialog(CoreUnderTest.dialogId, 'INFO');
    expect(sip.lastSent.flow).toBe(other);
    expect(invite.statuses).toEqual([100, 200]);
  });

  test.each([
    ['Contact is where it called from', '<sip:alice@198.51.100.7:5062>', false],
    ['Contact names no port', '<sip:alice@198.51.100.7>', false],
    ['another port', '<sip:alice@198.51.100.7:5999>', true],
    ['another address', '<sip:alice@10.0.0.5:5062>', true],
    ['a name', '<sip:alice@phone.example.com>', true],
  ])('to a caller over UDP, %s', (_case, value, back) => {
    const flow = new FakeFlow('udp', '198.51.100.7', 5062);
    sip.answered({ Contact: value }, [], { flow });
    sip.requestInDialog(CoreUnderTest.dialogId, 'INFO');
    expect(sip.lastSent.flow === flow).toBe(back);
    expect(`<${sip.lastSent.request.uri}>`).toBe(value);
  });

  test('with a route set: its first URI', () => {
    sip.answered({ 'Record-Route': '<sip:edge.example.com:5070;transport=tcp;lr>, <sip:core.example.com;lr>', Contact: '<sip:alice@10.0.0.5>' });
    sip.requestInDialog(CoreUnderTest.dialogId, 'INFO');
    expect(sip.targets).toEqual([{ host: 'edge.example.com', port: 5070, protocol: 'tcp' }]);
    expect(sip.lastSent.request.uri).toBe('sip:alice@10.0.0.5');
    expect(sip.lastSent.request.headers.getAll('route')).toEqual(['<sip:edge.example.com:5070;transport=tcp;lr>', '<sip:core.example.com;lr>']);
  });

  test('requests leave in the order of their CSeq while a connection is dialled', async () => {
    const dialogId = call([`Contact: <sip:bob@198.51.100.9;transport=tcp>`]);
    let dialled: (flow: Flow) => void = () => undefined;
    sip.flowTo = () => new Promise((resolve) => (dialled = resolve));
    sip.requestInDialog(dialogId, 'INFO');
    sip.requestInDialog(dialogId, 'BYE');
    expect(sip.methodsSent).toEqual(['INVITE']);
    dialled(new FakeFlow('tcp', '198.51.100.9', 5060));
    sip.flowTo = (target) => new FakeFlow('tcp', target.host, target.port ?? 5060);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(sip.methodsSent).toEqual(['INVITE', 'INFO', 'BYE']);
    const [, info, bye] = sip.transactions.sent;
    expect(bye!.request.cseq.seq).toBe(info!.request.cseq.seq + 1);
  });
});

describe('an answered INVITE', () => {
  test('the ACK goes to the Contact with the INVITE\'s number and the application\'s body', () => {
    sip.request('INVITE', uri);
    sip.lastSent.answer(200, { lines: [contact], body: 'v=0' });
    expect(sip.app.responses[0]).toMatchObject({ makesDialog: true, dialogId: own() });
    expect(sip.requestInDialog(own(), 'ACK', ['X-A: 1'], 'v=0\r\nanswer')).toMatchObject({ ok: true, expectsMore: false });
    const [ack] = sip.transactions.direct;
    expect(ack!.request).toMatchObject({ method: 'ACK', uri: 'sip:bob@198.51.100.9:5070' });
    expect(ack!.request.cseq.seq).toBe(sip.lastSent.request.cseq.seq);
    expect(ack!.request.headers.get('content-type')).toBe('application/sdp');
    expect(ack!.request.headers.get('x-a')).toBe('1');
  });

  test('a repeated 2xx: nothing before the application\'s ACK, the same ACK after, also from outside the transaction', () => {
    sip.request('INVITE', uri, [], 'v=0');
    const invite = sip.lastSent;
    invite.answer(200, { lines: [contact] });
    invite.answer(200, { lines: [contact], again: true });
    expect(sip.transactions.direct).toHaveLength(0);
    sip.requestInDialog(own(), 'ACK');
    const flow = sip.transactions.direct[0]!.flow;
    invite.answer(200, { lines: [contact], again: true });
    expect(flow.sent).toHaveLength(1);
    expect(sip.transactions.direct).toHaveLength(1);
    expect(sip.app.story).toEqual(['echo', '200', 'echo']);
    expect(sip.core.stats().counters.acksRepeated).toBe(1);
  });

  test('an ACK for a failure, a second ACK and one for nothing are refused with any NOK', () => {
    sip.request('INVITE', uri, [], 'v=0');
    sip.lastSent.answer(486);
    expect(sip.requestInDialog(own(), 'ACK')).toMatchObject({ ok: false, reason: expect.stringContaining('automatically generated') as string });
    sip = new CoreUnderTest();
    call();
    expect(sip.requestInDialog(own(), 'ACK')).toMatchObject({ ok: false });
    expect(sip.transactions.direct).toHaveLength(1);
  });

  test('every further branch of a fork is acknowledged and ended, once; the first call stands', () => {
    sip.request('INVITE', uri, [], 'v=0');
    const invite = sip.lastSent;
    invite.answer(200, { lines: [contact], tag: 'one' });
    invite.answer(200, { lines: ['Contact: <sip:other@198.51.100.10>'], tag: 'two', again: true });
    invite.answer(200, { lines: ['Contact: <sip:other@198.51.100.10>'], tag: 'two', again: true });
    expect(sip.transactions.direct.map(({ request }) => [request.method, request.uri, request.toTag])).toEqual([['ACK', 'sip:other@198.51.100.10', 'two']]);
    expect(sip.methodsSent).toEqual(['INVITE', 'BYE']);
    expect(sip.lastSent.request.toTag).toBe('two');
    expect(sip.app.story).toEqual(['echo', '200']);
    expect(sip.core.stats()).toMatchObject({ dialogs: 1, counters: { forkedAnswers: 1 } });
    for (let i = 0; i < 100; i++) invite.answer(200, { lines: [contact], tag: `t${i}`, again: true });
    expect(sip.core.stats().counters.forkedAnswers).toBe(16);
  });

  test('a 2xx for an application that is gone is acknowledged and ended', () => {
    sip.request('INVITE', uri, [], 'v=0');
    const invite = sip.lastSent;
    sip.core.appLost(sip.app);
    expect(invite.cancelled).toBe(true);
    invite.answer(200, { lines: [contact] });
    expect(sip.transactions.direct).toHaveLength(1);
    expect(sip.methodsSent).toEqual(['INVITE', 'BYE']);
    expect(sip.core.stats()).toMatchObject({ dialogs: 0, outgoing: 0 });
    expect(sip.app.story).toEqual(['echo']);
  });

  test('a SUBSCRIBE answered for nobody leaves no dialog', () => {
    sip.request('SUBSCRIBE', uri, ['Event: presence']);
    sip.core.appLost(sip.app);
    sip.lastSent.answer(200, { lines: [contact] });
    expect(sip.core.stats().dialogs).toBe(0);
    expect(sip.clock.waiting).toBe(0);
  });

  test('reliable provisionals: repeated and out of order ones are dropped (RFC 3262 §4)', () => {
    sip.request('INVITE', uri, [], 'v=0');
    for (const rseq of [10, 10, 12, 11, 12]) sip.lastSent.answer(183, { lines: ['Require: 100rel', `RSeq: ${rseq}`, contact] });
    expect(sip.app.responses.map((response) => response.message.headers.get('rseq'))).toEqual(['10', '11', '12']);
    expect(sip.requestInDialog(own(), 'PRACK', ['RAck: 10 1 INVITE'])).toMatchObject({ ok: true });
    expect(sip.lastSent.request).toMatchObject({ method: 'PRACK', uri: 'sip:bob@198.51.100.9:5070' });
    expect(sip.lastSent.request.toTag).toBe('theirs');
  });

  test('nothing can be sent in a dialog whose other end is not known', () => {
    sip.request('INVITE', uri, [], 'v=0');
    expect(sip.requestInDialog(own(), 'PRACK')).toMatchObject({ ok: false, reason: expect.stringContaining('unable to find route') as string });
  });
});

describe('requests in dialogs', () => {
  test('BYE while our re-INVITE is open gives that up first; the dialog ends with the answer', () => {
    const dialogId = call();
    sip.requestInDialog(dialogId, 'INVITE', [], 'v=0');
    const again = sip.lastSent;
    sip.requestInDialog(dialogId, 'BYE');
    expect(again.cancelled).toBe(true);
    expect(sip.core.stats().dialogs).toBe(1);
    sip.lastSent.answer(200);
    expect(sip.core.stats().dialogs).toBe(0);
  });

  test.each([
    [401, 1],
    [407, 1],
    [200, 0],
    [481, 0],
    [500, 0],
  ])('BYE answered %i: %i dialogs left', (status, left) => {
    sip.requestInDialog(call(), 'BYE');
    sip.lastSent.answer(status);
    expect(sip.core.stats().dialogs).toBe(left);
  });

  test('credentials are sent again in the dialog, to where it goes, whatever next hop drachtio-srf names', () => {
    const flow = new FakeFlow('tcp', '198.51.100.7', 40_000);
    sip.answered({ Contact: '<sip:alice@10.0.0.5;transport=tcp>' }, [], { flow });
    sip.flowTo = (target) => (target.protocol === undefined ? flow : new FakeFlow('udp', 'wrong', 1));
    sip.requestInDialog(CoreUnderTest.dialogId, 'INFO', ['CSeq: 999 INFO', 'call-id: nonsense', 'From: <sip:x@y>', 'Authorization: Digest a="b"'], '', 'sip:198.51.100.7:40000');
    expect(sip.lastSent.flow).toBe(flow);
    expect(sip.lastSent.request.callId).toBe('call1');
    expect(sip.lastSent.request.cseq.seq).not.toBe(999);
    expect(sip.lastSent.request.headers.get('authorization')).toBe('Digest a="b"');
  });

  test('a body of unknown type is refused', () => {
    expect(sip.requestInDialog(call(), 'INFO', [], 'what')).toMatchObject({ ok: false, reason: 'Server error: missing content-type' });
  });

  test('a target refresh moves the target; a request that is refused does not', () => {
    const invite = sip.answered();
    sip.inDialog(invite, 'UPDATE', 2, { Contact: '<sip:alice@198.51.100.7:5999>' }, { flow: new FakeFlow('udp', '198.51.100.7', 5999) });
    sip.respond(200);
    sip.requestInDialog(CoreUnderTest.dialogId, 'INFO');
    expect(sip.lastSent.request.uri).toBe('sip:alice@198.51.100.7:5999');
    sip.inDialog(invite, 'INVITE', 3, { Contact: '<sip:alice@elsewhere.example.com>' });
    sip.respond(488);
    sip.requestInDialog(CoreUnderTest.dialogId, 'INFO');
    expect(sip.lastSent.request.uri).toBe('sip:alice@198.51.100.7:5999');
  });
});
