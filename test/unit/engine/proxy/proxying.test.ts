/** The proxy between scripted peers: RFC 3261 §16 from the outside, on a fake clock. */
import { TransportError } from '../../../../signaling/engine/transport/types';
import { Headers } from '../../../../signaling/engine/wire/headers';
import { ProxyBench, settled } from './bench';

let sip: ProxyBench;

beforeEach(() => {
  sip = new ProxyBench();
});

afterEach(() => sip.expectNothingLeft());

const statuses = (): number[] => sip.caller.responses.filter(({ cseq }) => cseq.method === 'INVITE').map(({ status }) => status);

describe('the request as it is sent on', () => {
  test('hop by hop headers change, everything else and its order stay', () => {
    const invite = sip.request('INVITE', { 'X-First': '1', Subject: 'hello', 'x-lower': 'as it was' }, { body: 'v=0\r\n' });
    sip.proxied(invite, [6001]);
    const sent = sip.party(6001).lastRequest;
    expect(sent.uri).toBe('sip:bob@example.com');
    const names = [...sent.headers].map(({ name, value }) => `${name}: ${value}`);
    const before = [...invite.headers].map(({ name, value }) => `${name}: ${name === 'Max-Forwards' ? '69' : value}`);
    expect(names.slice(1, -1)).toEqual([...before, 'Max-Breadth: 60']);
    expect(sent.body.toString()).toBe('v=0\r\n');
    expect(sent.topVia).toMatchObject({ host: '192.0.2.1', protocol: 'UDP' });
    sip.party(6001).answer(486);
    sip.ack(invite);
  });

  test('the Request-URI becomes the destination when it is our own address', () => {
    sip.proxied(sip.request('OPTIONS', {}, { uri: 'sip:bob@192.0.2.1' }), ['sip:carol@198.51.100.9:6001']);
    expect(sip.party(6001).lastRequest.uri).toBe('sip:carol@198.51.100.9:6001');
    sip.party(6001).answer(200);
  });

  test('without Max-Forwards it gets 70', () => {
    sip.proxied(sip.request('OPTIONS', { 'Max-Forwards': undefined }), [6001]);
    expect(sip.party(6001).lastRequest.headers.get('max-forwards')).toBe('70');
    sip.party(6001).answer(200);
  });

  test('headers of the application go into every copy, in place of the caller\'s of that name, and cannot change whose request it is', () => {
    const headers = new Headers();
    headers.append('X-Via-Proxy', 'yes');
    headers.append('P-Asserted-Identity', '<sip:alice@localhost>');
    headers.append('From', '<sip:mallory@example.com>');
    sip.proxied(sip.request('OPTIONS', { 'P-Asserted-Identity': '<sip:forged@example.com>' }), [6001, 6002], { headers, simultaneous: true });
    for (const port of [6001, 6002]) {
      const sent = sip.party(port).lastRequest;
      expect(sent.headers.get('x-via-proxy')).toBe('yes');
      expect(sent.headers.getAll('p-asserted-identity')).toEqual(['<sip:alice@192.0.2.1:5060>']);
      expect(sent.from.uri).toBe('sip:alice@example.com');
    }
    sip.party(6001).answer(200);
    sip.party(6002).answer(200);
  });

  test('the topmost Route has led here and is taken off; a strict router finds itself in the Request-URI', () => {
    sip.proxied(sip.request('OPTIONS', { Route: '<sip:192.0.2.1;lr>, "Next" <sip:p2.example.com;lr>;x=1' }), [6001]);
    expect(sip.party(6001).lastRequest.headers.getAll('route')).toEqual(['"Next" <sip:p2.example.com;lr>;x=1']);
    sip.party(6001).answer(200);

    sip.proxied(sip.request('OPTIONS', { Route: '<sip:192.0.2.1;lr>, <sip:strict.example.com>, <sip:p3.example.com;lr>' }), [6001]);
    const { uri, headers } = sip.party(6001).lastRequest;
    expect([uri, headers.get('route')]).toEqual(['sip:strict.example.com', '<sip:p3.example.com;lr>, <sip:bob@example.com>']);
    sip.party(6001).answer(200);
  });

  test('an maddr that is ours is stripped, with its port and transport', () => {
    sip.proxied(sip.request('OPTIONS', {}, { uri: 'sip:bob@example.com:5060;maddr=192.0.2.1;transport=udp;user=phone' }), [6001]);
    expect(sip.party(6001).lastRequest.uri).toBe('sip:bob@example.com;user=phone');
    sip.party(6001).answer(200);
  });

  test('maddr and transport of a destination are obeyed', () => {
    sip.proxied(sip.request('OPTIONS'), ['sip:x@nowhere.example:6001;maddr=198.51.100.9;transport=tcp']);
    expect(sip.party(6001, 'tcp').whats).toEqual(['OPTIONS']);
    sip.party(6001, 'tcp').answer(200);
  });

  test('a client that registered over a stream is reached over it', () => {
    const phone = sip.party(40123, 'tcp');
    sip.registered.set('carol@gone.invalid', { flow: phone });
    sip.proxied(sip.request('MESSAGE'), ['sip:carol@gone.invalid;transport=ws']);
    expect(phone.whats).toEqual(['MESSAGE']);
    phone.answer(200);
    sip.registered.set('carol@gone.invalid', 'gone');
    const told = sip.proxied(sip.request('MESSAGE'), ['sip:carol@gone.invalid;transport=ws']);
    return settled().then(() => expect(told.story).toEqual(['started', '410', 'done']));
  });
});

