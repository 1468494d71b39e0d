/**
 * The resampler, measured with tones: what passes, what must not, when it comes, and that frames leave no trace.
 */
import fc from 'fast-check';
import { Resampler } from '../../../../media/audio/resample';

const inside = [8000, 16000, 48000] as const;
const pairs = inside.flatMap((from) => inside.filter((to) => to !== from).map((to) => [from, to] as const));
const files = [11025, 22050, 24000, 32000, 44100].flatMap((from) => inside.map((to) => [from, to] as const));

const tone = (rate: number, hz: number, samples: number, amplitude = 20000): Int16Array =>
  Int16Array.from({ length: samples }, (_, i) => Math.round(amplitude * Math.sin((2 * Math.PI * hz * i) / rate)));

/** Power of `pcm` less its mean. */
const power = (pcm: Int16Array): number => pcm.reduce((sum, x) => sum + x * x, 0) / pcm.length;

/** `pcm` taken apart by least squares: the power of its tone of `hz`, and the power of all the rest. */
function apart(pcm: Int16Array, rate: number, hz: number): { tone: number; rest: number } {
  const sines = Float64Array.from(pcm, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));
  const cosines = Float64Array.from(pcm, (_, i) => Math.cos((2 * Math.PI * hz * i) / rate));
  const product = (x: ArrayLike<number>, y: ArrayLike<number>): number => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += (x[i] as number) * (y[i] as number);
    return sum;
  };
  const [ss, sc, cc, xs, xc] = [product(sines, sines), product(sines, cosines), product(cosines, cosines), product(pcm, sines), product(pcm, cosines)];
  const det = ss * cc - sc * sc;
  const a = (xs * cc - xc * sc) / det;
  const b = (xc * ss - xs * sc) / det;
  const rest = Float64Array.from(pcm, (x, i) => x - a * (sines[i] as number) - b * (cosines[i] as number));
  return { tone: (a * a + b * b) / 2, rest: product(rest, rest) / rest.length };
}

const db = (ratio: number): number => 10 * Math.log10(Math.max(ratio, 1e-20));

/** All of `pcm` through `resampler`, `chunk` samples at a time. */
function through(resampler: Resampler, pcm: Int16Array, chunk = Math.ceil(resampler.from / 50)): Int16Array {
  const room = new Int16Array(Math.ceil((chunk * resampler.to) / resampler.from) + 2);
  const out: number[] = [];
  for (let at = 0; at < pcm.length; at += chunk) {
    const part = pcm.subarray(at, at + chunk);
    const written = resampler.process(part, part.length, room);
    out.push(...room.subarray(0, written));
  }
  return Int16Array.from(out);
}

/** A fifth of a second of what `hz` becomes, after the filter has filled. */
const settled = (from: number, to: number, hz: number, amplitude?: number): Int16Array =>
  through(new Resampler(from, to), tone(from, hz, Math.ceil(from * 0.25), amplitude)).subarray(to * 0.05);

const passBand = [50, 300, 1000, 2000, 3000, 3400];

describe.each([...pairs, ...files])('%i to %i Hz', (from, to) => {
  const edge = Math.min(from, to) / 2;

  test.each(passBand.map((hz) => Math.round((hz / 4000) * edge)))('%i Hz passes within half a decibel, and nothing is added', (hz) => {
    const out = settled(from, to, hz);
    const { tone: kept, rest } = apart(out, to, hz);
    expect(Math.abs(db(kept / (20000 ** 2 / 2)))).toBeLessThan(0.5);
    expect(db(rest / kept)).toBeLessThan(-60);
  });

  test('a second gives a second, and each part of it the samples that begin in it', () => {
    const resampler = new Resampler(from, to);
    const frame = new Int16Array(Math.ceil(from / 50));
    const out = new Int16Array(to / 50 + 5);
    let samples = 0;
    for (let i = 1; i <= 50; i++) {
      const length = Math.floor((i * from) / 50) - Math.floor(((i - 1) * from) / 50);
      samples += resampler.process(frame, length, out);
      expect(samples).toBe(Math.ceil((Math.floor((i * from) / 50) * to) / from));
    }
    expect(samples).toBe(to);
  });
});

describe.each([...pairs, ...files].filter(([from, to]) => to < from))('%i down to %i Hz', (from, to) => {
  test('what the lower rate cannot hold is 60 dB down', () => {
    for (let hz = to / 2; hz < from / 2; hz += (from - to) / 2 / 24) {
      expect(db(power(settled(from, to, hz)) / (20000 ** 2 / 2))).toBeLessThan(-60);
    }
  });
});

describe.each(pairs.filter(([from, to]) => to > from))('%i up to %i Hz', (from, to) => {
  test('has no mirror image above the old half', () => {
    for (const part of [0.1, 0.5, 0.85, 0.97]) {
      const hz = (part * from) / 2;
      const out = settled(from, to, hz);
      for (let image = from - hz; image < to / 2; image += from) expect(db(apart(out, to, image).tone / (20000 ** 2 / 2))).toBeLessThan(-60);
    }
  });
});

