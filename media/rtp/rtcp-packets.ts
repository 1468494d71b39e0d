/**
 * RTCP packets written, and what of them needs more than a look: werift-rtp makes SR, RR and SDES (RFC 3550 §6.4, §6.5) and reads SR and SDES;
 * BYE (§6.6) and XR (RFC 3611), which it lacks, are ours.
 *
 * What is done around werift-rtp 0.8.9, which throws TypeErrors and RangeErrors at what it does not expect:
 *   - it is given one packet at a time (it reads an SDES to the end of the datagram), of a compound known to be well-formed, inside a `try`;
 *   - cumulative loss is handed over as 24 bits of two's complement (below 0 it would throw);
 *   - an SDES chunk whose items end on a word boundary gets the null octets that §6.5 demands and that it leaves out.
 *
 * Off the hot path: a packet of these is made every 5 s. Imported at the top although it takes 65 ms to load: a worker does that while it starts,
 * and not when its first call is 5 s old and others are being mixed.
 */
import { RtcpPacketConverter, RtcpReceiverInfo, RtcpRrPacket, RtcpSenderInfo, RtcpSourceDescriptionPacket, RtcpSrPacket, SourceDescriptionChunk, SourceDescriptionItem } from 'werift-rtp';
import { BYE, EXTENDED_REPORT } from './rtcp-compound';
import { uint32 } from './view';

export interface ReportBlock {
  ssrc: number;
  /** 0 to 255. */
  fraction: number;
  /** Clamped to 24 bits with sign. */
  cumulativeLost: number;
  highest: number;
  jitter: number;
  lsr: number;
  dlsr: number;
}

export interface SenderInfo {
  /** 64 bits. */
  ntp: bigint;
  timestamp: number;
  packets: number;
  octets: number;
}

const NTP_EPOCH_SECONDS = 2_208_988_800;
const CNAME = 1;
const TOOL = 6;
const MAX_TEXT = 255;

/** NTP's 64 bits (§4) of Unix milliseconds. */
export function ntpTime(unixMs: number): bigint {
  const seconds = Math.floor(unixMs / 1000);
  const fraction = Math.floor(((unixMs / 1000 - seconds) * 0x1_0000_0000));
  return (BigInt((seconds + NTP_EPOCH_SECONDS) >>> 0) << 32n) | BigInt(fraction >>> 0);
}

export const middle = (ntp: bigint): number => Number((ntp >> 16n) & 0xffff_ffffn);

/** SR when there is `sender`, else RR. @returns octets written at `at` */
export function writeReport(out: Uint8Array, at: number, ssrc: number, sender: SenderInfo | null, block: ReportBlock | null): number {
  const reports = block
    ? [
        new RtcpReceiverInfo({
          ssrc: block.ssrc >>> 0,
          fractionLost: Math.min(255, Math.max(0, Math.floor(block.fraction))),
          packetsLost: Math.min(0x7fffff, Math.max(-0x800000, block.cumulativeLost)) & 0xffffff,
          highestSequence: block.highest >>> 0,
          jitter: block.jitter >>> 0,
          lsr: block.lsr >>> 0,
          dlsr: block.dlsr >>> 0,
        }),
      ]
    : [];
  const packet = sender
    ? new RtcpSrPacket({
        ssrc,
        senderInfo: new RtcpSenderInfo({ ntpTimestamp: sender.ntp, rtpTimestamp: sender.timestamp >>> 0, packetCount: sender.packets >>> 0, octetCount: sender.octets >>> 0 }),
        reports,
      })
    : new RtcpRrPacket({ ssrc, reports });
  return put(out, at, packet.serialize());
}

/** @returns octets written at `at` */
export function writeDescription(out: Uint8Array, at: number, ssrc: number, cname: string): number {
  const items = [new SourceDescriptionItem({ type: CNAME, text: fitted(cname) })];
  // two octets of null more, where the items would end on a word boundary: an item of type and length 0
  if ((2 + Buffer.byteLength(items[0]!.text)) % 4 === 0) items.push(new SourceDescriptionItem({ type: 0, text: '' }));
  return put(out, at, new RtcpSourceDescriptionPacket({ chunks: [new SourceDescriptionChunk({ source: ssrc, items })] }).serialize());
}

