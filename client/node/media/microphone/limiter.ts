/**
 * Keeps sound that was made louder below full scale by making it softer around its peaks, where clipping would cut them off.
 *
 *   gain ──────╲            ╱‾‾‾‾   down within the millisecond before a peak, up by RISE_PER_MS
 *               ╲__________╱
 *
 * The gain is set at the borders of milliseconds, low enough for both its neighbours, and is a straight line between them; so no sample
 * exceeds the ceiling and nothing jumps. It looks ahead within the frame it is given and adds no delay. A peak in the first millisecond of
 * a frame comes without warning: there the gain goes down during it, and what still exceeds the ceiling is bent, not cut.
 */

/** -0.5 dBFS. */
export const CEILING = 30_935;
const STEP = 48;
/** 40 dB/s: slower than syllables, so that speech is not pumped up between them. */
const RISE_PER_MS = 10 ** (40 / 1000 / 20);
/** What is bent begins here, in parts of the ceiling. */
const KNEE = 0.85;

export class Limiter {
  /** At the end of the last frame. */
  private gain = 1;

  /** Whether a frame that is below the ceiling would pass as it is. */
  get idle(): boolean {
    return this.gain === 1;
  }

  /** In place, whole milliseconds at 48 kHz. Returns whether it changed anything. */
  process(pcm: Float32Array): boolean {
    let touched = false;
    let needed = this.neededBy(pcm, 0);
    for (let at = 0; at < pcm.length; at += STEP) {
      const from = this.gain;
      const after = at + STEP < pcm.length ? this.neededBy(pcm, at + STEP) : 1;
      const to = Math.min(1, from * RISE_PER_MS, needed, after);
      if (from < 1 || to < 1) {
        touched = true;
        this.apply(pcm, at, from, to, from > needed);
      }
      this.gain = to;
      needed = after;
    }
    return touched;
  }

  /** What the loudest sample of a millisecond may be multiplied with. */
  private neededBy(pcm: Float32Array, from: number): number {
    let top = 0;
    for (let i = from; i < from + STEP; i++) {
      const magnitude = Math.abs(pcm[i]!);
      if (magnitude > top) top = magnitude;
    }
    return top > CEILING ? CEILING / top : 1;
  }

  /** @param surprised the gain is still higher than the loudest sample of this millisecond allows */
  private apply(pcm: Float32Array, at: number, from: number, to: number, surprised: boolean): void {
    for (let i = 0; i < STEP; i++) {
      const value = pcm[at + i]! * (from + ((to - from) * (i + 1)) / STEP);
      pcm[at + i] = surprised ? bent(value) : value;
    }
  }
}

/** Above the knee: from there to the ceiling, ever more slowly. */
function bent(value: number): number {
  const knee = KNEE * CEILING;
  if (Math.abs(value) <= knee) return value;
  const room = CEILING - knee;
  return Math.sign(value) * (knee + room * Math.tanh((Math.abs(value) - knee) / room));
}
