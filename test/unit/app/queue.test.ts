/** Queues: who is served next and by whom, what those hear who wait, agents who come, go and rest, and what is counted. */
import { queue as queueKind } from '../../../signaling/settings/kinds/queue';
import { assign, type Serving, type Waiting } from '../../../signaling/app/features/queue/assign';
import { QueueCounts } from '../../../signaling/app/features/queue/stats';
import { priorityOf } from '../../../signaling/app/features/queue/visit';
import { Engaged } from '../../../signaling/app/engaged';
import { exactly, type Feature } from '../../../signaling/app/feature';
import { queue, Queues, type AgentRecord, type QueueDeps } from '../../../signaling/app/features/queue';
import { noDiversion } from '../../../signaling/store/store';
import { isPrompt, sayNumber } from '../../../media/speech';
import { linphone } from '../media/sdp-offers';
import { binding, extension, FakeLog, nothing, World, type FakeFork } from './call-fakes';

type Settings = ReturnType<QueueDeps['book']['all']>[number];
const settingsOf = (more: object): Settings => queueKind.schema.parse({ number: '650', sayEverySeconds: 0, welcome: null, ...more });
const numberOf = (uri: string): string => /sip:(\d+)@/.exec(uri)![1]!;

/** Callers are 2001…, agents 1002, 1003 and 1004, each with a phone. */
class Centre {
  readonly engaged = new Engaged();
  readonly kept = new Map<string, AgentRecord>();
  readonly events: string[] = [];
  readonly settings: Settings[];
  readonly queues: Queues;
  readonly w: World;

  constructor(settings: object | object[], { kept = [], features = [] }: { kept?: AgentRecord[]; features?: Feature[] } = {}) {
    this.settings = (Array.isArray(settings) ? settings : [settings]).map(settingsOf);
    for (const record of kept) this.kept.set(record.number, record);
    let w: World | undefined;
    const world = (): World => w as World;
    this.queues = new Queues({
      book: { get: (_kind, number) => this.settings.find((one) => one.number === number), all: () => this.settings },
      agents: {
        load: async () => [...this.kept.values()],
        save: async (record) => void this.kept.set(record.number, record),
        remove: async (number) => void this.kept.delete(number),
      },
      isBusy: (number) => this.engaged.count(number) > 0,
      talkedUntil: (number) => this.engaged.talkedUntil(number),
      hasPhone: (number) => number === '1002' ? world().phones.length > 0 : world().registered.has(number),
      sound: async (setting) => [`/${setting}.wav`],
      sayNumber: (n) => sayNumber(n),
      clock: { now: () => world().clock.now(), wall: () => world().clock.wall(), after: (ms, fn) => world().clock.after(ms, fn) },
      random: (bytes) => Buffer.alloc(bytes),
      log: new FakeLog(),
    });
    this.queues.on('joined', ({ queue: number, caller }) => this.events.push(`${number} +${caller.number} ${caller.position}`));
    this.queues.on('left', ({ queue: number, number: caller, why, agent }) => this.events.push(`${number} -${caller} ${why}${agent ? ` ${agent}` : ''}`));
    this.w = w = new World({ features: [queue(this.queues), ...features], engaged: this.engaged, prompt: (key) => (isPrompt(key) ? `/p/${key}.wav` : undefined) });
    for (const number of ['1004', '2001', '2002', '2003', '2004']) w.extensions.set(number, extension(number));
    for (const number of ['1003', '1004']) w.registered.set(number, [binding(number, `192.168.9.${number.slice(2)}`)]);
    this.engaged.onOver(() => this.queues.look());
  }

  async comes(from: string, number = '650'): Promise<ReturnType<World['dial']>> {
    const dialled = this.w.dial(linphone, {}, `sip:${number}@pbx.test`, '192.168.7.20', from);
    await dialled;
    await this.after(0.4);
    return dialled;
  }

  async after(seconds: number): Promise<void> {
    await this.w.settle();
    for (const fork of this.ringing) fork.provisional(180);
    this.w.clock.advance(seconds * 1000);
    await this.w.settle();
  }

  get ringing(): FakeFork[] {
    return this.w.srf.forks.filter((fork) => !fork.final && fork.cancels.length === 0);
  }

