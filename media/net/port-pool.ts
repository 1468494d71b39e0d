/**
 * Pairs of UDP ports, RTP on the even one and RTCP on the next (RFC 3550 §11), from a range.
 *
 * One ring, filled in random order: pairs are taken from its head and given back at its tail, where each rests until its last
 * call's packets have died away. So the pair taken is always the one that rested longest, where the next call will be is not to
 * be guessed from the last, and memory is that of the range.
 */

export interface PortPoolOptions {
  /** First and last port that may be used, inclusive. */
  min: number;
  max: number;
  /** How long a pair rests before it is used again. */
  drainMs: number;
  /** Milliseconds that never go back. */
  now: () => number;
  random: (bytes: number) => Buffer;
}

export class PortPool {
  /** RTP ports in the order they will be used, and when each may be. */
  private readonly ring: Uint16Array;
  private readonly usableAt: Float64Array;
  private head = 0;
  private count: number;
  readonly size: number;

  constructor(private readonly options: PortPoolOptions) {
    const first = options.min + (options.min & 1);
    this.size = Math.max(0, Math.floor((options.max + 1 - first) / 2));
    this.count = this.size;
    this.ring = Uint16Array.from({ length: this.size }, (_, i) => first + 2 * i);
    this.usableAt = new Float64Array(this.size).fill(-Infinity);
    const random = options.random(this.size * 4);
    for (let i = this.size - 1; i > 0; i--) {
      const j = random.readUInt32LE(i * 4) % (i + 1);
      const held = this.ring[i]!;
      this.ring[i] = this.ring[j]!;
      this.ring[j] = held;
    }
  }

  /** The even port of a pair, or undefined when every pair is in use or resting. */
  take(): number | undefined {
    if (this.count === 0 || this.usableAt[this.head]! > this.options.now()) return undefined;
    const port = this.ring[this.head]!;
    this.head = (this.head + 1) % this.size;
    this.count--;
    return port;
  }

  /** Gives a pair back, to rest. */
  release(port: number): void {
    if (this.count === this.size) throw new RangeError(`port ${port} was not taken`);
    const tail = (this.head + this.count) % this.size;
    this.ring[tail] = port;
    this.usableAt[tail] = this.options.now() + this.options.drainMs;
    this.count++;
  }

  get inUse(): number {
    return this.size - this.count;
  }

  get draining(): number {
    const now = this.options.now();
    let resting = 0;
    // Resting pairs are at the tail, the longest rested first.
    for (let i = this.count - 1; i >= 0 && this.usableAt[(this.head + i) % this.size]! > now; i--) resting++;
    return resting;
  }

  get free(): number {
    return this.count - this.draining;
  }
}
