/** How calls end that nobody hung up; shutting down; and that nothing is left, whatever happens in whatever order. */
import fc from 'fast-check';
import { baresip, linphone } from '../media/sdp-offers';
import { exactly, type Feature, type ServiceCall } from '../../../signaling/app/feature';
import { binding, nothing, World } from './call-fakes';

const answer = ['v=0', 'o=- 5 5 IN IP4 192.168.9.30', 's=-', 'c=IN IP4 192.168.9.30', 't=0 0', 'm=audio 7000 RTP/AVP 0', ''].join('\r\n');

async function up() {
  const w = new World();
  await w.dial(linphone);
  const phone = w.fork().answers(answer);
  await w.settle();
  return { w, phone, caller: w.answer.dialog, id: w.calls.list()[0]?.id as string };
}

describe('media', () => {
  test('that is silent ends the call, and both hear for how long', async () => {
    const { w, phone, caller, id } = await up();
    w.plane.emit('silent', { id: 'e0', session: id, silentMs: 60_020 });
    for (const dialog of [phone, caller]) expect(dialog.byes).toEqual([{ Reason: 'Q.850;cause=31;text="no media for 60 s"' }]);
    await w.settle();
    expect(w.left).toEqual(nothing);
    expect(w.calls.stats().silent).toBe(1);
    expect(w.log.of('call ended')).toMatchObject([{ why: 'no media for 60 s', by: 'system' }]);
  });

  test('of a call that is not up yet, or of none, is nobody\'s business', async () => {
    const w = new World();
    await w.dial(linphone);
    w.plane.emit('silent', { id: 'e0', session: w.calls.list()[0]?.id, silentMs: 60_000 });
    w.plane.emit('silent', { id: 'e9', session: 'unknown', silentMs: 60_000 });
    expect(w.calls.active()).toBe(1);
    expect(w.calls.stats().silent).toBe(0);
  });

  test('whose worker is lost ends with the call', async () => {
    const { w, phone, id } = await up();
    w.plane.emit('worker-lost', { sessions: [id, 'another'] });
    expect(phone.byes[0]?.['Reason']).toContain('the media relay failed');
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test.each(['setRemote', 'connect'])('%s fails: the call ends and says so', async (what) => {
    const w = new World();
    await w.dial(linphone);
    w.plane.failing.add(what);
    const phone = w.fork().answers(answer);
    await w.settle();
    expect(phone.byes[0]?.['Reason']).toContain('the media relay failed');
    expect(w.answer.dialog.byes).toHaveLength(1);
    expect(w.left).toEqual(nothing);
  });

  test.each(['describe', 'release'])('%s fails: the call is over all the same, and it is counted', async (what) => {
    const { w, phone } = await up();
    w.plane.failing.add(what);
    phone.bye();
    await w.settle();
    expect(w.calls.active()).toBe(0);
    expect(w.calls.recent()).toHaveLength(1);
    expect(w.calls.stats().mediaErrors).toBeGreaterThan(0);
  });
});

describe('shutting down', () => {
  test('draining: new calls are refused, people may finish, then it is done for them', async () => {
    const { w, phone, caller } = await up();
    let drained = false;
    const done = w.calls.drain(5000).then(() => (drained = true));
    const { res } = await w.dial(linphone);
    expect(res.final).toMatchObject({ status: 503, reason: 'the server is shutting down' });
    w.clock.advance(4999);
    expect(phone.byes).toHaveLength(0);
    w.clock.advance(1);
    expect(phone.byes[0]?.['Reason']).toContain('shutting down');
    expect(caller.byes).toHaveLength(1);
    await done;
    expect(drained).toBe(true);
    expect(w.left).toEqual(nothing);
  });

  test('draining ends early when the last one hangs up', async () => {
    const { w, phone } = await up();
    const done = w.calls.drain(5000);
    phone.bye();
    await done;
    expect(w.left).toEqual(nothing);
  });

  test('with nothing to wait for it is done', async () => {
    const w = new World();
    await w.calls.drain();
    await w.calls.close();
    expect(w.left).toEqual(nothing);
  });

  test('closing ends calls that are up, ring, or have just begun', async () => {
    const { w, phone } = await up();
    const ringing = await w.dial(linphone);
    w.plane.slow = true;
    const beginning = w.dialling(linphone);
    await w.settle();
    const closed = w.calls.close();
    w.plane.letGo();
    await beginning.done;
    expect(phone.byes).toHaveLength(1);
    expect(ringing.res.final?.status).toBe(503);
    expect(beginning.res.final?.status).toBe(503);
    await closed;
    await w.settle();
    expect(w.left).toEqual(nothing);
  });

  test('a phone that does not confirm its BYE is not waited for long', async () => {
    const { w, phone } = await up();
    phone.holdsBye = true;
    let closed = false;
    const done = w.calls.close().then(() => (closed = true));
    await w.settle();
    expect(closed).toBe(false);
    w.clock.advance(2000);
    await done;
    expect(w.left).toEqual(nothing);
  });

  test('the engine is gone: the calls are over', async () => {
    const { w } = await up();
    w.calls.lost();
    await w.settle();
    expect(w.left).toEqual(nothing);
    expect(w.calls.recent()[0]?.ended.cause).toBe('engine-lost');
  });
});

test('a fault of ours ends its call and no other', async () => {
  const { w, phone, caller } = await up();
  const other = await w.dial(linphone);
  phone.request = () => { throw new Error('oops'); };
  Object.defineProperty(caller, 'local', { get: () => { throw new TypeError('a bug'); } });
  caller.receives('INVITE', linphone);
  expect(w.calls.stats().faults).toBe(1);
  expect(phone.byes[0]?.['Reason']).toContain('internal error');
  expect(other.res.final).toBeUndefined();
  await w.settle();
  expect(w.calls.active()).toBe(1);
  expect(w.log.of('fault in a call')).toHaveLength(1);
});

test('a listener that throws is logged and harms nobody', async () => {
  const w = new World();
  w.calls.on('started', () => { throw new Error('listener'); });
  await w.dial(linphone);
  expect(w.srf.forks).toHaveLength(1);
  expect(w.log.of('a listener to calls failed')).toHaveLength(1);
});

test('only so many ended calls are kept, the newest first', async () => {
  const w = new World({ recentCalls: 3 });
  for (const n of [1, 2, 3, 4, 5]) await w.dial(linphone, {}, `sip:99${n}@pbx.test`);
  expect(w.calls.recent().map((r) => r.to)).toEqual(['995', '994', '993']);
});

test('ending a call that is not there', () => {
  expect(new World().calls.end('x', { cause: 'failed', status: 500, reason: '', q850: 41 })).toBe(false);
});

/** One thing that can happen next; `n` picks whom it happens to. */
type Step = { what: string; n: number };

async function step(w: World, { what, n }: Step, dialled: Array<{ req: { emit(e: string): void }; done: Promise<void> }>): Promise<void> {
  const fork = w.srf.forks[n % Math.max(1, w.srf.forks.length)];
  const { dialogs } = w.srf;
  const dialog = dialogs[n % Math.max(1, dialogs.length)];
  const open = dialogs.flatMap((d) => d.requests);
  const request = open[n % Math.max(1, open.length)];
  const uas = w.srf.answers[n % Math.max(1, w.srf.answers.length)];
  switch (what) {
    case 'dial service': dialled.push(w.dialling(n % 3 === 0 ? '' : n % 3 === 1 ? linphone : baresip, {}, `sip:*${n % 8}@pbx.test`)); break;
    case 'key': for (const { id: session } of w.calls.list()) for (const id of w.plane.held.keys()) w.plane.emit('digit', { id, session, digit: '0123456789*#'[n % 12] }); break;
    case 'sound ends': w.plane.finishes(n % 5 === 0 ? { why: 'failed', playedMs: 0 } : undefined); break;
    case 'silence': for (const { id: session } of w.calls.list()) for (const id of w.plane.held.keys()) w.plane.emit('silent', { id, session, silentMs: 60_000 }); break;
    case 'dial': dialled.push(w.dialling(n % 3 === 0 ? '' : n % 3 === 1 ? linphone : baresip)); break;
    case 'slow': w.plane.slow = !w.plane.slow; break;
    case 'hold': w.srf.hold = !w.srf.hold; break;
    case 'let go': w.plane.letGo(); break;
    case 'cancel': dialled[n % Math.max(1, dialled.length)]?.req.emit('cancel'); break;
    case 'goes out': fork?.goesOut(); break;
    case 'rings': fork?.provisional(180); break;
    case 'early': fork?.provisional(183, answer); break;
    case 'refuses': if (fork && !fork.final) fork.refuses([486, 480, 603, 488][n % 4] as number); break;
    case 'answers': if (fork && !fork.final) fork.answers(n % 5 === 0 ? 'bad' : answer); break;
    case 'answered': if (uas && !uas.settled) uas.goesOut(); break;
    case 'answer fails': if (uas && !uas.settled) uas.fails('unknown transaction'); break;
    case 'bye': if (dialog?.connected) dialog.bye(); break;
    case 'reinvite': if (dialog?.connected) dialog.receives('INVITE', n % 4 === 0 ? '' : answer.replace('5 5', `5 ${n}`)); break;
    case 'ack': dialog?.acks(n % 4 === 0 ? '' : answer); break;
    case 'info': if (dialog?.connected) dialog.receives('INFO', 'x'); break;
    case 'answer request': request?.answer([200, 488, 491, 481][n % 4] as number, answer); break;
    case 'time': w.clock.advance(n * 1000); break;
    case 'media fails': w.plane.failing.add('connect'); break;
    case 'media works': w.plane.failing.clear(); break;
    default: throw new Error(what);
  }
  await w.settle();
}

const steps = ['dial', 'slow', 'hold', 'let go', 'cancel', 'goes out', 'rings', 'early', 'refuses', 'answers', 'answered', 'answer fails', 'bye', 'reinvite', 'ack', 'info', 'answer request', 'time', 'media fails', 'media works', 'dial service', 'key', 'sound ends', 'silence'];

/** Features that do everything a service can do, in some order: `*0` to `*7`; and one that takes calls nobody answered. */
function everything(): Feature[] {
  const whatever = async (call: ServiceCall, seed: number): Promise<void> => {
    if (seed % 2 === 0) await call.early();
    if (seed % 8 === 7) return call.hangup();
    await call.answer();
    const deeds: Array<() => Promise<unknown>> = [
      () => call.gather({ max: 2, prompt: [{ tone: 'beep' }], bargeIn: seed % 3 > 0 }),
      () => call.transferTo('1002'),
      () => call.record({ file: `/tmp/${call.id}-${seed}.wav`, terminators: '#' }),
      () => call.join('blue').then(() => call.pause(5000)).then(() => call.leave()),
      () => call.say(['x'], { interrupt: true }),
      () => call.digit(9000),
    ];
    for (let i = 0; i < 5; i++) await deeds[(seed + i * 5) % deeds.length]?.();
    if (seed % 3 === 0) await call.ended;
  };
  const service = (seed: number): Feature => ({
    name: `service ${seed}`,
    numbers: [exactly(`*${seed}`, 'anything')],
    ...(seed % 2 === 0 && { silence: 'asks' as const }),
    answer: (call) => whatever(call, seed),
  });
  const mailbox: Feature = { name: 'mailbox', numbers: [], unanswered: ({ refusal }) => (refusal.status === 603 ? undefined : (call) => whatever(call, refusal.status % 7)) };
  return [...[0, 1, 2, 3, 4, 5, 6, 7].map(service), mailbox];
}

test('whatever happens in whatever order, nothing is left at the end, and nothing is answered twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ what: fc.constantFrom(...steps), n: fc.nat(40) }), { maxLength: 60 }), async (list) => {
      const w = new World({ features: everything(), prompt: (key) => key });
      w.phones = ['192.168.9.30', '192.168.9.31'].map((a) => binding('1002', a));
      const dialled: Array<{ req: { emit(e: string): void }; done: Promise<void> }> = [];
      await step(w, { what: 'dial', n: 1 }, dialled);
      for (const s of list) await step(w, s, dialled);
      w.plane.slow = false;
      w.plane.letGo();
      await Promise.all(dialled.map((d) => d.done));
      w.plane.failing.clear();
      await w.calls.close();
      // what was on its way arrives after the end
      for (const uas of w.srf.answers) if (!uas.settled) uas.goesOut();
      await w.settle();
      expect(w.left).toEqual(nothing);
      expect(w.srf.dialogs.filter((d) => d.connected)).toEqual([]);
      expect(w.calls.stats().faults).toBe(0);
      expect([w.plane.playing.size, w.plane.recording.size]).toEqual([0, 0]);
    }),
    { numRuns: 300 },
  );
});
