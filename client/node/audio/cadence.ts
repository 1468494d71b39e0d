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
/** The worst of each slot is kept for some windows. What comes in a bunch, such as after a stall, is in one slot and counts once. */
const SLOT_MS = 100;
const SLOTS_OF_WINDOW = 20;
const WINDOWS = 5;
/** So often in one window, and it is a habit. */
const OFTEN = 3;
/** Before anything is known. */
const FIRST_GUESS_MS = 3;

export class Cadence {
  /** When the newest sample was due (brought), or the last one taken; ms. undefined: no visit yet. */
  line: number | undefined;
  inDoubt = false;
  private visits = 0;
  private doubtSince: number | undefined;
  /** A ring; window by window. */
  private readonly slots = new Float64Array(WINDOWS * SLOTS_OF_WINDOW).fill(FIRST_GUESS_MS);
  private slot = 0;
  private slotEnd = 0;
  /** `strayMs`, until a slot changes. */
  private known: number | undefined;
  private readonly most = new Float64Array(OFTEN);
  private startedAt: number | undefined;

  /** `sign`: 1 when being late matters, -1 when being early does. */
  constructor(private readonly sign: 1 | -1) {}

  /**
   * By how much they come at a bad time now and then, ms: the second worst of the latest windows, since once is chance; and at once what happened
   * three times in one.
   */
  get strayMs(): number {
    return (this.known ??= this.reckon());
  }

  private reckon(): number {
    let worst = 0;
    let second = 0;
    let often = 0;
    for (let from = 0; from < this.slots.length; from += SLOTS_OF_WINDOW) {
      const most = this.mostOf(from);
      const first = most[0] as number;
      second = Math.max(second, Math.min(worst, first));
      worst = Math.max(worst, first);
      often = Math.max(often, most[OFTEN - 1] as number);
    }
    return Math.max(second, often);
  }

  /** The worst slots of a window, the worst first. */
  private mostOf(from: number): Float64Array {
    const most = this.most.fill(0);
    for (let i = from; i < from + SLOTS_OF_WINDOW; i++) {
      let value = this.slots[i] as number;
      // it sinks in; what it displaces goes on
      for (let k = 0; k < OFTEN; k++) {
        const kept = most[k] as number;
        if (value <= kept) continue;
        most[k] = value;
        value = kept;
      }
    }
    return most;
  }

  /** How long it has been watched, ms. */
  watchedMs(atMs: number): number {
    return this.startedAt === undefined ? 0 : atMs - this.startedAt;
  }

  visit(atMs: number, lengthMs: number): void {
    if (this.line === undefined) {
      this.line = atMs;
      this.startedAt = atMs;
      this.slotEnd = atMs + SLOT_MS;
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
    if (atMs >= this.slotEnd) {
      this.slot = (this.slot + 1) % this.slots.length;
      this.slots[this.slot] = 0;
      this.slotEnd = atMs + SLOT_MS;
      this.known = undefined;
    }
    if (stray <= (this.slots[this.slot] as number)) return;
    this.slots[this.slot] = stray;
    this.known = undefined;
  }
}
