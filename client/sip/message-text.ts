/**
 * What the transport reads and rewrites in the text of a message (RFC 3261 §7, §20) without a full parser: sip.js has its own, and reads the same
 * text afterwards. One pass over the lines; header names in any case, compact (§7.3.3) or folded (§7.3.1). Hostile text gives `undefined`, never a throw.
 *
 * Rewriting is by spans: everything that is not named stays as it was, byte for byte.
 */
import type { HostPort } from './channel';

/** More than any message of a phone has; a longer head is not read. */
const MAX_HEADERS = 512;

/** §7.3.3, RFC 3265, 3515, 3892, 4028: those that this layer or its users look at. */
const COMPACT: Record<string, string> = { v: 'via', m: 'contact', l: 'content-length', i: 'call-id', f: 'from', t: 'to', c: 'content-type', r: 'refer-to' };

export interface HeaderField {
  /** In lower case, compact forms in full. */
  name: string;
  /** Where its line begins, where its value does, and where the value ends (before CRLF); folds are inside. */
  lineStart: number;
  start: number;
  end: number;
}

export interface MessageHead {
  text: string;
  /** Of a request. */
  method: string | undefined;
  requestUri: string | undefined;
  /** Of a response. */
  status: number | undefined;
  headers: HeaderField[];
  /** Where the empty line is. */
  headEnd: number;
}

export interface Via {
  protocol: string;
  host: string;
  port: number | undefined;
  branch: string | undefined;
  received: string | undefined;
  /** true: asked for, not filled in (RFC 3581 §3). */
  rport: number | true | undefined;
  /** All of this one Via, without what follows a comma. */
  start: number;
  end: number;
}

export interface CSeq {
  number: number;
  method: string;
}

