/** What a 3xx leads to (RFC 3261 §16.7 step 4, §21.3): its Contacts as targets, by their q. Pure. */
import { formatNameAddr, parseNameAddr } from '../../wire/name-addr';
import type { SipResponse } from '../../wire/message';
import { SipParseError } from '../../wire/errors';
import { formatUri, parseUri } from '../../wire/uri';
import type { ProxyTarget } from './targets';

interface Contact {
  value: string;
  target: ProxyTarget | undefined;
  q: number;
}

/** 380 names other services, which a caller has to choose from. */
const followed = new Set([300, 301, 302, 305]);

/** Best first; undefined: not a response to be followed. */
export function redirectTargets(response: SipResponse, secure: boolean): ProxyTarget[] | undefined {
  if (!followed.has(response.status)) return undefined;
  return contacts(response, secure)
    .flatMap((contact) => (contact.target ? [contact] : []))
    .sort((a, b) => b.q - a.q)
    .map((contact) => contact.target as ProxyTarget);
}

/** The response with those Contacts that were not followed, for the caller to choose from; undefined: all were. */
export function unfollowed(response: SipResponse, secure: boolean, taken: readonly ProxyTarget[]): SipResponse | undefined {
  const left = contacts(response, secure).filter(({ target }) => !target || !taken.some(({ uri }) => uri === target.uri));
  if (left.length === 0) return undefined;
  const rest = response.clone();
  rest.headers.set('Contact', left.map(({ value }) => value).join(', '));
  return rest;
}

function contacts(response: SipResponse, secure: boolean): Contact[] {
  return response.headers.getList('contact').map((value) => {
    try {
      const { uri, params } = parseNameAddr(value);
      return { value: formatNameAddr(parseNameAddr(value)), target: targetOf(uri, response.status, secure), q: quality(params.get('q')) };
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      return { value, target: undefined, q: 0 };
    }
  });
}

function targetOf(text: string, status: number, secure: boolean): ProxyTarget | undefined {
  const uri = parseUri(text);
  // A call that is to be secure on every hop does not leave that by way of a redirect.
  if (uri.scheme !== 'sips' && (uri.scheme !== 'sip' || secure)) return undefined;
  // §19.1.1: neither belongs into a Request-URI, and headers of a stranger's choosing into no request at all.
  uri.params.delete('method');
  delete uri.headers;
  const target = formatUri(uri);
  // 305: the same request, by way of this proxy (§21.3.4).
  return status === 305 ? { uri: target } : { uri: target, requestUri: target };
}

/** §20.10: between 0 and 1; not said: 1. */
function quality(q: string | undefined): number {
  const value = Number(q ?? 1);
  return value >= 0 && value <= 1 ? value : 0;
}
