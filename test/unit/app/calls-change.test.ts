/** Changing a call that is up: re-INVITE and UPDATE in both directions, and what else comes inside its dialogs. */
import { FakeRequest, FakeResponder, nothing, World, type FakeDialog } from './call-fakes';

const sdp = (host: string, version: number, more: { port?: number; direction?: string; codecs?: string; connection?: string } = {}) =>
  [
    'v=0', `o=- 77 ${version} IN IP4 ${host}`, 's=-', `c=IN IP4 ${more.connection ?? host}`, 't=0 0',
    `m=audio ${more.port ?? 7000} RTP/AVP ${more.codecs ?? '0 8 101'}`, 'a=rtpmap:101 telephone-event/8000',
    ...(more.direction ? [`a=${more.direction}`] : []), '',
  ].join('\r\n');

const A = '192.168.7.20';
const B = '192.168.9.30';

interface Up {
  w: World;
  caller: FakeDialog;
  phone: FakeDialog;
  /** The connect calls of the plane since the call is up. */
  wirings(): Array<{ aToB: { flow: boolean; payloadMap: object }; bToA: { flow: boolean; payloadMap: object } }>;
  remotes(): unknown[];
}

async function up(): Promise<Up> {
  const w = new World();
  await w.dial(sdp(A, 1));
  const phone = w.fork().answers(sdp(B, 1));
  await w.settle();
  const before = w.plane.calls.length;
  return {
    w,
    caller: w.answer.dialog,
    phone,
    wirings: () => w.plane.calls.slice(before).filter(([name]) => name === 'connect').map((c) => c[3] as never),
    remotes: () => w.plane.calls.slice(before).filter(([name]) => name === 'setRemote'),
  };
}

const version = (text: string | undefined) => /^o=- \d+ (\d+) /m.exec(text ?? '')?.[1];

describe.each(['caller', 'phone'] as const)('hold and resume by the %s', (who) => {
  test.each<[string, object, string, string, [boolean, boolean]]>([
    // how it holds, what the other side is offered, what it answers, [from holder, to holder]
    ['sendonly', { direction: 'sendonly' }, 'sendonly', 'recvonly', [true, false]],
    ['inactive', { direction: 'inactive' }, 'inactive', 'inactive', [false, false]],
    ['c=0.0.0.0', { connection: '0.0.0.0' }, 'sendonly', 'recvonly', [true, false]],
  ])('%s', async (_, how, offered, answered, [fromHolder, toHolder]) => {
    const call = await up();
    const { w } = call;
    const [holder, held, host, otherHost] = who === 'caller' ? [call.caller, call.phone, A, B] : [call.phone, call.caller, B, A];
    const hold = holder.receives('INVITE', sdp(host, 2, how));
    expect(hold.sent).toEqual([]);
    const [reinvite] = held.requests;
    expect(reinvite).toMatchObject({ method: 'INVITE', headers: { Contact: held.local.contact, 'Content-Type': 'application/sdp', Allow: expect.any(String) } });
    expect(reinvite?.body).toContain(`a=${offered}\r\n`);
    expect(reinvite?.body).not.toContain(host);
    reinvite?.answer(180);
    expect(hold.sent).toEqual([]);
    reinvite?.answer(200, sdp(otherHost, 2, { direction: answered }));
    expect(hold.final).toMatchObject({ status: 200, body: expect.stringContaining(`a=${answered}\r\n`), headers: { Contact: holder.local.contact } });
    expect(hold.final?.body).not.toContain(otherHost);
    await w.settle();
    const [a, b] = who === 'caller' ? [fromHolder, toHolder] : [toHolder, fromHolder];
    expect(call.wirings().map((x) => [x.aToB.flow, x.bToA.flow])).toEqual([[a, b]]);
    expect(w.calls.list()[0]?.held).toBe(true);
    // held or not, the phone is where it was
    expect(call.remotes()).toEqual([]);

    const resume = holder.receives('INVITE', sdp(host, 3));
    held.requests[1]?.answer(200, sdp(otherHost, 3));
    expect(resume.final?.body).toContain('a=sendrecv\r\n');
    expect([version(reinvite?.body), version(held.requests[1]?.body)]).toEqual(['2', '3']);
    expect([version(hold.final?.body), version(resume.final?.body)]).toEqual(['2', '3']);
    await w.settle();
    expect(call.wirings().at(-1)).toMatchObject({ aToB: { flow: true }, bToA: { flow: true } });
    expect(w.calls.list()[0]?.held).toBe(false);
  });
});

