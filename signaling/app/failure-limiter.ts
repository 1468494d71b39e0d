/**
 * Bounds password guessing: a bucket per source that a wrong password fills by one and time empties.
 *
 * A source may fail `max` times at once and then once every `windowMs / max`. Nonces are bound to their source, so a
 * forged source address fills nobody's bucket. The table is bounded; the source that failed longest ago is forgotten first.
 */
import type { Clock } from '../clock';
import { detached } from './text';

export interface FailureLimits {
  /** Wrong passwords a source may send at once. */
  max: number;
  /** Time in which a full bucket empties. */
  windowMs: number;
  /** Sources remembered. */
  maxSources: number;
}

interface Bucket {
  level: number;
  at: number;
}

export class FailureLimiter {
  private readonly buckets = new Map<string, Bucket>();
  private readonly leakMs: number;

  constructor(
    private readonly limits: FailureLimits,
    private readonly clock: Clock,
  ) {
    this.leakMs = limits.windowMs / limits.max;
  }

  /** 0 when `source` may try, else the seconds until it may. */
  blockedFor(source: string): number {
    const bucket = this.buckets.get(source);
    if (!bucket) return 0;
    const over = this.levelNow(bucket) - (this.limits.max - 1);
    return over <= 0 ? 0 : Math.ceil((over * this.leakMs) / 1000);
  }

  /** Counts a failure. True when this one filled the bucket. */
  fail(source: string): boolean {
    const bucket = this.buckets.get(source);
    const level = (bucket ? this.levelNow(bucket) : 0) + 1;
    this.buckets.delete(source);
    while (this.buckets.size > 0 && this.buckets.size >= this.limits.maxSources) this.buckets.delete(this.buckets.keys().next().value as string);
    this.buckets.set(detached(source), { level, at: this.clock.now() });
    return level > this.limits.max - 1;
  }

  get sources(): number {
    return this.buckets.size;
  }

  private levelNow(bucket: Bucket): number {
    return Math.max(0, bucket.level - (this.clock.now() - bucket.at) / this.leakMs);
  }
}
