/**
 * One party's side of a call as the network sees it: a pair of UDP sockets (RTP, RTCP), where the peer is (latch), what came
 * and what left (counters).
 *
 *   socket ──► valid? ──► from the peer? ──► [SRTP] ──► counted ──► sink.rtp | sink.rtcp        (relay, jitter buffer, recorder …)
 *               malformed    foreign          authFailed, replayed
 *   sendRtp | sendRtcp ──► where the peer is ──► [SRTP] ──► socket
 *                           noRemote             refused     sendErrors
 *
 * With SRTP only an authentic packet moves the latch; one from a place that the latch would not take anyway costs no look at its tag,
 * nor does it use up its sequence number for the true one.
 *
 * RTCP that comes on the RTP port (RFC 5761) is told by its type. It leaves on the RTP port when the peer said that it
 * multiplexes (both ports equal in its SDP), or when the only RTCP that it sends comes that way.
 */
import type { AudioStats, SrtpKeys, SrtpSuite } from '../audio-types';
import { parseSockAddr, type Family, type SockAddr } from './address';
import { Latch, type LatchState } from './latch';
import { NOT_AUTHENTIC, SrtpSession, type SrtpCounters } from './srtp/session';
import { MAX_TRAILER } from './srtp/suites';
import type { PacketHandler, UdpNet, UdpSocket } from './udp';
import { STATIC_CLOCK_RATES } from '../rtp/clock-rate';
import { ReceiveStats } from '../rtp/receive-stats';
import { RtcpMonitor, type RtcpReport } from '../rtp/rtcp-monitor';
import { isRtcp, isStun, looksLikeRtcp, MAX_DATAGRAM, rtpHeaderBytes, rtpPayloadOffset, rtpSequence, rtpSsrc, rtpTimestamp } from '../rtp/view';

/** Where an endpoint's valid packets go. The data is the network's and may be changed, but not kept. */
export interface PacketSink {
  rtp(data: Uint8Array, length: number, nowMs: number): void;
  rtcp(data: Uint8Array, length: number, nowMs: number): void;
}

export type PacketTap = (data: Uint8Array, length: number, nowMs: number) => void;

/** Where the peer says that it receives. */
export interface Remote {
  address: string;
  port: number;
  /** Default: the port after `port`; equal to `port`: RTCP shares it (RFC 5761). */
  rtcpPort?: number | undefined;
}

/** Counters since the endpoint was allocated. Octets are those of the UDP payload. */
export interface EndpointStats {
  /** Valid RTP from the peer. */
  received: { packets: number; bytes: number };
  /** RTP the system took from us. */
  sent: { packets: number; bytes: number };
  /** Received from the peer: missing; arrived after a later one; arrived again (RFC 3550 A.1, A.3). */
  lost: number;
  late: number;
  duplicate: number;
  /** Interarrival jitter in ms (RFC 3550 A.8); null when the payload's clock is not known or too little came. */
  jitterMs: number | null;
  /** Valid, but not from where the peer is. */
  foreign: number;
  /** Neither RTP nor RTCP nor STUN. */
  malformed: number;
  /** STUN (RFC 8489), with which some phones keep a NAT's mapping alive or look for other ways (ICE); not answered. */
  stun: number;
  /** Received and not passed on because the direction is gated (hold) or nothing is connected. */
  gated: number;
  /** Received and not passed on because the payload map drops the type. */
  filtered: number;
  /** Not sent because nobody told yet where the peer is. */
  noRemote: number;
  /** Refused by the system. */
  sendErrors: number;
  /** Null while RTP is plain. Counts since SRTP began here, RTP and RTCP alike; a packet counted here is in no other counter. */
  srtp: (SrtpCounters & { suite: SrtpSuite }) | null;
  rtcp: { received: number; sent: number; lastReport: (Omit<RtcpReport, 'atMs'> & { agoMs: number }) | null };
  /** The SDP address, and where packets really come from; null when not known (yet). */
  remote: string | null;
  latched: string | null;
  latchedRtcp: string | null;
  latch: LatchState;
  /** Since the last valid packet, RTP or RTCP; null before the first. */
  lastPacketAgoMs: number | null;
  /** While the party's sound is made here. */
  audio?: AudioStats;
  /** How what comes from the party sounds, ITU-T G.107, 1 to 4.5; null: not enough is known. Absent where nobody reckoned it. */
  mos?: number | null;
}

