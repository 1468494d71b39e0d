/** Calls that the system answers: what a feature can do, and that its code simply ends when the caller hangs up, wherever it stands. */
import { exactly, CallOver, type Feature, type Handler, type ServiceCall } from '../../../signaling/app/feature';
import { refuse } from '../../../signaling/app/reasons';
import { linphone, sipp } from '../media/sdp-offers';
import { noDiversion } from '../../../signaling/store/store';
import { binding, extension, nothing, World } from './call-fakes';

const SERVICE = 'sip:*1@pbx.test';

const phoneAnswer = ['v=0', 'o=- 5 5 IN IP4 192.168.9.30', 's=-', 'c=IN IP4 192.168.9.30', 't=0 0', 'm=audio 7000 RTP/AVP 0', ''].join('\r\n');

/** A world with one feature at *1; `log` is what the feature says. */
function stage(answer: (call: ServiceCall, log: string[]) => Promise<void>, more: Partial<Feature> = {}, settings: ConstructorParameters<typeof World>[0] = {}) {
  const log: string[] = [];
  const feature: Feature = {
    name: 'test service',
    numbers: [exactly('*1', 'a test', { room: 'blue' })],
    answer: (call) =>
      answer(call, log).then(
        () => void log.push('returned'),
        (err: unknown) => {
          log.push(err instanceof CallOver ? 'over' : String(err));
          throw err;
        },
      ),
    ...more,
  };
  const w = new World({ features: [feature], prompt: (key) => (key === 'missing' ? undefined : `/prompts/${key}.wav`), ...settings });
  return { w, log };
}

async function started(answer: (call: ServiceCall, log: string[]) => Promise<void>, more: Partial<Feature> = {}, body = linphone) {
  const { w, log } = stage(answer, more);
  const { req, res } = await w.dial(body, {}, SERVICE);
  await w.settle();
  return { w, log, req, res };
}

const info = (key: string) => [`Signal=${key}\r\nDuration=100\r\n`, { 'content-type': 'application/dtmf-relay' }] as const;

function press(w: World, keys: string): void {
  for (const digit of keys) w.plane.emit('digit', { id: 'e0', session: w.calls.list()[0]?.id, digit, durationMs: 100, by: 'rfc4733' });
}

