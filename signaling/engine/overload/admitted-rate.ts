/**
 * How many new requests a second are let in, by how long what comes waits until it is read:
 *
 *     all ── waits, and does not catch up ──▶ draining ── nothing waits any more ──▶ limited ── more than comes ──▶ all
 *                                                ▲                                      │ a little more each time
 *                                                └────────────── waits again ───────────┘
 *
 * What was let in while it waited is what can be done: the thread was at work all the time. So the first guess is good, and from there it is looked for
 * as TCP looks for its window. A rate, not a part: how much more comes than can be done does not change what can be done.
 *
 * A wait alone is no reason to begin: after a pause (garbage collection, a stopped process, somebody else on the processor) there is one too, but it
 * falls. What counts is the least wait of a span of time, as CoDel has it (RFC 8289 §3), in several spans one after the other.
 *
 * Tried and given up: a part that is raised while it is late and lowered while it is not. It adds up as the queue does, and swings: at 60 % more calls
 * than could be done half as many were completed as without it.
 */

/** Short of what makes clients repeat (500 ms, RFC 3261 §17.1.1.2), and of what a receive buffer of the size Linux gives by itself can hold. */
const WAIT_MS = 30;
/** So many spans of waiting, none shorter than this part of the one before, are needed to begin. */
export const SPANS = 4;
const FALLS = 0.9;
/** Of what can be done, while what waits is worked off; when it is little that waits; and once it is. */
const DRAIN = 0.5;
const DRAIN_LITTLE = 0.8;
const LITTLE_MS = 150;
const RESUME = 0.95;
/** The guess was too high: by much when it does not drain, by little when it waits again. */
const WRONG = 0.8;
const TOO_HIGH = 0.96;
/** A span in which nothing waits: more, and less so once it has been too much; much more when the thread has a quarter of its time to spare. */
const MORE = 1.08;
const LITTLE_MORE = 1.02;
const MUCH_MORE = 1.5;
const IDLE = 0.75;
/** Over when this much more could come. */
const ROOM = 1.2;

type State = 'all' | 'draining' | 'limited';

export class AdmittedRate {
  /** Requests per second. */
  private limit = Infinity;
  private state: State = 'all';
  /** What can be done, as far as is known. */
  private possible = 0;
  private metTheLimit = false;
  /** What came per second in the span before. */
  private comes = 0;
  private before = 0;
  /** Of the spans that waited, one after the other: what was let in per second. */
  private waited: number[] = [];
  private span = emptySpan();

  /** @param fullAt part of its time from which on the thread counts as at work all the time, 0 to 1 */
  constructor(
    private readonly spanMs: number,
    private readonly fullAt: number,
  ) {}

  /** Part of what comes that is to be turned away, 0 to 1. */
  get share(): number {
    return this.limit === Infinity ? 0 : Math.max(0, 1 - this.limit / Math.max(1, this.comes));
  }

  /**
   * Called about ten times a second.
   *
   * @param passedMs since the call before
   * @param waitMs that what comes waits now
   * @param busy part of that time that the thread was at work, 0 to 1
   * @param came new requests since the call before, and how many of them were let in
   */
  look(passedMs: number, waitMs: number, busy: number, came: number, admitted: number): void {
    const { span } = this;
    span.ms += passedMs;
    span.least = Math.min(span.least, waitMs);
    span.full &&= busy >= this.fullAt;
    span.busyMs += busy * passedMs;
    span.came += came;
    span.admitted += admitted;
    if (span.ms < this.spanMs) return;
    this.span = emptySpan();
    const perSecond = 1_000 / span.ms;
    this.comes = span.came * perSecond;
    const waits = span.full && span.least > WAIT_MS;
    const falls = span.least < FALLS * this.before;
    this.before = span.least;
    this.step(waits, falls, span.least, span.admitted * perSecond, span.busyMs / span.ms);
  }

  private step(waits: boolean, falls: boolean, waitMs: number, admitted: number, busy: number): void {
    if (this.state === 'all') {
      this.waited = waits && !falls ? [...this.waited, admitted] : [];
      if (this.waited.length < SPANS) return;
      this.possible = Math.max(1, this.waited.reduce((sum, one) => sum + one) / SPANS);
      this.drain(DRAIN);
    } else if (this.state === 'draining') {
      if (!waits) {
        this.state = 'limited';
        this.limit = RESUME * this.possible;
      } else if (!falls) {
        this.possible *= WRONG;
        this.drain(DRAIN);
      }
    } else if (waits) {
      this.metTheLimit = true;
      if (falls) return;
      this.possible = TOO_HIGH * Math.min(this.possible, this.limit);
      this.drain(waitMs > LITTLE_MS ? DRAIN : DRAIN_LITTLE);
    } else {
      this.limit *= busy < IDLE ? MUCH_MORE : this.metTheLimit ? LITTLE_MORE : MORE;
      this.possible = Math.max(this.possible, this.limit);
      if (this.limit > ROOM * this.comes) this.end();
    }
  }

  private drain(part: number): void {
    this.state = 'draining';
    this.limit = Math.max(1, part * this.possible);
  }

  private end(): void {
    this.state = 'all';
    this.limit = Infinity;
    this.metTheLimit = false;
    this.waited = [];
  }
}

interface Span {
  ms: number;
  least: number;
  full: boolean;
  busyMs: number;
  came: number;
  admitted: number;
}

function emptySpan(): Span {
  return { ms: 0, least: Infinity, full: true, busyMs: 0, came: 0, admitted: 0 };
}