  get called(): string[] {
    return this.ringing.map(({ uri }) => numberOf(uri));
  }

  /** The phone of that agent answers. */
  async answers(agent: string): Promise<ReturnType<FakeFork['answers']>> {
    const fork = this.ringing.find(({ uri }) => numberOf(uri) === agent)!;
    const dialog = fork.answers(fork.options.localSdp.replace(/10\.0\.0\.1/g, '192.168.9.4'));
    await this.w.settle();
    return dialog;
  }

  /** Keys of the prompts and names of the files that were played since the last look. */
  heard(): string[] {
    const plays = this.w.plane.calls.filter(([name]) => name === 'play').map(([, , what]) => (what as Array<{ file?: string; tone?: string }>).map(({ file, tone }) => file?.replace(/^.*\/|\.wav$/g, '') ?? tone).join(' '));
    this.w.plane.calls.length = 0;
    return plays;
  }

  async played(): Promise<void> {
    this.w.plane.finishes();
    await this.w.settle();
  }

  async presses(digit: string, call = 0): Promise<void> {
    const id = [...this.w.plane.held.entries()].find(([, { session }]) => session === this.w.calls.list()[call]?.id)![0];
    this.w.plane.emit('digit', { id, session: this.w.calls.list()[call]?.id, digit });
    await this.w.settle();
  }
}

describe('who is served next, and by whom', () => {
  const waits = (id: string, more: Partial<Waiting> = {}): Waiting => ({ id, queue: 'a', priority: 0, since: Number(id), tried: new Set(), ...more });
  const serving = (more: Partial<Serving> = {}): Serving => ({ weight: 0, strategy: 'in-turn', agents: ['x', 'y', 'z'], last: undefined, ...more });
  const cases: Array<[string, Waiting[], Record<string, Serving>, string[], string[]]> = [
    ['who came first, in the order of the agents', [waits('2'), waits('1')], { a: serving() }, ['x', 'y', 'z'], ['1>x', '2>y']],
    ['only who is free', [waits('1'), waits('2')], { a: serving() }, ['y'], ['1>y']],
    ['nobody is free', [waits('1')], { a: serving() }, [], []],
    ['all at once: those who are free are called for the first', [waits('1'), waits('2')], { a: serving({ strategy: 'all' }) }, ['x', 'z'], ['1>x,z']],
    ['in turn around: the one after the last', [waits('1'), waits('2')], { a: serving({ strategy: 'round-robin', last: 'y' }) }, ['x', 'y', 'z'], ['1>z', '2>x']],
    ['in turn around: the last one is gone', [waits('1')], { a: serving({ strategy: 'round-robin', last: 'w' }) }, ['x', 'y'], ['1>x']],
    ['who has talked longest ago', [waits('1'), waits('2'), waits('3')], { a: serving({ strategy: 'longest-idle' }) }, ['x', 'y', 'z'], ['1>z', '2>y', '3>x']],
    ['priority before time', [waits('1'), waits('2', { priority: 5 }), waits('3', { priority: -1 })], { a: serving() }, ['x', 'y'], ['2>x', '1>y']],
    ['who did not answer this one comes last', [waits('1', { tried: new Set(['x', 'y']) })], { a: serving() }, ['x', 'y', 'z'], ['1>z']],
    ['all have been tried: from the beginning', [waits('1', { tried: new Set(['x', 'y', 'z']) })], { a: serving() }, ['y', 'z'], ['1>y']],
    ['an agent of two queues serves the heavier', [waits('1'), waits('2', { queue: 'b' })], { a: serving(), b: serving({ weight: 3, agents: ['x'] }) }, ['x'], ['2>x']],
    ['a queue that is gone', [waits('1', { queue: 'c' })], { a: serving() }, ['x'], []],
  ];
  test.each(cases)('%s', (_name, waiting, queues, free, expected) => {
    const talked: Record<string, number> = { x: 30, y: 20 };
    const given = assign(waiting, new Map(Object.entries(queues)), (agent) => free.includes(agent), { random: (n) => Buffer.alloc(n), talkedUntil: (agent) => talked[agent] });
    expect(given.map(({ id, agents }) => `${id}>${agents.join()}`)).toEqual(expected);
  });

  test('the priority of a caller is that of the longest beginning', () => {
    const priorities = [{ callers: '49', priority: 1 }, { callers: '4930', priority: -5 }, { callers: '2001', priority: 9 }];
    expect(['4930123', '4940', '2001', '2001@acme.example', '1'].map((number) => priorityOf({ priorities }, number))).toEqual([-5, 1, 9, 9, 0]);
  });
});

