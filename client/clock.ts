/** Time and chance as the phone takes them: arguments, so that tests run on a clock that they move themselves. No DOM, no Node. */

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

/** 0 (included) to 1 (not included). */
export type Chance = () => number;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => new Date(),
  after(ms, fn) {
    const handle = setTimeout(fn, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};
