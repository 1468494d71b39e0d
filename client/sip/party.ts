/** Whoever a message names: addresses as people dial them, name-addr header fields (RFC 3261 §20.10), asserted identities (RFC 3325). */
import type { Party } from '../events';
import { PhoneError } from '../phone-types';
import type { Core, Sip } from './sip-js';

export type Uri = Core.URI;

/** What a person may dial: '1002', '1002@host', 'sip:1002@host', '"Name" <sip:1002@host>', 'tel:+4930…'. `domain`: of plain numbers. Errors: PhoneError 'bad-address'. */
export function dialled(sip: Sip, text: string, domain: string): { uri: Uri; party: Party } {
  const trimmed = text.trim();
  const named = /^(?:"((?:[^"\\]|\\.)*)"|([^<"]*))\s*<([^<>]+)>\s*$/.exec(trimmed);
  const name = (named?.[1]?.replace(/\\(.)/g, '$1') ?? named?.[2] ?? '').trim();
  let address = named?.[3] ?? trimmed;
  const bad = () => new PhoneError('bad-address', `“${text}” cannot be called: dial a number such as 1002, or an address such as 1002@example.com`);
  // Control characters would end the header line that the address is put into.
  if (address === '' || /[\s\p{Cc}]/u.test(address) || /\p{Cc}/u.test(name)) throw bad();
  if (/^sips:/i.test(address)) throw new PhoneError('not-supported', `“${text}” cannot be called: use sip: instead of sips:, and TLS as the transport`);
  if (/^tel:/i.test(address)) address = `${address.slice(4).split(';')[0]!.replace(/[-.()]/g, '')}@${domain}`;
  if (!/^sip:/i.test(address)) address = `sip:${address}`;
  // Without '@' what is there is the number, not the host. '#' has to be escaped in an address (RFC 3261 §25.1).
  if (!address.includes('@')) address = `${address}@${domain}`;
  const at = address.lastIndexOf('@');
  const uri = sip.UserAgent.makeURI(address.slice(0, at).replaceAll('#', '%23') + address.slice(at));
  if (!uri || !uri.user) throw bad();
  return { uri, party: partyOf(uri, name) };
}

export function partyOf(uri: Uri, name = ''): Party {
  const bare = uri.clone();
  bare.clearParams();
  bare.clearHeaders();
  return { uri: bare.toString(), user: unescaped(uri.user ?? ''), name: name.trim() };
}

/** One name-addr or addr-spec out of a header field; undefined when it is none. */
export function nameAddr(sip: Sip, value: string): { uri: Uri; party: Party; parameters: string } | undefined {
  const match = /^\s*(?:"((?:[^"\\]|\\.)*)"\s*|([^<"]*))<([^<>]+)>(.*)$/s.exec(value);
  const address = match?.[3] ?? value.split(';')[0]!.trim();
  const uri = sip.UserAgent.makeURI(address.trim());
  if (!uri) return undefined;
  const name = match?.[1]?.replace(/\\(.)/g, '$1') ?? match?.[2] ?? '';
  return { uri, party: partyOf(uri, name), parameters: match?.[4] ?? '' };
}

/**
 * Who sent this, as far as it may be believed: P-Asserted-Identity (RFC 3325) or Remote-Party-ID when it comes from our own server, else From
 * (for a response: To).
 */
export function partyIn(sip: Sip, message: Core.IncomingMessage, trusted: boolean, own: 'from' | 'to'): Party {
  if (trusted) {
    // There may be a tel address besides, before or after it (RFC 3325 §9.1).
    const told = ['p-asserted-identity', 'remote-party-id'].flatMap((header) => message.getHeaders(header)).flatMap(splitList);
    for (const value of told) {
      const found = nameAddr(sip, value);
      if (found && found.uri.scheme === 'sip' && found.uri.user) return found.party;
    }
  }
  const raw = nameAddr(sip, message.getHeader(own) ?? '');
  return raw?.party ?? { uri: 'sip:unknown@unknown.invalid', user: '', name: '' };
}

/** A list of values: its first one; commas inside quotes and angle brackets separate nothing. */
export const firstOf = (list: string): string => splitList(list)[0] ?? '';

export function splitList(list: string): string[] {
  return (list.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+/g) ?? []).map((part) => part.trim()).filter(Boolean);
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
