/**
 * Via (RFC 3261 §20.42, §25.1; rport: RFC 3581):
 *
 *     SIP/2.0/UDP  192.0.2.1:5060 ;branch=z9hG4bK77ef;rport=5061;received=198.51.100.7
 *     protocol     sent-by         parameters
 */
import { isIPv6 } from 'node:net';
import { isHostName, isToken, isWs, parseDigits, skipWs } from './chars';
import { excerpt, SipParseError } from './errors';
import { readParams } from './params';

export interface Via {
  /** Transport in upper case: 'UDP', 'TCP', 'TLS', 'WS', 'WSS' or whatever the sender wrote. */
  protocol: string;
  /** sent-by host; an IPv6 address without brackets. */
  host: string;
  port?: number;
  branch?: string;
  /** Source address stamped by the receiver; without brackets. */
  received?: string;
  /** true: asked for without a value; a number: filled in. */
  rport?: number | true;
  /** The other parameters (maddr, ttl, alias, keep …): lower-case names, true for flags. */
  params: ReadonlyMap<string, string | true>;
}

/** For reading. */
export type ViaView = Readonly<Via>;

/** Few have any. */
const none: ReadonlyMap<string, string | true> = new Map();

/** The usual spellings, so that they cost no checks. */
const PROTOCOLS = new Map(['UDP', 'TCP', 'TLS', 'WS', 'WSS'].map((name) => [name, name]));

/** One Via element (split a comma list first). @throws SipParseError code 'via' */
export function parseVia(text: string): Via {
  let i = skipWs(text, 0);
  if (text.startsWith('SIP/2.0/', i)) i += 8;
  else {
    // White space around "/" is legal; another version is read so that its sender can be told 505.
    const prefix = /^SIP[ \t]*\/[ \t]*\d+\.\d+[ \t]*\/[ \t]*/i.exec(text.slice(i));
    if (prefix === null) throw bad(text, 'it does not start with SIP/2.0/');
    i += prefix[0].length;
  }
  const protocolStart = i;
  while (i < text.length && !isWs(text.charCodeAt(i))) i++;
  const rawProtocol = text.slice(protocolStart, i);
  const protocol = PROTOCOLS.get(rawProtocol) ?? rawProtocol.toUpperCase();
  if (!isToken(protocol)) throw bad(text, 'the transport is not a token');
  i = skipWs(text, i);

  let host: string;
  if (text.charCodeAt(i) === 0x5b) {
    const close = text.indexOf(']', i);
    host = close < 0 ? '' : text.slice(i + 1, close);
    if (!isIPv6(host)) throw bad(text, 'the address in [] is not an IPv6 address');
    i = close + 1;
  } else {
    const hostStart = i;
    while (i < text.length) {
      const code = text.charCodeAt(i);
      if (code === 0x3a || code === 0x3b || isWs(code)) break;
      i++;
    }
    host = text.slice(hostStart, i);
    if (!isHostName(host)) throw bad(text, 'the sent-by host is missing or not a host name');
  }
  i = skipWs(text, i);
  const via: Via = { protocol, host, params: none };
  if (text.charCodeAt(i) === 0x3a) {
    i = skipWs(text, i + 1);
    const portStart = i;
    while (i < text.length && text.charCodeAt(i) !== 0x3b && !isWs(text.charCodeAt(i))) i++;
    const port = parseDigits(text.slice(portStart, i), 65535);
    if (port === undefined) throw bad(text, 'the sent-by port is not a number up to 65535');
    via.port = port;
  }
  const problem = readParams(text, i, (name, value) => assign(via, name, value));
  if (problem !== undefined) throw bad(text, problem);
  return via;
}

function assign(via: Via, name: string, value: string): void {
  switch (name) {
    case 'branch':
      if (via.branch === undefined && value !== '') via.branch = value;
      return;
    case 'received':
      // RFC 5118 §4.5: seen with and without brackets.
      if (via.received === undefined && value !== '') via.received = value.startsWith('[') && value.endsWith(']') ? value.slice(1, -1) : value;
      return;
    case 'rport':
      if (via.rport === undefined) via.rport = parseDigits(value, 65535) ?? true;
      return;
    default:
      if (!via.params.has(name)) via.params = new Map([...via.params, [name, value === '' ? true : value]]);
  }
}

function bad(text: string, why: string): SipParseError {
  return new SipParseError('via', `The Via ${excerpt(text)} cannot be read: ${why}.`);
}

export function formatVia(via: ViaView): string {
  let out = `SIP/2.0/${via.protocol} ${via.host.includes(':') ? `[${via.host}]` : via.host}`;
  if (via.port !== undefined) out += `:${via.port}`;
  if (via.branch !== undefined) out += `;branch=${via.branch}`;
  if (via.rport !== undefined) out += via.rport === true ? ';rport' : `;rport=${via.rport}`;
  if (via.received !== undefined) out += `;received=${via.received}`;
  for (const [name, value] of via.params) out += value === true || value === '' ? `;${name}` : `;${name}=${value}`;
  return out;
}