describe('what is not sent on', () => {
  const refused: Array<[string, Record<string, string>, number, RegExp]> = [
    ['no hops left', { 'Max-Forwards': '0' }, 483, /^refused: Rejected with 483 Too Many Hops due to Max-Forwards value of 0$/],
    ['an extension for proxies', { 'Proxy-Require': 'foo, bar' }, 420, /^refused: Rejected with 420 .* foo, bar$/],
    ['a Route that cannot be read', { Route: '<sip:192.0.2.1;lr>, nonsense' }, 400, /^refused: Rejected with 400/],
  ];
  test.each(refused)('%s', (_what, lines, status, words) => {
    const told = sip.proxied(sip.request('OPTIONS', lines), [6001]);
    expect(sip.caller.finals).toEqual([status]);
    expect(told.story).toEqual([expect.stringMatching(words)]);
    expect(sip.party(6001).heard).toEqual([]);
    if (status === 420) expect(sip.caller.lastResponse.headers.get('unsupported')).toBe('foo, bar');
  });

  test.each([['tel:+49301234'], ['sip:x@198.51.100.9;transport=sctp'], ['sip:x@192.0.2.1'], ['mailto:x@y.z']])('to %s alone: 500 and a refusal', (uri) => {
    const told = sip.proxied(sip.request('OPTIONS'), [uri]);
    expect(sip.caller.finals).toEqual([500]);
    expect(told.story).toEqual([expect.stringContaining(`refused: error proxying request to ${uri}: `)]);
  });

  test('to more destinations than anybody means', () => {
    const told = sip.proxied(sip.request('OPTIONS'), Array.from({ length: 33 }, (_, n) => 6001 + n));
    expect(sip.caller.finals).toEqual([500]);
    expect(told.story).toEqual(['refused: error proxying request to more than 32 destinations']);
  });

  test('a target that can be used is used, though another cannot', () => {
    const told = sip.proxied(sip.request('OPTIONS'), ['tel:+49301234', 'sip:x@198.51.100.9:6001']);
    sip.party(6001).answer(200);
    expect(told.story).toEqual(['started', '200', 'done']);
  });

  test('a request that is answered, gone, or another application\'s', () => {
    expect(sip.proxy([6001], {}, 'nobody').story).toEqual(['refused: Unknown transaction id: nobody']);
    const invite = sip.request('OPTIONS');
    sip.proxied(invite, [6001]);
    const { transactionId } = sip.app.last;
    expect(sip.proxy([6002]).story).toEqual([`refused: Unknown transaction id: ${transactionId}`]);
    sip.party(6001).answer(200);
    expect(sip.party(6002).heard).toEqual([]);
  });

  test('a loop: the same request comes back and is answered 482; a spiral, for another target, goes on', () => {
    const invite = sip.request('INVITE');
    sip.proxied(invite, [6001]);
    const round = sip.party(6001).lastRequest.clone();
    round.headers.prepend('Via', 'SIP/2.0/UDP 198.51.100.9:6001;branch=z9hG4bKother');
    sip.party(6001).say(round);
    const told = sip.proxy([6001]);
    expect(told.story).toEqual([expect.stringContaining('482')]);
    expect(sip.party(6001).finals).toEqual([482]);

    const spiral = sip.party(6001).requests[0]!.clone();
    spiral.uri = 'sip:bob@elsewhere.example.com';
    spiral.headers.prepend('Via', 'SIP/2.0/UDP 198.51.100.9:6001;branch=z9hG4bKspiral');
    sip.party(6001).say(spiral);
    sip.proxy([6002]);
    expect(sip.party(6002).whats).toEqual(['INVITE']);
    sip.party(6002).answer(200);
    expect(sip.party(6001).finals).toEqual([482, 200]);
    sip.party(6001).answer(486, { to: sip.party(6001).requests[0]! });
  });
});

