/**
 * What an Opus packet says about itself (RFC 6716 §3): how long it plays, and whether it repeats the one before. Nothing is decoded.
 *
 *    0 1 2 3 4 5 6 7
 *   +-+-+-+-+-+-+-+-+
 *   | config  |s| c |   config: mode, bandwidth, frame duration · s: stereo · c: how many frames follow
 *   +-+-+-+-+-+-+-+-+
 */

/** Longest packet, §3.2.5 [R5]: 120 ms. In units of 2.5 ms, the shortest frame. */
const LONGEST = 48;
/** §3.2.1 [R2] */
const LARGEST_FRAME = 1275;

/** Frame duration by config (§3.1, table 2), units of 2.5 ms. */
const DURATION = new Uint8Array([4, 8, 16, 24, 4, 8, 16, 24, 4, 8, 16, 24, 4, 8, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8]);
const FIRST_CELT_CONFIG = 16;
const FIRST_HYBRID_CONFIG = 12;

/** Frame duration of a packet that begins with `toc`, in units of 2.5 ms. */
export const frameUnits = (toc: number): number => DURATION[toc >> 3]!;

/** Units of 2.5 ms that a packet plays; 0: it is malformed by one of [R1] to [R7] (§3.4). */
export function packetUnits(payload: Uint8Array, length: number): number {
  if (length < 1) return 0;
  const toc = payload[0]!;
  const frame = frameUnits(toc);
  switch (toc & 3) {
    case 0:
      return length - 1 <= LARGEST_FRAME ? frame : 0;
    case 1:
      return (length - 1) % 2 === 0 && (length - 1) / 2 <= LARGEST_FRAME ? 2 * frame : 0;
    case 2: {
      const first = frameLength(payload, 1, length);
      if (first < 0) return 0;
      const second = length - 1 - lengthBytes(first) - first;
      return second >= 0 && second <= LARGEST_FRAME ? 2 * frame : 0;
    }
    default:
      return manyFrames(payload, length) * frame;
  }
}

/** §3.2.5: frames of a code 3 packet, 0 when it is malformed. */
function manyFrames(payload: Uint8Array, length: number): number {
  if (length < 2) return 0;
  const count = payload[1]! & 0x3f;
  if (count === 0 || count * frameUnits(payload[0]!) > LONGEST) return 0;
  let at = 2;
  let end = length;
  if (payload[1]! & 0x40) {
    let octet;
    do {
      if (at >= end) return 0;
      octet = payload[at++]!;
      end -= octet === 255 ? 254 : octet;
    } while (octet === 255);
  }
  if (end < at) return 0;
  if (payload[1]! & 0x80) {
    let frames = 0;
    for (let i = 0; i < count - 1; i++) {
      const size = frameLength(payload, at, end);
      if (size < 0) return 0;
      at += lengthBytes(size);
      frames += size;
    }
    const last = end - at - frames;
    return last >= 0 && last <= LARGEST_FRAME ? count : 0;
  }
  const each = (end - at) / count;
  return Number.isInteger(each) && each <= LARGEST_FRAME ? count : 0;
}

/** §3.2.1; -1: it is not all there. */
function frameLength(payload: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1;
  const first = payload[at]!;
  if (first < 252) return first;
  return at + 1 < end ? first + 4 * payload[at + 1]! : -1;
}

const lengthBytes = (frame: number): number => (frame < 252 ? 1 : 2);

/**
 * Whether a valid packet carries a coarser copy of what went before it (LBRR, §2.1.7). The SILK layer begins, for each channel, with one
 * voice activity bit per 20 ms and one LBRR bit (§4.2.3, §4.2.4); being coded with even odds and first of all, they stand there as plain bits.
 */
export function repeatsTheOneBefore(payload: Uint8Array, length: number): boolean {
  const toc = payload[0]!;
  if (toc >> 3 >= FIRST_CELT_CONFIG) return false;
  const at = firstFrame(payload, length);
  if (at < 0) return false;
  const silkFrames = Math.max(1, frameUnits(toc) / 8);
  const bits = payload[at]!;
  if ((bits >> (7 - silkFrames)) & 1) return true;
  return (toc & 4) !== 0 && ((bits >> (6 - 2 * silkFrames)) & 1) === 1;
}

/** Where the first frame of a valid packet begins; -1 when it is empty. */
function firstFrame(payload: Uint8Array, length: number): number {
  const code = payload[0]! & 3;
  if (code < 2) return length > code + 1 ? 1 : -1;
  if (code === 2) {
    const first = frameLength(payload, 1, length);
    return first > 0 ? 1 + lengthBytes(first) : -1;
  }
  let at = 2;
  let end = length;
  if (payload[1]! & 0x40) {
    let octet;
    do {
      octet = payload[at++]!;
      end -= octet === 255 ? 254 : octet;
    } while (octet === 255);
  }
  if (!(payload[1]! & 0x80)) return end > at ? at : -1;
  const count = payload[1]! & 0x3f;
  let first = -1;
  for (let i = 0; i < count - 1; i++) {
    const size = frameLength(payload, at, end);
    if (i === 0) first = size;
    at += lengthBytes(size);
  }
  if (count === 1) first = end - at;
  return first > 0 ? at : -1;
}

/** `toc` of the same mode and bandwidth, mono or stereo, with one frame of 10 or 20 ms: alone, as a packet, it tells a decoder that nothing came. */
export function nothingCame(toc: number, ms: 10 | 20): number {
  const config = toc >> 3;
  const long = ms === 20 ? 1 : 0;
  if (config >= FIRST_CELT_CONFIG) return (((config & ~3) | 2 | long) << 3) | (toc & 4);
  if (config >= FIRST_HYBRID_CONFIG) return (((config & ~1) | long) << 3) | (toc & 4);
  return (((config & ~3) | long) << 3) | (toc & 4);
}