test('a phone that moves: the other one is asked, and the relay waits for the packets anew', async () => {
  const call = await up();
  const res = call.caller.receives('INVITE', sdp('192.168.7.99', 2, { port: 7100 }));
  call.phone.requests[0]?.answer(200, sdp(B, 1));
  expect(res.final?.status).toBe(200);
  await call.w.settle();
  expect(call.remotes()).toEqual([['setRemote', 'e0', '192.168.7.99:7100/7101', true]]);
  expect(call.wirings()).toEqual([]);
});

test('another codec, under a number of the phone\'s own', async () => {
  const call = await up();
  const offer = sdp(A, 2, { codecs: '111' }) + 'a=rtpmap:111 opus/48000/2\r\n';
  call.caller.receives('INVITE', offer);
  call.phone.requests[0]?.answer(200, sdp(B, 2, { codecs: '96' }) + 'a=rtpmap:96 opus/48000/2\r\n');
  await call.w.settle();
  expect(call.wirings()).toMatchObject([{ aToB: { flow: true, payloadMap: { 111: 96 } }, bToA: { flow: true, payloadMap: { 96: 111 } } }]);
});

test('a number that already means something else on the other leg is changed for it', async () => {
  const call = await up();
  // 101 is telephone-event there
  call.phone.receives('INVITE', sdp(B, 2, { codecs: '101' }).replace('telephone-event/8000', 'opus/48000/2'));
  expect(call.caller.requests[0]?.body).toMatch(/m=audio \d+ RTP\/AVP 96\r\na=rtpmap:96 opus/);
});

test('a phone that keeps inventing numbers is refused when none is left, and the call goes on', async () => {
  const call = await up();
  let status = 200;
  for (let i = 0; i < 40 && status === 200; i++) {
    // each codec of the other leg's 32 dynamic numbers goes to another clock rate of events
    const offer = sdp(A, i + 2, { codecs: '0 96' }) + `a=rtpmap:96 telephone-event/${8000 + i}\r\n`;
    const res = call.caller.receives('INVITE', offer);
    call.phone.requests.at(-1)?.answer(200, sdp(B, i + 2, { codecs: '0' }));
    status = res.final?.status ?? 0;
  }
  expect(status).toBe(200);
  // PCMU has its number for ever; opus would need a new one
  const res = call.caller.receives('INVITE', sdp(A, 99, { codecs: '96' }) + 'a=rtpmap:96 opus/48000/2\r\n');
  expect(res.final?.status).toBe(488);
  expect(call.caller.receives('INVITE', sdp(A, 100, { codecs: '0', direction: 'sendonly' })).final).toBeUndefined();
  call.phone.requests.at(-1)?.answer(200, sdp(B, 99, { codecs: '0', direction: 'recvonly' }));
  expect(call.w.calls.list()).toMatchObject([{ state: 'up', held: true }]);
});

test('a session refresh is answered by ourselves, word for word as before', async () => {
  const call = await up();
  for (const dialog of [call.caller, call.phone]) {
    const host = dialog === call.caller ? A : B;
    const first = dialog.receives('INVITE', sdp(host, 1));
    const second = dialog.receives('UPDATE', sdp(host, 1));
    expect(first.final?.status).toBe(200);
    expect(second.final?.body).toBe(first.final?.body);
    expect(version(first.final?.body)).toBe('1');
  }
  expect(call.caller.receives('INVITE', sdp(A, 1)).final?.body).toBe(call.w.answer.sdp);
  expect([...call.caller.requests, ...call.phone.requests]).toEqual([]);
  expect(call.w.calls.stats().refreshes).toBe(5);
  await call.w.settle();
  expect(call.wirings()).toEqual([]);
});