describe('one after the other', () => {
  test('busy, then an answer', () => {
    const told = sip.proxied(sip.request('INVITE'), [6001, 6002, 6003]);
    expect(sip.party(6002).heard).toEqual([]);
    sip.party(6001).answer(486);
    expect(sip.party(6001).whats).toEqual(['INVITE', 'ACK']);
    sip.party(6002).answer(180);
    sip.party(6002).answer(200);
    expect(statuses()).toEqual([100, 180, 200]);
    expect(told.story).toEqual(['started', '486', '200', 'done']);
    expect(sip.party(6003).heard).toEqual([]);
    expect(told.envelopes[0]).toMatchObject({ source: 'network', address: '198.51.100.9', port: 6001, bytes: 300 });
    expect(told.responses[0]!.headers.getAll('via')).toHaveLength(2);
    expect(sip.caller.lastResponse.headers.getAll('via')).toHaveLength(1);
  });

  test('all fail: the best of them goes up', () => {
    const invite = sip.request('INVITE');
    const told = sip.proxied(invite, [6001, 6002, 6003]);
    sip.party(6001).answer(503);
    sip.party(6002).answer(404);
    sip.party(6003).answer(500);
    expect(statuses()).toEqual([100, 404]);
    expect(sip.caller.lastResponse.toTag).toBe('tag6002');
    expect(told.story).toEqual(['started', '503', '404', '500', 'done']);
    sip.ack(invite);
  });

  test('503 alone goes up as 500', () => {
    const invite = sip.request('INVITE');
    sip.proxied(invite, [6001]);
    sip.party(6001).answer(503, { lines: [['Retry-After', '30']] });
    expect(statuses()).toEqual([100, 500]);
    sip.ack(invite);
  });

  test('6xx: nobody else is asked', () => {
    const invite = sip.request('INVITE');
    const told = sip.proxied(invite, [6001, 6002]);
    sip.party(6001).answer(603);
    expect(statuses()).toEqual([100, 603]);
    expect(told.story).toEqual(['started', '603', 'done']);
    sip.ack(invite);
  });

  test('a challenge ends the search; the request with credentials goes to whom they are for', () => {
    const invite = sip.request('INVITE');
    const told = sip.proxied(invite, [6001, 6002, 6003]);
    sip.party(6001).answer(486);
    sip.party(6002).answer(407, { lines: [['Proxy-Authenticate', 'Digest realm="r", nonce="n1"']] });
    expect(statuses()).toEqual([100, 407]);
    expect(told.story).toEqual(['started', '486', '407', 'done']);
    sip.ack(invite);
    sip.clock.advance(1900);

    sip.proxied(sip.request('INVITE', { CSeq: '2 INVITE', 'Proxy-Authorization': 'Digest username="u", realm="r", nonce="n1", response="x"' }), [6001, 6002, 6003]);
    expect(sip.party(6001).whats).toEqual(['INVITE', 'ACK']);
    sip.party(6002).answer(200);
    expect(sip.caller.finals).toEqual([407, 200]);

    sip.clock.advance(2000);
    sip.proxied(sip.request('INVITE', { CSeq: '3 INVITE', 'Proxy-Authorization': 'Digest username="u", realm="r", nonce="n1", response="x"' }), [6001, 6002]);
    expect(sip.party(6001).lastRequest.cseq.seq).toBe(3);
    sip.party(6001).answer(200);
  });

  test('the same destination twice is one target', () => {
    const told = sip.proxied(sip.request('OPTIONS'), [6001, 6001]);
    sip.party(6001).answer(404);
    expect(told.story).toEqual(['started', '404', 'done']);
  });
});

