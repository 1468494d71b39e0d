/** A clock that moves only when a test moves it; due timers run in the order of their deadlines. */
import type { Clock, Timer } from '../../signaling/clock';

interface Pending {
  at: number;
  order: number;
  fn: () => void;
}

export class FakeClock implements Clock {
  private time = 0;
  private order = 0;
  private pending: Pending[] = [];

  constructor(private readonly epoch = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.time;
  }

  wall(): Date {
    return new Date(this.epoch + this.time);
  }

  after(ms: number, fn: () => void): Timer {
    const entry: Pending = { at: this.time + Math.max(0, ms), order: this.order++, fn };
    this.pending.push(entry);
    return {
      cancel: () => {
        this.pending = this.pending.filter((p) => p !== entry);
      },
    };
  }

  /** Timers that have not run yet. */
  get waiting(): number {
    return this.pending.length;
  }

  /** Moves the clock and runs what became due, including timers that those timers set within the span. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.pending.filter((p) => p.at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!next) break;
      this.pending = this.pending.filter((p) => p !== next);
      this.time = Math.max(this.time, next.at);
      next.fn();
    }
    this.time = end;
  }
}
