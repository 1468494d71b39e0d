/** What a request needs to know of itself before it is sent somewhere else. */
import { SipParseError } from '../wire/errors';
import type { SipRequest, SipResponse } from '../wire/message';
import { formatNameAddr, parseNameAddr } from '../wire/name-addr';
import { formatUri, parseUri } from '../wire/uri';
import { protocols } from '../transport/protocols';
import type { Flow } from '../transport/types';

/** What our Via will add, about. */
const VIA_BYTES = 90;

/** About how many bytes the request will have on the wire. */
export function sizeOf(request: SipRequest): number {
  let size = request.method.length + request.uri.length + 12 + VIA_BYTES + request.body.length;
  for (const { name, value } of request.headers) size += name.length + value.length + 4;
  return size;
}

/** Milliseconds that whoever answered 503 wants to be left alone (RFC 3261 §20.33); undefined: it does not say. */
export function restOf(response: SipResponse): number | undefined {
  // A comment or parameters may follow.
  const seconds = /^\s*(\d{1,10})(?![\w.])/.exec(response.headers.get('retry-after') ?? '')?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

export interface Told {
  host: string;
  port: number;
  flow: Flow;
}

/** A Contact of ours names the address and transport of the flow it was made for: it is made to name another's. */
export function moveContact(request: SipRequest, from: Told, to: Told): void {
  if (from.host === to.host && from.port === to.port && from.flow.protocol === to.flow.protocol) return;
  const value = request.headers.get('contact');
  const moved = value === undefined ? undefined : move(value, from, to);
  if (moved !== undefined) request.headers.setFirst('Contact', moved);
}

/** Undefined: it names somebody else, or several. */
function move(value: string, from: Told, to: Told): string | undefined {
  try {
    const address = parseNameAddr(value);
    const uri = parseUri(address.uri);
    if (bracketed(uri.host) !== from.host || (uri.port ?? protocols[from.flow.protocol].defaultPort) !== from.port) return undefined;
    uri.host = to.host.replace(/^\[|\]$/g, '');
    uri.port = to.port;
    const transport = protocols[to.flow.protocol].uri;
    if (transport === undefined) uri.params.delete('transport');
    else uri.params.set('transport', transport);
    return formatNameAddr({ ...address, uri: formatUri(uri) });
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
