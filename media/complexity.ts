/**
 * How hard Opus tries, by how busy its worker is: an encoder at complexity 9 costs three times one at 0 and sounds a little better, which is
 * worth nothing to anybody whose packets come late.
 *
 *   busy ≥ 75 %, or a tick 10 ms late ─► one step down at once
 *   busy < 45 % for five looks in a row ─► one step up
 *
 * Between the two nothing moves: a step changes the load by less than what lies between them.
 */

/** libopus's complexities that differ in cost (0 to 10), the best first. */
export const COMPLEXITIES = [9, 7, 5, 3, 1, 0] as const;

const BUSY = 0.75;
const IDLE = 0.45;
const LATE_MS = 10;
const PATIENCE = 5;

export class ComplexityGovernor {
  private step = 0;
  private quiet = 0;

  get complexity(): number {
    return COMPLEXITIES[this.step]!;
  }

  /**
   * To be told about twice a second.
   * @param busy share of the time that the worker worked; null: not known, then only lateness counts
   * @param lateMs of the latest tick since last told
   * @returns the complexity from now on
   */
  look(busy: number | null, lateMs: number): number {
    if ((busy ?? 0) >= BUSY || lateMs >= LATE_MS) {
      this.quiet = 0;
      if (this.step < COMPLEXITIES.length - 1) this.step++;
    } else if (busy === null || busy < IDLE) {
      if (++this.quiet >= PATIENCE && this.step > 0) {
        this.quiet = 0;
        this.step--;
      }
    } else {
      this.quiet = 0;
    }
    return this.complexity;
  }
}
