/**
 * Passwords of extensions: made, checked, and kept only as HA1 digests (RFC 2617 §3.2.2.2 for MD5, RFC 8760 for SHA-256).
 */
import { createHash } from 'node:crypto';
import { type Random, systemRandom } from './clock';
import { OffhookError } from './errors';

export interface Ha1 {
  /** 32 hex digits. */
  md5: string;
  /** 64 hex digits. */
  sha256: string;
}

/** HASH(username ":" realm ":" password), lower-case hex, for both algorithms that are offered to phones. */
export function ha1(username: string, realm: string, password: string): Ha1 {
  const digest = (algorithm: string) => createHash(algorithm).update(`${username}:${realm}:${password}`, 'utf8').digest('hex');
  return { md5: digest('md5'), sha256: digest('sha256') };
}

/** Letters and digits that are not taken for one another when read aloud or typed on a desk phone: no i l o, no 0 1. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const GROUPS = 3;
const GROUP_LENGTH = 6;

/** A password such as `h7kmqw-2hdxzr-9pntva`: 18 × log2(31) = 89 bits. */
export function randomPassword(random: Random = systemRandom): string {
  // Bytes above the last whole multiple of 31 are thrown away, or the first letters would come more often.
  const limit = 256 - (256 % ALPHABET.length);
  const letters: string[] = [];
  while (letters.length < GROUPS * GROUP_LENGTH) {
    for (const byte of random(32)) if (byte < limit) letters.push(ALPHABET[byte % ALPHABET.length]!);
  }
  return Array.from({ length: GROUPS }, (_, group) => letters.slice(group * GROUP_LENGTH, (group + 1) * GROUP_LENGTH).join('')).join('-');
}

/** A password that a person chose. Errors: `extension.bad-password`. */
export function checkPassword(password: string): string {
  const reason =
    password.length < 6 ? 'it has fewer than 6 characters'
    : password.length > 128 ? 'it has more than 128 characters'
    : /[\p{Cc}]/u.test(password) ? 'it has a control character'
    : undefined;
  if (reason) throw new OffhookError('extension.bad-password', { reason });
  return password;
}