describe('answering', () => {
  test('takes a port where the room is, tells the plane how to speak, and sends 200', async () => {
    const { w } = await started(async (call) => {
      await call.answer();
      await call.ended;
    });
    expect([...w.plane.held.values()]).toMatchObject([{ near: 'room:blue', label: 'caller 1001' }]);
    expect(w.answer.sdp).toMatch(/m=audio 40000 RTP\/AVP 96 /);
    expect(w.answer.headers).toMatchObject({ Allow: expect.stringContaining('UPDATE') });
    expect(w.plane.of('setRemote')).toEqual([['setRemote', 'e0', '192.168.7.20:24200/24201', false]]);
    expect(w.plane.audio.get('e0')).toMatchObject({ send: { codec: 'opus', payloadType: 96 } });
    expect(w.calls.list()).toMatchObject([{ from: '1001', to: '*1', service: 'test service', state: 'up', held: false }]);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
    // a service answers when it likes
    expect(w.calls.totals()).toMatchObject({ postDialDelay: { sum: 0, counts: [0, 0, 0, 0, 0, 0, 0, 0, 0] }, ended: [{ cause: 'hung-up', answered: true, calls: 1 }] });
    expect(w.calls.recent()).toMatchObject([{ to: '*1', service: 'test service', answeredAfter: 0, ended: { by: 'caller', cause: 'hung-up' }, media: { pipeline: expect.any(String) } }]);
  });

  test('a second time does nothing, also at once', async () => {
    const { w, log } = await started(async (call) => {
      await Promise.all([call.answer(), call.answer()]);
      await call.answer();
    });
    expect(w.srf.answers).toHaveLength(1);
    expect(log).toEqual(['returned']);
  });

  test('the feature returns: BYE, with who it was', async () => {
    const { w, log } = await started((call) => call.answer());
    await w.settle();
    expect(log).toEqual(['returned']);
    expect(w.answer.dialog.byes).toEqual([{ Reason: 'Q.850;cause=16;text="test service has ended the call"' }]);
    expect(w.left).toEqual(nothing);
  });

  test('the feature returns without having answered: 480', async () => {
    const { w, res } = await started(async () => undefined);
    expect(res.final).toMatchObject({ status: 480, reason: 'test service has ended the call' });
    expect(w.left).toEqual(nothing);
  });

  test('early media: 183 with SDP, the same in the 200', async () => {
    const { w, res } = await started(async (call) => {
      expect(await call.early()).toBe(true);
      expect(await call.early()).toBe(true);
      await call.play([{ tone: 'sit' }]);
      await call.answer();
      expect(await call.early()).toBe(true);
      await call.ended;
    });
    expect(res.statuses).toEqual([183]);
    expect(w.plane.of('play')).toHaveLength(1);
    w.plane.finishes();
    await w.settle();
    expect(w.answer.sdp).toBe(res.sent[0]?.body);
    expect(w.plane.of('setAudio')).toHaveLength(1);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('a feature that does not answer within three minutes is as nobody', async () => {
    const { w, res, log } = await started(async (call) => {
      await call.early();
      await call.play([{ tone: 'ringback' }], { loop: true });
    });
    w.clock.advance(180_000);
    await w.settle();
    expect(res.final).toMatchObject({ status: 408, reason: '*1 does not answer' });
    expect(log).toEqual(['over']);
    expect(w.left).toEqual(nothing);
  });

  test('early media without an offer: there is none', async () => {
    const { res } = await started(async (call) => {
      expect(await call.early()).toBe(false);
      call.hangup(refuse('busy', '1002'));
    }, {}, '');
    expect(res.statuses).toEqual([486]);
  });

  test('an INVITE without SDP: our offer, and answer() waits for the ACK', async () => {
    const { w, log } = await started(async (call, said) => {
      await call.answer();
      said.push('answered');
      await call.ended;
    }, {}, '');
    expect(w.answer.sdp).toContain('m=audio 40000 RTP/AVP 96 9 0 8 97 101');
    expect(log).toEqual([]);
    w.answer.dialog.acks(phoneAnswer);
    await w.settle();
    expect(log).toEqual(['answered']);
    expect(w.plane.audio.get('e0')).toMatchObject({ send: { codec: 'PCMU', payloadType: 0 } });
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test.each([['an ACK with nothing useful', (w: World) => w.answer.dialog.acks('')], ['no ACK', (w: World) => w.clock.advance(33_000)]])('%s ends the call', async (_name, happens) => {
    const { w, log } = await started(async (call) => call.answer(), {}, '');
    happens(w);
    await w.settle();
    expect(log).toEqual(['over']);
    expect(w.answer.dialog.byes[0]?.['Reason']).toContain('ACK of 1001');
    expect(w.left).toEqual(nothing);
  });

  test('codecs that the plane does not have: 488', async () => {
    const { w, log } = stage((call) => call.answer());
    Object.defineProperty(w.plane, 'codecs', { value: ['G722'] });
    const { res } = await w.dial(sipp, {}, SERVICE);
    await w.settle();
    expect(res.final).toMatchObject({ status: 488 });
    expect(log).toEqual(['over']);
    expect(w.left).toEqual(nothing);
    expect(w.calls.stats().faults).toBe(0);
  });

  test.each([['allocate', 503], ['setAudio', 500]])('%s fails: %d', async (what, status) => {
    const { w } = stage((call) => call.answer());
    w.plane.failing.add(what);
    const { res } = await w.dial(linphone, {}, SERVICE);
    await w.settle();
    expect(res.final?.status).toBe(status);
    expect(w.left).toEqual(nothing);
  });

  test('the limit of calls holds for services, too', async () => {
    const { w } = stage((call) => call.answer().then(() => call.ended).then(() => undefined), {}, { maxCalls: 1 });
    await w.dial(linphone, {}, SERVICE);
    await w.settle();
    const { res } = await w.dial(linphone, {}, SERVICE);
    expect(res.final?.status).toBe(503);
    await w.calls.close();
  });
});

describe('the caller gives up', () => {
  test('while a port is being taken: no answer, nothing left', async () => {
    const { w, log } = stage((call) => call.answer());
    w.plane.slow = true;
    const { req, res } = await w.dial(linphone, {}, SERVICE);
    req.emit('cancel');
    await w.settle();
    expect(log).toEqual(['over']);
    w.plane.letGo();
    await w.settle();
    expect(w.srf.answers).toHaveLength(0);
    expect(res.final).toBeUndefined();
    expect(w.left).toEqual(nothing);
    expect(w.calls.recent()).toMatchObject([{ service: 'test service', ended: { by: 'caller', cause: 'cancelled' } }]);
  });

  test('during early media', async () => {
    const { w, log, req } = await started(async (call) => {
      await call.early();
      await call.play([{ tone: 'sit' }]);
    });
    req.emit('cancel');
    await w.settle();
    expect(log).toEqual(['over']);
    expect(w.left).toEqual(nothing);
  });

  test('while our 200 is on its way, and it went out all the same: BYE', async () => {
    const { w, log } = stage((call) => call.answer());
    w.srf.hold = true;
    const { req } = await w.dial(linphone, {}, SERVICE);
    await w.settle();
    req.emit('cancel');
    await w.settle();
    expect(log).toEqual(['over']);
    w.answer.goesOut();
    expect(w.answer.dialog.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test('while our 200 is on its way, which the engine then refuses', async () => {
    const { w, log } = stage((call) => call.answer());
    w.srf.hold = true;
    await w.dial(linphone, {}, SERVICE);
    await w.settle();
    w.answer.fails('unknown transaction');
    await w.settle();
    expect(log).toEqual(['over']);
    expect(w.left).toEqual(nothing);
    expect(w.calls.recent()[0]?.ended).toMatchObject({ by: 'caller', cause: 'cancelled' });
  });
});

/** Whatever a feature may be waiting for. */
const waits: Array<[string, (call: ServiceCall) => Promise<unknown>]> = [
  ['play', (call) => call.play([{ tone: 'beep' }])],
  ['play, to be interrupted', (call) => call.play([{ tone: 'beep' }], { interrupt: true })],
  ['say', (call) => call.say(['hello'])],
  ['pause', (call) => call.pause(60_000)],
  ['digit', (call) => call.digit()],
  ['gather, in its prompt', (call) => call.gather({ max: 4, prompt: [{ tone: 'beep' }] })],
  ['gather, at the first key', (call) => call.gather({ max: 4 })],
  ['ended, and then something', (call) => call.ended.then(() => call.pause(1))],
  ['record, and then something', (call) => call.record({ file: '/tmp/x.wav' }).then(() => call.pause(1))],
  ['join, and then something', (call) => call.join('blue').then(() => call.pause(60_000))],
];

describe.each(waits)('while a feature waits in %s', (_name, wait) => {
  const feature = async (call: ServiceCall, log: string[]) => {
    await call.answer();
    try {
      await wait(call);
      log.push('went on');
    } finally {
      log.push(call.signal.aborted ? 'cleaned up' : 'cleaned up too early');
    }
  };

  test.each<[string, (w: World) => unknown]>([
    ['the caller hangs up', (w) => w.answer.dialog.bye()],
    ['the engine is lost', (w) => w.calls.lost()],
    ['the worker is lost', (w) => w.plane.emit('worker-lost', { sessions: [w.calls.list()[0]?.id] })],
    ['it is ended from outside', (w) => w.calls.end(w.calls.list()[0]?.id ?? '', refuse('failed', ''))],
    ['the system shuts down', (w) => void w.calls.close()],
    ['a drain has had its time', (w) => (void w.calls.drain(1000), w.clock.advance(1000))],
  ])('%s: its finally runs, and nothing is left', async (_what, happens) => {
    const { w, log } = await started(feature);
    happens(w);
    await w.settle();
    expect(log).toEqual(['cleaned up', 'over']);
    expect(w.left).toEqual(nothing);
    expect(w.plane.playing.size + w.plane.recording.size).toBe(0);
    expect(w.calls.stats().faults).toBe(0);
  });
});

test('music that nobody awaits harms nobody when the caller hangs up', async () => {
  const { w, log } = await started(async (call) => {
    await call.answer();
    void call.play([{ file: '/music.wav' }], { loop: true });
    await call.pause(1000);
  });
  w.answer.dialog.bye();
  await w.settle();
  expect(log).toEqual(['over']);
});

test('everything asked of a call that is over rejects', async () => {
  let late: ServiceCall | undefined;
  const { w } = await started(async (call) => {
    late = call;
    await call.answer();
  });
  await w.settle();
  const call = late as ServiceCall;
  for (const ask of [() => call.play([]), () => call.answer(), () => call.digit(), () => call.join('x'), () => call.record({ file: '/x.wav' }), () => call.transferTo('1002')]) {
    await expect(ask()).rejects.toThrow(CallOver);
  }
  expect(() => call.hangup()).not.toThrow();
  await expect(call.ended).resolves.toBe('hung up');
  expect(w.answer.dialog.byes).toHaveLength(1);
});

describe('keys', () => {
  const gathering = (options: Parameters<ServiceCall['gather']>[0]) =>
    started(async (call, log) => {
      await call.answer();
      log.push(JSON.stringify(await call.gather(options)));
      await call.ended;
    });

  test.each<[string, Parameters<ServiceCall['gather']>[0], (w: World) => unknown, object]>([
    ['as many as wanted', { max: 3 }, (w) => press(w, '123'), { digits: '123', why: 'max' }],
    ['a terminator', { max: 9 }, (w) => press(w, '12#'), { digits: '12', why: 'terminator', terminator: '#' }],
    ['another terminator', { max: 9, terminators: '*' }, (w) => press(w, '1#*'), { digits: '1#', why: 'terminator', terminator: '*' }],
    ['nothing in time', { max: 3 }, (w) => w.clock.advance(8000), { digits: '', why: 'timeout' }],
    ['no more in time', { max: 3, firstMs: 99_000 }, (w) => (press(w, '7'), () => w.clock.advance(3000)), { digits: '7', why: 'timeout' }],
    ['too few', { max: 4, min: 4 }, (w) => press(w, '12#'), { digits: '12', why: 'too-few', terminator: '#' }],
    ['a terminator alone', { max: 4 }, (w) => press(w, '#'), { digits: '', why: 'too-few', terminator: '#' }],
    ['all sixteen', { max: 16, terminators: '' }, (w) => press(w, '0123456789*#ABCD'), { digits: '0123456789*#ABCD', why: 'max' }],
  ])('gather: %s', async (_name, options, happens, expected) => {
    const { w, log } = await gathering(options);
    const then = happens(w);
    await w.settle();
    if (typeof then === 'function') (then as () => void)();
    await w.settle();
    expect(log.map((line) => JSON.parse(line) as object)).toEqual([expected]);
    await w.calls.close();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('the time for the first key begins after the prompt', async () => {
    const { w, log } = await gathering({ max: 1, prompt: [{ tone: 'beep' }], firstMs: 5000 });
    w.clock.advance(60_000);
    await w.settle();
    expect(log).toEqual([]);
    w.plane.finishes();
    await w.settle();
    w.clock.advance(5000);
    await w.settle();
    expect(log).toHaveLength(1);
  });

  test('a key ends the prompt and is the first of what is gathered', async () => {
    const { w, log } = await gathering({ max: 2, prompt: [{ tone: 'beep' }] });
    press(w, '4');
    await w.settle();
    expect(w.plane.of('stopPlaying')).toHaveLength(1);
    press(w, '2');
    await w.settle();
    expect(log.map((line) => JSON.parse(line) as object)).toEqual([{ digits: '42', why: 'max' }]);
  });

  test('without barge-in, keys during the prompt are forgotten', async () => {
    const { w, log } = await gathering({ max: 1, prompt: [{ tone: 'beep' }], bargeIn: false });
    press(w, '4');
    await w.settle();
    expect(w.plane.of('stopPlaying')).toHaveLength(0);
    w.plane.finishes();
    await w.settle();
    expect(log).toEqual([]);
    press(w, '2');
    await w.settle();
    expect(log.map((line) => JSON.parse(line) as object)).toEqual([{ digits: '2', why: 'max' }]);
  });

  test('who types ahead does not hear the prompt', async () => {
    const { w } = await started(async (call) => {
      await call.answer();
      await call.pause(1000);
      await call.play([{ tone: 'beep' }], { interrupt: true });
      await call.ended;
    });
    press(w, '1');
    w.clock.advance(1000);
    await w.settle();
    expect(w.plane.of('play')).toHaveLength(0);
  });

  test('as tones are listened for when the phone knows no other way, and only then', async () => {
    const { w } = await gathering({ max: 1 });
    expect(w.plane.of('detectTones')).toEqual([]);
    w.answer.dialog.receives('INVITE', phoneAnswer);
    await w.settle();
    expect(w.plane.of('detectTones')).toEqual([['detectTones', 'e0', true]]);
    w.answer.dialog.receives('INVITE', linphone);
    await w.settle();
    expect(w.plane.of('detectTones').at(-1)).toEqual(['detectTones', 'e0', false]);

    const { w: plain } = await started(async (call) => call.answer().then(() => call.pause(1)), {}, phoneAnswer);
    expect(plain.plane.of('detectTones')).toEqual([['detectTones', 'e0', true]]);
  });

  test('by INFO in both forms, and what else INFO may bring', async () => {
    const { w, log } = await gathering({ max: 3 });
    const { dialog } = w.answer;
    expect(dialog.receives('INFO', ...info('1')).final?.status).toBe(200);
    expect(dialog.receives('INFO', '2', { 'content-type': 'application/dtmf' }).final?.status).toBe(200);
    expect(dialog.receives('INFO', '<picture_fast_update/>', { 'content-type': 'application/media_control+xml' }).final).toMatchObject({ status: 415, headers: { Accept: expect.stringContaining('dtmf-relay') } });
    expect(dialog.receives('INFO').final?.status).toBe(200);
    dialog.receives('INFO', ...info('3'));
    await w.settle();
    expect(log.map((line) => JSON.parse(line) as object)).toEqual([{ digits: '123', why: 'max' }]);
  });

  test('of another endpoint or call are not ours', async () => {
    const { w, log } = await gathering({ max: 1 });
    w.plane.emit('digit', { id: 'e7', session: w.calls.list()[0]?.id, digit: '1' });
    w.plane.emit('digit', { id: 'e0', session: 'another', digit: '1' });
    await w.settle();
    expect(log).toEqual([]);
  });

  test('go to a listener while there is one; more than anybody types are dropped and counted', async () => {
    const { w, log } = await started(async (call, said) => {
      await call.answer();
      const off = call.onDigit((digit) => said.push(digit));
      await call.pause(1000);
      off();
      await call.ended;
    });
    press(w, '12');
    w.clock.advance(1000);
    await w.settle();
    press(w, '3');
    expect(log).toEqual(['1', '2']);
    press(w, '5'.repeat(70));
    expect(w.calls.stats().digitsDropped).toBe(7);
  });

  test('a listener that throws ends its call', async () => {
    const { w } = await started(async (call) => {
      await call.answer();
      call.onDigit(() => { throw new Error('oops'); });
      await call.ended;
    });
    press(w, '1');
    await w.settle();
    expect(w.answer.dialog.byes[0]?.['Reason']).toContain('internal error');
    expect(w.left).toEqual(nothing);
  });
});

describe('recording', () => {
  const recording = (more: object = {}) =>
    started(async (call, log) => {
      await call.answer();
      const { why, terminator } = await call.record({ file: '/tmp/m.wav', maxMs: 60_000, ...more });
      log.push(`${why} ${terminator}`);
      await call.pause(10);
    });

  test('ends with a key', async () => {
    const { w, log } = await recording({ terminators: '#*' });
    expect(w.plane.of('record')).toEqual([['record', { endpoint: 'e0' }, { file: '/tmp/m.wav', maxMs: 60_000 }]]);
    press(w, '1#');
    await w.settle();
    expect(log).toEqual(['stopped #']);
  });

  test('the caller hangs up: it is told, and the next await ends the feature', async () => {
    const { w, log } = await recording();
    w.answer.dialog.bye();
    await w.settle();
    expect(log).toEqual(['released undefined', 'over']);
    expect(w.left).toEqual(nothing);
  });

  test('cannot be opened: the call ends as a media failure', async () => {
    const { w } = stage(async (call) => {
      await call.answer();
      await call.record({ file: '/tmp/m.wav' });
    });
    w.plane.failing.add('record');
    await w.dial(linphone, {}, SERVICE);
    await w.settle();
    expect(w.answer.dialog.byes[0]?.['Reason']).toContain('media relay failed');
    expect(w.left).toEqual(nothing);
  });
});

describe('prompts', () => {
  test('are files; one that is missing is left out and counted', async () => {
    const { w } = await started(async (call) => {
      await call.answer();
      await call.say(['a', 'missing', 'b']);
    });
    expect(w.plane.of('play')).toEqual([['play', { endpoint: 'e0' }, [{ file: '/prompts/a.wav' }, { file: '/prompts/b.wav' }], {}]]);
    expect(w.calls.stats().promptsFailed).toBe(1);
    expect(w.log.of('there is no such prompt')).toHaveLength(1);
  });

  test('one that does not play is counted, and the feature goes on', async () => {
    const { w, log } = await started(async (call) => {
      await call.answer();
      await call.say(['a']);
    });
    w.plane.finishes({ why: 'failed', playedMs: 0, problem: 'not a WAV file' });
    await w.settle();
    expect(log).toEqual(['returned']);
    expect(w.calls.stats().promptsFailed).toBe(1);
  });

  test('before the answer are a fault of the feature', async () => {
    const { w, res } = await started((call) => call.say(['a']).then(() => undefined));
    expect(res.final?.status).toBe(500);
    expect(w.calls.stats().faults).toBe(1);
  });
});

test('a feature that throws ends its own call, and nobody else notices', async () => {
  const { w, log } = stage(async (call) => {
    await call.answer();
    throw new TypeError('a bug');
  });
  const other = await w.dial(linphone);
  await w.dial(linphone, {}, SERVICE);
  await w.settle();
  expect(log).toEqual(['TypeError: a bug']);
  expect(w.answer.dialog.byes[0]?.['Reason']).toContain('internal error');
  expect(w.log.of('fault in a service')).toMatchObject([{ service: 'test service', error: expect.stringContaining('a bug') }]);
  expect(w.calls.stats().faults).toBe(1);
  expect(w.calls.active()).toBe(1);
  expect(other.res.final).toBeUndefined();
});

test('CallOver of another call is a fault, not an end', async () => {
  const { w } = await started(async (call) => {
    await call.answer();
    throw new CallOver('somebody else');
  });
  expect(w.calls.stats().faults).toBe(1);
  expect(w.left).toEqual(nothing);
});

test('the plane fails in the middle: the call ends with that reason', async () => {
  const { w } = stage(async (call) => {
    await call.answer();
    await call.play([{ tone: 'beep' }]);
  });
  w.plane.failing.add('play');
  await w.dial(linphone, {}, SERVICE);
  await w.settle();
  expect(w.answer.dialog.byes[0]?.['Reason']).toContain('media relay failed');
  expect(w.calls.stats()).toMatchObject({ faults: 0, mediaErrors: 1 });
});

describe('what the phone asks during a service', () => {
  const up = () => started(async (call) => {
    await call.answer();
    await call.ended;
  });

  test('hold and resume, and a refresh', async () => {
    const { w } = await up();
    const { dialog } = w.answer;
    const held = linphone.replace(/(o=\S+ \d+) (\d+)/, '$1 9999').replace('a=rtpmap', 'a=sendonly\r\na=rtpmap');
    const res = dialog.receives('INVITE', held);
    expect(res.final).toMatchObject({ status: 200, body: expect.stringContaining('a=recvonly'), headers: { Contact: expect.any(String) } });
    await w.settle();
    expect(w.plane.audio.get('e0')).toMatchObject({ send: null });
    expect(w.calls.list()[0]?.held).toBe(true);
    const back = dialog.receives('INVITE', linphone.replace(/(o=\S+ \d+) (\d+)/, '$1 10000'));
    await w.settle();
    expect(back.final?.body).toContain('a=sendrecv');
    expect(w.plane.audio.get('e0')).toMatchObject({ send: { codec: 'opus' } });
    const before = w.plane.calls.length;
    const refresh = dialog.receives('UPDATE', linphone.replace(/(o=\S+ \d+) (\d+)/, '$1 10000'));
    expect(refresh.final).toMatchObject({ status: 200, body: back.final?.body });
    await w.settle();
    expect(w.plane.calls).toHaveLength(before);
    expect(w.calls.stats().refreshes).toBe(1);
  });

  test('another codec and another address', async () => {
    const { w } = await up();
    w.answer.dialog.receives('INVITE', phoneAnswer);
    await w.settle();
    expect(w.plane.audio.get('e0')).toMatchObject({ send: { codec: 'PCMU' } });
    expect(w.plane.of('setRemote').at(-1)).toEqual(['setRemote', 'e0', '192.168.9.30:7000/7001', true]);
  });

  test('a re-INVITE without SDP: our offer, and the ACK\'s answer holds; another one meanwhile is glare', async () => {
    const { w } = await up();
    const { dialog } = w.answer;
    const res = dialog.receives('INVITE', '', { cseq: '2 INVITE' });
    expect(res.final).toMatchObject({ status: 200, body: expect.stringContaining('m=audio 40000') });
    expect(dialog.receives('INVITE', phoneAnswer).final?.status).toBe(491);
    dialog.acks(phoneAnswer, 2);
    await w.settle();
    expect(w.plane.audio.get('e0')).toMatchObject({ send: { codec: 'PCMU' } });
    expect(dialog.receives('INVITE', phoneAnswer).final?.status).toBe(200);
  });

  test('what cannot be: 400, 415, 488, and the session stays', async () => {
    const { w } = await up();
    const { dialog } = w.answer;
    const before = w.plane.calls.length;
    expect(dialog.receives('INVITE', 'nonsense', { 'content-type': 'application/sdp' }).final?.status).toBe(400);
    expect(dialog.receives('INVITE', 'x', { 'content-type': 'text/plain' }).final?.status).toBe(415);
    expect(dialog.receives('INVITE', phoneAnswer.replace('RTP/AVP 0', 'RTP/AVP 3')).final?.status).toBe(488);
    await w.settle();
    expect(w.plane.calls).toHaveLength(before);
    expect(w.calls.active()).toBe(1);
  });

  test.each([['UPDATE', 200], ['OPTIONS', 200], ['MESSAGE', 480], ['REFER', 403]])('%s: %d', async (method, status) => {
    const { w } = await up();
    expect(w.answer.dialog.receives(method, method === 'MESSAGE' ? 'hello' : '').final?.status).toBe(status);
  });
});

describe('a phone that sends nothing', () => {
  const up = (silence?: 'asks') => started(async (call) => {
    await call.answer();
    await call.ended;
  }, silence ? { silence } : {});
  const silent = (w: World, id = 'e0') => w.plane.emit('silent', { id, session: w.calls.list()[0]?.id, silentMs: 60_000 });

  test('ends the call; silence of anything else does not', async () => {
    const { w } = await up();
    silent(w, 'e9');
    expect(w.answer.dialog.byes).toEqual([]);
    silent(w);
    expect(w.answer.dialog.byes).toEqual([{ Reason: 'Q.850;cause=31;text="no media for 60 s"' }]);
    expect(w.calls.stats().silent).toBe(1);
  });

  test('is asked, where one may be silent; again and again while it answers', async () => {
    const { w } = await up('asks');
    const { dialog } = w.answer;
    silent(w);
    silent(w);
    expect(dialog.requests.map((r) => r.method)).toEqual(['OPTIONS']);
    dialog.requests[0]?.answer(405);
    w.clock.advance(60_000);
    expect(dialog.requests).toHaveLength(2);
    dialog.requests[1]?.answer(200);
    w.clock.advance(60_000);
    dialog.requests[2]?.answer(408);
    expect(dialog.byes).toEqual([{ Reason: 'Q.850;cause=31;text="no media for 60 s"' }]);
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

describe('putting the caller through', () => {
  const transfer = () =>
    started(async (call, log) => {
      await call.answer();
      log.push(await call.transferTo('1002'));
      await call.ended;
    });

  test('rings, connects, and the feature is out', async () => {
    const { w, log } = await transfer();
    expect(w.plane.of('play')).toEqual([['play', { endpoint: 'e0' }, [{ tone: 'ringback' }], { loop: true }]]);
    expect(w.fork().options.headers).toMatchObject({ From: expect.stringContaining('sip:1001@'), To: '<sip:1002@localhost>' });
    expect(w.fork().options.localSdp).toContain('m=audio 40002');
    w.fork().provisional(180);
    const phone = w.fork().answers(w.fork().options.localSdp.replace(/10\.0\.0\.1/g, '192.168.9.30'));
    await w.settle();
    expect(log).toEqual(['over']);
    expect(w.calls.list()).toMatchObject([{ to: '1002', state: 'up', service: undefined }]);
    expect(w.answer.dialog.byes).toEqual([]);
    // now a call like any other
    w.answer.dialog.receives('INFO', 'x', { 'content-type': 'text/plain' });
    expect(phone.requests.map((r) => r.method)).toEqual(['INFO']);
    phone.bye();
    await w.settle();
    expect(w.answer.dialog.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
    expect(w.calls.recent()).toMatchObject([{ to: '1002', service: 'test service', ended: { by: 'callee' } }]);
  });

  test('to a busy phone: the feature is told and has the caller still', async () => {
    const { w, log } = await transfer();
    w.fork().refuses(486);
    await w.settle();
    expect(log).toEqual(['busy']);
    expect(w.calls.list()).toMatchObject([{ to: '*1', state: 'up', service: 'test service' }]);
    expect(w.plane.playing.size).toBe(0);
    expect(w.plane.held.size).toBe(1);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('nobody answers in time', async () => {
    const { w, log } = await transfer();
    w.fork().provisional(180);
    w.clock.advance(60_000);
    await w.settle();
    expect(log).toEqual(['no-answer']);
    expect(w.fork().cancels).toHaveLength(1);
    // and crosses our CANCEL
    expect(w.fork().answers(phoneAnswer).byes).toHaveLength(1);
    expect(w.calls.active()).toBe(1);
  });

  test.each([['1003', 'not-registered'], ['1009', 'unknown-number'], ['1001', 'own-number']])('to %s: %s', async (number, cause) => {
    const { log } = await started(async (call, said) => {
      await call.answer();
      said.push(await call.transferTo(number));
    });
    expect(log).toEqual([cause, 'returned']);
  });

  test('somebody\'s calls that go elsewhere do so here, too, and who does not want to be disturbed is not', async () => {
    const { w, log: said } = stage(async (call, log) => {
      await call.answer();
      log.push(await call.transferTo('1003'), await call.transferTo('1002'));
    });
    w.extensions.set('1002', extension('1002', { diversion: { ...noDiversion, doNotDisturb: true } }));
    w.extensions.set('1003', extension('1003', { diversion: { ...noDiversion, always: '1004' } }));
    w.extensions.set('1004', extension('1004'));
    w.registered.set('1004', [binding('1004', '192.168.9.40')]);
    await w.dial(linphone, {}, SERVICE);
    await w.settle();
    expect(w.fork().options.headers).toMatchObject({ To: '<sip:1004@localhost>', Diversion: expect.stringContaining('1003@') as string });
    w.fork().refuses(486);
    await w.settle();
    expect(said).toEqual(['busy', 'do-not-disturb', 'returned']);
    expect(w.srf.forks).toHaveLength(1);
    expect(w.calls.recent()[0]).toMatchObject({ to: '*1', forwarded: [] });
    expect(w.left).toEqual(nothing);
  });

  test('the caller hangs up meanwhile', async () => {
    const { w, log } = await transfer();
    w.answer.dialog.bye();
    await w.settle();
    expect(log).toEqual(['over']);
    expect(w.fork().cancels).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test('while an ACK of the caller is on its way: what it brings is for the bridge', async () => {
    const { w } = await transfer();
    w.answer.dialog.receives('INVITE', '', { cseq: '2 INVITE' });
    const phone = w.fork().answers(w.fork().options.localSdp.replace(/10\.0\.0\.1/g, '192.168.9.30'));
    await w.settle();
    const before = w.plane.calls.length;
    w.answer.dialog.acks(phoneAnswer.replace(/192\.168\.9\.30/g, '192.168.7.21').replace('7000', '7100'), 2);
    await w.settle();
    expect(w.plane.of('setRemote').at(-1)).toEqual(['setRemote', 'e0', '192.168.7.21:7100/7101', true]);
    expect(w.plane.calls.slice(before).map(([what]) => what)).toEqual(['setRemote', 'connect']);
    phone.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('a second try after the first', async () => {
    const { w, log } = await started(async (call, said) => {
      await call.answer();
      said.push(await call.transferTo('1002'));
      said.push(await call.transferTo('1002'));
      await call.ended;
    });
    w.fork(0).refuses(486);
    await w.settle();
    w.fork(1).refuses(603);
    await w.settle();
    expect(log).toEqual(['busy', 'declined']);
  });
});

describe('a call that nobody answers', () => {
  const voicemail = (more: Partial<Feature> = {}): Feature => ({
    name: 'mailbox',
    numbers: [],
    unanswered: ({ refusal, callee, caller, dialled }) =>
      refusal.cause === 'declined'
        ? undefined
        : async (call) => {
            await call.answer();
            await call.say([`${caller.number} ${dialled} ${callee?.number ?? 'nobody'} ${refusal.cause}`]);
            await call.ended;
          },
    ...more,
  });
  const said = (w: World) => w.plane.of('play').map(([, , what]) => (what as Array<{ file: string }>)[0]?.file);
  const world = (...features: Feature[]) => new World({ features, prompt: (key) => key });

  test.each<[string, (w: World) => Promise<unknown>, string]>([
    ['busy', (w) => w.dial(linphone).then(() => w.fork().refuses(486)), '1001 1002 1002 busy'],
    ['busy everywhere, while another phone rings', async (w) => {
      w.phones = [binding('1002', '192.168.9.30'), binding('1002', '192.168.9.31')];
      await w.dial(linphone);
      w.fork(0).refuses(600);
      expect(w.fork(1).cancels).toHaveLength(1);
    }, '1001 1002 1002 busy-everywhere'],
    ['no answer', async (w) => {
      await w.dial(linphone);
      w.fork().provisional(180);
      w.clock.advance(60_000);
    }, '1001 1002 1002 no-answer'],
    ['not registered', (w) => w.dial(linphone, {}, 'sip:1003@pbx.test'), '1001 1003 1003 not-registered'],
    ['an unknown number', (w) => w.dial(linphone, {}, 'sip:1009@pbx.test'), '1001 1009 nobody unknown-number'],
    ["one's own number", (w) => w.dial(linphone, {}, 'sip:1001@pbx.test'), '1001 1001 1001 own-number'],
  ])('%s: the feature that wants it has it', async (_name, happens, expected) => {
    const w = world(voicemail({ unanswered: () => undefined }), voicemail(), voicemail());
    await happens(w);
    await w.settle();
    expect(said(w)).toEqual([expected]);
    expect(w.calls.list()).toMatchObject([{ state: 'up', service: 'mailbox' }]);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
    expect(w.calls.recent()).toMatchObject([{ service: 'mailbox', ended: { by: 'caller' } }]);
  });

  test('nobody wants it: refused as ever', async () => {
    const w = world(voicemail());
    const { res } = await w.dial(linphone);
    w.fork().refuses(603);
    await w.settle();
    expect(res.final).toMatchObject({ status: 603 });
    expect(w.left).toEqual(nothing);
    expect(w.calls.recent()).toMatchObject([{ service: undefined, ended: { by: 'callee', cause: 'declined' } }]);
  });

  test('a feature that fails does not want it', async () => {
    const w = world(voicemail({ unanswered: () => { throw new Error('a bug'); } }), voicemail({ unanswered: async () => Promise.reject(new Error('another')) }));
    const { res } = await w.dial(linphone);
    w.fork().refuses(486);
    await w.settle();
    expect(res.final?.status).toBe(486);
    expect(w.calls.stats().faults).toBe(2);
    expect(w.left).toEqual(nothing);
  });

  test('the caller gives up while features are asked', async () => {
    let want: (handler: Handler) => void = () => undefined;
    const wants: Handler = async (call) => {
      await call.answer();
      await call.say(['too late']);
    };
    const w = world(voicemail({ unanswered: () => new Promise<Handler>((resolve) => (want = resolve)) }));
    const { req } = await w.dial(linphone);
    w.fork().refuses(486);
    await w.settle();
    req.emit('cancel');
    want(wants);
    await w.settle();
    expect(w.left).toEqual(nothing);
    expect(w.plane.of('setAudio')).toEqual([]);
    expect(w.calls.stats().faults).toBe(0);

    const before = w.dialling(linphone, {}, 'sip:1009@pbx.test');
    await w.settle();
    before.req.emit('cancel');
    want(wants);
    await before.done;
    await w.settle();
    expect(before.res.final).toBeUndefined();
    expect(w.calls.stats()).toMatchObject({ started: 1, refused: 1 });
    expect(w.left).toEqual(nothing);
  });

  test('a phone that answers when the feature has the call is told that it is too late', async () => {
    const w = world(voicemail());
    await w.dial(linphone);
    w.fork().provisional(180);
    w.clock.advance(60_000);
    await w.settle();
    expect(w.fork().answers(phoneAnswer).byes).toHaveLength(1);
    expect(w.calls.list()).toMatchObject([{ service: 'mailbox' }]);
  });

  test('direct media ends at the system then', async () => {
    const w = world(voicemail());
    for (const extension of w.extensions.values()) extension.media = 'direct';
    await w.dial(linphone);
    expect(w.plane.held.size).toBe(0);
    w.fork().refuses(486);
    await w.settle();
    expect(w.plane.held.size).toBe(1);
    expect(w.answer.sdp).toContain('c=IN IP4 10.0.0.1');
  });

  test('and whoever is put through then is anchored, too', async () => {
    const w = world(voicemail({ unanswered: () => async (call) => call.answer().then(() => call.transferTo('1002')).then(() => undefined) }));
    for (const extension of w.extensions.values()) extension.media = 'direct';
    await w.dial(linphone);
    w.fork().refuses(486);
    await w.settle();
    expect(w.fork(1).options.localSdp).toContain('c=IN IP4 10.0.0.1');
    w.fork(1).answers(w.fork(1).options.localSdp.replace(/10\.0\.0\.1/g, '192.168.9.30'));
    await w.settle();
    expect(w.plane.of('connect')).toHaveLength(1);
  });

  test('limits and faults are not offered', async () => {
    const w = world(voicemail());
    const { res } = await w.dial(linphone, { require: '100rel' });
    expect(res.final?.status).toBe(420);
    w.plane.failing.add('allocate');
    expect((await w.dial(linphone)).res.final?.status).toBe(503);
  });
});

describe('keys by INFO between phones', () => {
  async function talking() {
    const w = new World();
    await w.dial(linphone);
    const phone = w.fork().answers(phoneAnswer);
    await w.settle();
    return { w, phone, caller: w.answer.dialog };
  }

  test('are passed on to a phone that takes them', async () => {
    const { w, phone, caller } = await talking();
    const res = caller.receives('INFO', ...info('5'));
    phone.requests[0]?.answer(200);
    expect(res.final?.status).toBe(200);
    expect(w.plane.of('sendDigits')).toEqual([]);
  });

  test.each([405, 415, 501])('are made into digits of the stream for one that answers %d', async (status) => {
    const { w, phone, caller } = await talking();
    const res = caller.receives('INFO', ...info('5'));
    phone.requests[0]?.answer(status);
    expect(res.final?.status).toBe(200);
    expect(w.plane.of('sendDigits')).toEqual([['sendDigits', 'e1', '5', { ms: 100 }]]);
    expect(w.calls.stats().digitsConverted).toBe(1);
  });

  test('what is no key is not converted', async () => {
    const { w, phone, caller } = await talking();
    const res = caller.receives('INFO', 'x', { 'content-type': 'text/plain' });
    phone.requests[0]?.answer(415);
    expect(res.final?.status).toBe(415);
    expect(w.plane.of('sendDigits')).toEqual([]);
  });
});
