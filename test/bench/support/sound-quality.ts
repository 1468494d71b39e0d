/**
 * How much one recording is worse than another, by numbers whose formulas are here. s: the reference, d: what was heard, put in step with s.
 *
 * Segmental SNR: mean over frames of 20 ms of 10·log10(Σs² / Σ(s−d)²), each limited to −10…35 dB.
 * Log-spectral distance: mean over frames of 32 ms (Hann, hop 16 ms) of √(mean over bins of (10·log10((S+e)/(D+e)))²), S and D power spectra,
 * e 50 dB below the mean of S over all frames and bins.
 * Both over frames that somebody speaks in: those within 40 dB of the loudest one of s.
 *
 * In step: for every 320 ms of s, the lag between 60 ms (or what the caller allows) before and after that of the block before at which the correlation is largest; a
 * jitter buffer changes its delay, and time-scaled speech is not bad for being elsewhere.
 *
 * PESQ (ITU-T P.862, narrowband; P.862.1 for the mapped one) is the ITU's program, which is not ours to ship: whoever has one names it.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Distance {
  /** dB */
  segmentalSnr: number;
  /** dB */
  logSpectral: number;
}

const ACTIVE_DB = 40;
const BLOCK_MS = 320;
const REACH_MS = 60;
const FIRST_REACH_MS = 240;

/** `degraded` may be late by up to 240 ms at first. @param reachMs what it may get out of step by from one block to the next */
export function distance(reference: Int16Array, degraded: Int16Array, rate: number, reachMs = REACH_MS): Distance {
  const heard = inStep(reference, degraded, rate, reachMs);
  return { segmentalSnr: segmentalSnr(reference, heard, rate), logSpectral: logSpectral(reference, heard, rate) };
}

function inStep(s: Int16Array, d: Int16Array, rate: number, reachMs: number): Int16Array {
  const out = new Int16Array(s.length);
  const block = (rate * BLOCK_MS) / 1000;
  const loudest = blockEnergies(s, block).reduce((a, b) => Math.max(a, b), 1);
  let lag: number | undefined;
  for (let at = 0; at < s.length; at += block) {
    const end = Math.min(s.length, at + block);
    let energy = 0;
    for (let i = at; i < end; i++) energy += s[i]! ** 2;
    if (energy > loudest / 1000) {
      const [from, to] = lag === undefined ? [-reachMs, FIRST_REACH_MS] : [-reachMs, reachMs];
      lag = bestLag(s, d, at, end, (lag ?? 0) + Math.round((from * rate) / 1000), (lag ?? 0) + Math.round((to * rate) / 1000));
    }
    for (let i = at; i < end; i++) out[i] = d[i + (lag ?? 0)] ?? 0;
  }
  return out;
}

function blockEnergies(s: Int16Array, block: number): number[] {
  const energies: number[] = [];
  for (let at = 0; at < s.length; at += block) energies.push(s.subarray(at, at + block).reduce((sum, value) => sum + value * value, 0));
  return energies;
}

/** Every third sample of the block suffices to tell. */
function bestLag(s: Int16Array, d: Int16Array, at: number, end: number, from: number, to: number): number {
  let best = from;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let lag = from; lag <= to; lag++) {
    let product = 0;
    let energy = 1;
    for (let i = at; i < end; i += 3) {
      const value = d[i + lag] ?? 0;
      product += s[i]! * value;
      energy += value * value;
    }
    const score = product / Math.sqrt(energy);
    if (score > bestScore) [best, bestScore] = [lag, score];
  }
  return best;
}

function activeFrames(s: Int16Array, length: number, hop: number): number[] {
  const energies: number[] = [];
  for (let at = 0; at + length <= s.length; at += hop) energies.push(s.subarray(at, at + length).reduce((sum, value) => sum + value * value, 0));
  const least = energies.reduce((a, b) => Math.max(a, b), 1) / 10 ** (ACTIVE_DB / 10);
  return energies.flatMap((energy, i) => (energy >= least ? [i * hop] : []));
}

function segmentalSnr(s: Int16Array, d: Int16Array, rate: number): number {
  const length = rate / 50;
  const frames = activeFrames(s, length, length);
  let sum = 0;
  for (const at of frames) {
    let [signal, noise] = [0, 1e-9];
    for (let i = at; i < at + length; i++) {
      signal += s[i]! ** 2;
      noise += (s[i]! - d[i]!) ** 2;
    }
    sum += Math.max(-10, Math.min(35, 10 * Math.log10(signal / noise)));
  }
  return sum / frames.length;
}

