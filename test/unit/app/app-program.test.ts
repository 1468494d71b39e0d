/** Calls that a program of one's own has, is asked about, and leaves alone, over phones and a media plane that are played. */
import { isPrompt } from '../../../media/speech';
import { exactly, type Feature } from '../../../signaling/app/feature';
import { refuse } from '../../../signaling/app/reasons';
import { appProgram } from '../../../signaling/app/features/app-program';
import { allow, defineApp, deny, name, redirect, type App } from '../../../signaling/app-program/index';
import type { AppProgram } from '../../../signaling/app-program/app-program';
import { noDiversion } from '../../../signaling/store/store';
import { sipp } from '../media/sdp-offers';
import { Bench } from '../app-program/fake-thread';
import { binding, extension, nothing, World } from './call-fakes';

const answer = (address: string) => ['v=0', `o=- 5 5 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', 'm=audio 7000 RTP/AVP 0 101', 'a=rtpmap:101 telephone-event/8000', ''].join('\r\n');
const prompt = (key: string): string | undefined => (isPrompt(key) ? `/prompts/${key}.wav` : undefined);
const forEver = (): Promise<void> => new Promise(() => undefined);

interface Stand {
  w: World;
  bench: Bench;
  program: AppProgram;
}
const open: AppProgram[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

/** 1001 dials; 1002 and 1003 have phones. */
async function stand(app: App, outside?: ConstructorParameters<typeof World>[0] extends infer O | undefined ? (O extends { outside?: infer P } ? P : never) : never, more: readonly Feature[] = []): Promise<Stand> {
  const bench = new Bench(defineApp(app));
  const program = await bench.start();
  open.push(program);
  const feature = appProgram({
    program, prompt,
    sound: (text: string) => [{ file: prompt(text) ?? `/data/prompts/${text}` }],
    sayNumber: (n: number) => [String(n)],
    sayDigits: (number: string) => [...number],
    recordingFile: async (id: string, piece: number) => `/data/app-recordings/${id}-${piece}.wav`,
  } as never);
  const w = new World({ features: [...more, feature], prompt, program, ...(outside && { outside }) });
  w.registered.set('1003', [binding('1003', '192.168.9.31')]);
  return { w, bench, program };
}

const dial = async ({ w }: Stand, number: string, from = '1001') => {
  const dialled = await w.dial(sipp, {}, `sip:${number}@pbx.test`, '192.168.7.20', from);
  await w.settle();
  return dialled;
};

const heard = ({ w }: Stand): string[] => w.plane.of('play').map(([, , what]) => (what as Array<{ file?: string; tone?: string }>).map(({ file, tone }) => file?.replace(/^\/prompts\/|\.wav$/g, '') ?? tone).join(' '));
const rung = ({ w }: Stand): string[] => w.srf.forks.map(({ uri }) => /sip:(\d+)@/.exec(uri)![1]!);
const press = async ({ w }: Stand, keys: string): Promise<void> => {
  for (const digit of keys) w.plane.emit('digit', { id: 'e0', session: w.plane.held.get('e0')?.session, digit, durationMs: 100, by: 'rfc4733' });
  await w.settle();
};
const over = async ({ w }: Stand): Promise<void> => {
  w.srf.answers.at(-1)?.dialog.bye();
  await w.settle();
  expect(w.left).toMatchObject({ calls: 0, ports: 0 });
};

describe('a route', () => {
  test('has the call: what is heard, gathered, recorded and put through is as its handler says', async () => {
    const seen: unknown[] = [];
    const s = await stand({ routes: { '61X': async (call) => {
      seen.push(call.caller, call.dialled, call.tenant);
      await call.answer();
      seen.push(await call.gather({ digits: 2, prompt: ['./sounds/hello.wav', 'welcome.wav', 'enter-pin', { number: 7 }, { digits: '10' }, { tone: 'beep' }] }));
      seen.push(await call.record({ maxSeconds: 10 }));
      seen.push(await call.transfer('1002'));
      await call.transfer(['1003']);
    } } });
    await dial(s, '617');
    expect(seen).toEqual([{ number: '1001', name: 'Ann "the boss"' }, '617', '']);
    expect(heard(s)).toEqual(['/srv/sounds/hello /data/prompts/welcome enter-pin 7 1 0 beep']);
    await press(s, '42');
    expect(seen.slice(3)).toEqual([{ digits: '42', why: 'max', terminator: undefined }]);
    const [file] = [...s.w.plane.recording.keys()];
    expect(file).toMatch(/^\/data\/app-recordings\/.*-1\.wav$/);
    await press(s, '#');
    expect(seen[4]).toEqual({ file, seconds: 2, why: 'stopped', terminator: '#' });
    expect(rung(s)).toEqual(['1002']);
    s.w.fork().refuses(486);
    await s.w.settle();
    expect([seen[5], rung(s)]).toEqual(['busy', ['1002', '1003']]);
    s.w.fork(1).answers(answer('192.168.9.31'));
    await s.w.settle();
    expect(s.w.calls.list()).toMatchObject([{ to: '1003', state: 'up', service: undefined }]);
    expect(s.program.counters).toMatchObject({ handled: 1, failed: 0 });
    await over(s);
  });

  test('returning hangs up; a caller who was not answered is told what the handler says', async () => {
    const s = await stand({ routes: { '610': async (call) => call.hangup(486, 'come back tomorrow'), '611': async (call) => void (await call.answer()) } });
    const { res } = await dial(s, '610');
    expect(res.final).toMatchObject({ status: 486, reason: 'come back tomorrow' });
    await dial(s, '611');
    expect(s.w.answer.dialog.byes).toHaveLength(1);
    expect(s.w.left).toMatchObject({ calls: 0, ports: 0 });
  });

  test('of two that fit the one with more digits has it, also before an extension', async () => {
    const seen: string[] = [];
    const route = (name: string) => async () => void seen.push(name);
    const s = await stand({ routes: { 'XXX.': route('any'), '6XX': route('6XX'), '1002': route('1002') } });
    for (const number of ['623', '5555', '1002']) await dial(s, number);
    expect(seen).toEqual(['6XX', 'any', '1002']);
  });

  test('that is a number comes before one that is built in, a pattern after it', async () => {
    const builtIn: Feature = { name: 'echo', numbers: [exactly('*43', ''), exactly('*44', '')], answer: async (call) => call.hangup({ ...refuse('declined', ''), reason: 'built in' }) };
    const s = await stand({ routes: { '*43': async (call) => call.hangup(480, 'mine'), '*4X': async (call) => call.hangup(480, 'pattern') } }, undefined, [builtIn]);
    const said = async (number: string) => (await dial(s, number)).res.final?.reason;
    expect([await said('*43'), await said('*44'), await said('*45')]).toEqual(['mine', 'built in', 'pattern']);
  });

  test('is not there for tenants whose program it is not', async () => {
    const s = await stand({ routes: { '610': async (call) => call.hangup(486, call.tenant) } });
    s.w.extensions.set('1001@acme.example', extension('1001@acme.example'));
    expect((await dial(s, '610', '1001@acme.example')).res.final).toMatchObject({ status: 404 });
    s.bench.save({ tenants: 'all', routes: { '610': async (call) => call.hangup(486, call.tenant) } });
    await s.bench.after(1500);
    expect((await dial(s, '610', '1001@acme.example')).res.final).toMatchObject({ status: 486, reason: 'acme.example' });
  });
});

describe('a handler that fails', () => {
  const boom = async (): Promise<never> => { throw new Error('boom'); };

  test('before the answer: the call goes where its number leads without the program', async () => {
    const s = await stand({ routes: { '1002': boom } });
    const { res } = await dial(s, '1002');
    expect([rung(s), res.final]).toEqual([['1002'], undefined]);
    s.w.fork().answers(answer('192.168.9.30'));
    await s.w.settle();
    expect(s.w.calls.list()).toMatchObject([{ to: '1002', state: 'up' }]);
    await over(s);
  });

  test('before the answer, a number that leads nowhere else: 404, or the fallback', async () => {
    const s = await stand({ routes: { '610': boom } });
    expect((await dial(s, '610')).res.final).toMatchObject({ status: 404 });
    s.bench.save({ routes: { '610': boom }, fallback: '1003' });
    await s.bench.after(1500);
    expect([(await dial(s, '610')).res.final, rung(s)]).toEqual([undefined, ['1003']]);
    s.w.fork().refuses(486);
    await s.w.settle();
    expect(s.w.left).toEqual(nothing);
  });

  test('a fallback that leads back to the program is no circle', async () => {
    const s = await stand({ routes: { '610': boom, '611': boom }, fallback: '611' });
    expect((await dial(s, '610')).res.final).toMatchObject({ status: 404 });
    s.w.extensions.set('1003', extension('1003', { diversion: { ...noDiversion, always: '610' } }));
    s.bench.save({ routes: { '610': boom }, fallback: '1003' });
    await s.bench.after(1500);
    expect((await dial(s, '610')).res.final?.status).toBeGreaterThanOrEqual(400);
    expect(s.w.left).toEqual(nothing);
  });

  test('after the answer: the caller is put through to the fallback, and hears an apology when nobody is there', async () => {
    const s = await stand({ fallback: '1003', routes: { '610': async (call) => {
      await call.answer();
      void call.play('queue-welcome', { loop: true });
      await call.digit(60);
      throw new Error('boom');
    } } });
    await dial(s, '610');
    await press(s, '1');
    expect([heard(s), rung(s)]).toEqual([['queue-welcome', 'ringback'], ['1003']]);
    s.w.fork().refuses(486);
    await s.w.settle();
    expect(heard(s).slice(2)).toEqual(['cannot-be-reached-now goodbye']);
    expect(s.w.answer.dialog.byes).toEqual([]);
    s.w.plane.finishes();
    await s.w.settle();
    expect([s.w.answer.dialog.byes.length, s.w.left]).toEqual([1, { ...nothing, timers: s.w.left.timers }]);
  });

  test('after the answer, without a fallback: the caller is put through to whoever has the number without the program', async () => {
    const s = await stand({ routes: { '1002': async (call) => {
      await call.answer();
      throw new Error('boom');
    } } });
    await dial(s, '1002');
    expect([rung(s), s.program.counters.handled]).toEqual([['1002'], 1]);
    s.w.fork().answers(answer('192.168.9.30'));
    await s.w.settle();
    expect(s.w.calls.list()).toMatchObject([{ to: '1002', state: 'up' }]);
    await over(s);
  });

  test('in a thread that dies while a phone rings: whoever answers has the call', async () => {
    const s = await stand({ routes: { '610': async (call) => {
      await call.answer();
      await call.transfer('1002');
    } } });
    await dial(s, '610');
    s.bench.last.dies();
    await s.w.settle();
    expect([rung(s), heard(s)]).toEqual([['1002'], ['ringback']]);
    s.w.fork().answers(answer('192.168.9.30'));
    await s.w.settle();
    expect(s.w.calls.list()).toMatchObject([{ to: '1002', state: 'up' }]);
    await over(s);
  });

  test('in a thread that is stuck: the call goes on after five seconds, the next one at once, and all is well when it runs again', async () => {
    const s = await stand({ routes: { '1002': forEver } });
    await dial(s, '1002');
    s.bench.last.stuck = true;
    for (let ms = 0; ms < 10_000 && rung(s).length === 0; ms += 250) await s.bench.after(250);
    expect(rung(s)).toEqual(['1002']);
    await dial(s, '1002');
    expect(rung(s)).toEqual(['1002', '1002']);
    await s.bench.after(2000);
    await dial(s, '1002');
    expect(rung(s)).toHaveLength(2);
  });

  test('a caller who hangs up meanwhile is gone', async () => {
    const s = await stand({ routes: { '610': forEver } });
    const { req } = await dial(s, '610');
    req.emit('cancel');
    await s.w.settle();
    expect(s.w.left).toEqual(nothing);
    s.bench.last.dies();
    await s.w.settle();
    expect([rung(s), s.w.left]).toEqual([[], nothing]);
  });
});

describe('the hook', () => {
  test.each<[string, App['onCall'], { status: number | undefined; rings: string[]; from?: RegExp }]>([
    ['allows', () => allow(), { status: undefined, rings: ['1002'] }],
    ['says nothing', () => undefined, { status: undefined, rings: ['1002'] }],
    ['denies', () => deny(433, 'not "you"'), { status: 433, rings: [] }],
    ['sends elsewhere', () => redirect('1003'), { status: undefined, rings: ['1003'] }],
    ['says who it is', () => name('Anna\r\nVia: x'), { status: undefined, rings: ['1002'], from: /^"Anna {2}Via: x" <sip:1001@/ }],
    ['throws', () => { throw new Error('boom'); }, { status: undefined, rings: ['1002'] }],
  ])('%s', async (_name, onCall, { status, rings, from }) => {
    const s = await stand({ onCall });
    const { res } = await dial(s, '1002');
    expect([res.final?.status, rung(s)]).toEqual([status, rings]);
    if (from) expect(s.w.fork().options.headers['From']).toMatch(from);
    if (status !== undefined) expect(s.w.calls.recent()).toMatchObject([{ ended: { status, cause: 'by-program', reason: 'not ?you?' } }]);
  });

  test('sees who calls whom; what it sends elsewhere may be a route', async () => {
    const seen: unknown[] = [];
    const s = await stand({ onCall: (call) => (seen.push(call), redirect('610')), routes: { '610': async (call) => call.hangup(480, `instead of ${call.dialled}`) } });
    expect((await dial(s, '1002')).res.final).toMatchObject({ status: 480, reason: 'instead of 610' });
    expect(seen).toEqual([{ caller: { number: '1001', name: 'Ann "the boss"' }, dialled: '1002', tenant: '', trunk: undefined }]);
  });

  test('who gives up while it is asked is gone', async () => {
    let say: (verdict: undefined) => void = () => undefined;
    const s = await stand({ onCall: () => new Promise((resolve) => (say = resolve)) });
    const { req, res, done } = s.w.dialling(sipp);
    await s.w.settle();
    req.emit('cancel');
    say(undefined);
    await done;
    await s.w.settle();
    expect([rung(s), res.final, s.w.left]).toEqual([[], undefined, nothing]);
  });

  test('is not asked about calls for help', async () => {
    const refusal = { cause: 'no-trunk', status: 503, reason: 'no way', q850: 38 } as const;
    const emergency = async (_caller: string, number: string) => (number === '112' ? ({ kind: 'nobody', refusal, callee: undefined } as const) : undefined);
    const s = await stand({ onCall: () => deny() }, { emergency, find: async () => undefined, owns: () => false } as never);
    expect((await dial(s, '112')).res.final).toMatchObject({ status: 503 });
    expect((await dial(s, '1002')).res.final).toMatchObject({ status: 603 });
    expect(s.program.counters.judged).toBe(1);
  });
});
