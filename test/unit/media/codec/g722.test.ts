/**
 * G.722 heard from outside: what becomes of tones, noise, silence and damage. That it is bit-exact was compared with the ITU's own software,
 * whose files cannot be kept here; the check sums below are of what was equal then.
 */
import { createHash } from 'node:crypto';
import { g722 } from '../../../../media/codec/g722';

const RATE = 16000;
/** The QMF's, coder and decoder together. */
const DELAY = 22;

const tone = (hz: number, samples: number, amplitude = 10000): Int16Array => Int16Array.from({ length: samples }, (_, i) => Math.round(amplitude * Math.sin((2 * Math.PI * hz * i) / RATE)));

/** Numerical Recipes' generator: the same everywhere. */
function noise(samples: number, amplitude: number, seed = 1): Int16Array {
  let state = seed;
  return Int16Array.from({ length: samples }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.round((state / 2 ** 32 - 0.5) * 2 * amplitude);
  });
}

function encoded(pcm: Int16Array, encoder = g722.encoder({ sampleRate: RATE })): Uint8Array {
  const out = new Uint8Array(pcm.length / 2);
  for (let at = 0; at < pcm.length; at += 320) encoder.encode(pcm.subarray(at, at + 320), out.subarray(at / 2));
  return out;
}

function decoded(codes: Uint8Array, packet = 160, decoder = g722.decoder({ sampleRate: RATE })): Int16Array {
  const out = new Int16Array(codes.length * 2);
  for (let at = 0; at < codes.length; at += packet) {
    const payload = codes.subarray(at, at + packet);
    decoder.decode(payload, payload.length, out.subarray(at * 2));
  }
  return out;
}

/** Level of the tone in dB against its own, and of everything else against the tone. */
function measure(out: Int16Array, hz: number, amplitude: number): { gain: number; rest: number } {
  const pcm = Array.from(out.subarray(3200));
  let [s, c] = [0, 0];
  pcm.forEach((x, i) => {
    s += (2 / pcm.length) * x * Math.sin((2 * Math.PI * hz * i) / RATE);
    c += (2 / pcm.length) * x * Math.cos((2 * Math.PI * hz * i) / RATE);
  });
  const power = (s * s + c * c) / 2;
  const rest = pcm.reduce((sum, x, i) => sum + (x - s * Math.sin((2 * Math.PI * hz * i) / RATE) - c * Math.cos((2 * Math.PI * hz * i) / RATE)) ** 2, 0) / pcm.length;
  return { gain: 10 * Math.log10(power / (amplitude ** 2 / 2)), rest: 10 * Math.log10(rest / power) };
}

const sha = (data: Uint8Array | Int16Array): string => createHash('sha256').update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).digest('hex').slice(0, 16);

test.each([50, 100, 300, 700, 1000, 2000, 3000, 3400, 4600, 5000, 6000, 7000])('%i Hz passes within a decibel', (hz) => {
  const { gain, rest } = measure(decoded(encoded(tone(hz, 16000 + 3200))), hz, 10000);
  expect(Math.abs(gain)).toBeLessThan(1);
  // Two bits a sample are for the upper band; the lower one has six
  expect(rest).toBeLessThan(hz < 4000 ? -25 : -9);
});

test('white noise comes back, 22 samples later', () => {
  const pcm = noise(32000, 8000);
  const out = decoded(encoded(pcm));
  const snr = (delay: number): number => {
    let [signal, error] = [0, 0];
    for (let i = 3200; i < pcm.length - 320; i++) {
      signal += pcm[i]! ** 2;
      error += (pcm[i]! - out[i + delay]!) ** 2;
    }
    return 10 * Math.log10(signal / error);
  };
  expect(snr(DELAY)).toBeGreaterThan(11);
  expect(snr(DELAY - 1)).toBeLessThan(3);
  expect(snr(DELAY + 1)).toBeLessThan(3);
});

test('what is soft is not lost: a tone 60 dB below full scale', () => {
  const { gain, rest } = measure(decoded(encoded(tone(1000, 19200, 33))), 1000, 33);
  expect(Math.abs(gain)).toBeLessThan(1);
  expect(rest).toBeLessThan(-12);
});

test('bit for bit as compared with G.191', () => {
  const codes = encoded(noise(16000, 10000));
  expect(sha(codes)).toBe('5bd9e833495524db');
  expect(sha(decoded(codes))).toBe('c20628bc030cdf72');
  // Overdriven: here the limits decide, where other implementations differ
  const square = Int16Array.from({ length: 16000 }, (_, i) => (i % 37 < 18 ? 32767 : -32768));
  expect(sha(encoded(square))).toBe('8dbc4fa367a297f7');
  // Anything at all that a line may bring
  const bytes = Uint8Array.from(noise(8000, 128, 7), (x) => x & 0xff);
  expect(sha(decoded(bytes))).toBe('eb4c5610eef2a794');
});

test('silence stays silence for a minute, and what follows is as at first', () => {
  const encoder = g722.encoder({ sampleRate: RATE });
  const decoder = g722.decoder({ sampleRate: RATE });
  const silence = new Int16Array(320);
  const codes = new Uint8Array(160);
  const out = new Int16Array(320);
  let loudest = 0;
  for (let i = 0; i < 3000; i++) {
    encoder.encode(silence, codes);
    decoder.decode(codes, 160, out);
    if (i > 10) loudest = Math.max(loudest, Math.max(...out), -Math.min(...out));
  }
  expect(loudest).toBeLessThan(8);
  const { gain } = measure(decoded(encoded(tone(1000, 19200), encoder), 160, decoder), 1000, 10000);
  expect(Math.abs(gain)).toBeLessThan(1);
});

test('after damage the decoder finds its way back', () => {
  const codes = encoded(tone(1000, 32000));
  const hurt = codes.slice();
  for (let i = 1600; i < 1760; i++) hurt[i] = (hurt[i]! * 73) & 0xff;
  const [good, bad] = [decoded(codes), decoded(hurt)];
  expect(sha(bad.subarray(3200, 3520))).not.toBe(sha(good.subarray(3200, 3520)));
  // The leaks forget in some hundred ms
  const apart = good.subarray(24000).map((x, i) => Math.abs(x - bad[24000 + i]!));
  expect(Math.max(...apart)).toBeLessThan(200);
});

test('how it is cut into packets makes no difference', () => {
  const codes = encoded(noise(19200, 5000));
  const whole = sha(decoded(codes, 160));
  for (const packet of [1, 7, 80, 480, 960]) expect(sha(decoded(codes, packet))).toBe(whole);
});

test('another rate than 16 kHz is refused', () => {
  expect(() => g722.decoder({ sampleRate: 8000 })).toThrow(RangeError);
  expect(() => g722.encoder({ sampleRate: 48000 })).toThrow(RangeError);
});
