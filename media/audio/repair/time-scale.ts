/**
 * Sound made shorter or longer by a period of itself, so that nobody hears it (the idea of WSOLA): two neighbouring stretches that look
 * alike are blended into one, or a stretch is said twice. Where nobody speaks any length will do.
 *
 *   shorter   a a' b  ─►  (a→a') b          longer   a b  ─►  a (b→a) b
 *
 * Works in place, on a queue: pcm[from, to) was not read yet, what precedes it was.
 */
import type { Background } from './background';
import { PitchSearch } from './pitch';

const SHORTEST_MS = 2.5;
export const LONGEST_CHANGE_MS = 15;
const WINDOW_MS = 8;
/** Voiced sound is this much like itself a period later. */
const ALIKE = 0.85;
const ALIKE_URGENT = 0.6;

export class TimeScale {
  private readonly search: PitchSearch;
  private readonly shortest: number;
  private readonly longest: number;
  private readonly window: number;

  constructor(
    rate: number,
    private readonly background: Background,
  ) {
    this.search = new PitchSearch(rate);
    this.shortest = Math.round((SHORTEST_MS * rate) / 1000);
    this.longest = Math.round((LONGEST_CHANGE_MS * rate) / 1000);
    this.window = Math.round((WINDOW_MS * rate) / 1000);
  }

  /** Returns how many samples to leave out: the sound goes on smoothly at `from` plus that. 0: it would be heard. At most `most`. */
  shorten(pcm: Int16Array, from: number, to: number, most: number, urgent: boolean): number {
    const available = to - from;
    const limit = Math.min(most, this.longest, available >> 1);
    const change = this.choose(pcm, from, Math.min(this.window, available - limit), limit, 1, urgent);
    for (let i = 0; i < change; i++) {
      const weight = (i + 1) / (change + 1);
      const at = from + change + i;
      pcm[at] = Math.round((pcm[from + i] as number) * (1 - weight) + (pcm[at] as number) * weight);
    }
    return change;
  }

  /** Returns how many samples were put in: the sound goes on smoothly at `from` less that, over what was read. 0: it would be heard. */
  lengthen(pcm: Int16Array, from: number, to: number, most: number, urgent: boolean): number {
    const limit = Math.min(most, this.longest, to - from);
    const change = this.choose(pcm, from, Math.min(this.window, to - from), limit, -1, urgent);
    for (let i = 0; i < change; i++) {
      const weight = (i + 1) / (change + 1);
      const at = from - change + i;
      pcm[at] = Math.round((pcm[from + i] as number) * (1 - weight) + (pcm[at] as number) * weight);
    }
    return change;
  }

  private choose(pcm: Int16Array, from: number, window: number, limit: number, direction: -1 | 1, urgent: boolean): number {
    if (limit < this.shortest || window < this.shortest) return 0;
    const low = direction > 0 ? from : from - limit;
    if (this.background.isQuiet(pcm, low, limit + window)) return limit;
    this.search.search(pcm, from, window, this.shortest, limit, direction);
    return this.search.similarity >= (urgent ? ALIKE_URGENT : ALIKE) ? this.search.lag : 0;
  }
}
