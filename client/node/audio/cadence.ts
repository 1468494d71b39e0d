/**
 * When one side of a queue comes, and when it should have: a straight line through its visits, each so much longer than the one before as the
 * sound that it brought or took. A visit is early or late against that line; how much of late is what a queue has to bridge.
 *
 *   visits   |    |   |      |  |    |        each brings 10 ms
 *   line     |    |    |    |    |    |       follows a fiftieth of each deviation
 *
 * What stays away by far and does not come in a burst afterwards (a card started anew, frames left out) has moved the line for good: until it is
 * known which of the two it is, the line is `inDoubt`.
 */

/** Part of a deviation that the line follows, once it knows a few. */
const GAIN = 0.02;
/** A single deviation counts for no more than this. */
const MAX_STEP_MS = 5;
/** Beyond this it is a stall, which no queue shall bridge: it would be a delay for ever after. */
export const STALL_MS = 40;
/** A deviation that stays over several visits, this long: the line has moved. */
const MOVED_AFTER_MS = 50;
/** The worst of each window is kept for some windows. */
const WINDOW_MS = 2000;
const WINDOWS = 5;
/** Before anything is known. */
const FIRST_GUESS_MS = 3;

export class Cadence {
  /** When the newest sample was due (brought), or the last one taken; ms. undefined: no visit yet. */
  line: number | undefined;
  inDoubt = false;
  private visits = 0;
  private doubtSince: number | undefined;
  private readonly worst: number[] = new Array<number>(WINDOWS).fill(FIRST_GUESS_MS);
  private windowEnd = 0;

  /** `sign`: 1 when being late matters, -1 when being early does. */
  constructor(private readonly sign: 1 | -1) {}

  /** By how much they come at a bad time now and then, ms: the second worst of the latest windows, since once is chance. */
  get strayMs(): number {
    let first = 0;
    let second = 0;
    for (const stray of this.worst) {
      if (stray > first) {
        second = first;
        first = stray;
      } else if (stray > second) second = stray;
    }
    return second;
  }

  visit(atMs: number, lengthMs: number): void {
    if (this.line === undefined) {
      this.line = atMs;
      this.windowEnd = atMs + WINDOW_MS;
      return;
    }
    this.line += lengthMs;
    const deviation = atMs - this.line;
    this.inDoubt = Math.abs(deviation) > STALL_MS;
    if (this.inDoubt) {
      this.doubtSince ??= atMs;
      if (atMs - this.doubtSince >= MOVED_AFTER_MS) this.moveTo(atMs);
      return;
    }
    this.doubtSince = undefined;
    this.visits++;
    this.line += Math.max(-MAX_STEP_MS, Math.min(MAX_STEP_MS, deviation)) * Math.max(GAIN, 1 / (this.visits + 1));
    this.note(atMs, deviation * this.sign);
  }

  private moveTo(atMs: number): void {
    this.line = atMs;
    this.inDoubt = false;
    this.doubtSince = undefined;
    this.visits = 0;
  }

  private note(atMs: number, stray: number): void {
    if (atMs >= this.windowEnd) {
      this.worst.pop();
      this.worst.unshift(0);
      this.windowEnd = atMs + WINDOW_MS;
    }
    this.worst[0] = Math.max(this.worst[0] as number, stray);
  }
}
