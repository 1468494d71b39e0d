/**
 * A 2xx to an INVITE and its way to the ACK (RFC 3261 §13.3.1.4): sent again after T1, 2*T1, 4*T1 … up to T2, over every transport,
 * until the ACK comes or 64*T1 have passed.
 */
import type { Clock, Timer } from '../../clock';
import type { ServerTransaction } from '../transaction/types';

export class Answer {
  private timer: Timer;
  private interval: number;
  private readonly deadline: number;

  constructor(
    private readonly clock: Clock,
    private readonly timings: { t1: number; t2: number },
    private readonly transaction: ServerTransaction,
    /** CSeq number of the INVITE: its ACK carries the same. */
    readonly seq: number,
    /** Under which transaction id the application gets the ACK. */
    readonly ackTransactionId: string,
    private readonly events: { repeated(): void; unacknowledged(): void },
  ) {
    this.interval = timings.t1;
    this.deadline = clock.now() + 64 * timings.t1;
    this.timer = clock.after(this.interval, () => this.tick());
  }

  acknowledged(): void {
    this.timer.cancel();
    this.transaction.acknowledged();
  }

  stop(): void {
    this.timer.cancel();
  }

  private tick(): void {
    const left = this.deadline - this.clock.now();
    if (left <= 0) {
      this.events.unacknowledged();
      return;
    }
    if (this.transaction.repeat()) this.events.repeated();
    this.interval = Math.min(this.interval * 2, this.timings.t2);
    this.timer = this.clock.after(Math.min(this.interval, left), () => this.tick());
  }
}