describe('all at once', () => {
  test('the first answer wins, the others are cancelled, and a second answer goes up too', () => {
    const told = sip.proxied(sip.request('INVITE'), [6001, 6002, 6003], { simultaneous: true });
    for (const port of [6001, 6002, 6003]) sip.party(port).answer(180);
    sip.party(6001).answer(200);
    expect(told.story).toEqual(['started', '200', 'done']);
    expect([6001, 6002, 6003].map((port) => sip.party(port).whats)).toEqual([['INVITE'], ['INVITE', 'CANCEL'], ['INVITE', 'CANCEL']]);
    expect(sip.party(6002).lastRequest.headers.get('reason')).toMatch(/^SIP;cause=200;/);
    // The CANCEL crosses the answer of one of them.
    sip.party(6002).answer(200);
    sip.party(6002).answer(200);
    sip.party(6003).answer(487);
    expect(sip.party(6003).whats.at(-1)).toBe('ACK');
    expect(statuses()).toEqual([100, 180, 180, 180, 200, 200, 200]);
    expect(sip.caller.responses.map(({ toTag }) => toTag).slice(-3)).toEqual(['tag6001', 'tag6002', 'tag6002']);
    expect(told.story).toHaveLength(3);
  });

  test('one that has not said a word is cancelled as soon as it does', () => {
    sip.proxied(sip.request('INVITE'), [6001, 6002], { simultaneous: true });
    sip.party(6001).answer(200);
    expect(sip.party(6002).whats).toEqual(['INVITE']);
    sip.party(6002).answer(180);
    expect(sip.party(6002).whats).toEqual(['INVITE', 'CANCEL']);
    sip.party(6002).answer(487);
    expect(statuses()).toEqual([100, 200]);
  });

  test('6xx: the others are cancelled, and their end is waited for', () => {
    const invite = sip.request('INVITE');
    const told = sip.proxied(invite, [6001, 6002], { simultaneous: true });
    sip.party(6002).answer(180);
    sip.party(6001).answer(603);
    expect(sip.party(6002).whats).toEqual(['INVITE', 'CANCEL']);
    expect(statuses()).toEqual([100, 180]);
    sip.party(6002).answer(487);
    expect(statuses()).toEqual([100, 180, 603]);
    expect(told.story).toEqual(['started', '603', '487', 'done']);
    sip.ack(invite);
  });

  test('6xx while somebody answers: the answer goes up', () => {
    const told = sip.proxied(sip.request('INVITE'), [6001, 6002], { simultaneous: true });
    sip.party(6002).answer(180);
    sip.party(6001).answer(603);
    sip.party(6002).answer(200);
    expect(sip.caller.finals).toEqual([200]);
    expect(told.story).toEqual(['started', '603', '200', 'done']);
  });

  test('the challenges of all go up together', () => {
    const invite = sip.request('INVITE');
    sip.proxied(invite, [6001, 6002, 6003], { simultaneous: true });
    sip.party(6001).answer(401, { lines: [['WWW-Authenticate', 'Digest realm="a", nonce="1"']] });
    sip.party(6002).answer(486);
    sip.party(6003).answer(407, { lines: [['Proxy-Authenticate', 'Digest realm="b", nonce="2"'], ['Proxy-Authenticate', 'Digest realm="c", nonce="3"']] });
    const { status, headers } = sip.caller.lastResponse;
    expect(status).toBe(401);
    expect(headers.getAll('www-authenticate')).toEqual(['Digest realm="a", nonce="1"']);
    expect(headers.getAll('proxy-authenticate')).toEqual(['Digest realm="b", nonce="2"', 'Digest realm="c", nonce="3"']);
    sip.ack(invite);
  });
});

