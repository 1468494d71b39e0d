/** How values are distributed over bounds, as Prometheus counts them: each bucket holds what is no more than its bound. */
export interface Distribution {
  /** Upper bounds, rising; above the last one there is one bucket more. */
  readonly bounds: readonly number[];
  /** Of each bucket alone. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export class Tally {
  private readonly counts: number[];
  private sum = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  add(value: number): void {
    const bucket = this.bounds.findIndex((bound) => value <= bound);
    const at = bucket < 0 ? this.bounds.length : bucket;
    this.counts[at] = (this.counts[at] as number) + 1;
    this.sum += value;
  }

  distribution(): Distribution {
    return { bounds: this.bounds, counts: [...this.counts], sum: this.sum };
  }
}
