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

export const systemRandom: Random = (bytes) => randomBytes(bytes);
