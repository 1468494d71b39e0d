/** The queue between two clocks, on a time that only the test moves. */
import { DriftQueue } from '../../../../client/node/audio/drift-queue';

/** Jest's global object is slow to look up, sample by sample. */
const { sin, cos, round, PI } = Math;

const RATE = 48_000;
/** Simulated hours pass faster with fewer samples: two in 5 ms. */
const LOW = { inRate: 400, hz: 20 };
/** Where it is heard, and not by purity. */
const MIDDLE_RATE = 16_000;

/** Reproducible, 0 to 1. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Run {
  /** The pushing clock is faster by so much. */
  ppm: number;
  seconds: number;
  pushMs?: number;
  pullMs?: number;
  /** Each push is late by up to so much, each pull too. */
  pushJitterMs?: number;
  pullJitterMs?: number;
  /** What comes at once, in pushes and in pulls. */
  pushBurst?: number;
  pullBurst?: number;
  /** Pushes of this stretch (s) all come at its end; so do pulls. */
  pushStall?: [from: number, to: number];
  pullStall?: [from: number, to: number];
  /** What would be pushed in this stretch never comes. */
  gap?: [from: number, to: number];
  inRate?: number;
  outRate?: number;
  hz?: number;
  /** By default loud all the time. */
  amplitude?(second: number): number;
  /** What is pulled from then on is kept. */
  keepFrom?: number;
}

interface Outcome {
  queue: DriftQueue;
  kept: Int16Array;
  /** After each pull: when (s), and what is between the making of the last sample taken and its taking, ms. */
  lags: Array<{ at: number; lagMs: number }>;
}

/** Both clocks as lists of what happens when. */
function simulate(run: Run): Outcome {
  const { ppm, seconds, pushMs = 10, pullMs = 20, pushBurst = 1, pullBurst = 1, inRate = RATE, outRate = inRate, hz = 1000, amplitude = () => 10_000 } = run;
  const random = chance(7);
  const queue = new DriftQueue({ inRate, outRate });
  const pushLength = (pushMs * inRate) / 1000;
  const out = new Int16Array((pullMs * outRate) / 1000);
  const block = new Int16Array(pushLength);
  const kept: number[] = [];
  const lags: Outcome['lags'] = [];
  const held = (at: number, stall: [number, number] | undefined): number => (stall && at >= stall[0] * 1000 && at < stall[1] * 1000 ? stall[1] * 1000 : at);
  const madeAt = (samples: number): number => (samples * 1000) / inRate / (1 + ppm / 1e6);
  let pushed = 0;
  let pulled = 0;
  let pushLate = 0;
  let pullLate = 0;
  let before = 0;
  while (pulled * pullMs < seconds * 1000) {
    const pushAt = held(madeAt((Math.floor(pushed / pushBurst) + 1) * pushBurst * pushLength), run.pushStall) + pushLate;
    const pullAt = held(Math.floor(pulled / pullBurst) * pullBurst * pullMs + 3, run.pullStall) + pullLate;
    before = Math.max(before, Math.min(pushAt, pullAt));
    if (pushAt <= pullAt) {
      const second = madeAt(pushed * pushLength) / 1000;
      const lost = run.gap !== undefined && second >= run.gap[0] && second < run.gap[1];
      for (let i = 0; i < pushLength; i++) block[i] = round(amplitude(second) * sin((2 * PI * hz * (pushed * pushLength + i)) / inRate));
      pushed++;
      if (!lost) queue.push(block, before);
      pushLate = random() * (run.pushJitterMs ?? 0);
    } else {
      const whole = queue.pull(out, before);
      if (run.keepFrom !== undefined && pulled * pullMs >= run.keepFrom * 1000) for (const sample of out) kept.push(sample);
      pulled++;
      if (whole && pulled % pullBurst === 0) lags.push({ at: before / 1000, lagMs: before - madeAt(pushed * pushLength) + queue.queueMs });
      pullLate = random() * (run.pullJitterMs ?? 0);
    }
  }
  return { queue, kept: Int16Array.from(kept), lags };
}

