/**
 * Answers to challenges (RFC 7616, RFC 2617, RFC 8760): what sip.js's own, which knows MD5 alone, is replaced by. One object for the whole phone,
 * since the count of a nonce's uses has to go up from request to request.
 *
 *     response = H( key : nonce [: nc : cnonce : qop] : H(method : uri [: H(body)]) )     key = H(user : realm : password), -sess: H(key : nonce : cnonce)
 */
import { md5 } from '@noble/hashes/legacy';
import { sha256, sha512_256 } from '@noble/hashes/sha2';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils';
import type { Chance } from '../clock';
import { readAlgorithmToken, type Algorithm, type Challenge } from './challenges';

const HASHES: Record<Algorithm, (data: Uint8Array) => Uint8Array> = { MD5: md5, 'SHA-256': sha256, 'SHA-512-256': sha512_256 };

/** How many nonces are counted; servers give out a new one every few minutes. */
const MAX_NONCES = 64;

export interface Credentials {
  authUser: string;
  password: string;
}

export interface DigestRequest {
  method: string;
  uri: string;
  /** '' for none. */
  body: string;
}

/** The value of an Authorization or Proxy-Authorization header. `cnonce` and `nc` are used where the challenge has a qop, `cnonce` also for -sess. */
export function digestAnswer(challenge: Challenge, credentials: Credentials, request: DigestRequest, cnonce: string, nc: number): string {
  const { algorithm, session, realm, nonce, opaque, qop } = challenge;
  const h = (text: string): string => bytesToHex(HASHES[algorithm](utf8ToBytes(text)));
  // RFC 7616 §3.4: what is hashed is the value that the quotes hold, escapes resolved.
  const secret = h(`${credentials.authUser}:${unescaped(realm)}:${credentials.password}`);
  const key = session ? h(`${secret}:${unescaped(nonce)}:${cnonce}`) : secret;
  const what = h(`${request.method}:${request.uri}${qop === 'auth-int' ? `:${h(request.body)}` : ''}`);
  const count = nc.toString(16).padStart(8, '0');
  const response = h(`${key}:${unescaped(nonce)}:${qop ? `${count}:${cnonce}:${qop}:` : ''}${what}`);
  const parts = [
    `username="${escaped(credentials.authUser)}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${request.uri}"`,
    `response="${response}"`,
    `algorithm=${algorithm}${session ? '-sess' : ''}`,
  ];
  if (opaque !== undefined) parts.push(`opaque="${opaque}"`);
  if (qop || session) parts.push(`cnonce="${cnonce}"`);
  if (qop) parts.push(`qop=${qop}`, `nc=${count}`);
  return `Digest ${parts.join(', ')}`;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, '$1');
}

function escaped(text: string): string {
  return text.replace(/["\\]/g, '\\$&');
}

/** What sip.js's user agent clients ask of the object that its `authenticationFactory` returns. */
export interface Authentication {
  /** False: this challenge cannot be answered. `challenge`: as sip.js's grammar gives it. */
  authenticate(request: { method: string; ruri: { toString(): string }; body?: unknown }, challenge: unknown): boolean;
  /** The header's value for what `authenticate` was last told. */
  toString(): string;
}

interface GrammarChallenge {
  realm?: unknown;
  nonce?: unknown;
  opaque?: unknown;
  stale?: unknown;
  algorithm?: unknown;
  qop?: unknown;
}

/** `chance`: must not be guessable (a cnonce is made of it): `crypto`'s, not `Math.random`, in a product. One object serves all requests of a phone. */
export function makeAuthentication(options: Credentials & { chance: Chance }): Authentication {
  const uses = new Map<string, number>();
  let answer = '';
  return {
    authenticate(request, given) {
      const challenge = fromGrammar(given as GrammarChallenge);
      if (!challenge) return false;
      const nc = ((uses.get(challenge.nonce) ?? 0) % 0xffff_ffff) + 1;
      uses.delete(challenge.nonce);
      uses.set(challenge.nonce, nc);
      for (const oldest of uses.keys()) {
        if (uses.size <= MAX_NONCES) break;
        uses.delete(oldest);
      }
      answer = digestAnswer(challenge, options, { method: request.method, uri: request.ruri.toString(), body: bodyText(request.body) }, makeCnonce(options.chance), nc);
      return true;
    },
    toString: () => answer,
  };
}

/** 128 bits, as 32 hexadecimal digits. */
function makeCnonce(chance: Chance): string {
  return Array.from({ length: 8 }, () => Math.floor(chance() * 0x1_0000).toString(16).padStart(4, '0')).join('');
}

function fromGrammar(given: GrammarChallenge): Challenge | undefined {
  const { realm, nonce, opaque } = given;
  if (typeof realm !== 'string' || typeof nonce !== 'string') return undefined;
  const algorithm = readAlgorithmToken(typeof given.algorithm === 'string' ? given.algorithm : 'MD5');
  if (!algorithm) return undefined;
  const offered = Array.isArray(given.qop) ? given.qop : [];
  const qop = offered.includes('auth') ? 'auth' : offered.includes('auth-int') ? 'auth-int' : undefined;
  return { ...algorithm, realm, nonce, opaque: typeof opaque === 'string' ? opaque : undefined, stale: given.stale === true, qop };
}

/** sip.js's requests carry `{ body, contentType }`, or the text alone. */
function bodyText(body: unknown): string {
  if (typeof body === 'string') return body;
  const text = (body as { body?: unknown } | null | undefined)?.body;
  return typeof text === 'string' ? text : '';
}