test('an UPDATE without SDP is only a sign of life', async () => {
  const call = await up();
  expect(call.caller.receives('UPDATE').final).toMatchObject({ status: 200, body: undefined, headers: { Contact: call.caller.local.contact } });
});

test('an UPDATE with SDP is passed on like a re-INVITE', async () => {
  const call = await up();
  const res = call.phone.receives('UPDATE', sdp(B, 2, { direction: 'sendonly' }));
  expect(call.caller.requests[0]?.method).toBe('INVITE');
  call.caller.requests[0]?.answer(200, sdp(A, 2, { direction: 'recvonly' }));
  expect(res.final).toMatchObject({ status: 200, body: expect.stringContaining('a=recvonly') });
});

describe('a change that is refused leaves the session as it was', () => {
  test.each<[number, number]>([[488, 488], [491, 491], [408, 504], [500, 500], [503, 503], [401, 500], [606, 606], [469, 400]])('%i → %i', async (status, told) => {
    const call = await up();
    const res = call.caller.receives('INVITE', sdp(A, 2, { direction: 'sendonly' }));
    call.phone.requests[0]?.answer(status);
    expect(res.final?.status).toBe(told);
    await call.w.settle();
    expect(call.wirings()).toEqual([]);
    expect(call.w.calls.list()[0]).toMatchObject({ state: 'up', held: false });
    expect(call.w.calls.stats().refusedChanges).toBe(1);
    // what holds is still what was before, and a later change works; the refused version is not used again
    expect(call.phone.receives('INVITE', sdp(B, 1)).final?.body).toContain('a=sendrecv');
    expect(version(call.phone.receives('INVITE', sdp(B, 1)).final?.body)).toBe('1');
    const again = call.caller.receives('INVITE', sdp(A, 3, { direction: 'sendonly' }));
    expect(version(call.phone.requests[1]?.body)).toBe('3');
    call.phone.requests[1]?.answer(200, sdp(B, 2, { direction: 'recvonly' }));
    expect(again.final?.status).toBe(200);
  });

  test('by an answer that is none', async () => {
    const call = await up();
    const res = call.caller.receives('INVITE', sdp(A, 2, { direction: 'sendonly' }));
    call.phone.requests[0]?.answer(200, 'hello');
    expect(res.final?.status).toBe(488);
    expect(call.w.calls.stats()).toMatchObject({ badSdp: 1, refusedChanges: 1 });
  });

  test.each<[string, string, Record<string, string>, number]>([
    ['no SDP', 'hello', {}, 400],
    ['video only', sdp(A, 2).replace('m=audio', 'm=video'), {}, 488],
    ['audio removed', sdp(A, 2, { port: 0 }), {}, 488],
    ['fax', sdp(A, 2).replace(/m=[\s\S]*/, 'm=image 7000 udptl t38\r\n'), {}, 488],
    ['another body', 'x', { 'content-type': 'text/plain' }, 415],
  ])('because we do not understand it: %s', async (_, body, headers, status) => {
    const call = await up();
    expect(call.caller.receives('INVITE', body, headers).final?.status).toBe(status);
    expect(call.phone.requests).toEqual([]);
    expect(call.caller.receives('INVITE', sdp(A, 1)).final?.status).toBe(200);
  });
});

test.each<[string, (d: FakeDialog) => void]>([
  ['481', (d) => d.requests[0]?.answer(481)],
  ['that the engine does not know it', (d) => d.requests[0]?.fail('Server error: unable to find dialog for dialog id provided')],
])('a phone without its dialog (%s) ends the call', async (_, fail) => {
  const call = await up();
  const res = call.caller.receives('INVITE', sdp(A, 2, { direction: 'sendonly' }));
  fail(call.phone);
  expect(res.final?.status).toBe(487);
  expect(call.caller.byes[0]?.['Reason']).toContain('the phone of 1002 lost the call');
  await call.w.settle();
  expect(call.w.left).toEqual(nothing);
});

