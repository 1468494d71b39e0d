/**
 * Key presses in INFO bodies: `application/dtmf-relay` (`Signal=5`, `Duration=160`) and `application/dtmf` (the key alone). No RFC has either;
 * phones of every make send them.
 */

export interface KeyPress {
  /** 0-9 * # A-D */
  digit: string;
  durationMs: number;
}

export const keyTypes = ['application/dtmf-relay', 'application/dtmf'] as const;

const byEvent = '0123456789*#ABCD';
const DEFAULT_MS = 160;

/** undefined: this is no key press. */
export function keyIn(contentType: string | undefined, body: string | undefined): KeyPress | undefined {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (!body || body.length > 256) return undefined;
  if (type === 'application/dtmf') return press(body.trim(), undefined);
  if (type !== 'application/dtmf-relay') return undefined;
  return press(/^\s*signal\s*=\s*(\S+)/im.exec(body)?.[1], /^\s*duration\s*=\s*(\d{1,5})/im.exec(body)?.[1]);
}

function press(signal: string | undefined, duration: string | undefined): KeyPress | undefined {
  const key = signal?.toUpperCase() ?? '';
  const digit = key.length === 1 && byEvent.includes(key) ? key : /^1[0-5]$/.test(key) ? byEvent[Number(key)] : undefined;
  if (digit === undefined) return undefined;
  const ms = duration === undefined ? DEFAULT_MS : Number(duration);
  return { digit, durationMs: Math.min(5000, Math.max(40, ms)) };
}
