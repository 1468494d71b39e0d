/**
 * SRTP with one party (RFC 4568): which keys go into our descriptions to it, and which pair holds once both have spoken.
 *
 * What a party that is called is offered first, by policy:
 *
 *   off        RTP/AVP
 *   optional   RTP/AVP with our keys in it: phones that know only plain RTP overlook them, many that know both encrypt. One that refuses
 *              that (488) can be called once more with `otherProfile`.
 *   required   RTP/SAVP
 *
 * Our key of a suite stays the same for the whole session (RFC 4568 §7.1.4 lets a new description keep it, and then the packet counters go on):
 * a refreshed session is written word for word as before and nobody hears a gap. Another suite has another key.
 */
import type { SrtpKeys, SrtpSuite } from '../audio-types';
import { keyLength, type CryptoLine } from './crypto';
import type { SrtpPolicy } from './model';
import type { OfferedKeys, Picked } from './negotiate';
import type { AudioSpec } from './write';

/** So many octets, unpredictable. */
export type RandomOctets = (length: number) => Buffer;

/** What a first offer of ours looks like. */
export type Profile = 'plain' | 'either' | 'srtp';

export interface Keys {
  readonly policy: SrtpPolicy;
  /** Of the first offer; later ones keep what was agreed. */
  profile: Profile;
  /** The party was called a second time, with the other profile. */
  retried: boolean;
  /** What packets are encrypted with both ways; null: they are not. */
  current: SrtpKeys | null;
  /** What the sockets were last told; kept for whoever tells them. */
  given: SrtpKeys | null;
  readonly own: Map<SrtpSuite, string>;
  readonly random: RandomOctets;
}

export const newKeys = (policy: SrtpPolicy, random: RandomOctets): Keys => ({
  policy,
  profile: policy === 'off' ? 'plain' : policy === 'required' ? 'srtp' : 'either',
  retried: false,
  current: null,
  given: null,
  own: new Map(),
  random,
});

/** In the order in which we would like them. Under RTP/AVP only what every phone with SDES knows: the offer has to fit into a datagram. */
const suites: Readonly<Record<Profile, readonly SrtpSuite[]>> = {
  plain: [],
  either: ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32'],
  srtp: ['AES_CM_128_HMAC_SHA1_80', 'AES_CM_128_HMAC_SHA1_32', 'AES_256_CM_HMAC_SHA1_80', 'AEAD_AES_128_GCM', 'AEAD_AES_256_GCM'],
};

type Written = Pick<AudioSpec, 'transport' | 'crypto'>;

/** For an offer of ours. `first`: nothing has been agreed with this party yet. */
export function offerKeys(keys: Keys, first: boolean): Written & { readBy: OfferedKeys } {
  const wanted = first ? suites[keys.profile] : keys.current ? [keys.current.send.suite] : [];
  const lines = wanted.map((suite, i): CryptoLine => ({ tag: i + 1, suite, name: suite, keySalt: ownKey(keys, suite) }));
  const required = keys.policy === 'required' || (first ? keys.profile === 'srtp' : keys.current !== null);
  return { ...(lines.length > 0 && { crypto: lines }), ...(first && keys.profile === 'srtp' && { transport: 'RTP/SAVP' }), readBy: { lines, required } };
}

/** For our answer: the line of the offer that was chosen, with our key (§5.1.2). */
export function answerKeys(keys: Keys, offer: Picked): Written {
  const { crypto } = offer;
  return crypto ? { crypto: [{ ...crypto, keySalt: ownKey(keys, crypto.suite) }] } : {};
}

/** `written`: our lines; `theirs`: the one line of the party that fits one of them. */
export function agree(keys: Keys, written: Written, theirs: CryptoLine | undefined): void {
  const ours = theirs && written.crypto?.find(({ tag }) => tag === theirs.tag);
  const pair = ours && theirs && { send: { suite: ours.suite, keySalt: ours.keySalt }, receive: { suite: theirs.suite, keySalt: theirs.keySalt } };
  keys.current = pair ?? null;
}

function ownKey(keys: Keys, suite: SrtpSuite): string {
  let key = keys.own.get(suite);
  if (key === undefined) keys.own.set(suite, (key = keys.random(keyLength(suite)).toString('base64')));
  return key;
}

/** What to call the party with once more; undefined: it has been tried, or the policy allows no other. */
export function otherProfile({ policy, profile, retried }: Keys): Profile | undefined {
  if (policy !== 'optional' || retried) return undefined;
  return profile === 'srtp' ? 'plain' : 'srtp';
}

export const sameKeys = (a: SrtpKeys | null, b: SrtpKeys | null): boolean =>
  a === b || (a !== null && b !== null && (['send', 'receive'] as const).every((way) => a[way].suite === b[way].suite && a[way].keySalt === b[way].keySalt));
