/** Calls that stay with the proxy: Record-Route when they are set up, and what comes through later (RFC 3261 §16.4, §16.6, §16.11). */
import { TransportError } from '../../../../signaling/engine/transport/types';
import { SipRequest } from '../../../../signaling/engine/wire/message';
import type { SipResponse } from '../../../../signaling/engine/wire/message';
import { parseNameAddr } from '../../../../signaling/engine/wire/name-addr';
import { parseUri } from '../../../../signaling/engine/wire/uri';
import { ProxyBench, settled, type Party } from './bench';

let sip: ProxyBench;
let callee: Party;

beforeEach(() => {
  sip = new ProxyBench();
  callee = sip.party(6001);
});

afterEach(() => sip.expectNothingLeft());

/** A call of alice to bob that was answered; what both then write into Route. */
function call(lines: Record<string, string> = {}, options: { target?: Party; from?: Party } = {}): { routes: { caller: string[]; callee: string[] }; invite: SipRequest; answer: SipResponse } {
  const { target = callee, from = sip.caller } = options;
  const invite = sip.request('INVITE', { ...(from.protocol === 'tcp' ? { Via: 'SIP/2.0/TCP 198.51.100.7:5062;branch=z9hG4bKtcp' } : {}), ...lines });
  sip.proxied(invite, [`sip:bob@198.51.100.9:6001${target.protocol === 'tcp' ? ';transport=tcp' : ''}`], { remain: true }, from);
  const received = target.lastRequest.headers.getList('record-route');
  target.answer(200, { lines: [['Contact', '<sip:bob@198.51.100.9:6001>']] });
  const answer = from.lastResponse;
  return { routes: { callee: received, caller: answer.headers.getList('record-route').reverse() }, invite, answer };
}

/** A request within the call: from alice, unless told otherwise. */
function within(method: string, seq: number, routes: string[], side: 'caller' | 'callee' = 'caller', lines: Record<string, string> = {}, uri?: string): SipRequest {
  const [from, to, contact, via] =
    side === 'caller'
      ? ['<sip:alice@example.com>;tag=alice1', '<sip:bob@example.com>;tag=tag6001', 'sip:bob@198.51.100.9:6001', '198.51.100.7:5062']
      : ['<sip:bob@example.com>;tag=tag6001', '<sip:alice@example.com>;tag=alice1', 'sip:alice@198.51.100.7:5062', '198.51.100.9:6001'];
  return sip.request(method, { Via: `SIP/2.0/UDP ${via};branch=z9hG4bK${side}${method}${seq}`, From: from, To: to, CSeq: `${seq} ${method}`, Route: routes.join(', '), ...lines }, { uri: uri ?? contact });
}

test('one entry, topmost, with the address both sides see', () => {
  const { routes } = call({ 'Record-Route': '<sip:earlier.example.com;lr>' });
  expect(routes.callee).toEqual([expect.stringMatching(/^<sip:192\.0\.2\.1:5060;lr;ticket=[\w-]{12}>$/), '<sip:earlier.example.com;lr>']);
  expect(routes.caller).toEqual([...routes.callee].reverse());
});

test('without remaining in the call there is none', () => {
  sip.proxied(sip.request('INVITE'), [6001]);
  expect(callee.lastRequest.headers.has('record-route')).toBe(false);
  callee.answer(200);
});

