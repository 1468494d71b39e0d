/**
 * Reads the RTCP that passes by (RFC 3550 §6.4): what a peer reports about the stream it hears, and how far away it is.
 *
 * We do not send reports of our own, the other party's pass through us. Round-trip time still can be told: when a sender
 * report leaves for the peer we remember its middle 32 NTP bits and when; the peer's next report names them (LSR) and how
 * long it kept them (DLSR), and the rest of the time was spent on the way.
 *
 *   report block:  SSRC | fraction lost (8) cumulative lost (24) | highest sequence | jitter | LSR | DLSR
 */
import { rtcpPacketBytes, uint32 } from './view';

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const BLOCK_BYTES = 24;
const REMEMBERED = 4;

export interface RtcpReport {
  /** The stream reported on, as the peer names it. */
  ssrc: number;
  /** Of the packets since its report before, 0 to 1. */
  fractionLost: number;
  /** Since the beginning; below 0 when duplicates arrived. */
  cumulativeLost: number;
  /** In units of the stream's RTP clock. */
  jitter: number;
  rttMs: number | null;
  /** On the clock that the caller gives. */
  atMs: number;
}

export class RtcpMonitor {
  received = 0;
  sent = 0;
  lastReport: RtcpReport | null = null;
  private readonly reports: Array<{ ssrc: number; lsr: number; atMs: number }> = [];

  /** A compound packet from the peer. */
  onReceived(data: Uint8Array, length: number, nowMs: number): void {
    this.received++;
    forEachPacket(data, length, (type, offset, end, count) => {
      const header = type === SENDER_REPORT ? 28 : 8;
      if (type !== SENDER_REPORT && type !== RECEIVER_REPORT) return;
      for (let i = 0, at = offset + header; i < count && at + BLOCK_BYTES <= end; i++, at += BLOCK_BYTES) this.read(data, at, nowMs);
    });
  }

  /** A compound packet on its way to the peer. */
  onSent(data: Uint8Array, length: number, nowMs: number): void {
    this.sent++;
    forEachPacket(data, length, (type, offset, end) => {
      if (type !== SENDER_REPORT || end - offset < 28) return;
      if (this.reports.length >= REMEMBERED) this.reports.shift();
      this.reports.push({ ssrc: uint32(data, offset + 4), lsr: middle(data, offset + 8), atMs: nowMs });
    });
  }

  private read(data: Uint8Array, at: number, nowMs: number): void {
    const ssrc = uint32(data, at);
    const lsr = uint32(data, at + 16);
    const dlsrMs = (uint32(data, at + 20) * 1000) / 65536;
    const report = lsr === 0 ? undefined : this.reports.find((r) => r.ssrc === ssrc && r.lsr === lsr);
    const rtt = report ? nowMs - report.atMs - dlsrMs : undefined;
    this.lastReport = {
      ssrc,
      fractionLost: data[at + 4]! / 256,
      cumulativeLost: (uint32(data, at + 4) << 8) >> 8,
      jitter: uint32(data, at + 12),
      // A peer whose clock is a little fast can claim to have kept the report longer than it was gone.
      rttMs: rtt === undefined ? (this.lastReport?.rttMs ?? null) : Math.max(0, rtt),
      atMs: nowMs,
    };
  }
}

/** The middle 32 of 64 NTP bits. */
const middle = (data: Uint8Array, at: number): number => uint32(data, at + 2);

/**
 * Walks a compound packet, provided all of it is well-formed: lengths that do not add up mean it is encrypted, or not RTCP,
 * and then nothing in it is to be believed.
 */
function forEachPacket(data: Uint8Array, length: number, fn: (type: number, offset: number, end: number, count: number) => void): void {
  for (let at = 0; at < length; at += rtcpPacketBytes(data, at)) {
    if (at + 4 > length || data[at]! >> 6 !== 2 || at + rtcpPacketBytes(data, at) > length) return;
  }
  for (let at = 0; at < length; ) {
    const end = at + rtcpPacketBytes(data, at);
    fn(data[at + 1]!, at, end, data[at]! & 0x1f);
    at = end;
  }
}