describe('glare', () => {
  test('a change from the other side while one is under way, and one that comes twice', async () => {
    const call = await up();
    const first = call.caller.receives('INVITE', sdp(A, 2, { direction: 'sendonly' }));
    expect(call.phone.receives('INVITE', sdp(B, 2, { direction: 'sendonly' })).final?.status).toBe(491);
    expect(call.phone.receives('UPDATE', sdp(B, 2, { direction: 'sendonly' })).final?.status).toBe(491);
    expect(call.caller.receives('INVITE', sdp(A, 3)).final?.status).toBe(491);
    // a sign of life is none
    expect(call.phone.receives('UPDATE').final?.status).toBe(200);
    // the phone saw the same: our re-INVITE met its own
    call.phone.requests[0]?.answer(491);
    expect(first.final?.status).toBe(491);
    expect(call.w.calls.stats().glare).toBe(3);
    const later = call.phone.receives('INVITE', sdp(B, 3, { direction: 'sendonly' }));
    call.caller.requests[0]?.answer(200, sdp(A, 2, { direction: 'recvonly' }));
    expect(later.final?.status).toBe(200);
  });

  test('a re-INVITE of the phone before the caller has our 200', async () => {
    const w = new World();
    await w.dial(sdp(A, 1));
    w.srf.hold = true;
    const phone = w.fork().answers(sdp(B, 1));
    expect(phone.receives('INVITE', sdp(B, 2)).final?.status).toBe(491);
    expect(phone.receives('INFO', 'x').final?.status).toBe(480);
    w.answer.goesOut();
    expect(w.calls.list()[0]?.state).toBe('up');
  });
});

test('the call ends while a change is under way: its request is answered', async () => {
  const call = await up();
  const res = call.caller.receives('INVITE', sdp(A, 2, { direction: 'sendonly' }));
  call.phone.bye();
  expect(res.final?.status).toBe(487);
  call.phone.requests[0]?.answer(487);
  await call.w.settle();
  expect(call.w.left).toEqual(nothing);
});

test('a change that is taken back (CANCEL) after the other phone agreed: that one is told what still holds', async () => {
  const call = await up();
  const request = call.caller.receives('INVITE', sdp(A, 2, { direction: 'sendonly' }));
  request.refused = 'Response not sent due to unknown transaction';
  call.phone.requests[0]?.answer(200, sdp(B, 2, { direction: 'recvonly' }));
  expect(call.phone.requests[1]?.body).toContain('a=sendrecv\r\n');
  expect(call.phone.receives('INVITE', sdp(B, 3)).final?.status).toBe(491);
  call.phone.requests[1]?.answer(200, sdp(B, 3));
  await call.w.settle();
  expect(call.w.calls.list()[0]?.held).toBe(false);
  expect(call.wirings().every((x) => x.aToB.flow && x.bToA.flow)).toBe(true);
});

