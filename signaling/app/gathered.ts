/**
 * Names that are dealt with a while after they came: between one and two of `ms` later, all that came together at once. One timer for all, since a
 * thread that wakes up for each of thousands of phones spends more on waking up than on them.
 *
 *   add ─▶ coming ── ms ──▶ due ── ms ──▶ deal
 */
import type { Clock, Timer } from '../clock';

export class Gathered {
  private coming = new Set<string>();
  private due = new Set<string>();
  private timer: Timer | undefined;
  private closed = false;

  constructor(
    private readonly ms: number,
    private readonly clock: Clock,
    private readonly deal: (name: string) => void,
  ) {}

  /** A name that is waiting already waits no longer for it. */
  add(name: string): void {
    if (this.closed || this.due.has(name)) return;
    this.coming.add(name);
    this.timer ??= this.clock.after(this.ms, this.turn);
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
  }

  private readonly turn = (): void => {
    const due = this.due;
    this.due = this.coming;
    this.coming = new Set();
    this.timer = this.due.size > 0 ? this.clock.after(this.ms, this.turn) : undefined;
    for (const name of due) this.deal(name);
  };
}
