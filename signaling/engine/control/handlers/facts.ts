/**
 * What a request handler is told of a request (PROTOCOL 18), as the query of a URL:
 *
 *     method=INVITE&domain=…&protocol=udp&source_address=…&fromUser=…&toUser=…&uriUser=…&contentType=…&uri=…&<each URI parameter>=…
 */
import type { Envelope } from '../../core/app';
import { SipParseError } from '../../wire/errors';
import type { SipRequest } from '../../wire/message';
import { parseNameAddr } from '../../wire/name-addr';
import { parseUri, type SipUri } from '../../wire/uri';

export function queryFor(url: string, request: SipRequest, envelope: Envelope): string {
  const target = tolerantly(() => parseUri(request.uri));
  const facts: Array<[string, string]> = [
    ['method', request.method],
    ['domain', target?.host ?? ''],
    ['protocol', envelope.protocol],
    ['source_address', envelope.address],
    ['fromUser', userOf(request, 'from')],
    ['toUser', userOf(request, 'to')],
    ['uriUser', target?.user ?? ''],
    ['contentType', request.headers.get('content-type') ?? ''],
    ['uri', request.uri],
    ...[...(target?.params ?? [])].map(([name, value]): [string, string] => [name, value ?? '']),
  ];
  const full = new URL(url);
  for (const [name, value] of facts) full.searchParams.append(name, value);
  return full.href;
}

function userOf(request: SipRequest, header: 'from' | 'to'): string {
  return tolerantly((): SipUri => parseUri(parseNameAddr(request.headers.get(header) ?? '').uri))?.user ?? '';
}

/** What cannot be read is not known. */
function tolerantly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
