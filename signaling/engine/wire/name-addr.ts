/**
 * name-addr and addr-spec as From, To, Contact, Route and their like hold them (RFC 3261 §20.10, §25.1):
 *
 *     "A. G. Bell" <sip:agb@example.com;transport=tcp> ;tag=a48s      name-addr: parameters inside <> are the URI's
 *     sip:agb@example.com;tag=a48s                                    addr-spec: parameters are the header's
 */
import { endOfQuoted, isTokenByte, isWs, quote, skipWs, sliceTrimmed, unquote } from './chars';
import { excerpt, SipParseError } from './errors';
import { readParams } from './params';

export interface NameAddr {
  /** Without quotes and escapes; absent when there is none or an empty one. */
  displayName?: string;
  /** The URI as written. */
  uri: string;
  /** Header parameters: lower-case names; quoted values keep their quotes, flags are ''. */
  params: Map<string, string>;
}

/** For reading. */
export type NameAddrView = Readonly<Omit<NameAddr, 'params'>> & { readonly params: ReadonlyMap<string, string> };

/** @throws SipParseError code 'name-addr' */
export function parseNameAddr(text: string): NameAddr {
  const start = skipWs(text, 0);
  let displayName = '';
  let open: number;
  if (text.charCodeAt(start) === 0x22) {
    const end = endOfQuoted(text, start);
    if (end < 0) throw bad(text, 'its display name opens a quote and never closes it');
    displayName = unquote(text.slice(start, end));
    open = skipWs(text, end);
    if (text.charCodeAt(open) !== 0x3c) throw bad(text, 'no <address> follows the display name');
  } else {
    open = findAngle(text, start);
    if (open < 0) return parseAddrSpec(text, start);
    displayName = sliceTrimmed(text, start, open).replace(/[ \t]+/g, ' ');
  }
  const close = text.indexOf('>', open);
  if (close < 0) throw bad(text, 'it opens "<" and never closes it');
  const uri = checkedUri(text, sliceTrimmed(text, open + 1, close));
  const params = new Map<string, string>();
  const problem = readParams(text, close + 1, (name, value) => {
    if (!params.has(name)) params.set(name, value);
  });
  if (problem !== undefined) throw bad(text, problem);
  return displayName === '' ? { uri, params } : { displayName, uri, params };
}

/** The "<" that opens the address, or -1 when parameters or the end come first (addr-spec form). */
function findAngle(text: string, at: number): number {
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3c) return i;
    if (code === 0x3b || code === 0x22) return -1;
  }
  return -1;
}

function parseAddrSpec(text: string, start: number): NameAddr {
  let end = start;
  while (end < text.length && text.charCodeAt(end) !== 0x3b && !isWs(text.charCodeAt(end))) end++;
  const uri = checkedUri(text, text.slice(start, end));
  // §20.10: an address with "?" or "," has to stand in <>, or nobody can say what belongs to it.
  if (uri.includes('?') || uri.includes(',')) throw bad(text, 'an address with "?" or "," has to be written in <>');
  const params = new Map<string, string>();
  const problem = readParams(text, end, (name, value) => {
    if (!params.has(name)) params.set(name, value);
  });
  if (problem !== undefined) throw bad(text, problem);
  return { uri, params };
}

function checkedUri(text: string, uri: string): string {
  let i = 0;
  while (isTokenByte(uri.charCodeAt(i))) i++;
  if (i === 0 || uri.charCodeAt(i) !== 0x3a || i === uri.length - 1) throw bad(text, 'it holds no URI with a scheme (sip:, sips:, tel:)');
  for (let k = i; k < uri.length; k++) {
    const code = uri.charCodeAt(k);
    if (code <= 0x20 || code === 0x7f || code === 0x22 || code === 0x3c || code === 0x3e) throw bad(text, 'its URI holds a space, a quote, "<" or ">"');
  }
  return uri;
}

function bad(text: string, why: string): SipParseError {
  return new SipParseError('name-addr', `The address ${excerpt(text)} cannot be read: ${why}.`);
}

/** Always the <> form: it is never ambiguous. */
export function formatNameAddr(address: NameAddrView): string {
  let out = address.displayName === undefined || address.displayName === '' ? `<${address.uri}>` : `${quote(address.displayName)} <${address.uri}>`;
  for (const [name, value] of address.params) out += value === '' ? `;${name}` : `;${name}=${value}`;
  return out;
}
