/** Identifiers the core makes: transaction ids and Call-IDs (UUIDv4, RFC 4122 §4.4), tags (RFC 3261 §19.3), dialog ids. */
import type { Random } from '../../clock';

const scratch = Buffer.alloc(36, '-');
const digits = Buffer.from('0123456789abcdef');
/** Where the pairs of digits of each byte stand between the dashes. */
const places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

export function uuid(random: Random): string {
  const bytes = random(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  for (let i = 0; i < 16; i++) {
    const byte = bytes[i]!;
    const at = places[i]!;
    scratch[at] = digits[byte >> 4]!;
    scratch[at + 1] = digits[byte & 0x0f]!;
  }
  return scratch.toString('latin1');
}

/** RFC 3261 §19.3 asks for at least 32 bits of randomness; these have 64. */
export function newTag(random: Random): string {
  return random(8).toString('hex');
}

/** A CSeq number to start with: below 2^31 with ample room to count (RFC 3261 §8.1.1.5). */
export function newSequence(random: Random): number {
  return 1 + random(4).readUInt32BE(0) % 1_000_000;
}

/** How drachtio-srf names a dialog; `fromTag` is the From tag of the request that made it. srf looks dialogs up by this format. */
export function dialogIdOf(callId: string, fromTag: string): string {
  return `${callId};from-tag=${fromTag}`;
}