test('ACK, re-INVITE and BYE from the caller go through, and no application is asked', () => {
  const { routes } = call();
  sip.caller.say(within('ACK', 1, routes.caller));
  const ack = callee.lastRequest;
  expect(ack.method).toBe('ACK');
  expect(ack.uri).toBe('sip:bob@198.51.100.9:6001');
  expect(ack.headers.has('route')).toBe(false);
  expect(ack.headers.get('max-forwards')).toBe('69');
  expect(ack.headers.getAll('via')).toHaveLength(2);

  sip.caller.say(within('INVITE', 2, routes.caller));
  expect(sip.caller.lastResponse.status).toBe(100);
  expect(callee.lastRequest.headers.has('record-route')).toBe(false);
  callee.answer(180);
  callee.answer(200);
  expect(sip.caller.responses.map(({ status }) => status)).toEqual([100, 200, 100, 180, 200]);

  sip.caller.say(within('BYE', 3, routes.caller));
  callee.answer(200);
  expect(sip.caller.lastResponse.cseq).toEqual({ seq: 3, method: 'BYE' });
  expect(sip.caller.lastResponse.headers.getAll('via')).toHaveLength(1);
  expect(sip.app.requests).toHaveLength(1);
  expect(sip.records.slice(-2)).toMatchObject([
    { event: 'stop', source: 'network', reason: 'normal-release' },
    { event: 'stop', source: 'application', reason: 'normal-release' },
  ]);
  expect(sip.records.at(-1)!.message.headers.getAll('via')).toHaveLength(2);
});

test('and from the called side', () => {
  const { routes } = call();
  callee.say(within('INVITE', 101, routes.callee, 'callee'));
  expect(sip.caller.lastRequest.uri).toBe('sip:alice@198.51.100.7:5062');
  sip.caller.answer(200);
  expect(callee.finals).toEqual([200]);
  callee.say(within('ACK', 101, routes.callee, 'callee'));
  expect(sip.caller.lastRequest.method).toBe('ACK');
  callee.say(within('BYE', 102, routes.callee, 'callee'));
  sip.caller.answer(200);
  expect(callee.finals).toEqual([200, 200]);
});

test('a request in the early dialog: PRACK, numbers untouched', () => {
  sip.proxied(sip.request('INVITE', { Supported: '100rel' }), [6001], { remain: true });
  callee.answer(183, { lines: [['Require', '100rel'], ['RSeq', '4711'], ['Contact', '<sip:bob@198.51.100.9:6001>']] });
  const ringing = sip.caller.lastResponse;
  expect(ringing.headers.get('rseq')).toBe('4711');
  sip.caller.say(within('PRACK', 2, ringing.headers.getList('record-route'), 'caller', { RAck: '4711 1 INVITE' }));
  expect(callee.lastRequest.headers.get('rack')).toBe('4711 1 INVITE');
  callee.answer(200);
  callee.answer(200, { to: callee.requests[0]! });
  expect(sip.caller.finals).toEqual([200, 200]);
});

test('the other entries of the route set are obeyed', () => {
  const { routes } = call();
  sip.caller.say(within('INFO', 2, [...routes.caller, '<sip:198.51.100.9:6077;lr>', '<sip:last.example.com;lr>']));
  expect(callee.whats).toEqual(['INVITE']);
  const next = sip.party(6077);
  expect(next.lastRequest.headers.get('route')).toBe('<sip:198.51.100.9:6077;lr>, <sip:last.example.com;lr>');
  next.answer(200);
});

test('a strict router after us finds itself in the Request-URI', () => {
  const { routes } = call();
  sip.caller.say(within('INFO', 2, [...routes.caller, '<sip:198.51.100.9:6077>', '<sip:last.example.com;lr>']));
  const { uri, headers } = sip.party(6077).lastRequest;
  expect([uri, headers.get('route')]).toEqual(['sip:198.51.100.9:6077', '<sip:last.example.com;lr>, <sip:bob@198.51.100.9:6001>']);
  sip.party(6077).answer(200);
});

test('a strict router before us: our entry is in the Request-URI, the target at the end of Route', () => {
  const { routes } = call();
  const entry = parseNameAddr(routes.caller[0]!).uri;
  sip.caller.say(within('INFO', 2, ['<sip:bob@198.51.100.9:6001>'], 'caller', {}, entry));
  expect(callee.lastRequest.uri).toBe('sip:bob@198.51.100.9:6001');
  expect(callee.lastRequest.headers.has('route')).toBe(false);
  callee.answer(200);
});

