/**
 * How loud a frame is, and whether somebody is talking in it.
 *
 * Levels are dBov (RFC 6464 §3): 0 is a full-scale square wave, a full-scale sine is -3, silence is -127. Allocates nothing.
 */

export const SILENCE_DBOV = -127;
const FULL_SCALE_SQUARED = 32768 * 32768;

/** Mean square of `samples` of a frame (default: all); what to average over frames, since levels do not add up. */
export function powerOf(pcm: Int16Array, samples = pcm.length): number {
  let sum = 0;
  for (let i = 0; i < samples; i++) {
    const v = pcm[i]!;
    sum += v * v;
  }
  return sum / samples;
}

/** -127 to 0. @param power mean square */
export const dbov = (power: number): number => (power > 0 ? Math.max(SILENCE_DBOV, 10 * Math.log10(power / FULL_SCALE_SQUARED)) : SILENCE_DBOV);

/** Mean level of `samples` of a frame (default: all), -127 to 0. */
export const levelOf = (pcm: Int16Array, samples = pcm.length): number => dbov(powerOf(pcm, samples));

/** Largest magnitude, 0 to 32768. */
export function peak(pcm: Int16Array, samples = pcm.length): number {
  let top = 0;
  for (let i = 0; i < samples; i++) {
    const v = pcm[i]!;
    const magnitude = v < 0 ? -v : v;
    if (magnitude > top) top = magnitude;
  }
  return top;
}

/** Two halves of this many frames are looked back over for the noise: speech pauses more often than that (3 to 6 s). */
const FLOOR_FRAMES = 150;
const LOWEST_FLOOR = -70;
const HIGHEST_FLOOR = -30;
/** Nobody talks more softly than this. */
const SOFTEST = -52;
const ABOVE_TO_BEGIN = 12;
const ABOVE_TO_GO_ON = 7;
/** Frames in a row that begin it: a click is shorter. */
const BEGIN_FRAMES = 3;
/** Frames that it outlives the voice: pauses between words. */
const HANGOVER_FRAMES = 20;

/**
 * Whether a party talks: its level against the noise that it has anyway.
 *
 *     begins   12 dB above the noise (and above -52 dBov) for 60 ms
 *     goes on  7 dB above, and 400 ms after that
 *
 * The noise is the lowest level of the last 3 to 6 s: a steady sound, whatever it is, stops being talk by then.
 */
export class VoiceActivity {
  talking = false;
  /** Of the last frame, dBov. */
  level = SILENCE_DBOV;
  private lowest = 0;
  private lowestBefore = LOWEST_FLOOR;
  private frames = 0;
  private above = 0;
  private hangover = 0;

  /** One frame of 20 ms. @returns whether its party talks */
  process(pcm: Int16Array): boolean {
    return this.update(levelOf(pcm));
  }

  /** One frame of 20 ms whose level is known. */
  update(level: number): boolean {
    this.level = level;
    if (level < this.lowest) this.lowest = level;
    const floor = this.noise;
    if (++this.frames === FLOOR_FRAMES) {
      this.frames = 0;
      this.lowestBefore = this.lowest;
      this.lowest = level;
    }
    this.above = level > Math.max(SOFTEST, floor + ABOVE_TO_BEGIN) ? this.above + 1 : 0;
    if (this.above >= BEGIN_FRAMES || (this.talking && level > Math.max(SOFTEST, floor + ABOVE_TO_GO_ON))) {
      this.talking = true;
      this.hangover = HANGOVER_FRAMES;
    } else if (this.talking && --this.hangover <= 0) {
      this.talking = false;
    }
    return this.talking;
  }

  /** What is taken for noise, dBov. */
  get noise(): number {
    return Math.min(HIGHEST_FLOOR, Math.max(LOWEST_FLOOR, Math.min(this.lowest, this.lowestBefore)));
  }

  reset(): void {
    this.talking = false;
    this.level = SILENCE_DBOV;
    this.lowest = 0;
    this.lowestBefore = LOWEST_FLOOR;
    this.frames = this.above = this.hangover = 0;
  }
}
