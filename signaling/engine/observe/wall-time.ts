/** The time of day finer than a millisecond, from a clock that is not: read now and then, and carried on by the one that never goes back. */
import type { Clock } from '../../clock';

/** How long somebody who sets the time of day is not noticed. */
const CARRY_MS = 10_000;

export class WallTime {
  private origin = 0;
  private until = Number.NEGATIVE_INFINITY;

  constructor(private readonly clock: Clock) {}

  /** Milliseconds since 1970, with fractions. */
  now(): number {
    const now = this.clock.now();
    if (now >= this.until) {
      this.origin = this.clock.wall().getTime() - now;
      this.until = now + CARRY_MS;
    }
    return this.origin + now;
  }
}
