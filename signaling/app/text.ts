/** Small things about text that comes from the network. */
import { shown, tenantOf } from '../tenants';

/**
 * A copy that stands alone. A string cut out of a message is, inside V8, a view that keeps the whole message in memory;
 * a registration kept for an hour must not.
 */
export function detached(text: string): string {
  // V8 makes views only of 13 characters and more
  return text.length < 13 ? text : Buffer.from(text, 'utf8').toString('utf8');
}

/** Printable ASCII without line breaks or other controls: what may be sent back in a header. */
export function isPrintable(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** `text` fit for a log line: cut to `max` characters, controls replaced. */
export function forLog(text: string, max = 64): string {
  const clean = text.slice(0, max).replace(/[\x00-\x1f\x7f]/g, '?');
  return text.length > max ? `${clean}…` : clean;
}

/** A SIP quoted-string of `text` (RFC 3261 §25.1). Throws on controls, which no quoting can carry. */
export function quoted(text: string): string {
  if (/[\x00-\x1f\x7f]/.test(text)) throw new RangeError('control characters cannot be quoted');
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** Somebody's address: at the domain of its tenant; in the first one the engine puts its own address for `localhost`. */
export function addressOf(id: string, host = 'localhost'): string {
  return `sip:${shown(id)}@${tenantOf(id) || host}`;
}

/** An extension as a name-addr (RFC 3261 §25.1), for From and P-Asserted-Identity. */
export function nameAddr({ name, number }: { name: string | null; number: string }): string {
  return `${name === null ? '' : `${quoted(name.replace(/[\x00-\x1f\x7f]/g, ' '))} `}<${addressOf(number)}>`;
}
