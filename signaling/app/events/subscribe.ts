/** What a SUBSCRIBE asks for (RFC 6665 §4.2.1). Pure. */
import { parseSipUri, splitList, userOf } from '../addresses';
import type { IncomingRequest, Refusal } from '../exchange';

/** RFC 3842 §3.4, 4235 §3.4 and 3856 §6.4 agree on an hour or leave it to us. Seconds. */
const DEFAULT_SECONDS = 3600;
const MIN_SECONDS = 60;
const MAX_SECONDS = 86_400;
const MAX_EVENT = 128;

export interface AskedSubscription {
  /** Seconds; 0: once, or no more. */
  expires: number;
  /** The Event header, as it is to be repeated (§8.2.1: its id belongs to it). */
  event: string;
  /** The number that it is about, as dialled. */
  dialled: string | undefined;
  /** What the phone calls us. */
  host: string | undefined;
}

interface Known {
  readonly event: string;
  readonly contentType: string;
}

/** The package that the Event header names, of those there are. */
export function packageOf<P extends Known>(req: IncomingRequest, packages: readonly P[]): P | Refusal {
  const event = (req.get('event') ?? '').trim();
  const name = event.split(';', 1)[0]?.trim().toLowerCase();
  const found = event.length <= MAX_EVENT && /^[\x20-\x7e]*$/.test(event) ? packages.find((one) => one.event === name) : undefined;
  return found ?? { status: 489, reason: 'Bad Event', headers: { 'Allow-Events': packages.map((one) => one.event).join(', ') } };
}

export function readSubscribe(req: IncomingRequest, { contentType }: Known): AskedSubscription | Refusal {
  const required = splitList(req.get('require') ?? '');
  // lists of resources (RFC 4662), say
  if (required.length > 0) return { status: 420, reason: 'Bad Extension', headers: { Unsupported: required.filter((tag) => /^[\w.-]{1,64}$/.test(tag)).join(', ') } };
  const accept = req.get('accept');
  if (accept !== undefined && !splitList(accept).some((range) => takes(range, contentType))) return { status: 406, reason: 'Not Acceptable', headers: { Accept: contentType } };
  const expires = expiresOf(req);
  if (typeof expires === 'object') return expires;
  const uri = parseSipUri(req.uri);
  return {
    expires,
    event: (req.get('event') ?? '').trim(),
    dialled: uri?.user ?? userOf(req.get('to')),
    host: uri && (uri.port === undefined ? uri.host : `${uri.host}:${uri.port}`),
  };
}

/** Seconds; too few are refused (RFC 3261 §20.23), too many cut. */
export function expiresOf(req: IncomingRequest, max = MAX_SECONDS): number | Refusal {
  const asked = /^\s*(\d{1,10})\s*$/.exec(req.get('expires') ?? '')?.[1];
  const expires = Math.min(asked === undefined ? DEFAULT_SECONDS : Number(asked), max);
  return expires > 0 && expires < MIN_SECONDS ? { status: 423, reason: 'Interval Too Brief', headers: { 'Min-Expires': String(MIN_SECONDS) } } : expires;
}

function takes(range: string, contentType: string): boolean {
  const type = range.split(';', 1)[0]?.trim().toLowerCase();
  return type === contentType || type === `${contentType.split('/', 1)[0]}/*` || type === '*/*';
}