const between = (lags: Outcome['lags'], from: number, to = Infinity): number[] => lags.filter(({ at }) => at >= from && at < to).map(({ lagMs }) => lagMs);
const most = (values: readonly number[]): number => values.reduce((worst, value) => Math.max(worst, value), -Infinity);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** dB between the sine that fits best near `hz` and all that is left. */
function purity(pcm: Int16Array, hz: number, rate = RATE): number {
  const at = (frequency: number): number => {
    const w = (2 * PI * frequency) / rate;
    let [cc, ss, cs, xc, xs, power] = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < pcm.length; i++) {
      const x = pcm[i] as number;
      const c = cos(w * i);
      const s = sin(w * i);
      cc += c * c;
      ss += s * s;
      cs += c * s;
      xc += x * c;
      xs += x * s;
      power += x * x;
    }
    // Least squares: a and b of a·cos + b·sin
    const det = cc * ss - cs * cs;
    const a = (xc * ss - xs * cs) / det;
    const b = (xs * cc - xc * cs) / det;
    const tone = a * xc + b * xs;
    return 10 * Math.log10(tone / Math.max(1e-9, power - tone));
  };
  let [best, step] = [hz, hz * 2e-4];
  for (; step > hz * 1e-8; step /= 2) best = [best - step, best, best + step].reduce((a, b) => (at(b) > at(a) ? b : a));
  return at(best);
}

/** The largest step from one sample to the next. */
const steepest = (pcm: Int16Array): number => pcm.reduce((most, sample, i) => (i === 0 ? 0 : Math.max(most, Math.abs(sample - (pcm[i - 1] as number)))), 0);

/** 200 Hz at 16 kHz moves by 785 from sample to sample at most; fades over 5 ms add 125. */
const SMOOTH = 950;

describe('two clocks', () => {
  test.each([
    [-300, 600],
    [-100, 600],
    [0, 600],
    [37, 900],
    [300, 1200],
  ])('%i ppm apart for %i s: nothing is missing, nothing left out, the lag holds', (ppm, seconds) => {
    const { queue, lags } = simulate({ ppm, seconds, ...LOW, pushJitterMs: 2, pullJitterMs: 2 });
    expect(queue.missingMs).toBe(0);
    expect(queue.droppedMs).toBe(0);
    const late = between(lags, 60);
    // A push of 10 ms, the jitter of both sides, the guard
    const usual = mean(late);
    expect(usual).toBeGreaterThan(11);
    expect(usual).toBeLessThan(16);
    expect(most(late.map((lag) => Math.abs(lag - usual)))).toBeLessThan(5);
    expect(Math.abs((queue.driftPpm as number) - ppm)).toBeLessThan(20);
  });

  test('the worst crystals: 1000 ppm', () => {
    const { queue, lags } = simulate({ ppm: 1000, seconds: 600, ...LOW });
    expect(queue.missingMs).toBe(0);
    expect(queue.droppedMs).toBe(0);
    expect(most(between(lags, 60))).toBeLessThan(20);
  });

  test('twenty milliseconds pushed, five pulled, four at a time (the speaker): the same', () => {
    const { queue, lags } = simulate({ ppm: 150, seconds: 600, ...LOW, pushMs: 20, pullMs: 5, pullBurst: 4 });
    expect(queue.missingMs).toBe(0);
    expect(queue.droppedMs).toBe(0);
    expect(most(between(lags, 60))).toBeLessThan(45);
  });

  test('blocks that come four at once', () => {
    const { queue, lags } = simulate({ ppm: -80, seconds: 600, ...LOW, pushMs: 5, pushBurst: 4 });
    expect(queue.missingMs).toBeLessThan(20);
    expect(queue.droppedMs).toBe(0);
    expect(most(between(lags, 60))).toBeLessThan(30);
  });
});

describe('a tone stays pure', () => {
  test.each([300, 1000, 3400, 8000])('%i Hz while the clocks drift', (hz) => {
    const { kept } = simulate({ ppm: 200, seconds: 42, hz, keepFrom: 41.5 });
    expect(purity(kept, hz)).toBeGreaterThan(60);
  });

  test.each([
    [44_100, 48_000],
    [48_000, 44_100],
    [16_000, 48_000],
  ])('from %i to %i Hz', (inRate, outRate) => {
    const { kept, queue } = simulate({ ppm: 0, seconds: 6, inRate, outRate, keepFrom: 5 });
    expect(purity(kept, 1000, outRate)).toBeGreaterThan(60);
    expect(queue.missingMs).toBe(0);
  });

  test('with jitter', () => {
    const { kept } = simulate({ ppm: 50, seconds: 42, pushJitterMs: 5, pullJitterMs: 3, keepFrom: 41.5 });
    expect(purity(kept, 1000)).toBeGreaterThan(35);
  });
});

