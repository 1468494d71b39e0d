/**
 * Key presses in the bodies of INFO requests, in the two forms that phones use (neither is a standard; RFC 6086 §1 calls it legacy usage):
 *
 *   Content-Type: application/dtmf-relay          Content-Type: application/dtmf
 *
 *   Signal=5                                      5
 *   Duration=160
 *
 * Pure. Keys may come as event numbers of RFC 4733 (10 for *, 11 for #, 12 to 15 for A to D).
 */

export const keyTypes = ['application/dtmf-relay', 'application/dtmf'] as const;
export type KeyType = (typeof keyTypes)[number];

export interface KeyPress {
  /** 0-9 * # A-D */
  digit: string;
  durationMs: number;
}

const KEYS = '0123456789*#ABCD';
const DEFAULT_MS = 160;
const SHORTEST_MS = 40;
const LONGEST_MS = 5000;
/** More is not a key press. */
const MAX_BODY = 256;

/** The key in a body; undefined: it is of another type, or no key (flash, several keys, nothing). Never throws. */
export function keyIn(contentType: string | undefined, body: string | undefined): KeyPress | undefined {
  const type = contentType?.split(';', 1)[0]!.trim().toLowerCase();
  if (!keyTypes.some((known) => known === type) || !body || body.length > MAX_BODY) return undefined;
  // some phones say application/dtmf and then fill in the fields of the other
  if (type === 'application/dtmf' && !body.includes('=')) return press(body.trim(), undefined);
  return press(/^[ \t]*signal[ \t]*=[ \t]*(\S+)/im.exec(body)?.[1], /^[ \t]*duration[ \t]*=[ \t]*(\d{1,6})/im.exec(body)?.[1]);
}

function press(signal: string | undefined, duration: string | undefined): KeyPress | undefined {
  const key = signal?.toUpperCase() ?? '';
  const digit = key.length === 1 && KEYS.includes(key) ? key : /^1[0-5]$/.test(key) ? KEYS[Number(key)] : undefined;
  if (digit === undefined) return undefined;
  const ms = duration === undefined ? DEFAULT_MS : Number(duration);
  return { digit, durationMs: Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms)) };
}

/** The body that says a press of `digit`. @throws RangeError for what is not a key */
export function keyBody(type: KeyType, { digit, durationMs }: KeyPress): string {
  if (digit.length !== 1 || !KEYS.includes(digit)) throw new RangeError(`"${digit}" is not a key: 0-9, *, # and A-D are`);
  if (type === 'application/dtmf') return `${digit}\r\n`;
  return `Signal=${digit}\r\nDuration=${Math.round(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, durationMs)))}\r\n`;
}
