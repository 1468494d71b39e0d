/**
 * Digest authentication, the server's half: what credentials claim, and whether the claim is true
 * (RFC 3261 §22, RFC 7616 §3.4, RFC 8760 for SHA-256; RFC 2069 for the form without qop). Pure functions.
 *
 *   response = H( HA1 : nonce : nc : cnonce : qop : H(method : uri) )       qop=auth
 *   response = H( HA1 : nonce : H(method : uri) )                           without qop
 *
 * HA1 = H(username:realm:password) comes from the store; the password is not known here.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { parseSipUri } from './addresses';
import type { DigestCredentials } from './digest-header';

export type DigestAlgorithm = 'MD5' | 'SHA-256';

/** HA1 digests of one password, lower-case hex. */
export interface Ha1 {
  md5: string;
  sha256: string;
}

/** Credentials that are complete and in a form we offered. Not yet believed. */
export interface DigestClaim {
  username: string;
  nonce: string;
  uri: string;
  /** Lower-case hex. */
  response: string;
  algorithm: DigestAlgorithm;
  /** Absent in the form of RFC 2069, which counts no requests. */
  counted: { nc: number; ncText: string; cnonce: string; qop: string } | undefined;
}

export type ClaimFault =
  | { fault: 'wrong-realm' }
  /** `reason` is a sentence of our own, fit to be sent. */
  | { fault: 'malformed' | 'unsupported'; reason: string };

const hexLength: Record<DigestAlgorithm, number> = { MD5: 32, 'SHA-256': 64 };
const hashName: Record<DigestAlgorithm, string> = { MD5: 'md5', 'SHA-256': 'sha256' };

/** Reads the claim out of the credentials meant for `realm`; a phone that talks to several realms sends several sets. */
export function readClaim(sets: readonly DigestCredentials[], realm: string): DigestClaim | ClaimFault {
  const ours = sets.filter((set) => set.get('realm')?.value === realm);
  if (ours.length === 0) return { fault: 'wrong-realm' };
  // a phone that answers both challenges of ours (RFC 8760 §2.3) sends two sets: the first one that is usable counts
  let first: DigestClaim | ClaimFault | undefined;
  for (const set of ours) {
    const claim = claimOf(set);
    if (!('fault' in claim)) return claim;
    first ??= claim;
  }
  return first as ClaimFault;
}

function claimOf(set: DigestCredentials): DigestClaim | ClaimFault {
  const username = set.get('username')?.value;
  const nonce = set.get('nonce')?.value;
  const uri = set.get('uri')?.raw;
  const response = set.get('response')?.value.toLowerCase();
  if (!username || !nonce || !uri || !response) return malformed('Digest credentials lack username, nonce, uri or response');
  if (set.get('userhash')?.value.toLowerCase() === 'true') return unsupported('Digest userhash is not supported');

  const algorithm = algorithmOf(set.get('algorithm')?.value);
  if (!algorithm) return unsupported('Digest algorithm is not supported, use MD5 or SHA-256');
  if (response.length !== hexLength[algorithm] || !/^[0-9a-f]+$/.test(response)) return malformed('Digest response is not a hash of its algorithm');

  const qop = set.get('qop')?.value;
  if (qop === undefined) return { username, nonce, uri, response, algorithm, counted: undefined };
  if (qop.toLowerCase() !== 'auth') return unsupported('Digest qop is not supported, use auth');
  const ncText = set.get('nc')?.value;
  const cnonce = set.get('cnonce')?.raw;
  if (!ncText || !cnonce) return malformed('Digest qop needs nc and cnonce');
  if (!/^[0-9a-f]{8}$/i.test(ncText) || /^0+$/.test(ncText)) return malformed('Digest nc is not a count of 8 hexadecimal digits');
  return { username, nonce, uri, response, algorithm, counted: { nc: parseInt(ncText, 16), ncText, cnonce, qop } };
}

function malformed(reason: string): ClaimFault {
  return { fault: 'malformed', reason };
}

function unsupported(reason: string): ClaimFault {
  return { fault: 'unsupported', reason };
}

/** The -sess variants are refused: their HA1 would need the clear password's hash kept per session, and no phone asks for them. */
function algorithmOf(value: string | undefined): DigestAlgorithm | undefined {
  if (value === undefined) return 'MD5';
  const upper = value.toUpperCase();
  return upper === 'MD5' || upper === 'SHA-256' ? upper : undefined;
}

/** The response that a client knowing `ha1` gives. */
export function digestResponse(claim: DigestClaim, method: string, ha1: string): string {
  const hash = (text: string): string => createHash(hashName[claim.algorithm]).update(text).digest('hex');
  const ha2 = hash(`${method}:${claim.uri}`);
  const c = claim.counted;
  return hash(c ? `${ha1}:${claim.nonce}:${c.ncText}:${c.cnonce}:${c.qop}:${ha2}` : `${ha1}:${claim.nonce}:${ha2}`);
}

/** Whether the claim's response is the one of `ha1`; takes the same time whichever digit differs. */
export function provesKnowledge(claim: DigestClaim, method: string, ha1: Ha1): boolean {
  const expected = digestResponse(claim, method, claim.algorithm === 'MD5' ? ha1.md5 : ha1.sha256);
  return timingSafeEqual(Buffer.from(expected, 'latin1'), Buffer.from(claim.response, 'latin1'));
}

/**
 * Whether the digest's uri can be meant for this Request-URI. RFC 7616 §3.4.6 wants them equal, yet phones send the
 * registrar's address, leave out port or parameters, or sit behind proxies that rewrote the Request-URI (RFC 3261 §22.4
 * item 5): only when both name a user must it be the same, so that credentials for one number cannot dial another.
 */
export function uriFits(digestUri: string, requestUri: string): boolean {
  if (digestUri === requestUri) return true;
  const claimed = parseSipUri(digestUri)?.user;
  const asked = parseSipUri(requestUri)?.user;
  return claimed === undefined || asked === undefined || claimed === asked;
}
