/** What the scripts that make prompts and music do to sound: Float64Arrays, full scale 1. */

/** Windowed sinc (Kaiser, about 80 dB), one output at a time: slow and exact. */
export function resampled(samples, from, to) {
  if (from === to) return samples;
  const out = new Float64Array(Math.round((samples.length * to) / from));
  const cutoff = 0.46 * Math.min(1, to / from);
  const half = 32 / (2 * cutoff);
  const edge = bessel(8);
  for (let i = 0; i < out.length; i++) {
    const at = (i * from) / to;
    let sum = 0;
    for (let k = Math.max(0, Math.ceil(at - half)); k <= Math.min(samples.length - 1, at + half); k++) {
      const x = k - at;
      const sinc = x === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * x) / (Math.PI * x);
      sum += (samples[k] * sinc * bessel(8 * Math.sqrt(Math.max(0, 1 - (x / half) ** 2)))) / edge;
    }
    out[i] = sum;
  }
  return out;
}

function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-9; k++) sum += term *= (x / 2 / k) ** 2;
  return sum;
}

/** Silence before and behind is cut off, but for a breath; the ends are faded. */
export function trimmed(samples, rate, { before = 0.03, behind = 0.06, quieter = 0.002 } = {}) {
  let first = samples.findIndex((value) => Math.abs(value) > quieter);
  let last = samples.findLastIndex((value) => Math.abs(value) > quieter);
  if (first < 0) throw new Error('nothing but silence');
  first = Math.max(0, first - Math.round(before * rate));
  last = Math.min(samples.length, last + Math.round(behind * rate));
  const out = samples.slice(first, last);
  const ramp = Math.round(0.008 * rate);
  for (let i = 0; i < ramp; i++) {
    const gain = 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / ramp);
    out[i] *= gain;
    out[out.length - 1 - i] *= gain;
  }
  return out;
}

/** To an active level of −22 dBov (P.56's idea: what is 30 dB below the peak is no speech), peaks at most −2 dBov. */
export function leveled(samples, { level = -22, peak = -2 } = {}) {
  const most = samples.reduce((high, value) => Math.max(high, Math.abs(value)), 0);
  let energy = 0;
  let count = 0;
  for (let at = 0; at < samples.length; at += 160) {
    const part = samples.subarray(at, at + 160);
    const mean = part.reduce((sum, value) => sum + value * value, 0) / part.length;
    if (mean < (most * 10 ** (-30 / 20)) ** 2) continue;
    energy += mean * part.length;
    count += part.length;
  }
  const gain = Math.min(10 ** (level / 20) / Math.sqrt(energy / count), 10 ** (peak / 20) / most);
  return samples.map((value) => value * gain);
}

/** A WAV file of G.711 µ-law, mono: half the size of PCM, and what telephones hear anyway. */
export function ulawWav(samples, rate) {
  const size = samples.length + (samples.length % 2);
  const out = Buffer.alloc(58 + size, 0xff);
  out.write('RIFF', 0, 'latin1');
  out.writeUInt32LE(50 + size, 4);
  out.write('WAVEfmt ', 8, 'latin1');
  out.writeUInt32LE(18, 16);
  out.writeUInt16LE(7, 20);
  out.writeUInt16LE(1, 22);
  out.writeUInt32LE(rate, 24);
  out.writeUInt32LE(rate, 28);
  out.writeUInt16LE(1, 32);
  out.writeUInt16LE(8, 34);
  out.writeUInt16LE(0, 36);
  // Formats other than PCM say how many samples there are (Multimedia Programming Interface 1.0).
  out.write('fact', 38, 'latin1');
  out.writeUInt32LE(4, 42);
  out.writeUInt32LE(samples.length, 46);
  out.write('data', 50, 'latin1');
  out.writeUInt32LE(samples.length, 54);
  samples.forEach((value, i) => (out[58 + i] = ulaw(Math.round(value * 32_767))));
  return out;
}

/** ITU-T G.711 table 2, on 16 bits. */
function ulaw(sample) {
  const magnitude = Math.min(Math.abs(sample), 32_635) + 0x84;
  const segment = 24 - Math.clz32(magnitude);
  return ~((sample < 0 ? 0x80 : 0) | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0xff;
}