test.each(pairs)('%i to %i Hz: 20 ms in is 20 ms out, each time', (from, to) => {
  const resampler = new Resampler(from, to);
  const out = new Int16Array(to / 50);
  for (let i = 0; i < 20; i++) {
    expect(resampler.outputLength(from / 50)).toBe(to / 50);
    expect(resampler.process(new Int16Array(from / 50), from / 50, out)).toBe(to / 50);
  }
});

test.each([...pairs, ...files])('%i to %i Hz: as late as it says, and that is no more than 3 ms', (from, to) => {
  const resampler = new Resampler(from, to);
  const pcm = new Int16Array(from / 10);
  pcm[Math.floor(from / 50)] = 32767;
  const out = through(resampler, pcm);
  // The response is symmetric: its centre of mass is where the impulse went
  const mass = out.reduce((sum, x) => sum + x, 0);
  const centre = out.reduce((sum, x, i) => sum + x * i, 0) / mass;
  expect(resampler.delayMs).toBeLessThanOrEqual(3);
  expect((1000 * centre) / to - (1000 * Math.floor(from / 50)) / from).toBeCloseTo(resampler.delayMs, 1);
});

test('frames leave no trace: any cutting of the input gives the same output', () => {
  fc.assert(
    fc.property(fc.constantFrom(...pairs, ...files), fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1, maxLength: 8 }), fc.infiniteStream(fc.integer({ min: -32768, max: 32767 })), ([from, to], cuts, noise) => {
      const total = cuts.reduce((a, b) => a + b);
      const pcm = Int16Array.from({ length: total }, () => noise.next().value);
      const whole = new Resampler(from, to);
      const expected = new Int16Array(whole.outputLength(total));
      expect(whole.process(pcm, total, expected)).toBe(expected.length);

      const cut = new Resampler(from, to);
      const out: number[] = [];
      let at = 0;
      for (const length of cuts) {
        const room = new Int16Array(cut.outputLength(length));
        expect(cut.process(pcm.subarray(at), length, room)).toBe(room.length);
        out.push(...room);
        at += length;
      }
      expect(Int16Array.from(out)).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});

test('a file at a rate of no common measure is heard as it is', () => {
  const out = settled(11111, 48000, 4000);
  const { tone: kept, rest } = apart(out, 48000, 4000);
  expect(Math.abs(db(kept / (20000 ** 2 / 2)))).toBeLessThan(0.5);
  expect(db(rest / kept)).toBeLessThan(-60);
});

test('a constant stays what it is, also at the limits: loud sound clips and does not wrap', () => {
  for (const [from, to] of [...pairs, ...files]) {
    for (const value of [0, 1, -1, 32767, -32768]) {
      const out = through(new Resampler(from, to), new Int16Array(from / 10).fill(value)).subarray(to / 100);
      expect(out.every((x) => x === value)).toBe(true);
    }
    const square = Int16Array.from({ length: from / 5 }, (_, i) => (Math.floor((i * 800) / from) % 2 === 0 ? 32767 : -32768));
    const out = through(new Resampler(from, to), square).subarray(to / 100);
    // The middle of each half wave has its sign; a wrapped overshoot would not
    const half = to / 800;
    const late = (22 / Math.min(from, to)) * to;
    for (let middle = half / 2 + 20 * half + late - to / 100; middle < out.length - half; middle += half * 2) {
      expect(out[Math.round(middle)]).toBeGreaterThan(20000);
      expect(out[Math.round(middle + half)]).toBeLessThan(-20000);
    }
  }
});

test('reset forgets; streams of one ratio share no memory', () => {
  const loud = tone(8000, 700, 1600);
  const fresh = through(new Resampler(8000, 48000), loud);
  const used = new Resampler(8000, 48000);
  through(used, tone(8000, 1234, 333), 111);
  const other = new Resampler(8000, 48000);
  through(other, tone(8000, 321, 333), 111);
  used.reset();
  expect(through(used, loud)).toEqual(fresh);
});

test('equal rates copy', () => {
  const pcm = tone(16000, 440, 320);
  const out = new Int16Array(320);
  const resampler = new Resampler(16000, 16000);
  expect(resampler.process(pcm, 320, out)).toBe(320);
  expect(out).toEqual(pcm);
  expect(resampler.delayMs).toBe(0);
});

test('no room, too little input, rates that are none', () => {
  const resampler = new Resampler(8000, 16000);
  expect(() => resampler.process(new Int16Array(160), 160, new Int16Array(319))).toThrow(RangeError);
  expect(() => resampler.process(new Int16Array(159), 160, new Int16Array(320))).toThrow(RangeError);
  expect(resampler.process(new Int16Array(160), 160, new Int16Array(320))).toBe(320);
  expect(resampler.process(new Int16Array(0), 0, new Int16Array(0))).toBe(0);
  for (const rate of [0, -8000, 3999, 192001, 8000.5, Number.NaN, Infinity]) {
    expect(() => new Resampler(rate, 8000)).toThrow(RangeError);
    expect(() => new Resampler(8000, rate)).toThrow(RangeError);
  }
});
