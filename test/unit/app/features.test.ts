/** The features that a fresh system has, each by what it plays and where it puts its callers. */
import { dialplan } from '../../../signaling/app/dialplan';
import { Conferences, features, type FeatureDeps } from '../../../signaling/app/features';
import { isPrompt, promptFile } from '../../../media/speech';
import { linphone } from '../media/sdp-offers';
import { FakeClock } from '../../support/fake-clock';
import { FakeLog, nothing, World } from './call-fakes';

const speech: FeatureDeps['speech'] = {
  sayTime: (when) => [String(when.getUTCHours()), 'o-clock'],
  sayNumber: (n) => [String(n)],
  sayDigits: (number) => [...number].map((d) => ({ '*': 'star', '#': 'pound' })[d] ?? d),
};

type Play = ConstructorParameters<typeof Conferences>[0]['plane']['play'];

/** The party line, and nothing else; conferences have a suite of their own. */
function conferences(clock: FakeClock, play: Play = () => Promise.reject(new Error('no plane'))): Conferences {
  return new Conferences({
    rooms: { list: async () => [] },
    plane: { play, on: () => undefined, openSimple: () => Promise.reject(), closeSimple: async () => undefined, setSimple: async () => false, simpleStats: async () => undefined },
    clock,
    log: new FakeLog(),
    ...speech,
    prompt: (key) => (isPrompt(key) ? promptFile(key) : undefined),
    music: async () => [],
    names: { next: () => Promise.reject(), remove: async () => undefined, clear: async () => undefined },
    simple: undefined,
  });
}

function world(announcements: 'off' | 'on' = 'off'): World {
  const clock = new FakeClock();
  let w: World | undefined;
  // the plane of the world that is made with the features
  const play: Play = (...args) => (w as World).plane.play(...args);
  w = new World({ features: features({ conferences: conferences(clock, play), clock, settings: { announcements }, speech }), prompt: (key) => (isPrompt(key) ? promptFile(key) : undefined) });
  return w;
}

/** What was played since the last look, files by their key, tones by their name; where to. */
function heard(w: World): string[] {
  const plays = w.plane.calls.filter(([name]) => name === 'play').splice(0);
  w.plane.calls.length = 0;
  return plays.map(([, target, what]) => {
    const items = (what as Array<{ file?: string; tone?: string; silenceMs?: number }>).map(({ file, tone, silenceMs }) => file?.replace(/^.*\/|\.wav$/g, '') ?? tone ?? `(${silenceMs})`);
    return `${Object.values(target as object)[0]}: ${items.join(' ')}`;
  });
}

async function after(w: World, ms: number): Promise<void> {
  await w.settle();
  w.clock.advance(ms);
  await w.settle();
}

async function played(w: World): Promise<void> {
  w.plane.finishes();
  await w.settle();
}

test('the dial plan has their numbers', () => {
  const rows = dialplan(features({ conferences: conferences(new FakeClock()), clock: new FakeClock(), settings: { announcements: 'off' }, speech })).print().split('\n').slice(2, -3);
  expect(rows.map((row) => row.split(/\s{2,}/))).toEqual([
    ['*43', 'echo test: you hear yourself'],
    ['*60', 'the time'],
    ['8000', 'the party line: a conference that everybody can dial'],
    ['a conference room', 'who dials it meets the others there (offhook room)'],
  ]);
});

describe('*43, the echo test', () => {
  test.each([['hears it out', (w: World) => played(w)], ['presses a key', async (w: World) => {
    w.plane.emit('digit', { id: 'e0', session: w.calls.list()[0]?.id, digit: '1' });
    await w.settle();
  }]])('introduces itself; who %s hears itself until the end', async (_name, happens) => {
    const w = world();
    await w.dial(linphone, {}, 'sip:*43@pbx.test');
    await after(w, 400);
    expect(heard(w)).toEqual(['e0: echo-test']);
    await happens(w);
    expect(w.plane.of('join')).toEqual([['join', 'e0', `echo:${w.calls.list()[0]?.id}`, { echo: true }]]);
    w.clock.advance(3_600_000);
    expect(w.calls.list()).toMatchObject([{ service: 'echo test', state: 'up' }]);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.left).toEqual(nothing);
  });
});

test('*60 says the time three times, a beep after each, and hangs up', async () => {
  const w = world();
  await w.dial(linphone, {}, 'sip:*60@pbx.test');
  await after(w, 400);
  for (const _ of [1, 2, 3]) {
    expect(heard(w)).toEqual(['e0: the-time-is 0 o-clock']);
    await played(w);
    expect(heard(w)).toEqual(['e0: (300) beep']);
    await played(w);
    await after(w, 2000);
  }
  expect(heard(w)).toEqual(['e0: goodbye']);
  await played(w);
  expect(w.answer.dialog.byes).toEqual([{ Reason: 'Q.850;cause=16;text="time has ended the call"' }]);
  expect(w.left).toEqual(nothing);
});

