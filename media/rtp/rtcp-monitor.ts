/**
 * Reads the RTCP that passes by (RFC 3550 §6.4): what a peer reports about the stream it hears, and how far away it is.
 *
 * We do not send reports of our own, the other party's pass through us. Round-trip time still can be told: when a sender
 * report leaves for the peer we remember its middle 32 NTP bits and when; the peer's next report names them (LSR) and how
 * long it kept them (DLSR), and the rest of the time was spent on the way.
 *
 *   report block:  SSRC | fraction lost (8) cumulative lost (24) | highest sequence | jitter | LSR | DLSR
 */
import { forEachPacket, forEachReportBlock, middleOfNtp, RECEIVER_REPORT, SENDER_REPORT, SENDER_REPORT_BYTES, SentReports } from './rtcp-compound';
import { uint32 } from './view';

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
  private readonly reports = new SentReports();

  /** A compound packet from the peer. */
  onReceived(data: Uint8Array, length: number, nowMs: number): void {
    this.received++;
    forEachPacket(data, length, (type, offset, end, count) => {
      if (type === SENDER_REPORT || type === RECEIVER_REPORT) forEachReportBlock(type, offset, end, count, (at) => this.read(data, at, nowMs));
    });
  }

  /** A compound packet on its way to the peer. */
  onSent(data: Uint8Array, length: number, nowMs: number): void {
    this.sent++;
    forEachPacket(data, length, (type, offset, end) => {
      if (type === SENDER_REPORT && end - offset >= SENDER_REPORT_BYTES) this.reports.remember(uint32(data, offset + 4), middleOfNtp(data, offset + 8), nowMs);
    });
  }

  private read(data: Uint8Array, at: number, nowMs: number): void {
    const ssrc = uint32(data, at);
    const rtt = this.reports.roundTripMs(ssrc, uint32(data, at + 16), uint32(data, at + 20), nowMs);
    this.lastReport = {
      ssrc,
      fractionLost: data[at + 4]! / 256,
      cumulativeLost: (uint32(data, at + 4) << 8) >> 8,
      jitter: uint32(data, at + 12),
      rttMs: rtt ?? this.lastReport?.rttMs ?? null,
      atMs: nowMs,
    };
  }
}