test('what is counted', () => {
  const counts = new QueueCounts();
  expect(counts.view()).toEqual({ offered: 0, answered: 0, abandoned: 0, overflowed: 0, averageWaitMs: null, averageTalkMs: null, longestWaitMs: 0, serviceLevel: null });
  for (let i = 0; i < 6; i++) counts.came();
  counts.left('answered', 5_000, 20_000);
  counts.left('answered', 25_000, 20_000);
  counts.left('abandoned', 3_000, 20_000);
  counts.left('abandoned', 60_000, 20_000);
  counts.left('overflow', 0, 20_000);
  expect(counts.expectedMs(1, 1)).toBeUndefined();
  counts.talkedFor(100_000, 20_000);
  expect(counts.view()).toEqual({ offered: 6, answered: 2, abandoned: 2, overflowed: 1, averageWaitMs: 15_000, averageTalkMs: 100_000, longestWaitMs: 60_000, serviceLevel: 1 / 3 });
  expect([counts.expectedMs(3, 2), counts.expectedMs(1, 0)]).toEqual([180_000, undefined]);
  counts.talkedFor(20_000, 0);
  expect(counts.expectedMs(1, 1)).toBe(100_000);
});

describe('a caller', () => {
  test('is connected to a free agent; music until then; the agent rests before the next call', async () => {
    const c = new Centre({ agents: ['1002'], wrapUpSeconds: 10, prefix: 'Support' });
    await c.comes('2001');
    expect(c.called).toEqual(['1002']);
    expect(c.ringing[0]!.options.headers['From']).toContain('"Support 2001"');
    expect(c.heard()).toEqual(['default']);
    expect(c.queues.queue('650')).toMatchObject({ waiting: [{ number: '2001', position: 1, calling: ['1002'] }], agents: [{ number: '1002', state: 'called' }] });
    await c.after(3);
    const phone = await c.answers('1002');
    expect(c.w.calls.list()).toMatchObject([{ from: '2001', to: '1002', through: '650', state: 'up', service: undefined }]);
    expect(c.queues.queue('650')).toMatchObject({ waiting: [], agents: [{ state: 'talking', queues: ['650'] }], stats: { offered: 1, answered: 1, averageWaitMs: 3000, serviceLevel: 1 } });

    await c.comes('2002');
    expect(c.called).toEqual([]);
    await c.after(60);
    phone.bye();
    await c.w.settle();
    expect(c.queues.agent('1002')).toMatchObject({ state: 'resting', answered: 1, averageTalkMs: 60_400 });
    await c.after(9);
    expect(c.called).toEqual([]);
    await c.after(2);
    expect(c.called).toEqual(['1002']);
    expect(c.events).toEqual(['650 +2001 1', '650 -2001 answered 1002', '650 +2002 1']);
    c.w.srf.answers[1]!.dialog.bye();
    await c.w.settle();
    expect(c.events.at(-1)).toBe('650 -2002 abandoned');
    await c.after(2);
    for (const fork of c.w.srf.forks) if (!fork.final) fork.refuses(487);
    expect(c.w.left).toEqual(nothing);
    expect(c.w.calls.recent()).toMatchObject([{ to: '650', service: 'queue', rung: ['1002'] }, { to: '1002', service: 'queue', through: '650' }]);
  });

  test('waits for an agent who is in another call, and is connected when that is over', async () => {
    const c = new Centre({ agents: ['1002'] });
    const { req } = await c.w.dial(linphone, {}, 'sip:1003@pbx.test', '192.168.9.30', '1002');
    await c.comes('2001');
    expect([c.called, c.queues.agent('1002').state]).toEqual([['1003'], 'busy']);
    req.emit('cancel');
    await c.w.settle();
    expect(c.called).toEqual(['1002']);
  });

  test('hears the welcome, the position and how long it may take, and the music again', async () => {
    const c = new Centre({ agents: ['1002'], welcome: 'default', sayEverySeconds: 30 });
    await c.comes('2001');
    expect(c.heard()).toEqual(['queue-welcome']);
    await c.played();
    const phone = await c.answers('1002');
    c.heard();
    await c.comes('2002');
    await c.comes('2003');
    c.heard();
    await c.played();
    expect(c.heard()).toEqual(['queue-you-are-next', 'queue-you-are-number 2 queue-in-line']);
    await c.played();
    expect(c.heard()).toEqual(['default', 'default']);
    await c.after(180);
    phone.bye();
    await c.w.settle();
    await c.answers('1002');
    c.heard();
    await c.played();
    await c.after(30);
    await c.after(0);
    expect(c.heard().filter((words) => words.startsWith('queue'))).toEqual(['queue-you-are-next queue-wait-is-about 3 queue-minutes']);
    expect(c.w.calls.stats()).toMatchObject({ promptsFailed: 0, faults: 0 });
    await c.w.calls.close();
  });

  test.each<[string, object, (c: Centre) => Promise<unknown>, string[]]>([
    ['nobody is logged in', {}, (c) => c.comes('2001'), ['queue-nobody-there goodbye']],
    ['all are on a break', { agents: ['1002'] }, async (c) => {
      await c.queues.pause('1002', true);
      await c.comes('2001');
    }, ['queue-nobody-there goodbye']],
    ['too many wait', { agents: ['1005'], maxLength: 1 }, async (c) => {
      await c.comes('2001');
      c.heard();
      await c.comes('2002');
    }, ['queue-full goodbye']],
    ['it has waited too long', { agents: ['1005'], maxWaitSeconds: 20 }, async (c) => {
      await c.comes('2001');
      for (let i = 0; i < 5; i++) await c.after(5);
    }, ['default', 'queue-nobody-there goodbye']],
    ['the last agent leaves', { agents: ['1005'] }, async (c) => {
      await c.comes('2001');
      await c.queues.logout('1005');
      await c.after(5);
    }, ['default', 'queue-nobody-there goodbye']],
    ['it presses the key, while an agent is called', { agents: ['1002'], exitKey: '1' }, async (c) => {
      await c.comes('2001');
      await c.presses('2');
      expect(c.called).toEqual(['1002']);
      await c.presses('1');
      expect(c.called).toEqual([]);
      expect(c.queues.agent('1002')).toMatchObject({ state: 'free', missed: 0 });
    }, ['default', 'queue-nobody-there goodbye']],
  ])('does not wait (any more): %s', async (_name, settings, happens, heard) => {
    const c = new Centre(settings);
    await happens(c);
    expect(c.heard()).toEqual(heard);
    expect(c.events.filter((event) => event.includes(' -')).every((event) => event.endsWith('overflow'))).toBe(true);
    const calls = c.w.calls.active();
    await c.played();
    await c.w.settle();
    expect(c.w.calls.active()).toBe(calls - 1);
    expect(c.queues.queue('650')!.stats).toMatchObject({ overflowed: 1, abandoned: 0 });
  });

  test.each<[string, string]>([['a number', '1004'], ['a service', '*9']])('goes on to %s instead', async (_name, overflow) => {
    const c = new Centre({ overflow }, { features: [{ name: 'other', numbers: [exactly('*9', 'x')], answer: async (call) => call.answer().then(() => call.pause(1_000_000)) }] });
    await c.comes('2001');
    await c.w.settle();
    if (overflow === '1004') expect(c.called).toEqual(['1004']);
    else expect(c.w.calls.list()).toMatchObject([{ service: 'other', to: '*9' }]);
  });

  test('presses the key while an agent is called, and is called for elsewhere', async () => {
    const c = new Centre({ agents: ['1002'], exitKey: '0', overflow: '1004' });
    await c.comes('2001');
    expect(c.called).toEqual(['1002']);
    await c.presses('0');
    expect(c.called).toEqual(['1004']);
    expect(c.w.calls.stats().faults).toBe(0);
  });

  test('is not sent away while a phone rings for it', async () => {
    const c = new Centre({ agents: ['1002'], agentSeconds: 15, maxWaitSeconds: 5, overflow: '1004' });
    await c.comes('2001');
    for (let i = 0; i < 14; i++) await c.after(1);
    expect(c.called).toEqual(['1002']);
    for (let i = 0; i < 3; i++) await c.after(1);
    expect(c.called).toEqual(['1004']);
  });

  test('from one queue to the next and back, where nobody is, comes to an end', async () => {
    const c = new Centre([{ overflow: '651' }, { number: '651', overflow: '650' }]);
    await c.comes('2001');
    for (let i = 0; i < 60; i++) await c.after(0.4);
    expect(c.heard()).toEqual(['queue-nobody-there goodbye']);
  });

  test('a queue that is taken away', async () => {
    const c = new Centre({ agents: ['1005'] });
    await c.comes('2001');
    c.settings.length = 0;
    await c.after(5);
    expect(c.heard()).toEqual(['default', 'queue-nobody-there goodbye']);
  });
});