/** At most 255 octets of UTF-8, no half characters. */
function fitted(text: string): string {
  let short = text;
  while (Buffer.byteLength(short) > MAX_TEXT) short = short.slice(0, -1);
  return short;
}

function put(out: Uint8Array, at: number, packet: Buffer): number {
  if (at + packet.length > out.length) return 0;
  out.set(packet, at);
  return packet.length;
}

/**
 *   |V=2|P|    SC   |   PT=BYE=203  |             length            |
 *   |                           SSRC/CSRC                           |
 *   |     length    |               reason for leaving            ... (opt)
 *
 * @returns octets written at `at`
 */
export function writeBye(out: Uint8Array, at: number, ssrc: number, reason: string): number {
  const text = Buffer.from(fitted(reason));
  const bytes = text.length === 0 ? 8 : 8 + Math.ceil((1 + text.length) / 4) * 4;
  if (at + bytes > out.length) return 0;
  out.fill(0, at, at + bytes);
  head(out, at, 1, BYE, bytes);
  put32(out, at + 4, ssrc);
  if (text.length > 0) {
    out[at + 8] = text.length;
    out.set(text, at + 9);
  }
  return bytes;
}

/** The sources that leave, and why; what is cut off is left out. */
export function readBye(data: Uint8Array, offset: number, end: number, count: number): { sources: number[]; reason: string } {
  const sources: number[] = [];
  let at = offset + 4;
  for (let i = 0; i < count && at + 4 <= end; i++, at += 4) sources.push(uint32(data, at));
  const length = at < end ? Math.min(data[at]!, end - at - 1) : 0;
  return { sources, reason: Buffer.from(data.subarray(at + 1, at + 1 + length)).toString() };
}

/** RFC 3611 §4.4 to §4.7. */
export const RRTR = 4;
export const DLRR = 5;
export const VOIP_METRICS = 7;

/** Head of an XR packet whose blocks were written behind it: `bytes` in all. */
export function writeExtendedHead(out: Uint8Array, at: number, ssrc: number, bytes: number): void {
  head(out, at, 0, EXTENDED_REPORT, bytes);
  put32(out, at + 4, ssrc);
}

/** Receiver reference time: asks a peer that hears no SR from us for the round trip. 12 octets. */
export function writeRrtr(out: Uint8Array, at: number, ntp: bigint): number {
  blockHead(out, at, RRTR, 12);
  put32(out, at + 4, Number(ntp >> 32n));
  put32(out, at + 8, Number(ntp & 0xffff_ffffn));
  return 12;
}

/** The answer to one. 16 octets. */
export function writeDlrr(out: Uint8Array, at: number, ssrc: number, lrr: number, dlrr: number): number {
  blockHead(out, at, DLRR, 16);
  put32(out, at + 4, ssrc);
  put32(out, at + 8, lrr);
  put32(out, at + 12, dlrr);
  return 16;
}

/** What we hear of the peer (§4.7); null: unknown. Rates 0 to 1. */
export interface VoipMetrics {
  lossRate: number;
  discardRate: number;
  roundTripMs: number | null;
  /** What is between the wire and the listener here: playout and decoding, ms. */
  endSystemDelayMs: number;
  rFactor: number | null;
  mosListening: number | null;
  mosConversational: number | null;
  jitterBuffer: { nominalMs: number; maximumMs: number; absoluteMaximumMs: number };
}

const UNKNOWN = 127;

/**
 *   |     BT=7      |   reserved    |       block length = 8        |
 *   |                        SSRC of source                         |
 *   |   loss rate   | discard rate  | burst density |  gap density  |
 *   |       burst duration          |         gap duration          |
 *   |     round trip delay          |       end system delay        |
 *   | signal level  |  noise level  |     RERL      |     Gmin      |
 *   |   R factor    | ext. R factor |    MOS-LQ     |    MOS-CQ     |
 *   |   RX config   |   reserved    |          JB nominal           |
 *   |          JB maximum           |          JB abs max           |
 *
 * Bursts and gaps are not told apart here: everything is one gap of no known duration. 36 octets.
 */
