/**
 * SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966), their comparison (§19.1.4, IPv6: RFC 5954 §4). Other schemes are carried, not
 * understood:
 *
 *     sip:alice;day=tuesday:secret@[2001:db8::1]:5060;transport=tcp;lr?Subject=x
 *     scheme user           password host        port params           headers
 */
import { isIPv6 } from 'node:net';
import { isHostName, parseDigits } from './chars';
import { excerpt, SipParseError } from './errors';

export interface SipUri {
  /** Lower case: 'sip', 'sips', 'tel', or another. */
  scheme: string;
  /** As written, escapes kept (`decodeUser` undoes them); the number of a tel URI. */
  user?: string;
  password?: string;
  /** IPv6 addresses without brackets; '' when the scheme has no host. */
  host: string;
  port?: number;
  /** Names in lower case, values as written, '' for flags. */
  params: Map<string, string>;
  /** What follows "?", as written. */
  headers?: string;
  /** Everything after the colon, for schemes other than sip, sips and tel. */
  opaque?: string;
}

/** @throws SipParseError code 'uri' */
export function parseUri(text: string): SipUri {
  checkCharacters(text);
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(colon, 0)).toLowerCase();
  if (!isScheme(scheme)) throw bad(text, 'it has no scheme such as sip:');
  const start = colon + 1;
  if (start === text.length) throw bad(text, 'nothing follows the scheme');
  if (scheme === 'sip' || scheme === 'sips') return parseSip(text, scheme, start);
  if (scheme === 'tel') return parseTel(text, start);
  return { scheme, host: '', params: new Map(), opaque: text.slice(start) };
}

function parseSip(text: string, scheme: string, start: number): SipUri {
  const uri: SipUri = { scheme, host: '', params: new Map() };
  let i = start;
  // The first "@" ends the user part: neither parameters nor headers may hold one unescaped, while the user part may hold ; ? and /.
  const at = text.indexOf('@', i);
  if (at >= 0) {
    const userEnd = text.indexOf(':', i);
    if (userEnd >= 0 && userEnd < at) {
      uri.user = text.slice(i, userEnd);
      uri.password = text.slice(userEnd + 1, at);
    } else uri.user = text.slice(i, at);
    if (uri.user === '') throw bad(text, 'nothing stands before "@"');
    i = at + 1;
  }
  if (text.charCodeAt(i) === 0x5b) {
    const close = text.indexOf(']', i);
    uri.host = close < 0 ? '' : text.slice(i + 1, close);
    if (!isIPv6(uri.host) || uri.host.includes('%')) throw bad(text, 'the address in [] is not an IPv6 address');
    i = close + 1;
  } else {
    const hostStart = i;
    i = endOf(text, i, 0x3a);
    uri.host = text.slice(hostStart, i);
    if (!isHostName(uri.host)) throw bad(text, 'the host is missing or not a host name');
  }
  if (text.charCodeAt(i) === 0x3a) {
    const portStart = i + 1;
    i = endOf(text, portStart, 0x3b);
    const port = parseDigits(text.slice(portStart, i), 65535);
    if (port === undefined) throw bad(text, 'the port is not a number up to 65535');
    uri.port = port;
  }
  if (text.charCodeAt(i) === 0x3b) i = readUriParams(text, i, uri.params);
  if (text.charCodeAt(i) === 0x3f) uri.headers = text.slice(i + 1);
  else if (i < text.length) throw bad(text, 'something other than a port, ";" or "?" follows the host');
  return uri;
}

/** The end of a host (or port): the next `stop`, ";" or "?". */
function endOf(text: string, at: number, stop: number): number {
  let i = at;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === stop || code === 0x3b || code === 0x3f) break;
    i++;
  }
  return i;
}

function parseTel(text: string, start: number): SipUri {
  const uri: SipUri = { scheme: 'tel', host: '', params: new Map() };
  const semicolon = text.indexOf(';', start);
  const end = semicolon < 0 ? text.length : semicolon;
  uri.user = text.slice(start, end);
  if (!/^\+?[0-9A-Fa-f*#().-]+$/.test(uri.user)) throw bad(text, 'it is not a telephone number');
  if (readUriParams(text, end, uri.params) < text.length) throw bad(text, 'a tel URI has no headers');
  return uri;
}

/** Reads `;name[=value]…` up to "?" or the end; of a name given twice the first counts. */
function readUriParams(text: string, at: number, params: Map<string, string>): number {
  let i = at;
  while (text.charCodeAt(i) === 0x3b) {
    const start = i + 1;
    i = endOf(text, start, 0x3b);
    const param = text.slice(start, i);
    const equals = param.indexOf('=');
    const name = (equals < 0 ? param : param.slice(0, equals)).toLowerCase();
    if (name === '' && equals === 0) throw bad(text, 'a parameter has no name');
    if (name !== '' && !params.has(name)) params.set(name, equals < 0 ? '' : param.slice(equals + 1));
  }
  return i;
}

function isScheme(scheme: string): boolean {
  if (scheme === 'sip' || scheme === 'sips' || scheme === 'tel') return true;
  return /^[a-z][a-z0-9+.-]*$/.test(scheme);
}

/** No URI holds white space, control characters, <, > or quotes unescaped. */
function checkCharacters(text: string): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code === 0x7f || code === 0x3c || code === 0x3e || code === 0x22) throw bad(text, 'it holds a space, a control character, <, > or a quote');
  }
}

