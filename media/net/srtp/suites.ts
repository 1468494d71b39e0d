/**
 * The SRTP crypto suites and their master keys as SDP carries them.
 *
 * RFC 4568 §6.2 (AES-CM with HMAC-SHA1), RFC 6188 (256-bit keys), RFC 7714 §12 (AEAD). The `_32` suites shorten the tag of RTP
 * only: RTCP keeps 80 bits (RFC 4568 §6.2.2, RFC 6188 §3.2).
 */
import type { SrtpKey, SrtpSuite } from '../../audio-types';
import { MediaError } from '../../errors';

export interface SuiteShape {
  kind: 'cm' | 'gcm';
  /** Octets. The encryption keys are as long as the master key, the session salts as the master salt. */
  key: 16 | 32;
  salt: 14 | 12;
  /** Octets of the authentication tag. */
  rtpTag: 4 | 10 | 16;
  rtcpTag: 10 | 16;
}

export const SUITES: Readonly<Record<SrtpSuite, SuiteShape>> = {
  AES_CM_128_HMAC_SHA1_80: { kind: 'cm', key: 16, salt: 14, rtpTag: 10, rtcpTag: 10 },
  AES_CM_128_HMAC_SHA1_32: { kind: 'cm', key: 16, salt: 14, rtpTag: 4, rtcpTag: 10 },
  AES_256_CM_HMAC_SHA1_80: { kind: 'cm', key: 32, salt: 14, rtpTag: 10, rtcpTag: 10 },
  AES_256_CM_HMAC_SHA1_32: { kind: 'cm', key: 32, salt: 14, rtpTag: 4, rtcpTag: 10 },
  AEAD_AES_128_GCM: { kind: 'gcm', key: 16, salt: 12, rtpTag: 16, rtcpTag: 16 },
  AEAD_AES_256_GCM: { kind: 'gcm', key: 32, salt: 12, rtpTag: 16, rtcpTag: 16 },
};

/** More than a packet of any suite grows by: a tag of 16 octets and, in RTCP, the index. */
export const MAX_TRAILER = 32;

export interface MasterKey {
  shape: SuiteShape;
  key: Uint8Array;
  salt: Uint8Array;
}

/**
 * Key and salt from the text after `inline:`; base64 with or without its padding.
 * @throws MediaError 'bad-key'; the message names neither key nor salt
 */
export function masterKey({ suite, keySalt }: SrtpKey): MasterKey {
  if (!Object.hasOwn(SUITES, suite)) throw new MediaError('bad-key', `the SRTP suite ${String(suite)} is not known; known are ${Object.keys(SUITES).join(', ')}`);
  const shape = SUITES[suite];
  const want = shape.key + shape.salt;
  if (typeof keySalt !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(keySalt)) throw new MediaError('bad-key', `the key of ${suite} is not base64; it takes ${want} octets of key and salt`);
  const octets = Buffer.from(keySalt, 'base64');
  if (octets.length !== want) throw new MediaError('bad-key', `the key of ${suite} has ${octets.length} octets; it takes ${want}: ${shape.key} of key, ${shape.salt} of salt`);
  return { shape, key: new Uint8Array(octets.subarray(0, shape.key)), salt: new Uint8Array(octets.subarray(shape.key)) };
}