/**
 * After a change of the peer's key: how long a packet that the new one does not open is tried with the old one. Longer than any packet
 * is on its way, and than a re-INVITE's answer takes when it has to be sent twice.
 */
export const OLD_KEY_MS = 2000;

/** Where packets are encrypted that must stay as they are, or have no room behind them. */
let scratch: Uint8Array | undefined;

export class Endpoint {
  /** Where packets go; undefined: nowhere, they are counted as gated. */
  sink: PacketSink | undefined;
  /** Hears each valid RTP packet before the sink does, decrypted; must leave it as it is. */
  tap: PacketTap | undefined;
  /** RTP clocks by payload type, for the jitter. */
  clocks = STATIC_CLOCK_RATES;
  gated = 0;
  filtered = 0;
  /** Time of the last valid packet; -Infinity before the first. */
  lastPacketAt = -Infinity;
  private readonly latch = new Latch();
  private readonly rtcpLatch = new Latch();
  readonly received = new ReceiveStats();
  private readonly rtcp = new RtcpMonitor();
  private rtpSocket: UdpSocket | undefined;
  private rtcpSocket: UdpSocket | undefined;
  private srtp: SrtpSession | undefined;
  private oldSrtp: SrtpSession | undefined;
  private oldSrtpUntil = 0;
  private muxAnnounced = false;
  private muxSeen = false;
  /** The latches' moves that the sockets were aimed after. */
  private aimedAfter = 0;
  private rtcpAimedAfter = 0;
  private receivedBytes = 0;
  private sentPackets = 0;
  private sentBytes = 0;
  private foreign = 0;
  private malformed = 0;
  private stun = 0;
  private noRemote = 0;

  constructor(
    readonly id: string,
    readonly session: string,
    readonly family: Family,
    readonly label: string,
    private readonly now: () => number,
  ) {}

  /** @throws UdpError, with nothing left open */
  async open(net: UdpNet, address: string, rtpPort: number): Promise<void> {
    const rtp = await net.bind(this.family, address, rtpPort, this.onRtpPort);
    try {
      this.rtcpSocket = await net.bind(this.family, address, rtpPort + 1, this.onRtcpPort);
      this.rtpSocket = rtp;
      this.aim(); // a packet may have come between the two
    } catch (err) {
      rtp.close();
      throw err;
    }
  }

  get rtpPort(): number {
    return this.rtpSocket?.port ?? 0;
  }

  /**
   * @param remote null: nowhere, and the latched source is forgotten
   * @returns false when the address is not an IP address of this endpoint's family; then nothing changed
   */
  setRemote(remote: Remote | null, relatch: boolean): boolean {
    const now = this.now();
    if (remote === null) {
      this.latch.expect(undefined, now);
      this.rtcpLatch.expect(undefined, now);
      this.muxAnnounced = this.muxSeen = false;
      this.aim();
      return true;
    }
    const rtp = this.parse(remote.address, remote.port);
    const rtcp = this.parse(remote.address, remote.rtcpPort ?? nextPort(remote.port));
    if (!rtp || !rtcp) return false;
    if (relatch) {
      this.latch.relatch(this.latch.wouldMove(rtp));
      this.rtcpLatch.relatch(this.rtcpLatch.wouldMove(rtcp));
      this.muxSeen = false;
    }
    this.muxAnnounced = remote.rtcpPort === remote.port;
    this.latch.expect(rtp, now);
    this.rtcpLatch.expect(rtcp, now);
    this.aim();
    return true;
  }

