/**
 * Fills a hole when what comes after it is known: what was heard before is continued towards the end, what is heard after towards the
 * beginning, and one passes into the other.
 *
 *   heard ─ forwards, made longer or shorter to meet ─╲
 *                                                      ╳   ─ heard
 *                        backwards, period by period ─╱
 *
 * Two guesses at one voice cancel each other where their periods do not coincide. So the one from before is stretched over the hole by at
 * most half a period, as far as its continuation would have to move to lie on what comes; that is how a pitch glides.
 */
import { PitchSearch } from './pitch';

const SHORTEST_MS = 2.5;
const LONGEST_MS = 15;
const WINDOW_MS = 6;
/** Of the continuation beyond the hole, compared with what came. */
const MEET_MS = 8;
/** The continuation is moved by at most so much, and by at most a share of the hole. */
const MOVE_MS = 6;
const MOVE_SHARE = 0.25;
/** Less alike than this is not moved. */
const ALIKE = 0.4;
/** A longer move must be worth it. */
const CLEARLY = 0.005;

export class Interpolator {
  private readonly search: PitchSearch;
  private readonly perMs: number;

  constructor(rate: number) {
    this.search = new PitchSearch(rate);
    this.perMs = rate / 1000;
  }

  /** Samples by which a continuation must be longer than its hole. */
  get beyond(): number {
    return Math.ceil((MEET_MS + MOVE_MS) * this.perMs);
  }

  /**
   * Writes pcm[from, to), in place; pcm[to, end) came.
   * @param ahead what was before it, continued for the length of the hole and `beyond`
   */
  fill(pcm: Int16Array, from: number, to: number, end: number, ahead: Int16Array): void {
    const hole = to - from;
    const move = this.moveOf(pcm, to, end, ahead, hole);
    const lag = this.periodAfter(pcm, to, end);
    for (let i = 0; i < hole; i++) {
      const at = i + (move * (i + 1)) / hole;
      const whole = Math.floor(at);
      const fraction = at - whole;
      const before = (ahead[whole] as number) * (1 - fraction) + (ahead[whole + 1] as number) * fraction;
      const weight = (i + 1) / (hole + 1);
      pcm[from + i] = Math.round(before * (1 - weight) + backwards(pcm, to, hole - i, lag) * weight);
    }
  }

  /** How many samples further on the continuation must be read at the end of the hole to lie on what came. */
  private moveOf(pcm: Int16Array, to: number, end: number, ahead: Int16Array, hole: number): number {
    const window = Math.min(end - to, Math.round(MEET_MS * this.perMs));
    const most = Math.floor(Math.min(MOVE_MS * this.perMs, hole * MOVE_SHARE));
    let [move, best] = [0, ALIKE];
    // From the least on: of moves by whole periods, which are all alike, the shortest.
    for (let n = 0; n <= 2 * most; n++) {
      const by = n & 1 ? (n + 1) >> 1 : -(n >> 1);
      let [both, ofA, ofB] = [0, 1, 1];
      for (let i = 0; i < window; i++) {
        const [a, b] = [ahead[hole + by + i] as number, pcm[to + i] as number];
        both += a * b;
        ofA += a * a;
        ofB += b * b;
      }
      const alike = both / Math.sqrt(ofA * ofB);
      if (alike > best + CLEARLY) [move, best] = [by, alike];
    }
    return move;
  }

  /** 0: too little came to tell. */
  private periodAfter(pcm: Int16Array, to: number, end: number): number {
    const window = Math.round(WINDOW_MS * this.perMs);
    const most = Math.min(Math.round(LONGEST_MS * this.perMs), end - to - window);
    const least = Math.round(SHORTEST_MS * this.perMs);
    if (most < least) return 0;
    this.search.search(pcm, to, window, least, most, 1);
    return this.search.lag;
  }
}

/**
 * What came from `to` on, continued towards the past: `back` samples before it, by its first period again and again. Where two periods meet
 * the later one begins as the sound after the period does, for a quarter of it; the step that is left at `to` itself fades out as long.
 */
function backwards(pcm: Int16Array, to: number, back: number, lag: number): number {
  if (lag === 0) return 0;
  const quarter = lag >> 2;
  const into = lag - 1 - ((back - 1) % lag);
  let sample = pcm[to + into] as number;
  if (into < quarter) sample += ((pcm[to + lag + into] as number) - sample) * (1 - into / quarter);
  if (back <= quarter) sample += ((pcm[to] as number) - (pcm[to + lag] as number)) * (1 - (back - 1) / quarter);
  return sample;
}
