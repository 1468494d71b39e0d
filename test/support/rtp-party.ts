/**
 * The sound of a SIPp call: SIPp says what port it receives on, this party has that port. It sends a tone as G.711 in
 * 20 ms packets, counts and decodes what it receives, so that a SIPp call is judged by ear like one between phones.
 */
import { createSocket, type Socket } from 'node:dgram';
import { tone } from './tone';
import type { Stage } from './stage';
import type { Recording } from './wav';
import { joined } from './wav';

export interface RtpPartyOptions {
  /** Hz of the sine it sends */
  tone: number;
  /** 0 = PCMU, 8 = PCMA */
  payloadType?: 0 | 8;
  address?: string;
}

export interface RtpCounts {
  sent: number;
  received: number;
  /** Packets that were never seen between the first and the last sequence number of one synchronisation source. */
  lost: number;
  /** Datagrams that are not RTP. */
  malformed: number;
  payloadTypes: number[];
  sources: number;
  /** Where packets came from, `address:port` */
  from: string[];
}

const RATE = 8000;
const FRAME = 160;
const PACKET_MS = 20;

export class RtpParty {
  private readonly encoded: Buffer;
  private readonly ssrc = Math.floor(Math.random() * 0xffffffff);
  private sequence = Math.floor(Math.random() * 0xffff);
  private timestamp = Math.floor(Math.random() * 0xffffffff);
  private sentPackets = 0;
  private malformed = 0;
  private payloads: Buffer[] = [];
  private payloadTypes = new Set<number>();
  private sequences = new Map<number, Set<number>>();
  private from = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  private constructor(
    private readonly socket: Socket,
    readonly port: number,
    private readonly payloadType: number,
    hz: number,
  ) {
    this.encoded = encode(tone(hz, 1, RATE), payloadType);
    socket.on('message', (data, peer) => this.receive(data, `${peer.address}:${peer.port}`));
    socket.on('error', () => undefined);
  }

  static async open(stage: Stage, options: RtpPartyOptions): Promise<RtpParty> {
    const port = (await stage.ports(2)).first;
    const address = options.address ?? '127.0.0.1';
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(port, address, resolve);
    });
    return stage.own(new RtpParty(socket, port, options.payloadType ?? 0, options.tone));
  }

  /** Starts sending; a second call changes the destination. Hz whose period does not divide a second would click once a second. */
  sendTo(target: { address: string; port: number }): void {
    clearInterval(this.timer);
    const start = Date.now();
    let due = 0;
    // Every packet's time is counted from the start: a timer that comes late sends what is missing instead of drifting.
    this.timer = setInterval(() => {
      for (; due * PACKET_MS <= Date.now() - start; due++) this.socket.send(this.next(), target.port, target.address);
    }, PACKET_MS / 2);
  }

  stopSending(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  heard(): Recording {
    const type = [...this.payloadTypes][0] ?? this.payloadType;
    return { samples: joined(this.payloads.map((payload) => decode(payload, type))), rate: RATE };
  }

  counts(): RtpCounts {
    return {
      sent: this.sentPackets,
      received: this.payloads.length,
      lost: [...this.sequences.values()].reduce((sum, seen) => sum + missing(seen), 0),
      malformed: this.malformed,
      payloadTypes: [...this.payloadTypes],
      sources: this.sequences.size,
      from: [...this.from],
    };
  }

  report(): string {
    return `--- RTP on port ${this.port}: ${JSON.stringify(this.counts())}`;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stopSending();
    this.socket.close();
  }

  private next(): Buffer {
    const packet = Buffer.alloc(12 + FRAME);
    packet[0] = 0x80;
    packet[1] = this.payloadType | (this.sentPackets === 0 ? 0x80 : 0);
    packet.writeUInt16BE(this.sequence, 2);
    packet.writeUInt32BE(this.timestamp, 4);
    packet.writeUInt32BE(this.ssrc, 8);
    const at = (this.sentPackets * FRAME) % RATE;
    this.encoded.copy(packet, 12, at, at + FRAME);
    this.sequence = (this.sequence + 1) & 0xffff;
    this.timestamp = (this.timestamp + FRAME) >>> 0;
    this.sentPackets++;
    return packet;
  }

  private receive(data: Buffer, from: string): void {
    if (data.length < 12 || (data[0] ?? 0) >> 6 !== 2) {
      this.malformed++;
      return;
    }
    this.from.add(from);
    this.payloadTypes.add((data[1] ?? 0) & 0x7f);
    const ssrc = data.readUInt32BE(8);
    const seen = this.sequences.get(ssrc) ?? new Set<number>();
    this.sequences.set(ssrc, seen.add(data.readUInt16BE(2)));
    this.payloads.push(Buffer.from(data.subarray(12)));
  }
}

/** Holes in a run of 16-bit sequence numbers that may have wrapped once. */
function missing(seen: Set<number>): number {
  const sorted = [...seen].sort((a, b) => a - b);
  const wrapped = (sorted.at(-1) ?? 0) - (sorted[0] ?? 0) > 0x8000;
  const line = wrapped ? sorted.map((n) => (n < 0x8000 ? n + 0x10000 : n)).sort((a, b) => a - b) : sorted;
  return line.length === 0 ? 0 : (line.at(-1) ?? 0) - (line[0] ?? 0) + 1 - line.length;
}

export function encode(samples: Float32Array, payloadType: number): Buffer {
  const one = payloadType === 8 ? toALaw : toMuLaw;
  return Buffer.from(Array.from(samples, (sample) => one(Math.round(Math.max(-1, Math.min(1, sample)) * 32767))));
}

export function decode(payload: Buffer, payloadType: number): Float32Array {
  const one = payloadType === 8 ? fromALaw : fromMuLaw;
  return Float32Array.from(payload, (byte) => one(byte) / 32768);
}

/** ITU-T G.711, in the form with segment = position of the highest set bit of the biased magnitude. */
function toMuLaw(sample: number): number {
  const magnitude = Math.min(Math.abs(sample), 32635) + 132;
  const segment = 31 - Math.clz32(magnitude) - 7;
  const sign = sample < 0 ? 0x80 : 0;
  return ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0xff;
}

function fromMuLaw(byte: number): number {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + 132) << ((code >> 4) & 7)) - 132;
  return code & 0x80 ? -magnitude : magnitude;
}

function toALaw(sample: number): number {
  const magnitude = Math.min(sample < 0 ? -sample - 1 : sample, 32767) >> 4;
  const segment = magnitude < 32 ? (magnitude < 16 ? 0 : 1) : 31 - Math.clz32(magnitude) - 3;
  const mantissa = (segment < 2 ? magnitude : magnitude >> (segment - 1)) & 0x0f;
  return ((sample < 0 ? 0 : 0x80) | (segment << 4) | mantissa) ^ 0x55;
}

function fromALaw(byte: number): number {
  const code = byte ^ 0x55;
  const segment = (code >> 4) & 7;
  const mantissa = ((code & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? mantissa : (mantissa + 0x100) << (segment - 1);
  return code & 0x80 ? magnitude : -magnitude;
}
