/** How late this thread comes to what it has to do: a timer that measures itself, remembered for a minute. */
import type { Clock, Timer } from './clock';

const EVERY_MS = 100;
const REMEMBERED = 600;

export interface Lateness {
  /** Milliseconds; of 100 looks, 50 and 99 were no later. */
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

export class LoopDelay {
  private readonly late = new Float64Array(REMEMBERED);
  private looks = 0;
  private timer: Timer;

  constructor(private readonly clock: Clock) {
    this.timer = this.next();
  }

  /** Of the last minute. */
  lateness(): Lateness {
    const sorted = this.late.slice(0, Math.min(this.looks, REMEMBERED)).sort();
    const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
    return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }

  close(): void {
    this.timer.cancel();
  }

  private next(): Timer {
    const due = this.clock.now() + EVERY_MS;
    return this.clock.after(EVERY_MS, () => {
      this.late[this.looks++ % REMEMBERED] = Math.max(0, this.clock.now() - due);
      this.timer = this.next();
    });
  }
}