describe('an agent', () => {
  test('who does not answer is left alone for a while, the next one is called, and after some misses it is paused', async () => {
    const c = new Centre({ agents: ['1002', '1003'], strategy: 'in-turn', agentSeconds: 10, retrySeconds: 2, maxMisses: 2 });
    await c.comes('2001');
    const seen: string[] = [];
    for (let i = 0; i < 5; i++) {
      seen.push(c.called.join());
      await c.after(10);
      await c.after(2);
    }
    expect(seen).toEqual(['1002', '1003', '1002', '1003', '']);
    expect(c.queues.list()[0]!.agents).toMatchObject([{ number: '1002', state: 'paused', missed: 2 }, { number: '1003', state: 'paused' }]);
    expect([...c.kept.values()]).toMatchObject([{ number: '1002', paused: true }, { number: '1003', paused: true }]);
    // nobody is left, and so is nobody who waits
    await c.after(5);
    expect(c.events.at(-1)).toBe('650 -2001 overflow');
  });

  test('who has not been called for a caller comes before who has, also when that one is free again', async () => {
    const c = new Centre({ agents: ['1002', '1003', '1004'], strategy: 'in-turn', agentSeconds: 10, retrySeconds: 2, maxMisses: 0 });
    await c.comes('2001');
    const seen: string[] = [];
    for (let i = 0; i < 4; i++) {
      seen.push(...c.called);
      await c.after(10);
    }
    expect(seen).toEqual(['1002', '1003', '1004', '1002']);
  });

  test('who answers has missed nothing in a row', async () => {
    const c = new Centre({ agents: ['1002'], agentSeconds: 10, retrySeconds: 0, maxMisses: 2 });
    await c.comes('2001');
    await c.after(10);
    const phone = await c.answers('1002');
    phone.bye();
    await c.w.settle();
    await c.comes('2002');
    await c.after(10);
    expect(c.queues.agent('1002')).toMatchObject({ paused: false, missed: 2, answered: 1 });
    await c.after(10);
    expect(c.queues.agent('1002')).toMatchObject({ paused: true, missed: 3 });
  });

  test('who declines is no miss; who does not want to be disturbed is not called', async () => {
    const c = new Centre({ agents: ['1002', '1003'], strategy: 'in-turn', retrySeconds: 0, maxMisses: 1 });
    c.w.extensions.set('1003', extension('1003', { diversion: { ...noDiversion, doNotDisturb: true } }));
    await c.comes('2001');
    c.ringing[0]!.refuses(603);
    await c.w.settle();
    expect([c.called, c.queues.agent('1002').state, c.queues.agent('1002').missed]).toEqual([[], 'resting', 0]);
    await c.after(1);
    expect(c.called).toEqual(['1002']);
    expect(c.w.srf.forks.every(({ uri }) => numberOf(uri) === '1002')).toBe(true);
  });

  test('all at once: one answers, the others are free for the next', async () => {
    const c = new Centre({ agents: ['1002', '1003', '1004'], strategy: 'all' });
    await c.comes('2001');
    await c.comes('2002');
    expect(c.called).toEqual(['1002', '1003', '1004']);
    await c.answers('1003');
    expect(c.called).toEqual(['1002', '1004']);
    expect(c.w.calls.list()).toMatchObject([{ from: '2001', to: '1003' }, { from: '2002', to: '650' }]);
  });

  test('of two queues serves the heavier first', async () => {
    const c = new Centre([{ agents: ['1002'] }, { number: '651', agents: ['1002'], weight: 5 }]);
    const { req } = await c.w.dial(linphone, {}, 'sip:1003@pbx.test', '192.168.9.30', '1002');
    await c.comes('2001', '650');
    await c.comes('2002', '651');
    req.emit('cancel');
    await c.w.settle();
    expect(c.queues.queue('651')!.waiting).toMatchObject([{ number: '2002', calling: ['1002'] }]);
    expect(c.queues.queue('650')!.waiting).toMatchObject([{ number: '2001', calling: [] }]);
  });

  test('without a phone is not called until there is one', async () => {
    const c = new Centre({ agents: ['1002'] });
    const phones = c.w.phones;
    c.w.phones = [];
    await c.comes('2001');
    expect([c.called, c.queues.agent('1002').state]).toEqual([[], 'no-phone']);
    c.w.phones = phones;
    await c.after(1);
    expect(c.called).toEqual(['1002']);
  });

  test.each<[string, string[], string[], object | undefined]>([
    ['logs in to one', ['*50650'], ['agent-logged-in goodbye'], { in: ['650'], out: [], paused: false }],
    ['logs in to the only one it may', ['*50'], ['agent-logged-in goodbye'], { in: ['650'] }],
    ['logs in to what is not there, thrice', ['*50999'], ['agent-no-queue', 'enter-number', 'agent-no-queue', 'enter-number', 'agent-no-queue goodbye'], undefined],
    ['logs in to one that is not open', ['*50651'], ['agent-no-queue', 'enter-number', 'agent-no-queue', 'enter-number', 'agent-no-queue goodbye'], undefined],
    ['logs out', ['*50650', '*51'], ['agent-logged-in goodbye', 'agent-logged-out goodbye'], undefined],
    ['logs out of one', ['*50650', '*51650'], ['agent-logged-in goodbye', 'agent-logged-out goodbye'], undefined],
    ['logs out of what it is not in', ['*51'], ['agent-not-logged-in goodbye'], undefined],
    ['takes a break and is back', ['*50650', '*52', '*52'], ['agent-logged-in goodbye', 'agent-paused goodbye', 'agent-back goodbye'], { paused: false }],
    ['takes a break', ['*50650', '*52'], ['agent-logged-in goodbye', 'agent-paused goodbye'], { in: ['650'], paused: true }],
    ['takes a break without being in', ['*52'], ['agent-not-logged-in goodbye'], undefined],
  ])('%s', async (_name, codes, heard, kept) => {
    const c = new Centre([{}, { number: '651', open: false, agents: ['1003'] }]);
    const said: string[] = [];
    for (const dialled of codes) {
      await c.comes('1002', dialled);
      const words: string[] = [];
      for (let i = 0; i < 12 && c.w.calls.active() > 0; i++) {
        words.push(...c.heard());
        await c.played();
        await c.after(8);
      }
      said.push(...words.slice(0, -2), words.slice(-2).join(' '));
    }
    expect(said).toEqual(heard);
    if (kept) expect(c.kept.get('1002')).toMatchObject(kept);
    else expect(c.kept.get('1002')).toBeUndefined();
    expect(c.w.left).toEqual(nothing);
  });

  test('is after a restart what it was: its own queue left, another joined, on a break', async () => {
    const kept = [{ number: '1002', in: ['651'], out: ['650'], paused: false }, { number: '1003', in: ['651'], out: [], paused: true }];
    const c = new Centre([{ agents: ['1002'] }, { number: '651' }], { kept });
    await c.queues.start();
    expect(c.queues.list().map(({ number, agents }) => [number, agents.map((agent) => `${agent.number} ${agent.state}`)])).toEqual([['650', []], ['651', ['1002 free', '1003 paused']]]);
    expect(await c.queues.login('1002', '650')).toBe(true);
    expect(c.kept.get('1002')).toEqual({ number: '1002', in: ['651'], out: [], paused: false });
  });

  test('of a tenant is known by its id, and so are the agents that the queue has', async () => {
    const c = new Centre({ number: '650@acme.example', agents: ['1002'] });
    expect(c.queues.list()[0]!.agents).toMatchObject([{ number: '1002@acme.example' }]);
    expect(c.queues.openTo('1002')).toEqual([]);
    expect(c.queues.openTo('1003@acme.example')).toEqual(['650@acme.example']);
  });
});
