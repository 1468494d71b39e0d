/**
 * What a suite does to one packet, once its index is known. In place.
 *
 *   RTP   header | payload ► encrypted | tag                                       both kinds
 *   RTCP  header, SSRC | rest ► encrypted | E, index | tag                         AES-CM with HMAC-SHA1 (RFC 3711 §3.4)
 *   RTCP  header, SSRC | rest ► encrypted | tag | E, index                         AEAD (RFC 7714 §9.2)
 *
 * `index`: of RTP 48 bits (roll-over counter and sequence number), of RTCP 31 bits. `open…` leaves a packet that is not authentic as
 * it was, so that it can be tried with another key.
 */
export interface Transform {
  /** Octets that a packet grows by. */
  readonly rtpTrailer: number;
  readonly rtcpTrailer: number;
  /** @returns the new length */
  sealRtp(data: Uint8Array, header: number, length: number, ssrc: number, index: number): number;
  /** @returns the new length; -1: not authentic. `length` ≥ `header + rtpTrailer`. */
  openRtp(data: Uint8Array, header: number, length: number, ssrc: number, index: number): number;
  sealRtcp(data: Uint8Array, length: number, ssrc: number, index: number): number;
  /** `length` ≥ `8 + rtcpTrailer`; `encrypted`: the E flag. */
  openRtcp(data: Uint8Array, length: number, ssrc: number, index: number, encrypted: boolean): number;
  /** Offset of the word with E flag and index. */
  rtcpIndexAt(length: number): number;
}

/** Octets of an RTCP packet that are never encrypted: the first header and its SSRC. */
export const RTCP_CLEAR = 8;
/** The E flag beside the RTCP index. */
export const E_FLAG = 0x80000000;

export function putUint32(data: Uint8Array, at: number, value: number): void {
  data[at] = value >>> 24;
  data[at + 1] = value >>> 16;
  data[at + 2] = value >>> 8;
  data[at + 3] = value;
}
