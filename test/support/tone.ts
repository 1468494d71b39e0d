/**
 * Calls are judged by ear: every party plays a sine of its own, and what arrived is asked how much of its energy lies at
 * a frequency. The ear works in frames of 40 ms under a Hann window, so neighbouring tones 100 Hz apart are told apart,
 * and reports time as well, so that a hold shows as a stretch of silence between two stretches of tone.
 */
import { writeWav, type Recording } from './wav';

/** Softer than this (RMS, full scale = 1) is silence: −54 dB, above the idle noise of G.711 and of comfort noise. */
export const SILENCE_RMS = 0.002;

const FRAME_SECONDS = 0.04;

export interface Span {
  /** seconds from the start */
  from: number;
  to: number;
}

export interface Hearing {
  seconds: number;
  /** RMS of everything that is not silence; 0 when all of it is */
  rms: number;
  /** The strongest frequency of what is not silence, to about 1 Hz; 0 when all of it is silence */
  readonly dominantHz: number;
  /** Seconds that were not silence. */
  loudSeconds: number;
  silentSpans: Span[];
  /** How much of the energy that is not silence lies at this frequency: 1 for a pure tone, 0 for another one */
  share(hz: number): number;
  /** Seconds in which this frequency has at least half the energy of its frame. */
  secondsOf(hz: number): number;
}

/** A sine. @param amplitude peak, full scale = 1 */
export function tone(hz: number, seconds: number, rate: number, amplitude = 0.5): Float32Array {
  const samples = new Float32Array(Math.round(seconds * rate));
  const step = (2 * Math.PI * hz) / rate;
  for (let i = 0; i < samples.length; i++) samples[i] = amplitude * Math.sin(step * i);
  return samples;
}

/** @param hz whole: then each second sounds as the first, and only that one is reckoned */
export function writeTone(file: string, hz: number, seconds: number, rate: number): void {
  const first = tone(hz, Math.min(seconds, 1), rate);
  writeWav(file, { samples: first, rate }, Math.round(seconds * rate));
}

interface Frame {
  at: number;
  samples: Float32Array;
  energy: number;
  loud: boolean;
}

export function judge({ samples, rate }: Recording): Hearing {
  const frames = cut(samples, rate);
  const loud = frames.filter((frame) => frame.loud);
  const windowed = loud.map(({ samples: s }) => {
    const shaped = hann(s);
    return { samples: shaped, energy: energyOf(shaped) };
  });
  const total = windowed.reduce((sum, { energy }) => sum + energy, 0);
  return {
    seconds: samples.length / rate,
    rms: loud.length === 0 ? 0 : Math.sqrt(loud.reduce((sum, frame) => sum + frame.energy, 0) / loud.reduce((sum, frame) => sum + frame.samples.length, 0)),
    // only when asked for: it takes far longer than everything else here
    get dominantHz() {
      return dominant(loud, rate);
    },
    loudSeconds: loud.length * FRAME_SECONDS,
    silentSpans: silentSpans(frames),
    share: (hz) => (total === 0 ? 0 : Math.min(1, windowed.reduce((sum, { samples: s }) => sum + energyAt(s, hz, rate), 0) / total)),
    secondsOf: (hz) => windowed.filter(({ samples: s, energy }) => energyAt(s, hz, rate) >= energy / 2).length * FRAME_SECONDS,
  };
}

/** The part of a recording between two times in seconds. */
export function cutOut({ samples, rate }: Recording, from: number, to = Number.POSITIVE_INFINITY): Recording {
  return { samples: samples.subarray(Math.max(0, Math.round(from * rate)), Math.min(samples.length, Math.round(to * rate))), rate };
}

/** One line for messages: `3.02 s, 2.90 s of sound, loudest at 900 Hz, rms 0.35`. */
export function describe(recording: Recording): string {
  const heard = judge(recording);
  return `${heard.seconds.toFixed(2)} s, ${heard.loudSeconds.toFixed(2)} s of sound, loudest at ${heard.dominantHz.toFixed(0)} Hz, rms ${heard.rms.toFixed(3)}`;
}

function cut(samples: Float32Array, rate: number): Frame[] {
  const length = Math.round(rate * FRAME_SECONDS);
  const frames: Frame[] = [];
  for (let start = 0; start + length <= samples.length; start += length) {
    const part = samples.subarray(start, start + length);
    const energy = energyOf(part);
    frames.push({ at: start / rate, samples: part, energy, loud: Math.sqrt(energy / length) >= SILENCE_RMS });
  }
  return frames;
}

function silentSpans(frames: Frame[]): Span[] {
  const spans: Span[] = [];
  let open: Span | undefined;
  for (const { at, loud } of frames) {
    if (loud) {
      open = undefined;
      continue;
    }
    if (open === undefined) spans.push((open = { from: at, to: at }));
    open.to = at + FRAME_SECONDS;
  }
  return spans;
}

function energyOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return sum;
}

function hann(samples: Float32Array): Float32Array {
  const out = new Float32Array(samples.length);
  const weights = hannWindow(samples.length);
  for (let i = 0; i < samples.length; i++) out[i] = (samples[i] ?? 0) * (weights[i] ?? 0);
  return out;
}

const windows = new Map<number, Float32Array>();

function hannWindow(length: number): Float32Array {
  const known = windows.get(length);
  if (known !== undefined) return known;
  const step = (2 * Math.PI) / length;
  const made = Float32Array.from({ length }, (_, i) => 0.5 - 0.5 * Math.cos(step * i));
  windows.set(length, made);
  return made;
}

/**
 * Goertzel's algorithm: the energy at one frequency of a Hann-windowed frame, in the unit of `energyOf` of that frame. A sine
 * keeps 2/3 of its energy in the middle of the Hann window's main lobe, hence the factor 3/2.
 */
function energyAt(samples: Float32Array, hz: number, rate: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hz) / rate);
  let s1 = 0;
  let s2 = 0;
  for (const sample of samples) {
    const s0 = sample + coefficient * s1 - s2;
    s2 = s1;
    s1 = s0;
  }
  const power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
  return (1.5 * 2 * power) / samples.length;
}

/** Coarse search over the frames in steps of 5 Hz, then 1 Hz around the winner; plenty for telephone tones, and no FFT. */
function dominant(loud: Frame[], rate: number): number {
  // A second of sound tells as much as a minute.
  const some = loud.slice(-25).map((frame) => hann(frame.samples));
  if (some.length === 0) return 0;
  const at = (hz: number): number => some.reduce((sum, samples) => sum + energyAt(samples, hz, rate), 0);
  const strongest = (from: number, to: number, step: number): number => {
    let best = from;
    let most = -1;
    for (let hz = from; hz <= to; hz += step) {
      const energy = at(hz);
      if (energy > most) [best, most] = [hz, energy];
    }
    return best;
  };
  const coarse = strongest(50, Math.min(rate / 2, 4000) - 5, 5);
  return strongest(coarse - 5, coarse + 5, 1);
}