describe('time', () => {
  test('a target that says nothing is left, and cancelled should it speak after all', () => {
    const told = sip.proxied(sip.request('INVITE'), [6001, 6002], { provisionalTimeoutMs: 400 });
    sip.clock.advance(399);
    expect(sip.party(6002).heard).toEqual([]);
    sip.clock.advance(1);
    expect(sip.party(6002).whats).toEqual(['INVITE']);
    sip.party(6001).answer(180);
    expect(sip.party(6001).whats.at(-1)).toBe('CANCEL');
    sip.party(6001).answer(487);
    sip.party(6002).answer(180);
    sip.party(6002).answer(200);
    expect(statuses()).toEqual([100, 180, 200]);
    expect(told.story).toEqual(['started', '408', '200', 'done']);
    expect(told.envelopes[0]).toMatchObject({ address: '', port: 0, bytes: 0 });
  });

  test('100 is enough to be waited for', () => {
    sip.proxied(sip.request('INVITE'), [6001, 6002], { provisionalTimeoutMs: 400 });
    sip.party(6001).answer(100);
    sip.clock.advance(5000);
    expect(sip.party(6002).heard).toEqual([]);
    sip.party(6001).answer(200);
    expect(statuses()).toEqual([100, 200]);
  });

  test('one that is left and answers all the same has answered', () => {
    sip.proxied(sip.request('INVITE'), [6001, 6002], { provisionalTimeoutMs: 400 });
    sip.clock.advance(400);
    sip.party(6002).answer(180);
    sip.party(6001).answer(200);
    expect(statuses()).toEqual([100, 180, 200]);
    expect(sip.party(6002).whats).toEqual(['INVITE', 'CANCEL']);
    sip.party(6002).answer(487);
  });

  test('a target that only rings is cancelled after the final timeout, and the next is called', () => {
    const invite = sip.request('INVITE');
    const told = sip.proxied(invite, [6001, 6002], { finalTimeoutMs: 1000 });
    sip.party(6001).answer(180);
    sip.clock.advance(1000);
    expect(sip.party(6001).whats).toEqual(['INVITE', 'CANCEL']);
    expect(sip.party(6002).whats).toEqual(['INVITE']);
    sip.party(6001).answer(487);
    sip.party(6002).answer(486);
    expect(statuses()).toEqual([100, 180, 486]);
    expect(told.story).toEqual(['started', '408', '486', 'done']);
    sip.ack(invite);
  });

  test('timer B: an INVITE nobody answers is given up with 408', () => {
    const invite = sip.request('INVITE');
    sip.party(6001).deaf = true;
    const told = sip.proxied(invite, [6001]);
    sip.clock.advance(31_999);
    expect(statuses()).toEqual([100]);
    sip.clock.advance(1);
    expect(statuses()).toEqual([100, 408]);
    expect(told.story).toEqual(['started', '408', 'done']);
    sip.ack(invite);
  });

  test('timer F: a request nobody answers is reported, and its sender, who has given up as well, is told nothing (RFC 4320)', () => {
    sip.party(6001).deaf = true;
    const told = sip.proxied(sip.request('MESSAGE'), [6001]);
    sip.clock.advance(32_000);
    expect(told.story).toEqual(['started', '408', 'done']);
    expect(sip.caller.finals).toEqual([]);
  });

  test('timer C: a target that stops talking is cancelled after three minutes; every 18x buys it three more', () => {
    const invite = sip.request('INVITE');
    const told = sip.proxied(invite, [6001]);
    sip.party(6001).answer(180);
    for (let i = 0; i < 3; i++) {
      sip.clock.advance(180_000);
      expect(sip.party(6001).whats).toEqual(['INVITE']);
      sip.party(6001).answer(180);
    }
    sip.party(6001).answer(100);
    sip.clock.advance(184_999);
    expect(sip.party(6001).whats).toEqual(['INVITE']);
    sip.clock.advance(1);
    expect(sip.party(6001).whats).toEqual(['INVITE', 'CANCEL']);
    expect(sip.caller.finals).toEqual([408]);
    expect(told.story).toEqual(['started', '408', 'done']);
    expect(sip.core.stats().counters.timerC).toBe(1);
    sip.ack(invite);
  });
});