test('two entries when the sides use different transports; each side sends to the one it can, both are taken off', () => {
  const phone = sip.party(5062, 'tcp', '198.51.100.7');
  const { routes } = call({}, { from: phone });
  expect(routes.callee).toEqual([expect.stringMatching(/^<sip:192\.0\.2\.1:5060;lr;ticket=/), expect.stringMatching(/^<sip:192\.0\.2\.1:5060;transport=tcp;lr;ticket=/)]);
  expect(routes.caller[0]).toContain('transport=tcp');
  phone.say(within('BYE', 2, routes.caller));
  expect(callee.lastRequest.headers.has('route')).toBe(false);
  callee.answer(200);
  callee.say(within('INFO', 101, routes.callee, 'callee', {}, 'sip:alice@198.51.100.7:5062;transport=tcp'));
  expect(phone.lastRequest.headers.has('route')).toBe(false);
  phone.answer(200);
});

test('sips in the Request-URI: sips in Record-Route', () => {
  sip.proxied(sip.request('INVITE', {}, { uri: 'sips:bob@example.com' }), ['sips:x@198.51.100.9:6001'], { remain: true });
  expect(callee.lastRequest.headers.get('record-route')).toMatch(/^<sips:192/);
  callee.answer(200);
});

describe('who was not let through is not let through', () => {
  const forged: Array<[string, () => string[]]> = [
    ['our address without a ticket', () => ['<sip:192.0.2.1:5060;lr>']],
    ['a ticket made up', () => ['<sip:192.0.2.1:5060;lr;ticket=AAAAAAAAAAAA>']],
    ['no Route', () => []],
  ];
  test.each(forged)('%s', (_what, routes) => {
    call();
    const before = callee.heard.length;
    sip.caller.say(within('INFO', 2, routes()));
    expect(sip.caller.lastResponse.status).toBe(481);
    sip.caller.say(within('ACK', 1, routes()));
    expect(callee.heard).toHaveLength(before);
  });

  test('the ticket of another call', () => {
    const { routes } = call();
    sip.caller.say(within('INFO', 2, routes.caller, 'caller', { 'Call-ID': 'another' }));
    expect(sip.caller.lastResponse.status).toBe(481);
  });

  test('a secret that outlives the engine lets calls go on after a restart', () => {
    sip = new ProxyBench({ proxySecret: 'kept' });
    callee = sip.party(6001);
    const { routes } = call();
    sip.expectNothingLeft();
    sip = new ProxyBench({ proxySecret: 'kept' });
    sip.caller.say(within('BYE', 2, routes.caller));
    sip.party(6001).answer(200);
    expect(sip.caller.finals).toEqual([200]);
    sip.expectNothingLeft();
    sip = new ProxyBench({ proxySecret: 'another' });
    sip.caller.say(within('BYE', 3, routes.caller));
    expect(sip.caller.finals).toEqual([481]);
  });
});

test('no hops left: 483; a loop: 482; nowhere to go: 480', () => {
  const { routes } = call();
  sip.caller.say(within('INFO', 2, routes.caller, 'caller', { 'Max-Forwards': '0' }));
  expect(sip.caller.lastResponse.status).toBe(483);
  sip.caller.say(within('ACK', 1, routes.caller, 'caller', { 'Max-Forwards': '0' }));
  sip.caller.say(within('INFO', 3, routes.caller, 'caller', {}, 'tel:+49301234'));
  expect(sip.caller.lastResponse.status).toBe(480);
  expect(callee.whats).toEqual(['INVITE']);

  sip.caller.say(within('INFO', 4, routes.caller));
  const round = callee.lastRequest.clone();
  round.headers.append('Route', routes.caller.join(', '));
  round.headers.prepend('Via', 'SIP/2.0/UDP 198.51.100.9:6001;branch=z9hG4bKround');
  callee.say(round);
  expect(callee.finals).toEqual([482]);
  callee.answer(200);
});

