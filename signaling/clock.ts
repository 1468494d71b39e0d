/**
 * Time and randomness as signaling takes them: arguments, so that tests run on a clock they move themselves.
 */
import { randomBytes } from 'node:crypto';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** The time of day, for people. */
  wall(): Date;
  /** Runs `fn` once, at least `ms` milliseconds from now. */
  after(ms: number, fn: () => void): Timer;
}

export type Random = (bytes: number) => Buffer;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => new Date(),
  after(ms, fn) {
    const handle = setTimeout(fn, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};

const POOL_BYTES = 8192;
let pool = Buffer.alloc(0);
let taken = 0;

/** From a pool that is drawn at once: asking the system for sixteen bytes costs as much as asking for thousands. No byte is handed out twice. */
export const systemRandom: Random = (bytes) => {
  if (bytes > POOL_BYTES / 8) return randomBytes(bytes);
  if (taken + bytes > pool.length) {
    pool = randomBytes(POOL_BYTES);
    taken = 0;
  }
  taken += bytes;
  return pool.subarray(taken - bytes, taken);
};
