/**
 * How late packets are, as a distribution that forgets: what a given share of them does not exceed.
 *
 * Every new packet weighs a little more than the one before, which is the same as all older ones fading, at no cost per bin. The
 * quantile is followed by one step or two with each packet instead of being searched for.
 */

/** Weights are brought back into range when a new packet's has grown to this. */
const RENORMALISE_AT = 1e9;

export class ArrivalHistogram {
  private readonly counts: Float64Array;
  private total = 0;
  /** Weight in the bins above `position`. */
  private above = 0;
  private position = 0;
  private unit = 1;
  private readonly growth: number;

  /**
   * @param quantile share of packets that are to be in time, 0 to 1
   * @param bins of one millisecond; what is later falls into the last
   * @param memory packets after which a packet counts for a third (1/e)
   */
  constructor(
    private readonly quantile: number,
    bins: number,
    memory: number,
  ) {
    this.counts = new Float64Array(bins);
    this.growth = 1 / (1 - 1 / memory);
  }

  /** @param ms later than the fastest; below 0 counts as 0 */
  add(ms: number, weight: number): void {
    const bin = ms <= 0 ? 0 : Math.min(this.counts.length - 1, Math.floor(ms));
    const amount = this.unit * weight;
    this.counts[bin] = (this.counts[bin] as number) + amount;
    this.total += amount;
    if (bin > this.position) this.above += amount;
    this.unit *= this.growth;
    if (this.unit > RENORMALISE_AT) this.renormalise();
    this.follow();
  }

  /** What is known so far counts less from now on. @param share 0 to 1: what is left of it */
  fade(share: number): void {
    this.unit /= share;
  }

  /** Upper edge of the bin that holds the quantile, ms; 0 before the first packet. */
  get ms(): number {
    return this.total === 0 ? 0 : this.position + 1;
  }

  reset(): void {
    this.counts.fill(0);
    this.total = 0;
    this.above = 0;
    this.position = 0;
    this.unit = 1;
  }

  private follow(): void {
    const allowed = (1 - this.quantile) * this.total;
    const last = this.counts.length - 1;
    while (this.above > allowed && this.position < last) this.above -= this.counts[++this.position] as number;
    while (this.position > 0 && this.above + (this.counts[this.position] as number) <= allowed) this.above += this.counts[this.position--] as number;
  }

  private renormalise(): void {
    this.total = 0;
    this.above = 0;
    for (let i = 0; i < this.counts.length; i++) {
      const count = (this.counts[i] as number) / this.unit;
      this.counts[i] = count;
      this.total += count;
      if (i > this.position) this.above += count;
    }
    this.unit = 1;
  }
}
