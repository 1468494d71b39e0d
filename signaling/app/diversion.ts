/**
 * Calls that go elsewhere than where they were dialled (call forwarding): when, and what the phones that ring in the end are told about it.
 *
 *     always ─────────────┐
 *     busy, do not disturb ┤
 *     nobody answers ──────┼─▶ another number, or the mailbox
 *     no phone is there ───┘
 */
import type { Diversion } from '../store/store';
import type { Party } from './feature';
import type { Cause } from './reasons';
import { addressOf } from './text';

export type Why = 'always' | 'busy' | 'no-answer' | 'offline';

/** Whose setting sent a call on, and which one. */
export interface Hop {
  readonly from: Party;
  readonly why: Why;
}

/** A target that is no number: the mailbox of whoever was called first. */
export const VOICEMAIL = 'voicemail';

/** The number in `voicemail:1002`, a target that is the mailbox of that one; undefined: it is none. Nothing that is dialled has a colon. */
export const mailboxIn = (target: string): string | undefined => (target.startsWith(`${VOICEMAIL}:`) ? target.slice(VOICEMAIL.length + 1) : undefined);

/** More than anybody means, and what a circle that changes under way comes to. */
export const MAX_HOPS = 10;

/** Somebody who does not want this call is busy. */
const reasons: Partial<Record<Cause, Why>> = {
  busy: 'busy',
  'busy-everywhere': 'busy',
  declined: 'busy',
  'do-not-disturb': 'busy',
  'no-answer': 'no-answer',
  'not-registered': 'offline',
  unreachable: 'offline',
};

/** Where a call goes that would end for this cause; undefined: nowhere else. */
export function divertedFor(diversion: Diversion | undefined, cause: Cause): { to: string; why: Why } | undefined {
  const why = reasons[cause];
  if (!diversion || !why) return undefined;
  const to = { busy: diversion.busy, 'no-answer': diversion.noAnswer, offline: diversion.offline, always: null }[why];
  return to === null ? undefined : { to, why };
}

/** RFC 5806 §4, and the status that RFC 4458 §2 has for the same (`cause` of a History-Info entry). */
const told: Record<Why, { reason: string; cause: number }> = {
  always: { reason: 'unconditional', cause: 302 },
  busy: { reason: 'user-busy', cause: 486 },
  'no-answer': { reason: 'no-answer', cause: 408 },
  offline: { reason: 'unavailable', cause: 404 },
};

/**
 * The way of a call as headers of the INVITEs at its end: Diversion (RFC 5806: the newest first) and History-Info (RFC 7044: the oldest first, each
 * entry with why the one before led to it).
 *
 * @param host of the addresses, as the phone knows us
 */
export function diversionHeaders(path: readonly Hop[], to: string, host: string): Record<string, string> {
  if (path.length === 0) return {};
  const diversion = path.map(({ from, why }) => `<${addressOf(from.number, host)}>;reason=${told[why].reason};counter=1`).reverse();
  const history = [...path.map(({ from }) => from.number), to].map((number, i) => {
    const index = Array.from({ length: i + 1 }, () => '1').join('.');
    const before = path[i - 1];
    const cause = before ? `;cause=${told[before.why].cause}` : '';
    return `<${addressOf(number, host)}${cause}>;index=${index}${before ? `;mp=${index.slice(0, -2)}` : ''}`;
  });
  return { Diversion: diversion.join(', '), 'History-Info': history.join(', ') };
}
