/**
 * Reading RTCP in place (RFC 3550 §6.1, §6.4): what is shared by who watches it pass (rtcp-monitor.ts) and who ends it (rtcp-session.ts).
 *
 * Report blocks are read here and not by werift-rtp: it takes the cumulative loss for unsigned, and a compound that does not add up makes it
 * throw, or believe what is behind the end.
 */
import { rtcpPacketBytes, uint32 } from './view';

export const SENDER_REPORT = 200;
export const RECEIVER_REPORT = 201;
export const SOURCE_DESCRIPTION = 202;
export const BYE = 203;
export const APP = 204;
export const EXTENDED_REPORT = 207;

/** Without blocks. */
export const SENDER_REPORT_BYTES = 28;
export const RECEIVER_REPORT_BYTES = 8;
export const REPORT_BLOCK_BYTES = 24;

/**
 * Walks a compound packet, provided all of it is well-formed: lengths that do not add up mean it is encrypted, or not RTCP,
 * and then nothing in it is to be believed.
 * @returns false for that
 */
export function forEachPacket(data: Uint8Array, length: number, fn: (type: number, offset: number, end: number, count: number) => void): boolean {
  if (length > data.length) return false;
  for (let at = 0; at < length; at += rtcpPacketBytes(data, at)) {
    if (at + 4 > length || data[at]! >> 6 !== 2 || at + rtcpPacketBytes(data, at) > length) return false;
  }
  for (let at = 0; at < length; ) {
    const end = at + rtcpPacketBytes(data, at);
    fn(data[at + 1]!, at, end, data[at]! & 0x1f);
    at = end;
  }
  return true;
}

/** Where the blocks of a sender or receiver report are; one that counts more than it has is read as far as it goes. */
export function forEachReportBlock(type: number, offset: number, end: number, count: number, fn: (at: number) => void): void {
  const header = type === SENDER_REPORT ? SENDER_REPORT_BYTES : RECEIVER_REPORT_BYTES;
  for (let i = 0, at = offset + header; i < count && at + REPORT_BLOCK_BYTES <= end; i++, at += REPORT_BLOCK_BYTES) fn(at);
}

/** Signed, 24 bits. */
export const cumulativeLostAt = (data: Uint8Array, block: number): number => (uint32(data, block + 4) << 8) >> 8;

/** The middle 32 of the 64 NTP bits at `at`. */
export const middleOfNtp = (data: Uint8Array, at: number): number => uint32(data, at + 2);

const REMEMBERED = 4;

/** The sender reports (or RRTR blocks) that left last, so that the round trip can be told when they are named (§6.4.1: LSR, DLSR). */
export class SentReports {
  private readonly reports: Array<{ ssrc: number; lsr: number; atMs: number }> = [];

  /** @param lsr middle 32 bits of its NTP time */
  remember(ssrc: number, lsr: number, nowMs: number): void {
    if (this.reports.length >= REMEMBERED) this.reports.shift();
    this.reports.push({ ssrc, lsr, atMs: nowMs });
  }

  /**
   * @param dlsr how long the peer kept it, in 1/65536 s
   * @returns ms; null for a report that is not (or no longer) known. Never below 0: a peer whose clock is a little fast can claim to have
   * kept the report longer than it was gone.
   */
  roundTripMs(ssrc: number, lsr: number, dlsr: number, nowMs: number): number | null {
    if (lsr === 0) return null;
    for (const report of this.reports) if (report.ssrc === ssrc && report.lsr === lsr) return Math.max(0, nowMs - report.atMs - (dlsr * 1000) / 65536);
    return null;
  }

  clear(): void {
    this.reports.length = 0;
  }
}
