/**
 * How long packets should wait before they are read, so that nearly all are there by then.
 *
 *   transit ─► less the least of the last 4 s ─► how late ─► histogram ─► 95th percentile ─► target
 *
 * A packet's transit is its arrival less its media time, so it says nothing by itself: both clocks begin anywhere. What it is more than the
 * least of the last seconds is how late the packet was; a clock that drifts moves the least and nothing else. The target is what nearly all
 * stay below. Nothing here reads a clock, and nothing is allocated after the beginning.
 */
import { ArrivalHistogram } from './arrival-histogram';
import { UNITS_PER_MS } from './media-time';

/** The least transit is looked for in so many spans of so long. */
const SPANS = 10;
const SPAN_MS = 400;
/**
 * So many spans in which nothing came later than half of a target above so much: what made it so large is over, and fades with each packet.
 * Fewer spans have to do for a target that hurts.
 */
const CLEAN_SPANS = 5;
const CLEAN_SPANS_LARGE = 3;
const CLEAN_ABOVE_MS = 40;
const CLEAN_LARGE_MS = 160;
const CLEAN_FADE = 0.9;

const QUANTILE = 0.95;
const MEMORY_PACKETS = 500;
/** A packet that came too late to be heard, or for which others had to wait, counts for several. */
const LATE_WEIGHT = 3;
/** Before anything is known: this late, until a second of packets says otherwise. */
const FIRST_GUESS_MS = 10;
/** Above the quantile: a reader's and a network stack's own unrest. */
const MARGIN_MS = 0.5;

export interface DelayLimits {
  minDelayMs: number;
  maxDelayMs: number;
}

export class DelayTarget {
  /** The least transit lately, in 1/48 ms: of a packet that came without delay. */
  base = 0;
  /** How much later than that the packet came that was measured last, ms. */
  lateMs = 0;
  /** What a decoder that recovers from the next packet wants the target to be raised by, ms. */
  extraMs = 0;
  private readonly histogram: ArrivalHistogram;
  private readonly least = new Float64Array(SPANS).fill(Number.POSITIVE_INFINITY);
  /** How late packets were at most, by span, ms; infinite: none came. */
  private readonly latest = new Float64Array(SPANS).fill(Number.POSITIVE_INFINITY);
  private clean = false;
  private span = 0;
  private spanEnds = 0;

  constructor(private readonly limits: DelayLimits) {
    this.histogram = new ArrivalHistogram(QUANTILE, limits.maxDelayMs + 1, MEMORY_PACKETS);
    this.histogram.add(FIRST_GUESS_MS - 1, 1);
  }

  /** How long a packet that comes without delay shall wait, ms. */
  get ms(): number {
    return Math.min(this.limits.maxDelayMs, Math.max(this.limits.minDelayMs, this.histogram.ms + MARGIN_MS + this.extraMs));
  }

  /** Another line of media time, of which this is the first packet's transit: the least is looked for anew. What the network does is still known. */
  begin(transit: number, nowMs: number): void {
    this.least.fill(Number.POSITIVE_INFINITY);
    this.latest.fill(Number.POSITIVE_INFINITY);
    this.clean = false;
    this.spanEnds = nowMs + SPAN_MS;
    this.base = transit;
    this.measure(transit, nowMs, false);
  }

  /** @param transit of a packet that has come, in 1/48 ms. @param missed it came too late to be heard */
  measure(transit: number, nowMs: number, missed: boolean): void {
    if (nowMs >= this.spanEnds) this.turn(nowMs);
    if (transit < (this.least[this.span] as number)) {
      this.least[this.span] = transit;
      if (transit < this.base) this.base = transit;
    }
    this.lateMs = (transit - this.base) / UNITS_PER_MS;
    const latest = this.latest[this.span] as number;
    if (latest === Number.POSITIVE_INFINITY || this.lateMs > latest) this.latest[this.span] = this.lateMs;
    if (this.clean && this.histogram.ms > CLEAN_ABOVE_MS && this.lateMs < this.histogram.ms / 2) this.histogram.fade(CLEAN_FADE);
    else this.clean = false;
    this.histogram.add(this.lateMs, missed ? LATE_WEIGHT : 1);
  }

  /** A packet that was measured as this late was waited for: from now on it counts as one that came too late. */
  waitedFor(lateMs: number): void {
    this.histogram.add(lateMs, LATE_WEIGHT - 1);
  }

  /** A span is over: the oldest is forgotten, and with it perhaps the least. */
  private turn(nowMs: number): void {
    const enough = this.histogram.ms > CLEAN_LARGE_MS ? CLEAN_SPANS_LARGE : CLEAN_SPANS;
    this.clean = true;
    for (let back = 0; back < enough && this.clean; back++) this.clean = (this.latest[(this.span + SPANS - back) % SPANS] as number) < this.histogram.ms / 2;
    const spans = Math.min(SPANS, Math.floor((nowMs - this.spanEnds) / SPAN_MS) + 1);
    for (let i = 0; i < spans; i++) {
      this.span = (this.span + 1) % SPANS;
      this.least[this.span] = Number.POSITIVE_INFINITY;
      this.latest[this.span] = Number.POSITIVE_INFINITY;
    }
    this.spanEnds = nowMs + SPAN_MS;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < SPANS; i++) least = Math.min(least, this.least[i] as number);
    // Nothing came for long: whoever comes now sets the measure.
    this.base = least;
  }
}
