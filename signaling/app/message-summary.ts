/**
 * The words of message waiting (RFC 3842): what a SUBSCRIBE asks for, what a NOTIFY says. Pure.
 *
 *   Messages-Waiting: yes
 *   Message-Account: sip:*97@pbx.example
 *   Voice-Message: 2/8 (0/0)                new/old (urgent new/urgent old)
 */
import { parseSipUri, splitList, userOf } from './addresses';
import type { IncomingRequest, Refusal } from './exchange';

export const EVENT = 'message-summary';
export const SUMMARY_TYPE = 'application/simple-message-summary';

/** RFC 3842 §3.4 leaves it to us. Seconds. */
const DEFAULT_SECONDS = 3600;
const MIN_SECONDS = 60;
const MAX_SECONDS = 86_400;
const MAX_EVENT = 128;

/** `account`: what a phone dials to hear the messages; undefined: unknown. */
export function summary(counts: { new: number; saved: number }, account: string | undefined): string {
  const lines = [`Messages-Waiting: ${counts.new > 0 ? 'yes' : 'no'}`];
  if (account !== undefined) lines.push(`Message-Account: ${account}`);
  lines.push(`Voice-Message: ${counts.new}/${counts.saved} (0/0)`);
  return `${lines.join('\r\n')}\r\n`;
}

export interface AskedSubscription {
  /** Seconds; 0: once, or no more. */
  expires: number;
  /** The Event header, as it is to be repeated (RFC 6665 §8.2.1: its id belongs to it). */
  event: string;
  /** What the phone calls us. */
  host: string | undefined;
}

/**
 * Of the extension that has proved who it is: only the owner of a mailbox learns what is in it. Without `owner`, inside a subscription, where
 * the Request-URI is our Contact and names nobody.
 */
export function readSubscribe(req: IncomingRequest, owner: string | undefined, mailboxNumber: string): AskedSubscription | Refusal {
  const event = (req.get('event') ?? '').trim();
  const name = event.split(';', 1)[0]?.trim().toLowerCase();
  if (name !== EVENT || event.length > MAX_EVENT || !/^[\x20-\x7e]*$/.test(event)) return { status: 489, reason: 'Bad Event', headers: { 'Allow-Events': EVENT } };
  const uri = parseSipUri(req.uri);
  const whose = uri?.user ?? userOf(req.get('to'));
  if (owner !== undefined && whose !== owner && whose !== mailboxNumber) return { status: 403, reason: 'A mailbox is for its owner only' };
  const accept = req.get('accept');
  if (accept !== undefined && !splitList(accept).some(takesSummary)) return { status: 406, reason: 'Not Acceptable', headers: { Accept: SUMMARY_TYPE } };
  const asked = /^\s*(\d{1,10})\s*$/.exec(req.get('expires') ?? '')?.[1];
  const expires = Math.min(asked === undefined ? DEFAULT_SECONDS : Number(asked), MAX_SECONDS);
  if (expires > 0 && expires < MIN_SECONDS) return { status: 423, reason: 'Interval Too Brief', headers: { 'Min-Expires': String(MIN_SECONDS) } };
  return { expires, event, host: uri && (uri.port === undefined ? uri.host : `${uri.host}:${uri.port}`) };
}

function takesSummary(range: string): boolean {
  const type = range.split(';', 1)[0]?.trim().toLowerCase();
  return type === SUMMARY_TYPE || type === 'application/*' || type === '*/*';
}
