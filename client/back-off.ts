/** When to try again: twice as long after each failure, half of it up or down by chance, so that a restarted server is not met by all its phones at once. */
import type { Chance } from './clock';

export interface BackOffOptions {
  /** The wait after the first failure, and the longest, before chance; ms. */
  firstMs: number;
  mostMs: number;
}

export class BackOff {
  private failures = 0;

  constructor(
    private readonly chance: Chance,
    private readonly options: BackOffOptions,
  ) {}

  /** It has failed: milliseconds until the next try, 0.5 to 1.5 times the wait of its turn. */
  next(): number {
    const { firstMs, mostMs } = this.options;
    return Math.min(mostMs, firstMs * 2 ** Math.min(this.failures++, 30)) * (0.5 + this.chance());
  }

  /** It works again. */
  reset(): void {
    this.failures = 0;
  }
}
