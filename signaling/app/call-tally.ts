/** How calls ended, how long it took until they rang, and how long people talked: all of them since the start. */
import { Tally, type Distribution } from '../distribution';
import type { CallRecord } from './call-record';

/** Seconds. */
const DELAYS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const TALKS = [5, 15, 60, 180, 600, 1800, 3600];

export interface CallTotals {
  ended: Array<{ cause: CallRecord['ended']['cause']; answered: boolean; calls: number }>;
  /** Seconds from an INVITE until it rang, or was answered without; of calls between phones. */
  postDialDelay: Distribution;
  /** Seconds from the answer to the end. */
  talk: Distribution;
}

export class CallTally {
  private readonly ended = new Map<string, CallTotals['ended'][number]>();
  private readonly postDialDelay = new Tally(DELAYS);
  private readonly talk = new Tally(TALKS);

  /** It rings, or was answered without: milliseconds since its INVITE. */
  reached(after: number): void {
    this.postDialDelay.add(after / 1000);
  }

  add({ ended: { cause }, answeredAfter, lasted }: CallRecord): void {
    const answered = answeredAfter !== undefined;
    const key = `${cause} ${answered}`;
    const row = this.ended.get(key) ?? { cause, answered, calls: 0 };
    this.ended.set(key, row);
    row.calls++;
    if (answered) this.talk.add((lasted - answeredAfter) / 1000);
  }

  totals(): CallTotals {
    return { ended: [...this.ended.values()].map((row) => ({ ...row })), postDialDelay: this.postDialDelay.distribution(), talk: this.talk.distribution() };
  }
}
