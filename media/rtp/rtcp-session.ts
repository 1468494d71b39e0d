/**
 * RTCP of an endpoint whose media ends here (RFC 3550 §6): our reports to the peer, and what it reports of us.
 *
 *   RTP sent ─► counted ─┐
 *   RTP received ─► ReceiveStats ─┴─► build: SR | RR, SDES (CNAME), XR ─► peer          (when `due`, §6.3)
 *   peer ─► onRtcp: SR, RR, SDES, BYE, XR ─► quality(): round trip, loss and jitter as it hears us, its name, its leaving
 *
 * The round trip comes from LSR and DLSR of its reports on us; where we only listen, from DLRR (RFC 3611 §4.5), if it does that.
 */
import { APP, BYE, cumulativeLostAt, EXTENDED_REPORT, forEachPacket, forEachReportBlock, RECEIVER_REPORT, SENDER_REPORT, SENDER_REPORT_BYTES, SentReports, SOURCE_DESCRIPTION } from './rtcp-compound';
import { RtcpInterval } from './rtcp-interval';
import { DLRR, forEachExtendedBlock, middle, ntpTime, readBye, readWithWerift, RRTR, VOIP_METRICS, writeBye, writeDescription, writeDlrr, writeExtendedHead, writeReport, writeRrtr, writeVoipMetrics, type ReportBlock, type SenderInfo, type VoipMetrics } from './rtcp-packets';
import { uint32 } from './view';

export interface RtcpSessionOptions {
  ssrc: number;
  /** Stays the same while the SSRC changes; unpredictable and without the host's name (RFC 7022). */
  cname: string;
  /** RTP clock of what is sent, Hz. */
  clockRate: number;
  /** 0 to 1. */
  random: () => number;
  nowMs: number;
  /** Unix milliseconds. */
  ntpMs: () => number;
  /** Of the session's RTP, both directions; default 160,000 (G.711 with its headers). */
  bandwidthBps?: number | undefined;
  /** Asked at each report; default: no VoIP metrics block is sent, nor an RRTR. For peers that negotiated `a=rtcp-xr`. */
  voipMetrics?: (() => VoipMetrics | null) | undefined;
}

/** What report blocks say of the stream that comes in; ReceiveStats is one. */
export interface Reception {
  /** -1: nothing came yet. */
  readonly ssrc: number;
  /** All valid packets. */
  readonly packets: number;
  readonly highest: number;
  readonly expected: number;
  readonly receivedOnce: number;
  readonly jitterUnits: number;
}

export interface RtcpQuality {
  /** null: not measured. */
  rttMs: number | null;
  /** What the peer hears of us; null: it has not said. */
  reported: {
    /** Since its report before, 0 to 1. */
    fractionLost: number;
    /** Below 0: duplicates. */
    cumulativeLost: number;
    jitterMs: number;
    /** From its VoIP metrics (RFC 3611 §4.7): listening quality, else conversational; null: it does not say. */
    mos: number | null;
    rFactor: number | null;
    atMs: number;
  } | null;
  remote: { ssrc: number; cname: string; tool: string } | null;
  /** The peer has left; its reason, perhaps ''. */
  byeReceived: string | null;
}

/** Room that a report needs: SR with a block, SDES, XR with three blocks, BYE with a reason. */
export const MAX_REPORT_BYTES = 52 + 268 + 72 + 264;