describe('a re-INVITE without SDP', () => {
  test('is answered with an offer of what the other phone does; the same in the ACK changes nothing', async () => {
    const call = await up();
    const res = call.phone.receives('INVITE', '', { cseq: '5 INVITE' });
    expect(res.final).toMatchObject({ status: 200, body: expect.stringMatching(/RTP\/AVP 0 8 101\r\n[^]*a=sendrecv/) });
    expect(res.final?.body).not.toContain(A);
    expect(call.caller.receives('INVITE', sdp(A, 2)).final?.status).toBe(491);
    call.phone.acks(sdp(B, 1), 4);
    expect(call.caller.receives('INVITE', sdp(A, 2)).final?.status).toBe(491);
    call.phone.acks(sdp(B, 1), 5);
    expect(call.caller.requests).toEqual([]);
    await call.w.settle();
    expect(call.wirings()).toEqual([]);
    expect(call.caller.receives('INVITE', sdp(A, 1)).final?.status).toBe(200);
    expect(call.w.clock.waiting).toBe(0);
  });

  test('can resume what was held, since it is offered what the other phone would like', async () => {
    const call = await up();
    call.caller.receives('INVITE', sdp(A, 2, { direction: 'sendonly' }));
    call.phone.requests[0]?.answer(200, sdp(B, 2, { direction: 'recvonly' }));
    const res = call.caller.receives('INVITE', '', { cseq: '9 INVITE' });
    expect(res.final?.body).toContain('a=sendrecv\r\n');
    call.caller.acks(sdp(A, 3), 9);
    expect(call.phone.requests[1]?.body).toContain('a=sendrecv\r\n');
    call.phone.requests[1]?.answer(200, sdp(B, 3));
    await call.w.settle();
    expect(call.wirings().at(-1)).toMatchObject({ aToB: { flow: true }, bToA: { flow: true } });
    expect(call.w.calls.list()[0]?.held).toBe(false);
  });

  test.each<[string, (call: Up) => void]>([
    ['an ACK without an answer', ({ caller }) => caller.acks('', 9)],
    ['an ACK with nonsense', ({ caller }) => caller.acks('hello', 9)],
    ['no ACK', ({ w }) => w.clock.advance(33_000)],
  ])('%s: everything stays', async (_, then) => {
    const call = await up();
    const res = call.caller.receives('INVITE', '', { cseq: '9 INVITE' });
    expect(res.final?.status).toBe(200);
    then(call);
    expect(call.w.calls.list()[0]?.state).toBe('up');
    expect(call.phone.requests).toEqual([]);
    expect(call.phone.receives('INVITE', sdp(B, 1)).final?.status).toBe(200);
    expect(call.w.clock.waiting).toBe(0);
  });

  test('that was cancelled', async () => {
    const call = await up();
    const res = new FakeResponder();
    res.refused = 'Response not sent due to unknown transaction';
    call.caller.emit('modify', new FakeRequest('INVITE', '', { cseq: '9 INVITE' }), res);
    expect(call.w.clock.waiting).toBe(0);
    expect(call.phone.receives('INVITE', sdp(B, 1)).final?.status).toBe(200);
  });
});

describe('other requests inside a call', () => {
  test.each(['INFO', 'MESSAGE'])('%s goes to the other phone, body and type kept, and its answer comes back', async (method) => {
    const call = await up();
    const res = call.caller.receives(method, 'Signal=5\r\n', { 'content-type': 'application/dtmf-relay', 'info-package': 'dtmf', 'x-internal': 'no', via: 'no' });
    expect(call.phone.requests).toMatchObject([{ method, body: 'Signal=5\r\n', headers: { 'Content-Type': 'application/dtmf-relay', 'Info-Package': 'dtmf' } }]);
    expect(Object.keys(call.phone.requests[0]?.headers ?? {})).toHaveLength(2);
    call.phone.requests[0]?.answer(202, 'ok', { 'Content-Type': 'text/plain', 'X-Other': 'no' });
    expect(res.sent).toEqual([{ status: 202, reason: '', headers: { 'Content-Type': 'text/plain' }, body: 'ok' }]);
  });

  test.each<[number, number]>([[415, 415], [408, 504]])('INFO answered %i: %i, and the call goes on', async (status, told) => {
    const call = await up();
    const res = call.phone.receives('INFO', 'x');
    call.caller.requests[0]?.answer(status);
    expect(res.final?.status).toBe(told);
    expect(call.w.calls.active()).toBe(1);
  });

  test('INFO to a phone that has lost the call', async () => {
    const call = await up();
    const res = call.caller.receives('INFO', 'x');
    call.phone.requests[0]?.answer(481);
    expect(res.final?.status).toBe(487);
    await call.w.settle();
    expect(call.w.left).toEqual(nothing);
  });

  test.each<[string, number]>([['REFER', 400], ['SUBSCRIBE', 489], ['NOTIFY', 481], ['PUBLISH', 501], ['OPTIONS', 200]])('%s: %i', async (method, status) => {
    const call = await up();
    expect(call.caller.receives(method).final?.status).toBe(status);
    expect(call.phone.requests).toEqual([]);
  });

  test('after the end: 481', async () => {
    const call = await up();
    call.phone.bye();
    expect(call.caller.receives('INFO').final?.status).toBe(481);
    expect(call.caller.receives('INVITE', sdp(A, 2)).final?.status).toBe(481);
  });
});
