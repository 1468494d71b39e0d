/**
 * Clients of the simple packet format in a worker's rooms: each is a member like any other, whose codec is PCMU and whose packets are
 * 20 ms. What the room hears goes back to it in the same format.
 *
 *   gateway ─► client ─► playout (order from the sequence number) ─► room ─► PCMU ─► client
 */
import type { SimpleEvent, SimpleOptions } from './audio-types';
import { Resampler } from './audio/resample';
import { pcmu, linearToUlaw } from './codec/g711';
import { frameSamples, type SampleRate } from './frame';
import { SimpleGateway, type SimpleClient, type SimpleGatewayStats } from './net/simple-gateway';
import type { UdpNet } from './net/udp';
import type { Party } from './node/mixer';
import { Heard, Playout } from './port/playout';

const PAYLOAD_TYPE = 0;
const SAMPLES = 160;

/** A client as a member of a room. */
export class SimpleParty implements Party {
  readonly bandwidth: SampleRate = 8000;
  private readonly playout: Playout;
  private rate: SampleRate = 8000;
  private resampler: Resampler | undefined;
  private readonly narrow = new Int16Array(SAMPLES);
  private readonly payload = new Uint8Array(SAMPLES);
  /** Of the packets, beyond the 16 bits of the number. */
  private cycles = 0;
  private last = -1;

  constructor(
    readonly id: string,
    private readonly client: SimpleClient,
    random: () => number,
  ) {
    this.playout = new Playout({ sampleRate: 8000, random });
    this.playout.setFormats([{ payloadType: PAYLOAD_TYPE, clockRate: 8000, codec: pcmu }], null);
    client.onPacket = (data, offset, length, sequence, _timestamp, nowMs) => {
      if (this.last >= 0 && sequence < 0x4000 && this.last > 0xc000) this.cycles++;
      else if (this.last >= 0 && sequence > 0xc000 && this.last < 0x4000 && this.cycles > 0) {
        // late, from before the wrap
        this.playout.insert(data, offset, length, PAYLOAD_TYPE, sequence, this.timestampOf(sequence, this.cycles - 1), 1, false, nowMs);
        return;
      }
      this.last = sequence;
      this.playout.insert(data, offset, length, PAYLOAD_TYPE, sequence, this.timestampOf(sequence, this.cycles), 1, false, nowMs);
    };
  }

  /** Every packet is 20 ms, so its number is its time. */
  private timestampOf(sequence: number, cycles: number): number {
    return ((cycles * 0x10000 + sequence) * SAMPLES) >>> 0;
  }

  setRate(rate: SampleRate): void {
    if (rate === this.rate) return;
    this.rate = rate;
    this.playout.setSampleRate(rate);
    this.resampler = rate === 8000 ? undefined : new Resampler(rate, 8000);
  }

  pull(out: Int16Array, nowMs: number): boolean {
    return this.playout.read(out, nowMs) !== Heard.Silence;
  }

  push(pcm: Int16Array | undefined): void {
    const { narrow, payload } = this;
    if (pcm === undefined) narrow.fill(0);
    else if (this.resampler !== undefined) this.resampler.process(pcm, frameSamples(this.rate), narrow);
    const from = pcm === undefined || this.resampler !== undefined ? narrow : pcm;
    for (let i = 0; i < SAMPLES; i++) payload[i] = linearToUlaw(from[i]!);
    this.client.send(payload, SAMPLES);
  }

  close(): void {
    this.client.onPacket = undefined;
    this.playout.close();
  }
}

/** What the gateway's clients do to rooms. */
export interface SimpleRooms {
  enter(room: string, party: SimpleParty): void;
  exit(party: SimpleParty): void;
}

/** The worker's one gateway, while it is open. */
export class SimpleDoor {
  private gateway: SimpleGateway | undefined;
  private readonly parties = new Map<SimpleClient, { party: SimpleParty; room: string }>();
  private names = new Map<number, string>();
  private rules = '';
  /** Opening and closing, one after the other. */
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(
    private readonly net: UdpNet,
    private readonly rooms: SimpleRooms,
    private readonly random: () => number,
    private readonly onEvent: (event: SimpleEvent) => void,
  ) {}

  /** Opens it, or opens it anew with other rules. Resolves with its port. @throws UdpError */
  open(options: SimpleOptions): Promise<number> {
    this.closed = false;
    const opened = this.turn.then(() => this.openNow(options));
    this.turn = opened.catch(() => undefined);
    return opened;
  }

  private async openNow(options: SimpleOptions): Promise<number> {
    const rules = JSON.stringify({ ...options, rooms: [] });
    if (this.gateway !== undefined && rules === this.rules) {
      this.names = new Map(options.rooms.map(({ number, room }) => [number, room]));
      this.gateway.setRooms(this.names.keys());
      return this.gateway.port;
    }
    this.gateway?.close();
    this.gateway = undefined;
    this.names = new Map(options.rooms.map(({ number, room }) => [number, room]));
    const gateway = new SimpleGateway({
      net: this.net,
      address: options.address,
      port: options.port,
      family: options.address.includes(':') ? 6 : 4,
      allow: options.allow,
      rooms: this.names.keys(),
      maxPerRoom: options.maxPerRoom,
      maxClients: options.maxClients,
      maxPerSource: options.maxPerSource,
      maxPacketsPerSecond: options.maxPacketsPerSecond,
      idleMs: options.idleMs,
      onJoin: (client) => this.joined(client, this.names.get(client.room)!),
      onLeave: (client, why) => this.left(client, why),
    });
    await gateway.open();
    if (this.closed) gateway.close(); // while it was being opened
    else this.gateway = gateway;
    this.rules = rules;
    return gateway.port;
  }

  private joined(client: SimpleClient, room: string): void {
    const party = new SimpleParty(client.id, client, this.random);
    this.parties.set(client, { party, room });
    this.rooms.enter(room, party);
    this.onEvent({ kind: 'joined', id: party.id, room, source: client.source });
  }

  private left(client: SimpleClient, why: string): void {
    const known = this.parties.get(client);
    if (!known) return;
    this.parties.delete(client);
    this.rooms.exit(known.party);
    known.party.close();
    this.onEvent({ kind: 'left', id: known.party.id, room: known.room, source: client.source, why });
  }

  /** Throws one out. False: there is none of that id. */
  remove(id: string): boolean {
    for (const [client, { party }] of this.parties) {
      if (party.id !== id) continue;
      client.close();
      return true;
    }
    return false;
  }

  sweep(nowMs: number): void {
    this.gateway?.sweep(nowMs);
  }

  stats(): SimpleGatewayStats | undefined {
    return this.gateway?.stats();
  }

  close(): void {
    this.closed = true;
    this.gateway?.close();
    this.gateway = undefined;
  }
}
