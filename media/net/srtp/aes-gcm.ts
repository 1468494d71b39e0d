/**
 * AES-GCM: RFC 7714 §8 (RTP), §9 (RTCP). The header is the associated data, the tag is always 16 octets.
 *
 *   IV  RTP   00 00 | SSRC | roll-over counter | sequence    XOR salt
 *   IV  RTCP  00 00 | SSRC | 00 00 | 0, index                XOR salt
 *
 * A cipher object for each packet: 4 to 5 µs on a quiet machine, most of it the object. A forged packet costs 15 to 25, for node:crypto
 * refuses by an exception. An own GHASH beside the ECB cipher of `aes-cm.ts` would be quicker, by tables whose use tells of the key.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type CipherGCMTypes, type KeyObject } from 'node:crypto';
import type { SessionKeys } from './key-derivation';
import type { SuiteShape } from './suites';
import { E_FLAG, putUint32, RTCP_CLEAR, type Transform } from './transform';

const TAG = 16;
const INDEX_BYTES = 4;

const iv = new Uint8Array(12);
const indexWord = new Uint8Array(INDEX_BYTES);
const none = new Uint8Array(0);
const TAG_LENGTH = { authTagLength: TAG };

export class AesGcm implements Transform {
  readonly rtpTrailer = TAG;
  readonly rtcpTrailer = TAG + INDEX_BYTES;
  private readonly algorithm: CipherGCMTypes;
  private readonly rtpKey: KeyObject;
  private readonly rtcpKey: KeyObject;
  private readonly rtpSalt: Uint8Array;
  private readonly rtcpSalt: Uint8Array;

  constructor(shape: SuiteShape, { rtp, rtcp }: { rtp: SessionKeys; rtcp: SessionKeys }) {
    this.algorithm = shape.key === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
    this.rtpKey = createSecretKey(rtp.encryption);
    this.rtcpKey = createSecretKey(rtcp.encryption);
    this.rtpSalt = rtp.salt;
    this.rtcpSalt = rtcp.salt;
  }

  sealRtp(data: Uint8Array, header: number, length: number, ssrc: number, index: number): number {
    setIv(this.rtpSalt, ssrc, index);
    this.seal(this.rtpKey, data.subarray(0, header), data, header, length);
    return length + TAG;
  }

  openRtp(data: Uint8Array, header: number, length: number, ssrc: number, index: number): number {
    setIv(this.rtpSalt, ssrc, index);
    return this.open(this.rtpKey, data.subarray(0, header), data, header, length - TAG) ? length - TAG : -1;
  }

  sealRtcp(data: Uint8Array, length: number, ssrc: number, index: number): number {
    setIv(this.rtcpSalt, ssrc, index);
    putUint32(indexWord, 0, E_FLAG + index);
    this.seal(this.rtcpKey, withIndex(data, RTCP_CLEAR), data, RTCP_CLEAR, length);
    data.set(indexWord, length + TAG);
    return length + TAG + INDEX_BYTES;
  }

  openRtcp(data: Uint8Array, length: number, ssrc: number, index: number, encrypted: boolean): number {
    const end = length - INDEX_BYTES - TAG;
    setIv(this.rtcpSalt, ssrc, index);
    putUint32(indexWord, 0, (encrypted ? E_FLAG : 0) + index);
    // Unencrypted, all of it is associated data (RFC 7714 §9.3).
    const clear = encrypted ? RTCP_CLEAR : end;
    return this.open(this.rtcpKey, withIndex(data, clear), data, clear, end) ? end : -1;
  }

  rtcpIndexAt(length: number): number {
    return length - INDEX_BYTES;
  }

  private seal(key: KeyObject, associated: Uint8Array, data: Uint8Array, from: number, to: number): void {
    const cipher = createCipheriv(this.algorithm, key, iv);
    cipher.setAAD(associated);
    if (to > from) data.set(cipher.update(data.subarray(from, to)), from);
    cipher.final();
    data.set(cipher.getAuthTag(), to);
  }

  private open(key: KeyObject, associated: Uint8Array, data: Uint8Array, from: number, to: number): boolean {
    const decipher = createDecipheriv(this.algorithm, key, iv, TAG_LENGTH);
    decipher.setAAD(associated);
    decipher.setAuthTag(data.subarray(to, to + TAG));
    const plain = to > from ? decipher.update(data.subarray(from, to)) : none;
    // A refusal is an exception, and its stack trace would cost several times what a packet does: a flood of forgeries needs none.
    const depth = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      decipher.final();
    } catch {
      return false;
    } finally {
      Error.stackTraceLimit = depth;
    }
    data.set(plain, from);
    return true;
  }
}

/** RTCP's 31 bits lie where RTP has the low half of its 48: one layout for both. */
function setIv(salt: Uint8Array, ssrc: number, index: number): void {
  const high = Math.floor(index / 0x10000) >>> 0;
  iv.set(salt);
  iv[2]! ^= ssrc >>> 24;
  iv[3]! ^= ssrc >>> 16;
  iv[4]! ^= ssrc >>> 8;
  iv[5]! ^= ssrc;
  iv[6]! ^= high >>> 24;
  iv[7]! ^= high >>> 16;
  iv[8]! ^= high >>> 8;
  iv[9]! ^= high;
  iv[10]! ^= index >>> 8;
  iv[11]! ^= index;
}

/** The first octets of an RTCP packet with the index word behind them. RTCP is rare: a copy each time. */
function withIndex(data: Uint8Array, clear: number): Uint8Array {
  const associated = new Uint8Array(clear + INDEX_BYTES);
  associated.set(data.subarray(0, clear));
  associated.set(indexWord, clear);
  return associated;
}