describe('redirects', () => {
  const contacts = (value: string): { lines: Array<[string, string]> } => ({ lines: [['Contact', value]] });

  test('followed by q, before the next destination; the Request-URI is the Contact', () => {
    const told = sip.proxied(sip.request('INVITE'), [6001, 6002], { followRedirects: true });
    sip.party(6001).answer(302, contacts('<sip:low@198.51.100.9:6011?Route=evil>;q=0.3, <sip:high@198.51.100.9:6012;method=BYE>;q=0.9'));
    expect(sip.party(6012).lastRequest.uri).toBe('sip:high@198.51.100.9:6012');
    sip.party(6012).answer(480);
    expect(sip.party(6011).lastRequest.uri).toBe('sip:low@198.51.100.9:6011');
    expect(sip.party(6011).lastRequest.headers.has('route')).toBe(false);
    sip.party(6011).answer(486);
    expect(sip.party(6002).lastRequest.uri).toBe('sip:bob@example.com');
    sip.party(6002).answer(200);
    expect(told.story).toEqual(['started', '302', '480', '486', '200', 'done']);
    expect(statuses()).toEqual([100, 200]);
  });

  test('a redirect that was followed is no answer; what was not followed still is', () => {
    const invite = sip.request('INVITE');
    sip.proxied(invite, [6001], { followRedirects: true });
    sip.party(6001).answer(302, contacts('<sip:b@198.51.100.9:6011>, <mailto:bob@example.com>'));
    sip.party(6011).answer(486);
    expect(sip.caller.lastResponse.status).toBe(302);
    expect(sip.caller.lastResponse.headers.getAll('contact')).toEqual(['<mailto:bob@example.com>']);
    sip.ack(invite);

    const second = sip.request('INVITE', { 'Call-ID': 'call2' });
    sip.proxied(second, [6001], { followRedirects: true });
    sip.party(6001).answer(302, contacts('<sip:b@198.51.100.9:6011>'));
    sip.party(6011).answer(486);
    expect(sip.caller.lastResponse.status).toBe(486);
    sip.ack(second);
  });

  test('without followRedirects the 302 goes up', () => {
    const invite = sip.request('INVITE');
    sip.proxied(invite, [6001]);
    sip.party(6001).answer(302, contacts('<sip:b@198.51.100.9:6011>'));
    expect(statuses()).toEqual([100, 302]);
    expect(sip.party(6011).heard).toEqual([]);
    sip.ack(invite);
  });

  test('305: the same request by way of that proxy; 380 is the caller\'s to choose from', () => {
    sip.proxied(sip.request('OPTIONS'), [6001], { followRedirects: true });
    sip.party(6001).answer(305, contacts('<sip:198.51.100.9:6011>'));
    expect(sip.party(6011).lastRequest.uri).toBe('sip:bob@example.com');
    sip.party(6011).answer(380, contacts('<sip:198.51.100.9:6012>'));
    expect(sip.caller.finals).toEqual([380]);
  });

  test('two servers that redirect to one another do not do so for ever', () => {
    sip = new ProxyBench({ maxProxyTargets: 5 });
    const invite = sip.request('INVITE');
    sip.proxied(invite, [6001], { followRedirects: true });
    let n = 0;
    for (let port = 6001; sip.caller.finals.length === 0 && n < 100; port = 7000 + n) {
      n++;
      sip.party(port).answer(302, contacts(`<sip:x@198.51.100.9:${7000 + n}>, <sip:x@198.51.100.9:6001>`));
    }
    expect(n).toBe(5);
    expect(sip.caller.finals).toEqual([302]);
    sip.ack(invite);
  });

  test('a call by sips does not leave it', () => {
    const invite = sip.request('INVITE', {}, { uri: 'sips:bob@example.com' });
    sip.proxied(invite, ['sips:x@198.51.100.9:6001'], { followRedirects: true });
    sip.party(6001).answer(302, contacts('<sip:b@198.51.100.9:6011>'));
    expect(sip.caller.finals).toEqual([302]);
    sip.ack(invite);
  });

  test('nor does an application take it out of there', () => {
    const told = sip.proxied(sip.request('OPTIONS', {}, { uri: 'sips:bob@example.com' }), ['sip:x@198.51.100.9:6001', 'sip:x@198.51.100.9:6002;transport=tcp']);
    expect(told.story).toEqual(['refused: error proxying request to sip:x@198.51.100.9:6001: a request for a sips URI goes over TLS only']);
    sip.proxied(sip.request('OPTIONS', { 'Call-ID': 'other' }, { uri: 'sips:bob@example.com' }), ['sip:x@198.51.100.9:6001', 'sip:x@198.51.100.9:6003;transport=tls']);
    expect([6001, 6002, 6003].map((port) => sip.party(port).whats)).toEqual([[], [], ['OPTIONS']]);
    sip.party(6003).answer(200);
    expect(sip.caller.finals).toEqual([500, 200]);
  });
});