function logSpectral(s: Int16Array, d: Int16Array, rate: number): number {
  const length = 2 ** Math.ceil(Math.log2(rate * 0.032));
  const frames = activeFrames(s, length, length / 2);
  const spectra = frames.map((at) => [powerSpectrum(s, at, length), powerSpectrum(d, at, length)] as const);
  const mean = spectra.reduce((sum, [S]) => sum + S.reduce((a, b) => a + b, 0), 0) / (frames.length * (length / 2));
  const floor = mean / 1e5;
  let sum = 0;
  for (const [S, D] of spectra) {
    let squares = 0;
    for (let k = 0; k < S.length; k++) squares += (10 * Math.log10((S[k]! + floor) / (D[k]! + floor))) ** 2;
    sum += Math.sqrt(squares / S.length);
  }
  return sum / frames.length;
}

/** Of `length` samples, a power of two, under a Hann window: bins 1 to length/2. */
function powerSpectrum(pcm: Int16Array, at: number, length: number): Float64Array {
  const re = new Float64Array(length);
  const im = new Float64Array(length);
  const bits = Math.log2(length);
  for (let i = 0; i < length; i++) {
    let reversed = 0;
    for (let bit = 0; bit < bits; bit++) if (i & (1 << bit)) reversed |= 1 << (bits - 1 - bit);
    re[reversed] = pcm[at + i]! * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length));
  }
  for (let half = 1; half < length; half *= 2) {
    for (let k = 0; k < half; k++) {
      const [c, s] = [Math.cos((-Math.PI * k) / half), Math.sin((-Math.PI * k) / half)];
      for (let i = k; i < length; i += 2 * half) {
        const j = i + half;
        const [a, b] = [re[j]! * c - im[j]! * s, re[j]! * s + im[j]! * c];
        [re[j], im[j]] = [re[i]! - a, im[i]! - b];
        [re[i], im[i]] = [re[i]! + a, im[i]! + b];
      }
    }
  }
  return Float64Array.from({ length: length / 2 }, (_, k) => re[k + 1]! ** 2 + im[k + 1]! ** 2);
}

export interface Pesq {
  raw: number;
  mapped: number;
}

/** `program` as the ITU's reference is called: `pesq +16000 reference.wav degraded.wav`. Rejects with what it said when that is no prediction. */
export async function pesq(program: string, reference: Int16Array, degraded: Int16Array, rate: number): Promise<Pesq> {
  const folder = mkdtempSync(join(tmpdir(), 'pesq-'));
  try {
    const [a, b] = [join(folder, 'reference.wav'), join(folder, 'degraded.wav')];
    writeFileSync(a, wav(reference, rate));
    writeFileSync(b, wav(degraded, rate));
    const said = await new Promise<string>((resolve) => {
      execFile(program, [`+${rate}`, a, b], { cwd: folder, encoding: 'utf8' }, (error, stdout, stderr) => resolve(`${stdout}${stderr}${error ? error.message : ''}`));
    });
    const found = /Prediction[^=]*=\s*(-?[\d.]+)\s+(-?[\d.]+)/.exec(said);
    if (!found) throw new Error(`${program} gives no P.862 prediction: ${said.trim().slice(-300)}`);
    return { raw: Number(found[1]), mapped: Number(found[2]) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function wav(pcm: Int16Array, rate: number): Buffer {
  const bytes = Buffer.alloc(44 + pcm.length * 2);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(36 + pcm.length * 2, 4);
  bytes.write('WAVEfmt ', 8, 'latin1');
  for (const [at, value] of [[16, 16], [24, rate], [28, rate * 2], [40, pcm.length * 2]] as const) bytes.writeUInt32LE(value, at);
  for (const [at, value] of [[20, 1], [22, 1], [32, 2], [34, 16]] as const) bytes.writeUInt16LE(value, at);
  bytes.write('data', 36, 'latin1');
  for (let i = 0; i < pcm.length; i++) bytes.writeInt16LE(pcm[i]!, 44 + 2 * i);
  return bytes;
}