describe('8000, the party line', () => {
  test('tells who comes how many are there, and the others by a tone that somebody comes or goes', async () => {
    const w = world();
    await w.dial(linphone, {}, 'sip:8000@pbx.test');
    await after(w, 400);
    expect([...w.plane.held.values()].map((e) => e.near)).toEqual(['room:8000']);
    expect(heard(w)).toEqual(['e0: conference-only-one']);
    await played(w);
    expect(w.plane.of('join')).toEqual([['join', 'e0', '8000', { muted: false, deaf: false }]]);
    expect(heard(w)).toEqual(['8000: join']);

    await w.dial(linphone, {}, 'sip:8000@pbx.test');
    await after(w, 400);
    expect(heard(w)).toEqual(['e1: conference-there-is conference-one-other']);
    await played(w);
    await w.dial(linphone, {}, 'sip:8000@pbx.test');
    await after(w, 400);
    expect(heard(w).at(-1)).toBe('e2: conference-there-are 2 conference-others');
    await played(w);
    expect(heard(w)).toEqual(['8000: join']);

    await played(w);
    w.srf.answers[0]?.dialog.bye();
    await w.settle();
    expect(heard(w)).toEqual(['8000: leave']);
    await played(w);
    w.srf.answers[1]?.dialog.bye();
    await w.settle();
    w.plane.calls.length = 0;
    w.srf.answers[2]?.dialog.bye();
    await w.settle();
    expect(heard(w)).toEqual([]);
    expect(w.left).toEqual(nothing);
  });

  test('a muted member may be silent for as long as its phone answers', async () => {
    const w = world();
    await w.dial(linphone, {}, 'sip:8000@pbx.test');
    await after(w, 400);
    w.plane.emit('silent', { id: 'e0', session: w.calls.list()[0]?.id, silentMs: 60_000 });
    expect(w.answer.dialog.requests.map((r) => r.method)).toEqual(['OPTIONS']);
    w.answer.dialog.requests[0]?.answer(200);
    expect(w.calls.active()).toBe(1);
  });

  test('who hangs up during the greeting was never there', async () => {
    const w = world();
    await w.dial(linphone, {}, 'sip:8000@pbx.test');
    await after(w, 400);
    w.answer.dialog.bye();
    await w.settle();
    expect(w.plane.of('join')).toEqual([]);
    await w.dial(linphone, {}, 'sip:8000@pbx.test');
    await after(w, 400);
    expect(heard(w).at(-1)).toBe('e1: conference-only-one');
  });

  test('tones that do not play disturb nobody', async () => {
    const w = world();
    await w.dial(linphone, {}, 'sip:8000@pbx.test');
    await after(w, 400);
    w.plane.failing.add('play');
    await played(w);
    await w.settle();
    expect(w.plane.of('join')).toHaveLength(1);
    expect(w.calls.stats().faults).toBe(0);
    expect(w.calls.active()).toBe(1);
  });
});

describe('announcements', () => {
  const reasons: Array<[string, (w: World) => Promise<unknown>, string, number]> = [
    ['a number that does not exist', (w) => w.dial(linphone, {}, 'sip:*12@pbx.test'), 'the-number-you-dialled star 1 2 is-not-in-service', 404],
    ['an extension without a phone', (w) => w.dial(linphone, {}, 'sip:1003@pbx.test'), 'the-number-you-dialled 1 0 0 3 cannot-be-reached', 480],
    ['a busy phone', (w) => w.dial(linphone).then((dialled) => (w.fork().refuses(486), dialled)), 'the-number-you-dialled 1 0 0 2 is-busy', 486],
    ['nobody answers', async (w) => {
      const dialled = await w.dial(linphone);
      w.fork().provisional(180);
      w.clock.advance(60_000);
      return dialled;
    }, 'the-number-you-dialled 1 0 0 2 does-not-answer', 408],
  ];

  test.each(reasons)('%s: said as early media, then refused as ever', async (_name, dials, sentence, status) => {
    const w = world('on');
    const { res } = (await dials(w)) as Awaited<ReturnType<World['dial']>>;
    await w.settle();
    expect(res.statuses.at(-1)).toBe(183);
    expect(heard(w)).toEqual(['e0: sit']);
    await played(w);
    for (const _ of [1, 2]) {
      expect(heard(w)).toEqual([`e0: ${sentence}`]);
      await played(w);
      await after(w, 1500);
    }
    expect(res.final?.status).toBe(status);
    expect(w.srf.answers).toHaveLength(0);
    expect(w.left).toEqual(nothing);
    expect(w.calls.recent()).toMatchObject([{ service: 'announcement', answeredAfter: undefined, ended: { status } }]);
  });

  test('off, the refusal comes at once', async () => {
    const w = world();
    const { res } = await w.dial(linphone, {}, 'sip:1009@pbx.test');
    expect(res.statuses).toEqual([404]);
  });

  test('a caller without an offer is refused at once', async () => {
    const w = world('on');
    const { res } = await w.dial('', {}, 'sip:1009@pbx.test');
    await w.settle();
    expect(res.statuses).toEqual([404]);
    expect(w.left).toEqual(nothing);
  });

  test('the caller gives up while it listens', async () => {
    const w = world('on');
    const { req, res } = await w.dial(linphone, {}, 'sip:1009@pbx.test');
    await w.settle();
    req.emit('cancel');
    await w.settle();
    expect(res.statuses).toEqual([183]);
    expect(w.left).toEqual(nothing);
  });
});

test('whatever the features say is there to be heard', async () => {
  const w = world('on');
  for (const number of ['*43', '*60', '8000', '1009', '1003']) await w.dial(linphone, {}, `sip:${number}@pbx.test`);
  for (let i = 0; i < 20; i++) {
    await after(w, 2000);
    await played(w);
  }
  expect(w.calls.stats()).toMatchObject({ promptsFailed: 0, faults: 0 });
  await w.calls.close();
});
