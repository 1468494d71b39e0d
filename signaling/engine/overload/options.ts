/** When the engine calls itself overloaded. */
export interface OverloadOptions {
  /** Percent of its time that the engine's thread may be at work; and for how many milliseconds on end more, while what comes waits and does not catch up. */
  busyPercent: number;
  busyMs: number;
  /** Those turned away are asked to come again after so many seconds, at least; spread over three times as long. */
  retryAfterSeconds: number;
}

export const defaultOverload: OverloadOptions = { busyPercent: 97, busyMs: 2_000, retryAfterSeconds: 3 };

/** What is wrong with these, in a sentence; undefined: nothing. */
export function overloadProblem(options: Partial<OverloadOptions>): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    if (!(name in defaultOverload)) return `overload.${name} is not a setting of the engine.`;
    const [least, most] = name === 'busyPercent' ? [50, 100] : [1, 3_600_000];
    if (value !== undefined && !(value >= least && value <= most)) return `overload.${name} must be a number from ${least} to ${most}, not ${String(value)}.`;
  }
  return undefined;
}
