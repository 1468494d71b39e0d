/**
 * Digest authentication, the client's half (RFC 3261 §22, RFC 7616, RFC 8760): what a provider asks for with 401 or 407 is answered here, since what
 * drachtio-srf has for it knows MD5 only.
 */
import { createHash } from 'node:crypto';
import type { Random } from '../../clock';

export interface Credentials {
  username: string;
  password: string;
}

interface Challenge {
  realm: string;
  nonce: string;
  algorithm: 'MD5' | 'SHA-256';
  qop: boolean;
  opaque: string | undefined;
  stale: boolean;
}

const hashes = { MD5: 'md5', 'SHA-256': 'sha256' } as const;

/** The challenges of a WWW-Authenticate or Proxy-Authenticate header that we can answer, the strongest first. */
export function challengesIn(header: string): Challenge[] {
  // one header may have several, and commas are between parameters, too
  const each = header.split(/(?:^|[,\r\n]\s*)(?=Digest\s)/i).filter((one) => /^Digest\s/i.test(one));
  return each
    .flatMap((text): Challenge[] => {
      const params = new Map<string, string>();
      for (const [, name, quoted, token] of text.slice(6).matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g)) params.set((name as string).toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? (token as string));
      const [realm, nonce] = [params.get('realm'), params.get('nonce')];
      const algorithm = (params.get('algorithm') ?? 'MD5').toUpperCase();
      const qop = params.get('qop');
      if (realm === undefined || nonce === undefined || (algorithm !== 'MD5' && algorithm !== 'SHA-256')) return [];
      if (qop !== undefined && !qop.split(/\s*,\s*/).includes('auth')) return [];
      return [{ realm, nonce, algorithm, qop: qop !== undefined, opaque: params.get('opaque'), stale: params.get('stale')?.toLowerCase() === 'true' }];
    })
    .sort((a, b) => Number(b.algorithm === 'SHA-256') - Number(a.algorithm === 'SHA-256'));
}

/** The value of Authorization or Proxy-Authorization; undefined: nothing in the header that we could answer. */
export function answerChallenge(header: string, method: string, uri: string, { username, password }: Credentials, random: Random): string | undefined {
  const [challenge] = challengesIn(header);
  if (!challenge) return undefined;
  const { realm, nonce, algorithm, qop, opaque } = challenge;
  const hash = (text: string): string => createHash(hashes[algorithm]).update(text, 'utf8').digest('hex');
  const ha1 = hash(`${username}:${realm}:${password}`);
  const ha2 = hash(`${method}:${uri}`);
  const cnonce = random(8).toString('hex');
  const response = hash(qop ? `${ha1}:${nonce}:00000001:${cnonce}:auth:${ha2}` : `${ha1}:${nonce}:${ha2}`);
  const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
  return [
    `Digest username=${quote(username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(uri)}`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
    ...(qop ? [`cnonce="${cnonce}"`, 'qop=auth', 'nc=00000001'] : []),
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
  ].join(', ');
}

/** Whether what was refused was only too old. */
export const isStale = (header: string): boolean => challengesIn(header).some(({ stale }) => stale);
