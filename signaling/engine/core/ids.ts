/** Identifiers the core makes: transaction ids and Call-IDs (UUIDv4, RFC 4122 §4.4), tags (RFC 3261 §19.3), dialog ids. */
import type { Random } from '../../clock';

export function uuid(random: Random): string {
  const bytes = random(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
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
