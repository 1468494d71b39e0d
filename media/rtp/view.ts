/**
 * A look at a datagram as RTP or RTCP, in place and without an object per packet (RFC 3550 §5.1, §5.3.1, §6.4; RFC 5761 §4).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *   |                           timestamp                           |
 *   |                             SSRC                              |
 *   |                 CSRC (0 to 15) …, extension if X …            |
 *
 * `length` is given beside the data because the data is usually a receive buffer that is larger than the datagram in it.
 */

/** Larger datagrams are not media of ours: jumbo frames are at most this. */
export const MAX_DATAGRAM = 9216;

export const RTP_HEADER_BYTES = 12;

/** An RTCP packet type in the second octet. RFC 5761 §4: RTP payload types 64 to 95 are not used where both share a port. */
export function looksLikeRtcp(data: Uint8Array, length: number): boolean {
  return length >= 2 && data[1]! >= 192 && data[1]! <= 223;
}

/**
 * Octets before the payload, by the header alone: what is behind it may be encrypted.
 * @returns -1 when this is not RTP: wrong version, too short for what its header announces
 */
export function rtpHeaderBytes(data: Uint8Array, length: number): number {
  if (length < RTP_HEADER_BYTES || length > data.length || length > MAX_DATAGRAM) return -1;
  const first = data[0]!;
  if (first === 0x80) return RTP_HEADER_BYTES; // nearly every packet: no padding, extension or CSRC
  if (first >> 6 !== 2) return -1;
  let offset = RTP_HEADER_BYTES + (first & 0x0f) * 4;
  if (first & 0x10) {
    if (offset + 4 > length) return -1;
    offset += 4 + ((data[offset + 2]! << 8) | data[offset + 3]!) * 4;
  }
  return offset > length ? -1 : offset;
}

/**
 * Octets before the payload.
 * @returns -1 when this is not RTP: `rtpHeaderBytes`, or padding longer than the payload
 */
export function rtpPayloadOffset(data: Uint8Array, length: number): number {
  const offset = rtpHeaderBytes(data, length);
  if (offset < 0 || (data[0]! & 0x20) === 0) return offset;
  const padding = data[length - 1]!;
  return padding === 0 || offset + padding > length ? -1 : offset;
}

/** Where the payload of a valid packet ends: before its padding, when it has any. */
export const rtpPayloadEnd = (data: Uint8Array, length: number): number => ((data[0]! & 0x20) === 0 ? length : length - data[length - 1]!);

export const rtpPayloadType = (data: Uint8Array): number => data[1]! & 0x7f;

export const rtpMarker = (data: Uint8Array): boolean => (data[1]! & 0x80) !== 0;

export const rtpSequence = (data: Uint8Array): number => (data[2]! << 8) | data[3]!;

/** Unsigned. */
export const rtpTimestamp = (data: Uint8Array): number => uint32(data, 4);

/** Unsigned. */
export const rtpSsrc = (data: Uint8Array): number => uint32(data, 8);

/** Rewrites the payload type and leaves the marker. */
export function setRtpPayloadType(data: Uint8Array, payloadType: number): void {
  data[1] = (data[1]! & 0x80) | payloadType;
}

export function setRtpSequence(data: Uint8Array, sequence: number): void {
  data[2] = sequence >> 8;
  data[3] = sequence & 0xff;
}

export function setUint32(data: Uint8Array, offset: number, value: number): void {
  data[offset] = value >>> 24;
  data[offset + 1] = value >>> 16;
  data[offset + 2] = value >>> 8;
  data[offset + 3] = value;
}

/** Whether the first packet of a compound is RTCP that can be told without reading what may be encrypted behind it (RFC 3711 §3.4). */
export function isRtcp(data: Uint8Array, length: number): boolean {
  if (length < 8 || length > data.length || length > MAX_DATAGRAM || data[0]! >> 6 !== 2 || !looksLikeRtcp(data, length)) return false;
  return rtcpPacketBytes(data, 0) <= length;
}

const STUN_HEADER_BYTES = 20;
const STUN_COOKIE = 0x2112a442;

/** RFC 8489 §5: two zero bits, and the magic cookie. */
export const isStun = (data: Uint8Array, length: number): boolean => length >= STUN_HEADER_BYTES && length <= data.length && data[0]! >> 6 === 0 && uint32(data, 4) === STUN_COOKIE;

/** Octets of the RTCP packet that starts at `offset`. */
export const rtcpPacketBytes = (data: Uint8Array, offset: number): number => (((data[offset + 2]! << 8) | data[offset + 3]!) + 1) * 4;

export function uint32(data: Uint8Array, offset: number): number {
  return ((data[offset]! << 24) | (data[offset + 1]! << 16) | (data[offset + 2]! << 8) | data[offset + 3]!) >>> 0;
}
