/** Times as people write them on the command line. */
import { OffhookError } from '../errors';

const UNITS: Record<string, number> = { m: 60_000, h: 3600_000, d: 24 * 3600_000 };

/** Unix milliseconds. Errors: `command.usage`. */
export function timeOf(option: string, text: string, now: number): number {
  const [, amount, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (amount !== undefined && unit !== undefined) return now - Number(amount) * UNITS[unit]!;
  const time = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/.test(text) ? Date.parse(text.includes('T') ? text : `${text}T00:00`) : NaN;
  if (Number.isNaN(time)) throw new OffhookError('command.usage', { problem: `${option} is “${text}”, but must be a day (2026-11-23), a time (2026-11-23T14:15Z), or how long ago (90m, 12h, 7d).` });
  return time;
}

/** `2026-11-24T08:00:00Z`: to the second. @param time as the API has it, or Unix milliseconds; null: a dash */
export function toTheSecond(time: string | number | null): string {
  if (time === null) return '-';
  return (typeof time === 'number' ? new Date(time).toISOString() : time).replace(/\.\d+Z$/, 'Z');
}

/** `1:02:03`, `2:03`, `0:03` */
export function lasting(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}