test('the CANCEL of a re-INVITE goes through', () => {
  const { routes } = call();
  const again = within('INVITE', 2, routes.caller);
  sip.caller.say(again);
  callee.answer(180);
  sip.cancel(again);
  expect(callee.whats).toEqual(['INVITE', 'INVITE', 'CANCEL']);
  callee.answer(487);
  expect(sip.caller.finals).toEqual([200, 200, 487]);
  sip.ack(again);
});

test('a REGISTER gets Path instead, and asks the registrar to mind it', () => {
  sip.proxied(sip.request('REGISTER', { Path: '<sip:edge.example.com;lr>', Require: 'gruu' }), [6001], { remain: true });
  const { headers } = callee.lastRequest;
  expect(headers.getList('path')).toEqual(['<sip:192.0.2.1:5060;lr>', '<sip:edge.example.com;lr>']);
  expect(headers.getList('require')).toEqual(['gruu', 'path']);
  expect(headers.has('record-route')).toBe(false);
  callee.answer(200);
});

describe('ends that cannot be reached at their Contact', () => {
  const natted = { Contact: '<sip:alice@10.0.0.7:5060>' };

  /** A call whose two ends say these Contacts; the entries each got. */
  function between(callerContact: string, calleeContact: string, more: { lines?: Record<string, string>; above?: string } = {}): { caller: string[]; callee: string[] } {
    sip.proxied(sip.request('INVITE', { Contact: callerContact, ...more.lines }), [6001], { remain: true });
    const forCallee = callee.lastRequest.headers.getList('record-route');
    const request = callee.lastRequest.clone();
    if (more.above !== undefined) request.headers.prepend('Record-Route', more.above);
    callee.answer(200, { to: request, lines: [['Contact', calleeContact]] });
    return { callee: forCallee, caller: sip.caller.lastResponse.headers.getList('record-route').reverse() };
  }

  test('the caller is behind NAT: the called side\'s requests take the flow it came over', () => {
    const routes = between(natted.Contact, '<sip:bob@198.51.100.9:6001>');
    expect(routes.callee).toEqual([expect.stringContaining(';lr;flow=udp:198.51.100.7:5062;ticket=')]);
    callee.say(within('BYE', 101, routes.callee, 'callee', {}, 'sip:alice@10.0.0.7:5060'));
    expect(sip.caller.lastRequest).toMatchObject({ method: 'BYE', uri: 'sip:alice@10.0.0.7:5060' });
    sip.caller.answer(200);
    // And the caller's own do not come back to it.
    expect(routes.caller).toEqual([expect.not.stringContaining('flow=')]);
    sip.caller.say(within('INFO', 2, routes.caller));
    callee.answer(200);
    expect(callee.requests.map(({ method }) => method)).toEqual(['INVITE', 'INFO']);
  });

  test('the called side is behind NAT: the caller\'s requests, ACK too, take the flow that answered', () => {
    const routes = between('<sip:alice@198.51.100.7:5062>', '<sip:bob@192.168.1.9>');
    expect(routes.callee).toEqual([expect.not.stringContaining('flow=')]);
    expect(routes.caller).toEqual([expect.stringContaining(';flow=udp:198.51.100.9:6001')]);
    sip.caller.say(within('ACK', 1, routes.caller, 'caller', {}, 'sip:bob@192.168.1.9'));
    sip.caller.say(within('BYE', 2, routes.caller, 'caller', {}, 'sip:bob@192.168.1.9'));
    expect(callee.requests.map(({ method }) => method)).toEqual(['INVITE', 'ACK', 'BYE']);
    callee.answer(200);
  });

  test('both are', () => {
    const routes = between(natted.Contact, '<sip:bob@192.168.1.9>');
    callee.say(within('INFO', 101, routes.callee, 'callee', {}, 'sip:alice@10.0.0.7:5060'));
    sip.caller.answer(200);
    sip.caller.say(within('BYE', 2, routes.caller, 'caller', {}, 'sip:bob@192.168.1.9'));
    callee.answer(200);
    expect([sip.caller.requests, callee.requests].map((all) => all.map(({ method }) => method))).toEqual([['INFO'], ['INVITE', 'BYE']]);
  });

  test('the application sees the answer as it came', () => {
    const told = sip.proxied(sip.request('INVITE', natted), [6001], { remain: true });
    callee.answer(200, { lines: [['Contact', '<sip:bob@192.168.1.9>']] });
    expect(told.responses[0]!.headers.get('record-route')).toContain('flow=udp:198.51.100.7');
    expect(sip.caller.lastResponse.headers.get('record-route')).toContain('flow=udp:198.51.100.9');
  });

  test('a browser over a stream; when its connection is gone there is no way', async () => {
    const phone = sip.party(40123, 'tcp', '198.51.100.7');
    const lines = { Via: 'SIP/2.0/TCP df7jal.invalid;branch=z9hG4bKws', Contact: '<sip:alice@df7jal.invalid;transport=tcp>' };
    sip.proxied(sip.request('INVITE', lines), [6001], { remain: true }, phone);
    const routes = callee.lastRequest.headers.getList('record-route');
    callee.answer(200, { lines: [['Contact', '<sip:bob@198.51.100.9:6001>']] });
    callee.say(within('INFO', 101, routes, 'callee', {}, 'sip:alice@df7jal.invalid;transport=tcp'));
    expect(phone.lastRequest.method).toBe('INFO');
    phone.answer(200);

    const gone = (): Promise<never> => Promise.reject(new TransportError('ECONNREFUSED', 'gone'));
    sip.dials.set(phone.id, gone);
    sip.dials.set('tcp:df7jal.invalid:5060', gone);
    callee.say(within('BYE', 102, routes, 'callee', {}, 'sip:alice@df7jal.invalid;transport=tcp'));
    await settled();
    expect(callee.finals).toEqual([200, 500]);
  });

  test('a flow that is gone: the Contact is tried', async () => {
    const routes = between(natted.Contact, '<sip:bob@198.51.100.9:6001>');
    sip.dials.set('udp:198.51.100.7:5062', () => Promise.reject(new TransportError('gone', 'gone')));
    callee.say(within('BYE', 101, routes.callee, 'callee', {}, 'sip:alice@10.0.0.7:5060'));
    await settled();
    const there = sip.party(5060, 'udp', '10.0.0.7');
    expect(there.whats).toEqual(['BYE']);
    there.answer(200);
  });

  test('not when another proxy stands between and stays in the call', () => {
    const before = between(natted.Contact, '<sip:bob@192.168.1.9>', { lines: { Via: 'SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKedge, SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKphone' } });
    expect(before.callee).toEqual([expect.not.stringContaining('flow=')]);
    sip.caller.heard.length = 0;
    const behind = between('<sip:alice@198.51.100.7:5062>', '<sip:bob@192.168.1.9>', { lines: { 'Call-ID': 'call2' }, above: '<sip:198.51.100.9:6001;lr>' });
    expect(behind.caller.join()).not.toContain('flow=');
  });

  test('nobody can put another flow into an entry', () => {
    const routes = between(natted.Contact, '<sip:bob@198.51.100.9:6001>');
    const elsewhere = routes.callee.map((entry) => entry.replace('198.51.100.7:5062', '203.0.113.5:53'));
    callee.say(within('BYE', 101, elsewhere, 'callee', {}, 'sip:alice@10.0.0.7:5060'));
    expect(callee.finals).toEqual([481]);
    callee.say(within('BYE', 102, routes.callee.map((entry) => entry.replace(/;flow=[^;]+/, '')), 'callee', {}, 'sip:alice@10.0.0.7:5060'));
    expect(callee.finals).toEqual([481, 481]);
  });
});

