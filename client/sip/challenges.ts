/**
 * Challenges of a server (RFC 3261 §22, RFC 8760: several at once, the one that the server likes best first). sip.js reads the first one only,
 * would take any algorithm for MD5, drops the whole message when it cannot read one (MD5-sess), and misreads lists with spaces in them. So the
 * transport puts in their place the strongest one that we can do, in a form that sip.js reads; `digest.ts` answers it.
 */
import { splitOutsideQuotes, unfold, type Edit, type MessageHead } from './message-text';

export type Algorithm = 'MD5' | 'SHA-256' | 'SHA-512-256';

export interface Challenge {
  algorithm: Algorithm;
  /** `-sess`: the key depends on the nonces (RFC 7616 §3.4.2). */
  session: boolean;
  /** As it stands between the quotes, escapes included: that is how it goes back. */
  realm: string;
  nonce: string;
  opaque: string | undefined;
  stale: boolean;
  /** undefined: RFC 2069, neither count nor cnonce. */
  qop: 'auth' | 'auth-int' | undefined;
}

const STRENGTH: readonly Algorithm[] = ['MD5', 'SHA-256', 'SHA-512-256'];
const HEADERS = ['www-authenticate', 'proxy-authenticate'];

/** undefined: one that we cannot answer (another algorithm, something missing). */
function fromParameters(raw: Map<string, string>): Challenge | undefined {
  const realm = raw.get('realm');
  const nonce = raw.get('nonce');
  if (realm === undefined || nonce === undefined) return undefined;
  const algorithm = /^(MD5|SHA-256|SHA-512-256)(-sess)?$/i.exec(unquoted(raw.get('algorithm') ?? 'MD5'));
  if (!algorithm) return undefined;
  const offered = raw.has('qop') ? unquoted(raw.get('qop') as string).toLowerCase().split(',').map((word) => word.trim()).filter((word) => word !== '') : [];
  const qop = offered.includes('auth') ? 'auth' : offered.includes('auth-int') ? 'auth-int' : undefined;
  if (offered.length > 0 && qop === undefined) return undefined;
  return {
    algorithm: (algorithm[1] as string).toUpperCase() as Algorithm,
    session: algorithm[2] !== undefined,
    realm: unquoted(realm),
    nonce: unquoted(nonce),
    opaque: raw.has('opaque') ? unquoted(raw.get('opaque') as string) : undefined,
    stale: unquoted(raw.get('stale') ?? '').toLowerCase() === 'true',
    qop,
  };
}

/** Without its quotes; escapes stay. */
function unquoted(value: string): string {
  return /^".*"$/s.test(value) ? value.slice(1, -1) : value;
}

/** The best of those that we can answer; among equals the first. */
export function strongest(challenges: readonly Challenge[]): Challenge | undefined {
  return challenges.reduce<Challenge | undefined>((best, one) => (!best || STRENGTH.indexOf(one.algorithm) > STRENGTH.indexOf(best.algorithm) ? one : best), undefined);
}

/** Name of the algorithm between the transport and `digest.ts`: sip.js's grammar chokes on a token that begins with MD5 and is longer. */
export function algorithmToken(challenge: Pick<Challenge, 'algorithm' | 'session'>): string {
  return challenge.session ? `SESS-${challenge.algorithm}` : challenge.algorithm;
}

/** The other way round; undefined: not one of ours. */
export function readAlgorithmToken(token: string): Pick<Challenge, 'algorithm' | 'session'> | undefined {
  const match = /^(SESS-)?(MD5|SHA-256|SHA-512-256)$/i.exec(token);
  return match ? { algorithm: (match[2] as string).toUpperCase() as Algorithm, session: match[1] !== undefined } : undefined;
}

function challengeText(challenge: Challenge): string {
  const parts = [`realm="${challenge.realm}"`, `nonce="${challenge.nonce}"`];
  if (challenge.opaque !== undefined) parts.push(`opaque="${challenge.opaque}"`);
  if (challenge.stale) parts.push('stale=true');
  parts.push(`algorithm=${algorithmToken(challenge)}`);
  if (challenge.qop) parts.push(`qop="${challenge.qop}"`);
  return `Digest ${parts.join(', ')}`;
}

/** The edits that leave one challenge of each kind: the strongest, or none when there is none that we can answer. Only in 401 and 407. */
export function challengesIn(head: MessageHead): Edit[] {
  if (head.status !== 401 && head.status !== 407) return [];
  return HEADERS.flatMap((name) => {
    const fields = head.headers.filter((field) => field.name === name);
    if (fields.length === 0) return [];
    const best = strongest(fields.flatMap((field) => challengesOf(unfold(head.text.slice(field.start, field.end)))));
    const [first] = fields;
    return fields.map((field): Edit => {
      if (best && field === first) return { start: field.start, end: field.end, text: ` ${challengeText(best)}` };
      return { start: field.lineStart, end: field.end + 2, text: '' };
    });
  });
}

/** Several may stand in one line, parted by commas as their parameters are (RFC 7235 §4.1): a new one begins with a word before its first parameter. */
export function challengesOf(value: string): Challenge[] {
  const groups: Array<{ scheme: string; parts: string[] }> = [];
  for (const part of splitOutsideQuotes(value, ',')) {
    const start = /^\s*([A-Za-z][A-Za-z0-9-]*)[ \t]+(?=[^\s=])(.*)$/s.exec(part);
    if (start) groups.push({ scheme: (start[1] as string).toLowerCase(), parts: [start[2] as string] });
    else groups[groups.length - 1]?.parts.push(part);
  }
  return groups.filter((group) => group.scheme === 'digest').flatMap((group) => fromParameters(asMap(group.parts)) ?? []);
}

function asMap(parts: readonly string[]): Map<string, string> {
  const out = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = part.slice(0, Math.max(0, equals)).trim().toLowerCase();
    if (name !== '' && !out.has(name)) out.set(name, part.slice(equals + 1).trim());
  }
  return out;
}
