/**
 * The simple packet format, in place: sound for programs that do not speak RTP.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |                 timestamp (big endian, as all)                |
 *   |        sequence number        |  reserved: room, 0 for 8000   |
 *   |        PCMU, 8 kHz mono: 20 ms are 160 octets …               |
 *
 * One packet is one frame of 20 ms, so the sequence number alone says what is played when; the format does not say what its timestamp
 * counts. We write samples (160 to a packet), as RTP does, and of others' timestamps believe nothing: milliseconds, samples and zeros
 * are all as good.
 */
export const SIMPLE_HEADER_BYTES = 8;
/** 20 ms of PCMU. */
export const SIMPLE_AUDIO_BYTES = 160;
export const SIMPLE_PACKET_BYTES = SIMPLE_HEADER_BYTES + SIMPLE_AUDIO_BYTES;
/** The room that 0 stands for. */
export const DEFAULT_ROOM = 8000;

/** A packet has one length and no other mark. */
export const isSimplePacket = (data: Uint8Array, length: number): boolean => length === SIMPLE_PACKET_BYTES && length <= data.length;

/** Unsigned; see above. */
export const simpleTimestamp = (data: Uint8Array): number => ((data[0]! << 24) | (data[1]! << 16) | (data[2]! << 8) | data[3]!) >>> 0;

export const simpleSequence = (data: Uint8Array): number => (data[4]! << 8) | data[5]!;

export const simpleReserved = (data: Uint8Array): number => (data[6]! << 8) | data[7]!;

/** The room that a reserved field names. */
export const roomOf = (reserved: number): number => (reserved === 0 ? DEFAULT_ROOM : reserved);

/** @param timestamp samples; with `sequence` and `reserved` it is cut to the size of its field */
export function writeSimpleHeader(data: Uint8Array, timestamp: number, sequence: number, reserved: number): void {
  data[0] = timestamp >>> 24;
  data[1] = timestamp >>> 16;
  data[2] = timestamp >>> 8;
  data[3] = timestamp;
  data[4] = sequence >>> 8;
  data[5] = sequence;
  data[6] = reserved >>> 8;
  data[7] = reserved;
}
