/**
 * SRTP keys in session descriptions: `a=crypto` (RFC 4568 §4, §6; suites of RFC 4568 §6.2, RFC 6188 and RFC 7714).
 *
 *     a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20
 *              │            │                    master key and salt, base64         │
 *             tag         suite                                       packets it may serve; the sender's business
 *
 * A line that asks for what is not done here is not an error but a line that is not chosen: an unknown suite, a master key identifier
 * (§6.1: it would be in every packet), several keys in turn, session parameters that change the packets (§6.3).
 *
 * Whether two share a key is decided per description (§7.1): whoever keeps tag, suite and key goes on with its packet counters. We keep ours
 * for as long as the suite stays, since a phone that refreshes its session must not hear a gap; the party's are taken as they come.
 */
import type { SrtpSuite } from '../audio-types';

/** Octets of master key and master salt (RFC 3711 §5.3, RFC 6188 §3, RFC 7714 §12). */
const lengths: Readonly<Record<SrtpSuite, number>> = {
  AES_CM_128_HMAC_SHA1_80: 16 + 14,
  AES_CM_128_HMAC_SHA1_32: 16 + 14,
  AES_256_CM_HMAC_SHA1_80: 32 + 14,
  AES_256_CM_HMAC_SHA1_32: 32 + 14,
  AEAD_AES_128_GCM: 16 + 12,
  AEAD_AES_256_GCM: 32 + 12,
};

export const keyLength = (suite: SrtpSuite): number => lengths[suite];

/** Names under which older phones know the 256-bit suites. */
const aliases: Readonly<Record<string, SrtpSuite>> = {
  AES_CM_256_HMAC_SHA1_80: 'AES_256_CM_HMAC_SHA1_80',
  AES_CM_256_HMAC_SHA1_32: 'AES_256_CM_HMAC_SHA1_32',
};

/** One line that can be used. */
export interface CryptoLine {
  /** 0 to 999,999,999: names the line in the answer. */
  tag: number;
  suite: SrtpSuite;
  /** The suite as the party wrote it: the answer has to repeat that. */
  name: string;
  /** base64 */
  keySalt: string;
}

/** Lines of one stream that are read; more are not looked at. */
export const MAX_CRYPTO_LINES = 32;

/** `text` follows `a=crypto:`. undefined: this line cannot be used here. */
export function parseCrypto(text: string): CryptoLine | undefined {
  const [tag = '', name = '', keys = '', ...parameters] = text.trim().split(/[ \t]+/, 12);
  const suite = suiteOf(name);
  if (!/^\d{1,9}$/.test(tag) || !suite || !parameters.every(harmless)) return undefined;
  // "inline:" key||salt ["|" lifetime] ["|" MKI ":" length], and after ";" another key
  const match = /^inline:([A-Za-z0-9+/]{16,88}={0,2})(?:\|(?:2\^\d{1,2}|\d{1,15}))?$/i.exec(keys);
  const keySalt = match?.[1];
  if (keySalt === undefined || Buffer.from(keySalt, 'base64').length !== keyLength(suite)) return undefined;
  return { tag: Number(tag), suite, name, keySalt };
}

function suiteOf(name: string): SrtpSuite | undefined {
  const upper = name.toUpperCase();
  return upper in lengths ? (upper as SrtpSuite) : aliases[upper];
}

/** Parameters that leave the packets as they are: a hint about the replay window, and what the party marks as optional (RFC 4568 §6.3.7). */
const harmless = (parameter: string): boolean => /^(WSH=\d{1,5}$|-)/i.test(parameter);

export const writeCrypto = ({ tag, name, keySalt }: CryptoLine): string => `a=crypto:${tag} ${name} inline:${keySalt}\r\n`;
