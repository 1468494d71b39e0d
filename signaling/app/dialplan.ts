/**
 * The dial plan: from what was dialled to where the call goes. Pure: the same question always has the same answer, and a feature is a
 * row of the table.
 *
 *   Request-URI ─ dialledNumber() ─▶ number ─ route(): first row that matches ─▶ Route
 */
import { parseSipUri } from './addresses';
import { refuse, type CallRefusal } from './reasons';

/** Where a call goes. Features add kinds. */
export type Route = { kind: 'extension'; number: string } | { kind: 'reject'; refusal: CallRefusal };

export interface Dialled {
  /** From `dialledNumber`; undefined when the Request-URI has none. */
  number: string | undefined;
  /** The caller's own extension. */
  caller: string;
}

/** What the plan may ask about the system. */
export interface Known {
  isExtension(number: string): boolean;
}

interface Row {
  /** For people: printed by `printDialplan`. */
  pattern: string;
  meaning: string;
  matches(dialled: Dialled, known: Known): boolean;
  to(dialled: Dialled): Route;
}

const reject = (refusal: CallRefusal): Route => ({ kind: 'reject', refusal });

const table: readonly Row[] = [
  {
    pattern: '(nothing)',
    meaning: 'rejected: 484',
    matches: ({ number }) => number === undefined,
    to: () => reject(refuse('no-number', '')),
  },
  {
    // ringing the caller's other phones would surprise more people than it would serve
    pattern: "the caller's own number",
    meaning: 'rejected: 486',
    matches: ({ number, caller }) => number === caller,
    to: ({ caller }) => reject(refuse('own-number', caller)),
  },
  {
    pattern: 'an extension',
    meaning: 'its phones ring',
    matches: ({ number }, known) => number !== undefined && known.isExtension(number),
    to: ({ number }) => ({ kind: 'extension', number: number as string }),
  },
  {
    pattern: '(anything else)',
    meaning: 'rejected: 404',
    matches: () => true,
    to: ({ number }) => reject(refuse('unknown-number', number as string)),
  },
];

export function route(dialled: Dialled, known: Known): Route {
  const row = table.find((r) => r.matches(dialled, known));
  if (!row) throw new Error('the dial plan has no last row');
  return row.to(dialled);
}

/** The table as lines for people. */
export function printDialplan(): string {
  const width = Math.max(...table.map((row) => row.pattern.length));
  return table.map((row) => `${row.pattern.padEnd(width)}  ${row.meaning}`).join('\n');
}

const maxLength = 64;

/**
 * The number in a Request-URI. Whatever host a phone puts behind it is fine: it was authenticated, and it calls here. Escapes are undone,
 * parameters of the user part (`1001;phone-context=…`) left out; of what looks like a telephone number, the leading + and visual
 * separators (RFC 3966 §5.1.1) are too. `tel:` URIs are taken as well. undefined: no number, or none that could be one.
 */
export function dialledNumber(requestUri: string): string | undefined {
  const user = /^tel:/i.test(requestUri) ? requestUri.slice(4) : parseSipUri(requestUri)?.user;
  const number = user?.split(';', 1)[0];
  if (number === undefined || number === '' || number.length > maxLength || !/^[A-Za-z0-9*#+\-._~()]+$/.test(number)) return undefined;
  return /^\+?[0-9*#\-.()]*[0-9*#][0-9*#\-.()]*$/.test(number) ? number.replace(/[+\-.()]/g, '') : number;
}
