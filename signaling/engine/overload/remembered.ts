/** Keys of the last few seconds, in two halves so that forgetting is dropping one of them. */
export class Remembered {
  private young = new Set<string>();
  private old = new Set<string>();

  /** @param most in each half; beyond it nothing more is remembered until the next turn */
  constructor(private readonly most: number) {}

  get size(): number {
    return this.young.size + this.old.size;
  }

  add(key: string): void {
    if (this.young.size < this.most) this.young.add(key);
  }

  has(key: string): boolean {
    return this.young.has(key) || this.old.has(key);
  }

  /** What has been here for two turns is forgotten. */
  turn(): void {
    this.old = this.young;
    this.young = new Set();
  }
}
