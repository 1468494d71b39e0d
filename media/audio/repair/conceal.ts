/**
 * Makes up sound that is missing, after the idea of ITU-T G.711 Appendix I: what was heard last is said again, period by period.
 *
 *   heard ──┐                                        ┌── heard again
 *           └ the last period, looped ─ 2 ─ 3 periods ┘
 *             gain 1 until 10 ms, 0.8 at 20 ms, then to nothing at 120 ms; the line's background noise comes up instead
 *
 * A loop is closed by blending its last quarter period into what came before its beginning. The appendix delays all sound by a quarter
 * period to blend into the first loop as well; here the step that is left at that seam is carried over and faded out, which costs no
 * delay. More periods take turns the longer it lasts, or it would buzz. Where figures differ from the appendix (one period for 40 ms and
 * not 10, a window of 10 ms and not 20, nothing at 120 ms and not 60, a shorter blend back) they came nearer to the lost sound in speech:
 * by spectrum and waveform, and over bursts of losses by PESQ.
 */
import type { Background } from './background';
import { PitchSearch } from './pitch';

const SHORTEST_MS = 5;
const LONGEST_MS = 15;
/** What is looked for: short, or it would be the pitch of a while ago. */
const WINDOW_MS = 10;
const MOST_PERIODS = 3;
/** After so long one more period takes part. */
const PERIOD_EVERY_MS = 40;
const FADE_FROM_MS = 10;
/** From here on it fades more slowly: what a burst takes away is missed more than what is made up is minded. */
const KNEE_MS = 20;
const KNEE_GAIN = 0.8;
const FADE_TO_MS = 120;

/** Blending back: as short as it may be without a click, since what came is right and what was made up is not. */
const MERGE_MS = 2;
const MERGE_MORE = 0.05;
const MERGE_MOST_MS = 6;

export class Concealer {
  private readonly search: PitchSearch;
  /** What was heard before the hole: three of the longest periods and a quarter. */
  private readonly memory: Int16Array;
  private readonly perMs: number;
  private active = false;
  private lag = 0;
  private quarter = 0;
  private periods = 1;
  private position = 0;
  private made = 0;
  private step = 0;
  /** The loop of fewer periods that is being left. */
  private leaving = 0;
  private leavingPeriods = 1;
  private leavingPosition = 0;

  constructor(
    rate: number,
    private readonly background: Background,
  ) {
    this.search = new PitchSearch(rate);
    this.perMs = rate / 1000;
    this.memory = new Int16Array(Concealer.historySamples(rate));
  }

  /** Samples that must precede `end` in `extend`. */
  static historySamples(rate: number): number {
    return Math.ceil((MOST_PERIODS + 0.25) * LONGEST_MS * (rate / 1000)) + 1;
  }

  get isActive(): boolean {
    return this.active;
  }

  /** Continues pcm[…, end) by `count` samples in place. The first call after sound begins at the end of it; further ones go on. */
  extend(pcm: Int16Array, end: number, count: number): void {
    if (!this.active) this.begin(pcm, end);
    for (let i = end; i < end + count; i++) pcm[i] = clamp(this.next());
  }

  /**
   * Sound is back at `start`: its beginning is blended with what would have been made up, in place. Does nothing when nothing was made up.
   * @param count samples of it that there are
   * @param after so many of them are no sound yet, and are replaced
   */
  merge(pcm: Int16Array, start: number, count: number, after = 0): void {
    if (!this.active) return;
    const blank = Math.min(count, after);
    for (let i = start; i < start + blank; i++) pcm[i] = clamp(this.next());
    start += blank;
    count -= blank;
    const ms = Math.min(MERGE_MOST_MS, MERGE_MS + (MERGE_MORE * this.made) / this.perMs);
    const length = Math.min(count, Math.round(ms * this.perMs));
    for (let i = 0; i < length; i++) {
      const weight = (i + 1) / (length + 1);
      pcm[start + i] = clamp(this.next() * (1 - weight) + (pcm[start + i] as number) * weight);
    }
    this.active = false;
  }

  reset(): void {
    this.active = false;
  }

  private begin(pcm: Int16Array, end: number): void {
    const memory = this.memory;
    memory.set(pcm.subarray(end - memory.length, end));
    const window = Math.round(WINDOW_MS * this.perMs);
    this.search.search(memory, memory.length - window, window, Math.round(SHORTEST_MS * this.perMs), Math.round(LONGEST_MS * this.perMs), -1);
    this.lag = this.search.lag;
    this.quarter = this.lag >> 2;
    this.periods = 1;
    this.position = 0;
    this.made = 0;
    this.leaving = 0;
    this.step = (memory[memory.length - 1] as number) - (memory[memory.length - 1 - this.lag] as number);
    this.active = true;
  }

  private next(): number {
    const ms = this.made / this.perMs;
    if (ms >= FADE_TO_MS) {
      this.made++;
      return this.background.next();
    }
    if (this.periods < MOST_PERIODS && ms >= this.periods * PERIOD_EVERY_MS) this.addPeriod();
    let sample = this.looped(this.periods, this.position);
    this.position = (this.position + 1) % (this.periods * this.lag);
    if (this.leaving > 0) {
      const weight = this.leaving / (this.quarter + 1);
      sample += (this.looped(this.leavingPeriods, this.leavingPosition) - sample) * weight;
      this.leavingPosition = (this.leavingPosition + 1) % (this.leavingPeriods * this.lag);
      this.leaving--;
    }
    if (this.made < this.quarter) sample += this.step * (1 - this.made / this.quarter);
    this.made++;
    if (ms <= FADE_FROM_MS) return sample;
    const gain = gainAt(ms);
    return sample * gain + this.background.next() * Math.sqrt(1 - gain * gain);
  }

  /** The loop gets longer by a period at its beginning; it goes on at the same place of a period. */
  private addPeriod(): void {
    this.leaving = this.quarter;
    this.leavingPeriods = this.periods;
    this.leavingPosition = this.position;
    this.periods++;
    this.position %= this.lag;
  }

  private looped(periods: number, position: number): number {
    const length = periods * this.lag;
    const at = this.memory.length - length + position;
    const sample = this.memory[at] as number;
    const into = position - (length - this.quarter);
    if (into < 0) return sample;
    const before = this.memory[at - length] as number;
    return sample + (before - sample) * ((into + 1) / (this.quarter + 1));
  }
}

/** After `ms` of making up, from FADE_FROM_MS to FADE_TO_MS. */
const gainAt = (ms: number): number =>
  ms < KNEE_MS ? 1 - ((1 - KNEE_GAIN) * (ms - FADE_FROM_MS)) / (KNEE_MS - FADE_FROM_MS) : (KNEE_GAIN * (FADE_TO_MS - ms)) / (FADE_TO_MS - KNEE_MS);

const clamp = (sample: number): number => (sample > 32767 ? 32767 : sample < -32768 ? -32768 : sample);