export class RtcpSession {
  /** Compounds sent and received. */
  sent = 0;
  received = 0;
  /** Compounds that do not add up, and packets in others that could not be read. */
  unreadable = 0;
  /** APP packets, and other types that mean nothing here. */
  ignored = 0;
  /** Reports from somebody with our own SSRC (§8.2): a loop, or a collision. */
  collisions = 0;
  private ssrc: number;
  private clockRate: number;
  private readonly interval: RtcpInterval;
  private readonly reports = new SentReports();
  private readonly references = new SentReports();
  /** 32-bit integers: the counters wrap, and V8 keeps them inside the object. */
  private packets = 0;
  private octets = 0;
  private timestamp = 0;
  private timestampMs = 0;
  /** `packets` at the last two reports: §6.3.8, we are a sender until two reports after the last packet. */
  private packetsAt1 = 0;
  private packetsAt2 = 0;
  private everSent = false;
  private over = false;
  private heard: { ssrc: number; packets: number; expected: number; received: number } | undefined;
  private peerPackets1 = 0;
  private peerPackets2 = 0;
  private peer: { ssrc: number; cname: string; tool: string } | undefined;
  private lastSr: { ssrc: number; lsr: number; atMs: number } | undefined;
  private lastRrtr: { ssrc: number; lrr: number; atMs: number } | undefined;
  private rttMs: number | null = null;
  private reported: NonNullable<RtcpQuality['reported']> | null = null;
  private byeReason: string | null = null;

  constructor(private readonly options: RtcpSessionOptions) {
    this.ssrc = options.ssrc >>> 0;
    this.clockRate = options.clockRate;
    this.interval = new RtcpInterval(options.random, options.bandwidthBps ?? 160_000, options.nowMs);
  }

  /** For each packet: nothing is allocated. @param payloadBytes without header and padding (§6.4.1) */
  onRtpSent(payloadBytes: number, timestamp: number, nowMs: number): void {
    this.packets = (this.packets + 1) | 0;
    this.octets = (this.octets + payloadBytes) | 0;
    this.timestamp = timestamp | 0;
    this.timestampMs = nowMs;
  }

  /** What is sent from now on. Another SSRC counts from 0, and what the peer said of the one before is not about it. */
  setStream(ssrc: number, clockRate: number): void {
    this.clockRate = clockRate;
    if (ssrc >>> 0 === this.ssrc) return;
    this.ssrc = ssrc >>> 0;
    this.packets = this.octets = this.packetsAt1 = this.packetsAt2 = 0;
    this.everSent = false;
    this.reports.clear();
    this.reported = null;
  }

  /** Time of the next report, on the caller's clock; Infinity after `bye`. */
  due(): number {
    return this.interval.dueMs;
  }

  /**
   * To be called when `due`. @param out room for MAX_REPORT_BYTES
   * @returns octets written; 0: not now, `due` has moved (reconsideration)
   */
  build(out: Uint8Array, nowMs: number, reception?: Reception): number {
    if (this.over) return 0;
    const peerPackets = reception?.packets ?? 0;
    this.interval.population(this.byeReason === null && (this.peer !== undefined || peerPackets > 0), peerPackets !== this.peerPackets2, this.packets !== this.packetsAt2);
    if (!this.interval.reconsider(nowMs)) return 0;
    const bytes = this.compound(out, nowMs, reception);
    if (bytes === 0) return 0;
    this.packetsAt2 = this.packetsAt1;
    this.packetsAt1 = this.packets;
    this.peerPackets2 = this.peerPackets1;
    this.peerPackets1 = peerPackets;
    this.interval.sized(bytes);
    this.interval.sent(nowMs);
    return bytes;
  }

  /**
   * The last compound, with BYE (§6.6). Idempotent.
   * @returns octets written; 0 when nothing was ever sent, which needs no goodbye, or it was said before
   */
  bye(out: Uint8Array, nowMs: number, reason = '', reception?: Reception): number {
    if (this.over) return 0;
    this.over = true;
    this.interval.stop();
    if (!this.everSent && this.packets === 0) return 0;
    const bytes = this.compound(out, nowMs, reception);
    return bytes === 0 ? 0 : bytes + writeBye(out, bytes, this.ssrc, reason);
  }

