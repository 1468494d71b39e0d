/**
 * RFC 3389: noise is made as loud and of the colour that a payload says, and a payload says what was heard.
 */
import fc from 'fast-check';
import { ComfortNoise, MAX_ORDER, MAX_PAYLOAD, NoiseModel } from '../../../../media/codec/comfort-noise';

function seeded(seed = 1): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** `frames` of 20 ms at 8 kHz, in one piece. */
function noiseOf(payload: readonly number[], frames = 100, samples = 160, noise = new ComfortNoise(seeded())): Int16Array {
  expect(noise.update(Uint8Array.from(payload), payload.length)).toBe(true);
  const out = new Int16Array(frames * samples);
  for (let at = 0; at < out.length; at += samples) noise.generate(out.subarray(at, at + samples));
  return out;
}

const dbov = (pcm: Int16Array): number => 10 * Math.log10(pcm.reduce((sum, x) => sum + x * x, 0) / pcm.length / 32768 ** 2);

/** Correlation of neighbours: 1 is a rumble, 0 white, −1 a hiss. */
const colour = (pcm: Int16Array): number => {
  let [near, all] = [0, 0];
  for (let i = 1; i < pcm.length; i++) {
    near += pcm[i]! * pcm[i - 1]!;
    all += pcm[i]! * pcm[i]!;
  }
  return near / all;
};

const octet = (k: number): number => Math.round((k * 32768) / 258) + 127;

test.each([20, 30, 45, 60, 70])('%i dB below overload, white', (level) => {
  const out = noiseOf([level]).subarray(320);
  expect(dbov(out)).toBeCloseTo(-level, 0);
  expect(Math.abs(colour(out))).toBeLessThan(0.05);
});

test.each([
  [[-0.9]],
  [[0.7]],
  [[-0.8, 0.5]],
  [[-0.6, 0.3, -0.2, 0.1, 0.1, -0.1, 0.05, -0.3, 0.2, -0.1]],
])('coefficients %p shape it and leave the level', (reflection) => {
  const out = noiseOf([40, ...reflection.map(octet)], 500).subarray(320);
  expect(Math.abs(dbov(out) + 40)).toBeLessThan(0.7);
  // k1 is −r(1)/r(0)
  expect(colour(out)).toBeCloseTo(-reflection[0]!, 1);
});

test('127 is silence, and so is a stream that nothing was said about', () => {
  expect(noiseOf([127, octet(-0.9)]).every((x) => x === 0)).toBe(true);
  const out = new Int16Array(160).fill(99);
  new ComfortNoise(seeded()).generate(out);
  expect(out.every((x) => x === 0)).toBe(true);
});

test('the upper bit of the level, code 255 and what is beyond ten coefficients do not count', () => {
  const plain = noiseOf([30, 100, 127, 140]);
  expect(noiseOf([30 | 0x80, 100, 127, 140])).toEqual(plain);
  expect(noiseOf([30, 100, 255, 140])).toEqual(plain);
  const ten = [100, 120, 130, 127, 127, 110, 127, 127, 127, 120];
  expect(noiseOf([30, ...ten, 1, 2, 3])).toEqual(noiseOf([30, ...ten]));
});

test('the same randomness gives the same noise; reset starts anew', () => {
  const payload = [35, 90, 140];
  const noise = new ComfortNoise(seeded(5));
  const first = noiseOf(payload, 10, 160, noise);
  noise.reset();
  const silent = new Int16Array(160).fill(1);
  noise.generate(silent);
  expect(silent.every((x) => x === 0)).toBe(true);
  expect(noiseOf(payload, 10, 160, new ComfortNoise(seeded(5)))).toEqual(first);
});

test('a new level is reached over one frame, without a step', () => {
  const noise = new ComfortNoise(() => 0.9999);
  const out = new Int16Array(160);
  let before = 0;
  for (const level of [20, 20, 60, 20]) {
    noise.update(Uint8Array.of(level), 1);
    noise.generate(out);
    for (const x of out) {
      expect(Math.abs(x - before)).toBeLessThan(60);
      before = x;
    }
  }
});

test('what was heard comes back: level, colour, and the spectrum of ten coefficients', () => {
  const said = [42, ...[-0.7, 0.4, -0.3, 0.2, 0.1, -0.2, 0.1, 0.15, -0.1, 0.05].map(octet)];
  const model = new NoiseModel();
  const heard = noiseOf(said, 400);
  for (let at = 320; at < heard.length; at += 160) model.listen(heard.subarray(at, at + 160));
  const payload = new Uint8Array(MAX_PAYLOAD);
  expect(model.payload(payload, MAX_ORDER)).toBe(MAX_PAYLOAD);
  expect(Math.abs(payload[0]! - 42)).toBeLessThanOrEqual(1);
  for (let i = 1; i < MAX_PAYLOAD; i++) expect(Math.abs(payload[i]! - said[i]!)).toBeLessThan(18);
});

test('it follows a background that changes, and reset forgets it', () => {
  const model = new NoiseModel();
  const payload = new Uint8Array(1);
  const loud = noiseOf([20], 2).subarray(160);
  const soft = noiseOf([60], 2).subarray(160);
  for (let i = 0; i < 100; i++) model.listen(loud);
  model.payload(payload, 0);
  expect(Math.abs(payload[0]! - 20)).toBeLessThanOrEqual(1);
  for (let i = 0; i < 250; i++) model.listen(soft);
  model.payload(payload, 0);
  expect(payload[0]).toBeGreaterThan(55);
  model.reset();
  model.payload(payload, 0);
  expect(payload[0]).toBe(127);
});

test('of digital silence: nothing, and no resonance', () => {
  const model = new NoiseModel();
  for (let i = 0; i < 5; i++) model.listen(new Int16Array(160));
  const payload = new Uint8Array(MAX_PAYLOAD);
  model.payload(payload, MAX_ORDER);
  expect(Array.from(payload)).toEqual([127, ...Array(MAX_ORDER).fill(127)]);
});

test('orders and rooms that are none', () => {
  const model = new NoiseModel();
  for (const order of [-1, 11, 1.5, Number.NaN]) expect(() => model.payload(new Uint8Array(20), order)).toThrow(RangeError);
  expect(() => model.payload(new Uint8Array(4), 4)).toThrow(RangeError);
});

test('any payload at all is noise of at most its level, or is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: -3, max: 60 }), fc.integer({ min: 1, max: 500 }), (payload, length, samples) => {
      const noise = new ComfortNoise(seeded());
      const taken = noise.update(payload, length);
      expect(taken).toBe(length >= 1 && length <= payload.length);
      const out = new Int16Array(samples);
      for (let i = 0; i < 20; i++) noise.generate(out);
      if (taken && (payload[0]! & 0x7f) > 100) expect(Math.max(...out)).toBeLessThan(40);
    }),
  );
});

test('any sound at all gives a payload that can be made into noise', () => {
  fc.assert(
    fc.property(fc.array(fc.int16Array({ maxLength: 200 }), { minLength: 1, maxLength: 4 }), fc.integer({ min: 0, max: MAX_ORDER }), (frames, order) => {
      const model = new NoiseModel();
      for (const frame of frames) model.listen(frame);
      const payload = new Uint8Array(MAX_PAYLOAD);
      const length = model.payload(payload, order);
      expect(length).toBe(1 + order);
      expect(payload[0]).toBeLessThanOrEqual(127);
      expect(payload.subarray(0, length).every((n, i) => i === 0 || n !== 255)).toBe(true);
      expect(new ComfortNoise(seeded()).update(payload, length)).toBe(true);
    }),
  );
});
