/**
 * Header field names: any spelling → a key to look up by and the name to write (RFC 3261 §7.3.1, §7.3.3, §20; IANA "SIP
 * Parameters" for the compact forms of later RFCs).
 */
import { isToken } from './chars';

export interface HeaderName {
  /** Lower-case long form: 'call-id', 'via'. */
  readonly key: string;
  /** As written on the wire: the RFC's case for names known here, the given spelling for others. */
  readonly name: string;
}

const COMPACT: Readonly<Record<string, string>> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  n: 'Identity-Info',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
};

const CANONICAL = `Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Alert-Info Allow Allow-Events
  Answer-Mode Authentication-Info Authorization Call-ID Call-Info Contact Content-Disposition Content-Encoding
  Content-ID Content-Language Content-Length Content-Type CSeq Date Diversion Encryption Error-Info Event Expires
  Feature-Caps Flow-Timer From Geolocation Hide History-Info Identity Identity-Info In-Reply-To Join Max-Breadth
  Max-Forwards MIME-Version Min-Expires Min-SE Organization Path Permission-Missing Policy-Contact Priority
  Priv-Answer-Mode Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require P-Access-Network-Info
  P-Asserted-Identity P-Asserted-Service P-Associated-URI P-Called-Party-ID P-Charging-Vector P-Early-Media
  P-Preferred-Identity P-Preferred-Service P-Visited-Network-ID RAck Reason Reason-Phrase Record-Route Recv-Info
  Referred-By Refer-Sub Refer-To Reject-Contact Remote-Party-ID Replaces Reply-To Request-Disposition Require
  Resource-Priority Response-Key Retry-After Route RSeq Security-Client Security-Server Security-Verify Server
  Service-Route Session-Expires Session-ID SIP-ETag SIP-If-Match Subject Subscription-State Supported
  Suppress-If-Match Target-Dialog Timestamp To Trigger-Consent Unsupported User-Agent User-to-User Via Warning
  WWW-Authenticate`.split(/\s+/);

/** By raw spelling: canonical, lower case and compact forms. */
const known = new Map<string, HeaderName>();
for (const name of CANONICAL) {
  const entry: HeaderName = { key: name.toLowerCase(), name };
  known.set(name, entry);
  known.set(entry.key, entry);
}
for (const [letter, name] of Object.entries(COMPACT)) {
  const entry = known.get(name) as HeaderName;
  known.set(letter, entry);
  known.set(letter.toUpperCase(), entry);
}

/**
 * Spellings met on the wire that are not in `known`, so that the same phone's X- headers are checked once. Bounded: a sender who
 * makes names up only empties it.
 */
const met = new Map<string, HeaderName>();
export const MET_MAX = 512;
const MET_NAME_MAX = 64;

/** The header name for a spelling (any case, compact or long), or undefined when it is not a token. */
export function headerName(raw: string): HeaderName | undefined {
  return known.get(raw) ?? met.get(raw) ?? learn(raw);
}

function learn(raw: string): HeaderName | undefined {
  if (!isToken(raw)) return undefined;
  // A copy of its own: a slice would keep the whole message it was cut from in memory.
  const name = Buffer.from(raw, 'latin1').toString('latin1');
  const lower = name.toLowerCase();
  const entry = known.get(lower) ?? { key: lower, name };
  if (name.length <= MET_NAME_MAX) {
    if (met.size >= MET_MAX) met.clear();
    met.set(name, entry);
  }
  return entry;
}

/** Whether the spelling, as it is given here, is one of a header that this file lists. */
export function isListed(raw: string): boolean {
  return known.has(raw);
}

/** How many spellings are remembered beyond the built-in ones; at most `MET_MAX`. */
export function rememberedNames(): number {
  return met.size;
}

/** The key to look a header up by, for any spelling. */
export function headerKey(raw: string): string {
  return known.get(raw)?.key ?? met.get(raw)?.key ?? raw.toLowerCase();
}