  private compound(out: Uint8Array, nowMs: number, reception: Reception | undefined): number {
    if (out.length < MAX_REPORT_BYTES) throw new RangeError(`a report needs ${MAX_REPORT_BYTES} octets of room, not ${out.length}`);
    const ntp = ntpTime(this.options.ntpMs());
    const sends = this.packets !== this.packetsAt2;
    const sender: SenderInfo | null = sends
      ? { ntp, timestamp: this.timestamp + Math.round(((nowMs - this.timestampMs) * this.clockRate) / 1000), packets: this.packets, octets: this.octets }
      : null;
    let at = writeReport(out, 0, this.ssrc, sender, reception ? this.block(reception, nowMs) : null);
    at += writeDescription(out, at, this.ssrc, this.options.cname);
    at += this.extended(out, at, ntp, sends, reception, nowMs);
    if (sends) this.reports.remember(this.ssrc, middle(ntp), nowMs);
    this.everSent = true;
    this.sent++;
    return at;
  }

  /** §6.4.1, A.3; null when nothing came since the last report: there is no block for a source that is silent. */
  private block(reception: Reception, nowMs: number): ReportBlock | null {
    const { ssrc, packets, expected, receivedOnce } = reception;
    const same = this.heard?.ssrc === ssrc && this.heard.expected <= expected && this.heard.received <= receivedOnce ? this.heard : undefined;
    if (ssrc < 0 || packets === this.heard?.packets) return null;
    const expectedNow = expected - (same?.expected ?? 0);
    const lostNow = expectedNow - (receivedOnce - (same?.received ?? 0));
    this.heard = { ssrc, packets, expected, received: receivedOnce };
    const sr = this.lastSr?.ssrc === ssrc ? this.lastSr : undefined;
    return {
      ssrc,
      fraction: expectedNow <= 0 || lostNow <= 0 ? 0 : Math.min(255, Math.floor((lostNow * 256) / expectedNow)),
      cumulativeLost: expected - receivedOnce,
      highest: reception.highest,
      jitter: reception.jitterUnits,
      lsr: sr?.lsr ?? 0,
      dlsr: sr ? Math.round(((nowMs - sr.atMs) * 65536) / 1000) : 0,
    };
  }

  private extended(out: Uint8Array, at: number, ntp: bigint, sends: boolean, reception: Reception | undefined, nowMs: number): number {
    let end = at + 8;
    if (this.lastRrtr !== undefined) {
      end += writeDlrr(out, end, this.lastRrtr.ssrc, this.lastRrtr.lrr, Math.round(((nowMs - this.lastRrtr.atMs) * 65536) / 1000));
      this.lastRrtr = undefined;
    }
    const { voipMetrics } = this.options;
    if (voipMetrics !== undefined && !sends) {
      end += writeRrtr(out, end, ntp);
      this.references.remember(this.ssrc, middle(ntp), nowMs);
    }
    const metrics = reception && reception.ssrc >= 0 ? voipMetrics?.() : undefined;
    if (metrics) end += writeVoipMetrics(out, end, reception!.ssrc, metrics);
    if (end === at + 8) return 0;
    writeExtendedHead(out, at, this.ssrc, end - at);
    return end - at;
  }

  /** A compound from the peer, decrypted. Never throws, whatever it is. */
  onRtcp(data: Uint8Array, length: number, nowMs: number): void {
    this.received++;
    const whole = forEachPacket(data, length, (type, offset, end, count) => this.packet(data, type, offset, end, count, nowMs));
    if (whole) this.interval.sized(length);
    else this.unreadable++;
  }

