/**
 * Session keys from a master key: RFC 3711 §4.3 with a key derivation rate of 0 (once and for all), RFC 6188 §3.1 for 256-bit
 * keys, RFC 7714 §11 for the AEAD suites.
 *
 *   x  = salt (112 bits; a salt of 96 bits has 16 zero bits behind it)  XOR  label << 48
 *   key = AES-CM keystream of the master key that begins at the counter x << 16
 */
import { createCipheriv } from 'node:crypto';
import type { MasterKey } from './suites';

export const AUTH_KEY_BYTES = 20;
const LABEL_AT = 7;

/** Labels of RFC 3711 §4.3.1 and §4.3.2. */
const RTP_LABELS = { encryption: 0, authentication: 1, salt: 2 };
const RTCP_LABELS = { encryption: 3, authentication: 4, salt: 5 };

export interface SessionKeys {
  encryption: Uint8Array;
  /** For HMAC-SHA1; the AEAD suites have no use for it. */
  authentication: Uint8Array;
  salt: Uint8Array;
}

export function deriveKeys(master: MasterKey): { rtp: SessionKeys; rtcp: SessionKeys } {
  const keys = (labels: typeof RTP_LABELS): SessionKeys => ({
    encryption: derive(master.key, master.salt, labels.encryption, master.shape.key),
    authentication: derive(master.key, master.salt, labels.authentication, AUTH_KEY_BYTES),
    salt: derive(master.key, master.salt, labels.salt, master.shape.salt),
  });
  return { rtp: keys(RTP_LABELS), rtcp: keys(RTCP_LABELS) };
}

export function derive(key: Uint8Array, salt: Uint8Array, label: number, bytes: number): Uint8Array {
  const counter = new Uint8Array(16);
  counter.set(salt);
  counter[LABEL_AT]! ^= label;
  return new Uint8Array(createCipheriv(`aes-${key.length * 8}-ctr`, key, counter).update(new Uint8Array(bytes)));
}