function bad(text: string, why: string): SipParseError {
  return new SipParseError('uri', `The URI ${excerpt(text)} cannot be read: ${why}.`);
}

export function formatUri(uri: SipUri): string {
  let out = `${uri.scheme}:`;
  if (uri.opaque !== undefined) return out + uri.opaque;
  if (uri.user !== undefined) {
    out += uri.user;
    if (uri.password !== undefined) out += `:${uri.password}`;
    if (uri.scheme !== 'tel') out += '@';
  }
  out += uri.host.includes(':') ? `[${uri.host}]` : uri.host;
  if (uri.port !== undefined) out += `:${uri.port}`;
  for (const [name, value] of uri.params) out += value === '' ? `;${name}` : `;${name}=${value}`;
  return uri.headers === undefined ? out : `${out}?${uri.headers}`;
}

/** A user part (or another escaped piece) with its %HH escapes undone as UTF-8; escapes that are none stay as they are. */
export function decodeUser(user: string): string {
  if (!user.includes('%')) return user;
  return user.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}

/** §19.1.4: these never match when only one URI has them. transport is not in its list, but in its examples. */
const MUST_APPEAR_IN_BOTH = ['user', 'ttl', 'method', 'maddr', 'transport'];

/**
 * Whether two URIs are equivalent (RFC 3261 §19.1.4). Text that is no URI equals only itself.
 */
export function sameUri(a: string | SipUri, b: string | SipUri): boolean {
  if (a === b) return true;
  const left = asUri(a);
  const right = asUri(b);
  if (left === undefined || right === undefined || left.scheme !== right.scheme) return false;
  if (left.opaque !== undefined || right.opaque !== undefined) return left.opaque === right.opaque;
  if (left.scheme === 'tel') return telNumber(left) === telNumber(right) && sameParams(left.params, right.params, true);
  return (
    unescaped(left.user) === unescaped(right.user) &&
    unescaped(left.password) === unescaped(right.password) &&
    left.port === right.port &&
    canonicalHost(left.host) === canonicalHost(right.host) &&
    sameParams(left.params, right.params, false) &&
    sameHeaders(left.headers, right.headers)
  );
}

function asUri(uri: string | SipUri): SipUri | undefined {
  if (typeof uri !== 'string') return uri;
  try {
    return parseUri(uri);
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

/** RFC 3966 §4: visual separators do not count, hexadecimal digits compare without case. */
function telNumber(uri: SipUri): string {
  return (uri.user ?? '').replace(/[().-]/g, '').toLowerCase();
}

function canonicalHost(host: string): string {
  return isIPv6(host) ? new URL(`http://[${host}]/`).hostname : host.toLowerCase();
}

/** Characters outside the reserved set equal their escape; a reserved one does not. */
function unescaped(text: string | undefined): string | undefined {
  if (text === undefined || !text.includes('%')) return text;
  return text.replace(/%([0-9A-Fa-f]{2})/g, (escape, hex: string) => {
    const code = Number.parseInt(hex, 16);
    const char = String.fromCharCode(code);
    return code > 0x20 && code < 0x7f && !';/?:@&=+$,%'.includes(char) ? char : escape.toUpperCase();
  });
}

function sameParams(left: Map<string, string>, right: Map<string, string>, all: boolean): boolean {
  for (const [name, value] of left) {
    const other = right.get(name);
    if (other === undefined) {
      if (all || MUST_APPEAR_IN_BOTH.includes(name)) return false;
    } else if (unescaped(value)?.toLowerCase() !== unescaped(other)?.toLowerCase()) return false;
  }
  for (const name of right.keys()) {
    if (!left.has(name) && (all || MUST_APPEAR_IN_BOTH.includes(name))) return false;
  }
  return true;
}

/** Headers must be the same set; their order and the case of their names do not matter. */
function sameHeaders(left: string | undefined, right: string | undefined): boolean {
  if (left === right) return true;
  const canonical = (text: string): string =>
    text
      .split('&')
      .map((pair) => {
        const [name = '', ...value] = pair.split('=');
        return `${unescaped(name)?.toLowerCase()}=${unescaped(value.join('='))}`;
      })
      .sort()
      .join('&');
  return left !== undefined && right !== undefined && canonical(left) === canonical(right);
}
