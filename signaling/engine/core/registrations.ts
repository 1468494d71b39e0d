/**
 * Clients that registered (or subscribed) over a stream connection are reached over it (PROTOCOL 15.3, RFC 5626 §4.1 in spirit):
 * `user@host` of the request's first Contact is remembered for as long as the application's 2xx grants, once for each flow that
 * the phone registers with a reg-id of its own (RFC 5626 §6).
 */
import { splitList } from '../wire/headers';
import type { SipResponse } from '../wire/message';
import { parseNameAddr, type NameAddr } from '../wire/name-addr';
import { parseUri, sameUri } from '../wire/uri';
import { SipParseError } from '../wire/errors';
import type { CoreTransport } from './context';
import type { Incoming } from './incoming';
import { registrationKey } from './next-hop';

export function rememberRegistration(incoming: Pick<Incoming, 'request' | 'flow'>, response: SipResponse, transport: CoreTransport): void {
  const { request, flow } = incoming;
  if (response.status >= 300 || !flow.reliable || (request.method !== 'REGISTER' && request.method !== 'SUBSCRIBE')) return;
  try {
    const first = splitList(request.headers.get('contact') ?? '')[0];
    if (first === undefined || first === '*') return;
    const contact = parseNameAddr(first);
    const { uri } = contact;
    const key = registrationKey(parseUri(uri));
    if (key !== undefined) transport.register(key, flow, grantedSeconds(uri, response) * 1000, bindingOf(contact));
  } catch (error) {
    // An unreadable Contact cannot be called either.
    if (!(error instanceof SipParseError)) throw error;
  }
}

/** What tells the flows of one Contact apart; empty: it has one. A reg-id means nothing without an instance (RFC 5626 §6). */
export function bindingOf({ params }: NameAddr): string {
  const [instance, flow] = [params.get('+sip.instance'), params.get('reg-id')];
  return instance && /^\d{1,10}$/.test(flow ?? '') && Number(flow) > 0 ? `${instance} ${Number(flow)}` : '';
}

/** Of the Contact in the response that is the client's, else its Expires header, else none. */
function grantedSeconds(uri: string, response: SipResponse): number {
  const contacts = response.headers.getList('contact');
  for (const value of contacts) {
    const contact = parseNameAddr(value);
    const expires = contact.params.get('expires');
    if (expires !== undefined && sameUri(contact.uri, uri)) return seconds(expires);
  }
  return seconds(response.headers.get('expires'));
}

function seconds(text: string | undefined): number {
  return /^\s*\d{1,8}\s*$/.test(text ?? '') ? Number(text) : 0;
}
