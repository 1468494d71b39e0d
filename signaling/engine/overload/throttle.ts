/** Turns a share of what comes away, spread evenly: of ten at 30 % not the first three, but the fourth, the seventh and the tenth. */
export class Throttle {
  private part = 0;
  private owed = 0;

  /** @param most some are always let through: nobody would notice otherwise that there is room again */
  constructor(private readonly most: number) {}

  /** 0: none is turned away. */
  get share(): number {
    return this.part;
  }

  change(by: number): void {
    this.set(this.part + by);
  }

  set(share: number): void {
    // In thousandths: what comes of adding tenths is never quite zero.
    this.part = Math.min(this.most, Math.max(0, Math.round(share * 1000) / 1000));
    if (this.part === 0) this.owed = 0;
  }

  /** Whether the next one is turned away. */
  refuses(): boolean {
    this.owed += this.part;
    if (this.owed < 1 - 1e-9) return false;
    this.owed -= 1;
    return true;
  }
}
