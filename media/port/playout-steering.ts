/** When sound is shortened and lengthened so that its delay comes to the target: as seldom and as softly as there is time for. */
import { LONGEST_CHANGE_MS } from '../audio/repair/time-scale';
import type { PlayoutSound } from './playout-sound';

/** Least time between two pieces left out, by how much there is to leave out. */
const SHORTEN_EVERY_MS = 200;
const SHORTEN_EVERY_SOON_MS = 60;
const SOON_MS = 30;
const URGENT_MS = 60;
/** After a delay that had to grow, shrinking rests. */
const REST_MS = 1000;
/** Where nothing could be left out or put in without being heard, it is tried again after this. */
const RETRY_MS = 60;
const LENGTHEN_EVERY_MS = 40;

export class Steering {
  shortenedMs = 0;
  lengthenedMs = 0;
  private shortenedAt = Number.NEGATIVE_INFINITY;
  private lengthenedAt = Number.NEGATIVE_INFINITY;
  private grewAt = Number.NEGATIVE_INFINITY;
  private retryAt = Number.NEGATIVE_INFINITY;

  /** The delay had to grow. */
  grew(tick: number): void {
    this.grewAt = tick;
  }

  /** @param ms that could go */
  mayShorten(ms: number, tick: number): boolean {
    if (tick < this.retryAt) return false;
    if (ms >= URGENT_MS) return true;
    if (tick - this.grewAt < REST_MS) return false;
    return tick - this.shortenedAt >= (ms >= SOON_MS ? SHORTEN_EVERY_SOON_MS : SHORTEN_EVERY_MS);
  }

  /** Leaves out up to `spare` samples of what is beyond the next `count`. */
  shorten({ queue, timeScale, rate }: PlayoutSound, spare: number, count: number, tick: number): void {
    const most = Math.min(spare, queue.length - count);
    if (most <= 0) return;
    const change = timeScale.shorten(queue.data, queue.start, queue.end, most, (spare * 1000) / rate >= URGENT_MS);
    if (change === 0) {
      this.retryAt = tick + RETRY_MS;
      return;
    }
    queue.skip(change);
    this.shortenedMs += (change * 1000) / rate;
    this.shortenedAt = tick;
  }

  /** Puts in what brings the delay nearer to `deficit` samples more. */
  lengthen({ queue, timeScale, rate }: PlayoutSound, deficit: number, tick: number): void {
    if (tick < this.retryAt || tick - this.lengthenedAt < LENGTHEN_EVERY_MS) return;
    const change = timeScale.lengthen(queue.data, queue.start, queue.end, Math.max(deficit, (LONGEST_CHANGE_MS * rate) / 1000), false);
    if (change === 0) {
      this.retryAt = tick + RETRY_MS;
      return;
    }
    queue.skip(-change);
    this.lengthenedMs += (change * 1000) / rate;
    this.lengthenedAt = tick;
  }
}