const REQUEST_LINE = /^([A-Za-z0-9.!%*_+`'~-]{1,64}) ([^ ]{1,2048}) SIP\/2\.0$/;
const STATUS_LINE = /^SIP\/2\.0 ([1-6]\d\d)(?: |$)/;

/** undefined: that is no SIP message. */
export function readHead(text: string): MessageHead | undefined {
  const firstEnd = text.indexOf('\r\n');
  if (firstEnd < 0) return undefined;
  const first = text.slice(0, firstEnd);
  const status = STATUS_LINE.exec(first);
  const request = status ? null : REQUEST_LINE.exec(first);
  if (!status && !request) return undefined;
  const headers: HeaderField[] = [];
  let at = firstEnd + 2;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    if (lineEnd === at) break;
    const code = text.charCodeAt(at);
    const previous = headers[headers.length - 1];
    if (code === 0x20 || code === 0x09) {
      if (!previous) return undefined;
      previous.end = lineEnd;
    } else {
      const colon = text.indexOf(':', at);
      if (colon < 0 || colon > lineEnd || headers.length === MAX_HEADERS) return undefined;
      const name = text.slice(at, colon).trim().toLowerCase();
      headers.push({ name: Object.hasOwn(COMPACT, name) ? (COMPACT[name] as string) : name, lineStart: at, start: colon + 1, end: lineEnd });
    }
    at = lineEnd + 2;
  }
  return { text, method: request?.[1], requestUri: request?.[2], status: status ? Number(status[1]) : undefined, headers, headEnd: at };
}

export function findHeader(head: MessageHead, name: string): HeaderField | undefined {
  return head.headers.find((field) => field.name === name);
}

/** The value on one line, without spaces around it; undefined: there is none. */
export function headerValue(head: MessageHead, name: string): string | undefined {
  const field = findHeader(head, name);
  return field && unfold(head.text.slice(field.start, field.end));
}

export function unfold(value: string): string {
  return value.split(/\r\n[ \t]/).map((part) => part.trim()).join(' ').trim();
}

/** Where the first value of a list ends: the next comma outside quotes and angle brackets, or `end`. */
export function firstOfList(text: string, start: number, end: number): number {
  let quoted = false;
  let angle = false;
  for (let i = start; i < end; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '<') angle = true;
    else if (c === '>') angle = false;
    else if (c === ',' && !angle) return i;
  }
  return end;
}

const SENT_BY = /^[ \t\r\n]*SIP[ \t\r\n]*\/[ \t\r\n]*2\.0[ \t\r\n]*\/[ \t\r\n]*([A-Za-z0-9-]{1,16})[ \t\r\n]+(\[[0-9A-Fa-f:.]{2,60}\]|[A-Za-z0-9_.-]{1,255})(?:[ \t]*:[ \t]*(\d{1,5}))?/i;

/** The topmost Via (§20.42); undefined: there is none that can be read. */
export function topVia(head: MessageHead): Via | undefined {
  const field = findHeader(head, 'via');
  if (!field) return undefined;
  const end = firstOfList(head.text, field.start, field.end);
  const text = head.text.slice(field.start, end);
  const match = SENT_BY.exec(text);
  if (!match) return undefined;
  const params = parameters(text.slice(match[0].length));
  const rport = params.get('rport');
  const received = params.get('received');
  const port = match[3] === undefined ? undefined : Number(match[3]);
  if (port !== undefined && !isPort(port)) return undefined;
  return {
    protocol: (match[1] as string).toUpperCase(),
    host: bare(match[2] as string),
    port,
    branch: params.get('branch') || undefined,
    received: received ? bare(received) : undefined,
    rport: rport === undefined ? undefined : /^\d{1,5}$/.test(rport) && isPort(Number(rport)) ? Number(rport) : true,
    start: field.start,
    end,
  };
}

/** `;name=value;name` → values, '' for a name alone; names in lower case; the first of each counts. */
export function parameters(text: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const part of splitOutsideQuotes(text, ';')) {
    const equals = part.indexOf('=');
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    const value = equals < 0 ? '' : part.slice(equals + 1).trim();
    if (name !== '' && !out.has(name)) out.set(name, value);
  }
  return out;
}

/** Where a character stands that is not within a quoted string (RFC 3261 §25.1). */
function placesOutsideQuotes(text: string, wanted: string): number[] {
  const places: number[] = [];
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === wanted) places.push(i);
  }
  return places;
}

export function splitOutsideQuotes(text: string, separator: string): string[] {
  const places = placesOutsideQuotes(text, separator);
  return [...places, text.length].map((end, i) => text.slice(i === 0 ? 0 : places[i - 1]! + 1, end));
}

export function cseq(head: MessageHead): CSeq | undefined {
  const match = /^(\d{1,10})[ \t]+([^ \t]+)$/.exec(headerValue(head, 'cseq') ?? '');
  return match ? { number: Number(match[1]), method: match[2] as string } : undefined;
}

/** Whether a request belongs to a dialog: its To has a tag (§12.2). */
export function hasToTag(head: MessageHead): boolean {
  const to = headerValue(head, 'to');
  if (to === undefined) return false;
  const angle = placesOutsideQuotes(to, '>').at(-1) ?? -1;
  return parameters(to.slice(angle + 1)).has('tag');
}

export interface UriTarget {
  secure: boolean;
  host: string;
  port: number | undefined;
  /** In lower case: 'udp', 'tcp', 'tls', 'ws', 'wss'. */
  transport: string | undefined;
  /** RFC 3261 §16.12: a Route of a loose router. */
  loose: boolean;
}

const HOST_PORT = /^(\[[0-9A-Fa-f:.]{2,60}\]|[A-Za-z0-9_.-]{1,255})(?::(\d{1,5}))?(?=[;?]|$)/;

/** Where a SIP URI leads to (§19.1); undefined: no SIP URI. */
export function uriTarget(uri: string): UriTarget | undefined {
  const scheme = /^(sips?):/i.exec(uri);
  if (!scheme) return undefined;
  const rest = uri.slice(scheme[0].length);
  // A user part may hold ';' and '?', so the '@' is looked for first (§19.1.2); none may follow the host unescaped.
  const hostPart = rest.slice(rest.lastIndexOf('@') + 1);
  const match = HOST_PORT.exec(hostPart);
  if (!match) return undefined;
  const port = match[2] === undefined ? undefined : Number(match[2]);
  if (port !== undefined && !isPort(port)) return undefined;
  const tail = hostPart.slice(match[0].length);
  const params = parameters(tail.split('?', 1)[0] as string);
  return {
    secure: (scheme[1] as string).toLowerCase() === 'sips',
    host: bare(match[1] as string),
    port,
    transport: params.get('transport')?.toLowerCase() || undefined,
    loose: params.has('lr'),
  };
}

/** The URI of the first value of a header of addresses (Route, Contact); undefined: none. */
export function firstUri(head: MessageHead, name: string): string | undefined {
  const field = findHeader(head, name);
  if (!field) return undefined;
  return uriOf(unfold(head.text.slice(field.start, firstOfList(head.text, field.start, field.end))));
}

function uriOf(value: string): string {
  const close = placesOutsideQuotes(value, '>').at(-1) ?? -1;
  if (close < 0) return (value.split(';', 1)[0] as string).trim();
  return value.slice(value.lastIndexOf('<', close) + 1, close).trim();
}

export interface Edit {
  start: number;
  end: number;
  text: string;
}

/** Applies edits that do not overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let out = '';
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    out += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + text.slice(at);
}

/** IPv6 in brackets. */
export function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

export function hostPortText({ host, port }: HostPort): string {
  return `${hostText(host)}:${port}`;
}

function bare(host: string): string {
  return host.startsWith('[') ? host.slice(1, -1) : host;
}

function isPort(port: number): boolean {
  return port > 0 && port <= 65_535;
}

export function sameHost(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
