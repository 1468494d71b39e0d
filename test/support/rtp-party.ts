/**
 * The sound of a SIPp call: SIPp says what port it receives on, this party has that port. It sends a tone as G.711 in
 * 20 ms packets, counts and decodes what it receives, so that a SIPp call is judged by ear like one between phones. It presses keys
 * (RFC 4733), reads those of the other side, and can be at the end of a line that loses packets.
 */
import { createSocket, type Socket } from 'node:dgram';
import { seeded } from './line';
import { tone } from './tone';
import type { Stage } from './stage';
import { eventually } from './wait';
import type { Recording } from './wav';
import { joined } from './wav';

export interface RtpPartyOptions {
  /** Hz of the sine it sends */
  tone: number;
  /** 0 = PCMU, 8 = PCMA */
  payloadType?: 0 | 8;
  address?: string;
  /** The line loses this share of the packets of either direction, which ones by the seed. */
  loss?: { share: number; seed: number };
}

export interface RtpCounts {
  sent: number;
  received: number;
  /** Packets that were never seen between the first and the last sequence number of one synchronisation source. */
  lost: number;
  /** Of both directions, on its own line. */
  dropped: number;
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

/** Of telephone-events, in the description that `sdp()` makes. */
const KEYS = 101;
const KEY_NAMES = '0123456789*#ABCD';
/** A press of 100 ms is five packets and its end, three times; then as much sound. */
const PRESS_PACKETS = 5;
const END_PACKETS = 3;
const PAUSE_PACKETS = 5;

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
  /** What is sent next instead of sound; undefined in it: sound. */
  private pressing: Array<Press | undefined> = [];
  private pressTimestamp = 0;
  /** Keys of the other side: one for each source and timestamp, in the order in which they came. */
  private readonly pressed = new Map<string, string>();
  private dropped = 0;
  private playing: { samples: Buffer; at: number } | undefined;

  private constructor(
    private readonly socket: Socket,
    readonly port: number,
    private readonly payloadType: number,
    hz: number,
    private readonly loses: () => boolean,
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
    return stage.own(new RtpParty(socket, port, options.payloadType ?? 0, options.tone, options.loss ? lossy(options.loss) : () => false));
  }

  /** Starts sending; a second call changes the destination. Hz whose period does not divide a second would click once a second. */
  sendTo(target: { address: string; port: number }): void {
    clearInterval(this.timer);
    const start = Date.now();
    let due = 0;
    // Every packet's time is counted from the start: a timer that comes late sends what is missing instead of drifting.
    this.timer = setInterval(() => {
      for (; due * PACKET_MS <= Date.now() - start; due++) {
        const packet = this.next();
        if (this.loses()) this.dropped++;
        else this.socket.send(packet, target.port, target.address);
      }
    }, PACKET_MS / 2);
  }

  stopSending(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Presses these keys, one after the other, as telephone-events in its stream. Resolves when the last packet is out. */
  async press(keys: string): Promise<void> {
    for (const key of keys) {
      const event = KEY_NAMES.indexOf(key);
      for (let i = 1; i <= PRESS_PACKETS; i++) this.pressing.push({ event, first: i === 1, end: false, duration: i * FRAME });
      for (let i = 0; i < END_PACKETS; i++) this.pressing.push({ event, first: false, end: true, duration: PRESS_PACKETS * FRAME });
      for (let i = 0; i < PAUSE_PACKETS; i++) this.pressing.push(undefined);
    }
    await eventually('the keys to be pressed', () => this.pressing.length === 0, keys.length * 2000 + 5000);
  }

  /** Plays this once instead of its tone. Resolves when it is out. */
  async play(samples: Float32Array): Promise<void> {
    this.playing = { samples: encode(samples, this.payloadType), at: 0 };
    await eventually('the sound to be played', () => this.playing === undefined, (samples.length / RATE) * 4000 + 5000);
  }

  /** The keys that the other side has pressed, as telephone-events. */
  keys(): string {
    return [...this.pressed.values()].join('');
  }

  heard(): Recording {
    const type = [...this.payloadTypes].find((one) => one !== KEYS) ?? this.payloadType;
    return { samples: joined(this.payloads.map((payload) => decode(payload, type))), rate: RATE };
  }

  counts(): RtpCounts {
    return {
      sent: this.sentPackets,
      received: this.payloads.length,
      lost: [...this.sequences.values()].reduce((sum, seen) => sum + missing(seen), 0),
      dropped: this.dropped,
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
    const press = this.pressing.shift();
    const packet = press ? this.event(press) : this.sound();
    packet.writeUInt16BE(this.sequence, 2);
    packet.writeUInt32BE(this.ssrc, 8);
    this.sequence = (this.sequence + 1) & 0xffff;
    this.timestamp = (this.timestamp + FRAME) >>> 0;
    this.sentPackets++;
    return packet;
  }

  private event({ event, first, end, duration }: Press): Buffer {
    const packet = Buffer.alloc(12 + 4);
    if (first) this.pressTimestamp = this.timestamp;
    packet[0] = 0x80;
    packet[1] = KEYS | (first ? 0x80 : 0);
    packet.writeUInt32BE(this.pressTimestamp, 4);
    packet[12] = event;
    packet[13] = (end ? 0x80 : 0) | 10;
    packet.writeUInt16BE(duration, 14);
    return packet;
  }

  private sound(): Buffer {
    const packet = Buffer.alloc(12 + FRAME);
    packet[0] = 0x80;
    packet[1] = this.payloadType | (this.sentPackets === 0 ? 0x80 : 0);
    packet.writeUInt32BE(this.timestamp, 4);
    const { playing } = this;
    if (playing) {
      playing.samples.copy(packet, 12, playing.at, playing.at + FRAME);
      playing.at += FRAME;
      if (playing.at >= playing.samples.length) this.playing = undefined;
      return packet;
    }
    const at = (this.sentPackets * FRAME) % RATE;
    this.encoded.copy(packet, 12, at, at + FRAME);
    return packet;
  }

  private receive(data: Buffer, from: string): void {
    if (this.loses()) {
      this.dropped++;
      return;
    }
    if (data.length < 12 || (data[0] ?? 0) >> 6 !== 2) {
      this.malformed++;
      return;
    }
    this.from.add(from);
    this.payloadTypes.add((data[1] ?? 0) & 0x7f);
    const ssrc = data.readUInt32BE(8);
    const seen = this.sequences.get(ssrc) ?? new Set<number>();
    this.sequences.set(ssrc, seen.add(data.readUInt16BE(2)));
    if (((data[1] ?? 0) & 0x7f) === KEYS && data.length >= 16) {
      const press = `${ssrc} ${data.readUInt32BE(4)}`;
      if (!this.pressed.has(press)) this.pressed.set(press, KEY_NAMES[data[12] ?? 0] ?? '?');
    } else this.payloads.push(Buffer.from(data.subarray(12)));
  }
}

interface Press {
  event: number;
  first: boolean;
  end: boolean;
  duration: number;
}

/** Which packets a line loses, by a seed. */
function lossy({ share, seed }: { share: number; seed: number }): () => boolean {
  const chance = seeded(seed);
  return () => chance() < share;
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
