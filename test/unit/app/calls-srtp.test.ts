/** SRTP between each phone and us: what is offered, answered, tried again, and told to the plane; and that no key gets anywhere else. */
import { extension, FakeRequest, FakeResponder, World, binding } from './call-fakes';

const A = '192.168.7.20';
const B = '192.168.9.30';
const keyOf = (letter: string, octets = 30) => Buffer.alloc(octets, letter).toString('base64');
const crypto = (tag: number, letter: string, suite = 'AES_CM_128_HMAC_SHA1_80', octets = 30) => `a=crypto:${tag} ${suite} inline:${keyOf(letter, octets)}`;
const sdp = (host: string, version: number, transport: string, ...attributes: string[]) =>
  ['v=0', `o=- 77 ${version} IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0', `m=audio 7000 ${transport} 0 101`, 'a=rtpmap:101 telephone-event/8000', ...attributes, ''].join('\r\n');

type Policy = 'off' | 'optional' | 'required';

function world(ofCaller: Policy = 'optional', ofCallee: Policy = 'optional'): World {
  const w = new World();
  w.extensions.set('1001', extension('1001', { srtp: ofCaller }));
  w.extensions.set('1002', extension('1002', { srtp: ofCallee }));
  return w;
}

const transportOf = (text: string | undefined) => /^m=audio \d+ (\S+)/m.exec(text ?? '')?.[1];
const linesOf = (text: string | undefined) => [...(text ?? '').matchAll(/^a=crypto:(\d+) (\S+) inline:(\S+)\r$/gm)].map(([, tag, suite, key]) => ({ tag: Number(tag), suite, key }));
const keysOf = (w: World, id: string) => w.plane.of('setCrypto').filter((c) => c[1] === id).map((c) => c[2] as { send: { suite: string; keySalt: string }; receive: { suite: string; keySalt: string } } | null);

describe('the caller', () => {
  test.each<[Policy, string, string[], number, string]>([
    ['off', 'RTP/SAVP', [crypto(1, 'a')], 488, 'audio over RTP/SAVP is not supported, only RTP/AVP'],
    ['required', 'RTP/AVP', [], 488, 'this extension takes only encrypted audio'],
    ['optional', 'RTP/SAVP', [], 488, 'no common SRTP suite'],
  ])('%s, offering %s %j: %i', async (policy, transport, attributes, status, sentence) => {
    const w = world(policy);
    const { res } = await w.dial(sdp(A, 1, transport, ...attributes));
    expect(res.final).toMatchObject({ status, reason: expect.stringContaining(sentence), headers: { Warning: expect.stringContaining('302 offhook') } });
    expect(JSON.stringify(res.final)).not.toContain(keyOf('a'));
  });

  test('the suite that it likes most is taken, with a key of ours; the phone stays plain', async () => {
    const w = world('optional', 'off');
    await w.dial(sdp(A, 1, 'RTP/SAVP', crypto(4, 'a', 'AES_CM_256_HMAC_SHA1_80', 46), crypto(5, 'b')));
    expect(transportOf(w.fork().options.localSdp)).toBe('RTP/AVP');
    expect(linesOf(w.fork().options.localSdp)).toEqual([]);
    w.fork().answers(sdp(B, 1, 'RTP/AVP'));
    await w.settle();
    expect(transportOf(w.answer.sdp)).toBe('RTP/SAVP');
    const [line, ...more] = linesOf(w.answer.sdp);
    expect([line?.tag, line?.suite, more]).toEqual([4, 'AES_CM_256_HMAC_SHA1_80', []]);
    expect(keysOf(w, 'e0')).toEqual([{ send: { suite: 'AES_256_CM_HMAC_SHA1_80', keySalt: line?.key }, receive: { suite: 'AES_256_CM_HMAC_SHA1_80', keySalt: keyOf('a', 46) } }]);
    expect(keysOf(w, 'e1')).toEqual([]);
    // the plane knows the keys before it is told where to send
    const order = w.plane.calls.map(([name]) => name);
    expect(order.indexOf('setCrypto')).toBeLessThan(order.indexOf('connect'));
    expect(order.indexOf('setCrypto')).toBeLessThan(order.indexOf('setRemote'));
  });

  test('keys under RTP/AVP are taken, too', async () => {
    const w = world('optional', 'off');
    await w.dial(sdp(A, 1, 'RTP/AVP', crypto(1, 'a')));
    w.fork().answers(sdp(B, 1, 'RTP/AVP'));
    await w.settle();
    expect([transportOf(w.answer.sdp), linesOf(w.answer.sdp).length, keysOf(w, 'e0').length]).toEqual(['RTP/AVP', 1, 1]);
  });
});

describe('the phone that is called', () => {
  test.each<[Policy, string, string[]]>([
    ['off', 'RTP/AVP', []],
    ['optional', 'RTP/AVP', ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32']],
    ['required', 'RTP/SAVP', ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32', 'AES_256_CM_HMAC_SHA1_80', 'AEAD_AES_128_GCM', 'AEAD_AES_256_GCM']],
  ])('%s: %s with %j', async (policy, transport, suites) => {
    const w = world('off', policy);
    await w.dial(sdp(A, 1, 'RTP/AVP'));
    const offer = w.fork().options.localSdp;
    expect([transportOf(offer), linesOf(offer).map(({ suite }) => suite)]).toEqual([transport, suites]);
    expect(new Set(linesOf(offer).map(({ key }) => key)).size).toBe(suites.length);
  });

  test('plain, although it was offered keys', async () => {
    const w = world('off', 'optional');
    await w.dial(sdp(A, 1, 'RTP/AVP'));
    w.fork().answers(sdp(B, 1, 'RTP/AVP'));
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ state: 'up' }]);
    expect(w.plane.of('setCrypto')).toEqual([]);
  });

  test('encrypted under RTP/AVP', async () => {
    const w = world('off', 'optional');
    await w.dial(sdp(A, 1, 'RTP/AVP'));
    const offered = linesOf(w.fork().options.localSdp);
    w.fork().answers(sdp(B, 1, 'RTP/AVP', crypto(2, 'b', 'AES_CM_128_HMAC_SHA1_32')));
    await w.settle();
    expect(keysOf(w, 'e1')).toEqual([{ send: { suite: 'AES_CM_128_HMAC_SHA1_32', keySalt: offered[1]?.key }, receive: { suite: 'AES_CM_128_HMAC_SHA1_32', keySalt: keyOf('b') } }]);
    expect(keysOf(w, 'e0')).toEqual([]);
  });

  test('refusing the one it is called with the other, once; and next time with that first', async () => {
    const w = world('off', 'optional');
    const { res } = await w.dial(sdp(A, 1, 'RTP/AVP'));
    w.fork().refuses(488);
    expect(w.srf.forks.length).toBe(2);
    expect([transportOf(w.fork(1).options.localSdp), res.final]).toEqual(['RTP/SAVP', undefined]);
    const phone = w.fork(1).answers(sdp(B, 1, 'RTP/SAVP', crypto(1, 'b')));
    await w.settle();
    expect(keysOf(w, 'e1').length).toBe(1);
    expect(w.calls.stats()).toMatchObject({ srtpRetries: 1 });
    phone.bye();
    await w.settle();

    await w.dial(sdp(A, 1, 'RTP/AVP'));
    expect(transportOf(w.fork(2).options.localSdp)).toBe('RTP/SAVP');
    w.fork(2).refuses(488);
    // set to plain meanwhile
    expect([transportOf(w.fork(3).options.localSdp), linesOf(w.fork(3).options.localSdp)]).toEqual(['RTP/AVP', []]);
    w.fork(3).answers(sdp(B, 1, 'RTP/AVP'));
    await w.settle();
    expect(w.calls.list()).toMatchObject([{ state: 'up' }]);
  });

  test.each<[Policy, number]>([['off', 1], ['required', 1], ['optional', 2]])('%s: refusing all it is offered, 488 after %i', async (policy, invites) => {
    const w = world('off', policy);
    const { res } = await w.dial(sdp(A, 1, 'RTP/AVP'));
    for (let i = 0; i < invites; i++) w.fork(i).refuses(488);
    expect([w.srf.forks.length, res.final?.status]).toEqual([invites, 488]);
    await w.settle();
    expect(w.left).toMatchObject({ calls: 0, ports: 0 });
  });

  test('a phone that called with SRTP is called with it', async () => {
    const w = world('optional', 'optional');
    w.phones = [binding('1002', A)];
    const req = new FakeRequest('INVITE', sdp(A, 1, 'RTP/SAVP', crypto(1, 'a')), {}, 'sip:1003@pbx.test', `::ffff:${A}`);
    const res = new FakeResponder();
    await w.calls.onInvite(req, res, extension('1002', { srtp: 'optional' }));
    expect(res.final?.status).toBe(480);
    await w.dial(sdp('192.168.7.99', 1, 'RTP/AVP'), {}, 'sip:1002@pbx.test', '192.168.7.99');
    expect(transportOf(w.fork().options.localSdp)).toBe('RTP/SAVP');
  });

  test('required, and answering plain: the call does not come about', async () => {
    const w = world('off', 'required');
    const { res } = await w.dial(sdp(A, 1, 'RTP/AVP'));
    w.fork().answers(sdp(B, 1, 'RTP/SAVP'));
    await w.settle();
    expect([res.final?.status, w.plane.of('connect')]).toEqual([488, []]);
  });
});

async function secured(): Promise<{ w: World; caller: World['answer']['dialog']; phone: ReturnType<ReturnType<World['fork']>['answers']> }> {
  const w = world();
  await w.dial(sdp(A, 1, 'RTP/SAVP', crypto(1, 'a')));
  const phone = w.fork().answers(sdp(B, 1, 'RTP/AVP', crypto(1, 'b')));
  await w.settle();
  return { w, caller: w.answer.dialog, phone };
}

describe('while the call is up', () => {
  test('each leg has its own keys', async () => {
    const { w } = await secured();
    const [a] = keysOf(w, 'e0');
    const [b] = keysOf(w, 'e1');
    const all = [a?.send, a?.receive, b?.send, b?.receive].map((k) => k?.keySalt);
    expect(new Set(all).size).toBe(4);
    expect([a?.receive.keySalt, b?.receive.keySalt]).toEqual([keyOf('a'), keyOf('b')]);
  });

  test('a refresh is answered word for word; nothing is told to the plane', async () => {
    const { w, caller } = await secured();
    const before = w.plane.calls.length;
    expect(caller.receives('INVITE', sdp(A, 1, 'RTP/SAVP', crypto(1, 'a'))).final?.body).toBe(w.answer.sdp);
    await w.settle();
    expect(w.plane.calls.length).toBe(before);
  });

  test('the phone changes its key: ours stays, the other phone is offered what it had', async () => {
    const { w, caller, phone } = await secured();
    const [before] = keysOf(w, 'e1');
    const res = phone.receives('INVITE', sdp(B, 2, 'RTP/AVP', crypto(1, 'c')));
    const offered = caller.requests[0]?.body;
    expect([transportOf(offered), linesOf(offered)]).toEqual(['RTP/SAVP', [{ tag: 1, suite: 'AES_CM_128_HMAC_SHA1_80', key: keysOf(w, 'e0')[0]?.send.keySalt }]]);
    caller.requests[0]?.answer(200, sdp(A, 2, 'RTP/SAVP', crypto(1, 'a')));
    expect(linesOf(res.final?.body)[0]?.key).toBe(before?.send.keySalt);
    await w.settle();
    expect(keysOf(w, 'e1')).toEqual([before, { send: before?.send, receive: { suite: 'AES_CM_128_HMAC_SHA1_80', keySalt: keyOf('c') } }]);
    expect(keysOf(w, 'e0').length).toBe(1);
  });

  test('another suite has another key of ours', async () => {
    const { w, caller, phone } = await secured();
    caller.receives('INVITE', sdp(A, 2, 'RTP/SAVP', crypto(1, 'a', 'AES_CM_128_HMAC_SHA1_32')));
    phone.requests[0]?.answer(200, sdp(B, 2, 'RTP/AVP', crypto(1, 'b')));
    await w.settle();
    const [first, second] = keysOf(w, 'e0');
    expect(second?.send.suite).toBe('AES_CM_128_HMAC_SHA1_32');
    expect(second?.send.keySalt).not.toBe(first?.send.keySalt);
  });

  test('turning encryption off is a change like any other, where the extension may', async () => {
    const { w, phone, caller } = await secured();
    phone.receives('INVITE', sdp(B, 2, 'RTP/AVP'));
    caller.requests[0]?.answer(200, sdp(A, 2, 'RTP/SAVP', crypto(1, 'a')));
    await w.settle();
    expect(keysOf(w, 'e1').at(-1)).toBeNull();
  });

  test('a refused change leaves the keys as they were', async () => {
    const { w, caller, phone } = await secured();
    phone.receives('INVITE', sdp(B, 2, 'RTP/AVP', crypto(1, 'c')));
    caller.requests[0]?.answer(488);
    await w.settle();
    expect(keysOf(w, 'e1').length).toBe(1);
  });

  test('no key of one party in anything that the other one, or the log, gets', async () => {
    const { w, caller, phone } = await secured();
    caller.receives('INVITE', sdp(A, 2, 'RTP/SAVP', crypto(1, 'd'), 'a=sendonly'));
    phone.requests[0]?.answer(200, sdp(B, 2, 'RTP/AVP', crypto(1, 'e'), 'a=recvonly'));
    await w.settle();
    const [a] = keysOf(w, 'e0');
    const [b] = keysOf(w, 'e1');
    const toB = JSON.stringify([w.fork().options, phone.requests]);
    const toA = JSON.stringify([w.answer.sdp, w.answer.headers, caller.requests]);
    for (const key of [keyOf('a'), keyOf('d'), a?.send.keySalt]) expect(toB).not.toContain(key);
    for (const key of [keyOf('b'), keyOf('e'), b?.send.keySalt]) expect(toA).not.toContain(key);
    phone.bye();
    await w.settle();
    const told = JSON.stringify([w.log.lines, w.calls.recent(), w.calls.stats()]);
    for (const key of ['a', 'b', 'd', 'e'].map((l) => keyOf(l)).concat(a?.send.keySalt ?? '', b?.send.keySalt ?? '')) expect(told).not.toContain(key);
  });
});

test('early media is decrypted: the keys are there with the 183', async () => {
  const w = world('off', 'required');
  await w.dial(sdp(A, 1, 'RTP/AVP'));
  w.fork().provisional(183, sdp(B, 1, 'RTP/SAVP', crypto(1, 'b')));
  await w.settle();
  expect(keysOf(w, 'e1')).toMatchObject([{ receive: { keySalt: keyOf('b') } }]);
});

test('an INVITE without SDP, to an extension that requires SRTP: our offer in the 200 has keys, the ACK brings the others', async () => {
  const w = world('required', 'off');
  await w.dial('');
  w.fork().answers(sdp(B, 1, 'RTP/AVP'));
  expect(transportOf(w.answer.sdp)).toBe('RTP/SAVP');
  w.answer.dialog.acks(sdp(A, 1, 'RTP/SAVP', crypto(1, 'a')));
  await w.settle();
  expect(keysOf(w, 'e0')).toMatchObject([{ send: { keySalt: linesOf(w.answer.sdp)[0]?.key }, receive: { keySalt: keyOf('a') } }]);
});

test('media goes through us where a key is in the offer, although both extensions are set to direct', async () => {
  const w = world();
  for (const number of ['1001', '1002']) w.extensions.set(number, extension(number, { media: 'direct', srtp: 'optional' }));
  await w.dial(sdp(A, 1, 'RTP/AVP'));
  expect(w.plane.allocated).toBe(0);
  expect(linesOf(w.fork().options.localSdp)).toEqual([]);
  await w.dial(sdp(A, 1, 'RTP/SAVP', crypto(1, 'a')));
  expect(w.plane.allocated).toBe(2);
});

test('RTCP on the port of RTP is agreed to, and the plane knows', async () => {
  const w = world('off', 'off');
  await w.dial(sdp(A, 1, 'RTP/AVP', 'a=rtcp-mux'));
  w.fork().answers(sdp(B, 1, 'RTP/AVP'));
  await w.settle();
  expect(w.answer.sdp).toContain('a=rtcp-mux\r\n');
  expect(w.fork().options.localSdp).not.toContain('rtcp-mux');
  expect(w.plane.of('setRemote')).toEqual([['setRemote', 'e0', `${A}:7000/7000`, false], ['setRemote', 'e1', `${B}:7000/7001`, false]]);
});
