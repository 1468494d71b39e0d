/** When to try again: twice as long after each failure, half of it up or down by chance, so that a restarted server is not met by all its phones at once. */
import type { Chance } from '../clock';

export const FIRST_RETRY_MS = 500;
export const LAST_RETRY_MS = 30_000;

export class BackOff {
  private failures = 0;

  constructor(private readonly chance: Chance) {}

  /** Milliseconds until the next try, 250 to 30,000. */
  next(): number {
    const base = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.failures++, 16));
    return Math.round(Math.min(LAST_RETRY_MS, base * (0.5 + this.chance())));
  }

  /** It works again. */
  reset(): void {
    this.failures = 0;
  }
}