  /**
   * SRTP from now on; null: plain RTP. A key that stays the same goes on counting. When the peer's key changes, packets encrypted with
   * the one before are taken for `OLD_KEY_MS` more; ours changes at once.
   * @throws MediaError 'bad-key'; then nothing changed
   */
  setCrypto(keys: SrtpKeys | null): void {
    const before = this.srtp;
    if (keys === null) {
      this.srtp = this.oldSrtp = undefined;
      return;
    }
    this.srtp = new SrtpSession(keys, before);
    if (before === undefined || this.srtp.hearsLike(before)) return;
    this.oldSrtp = before;
    this.oldSrtpUntil = this.now() + OLD_KEY_MS;
  }

  private aim(): void {
    this.aimedAfter = this.latch.moves;
    this.rtcpAimedAfter = this.rtcpLatch.moves;
    this.rtpSocket?.aim(this.latch.target);
    this.rtcpSocket?.aim(this.rtcpLatch.target);
  }

  private parse(address: string, port: number): SockAddr | undefined {
    return address.includes(':') === (this.family === 6) ? parseSockAddr(address, port) : undefined;
  }

  private readonly onRtpPort: PacketHandler = (data, length, from, nowMs) => {
    if (looksLikeRtcp(data, length)) {
      this.takeRtcp(this.latch, data, length, from, nowMs);
      return;
    }
    let plain = length;
    if (this.srtp !== undefined) {
      if (rtpHeaderBytes(data, length) < 0) {
        this.strange(data, length);
        return;
      }
      if (!this.latch.wouldAccept(from, nowMs)) {
        this.foreign++;
        return;
      }
      plain = this.srtp.unprotectRtp(data, length);
      if (plain === NOT_AUTHENTIC && this.oldSrtp !== undefined) plain = this.tryOldKey(data, length, false, nowMs);
      if (plain < 0) return;
    }
    if (rtpPayloadOffset(data, plain) < 0) {
      this.strange(data, length);
      return;
    }
    if (!this.latch.accept(from, nowMs)) {
      this.foreign++;
      return;
    }
    if (this.latch.moves !== this.aimedAfter) this.aim();
    this.lastPacketAt = nowMs;
    this.receivedBytes += length;
    this.received.update(rtpSequence(data), rtpTimestamp(data), rtpSsrc(data), this.clocks[data[1]! & 0x7f]!, nowMs);
    if (this.tap !== undefined) this.tap(data, plain, nowMs);
    if (this.sink) this.sink.rtp(data, plain, nowMs);
    else this.gated++;
  };

  private readonly onRtcpPort: PacketHandler = (data, length, from, nowMs) => this.takeRtcp(this.rtcpLatch, data, length, from, nowMs);

  private takeRtcp(latch: Latch, data: Uint8Array, length: number, from: SockAddr, nowMs: number): void {
    let plain = length;
    if (!isRtcp(data, length)) {
      this.strange(data, length);
      return;
    }
    if (this.srtp !== undefined && latch.wouldAccept(from, nowMs)) {
      plain = this.srtp.unprotectRtcp(data, length);
      if (plain === NOT_AUTHENTIC && this.oldSrtp !== undefined) plain = this.tryOldKey(data, length, true, nowMs);
      if (plain < 0) return;
    }
    if (!latch.accept(from, nowMs)) {
      this.foreign++;
      return;
    }
    if (latch === this.latch) this.muxSeen = true;
    if (this.latch.moves !== this.aimedAfter || this.rtcpLatch.moves !== this.rtcpAimedAfter) this.aim();
    this.lastPacketAt = nowMs;
    this.rtcp.onReceived(data, plain, nowMs);
    this.sink?.rtcp(data, plain, nowMs);
  }

  private strange(data: Uint8Array, length: number): void {
    if (isStun(data, length)) this.stun++;
    else this.malformed++;
  }

  /** @returns as `unprotect…` does. The new key counted the packet as not authentic; now the old one's verdict counts. */
  private tryOldKey(data: Uint8Array, length: number, rtcp: boolean, nowMs: number): number {
    const old = this.oldSrtp!;
    if (nowMs >= this.oldSrtpUntil) {
      this.oldSrtp = undefined;
      return NOT_AUTHENTIC;
    }
    old.counters.authFailed--; // both sessions count in the same place
    return rtcp ? old.unprotectRtcp(data, length) : old.unprotectRtp(data, length);
  }

