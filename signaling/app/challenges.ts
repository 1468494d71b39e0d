/**
 * The challenges of a 401 or 407: MD5 first, SHA-256 second, each on a header line of its own (RFC 3261 §22.2, RFC 8760
 * §2.2). MD5 comes first because phones that know only MD5 (SIP.js among them) read the first challenge and give up on
 * anything else.
 *
 * srf sends one line per header name: an array becomes `a,b` on one line, which RFC 3261 §7.3.1 forbids for these
 * headers and phones misread. What makes two lines is this: srf writes a header's value as it is, and a server splits the
 * header block at line breaks (the real daemon and our engine alike). So the value holds a line break and the second
 * line's name. This is the only place where a line break enters a header value. Nothing from the network may get in:
 * the realm is the operator's and checked here, nonces are of our own making, everything else is constant.
 */
import { quoted } from './text';

export type ChallengeKind = 'www' | 'proxy';

export const challengeHeader: Record<ChallengeKind, string> = { www: 'WWW-Authenticate', proxy: 'Proxy-Authenticate' };

/** Makes the header that carries both challenges, or MD5's alone (see challenge-choice.ts). Throws when the realm cannot be quoted. */
export function challengeMaker(realm: string): (kind: ChallengeKind, nonce: string, stale: boolean, algorithms?: 'both' | 'md5') => Record<string, string> {
  const quotedRealm = quoted(realm);
  return (kind, nonce, stale, algorithms = 'both') => {
    if (!/^[\w-]+$/.test(nonce)) throw new RangeError('a nonce is base64url');
    const name = challengeHeader[kind];
    const challenge = (algorithm: string): string =>
      `Digest realm=${quotedRealm}, nonce="${nonce}", algorithm=${algorithm}, qop="auth"${stale ? ', stale=true' : ''}`;
    if (algorithms === 'md5') return { [name]: challenge('MD5') };
    return { [name]: `${challenge('MD5')}\r\n${name}: ${challenge('SHA-256')}` };
  };
}