describe('the caller gives up', () => {
  test('all targets that are called are cancelled, with the caller\'s reason; their 487 goes up', () => {
    const invite = sip.request('INVITE');
    const told = sip.proxied(invite, [6001, 6002], { simultaneous: true });
    sip.party(6001).answer(180);
    sip.party(6002).answer(180);
    sip.cancel(invite, [['Reason', 'SIP;cause=600;text="Busy Everywhere"']]);
    for (const port of [6001, 6002]) {
      expect(sip.party(port).whats).toEqual(['INVITE', 'CANCEL']);
      expect(sip.party(port).lastRequest.headers.get('reason')).toBe('SIP;cause=600;text="Busy Everywhere"');
    }
    sip.party(6001).answer(487);
    expect(sip.caller.finals).toEqual([200]);
    sip.party(6002).answer(487);
    expect(sip.caller.finals).toEqual([200, 487]);
    expect(told.story).toEqual(['started', '487', '487', 'done']);
    expect(sip.app.requests.map(({ message }) => message.method)).toEqual(['INVITE']);
    sip.ack(invite);
  });

  test('while no target has said a word: 487 at once, and no next target', () => {
    const invite = sip.request('INVITE');
    const told = sip.proxied(invite, [6001, 6002]);
    sip.cancel(invite);
    expect(sip.caller.finals).toEqual([200, 487]);
    expect(told.story).toEqual(['started', '487', 'done']);
    sip.ack(invite);
    // Then it does speak.
    sip.party(6001).answer(180);
    expect(sip.party(6001).whats.at(-1)).toBe('CANCEL');
    sip.party(6001).answer(487);
    expect(sip.party(6002).heard).toEqual([]);
  });

  test('an answer that crosses the CANCEL is passed on', () => {
    const invite = sip.request('INVITE');
    sip.proxied(invite, [6001]);
    sip.party(6001).answer(180);
    sip.cancel(invite);
    sip.party(6001).answer(200);
    expect(statuses()).toEqual([100, 180, 200]);
  });

  test('an answer after the 487 is passed on all the same', () => {
    const invite = sip.request('INVITE');
    sip.proxied(invite, [6001]);
    sip.cancel(invite);
    sip.ack(invite);
    sip.party(6001).answer(200);
    expect(statuses()).toEqual([100, 487, 200]);
  });

  test('before the application has said what to do: it is told, and cannot proxy any more', () => {
    const invite = sip.request('INVITE');
    sip.caller.say(invite);
    const { transactionId } = sip.app.last;
    sip.cancel(invite);
    expect(sip.proxy([6001], {}, transactionId).story).toEqual([`refused: Unknown transaction id: ${transactionId}`]);
    sip.ack(invite);
  });

  test('a target that does not obey the CANCEL: 487 after 64*T1', () => {
    const invite = sip.request('INVITE');
    sip.proxied(invite, [6001]);
    sip.party(6001).answer(180);
    sip.cancel(invite);
    sip.clock.advance(32_000);
    expect(statuses()).toEqual([100, 180, 487]);
    sip.ack(invite);
  });
});

describe('targets that cannot be reached', () => {
  const refusedDial = (): Promise<never> => Promise.reject(new TransportError('ECONNREFUSED', 'refused'));

  test('the next one is tried', async () => {
    sip.dials.set('tcp:198.51.100.9:6001', refusedDial);
    const told = sip.proxied(sip.request('INVITE'), ['sip:x@198.51.100.9:6001;transport=tcp', 'sip:x@198.51.100.9:6002']);
    await settled();
    sip.party(6002).answer(200);
    expect(told.story).toEqual(['started', '503', '200', 'done']);
    expect(statuses()).toEqual([100, 200]);
  });

  test('none can: 500', async () => {
    const invite = sip.request('INVITE');
    sip.dials.set('tcp:198.51.100.9:6001', refusedDial);
    sip.proxied(invite, ['sip:x@198.51.100.9:6001;transport=tcp']);
    await settled();
    expect(statuses()).toEqual([100, 500]);
    sip.ack(invite);
  });

  test('a name that leads to several places is one target: the next place is tried, and only the last word is reported', async () => {
    const [first, second] = [sip.party(6001), sip.party(6002)];
    first.next = () => Promise.resolve(second);
    const told = sip.proxied(sip.request('INVITE'), [6001], { remain: true });
    first.answer(503);
    await settled();
    expect(second.whats).toEqual(['INVITE']);
    expect(second.lastRequest.headers.getAll('via')).toHaveLength(2);
    // It is still known as ours when it comes back.
    const round = second.lastRequest.clone();
    round.headers.prepend('Via', 'SIP/2.0/UDP 198.51.100.9:6002;branch=z9hG4bKother');
    second.say(round);
    expect(sip.proxy([6001]).story).toEqual([expect.stringContaining('482')]);
    second.answer(180, { to: second.requests[0]! });
    second.answer(200, { to: second.requests[0]! });
    expect(statuses()).toEqual([100, 180, 200]);
    expect(told.story).toEqual(['started', '200', 'done']);
  });

  test('one that is being dialled when the caller gives up is never called', async () => {
    const invite = sip.request('INVITE');
    let connected: () => void = () => undefined;
    sip.dials.set('tcp:198.51.100.9:6001', () => new Promise((resolve) => (connected = () => resolve(sip.party(6001, 'tcp')))));
    const told = sip.proxied(invite, ['sip:x@198.51.100.9:6001;transport=tcp']);
    sip.cancel(invite);
    expect(sip.caller.finals).toEqual([200, 487]);
    connected();
    await settled();
    expect(sip.party(6001, 'tcp').heard).toEqual([]);
    expect(told.story).toEqual(['started', '487', 'done']);
    sip.ack(invite);
  });
});