describe('the beginning', () => {
  test.each([
    ['the speaker takes two at once, now and then early', { pushMs: 20, pullMs: 10, pullBurst: 2, pushJitterMs: 4, pullJitterMs: 8 }],
    ['the microphone brings two at once', { pushMs: 10, pushBurst: 2, pullMs: 20, pushJitterMs: 8, pullJitterMs: 4 }],
  ])('%s: it is watched first, and then there is no stutter', (_what, habits) => {
    const { queue, kept } = simulate({ ppm: 0, seconds: 3, inRate: MIDDLE_RATE, hz: 200, keepFrom: 0, ...habits });
    const begins = kept.findIndex((sample) => sample !== 0) / MIDDLE_RATE;
    expect(begins).toBeGreaterThan(0.2);
    expect(begins).toBeLessThan(0.4);
    expect(queue.missingMs).toBe(0);
    expect(queue.droppedMs).toBe(0);
  });

  test('what happens again and again is known within half a second', () => {
    const queue = new DriftQueue({ inRate: RATE, outRate: RATE });
    const block = new Int16Array(480).fill(1000);
    // Each twelfth is late by 15 ms
    for (let n = 0; n < 50; n++) queue.push(block, n * 10 + (n % 12 === 11 ? 15 : 0));
    expect(queue.targetMs).toBeGreaterThan(25);
  });
});

describe('jitter', () => {
  test('of 8 and 4 ms: the queue holds what it needs, and no more', () => {
    const { queue, lags } = simulate({ ppm: -100, seconds: 600, ...LOW, pushJitterMs: 8, pullJitterMs: 4 });
    expect(queue.missingMs).toBeLessThan(100);
    expect(mean(between(lags, 300))).toBeLessThan(23);
  });

  test('that ends is forgotten', () => {
    const queue = new DriftQueue({ inRate: RATE, outRate: RATE });
    const block = new Int16Array(480).fill(1000);
    const random = chance(3);
    let worst = 0;
    for (let n = 0; n < 3000; n++) {
      queue.push(block, n * 10 + (n < 1000 ? random() * 30 : 0));
      if (n === 999) worst = queue.targetMs;
    }
    expect(worst).toBeGreaterThan(20);
    // A push, the guess for pulls (there are none), the guard
    expect(queue.targetMs).toBeLessThan(14.5);
  });

  test('a single late block in ten seconds changes nothing for good', () => {
    const queue = new DriftQueue({ inRate: RATE, outRate: RATE });
    const block = new Int16Array(480).fill(1000);
    for (let n = 0; n < 3000; n++) {
      queue.push(block, n * 10 + (n === 1500 ? 25 : 0));
      expect(queue.targetMs).toBeLessThan(17.5);
    }
  });
});

