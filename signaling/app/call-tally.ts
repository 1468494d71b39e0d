/** How calls ended, how long it took until they rang, and how long people talked: all of them since the start. */
import { Tally, type Distribution } from '../distribution';
import type { EndpointStats } from '../../media/plane';
import type { CallRecord } from './call-record';

/** Seconds. */
const DELAYS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const TALKS = [5, 15, 60, 180, 600, 1800, 3600];
/** MOS; the part of packets lost; seconds. */
const SCORES = [1, 2, 2.5, 3, 3.5, 4, 4.3];
const LOSSES = [0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
const JITTERS = [0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1];

export interface CallTotals {
  ended: Array<{ cause: CallRecord['ended']['cause']; answered: boolean; direction: CallRecord['direction']; calls: number }>;
  /** Seconds from an INVITE until it rang, or was answered without; of calls between phones. */
  postDialDelay: Distribution;
  /** Seconds from the answer to the end. */
  talk: Distribution;
  /** Of each phone of answered calls, as it arrived here. */
  mos: Distribution;
  /** Part of its packets. */
  loss: Distribution;
  /** Seconds. */
  jitter: Distribution;
}

export class CallTally {
  private readonly ended = new Map<string, CallTotals['ended'][number]>();
  private readonly postDialDelay = new Tally(DELAYS);
  private readonly talk = new Tally(TALKS);
  private readonly mos = new Tally(SCORES);
  private readonly loss = new Tally(LOSSES);
  private readonly jitter = new Tally(JITTERS);

  /** It rings, or was answered without: milliseconds since its INVITE. */
  reached(after: number): void {
    this.postDialDelay.add(after / 1000);
  }

  add({ ended: { cause }, direction, answeredAfter, lasted, media }: CallRecord): void {
    const answered = answeredAfter !== undefined;
    const key = `${cause} ${answered} ${direction}`;
    const row = this.ended.get(key) ?? { cause, answered, direction, calls: 0 };
    this.ended.set(key, row);
    row.calls++;
    if (!answered) return;
    this.talk.add((lasted - answeredAfter) / 1000);
    for (const heard of [media?.caller, media?.callee]) if (heard) this.addQuality(heard);
  }

  private addQuality({ received: { packets }, lost, mos, jitterMs }: EndpointStats): void {
    // nothing came: that is no quality
    if (packets === 0) return;
    this.loss.add(lost / (packets + lost));
    if (mos != null) this.mos.add(mos);
    if (jitterMs !== null) this.jitter.add(jitterMs / 1000);
  }

  totals(): CallTotals {
    return { ended: [...this.ended.values()].map((row) => ({ ...row })), postDialDelay: this.postDialDelay.distribution(), talk: this.talk.distribution(), mos: this.mos.distribution(), loss: this.loss.distribution(), jitter: this.jitter.distribution() };
  }
}
