/** From the INVITE to the answer, or to the refusal. */
import { baresip, linphone, linphoneSrtp, sipp } from '../media/sdp-offers';
import { binding, extension, FakeRequest, FakeResponder, nothing, World } from './call-fakes';

const answerOfB = [
  'v=0', 'o=- 5 5 IN IP4 192.168.9.30', 's=-', 'c=IN IP4 192.168.9.30', 't=0 0',
  'm=audio 7000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', '',
].join('\r\n');

const reason = (headers: Record<string, string>) => headers['Reason'];

describe('a call', () => {
  test('is offered to the phone over the flow it registered over, with nothing of the caller\'s dialog', async () => {
    const w = new World();
    w.phones = [binding('1002', '192.168.9.30', 41234, 'tcp')];
    const { req } = await w.dial(linphone, { subject: 'lunch', 'x-secret': 'no', priority: 'urgent' });
    const fork = w.fork();
    expect(fork.uri).toBe('sip:1002@192.168.9.30:41234');
    expect(fork.options.proxy).toBe('sip:192.168.9.30:41234;transport=tcp');
    expect(fork.options.headers).toEqual({
      From: '"Ann \\"the boss\\"" <sip:1001@localhost>',
      To: '<sip:1002@localhost>',
      Allow: expect.stringContaining('INVITE'),
      Supported: 'timer, replaces, norefersub',
      Subject: 'lunch',
      Priority: 'urgent',
      'Content-Type': 'application/sdp',
    });
    expect(fork.options.localSdp).toContain('m=audio 40002 RTP/AVP 96 0 8 99 100 101\r\n');
    expect(fork.options.localSdp).toContain('c=IN IP4 10.0.0.1\r\n');
    const everything = JSON.stringify(fork.options);
    for (const secret of [req.get('call-id'), '192.168.7.20', 'tag-of-caller', '1806']) expect(everything).not.toContain(secret);
  });

  test('an IPv6 phone is reached in brackets', async () => {
    const w = new World();
    w.phones = [binding('1002', '2001:db8::30')];
    await w.dial(sipp);
    expect(w.fork().options.proxy).toBe('sip:[2001:db8::30]:5060;transport=udp');
    expect(w.fork().options.localSdp).toContain('c=IN IP6 2001:db8::1');
    expect([...w.plane.held.values()].map((e) => e.family).sort()).toEqual([4, 6]);
  });

  test('rings, is answered, its media wired, and everything is given back', async () => {
    const w = new World();
    const events: string[] = [];
    for (const event of ['started', 'ringing', 'answered', 'ended'] as const) w.calls.on(event, () => events.push(event));
    const { res } = await w.dial(linphone);
    w.fork().provisional(180);
    w.fork().provisional(180);
    expect(res.statuses).toEqual([180]);
    w.clock.advance(3000);

    const phone = w.fork().answers(answerOfB);
    expect(w.answer.sdp).toContain('m=audio 40000 RTP/AVP 0 101\r\n');
    expect(w.answer.headers).toMatchObject({ Allow: expect.stringContaining('UPDATE'), 'Content-Type': 'application/sdp' });
    await w.settle();
    expect(w.plane.of('setRemote')).toEqual([
      ['setRemote', 'e0', '192.168.7.20:24200/24201', false],
      ['setRemote', 'e1', '192.168.9.30:7000/7001', false],
    ]);
    expect(w.plane.of('connect')).toEqual([['connect', 'e0', 'e1', {
      aToB: {
        flow: true, payloadMap: {}, clockRates: { 0: 8000, 8: 8000, 96: 48000, 99: 48000, 100: 16000, 101: 8000 },
        telephoneEvents: { 101: 8000 }, sendEvents: { payloadType: 101, clockRate: 8000 }, formats: [{ codec: 'PCMU', payloadType: 0 }],
      },
      bToA: expect.objectContaining({ flow: true, payloadMap: {}, clockRates: expect.any(Object), telephoneEvents: { 101: 8000 } }),
    }]]);
    const dialogs = [{ side: 'caller', party: '1001', callId: expect.stringMatching(/^call-\d+@/) as unknown }, { side: 'callee', party: '1002', callId: phone.sip.callId }];
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '1002', state: 'up', held: false, talking: 0, dialogs: [dialogs[0], dialogs[1], { side: 'caller', callId: w.answer.dialog.sip.callId }] }]);

    w.clock.advance(60_000);
    phone.bye();
    await w.settle();
    expect(w.answer.dialog.byes).toEqual([{ Reason: 'Q.850;cause=16;text="1002 hung up"' }]);
    expect(w.left).toEqual(nothing);
    expect(events).toEqual(['started', 'ringing', 'answered', 'ended']);
    expect(w.calls.recent()).toMatchObject([
      { from: '1001', to: '1002', rangAfter: 0, answeredAfter: 3000, lasted: 63_000, ended: { by: 'callee', cause: 'hung-up', reason: '1002 hung up', status: undefined } },
    ]);
    expect(w.calls.totals()).toMatchObject({ ended: [{ cause: 'hung-up', answered: true, calls: 1 }], talk: { sum: 60 }, postDialDelay: { counts: [1, 0, 0, 0, 0, 0, 0, 0, 0] } });
    expect(w.log.of('call ended')).toEqual([
      {
        call: expect.stringMatching(/^[0-9a-f]{12}$/), from: '1001', to: '1002', why: '1002 hung up', by: 'callee', waited: 3, talked: 60,
        fromCaller: '50 packets, 1 lost, jitter 0.3 ms', fromCallee: '50 packets, 1 lost, jitter 0.3 ms', pipeline: expect.stringContaining('<-> relay'),
      },
    ]);
  });

  test('the caller hangs up', async () => {
    const w = new World();
    await w.dial(linphone);
    const phone = w.fork().answers(answerOfB);
    w.answer.dialog.bye();
    await w.settle();
    expect(phone.byes).toEqual([{ Reason: 'Q.850;cause=16;text="1001 hung up"' }]);
    expect(w.left).toEqual(nothing);
  });

  test('the engine ends a dialog: the other phone hears why', async () => {
    const w = new World();
    await w.dial(linphone);
    const phone = w.fork().answers(answerOfB);
    phone.bye('application', 'Session timer expired');
    await w.settle();
    expect(w.answer.dialog.byes).toEqual([{ Reason: 'Q.850;cause=31;text="Session timer expired"' }]);
    expect(w.calls.recent()[0]?.ended.by).toBe('system');
  });

  test('B answers with other numbers: the relay is told', async () => {
    const w = new World();
    await w.dial(linphone);
    w.fork().answers(answerOfB.replace('AVP 0 101', 'AVP 111').replace(/a=rtpmap.*/, 'a=rtpmap:111 opus/48000/2'));
    await w.settle();
    expect(w.plane.of('connect')[0]?.[3]).toMatchObject({ aToB: { flow: true, payloadMap: { 96: 111 } }, bToA: { flow: true, payloadMap: { 111: 96 } } });
  });

  test('a caller whose SDP is IPv6 though its signaling is not, is served in IPv6, or over IPv4 where we have no other', async () => {
    const v6 = linphone.replace(/IP4 192.168.7.20/g, 'IP6 2001:db8::20');
    const w = new World();
    await w.dial(v6);
    expect(w.asked).toContainEqual(['2001:db8::20', 6]);
    w.fork().answers(answerOfB);
    expect(w.answer.sdp).toContain('c=IN IP6 2001:db8::1');

    for (const lame of [(x: World) => (x.addresses[6] = undefined), (x: World) => x.plane.failing.add('allocate 6')]) {
      const v4 = new World();
      lame(v4);
      await v4.dial(v6);
      v4.fork().answers(answerOfB);
      await v4.settle();
      expect(v4.answer.sdp).toContain('c=IN IP4 10.0.0.1');
      // its address cannot be sent to from there: the source of its packets will tell
      expect(v4.plane.of('setRemote').map((c) => c[2])).toContain(null);
    }
  });
});