  /** @param mayChange the data is the caller's no more: it may be encrypted where it is, when there is room behind it for the tag */
  sendRtp(data: Uint8Array, length: number, mayChange = false): void {
    const socket = this.rtpSocket;
    if (socket === undefined || !socket.aimed) {
      this.noRemote++;
      return;
    }
    let out = data;
    let octets = length;
    if (this.srtp !== undefined) {
      if (!mayChange || !SrtpSession.hasRoom(data, length)) out = copyToScratch(data, length);
      octets = this.srtp.protectRtp(out, length);
      if (octets < 0) return;
    }
    if (!socket.send(out, octets)) return;
    this.sentPackets++;
    this.sentBytes += octets;
  }

  /** The data stays as it is. */
  sendRtcp(data: Uint8Array, length: number, nowMs: number): void {
    const muxed = this.muxAnnounced || (this.muxSeen && this.rtcpLatch.state === 'open');
    const socket = muxed ? this.rtpSocket : this.rtcpSocket;
    if (socket === undefined || !socket.aimed) {
      this.noRemote++;
      return;
    }
    let out = data;
    let octets = length;
    if (this.srtp !== undefined) {
      out = copyToScratch(data, length);
      octets = this.srtp.protectRtcp(out, length);
      if (octets < 0) return;
    }
    if (socket.send(out, octets)) this.rtcp.onSent(data, length, nowMs);
  }

  stats(): EndpointStats {
    const now = this.now();
    const report = this.rtcp.lastReport;
    const lastReport = report && {
      ssrc: report.ssrc,
      fractionLost: report.fractionLost,
      cumulativeLost: report.cumulativeLost,
      jitter: report.jitter,
      rttMs: report.rttMs,
      agoMs: now - report.atMs,
    };
    return {
      received: { packets: this.received.packets, bytes: this.receivedBytes },
      sent: { packets: this.sentPackets, bytes: this.sentBytes },
      lost: this.received.lost,
      late: this.received.late,
      duplicate: this.received.duplicate,
      jitterMs: this.received.jitterMs,
      foreign: this.foreign,
      malformed: this.malformed,
      stun: this.stun,
      gated: this.gated,
      filtered: this.filtered,
      noRemote: this.noRemote,
      sendErrors: (this.rtpSocket?.sendErrors ?? 0) + (this.rtcpSocket?.sendErrors ?? 0),
      srtp: this.srtp ? { suite: this.srtp.suite, ...this.srtp.counters } : null,
      rtcp: { received: this.rtcp.received, sent: this.rtcp.sent, lastReport },
      remote: this.latch.announced,
      latched: this.latch.latched,
      latchedRtcp: this.rtcpLatch.latched,
      latch: this.latch.state,
      lastPacketAgoMs: this.lastPacketAt === -Infinity ? null : now - this.lastPacketAt,
    };
  }

  describe(): string {
    return `${this.srtp ? 'srtp' : 'udp'}(:${this.rtpPort})`;
  }

  /** Idempotent; the counters stay readable. */
  close(): void {
    this.rtpSocket?.close();
    this.rtcpSocket?.close();
    this.sink = this.tap = undefined;
  }
}

function copyToScratch(data: Uint8Array, length: number): Uint8Array {
  scratch ??= new Uint8Array(new ArrayBuffer(MAX_DATAGRAM + MAX_TRAILER));
  if (length > MAX_DATAGRAM) return data; // which SRTP refuses
  for (let i = 0; i < length; i++) scratch[i] = data[i]!;
  return scratch;
}

/** Where RTCP is when nothing says so (RFC 3550 §11). Port 0, where nothing is sent to, has no next, nor has the last. */
const nextPort = (port: number): number => (port === 0 || port === 65535 ? 0 : port + 1);

/** The counters of an endpoint that nothing is known of any more. */
export function emptyStats(): EndpointStats {
  return new Endpoint('', '', 4, '', () => 0).stats();
}
