/**
 * Requests a second per source: a bucket each, which fills at the rate and holds two seconds' worth. A source whose bucket is full again is
 * forgotten, so the table is as large as the number of sources that were busy of late, and no larger than its bound.
 */
import type { Clock } from '../../clock';
import { sourceKey } from './connections';

const MAX_SOURCES = 20_000;
/** Seconds' worth that may come at once. */
const BURST = 2;

interface Bucket {
  tokens: number;
  at: number;
}

export class RateLimit {
  private readonly buckets = new Map<string, Bucket>();

  /**
   * @param perSecond 0: any number
   * @param exempt sources that are not counted
   */
  constructor(
    private readonly clock: Clock,
    private readonly perSecond: number,
    private readonly exempt: (source: string) => boolean,
  ) {}

  get size(): number {
    return this.buckets.size;
  }

  /** Takes one from the source's bucket; false: it is empty. */
  allows(source: string): boolean {
    if (this.perSecond === 0) return true;
    const key = sourceKey(source);
    const now = this.clock.now();
    const full = this.perSecond * BURST;
    let bucket = this.buckets.get(key);
    if (!bucket) {
      if (this.buckets.size >= MAX_SOURCES) this.makeRoom(now);
      // A bucket that never empties spares looking through the networks each time.
      bucket = { tokens: this.exempt(source) ? Number.POSITIVE_INFINITY : full, at: now };
      this.buckets.set(key, bucket);
    }
    if (bucket.tokens === Number.POSITIVE_INFINITY) return true;
    bucket.tokens = Math.min(full, bucket.tokens + ((now - bucket.at) * this.perSecond) / 1000);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  /** Sources that are as good as new are forgotten; if none are, the one that came first. */
  private makeRoom(now: number): void {
    for (const [key, { tokens, at }] of this.buckets) {
      if (tokens + ((now - at) * this.perSecond) / 1000 >= this.perSecond * BURST) this.buckets.delete(key);
    }
    if (this.buckets.size >= MAX_SOURCES) this.buckets.delete(this.buckets.keys().next().value as string);
  }
}