describe('several phones', () => {
  const three = () => {
    const w = new World();
    w.phones = ['192.168.9.30', '192.168.9.31', '192.168.9.32'].map((a) => binding('1002', a));
    return w;
  };

  test('all ring at once; the first answer wins; the others hear that it was answered elsewhere', async () => {
    const w = three();
    const { res } = await w.dial(linphone);
    expect(w.srf.forks).toHaveLength(3);
    expect(w.plane.held.size).toBe(4);
    w.fork(0).provisional(180);
    w.fork(1).provisional(183, answerOfB);
    expect(res.sent).toMatchObject([{ status: 180, body: undefined }]);
    w.fork(1).answers(answerOfB);
    for (const i of [0, 2]) expect(w.fork(i).cancels.map(reason)).toEqual(['SIP;cause=200;text="Call completed elsewhere"']);
    expect(w.fork(1).cancels).toEqual([]);
    w.fork(0).refuses(487);
    await w.settle();
    expect(w.plane.held.size).toBe(2);

    // one that answered in the same moment
    const late = w.fork(2).answers(answerOfB);
    expect(late.byes.map(reason)).toEqual(['SIP;cause=200;text="Call completed elsewhere"']);
    expect(w.calls.stats()).toMatchObject({ active: 1, lateAnswers: 1 });
  });

  test.each<[string, number[], number, RegExp]>([
    ['all busy', [486, 486, 486], 486, /1002 is busy/],
    ['busy is more than unreachable', [480, 486, 408], 486, /busy/],
    ['nobody there', [480, 404, 503], 480, /cannot be reached/],
    ['redirected', [302, 302, 301], 480, /cannot be reached/],
    ['codec', [488, 480, 480], 488, /no audio format in common/],
    ['all forbid', [403, 403, 403], 403, /refused/],
    ['not ours to answer', [401, 407, 480], 480, /cannot be reached/],
  ])('%s: %j → %i', async (_, statuses, expected, text) => {
    const w = three();
    const { res } = await w.dial(linphone);
    statuses.forEach((status, i) => {
      expect(res.final).toBeUndefined();
      w.fork(i).refuses(status);
    });
    expect(res.final?.status).toBe(expected);
    expect(res.final?.reason).toMatch(text);
    expect(res.final?.headers['Reason']).toMatch(/^Q\.850;cause=\d+;text="/);
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('a 6xx ends the ringing everywhere', async () => {
    const w = three();
    const { res } = await w.dial(linphone);
    w.fork(1).refuses(603);
    expect(res.final).toMatchObject({ status: 603, reason: '1002 declined the call' });
    expect(w.fork(0).cancels).toHaveLength(1);
    expect(w.fork(2).cancels).toHaveLength(1);
    expect(w.fork(1).cancels).toHaveLength(0);
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('one without a media port is left out, the rest rings', async () => {
    const w = three();
    w.addresses[6] = undefined;
    w.phones = [binding('1002', '2001:db8::30'), binding('1002', '192.168.9.31')];
    await w.dial(linphone);
    expect(w.srf.forks.map((f) => f.uri)).toEqual(['sip:1002@192.168.9.31:5060']);
  });

  test('a phone whose connection is gone is forgotten', async () => {
    const w = three();
    await w.dial(linphone);
    w.fork(0).refuses(410);
    w.fork(1).refuses(480);
    expect(w.forgotten).toEqual([w.phones[0]]);
  });

  test('one that cannot even be sent to counts as unreachable', async () => {
    const w = new World();
    w.srf.hold = true;
    const { res } = await w.dial(linphone);
    w.fork().notSent('requested protocol/transport not available');
    expect(res.final).toMatchObject({ status: 480 });
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('a 200 that srf cannot use is ended by its dialog id', async () => {
    const w = new World();
    const { res } = await w.dial(linphone);
    w.fork().answersUnusably();
    expect(w.fork().abandoned).toEqual([{ method: 'BYE', headers: {}, stackDialogId: 'dialog', _socket: 'socket' }]);
    expect(res.final?.status).toBe(480);
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('an answer without usable SDP: that phone is out, another may still answer', async () => {
    const w = three();
    await w.dial(linphone);
    const bad = w.fork(0).answers('hello');
    expect(bad.byes.map(reason)).toEqual([expect.stringContaining('unusable session description')]);
    w.fork(1).answers(answerOfB);
    await w.settle();
    expect(w.calls.list()[0]?.state).toBe('up');
    expect(w.calls.stats().badSdp).toBe(1);
  });
});

describe('nobody answers', () => {
  test.each<[string, (w: World) => void, number]>([
    ['it rang', (w) => w.fork().provisional(180), 408],
    ['it did not even ring', () => undefined, 480],
  ])('%s', async (_, before, status) => {
    const w = new World({ ringSeconds: 20 });
    const { res } = await w.dial(linphone);
    before(w);
    w.clock.advance(19_999);
    expect(res.final).toBeUndefined();
    w.clock.advance(1);
    expect(res.final?.status).toBe(status);
    expect(w.fork().cancels).toHaveLength(1);
    w.fork().refuses(487);
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

describe('the caller gives up', () => {
  test('while it rings', async () => {
    const w = new World();
    const { req, res } = await w.dial(linphone);
    w.fork().provisional(180);
    req.emit('cancel');
    expect(w.fork().cancels.map(reason)).toEqual(['Q.850;cause=16;text="1001 gave up"']);
    // the engine has answered the INVITE itself
    expect(res.final).toBeUndefined();
    w.fork().refuses(487);
    await w.settle();
    expect(w.left).toEqual(nothing);
    expect(w.calls.recent()[0]).toMatchObject({ answeredAfter: undefined, ended: { by: 'caller', cause: 'cancelled', status: 487 } });
  });

  test('while the directory is asked', async () => {
    const w = new World();
    w.slowDirectory = [];
    const { req, res, done } = w.dialling(linphone);
    req.emit('cancel');
    w.slowDirectory[0]?.();
    await done;
    expect(w.srf.forks).toHaveLength(0);
    expect(res.final).toBeUndefined();
    expect(w.left).toEqual(nothing);
  });

  test('while media ports are being taken', async () => {
    const w = new World();
    w.plane.slow = true;
    const { req, done } = w.dialling(linphone);
    await w.settle();
    req.emit('cancel');
    w.plane.letGo();
    await done;
    await w.settle();
    expect(w.srf.forks).toHaveLength(0);
    expect(w.left).toEqual(nothing);
  });

  test('before our INVITE is out: it is cancelled as soon as it is', async () => {
    const w = new World();
    w.srf.hold = true;
    const { req } = await w.dial(linphone);
    req.emit('cancel');
    expect(w.fork().cancels).toHaveLength(0);
    w.fork().goesOut();
    expect(w.fork().cancels).toHaveLength(1);
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('in the moment in which the phone answers: the phone is told with BYE', async () => {
    const w = new World();
    const { req } = await w.dial(linphone);
    req.emit('cancel');
    const phone = w.fork().answers(answerOfB);
    expect(phone.byes.map(reason)).toEqual(['Q.850;cause=16;text="1001 gave up"']);
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('in the moment in which our 200 goes out', async () => {
    const w = new World();
    const { res } = await w.dial(linphone);
    w.srf.hold = true;
    const phone = w.fork().answers(answerOfB);
    w.answer.fails('Response not sent due to unknown transaction');
    expect(phone.byes.map(reason)).toEqual(['Q.850;cause=16;text="1001 gave up"']);
    expect(res.final).toBeUndefined();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('the phone hangs up before our 200 is confirmed: the caller gets a BYE, not a second final answer', async () => {
    const w = new World();
    const { res } = await w.dial(linphone);
    w.srf.hold = true;
    w.fork().answers(answerOfB).bye();
    expect(w.calls.active()).toBe(0);
    w.answer.goesOut();
    expect(w.answer.dialog.byes).toHaveLength(1);
    expect(res.final).toBeUndefined();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

describe('early media', () => {
  test('of a single phone reaches the caller before the answer', async () => {
    const w = new World();
    const { res } = await w.dial(linphone);
    w.fork().provisional(183, answerOfB);
    w.fork().provisional(183, answerOfB);
    expect(res.sent).toMatchObject([{ status: 183, headers: { 'Content-Type': 'application/sdp' }, body: expect.stringContaining('m=audio 40000 RTP/AVP 0 101') }]);
    await w.settle();
    expect(w.plane.of('connect')).toHaveLength(1);
    w.fork().provisional(180);
    w.fork().answers(answerOfB);
    expect(w.answer.sdp).toBe(res.sent[0]?.body);
    await w.settle();
    expect(w.plane.of('connect')).toHaveLength(1);
    expect(w.plane.of('setRemote')).toHaveLength(2);
  });

  test('then from another place: the relay waits for the phone\'s packets anew', async () => {
    const w = new World();
    await w.dial(linphone);
    w.fork().provisional(183, answerOfB);
    await w.settle();
    w.fork().answers(answerOfB.replace('audio 7000', 'audio 7400'));
    await w.settle();
    expect(w.plane.of('setRemote').at(-1)).toEqual(['setRemote', 'e1', '192.168.9.30:7400/7401', true]);
  });

  test.each([
    ['garbage', linphone, 'hello'],
    ['no offer to answer', '', answerOfB],
  ])('with %s the caller just hears the status', async (_, offer, early) => {
    const w = new World();
    const { res } = await w.dial(offer);
    w.fork().provisional(183, early);
    expect(res.sent).toMatchObject([{ status: 183, body: undefined }]);
  });

  test('199 and 100 are not for the caller', async () => {
    const w = new World();
    const { res } = await w.dial(linphone);
    w.fork().provisional(100);
    w.fork().provisional(199);
    expect(res.sent).toEqual([]);
    w.fork().provisional(182);
    w.fork().provisional(181);
    w.fork().provisional(189);
    expect(res.statuses).toEqual([182, 181, 180]);
  });
});

describe('an INVITE without SDP', () => {
  const answerOfA = answerOfB.replace(/192.168.9.30/g, '192.168.7.20').replace('audio 7000', 'audio 7700');

  test('the phone gets our offer, the caller what it accepted, its ACK the answer', async () => {
    const w = new World();
    await w.dial('');
    expect(w.fork().options.localSdp).toContain('RTP/AVP 96 9 0 8 97 101');
    const phone = w.fork().answers(answerOfB);
    expect(w.answer.sdp).toContain('RTP/AVP 0 101\r\n');
    expect(w.plane.of('connect')).toHaveLength(0);
    // until then nothing can be changed
    expect(phone.receives('INVITE', answerOfB.replace('5 5', '5 6')).final?.status).toBe(491);
    w.answer.dialog.acks(answerOfA);
    await w.settle();
    expect(w.plane.of('connect')).toHaveLength(1);
    expect(w.plane.of('setRemote').map((c) => c[2]).sort()).toEqual(['192.168.7.20:7700/7701', '192.168.9.30:7000/7001']);
    expect(phone.requests).toHaveLength(0);
    expect(w.clock.waiting).toBe(0);
  });

  test('a caller that takes less than the phone: the phone is told', async () => {
    const w = new World();
    await w.dial('');
    const phone = w.fork().answers(answerOfB.replace('AVP 0 101', 'AVP 96 0 101').concat('a=rtpmap:96 opus/48000/2\r\n'));
    expect(w.answer.sdp).toContain('RTP/AVP 96 0 101\r\n');
    w.answer.dialog.acks(answerOfA);
    await w.settle();
    expect(w.plane.of('connect')[0]?.[3]).toMatchObject({ bToA: { payloadMap: { 96: -1 } } });
    const [reinvite] = phone.requests;
    expect(reinvite).toMatchObject({ method: 'INVITE', body: expect.stringContaining('RTP/AVP 0 101\r\n') });
    reinvite?.answer(200, answerOfB.replace('5 5', '5 6'));
    await w.settle();
    expect(w.plane.of('connect').at(-1)?.[3]).toMatchObject({ bToA: { payloadMap: {} } });
    expect(w.answer.dialog.receives('INVITE', answerOfA).final?.status).not.toBe(491);
  });

  test.each<[string, (w: World) => void]>([
    ['has no answer', (w) => w.answer.dialog.acks('')],
    ['has nonsense', (w) => w.answer.dialog.acks('hello')],
    ['does not come', (w) => w.clock.advance(33_000)],
  ])('an ACK that %s ends the call', async (_, then) => {
    const w = new World();
    await w.dial('');
    const phone = w.fork().answers(answerOfB);
    then(w);
    expect(phone.byes).toHaveLength(1);
    expect(w.answer.dialog.byes).toHaveLength(1);
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('an ACK for something else is not taken for it', async () => {
    const w = new World();
    await w.dial('');
    w.fork().answers(answerOfB);
    w.answer.dialog.acks('', 7);
    expect(w.calls.active()).toBe(1);
  });
});

describe('refused at the door', () => {
  test.each<[string, string, Record<string, string>, string, number, RegExp, Record<string, RegExp>]>([
    ['an unknown number', linphone, {}, 'sip:1009@pbx.test', 404, /there is no number 1009/, { Reason: /cause=1;/ }],
    ['no number', linphone, {}, 'sip:pbx.test', 484, /no valid number/, {}],
    ['the own number', linphone, {}, 'sip:1001@pbx.test', 486, /your own number/, {}],
    ['nobody registered', linphone, {}, 'sip:1003@pbx.test', 480, /no phone registered/, { Reason: /cause=20/ }],
    ['SDP that is none', 'hello', {}, 'sip:1002@pbx.test', 400, /Bad SDP: line 1/, {}],
    ['SRTP only', linphone.replace('RTP/AVP', 'RTP/SAVP'), {}, 'sip:1002@pbx.test', 488, /RTP\/SAVP is not supported/, { Warning: /^302 offhook "/ }],
    ['unknown codecs', sipp.replace('AVP 0', 'AVP 18'), {}, 'sip:1002@pbx.test', 488, /no common codec/, { Warning: /^305 / }],
    ['another body', 'hello', { 'content-type': 'text/plain' }, 'sip:1002@pbx.test', 415, /application\/sdp/, { Accept: /^application\/sdp$/ }],
    ['a packed body', linphone, { 'content-encoding': 'gzip' }, 'sip:1002@pbx.test', 415, /Unencoded/, { 'Accept-Encoding': /identity/ }],
    ['an extension we do not know', linphone, { require: 'timer, 100rel, x"y' }, 'sip:1002@pbx.test', 420, /Bad Extension/, { Unsupported: /^100rel$/ }],
    ['no Contact', linphone, { contact: '' }, 'sip:1002@pbx.test', 400, /Contact/, {}],
    ['no From tag', linphone, { from: '<sip:1001@pbx.test>' }, 'sip:1002@pbx.test', 400, /From Tag/, {}],
  ])('%s', async (_, body, headers, uri, status, text, wanted) => {
    const w = new World();
    const { res } = await w.dial(body, headers, uri);
    expect(res.sent).toHaveLength(1);
    expect(res.final?.status).toBe(status);
    expect(res.final?.reason).toMatch(text);
    for (const [name, value] of Object.entries(wanted)) expect(res.final?.headers[name]).toMatch(value);
    expect(w.left).toEqual(nothing);
    expect(w.srf.forks).toHaveLength(0);
    expect(w.calls.recent()).toMatchObject([{ from: '1001', ended: { status } }]);
    expect(w.calls.stats().refused).toBe(1);
  });

  test('a multipart body with SDP in it is fine', async () => {
    const w = new World();
    const req = new FakeRequest('INVITE', '--x\r\n', { 'content-type': 'multipart/mixed;boundary=x' });
    req.payload = [{ type: 'text/plain', content: 'hi' }, { type: 'application/sdp; charset=utf-8', content: linphone }];
    await w.calls.onInvite(req, new FakeResponder(), extension('1001'));
    expect(w.srf.forks).toHaveLength(1);
  });

  test('an offer of SRTP and plain RTP is answered with the plain one, in place', async () => {
    const w = new World();
    await w.dial(linphoneSrtp);
    w.fork().answers(answerOfB);
    expect(w.answer.sdp.match(/m=.*/g)).toEqual(['m=audio 0 RTP/SAVP 96', 'm=audio 40000 RTP/AVP 0']);
  });

  test('too many calls', async () => {
    const w = new World({ maxCalls: 1 });
    const first = await w.dial(linphone);
    const { res } = await w.dial(linphone);
    expect(res.final).toMatchObject({ status: 503, reason: 'too many calls at the moment', headers: { 'Retry-After': '5' } });
    expect(first.res.final).toBeUndefined();
    expect(w.calls.active()).toBe(1);
  });

  test('too many calls of one tenant, which are nobody else\'s affair', async () => {
    const w = new World({ maxCallsOf: (tenant) => (tenant === 'acme.example' ? 1 : undefined) });
    for (const id of ['1001@acme.example', '1002@acme.example']) w.extensions.set(id, extension(id));
    w.registered.set('1002@acme.example', [binding('1002@acme.example', '192.168.9.30')]);
    w.phones = [binding('1002', '192.168.9.31')];
    const call = (from: string) => w.dial(linphone, {}, 'sip:1002@pbx.test', '192.168.7.20', from);
    expect((await call('1001@acme.example')).res.final).toBeUndefined();
    expect((await call('1001@acme.example')).res.final).toMatchObject({ status: 503, reason: 'too many calls at the moment' });
    expect((await call('1001')).res.final).toBeUndefined();
    expect(w.calls.active()).toBe(2);
  });

  test('too many calls at once, all waiting for the directory', async () => {
    const w = new World({ maxCalls: 1 });
    w.slowDirectory = [];
    const all = [1, 2, 3].map(() => w.dialling(linphone));
    for (const go of w.slowDirectory) go();
    await Promise.all(all.map((d) => d.done));
    expect(all.map((d) => d.res.final?.status)).toEqual([undefined, 503, 503]);
  });

  test('the same INVITE by another path', async () => {
    const w = new World();
    const { req } = await w.dial(linphone);
    const again = await w.dial(linphone, { 'call-id': req.get('call-id') as string, from: req.get('from') as string });
    expect(again.res.final?.status).toBe(482);
    req.emit('cancel');
    await w.settle();
    const later = await w.dial(linphone, { 'call-id': req.get('call-id') as string, from: req.get('from') as string });
    expect(later.res.final).toBeUndefined();
  });

  test.each<[string, (w: World) => void, number]>([
    ['no media port', (w) => w.plane.failing.add('allocate'), 503],
    ['no media port for the caller', (w) => w.plane.failing.add('allocate caller 1001'), 503],
    ['no media port for the phone', (w) => w.plane.failing.add('allocate callee 1002'), 503],
    ['no address', (w) => (w.addresses = { 4: undefined, 6: undefined }), 500],
    ['an engine that is gone', (w) => (w.srf.broken = true), 480],
    ['a directory that fails', (w) => void (w.extensions.get = () => { throw new Error('disk'); }), 500],
  ])('%s', async (_, spoil, status) => {
    const w = new World();
    const caller = w.extensions.get('1001');
    spoil(w);
    const req = new FakeRequest('INVITE', linphone);
    const res = new FakeResponder();
    await w.calls.onInvite(req, res, caller ?? extension('1001'));
    expect(res.final?.status).toBe(status);
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

describe('direct media', () => {
  const direct = () => {
    const w = new World();
    w.extensions.set('1001', extension('1001', { media: 'direct' }));
    w.extensions.set('1002', extension('1002', { media: 'direct' }));
    return w;
  };

  test('between two extensions that want it: each phone is told the other\'s address and numbers', async () => {
    const w = direct();
    await w.dial(baresip.replace(/127.0.0.1/g, '192.168.7.20'));
    expect(w.fork().options.localSdp).toContain('c=IN IP4 192.168.7.20\r\n');
    expect(w.fork().options.localSdp).toContain('m=audio 24300 RTP/AVP');
    const phone = w.fork().answers(answerOfB.replace('AVP 0 101', 'AVP 111').replace(/a=rtpmap.*/, 'a=rtpmap:111 opus/48000/2'));
    expect(w.answer.sdp).toContain('c=IN IP4 192.168.9.30\r\n');
    expect(w.answer.sdp).toContain('m=audio 7000 RTP/AVP 111\r\n');
    expect(w.plane.allocated).toBe(0);
    expect(w.plane.calls).toEqual([]);

    // held the old way
    const held = w.answer.dialog.receives('INVITE', baresip.replace(/127.0.0.1/g, '0.0.0.0').replace('956269744', '956269745'));
    expect(phone.requests[0]?.body).toContain('c=IN IP4 0.0.0.0\r\n');
    expect(phone.requests[0]?.body).toContain('a=sendonly\r\n');
    phone.requests[0]?.answer(200, answerOfB.replace('5 5', '5 6').concat('a=recvonly\r\n').replace('AVP 0 101', 'AVP 111').replace(/a=rtpmap.*/, 'a=rtpmap:111 opus/48000/2'));
    expect(held.final).toMatchObject({ status: 200, body: expect.stringContaining('m=audio 7000') });

    // moved to another network: the other phone must be told
    w.answer.dialog.receives('INVITE', baresip.replace(/127.0.0.1/g, '192.168.7.99').replace('956269744', '956269746'));
    expect(phone.requests[1]?.body).toContain('c=IN IP4 192.168.7.99\r\n');
    phone.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test.each<[string, (w: World) => void, string]>([
    ['only one of them', (w) => w.extensions.set('1002', extension('1002')), linphone],
    ['no offer', () => undefined, ''],
    ['a caller that names a host', () => undefined, linphone.replace(/IP4 192.168.7.20/g, 'IP4 phone.example.com')],
  ])('not with %s', async (_, change, body) => {
    const w = direct();
    change(w);
    await w.dial(body);
    expect(w.fork().options.localSdp).toContain('c=IN IP4 10.0.0.1\r\n');
    expect(w.plane.held.size).toBe(2);
  });
});