test('the application is gone: what it had sent on goes on', () => {
  sip.proxied(sip.request('INVITE'), [6001]);
  sip.core.appLost(sip.app);
  sip.party(6001).answer(180);
  sip.party(6001).answer(200);
  expect(statuses()).toEqual([100, 180, 200]);
});

test('the engine ends: the caller is told, targets are cancelled', () => {
  const invite = sip.request('INVITE');
  const told = sip.proxied(invite, [6001, 6002], { simultaneous: true });
  sip.party(6001).answer(180);
  sip.core.close();
  expect(sip.caller.finals).toEqual([503]);
  expect(sip.party(6001).whats).toEqual(['INVITE', 'CANCEL']);
  expect(told.story).toEqual(['started', 'done']);
  sip.ack(invite);
});

test('a client that registers through us over a stream is remembered', () => {
  const phone = sip.party(40123, 'tcp');
  const register = sip.request('REGISTER', { Via: 'SIP/2.0/TCP 198.51.100.9:40123;branch=z9hG4bKreg', Contact: '<sip:carol@gone.invalid>' });
  sip.proxied(register, [6001], {}, phone);
  sip.party(6001).answer(200, { lines: [['Contact', '<sip:carol@gone.invalid>;expires=300']] });
  expect(sip.remembered).toEqual([['carol@gone.invalid', 300_000]]);
});

describe('call records', () => {
  const told = (): string[] => sip.records.map((one) => [one.event, one.source, one.event === 'start' ? one.role : one.event === 'stop' ? one.reason : ''].join(' ').trim());

  test('of an answered fork: one call with the caller, one with each target', () => {
    sip.proxied(sip.request('INVITE'), [6001, 6002, 6003], { simultaneous: true });
    sip.party(6001).answer(486);
    sip.party(6002).answer(180);
    sip.party(6003).answer(200);
    sip.party(6003).answer(200);
    sip.party(6002).answer(487);
    expect(told()).toEqual([
      'attempt network',
      'attempt application',
      'attempt application',
      'attempt application',
      'stop network call-rejected',
      'start network proxy-uac',
      'start application proxy-uas',
      'stop network call-canceled',
    ]);
    expect(sip.records[1]!.message.headers.getAll('via')).toHaveLength(2);
  });

  test('of a call that was turned down, and one that was given up', () => {
    const refused = sip.request('INVITE');
    sip.proxied(refused, [6001]);
    sip.party(6001).answer(486);
    sip.ack(refused);
    const givenUp = sip.request('INVITE', { CSeq: '2 INVITE' });
    sip.proxied(givenUp, [6001]);
    sip.party(6001).answer(180);
    sip.cancel(givenUp);
    sip.party(6001).answer(487);
    sip.ack(givenUp);
    expect(told().filter((one) => one.startsWith('stop'))).toEqual([
      'stop network call-rejected',
      'stop application call-rejected',
      'stop network call-canceled',
      'stop network call-canceled',
    ]);
  });

  test('there are none of other requests', () => {
    sip.proxied(sip.request('MESSAGE'), [6001]);
    sip.party(6001).answer(200);
    expect(told()).toEqual([]);
  });
});

test('an application with something sent on is not idle', () => {
  const invite = sip.request('INVITE');
  sip.proxied(invite, [6001]);
  expect(sip.core.isIdle(sip.app)).toBe(false);
  sip.party(6001).answer(486);
  expect(sip.core.isIdle(sip.app)).toBe(true);
  sip.ack(invite);
});

test('what is being sent on counts against the limit of open requests', () => {
  sip = new ProxyBench({ maxPendingRequests: 1 });
  sip.proxied(sip.request('MESSAGE'), [6001]);
  sip.caller.say(sip.request('MESSAGE'));
  expect(sip.caller.finals).toEqual([503]);
  sip.party(6001).answer(200);
  sip.proxied(sip.request('MESSAGE'), [6002]);
  sip.party(6002).answer(200);
  expect(sip.caller.finals).toEqual([503, 200, 200]);
});