  private packet(data: Uint8Array, type: number, offset: number, end: number, count: number, nowMs: number): void {
    if (end - offset < 8 && type !== BYE) {
      if (type !== SOURCE_DESCRIPTION || count > 0) this.unreadable++; // an SDES of no chunks is legal, and empty
      return;
    }
    switch (type) {
      case SENDER_REPORT:
      case RECEIVER_REPORT: {
        if (type === SENDER_REPORT && end - offset < SENDER_REPORT_BYTES) {
          this.unreadable++;
          return;
        }
        const ssrc = uint32(data, offset + 4);
        this.from(ssrc);
        if (type === SENDER_REPORT) this.senderReport(ssrc, data, offset, end, nowMs);
        forEachReportBlock(type, offset, end, count, (at) => this.reportBlock(data, at, nowMs));
        return;
      }
      case SOURCE_DESCRIPTION: {
        const found = readWithWerift(data, offset, end);
        if (found === undefined) this.unreadable++;
        else if (this.peer?.ssrc === uint32(data, offset + 4)) {
          if (found.cname !== undefined) this.peer.cname = found.cname;
          if (found.tool !== undefined) this.peer.tool = found.tool;
        }
        return;
      }
      case BYE: {
        const { sources, reason } = readBye(data, offset, end, count);
        if (this.peer !== undefined && !sources.includes(this.peer.ssrc)) return;
        this.byeReason = reason;
        this.interval.left(nowMs);
        return;
      }
      case EXTENDED_REPORT:
        forEachExtendedBlock(data, offset, end, (block, at, blockEnd) => this.extendedBlock(block, uint32(data, offset + 4), data, at, blockEnd, nowMs));
        return;
      case APP:
      default:
        this.ignored++;
    }
  }

  private from(ssrc: number): void {
    if (ssrc === this.ssrc) {
      this.collisions++;
      return;
    }
    if (this.peer?.ssrc !== ssrc) this.peer = { ssrc, cname: '', tool: '' };
    this.byeReason = null; // it, or another, is there after all
  }

  private senderReport(ssrc: number, data: Uint8Array, offset: number, end: number, nowMs: number): void {
    const lsr = readWithWerift(data, offset, end)?.ntpMiddle;
    if (lsr === undefined) this.unreadable++;
    else this.lastSr = { ssrc, lsr, atMs: nowMs };
  }

  private reportBlock(data: Uint8Array, at: number, nowMs: number): void {
    if (uint32(data, at) !== this.ssrc) return;
    this.rttMs = this.reports.roundTripMs(this.ssrc, uint32(data, at + 16), uint32(data, at + 20), nowMs) ?? this.rttMs;
    this.reported = {
      fractionLost: data[at + 4]! / 256,
      cumulativeLost: cumulativeLostAt(data, at),
      jitterMs: (uint32(data, at + 12) * 1000) / this.clockRate,
      mos: this.reported?.mos ?? null,
      rFactor: this.reported?.rFactor ?? null,
      atMs: nowMs,
    };
  }

  private extendedBlock(type: number, from: number, data: Uint8Array, at: number, end: number, nowMs: number): void {
    if (type === RRTR && end - at >= 12) {
      this.lastRrtr = { ssrc: from, lrr: uint32(data, at + 6), atMs: nowMs };
    } else if (type === DLRR) {
      for (let sub = at + 4; sub + 12 <= end; sub += 12) {
        if (uint32(data, sub) === this.ssrc) this.rttMs = this.references.roundTripMs(this.ssrc, uint32(data, sub + 4), uint32(data, sub + 8), nowMs) ?? this.rttMs;
      }
    } else if (type === VOIP_METRICS && end - at >= 36 && uint32(data, at + 4) === this.ssrc) {
      const [r, listening, conversational] = [data[at + 24]!, data[at + 26]!, data[at + 27]!];
      const mos = [listening, conversational].find((m) => m >= 10 && m <= 50);
      this.reported = {
        ...(this.reported ?? { fractionLost: data[at + 8]! / 256, cumulativeLost: 0, jitterMs: 0, atMs: nowMs }),
        mos: mos === undefined ? null : mos / 10,
        rFactor: r <= 100 ? r : null,
      };
    }
  }

  quality(): RtcpQuality {
    return { rttMs: this.rttMs, reported: this.reported, remote: this.peer ? { ...this.peer } : null, byeReceived: this.byeReason };
  }
}