describe('an INVITE that takes another way than it was made for has one entry for each side all the same', () => {
  /** bob's entries, topmost first, by transport. */
  const transports = (routes: string[]): Array<string | undefined> => routes.map((entry) => parseUri(parseNameAddr(entry).uri).params.get('transport'));

  /** An INVITE above 1,300 bytes, to bob on UDP, who takes TCP, too. */
  function large(from: Party, lines: Record<string, string> = {}): { tcp: Party } {
    const tcp = sip.party(6001, 'tcp');
    Object.assign(callee, { larger: () => tcp });
    const via = from.protocol === 'tcp' ? { Via: 'SIP/2.0/TCP 198.51.100.7:5062;branch=z9hG4bKtcp' } : {};
    sip.proxied(sip.request('INVITE', { ...via, ...lines }, { body: 'x'.repeat(1_400) }), ['sip:bob@198.51.100.9:6001'], { remain: true }, from);
    return { tcp };
  }

  test('UDP to TCP for its size: requests within the call go through in both directions', () => {
    const { tcp } = large(sip.caller, { 'Record-Route': '<sip:earlier.example.com;lr>' });
    expect(callee.whats).toEqual([]);
    const routes = tcp.lastRequest.headers.getList('record-route');
    expect(transports(routes.slice(0, 2))).toEqual(['tcp', undefined]);
    expect(routes.slice(2)).toEqual(['<sip:earlier.example.com;lr>']);
    tcp.answer(200, { lines: [['Contact', '<sip:bob@198.51.100.9:6001;transport=tcp>']] });
    const back = sip.caller.lastResponse.headers.getList('record-route').reverse().slice(1);
    sip.caller.say(within('BYE', 2, back, 'caller', {}, 'sip:bob@198.51.100.9:6001;transport=tcp'));
    expect(tcp.lastRequest).toMatchObject({ method: 'BYE' });
    expect(tcp.lastRequest.headers.has('route')).toBe(false);
    tcp.answer(200);
    tcp.say(within('INFO', 101, routes.slice(0, 2), 'callee'));
    expect(sip.caller.lastRequest).toMatchObject({ method: 'INFO' });
    expect(sip.caller.lastRequest.headers.has('route')).toBe(false);
    sip.caller.answer(200);
  });

  test('TCP to UDP to TCP for its size: one entry is enough', () => {
    const { tcp } = large(sip.party(5062, 'tcp', '198.51.100.7'));
    expect(transports(tcp.lastRequest.headers.getList('record-route'))).toEqual(['tcp']);
    tcp.answer(200);
  });

  test('several moves: TCP, UDP, TCP; each copy has its own two sides, and the flow of a caller behind NAT', async () => {
    const { tcp } = large(sip.caller, { Contact: '<sip:alice@10.0.0.7>' });
    const second = sip.party(6002);
    const third = sip.party(6003, 'tcp');
    Object.assign(callee, { next: () => Promise.resolve(second) });
    second.next = () => Promise.resolve(third);
    tcp.answer(503);
    await settled();
    const [one, ...none] = second.lastRequest.headers.getList('record-route');
    expect([transports([one ?? '']), none]).toEqual([[undefined], []]);
    expect(one).toContain(';flow=udp:198.51.100.7:5062;ticket=');
    second.answer(503);
    await settled();
    const routes = third.lastRequest.headers.getList('record-route');
    expect(transports(routes)).toEqual(['tcp', undefined]);
    expect(routes[1]).toBe(one);
    expect(third.lastRequest.headers.getAll('via')).toHaveLength(2);
    expect(third.lastRequest.headers.get('contact')).toBe('<sip:alice@10.0.0.7>');
    third.answer(200);
  });

  test('a REGISTER: its Path names where it went', () => {
    const tcp = sip.party(6001, 'tcp');
    Object.assign(callee, { larger: () => tcp });
    sip.proxied(sip.request('REGISTER', { Path: '<sip:edge.example.com;lr>' }, { body: 'x'.repeat(1_400) }), ['sip:198.51.100.9:6001'], { remain: true });
    expect(tcp.lastRequest.headers.getList('path')).toEqual(['<sip:192.0.2.1:5060;transport=tcp;lr>', '<sip:edge.example.com;lr>']);
    expect(tcp.lastRequest.headers.getList('require')).toEqual(['path']);
    tcp.answer(200);
  });
});
