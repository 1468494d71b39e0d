/**
 * When a reader's reads are due: every 20 ms exactly, of which only calls that are sometimes late are seen.
 *
 * A call that is early moves the grid at once, lateness only when it stays: so a reader that stumbles, or catches up with several reads in
 * a row, does not move the deadlines of packets, and one that left ticks out does.
 */
import { FRAME_MS } from '../frame';

/** Lateness is believed when so many reads in a row had it, or fewer when it is large. */
const READS = 50;
const READS_LARGE = 5;
const LARGE_MS = 60;

export class TickGrid {
  private due = Number.NaN;
  private reads = 0;
  private least = Number.POSITIVE_INFINITY;

  /** A read happens at `nowMs`. Returns when it was due. */
  at(nowMs: number): number {
    if (Number.isNaN(this.due)) this.due = nowMs;
    else this.due += FRAME_MS;
    const late = nowMs - this.due;
    if (late <= 0) {
      this.due = nowMs;
      this.forget();
      return nowMs;
    }
    this.least = Math.min(this.least, late);
    this.reads++;
    if (this.reads >= READS || (this.reads >= READS_LARGE && this.least >= LARGE_MS)) {
      this.due += this.least;
      this.forget();
    }
    return this.due;
  }

  private forget(): void {
    this.reads = 0;
    this.least = Number.POSITIVE_INFINITY;
  }
}
