import { join } from 'node:path';
import { Microphone } from '../../../../client/node/media/microphone/microphone';
import { CEILING } from '../../../../client/node/media/microphone/limiter';
import { dbov, levelOf, powerOf } from '../../../../media/audio/level';
import { Resampler } from '../../../../media/audio/resample';
import { loadWav } from '../../../../media/file/wav';

const RATE = 48_000;
const FRAME = 960;

const sine = (hz: number, amplitude: number, frames: number): Int16Array => Int16Array.from({ length: frames * FRAME }, (_, i) => Math.round(amplitude * Math.sin((2 * Math.PI * hz * i) / RATE)));

/** Everything through the microphone, frame by frame; what is behind the last whole frame is left out. */
function through(microphone: Microphone, pcm: Int16Array, before?: (frame: number) => void): Int16Array {
  const out = pcm.slice(0, pcm.length - (pcm.length % FRAME));
  for (let at = 0; at < out.length; at += FRAME) {
    before?.(at / FRAME);
    microphone.process(out.subarray(at, at + FRAME));
  }
  return out;
}

const largest = (pcm: Int16Array): number => pcm.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
const largestStep = (pcm: Int16Array): number => pcm.reduce((top, value, i) => (i === 0 ? 0 : Math.max(top, Math.abs(value - pcm[i - 1]!))), 0);

/** Share of the energy at `hz`, of a piece that holds whole periods. */
function share(pcm: Int16Array, hz: number): number {
  let [re, im] = [0, 0];
  for (const [i, value] of pcm.entries()) {
    re += value * Math.cos((2 * Math.PI * hz * i) / RATE);
    im += value * Math.sin((2 * Math.PI * hz * i) / RATE);
  }
  return (2 * (re * re + im * im)) / pcm.length ** 2 / powerOf(pcm);
}

