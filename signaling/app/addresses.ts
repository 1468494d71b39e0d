/**
 * The addresses in From, To and Contact: name-addr and addr-spec (RFC 3261 §20.10, §25.1), SIP URIs (§19.1), and when
 * two of them are the same (§19.1.4).
 *
 * srf has parsers for these; they are regular expressions that let through what §19 forbids and cost more than all the
 * rest of a registration, and the URI checked here is sent back to the phone and dialled later.
 */

export interface NameAddr {
  uri: string;
  /** Header parameters; names in lower case, values without quotes, null for a bare name. */
  params: Map<string, string | null>;
}

export interface SipUri {
  scheme: 'sip' | 'sips';
  /** Escapes (%41) undone; undefined when there is none. */
  user: string | undefined;
  /** Lower case, IPv6 in brackets. */
  host: string;
  port: number | undefined;
  /** Names in lower case, '' for a bare name. */
  params: Map<string, string>;
  /** True when it carries headers (`?subject=…`). */
  hasHeaders: boolean;
}

/** Splits a header value at its top-level commas: not inside quotes or angle brackets. Empty elements are left out. */
export function splitList(value: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let angle = false;
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c === 0x22 && !angle) i = skipQuoted(value, i);
    else if (c === 0x3c) angle = true;
    else if (c === 0x3e) angle = false;
    else if (c === 0x2c && !angle) {
      parts.push(value.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(value.slice(start));
  return parts.map((p) => p.trim()).filter((p) => p !== '');
}

/** The index of the quote that closes the one at `open`, or the last index when nothing does. */
function skipQuoted(text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5c) i++;
    else if (c === 0x22) return i;
  }
  return text.length - 1;
}

/** One address of a header; undefined when it is none. Without brackets, what follows `;` belongs to the header (§20.10). */
export function parseNameAddr(text: string): NameAddr | undefined {
  const open = openingBracket(text);
  let uri: string;
  let rest: string;
  if (open >= 0) {
    const close = text.indexOf('>', open);
    if (close < 0) return undefined;
    uri = text.slice(open + 1, close).trim();
    rest = text.slice(close + 1);
  } else {
    const semicolon = text.indexOf(';');
    uri = (semicolon < 0 ? text : text.slice(0, semicolon)).trim();
    rest = semicolon < 0 ? '' : text.slice(semicolon);
    if (/[\s"]/.test(uri)) return undefined;
  }
  if (uri === '') return undefined;
  const params = parseParams(rest);
  return params && { uri, params };
}

function openingBracket(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) i = skipQuoted(text, i);
    else if (c === 0x3c) return i;
  }
  return -1;
}

function parseParams(text: string): Map<string, string | null> | undefined {
  const params = new Map<string, string | null>();
  const param = /\s*;\s*([\w\-.!%*+`'~]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";,]+)))?\s*|\s*;\s*(?=;|$)/gy;
  while (param.lastIndex < text.length) {
    const match = param.exec(text);
    if (!match) return text.trim() === '' ? params : undefined;
    // the first one counts when a name comes twice, as with the phones' own registrars
    const name = match[1]?.toLowerCase();
    if (name && !params.has(name)) params.set(name, match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? null);
  }
  return params;
}

const sipUri = /^(sips?):(?:([^@]*)@)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?((?:;[^;?]*)*)(\?.*)?$/i;

/** A sip: or sips: URI of printable ASCII; undefined for anything else. */
export function parseSipUri(text: string): SipUri | undefined {
  if (/[^\x21-\x7e]|[<>"]/.test(text)) return undefined;
  const match = sipUri.exec(text);
  if (!match) return undefined;
  const port = match[4] === undefined ? undefined : Number(match[4]);
  if (port !== undefined && (port === 0 || port > 65535)) return undefined;
  const params = new Map<string, string>();
  for (const part of (match[5] as string).split(';')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).toLowerCase();
    if (!params.has(name)) params.set(name, equals < 0 ? '' : part.slice(equals + 1));
  }
  const user = match[2] === undefined || match[2] === '' ? undefined : unescapeUser(match[2]);
  return {
    scheme: (match[1] as string).toLowerCase() as 'sip' | 'sips',
    user,
    host: (match[3] as string).toLowerCase(),
    port,
    params,
    hasHeaders: match[6] !== undefined,
  };
}

/** The user part without its password (§19.1.1) and escapes; as it stands when the escapes are no UTF-8. */
function unescapeUser(userinfo: string): string {
  const colon = userinfo.indexOf(':');
  const user = colon < 0 ? userinfo : userinfo.slice(0, colon);
  if (!user.includes('%')) return user;
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

/**
 * The user part of the address in a From or To header, without parameters of its own (`1001;phone-context=…`): who a
 * request is from or for. Undefined when there is none.
 */
export function userOf(header: string | undefined): string | undefined {
  return uriOf(header)?.user?.split(';', 1)[0];
}

/** The host of that address, in small letters. Undefined when there is none. */
export const hostOf = (header: string | undefined): string | undefined => uriOf(header)?.host;

function uriOf(header: string | undefined): SipUri | undefined {
  const address = header === undefined ? undefined : parseNameAddr(header);
  return address && parseSipUri(address.uri);
}

/** §19.1.4: these count even when only one of the two URIs has them. */
const alwaysCompared = ['user', 'ttl', 'method', 'maddr', 'transport'];

/** Whether two URIs are the same contact (§19.1.4). Text that is no SIP URI equals only itself. */
export function sameUri(a: string, b: string): boolean {
  if (a === b) return true;
  const x = parseSipUri(a);
  const y = parseSipUri(b);
  if (!x || !y) return false;
  if (x.scheme !== y.scheme || x.user !== y.user || x.host !== y.host || x.port !== y.port || x.hasHeaders || y.hasHeaders) return false;
  if (alwaysCompared.some((name) => x.params.has(name) !== y.params.has(name))) return false;
  for (const [name, value] of x.params) {
    const other = y.params.get(name);
    if (other !== undefined && other.toLowerCase() !== value.toLowerCase()) return false;
  }
  return true;
}