export function writeVoipMetrics(out: Uint8Array, at: number, ssrc: number, m: VoipMetrics): number {
  out.fill(0, at, at + 36);
  blockHead(out, at, VOIP_METRICS, 36);
  put32(out, at + 4, ssrc);
  out[at + 8] = eighth(m.lossRate);
  out[at + 9] = eighth(m.discardRate);
  out[at + 11] = eighth(m.lossRate + m.discardRate);
  put16(out, at + 16, m.roundTripMs ?? 0);
  put16(out, at + 18, m.endSystemDelayMs);
  out[at + 20] = out[at + 21] = out[at + 22] = UNKNOWN;
  out[at + 23] = 16; // Gmin, as recommended
  out[at + 24] = m.rFactor === null ? UNKNOWN : Math.min(100, Math.max(0, Math.round(m.rFactor)));
  out[at + 25] = UNKNOWN;
  out[at + 26] = tenths(m.mosListening);
  out[at + 27] = tenths(m.mosConversational);
  out[at + 28] = 0b10_11_0000; // standard concealment, adaptive jitter buffer
  put16(out, at + 30, m.jitterBuffer.nominalMs);
  put16(out, at + 32, m.jitterBuffer.maximumMs);
  put16(out, at + 34, m.jitterBuffer.absoluteMaximumMs);
  return 36;
}

const eighth = (rate: number): number => Math.min(255, Math.max(0, Math.floor(rate * 256)));
const tenths = (mos: number | null): number => (mos === null ? UNKNOWN : Math.min(50, Math.max(10, Math.round(mos * 10))));

/** Blocks of an XR packet; one that is cut off ends it. `at` is where the block's head is. */
export function forEachExtendedBlock(data: Uint8Array, offset: number, end: number, fn: (type: number, at: number, end: number) => void): void {
  for (let at = offset + 8; at + 4 <= end; ) {
    const next = at + (((data[at + 2]! << 8) | data[at + 3]!) + 1) * 4;
    if (next > end) return;
    fn(data[at]!, at, next);
    at = next;
  }
}

/** What werift-rtp finds in one packet, SR or SDES; undefined: nothing it understands. Never throws. */
export function readWithWerift(data: Uint8Array, offset: number, end: number): { ntpMiddle?: number; cname?: string; tool?: string } | undefined {
  try {
    const [packet] = RtcpPacketConverter.deSerialize(Buffer.from(data.subarray(offset, end)));
    if (packet instanceof RtcpSrPacket) return { ntpMiddle: middle(packet.senderInfo.ntpTimestamp) };
    if (!(packet instanceof RtcpSourceDescriptionPacket)) return undefined;
    const items = packet.chunks[0]?.items ?? [];
    const cname = items.find(({ type }) => type === CNAME)?.text;
    const tool = items.find(({ type }) => type === TOOL)?.text;
    return { ...(cname !== undefined && { cname }), ...(tool !== undefined && { tool }) };
  } catch {
    return undefined;
  }
}

function head(out: Uint8Array, at: number, count: number, type: number, bytes: number): void {
  out[at] = 0x80 | count;
  out[at + 1] = type;
  put16(out, at + 2, bytes / 4 - 1);
}

function blockHead(out: Uint8Array, at: number, type: number, bytes: number): void {
  out[at] = type;
  out[at + 1] = 0;
  put16(out, at + 2, bytes / 4 - 1);
}

function put16(out: Uint8Array, at: number, value: number): void {
  const n = Math.min(0xffff, Math.max(0, Math.round(value)));
  out[at] = n >> 8;
  out[at + 1] = n & 0xff;
}

function put32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = (value >>> 16) & 0xff;
  out[at + 2] = (value >>> 8) & 0xff;
  out[at + 3] = value & 0xff;
}