/** Numbers from 0 to 1, the same ones every time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

describe('gain', () => {
  test('at 0 dB and without suppression a frame passes to the bit, full scale included', () => {
    const random = seeded(1);
    const pcm = Int16Array.from({ length: 20 * FRAME }, () => Math.floor(random() * 65_536) - 32_768);
    expect(through(new Microphone({ gainDb: 0 }), pcm)).toEqual(pcm);
  });

  test.each([-40, -12, -3, 6, 12])('%d dB make the level so much different', (gainDb) => {
    const pcm = sine(500, 4000, 10);
    const out = through(new Microphone({ gainDb }), pcm);
    expect(levelOf(out) - levelOf(pcm)).toBeCloseTo(gainDb, gainDb < -20 ? 0 : 1);
  });

  test('changes without a step', () => {
    const microphone = new Microphone({ gainDb: -20 });
    const pcm = sine(100, 10_000, 20);
    const out = through(microphone, pcm, (frame) => {
      if (frame === 5) microphone.setGain(6);
      if (frame === 10) microphone.setGain(-30);
    });
    // the steepest that 100 Hz are at the loudest gain, and the gain's own slope across a frame
    expect(largestStep(out)).toBeLessThan(10_000 * 2 * ((2 * Math.PI * 100) / RATE) + (10_000 * 2) / FRAME + 2);
    expect(levelOf(out.subarray(7 * FRAME, 10 * FRAME)) - levelOf(pcm)).toBeCloseTo(6, 1);
    expect(levelOf(out.subarray(12 * FRAME)) - levelOf(pcm)).toBeCloseTo(-30, 1);
  });

  test('back at 0 dB it is to the bit again', () => {
    const microphone = new Microphone({ gainDb: 12 });
    const pcm = sine(300, 20_000, 60);
    const out = through(microphone, pcm, (frame) => {
      if (frame === 20) microphone.setGain(0);
    });
    expect(out.subarray(50 * FRAME)).toEqual(pcm.subarray(50 * FRAME));
  });

  test('nonsense counts as the nearest sense', () => {
    const pcm = sine(500, 100, 5);
    expect(levelOf(through(new Microphone({ gainDb: 1000 }), pcm)) - levelOf(pcm)).toBeCloseTo(40, 0);
    expect(through(new Microphone({ gainDb: Number.NaN }), pcm)).toEqual(pcm);
  });

  test('a frame of another length is refused', () => {
    expect(() => new Microphone({ gainDb: 0 }).process(new Int16Array(480))).toThrow('A frame of the microphone has 960 samples, not 480.');
  });

  test('the level is that of what leaves', () => {
    const microphone = new Microphone({ gainDb: -10 });
    expect(microphone.level).toBe(-127);
    const out = through(microphone, sine(500, 10_000, 3));
    expect(microphone.level).toBeCloseTo(levelOf(out.subarray(2 * FRAME)), 6);
  });
});

describe('limiter', () => {
  test.each([6, 20, 40])('a loud tone and %d dB more stay below full scale and remain a tone', (gainDb) => {
    const out = through(new Microphone({ gainDb }), sine(500, 20_000, 50));
    expect(largest(out)).toBeLessThanOrEqual(CEILING + 1);
    const settled = out.subarray(5 * FRAME, 45 * FRAME);
    expect(largest(settled)).toBeGreaterThan(CEILING * 0.97);
    // clipped, less than 0.99 of it would be left at 6 dB and 0.82 at 40
    expect(share(settled, 500)).toBeGreaterThan(0.9995);
  });

  test('whatever comes, nothing exceeds the ceiling', () => {
    const random = seeded(2);
    const pcm = Int16Array.from({ length: 100 * FRAME }, (_, i) => Math.round((random() * 2 - 1) * (Math.floor(i / 700) % 3 === 0 ? 32_767 : 300)));
    expect(largest(through(new Microphone({ gainDb: 15 }), pcm))).toBeLessThanOrEqual(CEILING + 1);
  });

  test('a shout makes what follows softer for less than half a second', () => {
    const soft = sine(500, 2000, 60);
    const pcm = soft.slice();
    pcm.set(sine(500, 30_000, 5), 10 * FRAME);
    const out = through(new Microphone({ gainDb: 6 }), pcm);
    const [before, after] = [out.subarray(5 * FRAME, 10 * FRAME), out.subarray(40 * FRAME)];
    expect(levelOf(after)).toBeCloseTo(levelOf(before), 1);
    expect(largest(out.subarray(10 * FRAME, 15 * FRAME))).toBeLessThanOrEqual(CEILING + 1);
  });

  test('it sets in without a click, also when the first sample of a frame is the loudest', () => {
    const pcm = sine(200, 3000, 4);
    for (let i = 2 * FRAME; i < pcm.length; i++) pcm[i] = Math.round(15_000 * Math.cos((2 * Math.PI * 200 * i) / RATE));
    const out = through(new Microphone({ gainDb: 12 }), pcm);
    const inside = out.subarray(2 * FRAME);
    // 30,900 of 200 Hz are 809 at the steepest; the gain comes down by a half in a millisecond, 48 samples
    expect(largestStep(inside)).toBeLessThan(809 + CEILING / 48);
  });
});

describe('noise suppression', () => {
  jest.setTimeout(30_000);

  /** Four prompts with half a second between them; where somebody speaks, and where nobody does for long enough. */
  async function speech(): Promise<{ pcm: Int16Array; spoken: Array<[number, number]>; pauses: Array<[number, number]> }> {
    const pause = RATE / 2;
    const parts: Int16Array[] = [];
    for (const name of ['echo-test', 'leave-a-message', 'cannot-be-reached', 'menu-main']) {
      const { pcm, sampleRate } = await loadWav(join(__dirname, '../../../../media/prompts/en', `${name}.wav`));
      const resampler = new Resampler(sampleRate, RATE);
      const out = new Int16Array(resampler.outputLength(pcm.length));
      resampler.process(pcm, pcm.length, out);
      parts.push(out.subarray(0, 3 * RATE));
    }
    const length = parts.reduce((sum, part) => sum + part.length + pause, 2 * RATE);
    const pcm = new Int16Array(length - (length % FRAME));
    const spoken: Array<[number, number]> = [];
    const pauses: Array<[number, number]> = [[RATE, 2 * RATE - FRAME]];
    let at = 2 * RATE;
    for (const part of parts) {
      pcm.set(part, at);
      spoken.push([at, at + part.length]);
      at += part.length + pause;
      pauses.push([at - pause / 2, at - FRAME]);
    }
    return { pcm, spoken, pauses };
  }

  /** Like a fan: dull noise. RMS in samples. */
  function noise(length: number, rms: number): Float64Array {
    const random = seeded(3);
    const out = new Float64Array(length);
    for (let i = 1; i < length; i++) out[i] = 0.8 * out[i - 1]! + (random() * 2 - 1);
    const now = Math.sqrt(out.reduce((sum, value) => sum + value * value, 0) / length);
    return out.map((value) => (value * rms) / now);
  }

  const cut = (pcm: Int16Array, pieces: Array<[number, number]>, shift = 0): Int16Array =>
    Int16Array.from(pieces.flatMap(([from, to]) => Array.from(pcm.subarray(Math.min(from + shift, pcm.length), Math.min(to + shift, pcm.length)))));

  function correlation(a: Int16Array, b: Int16Array): number {
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      ab += a[i]! * b[i]!;
      aa += a[i]! ** 2;
      bb += b[i]! ** 2;
    }
    return ab / Math.sqrt(aa * bb);
  }

  test('noise in pauses goes down by 20 dB and more, speech stays, 20 ms later', async () => {
    const { pcm, spoken, pauses } = await speech();
    const added = noise(pcm.length, 500);
    const noisy = pcm.map((value, i) => Math.max(-32_768, Math.min(32_767, value + added[i]!)));
    const microphone = new Microphone({ gainDb: 0 });
    expect(microphone.latencyMs).toBe(0);
    await microphone.setNoiseSuppression(true);
    expect(microphone.noiseSuppression).toBe(true);
    const out = through(microphone, noisy);
    const late = (microphone.latencyMs * RATE) / 1000;
    expect(microphone.latencyMs).toBe(20);

    expect(levelOf(cut(noisy, pauses))).toBeCloseTo(dbov(500 ** 2), 0);
    expect(levelOf(cut(noisy, pauses)) - levelOf(cut(out, pauses, late))).toBeGreaterThan(20);
    // energy of what is spoken, and its shape: nearer to the clean speech than the noisy one was
    expect(Math.abs(levelOf(cut(out, spoken, late)) - levelOf(cut(pcm, spoken)))).toBeLessThan(1.5);
    const [before, after] = [correlation(cut(pcm, spoken), cut(noisy, spoken)), correlation(cut(pcm, spoken), cut(out, spoken, late))];
    expect(after).toBeGreaterThan(0.95);
    expect(1 - after).toBeLessThan(0.8 * (1 - before));
  });

  test('switched on and off in the middle of a tone it does not click, and off is to the bit', async () => {
    const microphone = new Microphone({ gainDb: 0 });
    const pcm = sine(200, 8000, 60);
    const out = pcm.slice();
    for (let frame = 0; frame < 60; frame++) {
      if (frame === 10) await microphone.setNoiseSuppression(true);
      if (frame === 30) await microphone.setNoiseSuppression(false);
      microphone.process(out.subarray(frame * FRAME, (frame + 1) * FRAME));
    }
    expect(microphone.noiseSuppression).toBe(false);
    expect(microphone.latencyMs).toBe(0);
    expect(out.subarray(0, 10 * FRAME)).toEqual(pcm.subarray(0, 10 * FRAME));
    expect(out.subarray(31 * FRAME)).toEqual(pcm.subarray(31 * FRAME));
    expect(out.subarray(15 * FRAME, 25 * FRAME)).not.toEqual(pcm.subarray(15 * FRAME, 25 * FRAME));
    expect(largestStep(out)).toBeLessThan(1.5 * largestStep(pcm));
  });

  test('where it cannot be had, a sentence says so, and sound goes on as it is', async () => {
    const microphone = new Microphone({ gainDb: 0, load: () => Promise.reject(new Error('Noise suppression is not available: the package is gone; npm install brings it.')) });
    await expect(microphone.setNoiseSuppression(true)).rejects.toThrow('Noise suppression is not available');
    expect(microphone.noiseSuppression).toBe(false);
    const pcm = sine(500, 8000, 5);
    expect(through(microphone, pcm)).toEqual(pcm);
  });

  test('switched off before it was loaded it stays off', async () => {
    let loaded: (denoiser: { process(block: Float32Array): number }) => void = () => undefined;
    const microphone = new Microphone({ gainDb: 0, load: () => new Promise((resolve) => (loaded = resolve)) });
    const on = microphone.setNoiseSuppression(true);
    await microphone.setNoiseSuppression(false);
    loaded({ process: (block) => (block.fill(0), 0) });
    await on;
    expect(microphone.noiseSuppression).toBe(false);
    const pcm = sine(500, 8000, 5);
    expect(through(microphone, pcm)).toEqual(pcm);
  });
});
