/**
 * The SIP message inside a `sip` command of the application, read the way drachtio-server reads it (PROTOCOL 13): the application
 * says method, Request-URI or status, the header fields it cares about, and the body; the engine fills in the rest. So this is not a
 * complete SIP message, and a header line that cannot be sent is left out rather than failing the whole.
 */
import { hasControls } from '../wire/chars';
import { isListed } from '../wire/header-names';
import { Headers, splitList } from '../wire/headers';
import { SipParseError } from '../wire/errors';
import { formatNameAddr, parseNameAddr } from '../wire/name-addr';

interface Content {
  /** Without those that are the engine's alone: Via, Route, Record-Route, RSeq, Content-Length. */
  headers: Headers;
  body: Buffer;
}

export interface AppRequest extends Content {
  kind: 'request';
  method: string;
  uri: string;
}

export interface AppResponse extends Content {
  kind: 'response';
  status: number;
  reason: string;
}

export type AppMessage = AppRequest | AppResponse;

/** The engine's own: what the application gives under these names is dropped. */
const engineOwned = new Set(['via', 'route', 'record-route', 'rseq', 'content-length']);
/** RFC 3261 §7.3.1: their values may not share a line, but drachtio-srf can only send one line per name. */
const credentials = new Set(['www-authenticate', 'proxy-authenticate', 'authorization', 'proxy-authorization']);

/** Undefined when the start line is neither a request's nor a response's, or has a Request-URI that no line can hold. */
export function parseAppMessage(text: string): AppMessage | undefined {
  const blank = /\r\n\r\n|\n\n/.exec(text);
  const head = blank ? text.slice(0, blank.index) : text;
  const body = blank ? Buffer.from(text.slice(blank.index + blank[0].length), 'utf8') : Buffer.alloc(0);
  const [start = '', ...lines] = head.split(/[\r\n]+/);
  const content: Content = { headers: readHeaders(lines), body };

  const response = /^SIP\/2\.0 +(\d{3})(?: +(.*))?$/i.exec(start);
  if (response) return { kind: 'response', status: Number(response[1]), reason: response[2] ?? '', ...content };
  const request = /^([A-Za-z0-9\-.!%*_+`'~]+) +(\S+) +SIP\/2\.0$/i.exec(start);
  if (request && !hasControls(request[2]!)) return { kind: 'request', method: request[1]!.toUpperCase(), uri: request[2]!, ...content };
  return undefined;
}

function readHeaders(lines: string[]): Headers {
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    try {
      addHeader(headers, capitalised(line.slice(0, colon).trimEnd()), line.slice(colon + 1));
    } catch (error) {
      // Not a token, or control characters in the value: this line cannot be sent, the others can.
      if (!(error instanceof SipParseError)) throw error;
    }
  }
  for (const key of engineOwned) headers.remove(key);
  return headers;
}

function addHeader(headers: Headers, name: string, value: string): void {
  if (credentials.has(name.toLowerCase())) for (const one of splitCredentials(value)) headers.append(name, one);
  else headers.append(name, value);
}

/** `Digest a="1",b="2",Digest a="3"` → two values: an element that starts with a scheme and a parameter starts a new one. */
export function splitCredentials(value: string): string[] {
  const values: string[] = [];
  for (const part of splitList(value)) {
    if (values.length === 0 || /^[A-Za-z][\w-]*\s+[\w-]+\s*=/.test(part)) values.push(part);
    else values[values.length - 1] += `, ${part}`;
  }
  return values;
}

/** `some-other` → `Some-Other`, as drachtio-server writes names it does not know; `X-…` stays as given. Known names get their own case later. */
function capitalised(name: string): string {
  if (isListed(name) || /^x-/i.test(name)) return name;
  return name.replace(/(^|-)([a-z])/g, (_all, dash: string, letter: string) => dash + letter.toUpperCase());
}

/** `@localhost[:port]` of the first URI in a header value becomes the host and port the engine is known by. */
export function replaceLocalhost(value: string, hostport: string): string {
  return value.replace(/@localhost(?::\d+)?(?=[;>?,\s]|$)/i, `@${hostport}`);
}

/**
 * A Contact the application gave, fit to be sent: `localhost` replaced, every address in <> (RFC 3261 §20.10).
 * `*` and what cannot be read stay as they are.
 */
export function contactValue(value: string, hostport: string): string {
  if (value.trim() === '*') return value;
  try {
    return splitList(replaceLocalhost(value, hostport)).map((one) => formatNameAddr(parseNameAddr(one))).join(', ');
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
    return value;
  }
}

/**
 * The content type of a body: the application's; `application/sdp` for what looks like one (PROTOCOL 6, 7).
 * Undefined: there is a body and nobody says what it is. Empty: there is no body.
 */
export function contentTypeOf(message: AppMessage): string | undefined {
  if (message.body.length === 0) return '';
  return message.headers.get('content-type') ?? (message.body.subarray(0, 3).toString('latin1') === 'v=0' ? 'application/sdp' : undefined);
}