describe('stalls', () => {
  test('of the pushing side, then all at once: silence for the stall, what came too late is left out, the lag is what it was', () => {
    const { queue, kept, lags } = simulate({ ppm: 0, seconds: 30, pushStall: [20, 20.3], inRate: MIDDLE_RATE, hz: 200, keepFrom: 19 });
    expect(queue.missingMs).toBeGreaterThan(240);
    expect(queue.missingMs).toBeLessThan(330);
    expect(Math.abs(queue.droppedMs - queue.missingMs)).toBeLessThan(30);
    const before = mean(between(lags, 18, 20));
    expect(most(between(lags, 20.4))).toBeLessThan(before + 30);
    expect(Math.abs(mean(between(lags, 25)) - before)).toBeLessThan(2);
    expect(steepest(kept)).toBeLessThan(SMOOTH);
  });

  test('of the pulling side, then all at once: the sound was only late, nothing is missing', () => {
    const { queue, kept, lags } = simulate({ ppm: 0, seconds: 30, pullStall: [20, 20.3], inRate: MIDDLE_RATE, hz: 200, keepFrom: 19 });
    expect(queue.missingMs + queue.droppedMs).toBeLessThan(1);
    expect(steepest(kept)).toBeLessThan(SMOOTH);
    expect(Math.abs(mean(between(lags, 22)) - mean(between(lags, 18, 20)))).toBeLessThan(2);
  });

  test('of the pulling side, which leaves out what it missed: so does the queue', () => {
    const queue = new DriftQueue({ inRate: RATE, outRate: RATE });
    const block = new Int16Array(480);
    const out = new Int16Array(960);
    const lags: number[] = [];
    for (let n = 0, sample = 0; n < 2000; n++) {
      for (let i = 0; i < 480; i++, sample++) block[i] = round(10_000 * sin((2 * PI * 200 * sample) / RATE));
      queue.push(block, n * 10);
      if (n % 2 === 0 && (n < 1000 || n >= 1030)) {
        queue.pull(out, n * 10 + 1);
        lags.push(queue.queueMs);
      }
    }
    expect(queue.droppedMs).toBeGreaterThan(260);
    expect(queue.droppedMs).toBeLessThan(340);
    expect(queue.missingMs).toBe(0);
    expect(most(lags.slice(-400))).toBeLessThan(25);
  });

  test('nothing is pushed for a while, and what would have been never comes: fades out and in, without a click', () => {
    const { queue, kept, lags } = simulate({ ppm: 0, seconds: 20, gap: [8, 9], inRate: MIDDLE_RATE, hz: 200, keepFrom: 7 });
    expect(queue.missingMs).toBeGreaterThan(950);
    expect(queue.missingMs).toBeLessThan(1150);
    expect(steepest(kept)).toBeLessThan(SMOOTH);
    expect(kept.subarray(kept.length - MIDDLE_RATE).some((sample) => Math.abs(sample) > 9900)).toBe(true);
    expect(mean(between(lags, 7, 8))).toBeGreaterThan(10);
    expect(most(between(lags, 9.5).map((lag) => lag - 1000))).toBeLessThan(60);
  });

  test('what is a little too much is left out where nobody speaks', () => {
    const talk = (second: number): number => (second % 4 < 3 ? 10_000 : 0);
    // A stall of 25 ms leaves so much too much, which speed alone would take long for
    const { queue } = simulate({ ppm: 0, seconds: 26, pushStall: [21, 21.035], inRate: MIDDLE_RATE, amplitude: talk });
    expect(queue.droppedMs).toBeGreaterThan(3);
    expect(queue.queueMs).toBeLessThan(20);
  });
});

describe('the counters', () => {
  test('one that nobody pushes into misses nothing, and gives zeros', () => {
    const queue = new DriftQueue({ inRate: RATE, outRate: RATE });
    const out = new Int16Array(960).fill(5);
    expect(queue.pull(out, 20)).toBe(false);
    expect(out.every((sample) => sample === 0)).toBe(true);
    expect(queue.missingMs).toBe(0);
  });

  test('one that nobody plays into any more misses nothing after a while', () => {
    const queue = new DriftQueue({ inRate: RATE, outRate: RATE, idleAfterMs: 500 });
    for (let at = 0; at < 400; at += 20) {
      queue.push(new Int16Array(960).fill(1000), at);
      queue.pull(new Int16Array(960), at + 5);
    }
    const out = new Int16Array(960);
    for (let at = 405; at < 60_000; at += 20) queue.pull(out, at);
    expect(queue.missingMs).toBeLessThan(501);
    expect(queue.missingMs).toBeGreaterThan(400);
  });

  test('one that nobody pulls from keeps half a second, and counts the rest', () => {
    const queue = new DriftQueue({ inRate: RATE, outRate: RATE });
    for (let at = 0; at < 10_000; at += 20) queue.push(new Int16Array(960), at);
    expect(queue.queueMs).toBeLessThanOrEqual(500);
    expect(queue.droppedMs).toBeCloseTo(9500, -2);
  });

  test('a device that is gone and comes back: what was missed meanwhile is counted', () => {
    const queue = new DriftQueue({ inRate: RATE, outRate: RATE });
    const out = new Int16Array(960);
    const block = new Int16Array(480).fill(1000);
    for (let n = 0; n < 1000; n++) {
      if (n === 400) queue.restart();
      if (n < 200 || n >= 600) queue.push(block, n * 10);
      if (n % 2 === 1) queue.pull(out, n * 10 + 1);
    }
    // Two seconds of the old device, two without any, and the time in which the new one is watched
    expect(queue.missingMs).toBeGreaterThan(4150);
    expect(queue.missingMs).toBeLessThan(4350);
    expect(out.every((sample) => Math.abs(sample - 1000) <= 1)).toBe(true);
  });
});
