/**
 * The dial plan: from what was dialled to where the call goes. Pure: the same question always has the same answer, and the numbers of a
 * feature are rows of the table.
 *
 *   Request-URI ─ dialledNumber() ─▶ number ─ route(): first row that matches ─▶ Route
 */
import { beside, shown } from '../tenants';
import { parseSipUri } from './addresses';
import type { Args, Feature, FeatureNumber } from './feature';
import { refuse, type CallRefusal } from './reasons';

/** Where a call goes. */
export type Route =
  | { kind: 'extension'; number: string }
  | { kind: 'group'; number: string }
  | { kind: 'service'; number: string; feature: Feature; args: Args; /** See `Call.near`. */ near: string | undefined }
  | { kind: 'reject'; refusal: CallRefusal };

export interface Dialled {
  /** From `dialledNumber`, or an id (`tenants.ts`); undefined when the Request-URI has none. */
  number: string | undefined;
  /** The id of the caller's own extension. */
  caller: string;
  /** As if this feature had no numbers. */
  without?: string | undefined;
}

/** With the id of what was dialled, in the caller's tenant. */
type Asked = Dialled & { id: string };

/** What the plan may ask about the system. */
export interface Known {
  isExtension(id: string): boolean;
  /** Default: there are none. */
  isGroup?(id: string): boolean;
}

interface Row {
  /** For people: printed by `printDialplan`. */
  pattern: string;
  meaning: string;
  /** undefined: not this row. */
  leadsTo(dialled: Asked, known: Known): Route | undefined;
}

const reject = (refusal: CallRefusal): Route => ({ kind: 'reject', refusal });

const before: readonly Row[] = [
  {
    pattern: '(nothing)',
    meaning: 'rejected: 484',
    leadsTo: ({ number }) => (number === undefined ? reject(refuse('no-number', '')) : undefined),
  },
  {
    // ringing the caller's other phones would surprise more people than it would serve
    pattern: "the caller's own number",
    meaning: 'rejected: 486',
    leadsTo: ({ id, caller }) => (id === caller ? reject(refuse('own-number', caller)) : undefined),
  },
];

const after: readonly Row[] = [
  {
    pattern: 'an extension',
    meaning: 'its phones ring',
    leadsTo: ({ id }, known) => (known.isExtension(id) ? { kind: 'extension', number: id } : undefined),
  },
  {
    pattern: 'a ring group',
    meaning: 'the phones of its members ring',
    leadsTo: ({ id }, known) => (known.isGroup?.(id) ? { kind: 'group', number: id } : undefined),
  },
  {
    pattern: '(anything else)',
    meaning: 'rejected: 404',
    leadsTo: ({ number }) => reject(refuse('unknown-number', number as string)),
  },
];

interface FeatureRow extends Row {
  feature: string;
  /** The one number of the row; undefined: it has to be asked. */
  exact: string | undefined;
  first: boolean;
}

const featureRow = (feature: Feature, { pattern, meaning, matches, room, near, exact, first = false }: FeatureNumber): FeatureRow => ({
  feature: feature.name,
  exact,
  first,
  pattern,
  meaning,
  leadsTo({ number, id, caller, without }) {
    const args = number === undefined || without === feature.name ? undefined : matches(shown(number), id);
    return args && { kind: 'service', number: id, feature, args, near: room ? `room:${room(args)}` : near?.(args, caller) };
  },
});

export interface Dialplan {
  route(dialled: Dialled, known: Known): Route;
  /** The table as lines for people. */
  print(): string;
}

/** The numbers of features come before extensions, which cannot have them (`signaling/numbers.ts`). Errors: `Error` when two features want the same. */
export function dialplan(features: readonly Feature[] = []): Dialplan {
  const rows = features.flatMap((feature) => feature.numbers.map((number) => featureRow(feature, number)));
  for (const [i, row] of rows.entries()) {
    const other = rows.slice(0, i).find(({ pattern }) => pattern === row.pattern);
    if (other) throw new Error(`two features have the number ${row.pattern}: ${other.feature} and ${row.feature}`);
  }
  const first = [...before, ...rows.filter((row) => row.first)];
  const table: readonly Row[] = [...first, ...rows.filter((row) => !row.first), ...after];
  const exact = new Map(rows.flatMap((row) => (row.exact === undefined ? [] : [[row.exact, row] as const])));
  const several: readonly Row[] = [...first, ...rows.filter((row) => row.exact === undefined && !row.first), ...after];
  return {
    route(dialled, known) {
      const asked = { ...dialled, id: dialled.number === undefined ? '' : beside(dialled.caller, dialled.number) };
      // one number is one look-up, however many there are; only rows for many numbers are asked one by one
      const only = exact.get(shown(asked.id));
      for (const row of only && only.feature !== dialled.without ? [...first, only, ...after] : several) {
        const route = row.leadsTo(asked, known);
        if (route) return route;
      }
      throw new Error('the dial plan has no last row');
    },
    print() {
      const width = Math.max(...table.map((row) => row.pattern.length));
      return table.map((row) => `${row.pattern.padEnd(width)}  ${row.meaning}`).join('\n');
    },
  };
}

const maxLength = 64;

/**
 * The number in a Request-URI. Whatever host a phone puts behind it is fine: it was authenticated, and it calls here. Escapes are undone,
 * parameters of the user part (`1001;phone-context=…`) left out; of what looks like a telephone number, visual
 * separators (RFC 3966 §5.1.1) are too; the + in front is kept, since it says that the number is one in full (`withoutPlus`). `tel:` URIs are taken as well. undefined: no number, or none that could be one.
 */
export function dialledNumber(requestUri: string): string | undefined {
  const user = /^tel:/i.test(requestUri) ? requestUri.slice(4) : parseSipUri(requestUri)?.user;
  const number = user?.split(';', 1)[0];
  if (number === undefined || number === '' || number.length > maxLength || !/^[A-Za-z0-9*#+\-._~()]+$/.test(number)) return undefined;
  return /^\+?[0-9*#\-.()]*[0-9*#][0-9*#\-.()]*$/.test(number) ? number.replace(/[\-.()]/g, '') : number;
}

/** As numbers of ours are known. */
export const withoutPlus = (number: string): string => (number.startsWith('+') ? number.slice(1) : number);
