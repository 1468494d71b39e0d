/**
 * The door for clients of the simple packet format: one UDP port, and a client object for whoever sends to it and is let in.
 *
 *   datagram ──► its size? ──► known? ── yes ──────────────► not too many a second? ──► onPacket
 *                 size          └ no: allowed? room open? room left? ──► onJoin ──┘
 *                                     notAllowed  unknownRoom  full         rate
 *
 * The format has no place for a key: who may speak is a question of the address (`allow`), and an address can be forged. One forged
 * packet makes us send a room's sound to that address until it is idle, 80 kbit/s for 10 s by default: allow networks where forging is not
 * possible, or where it does not matter.
 */
import { formatSockAddr, sameHost, sameSockAddr, type Family, type SockAddr } from './address';
import { Networks } from './networks';
import { isSimplePacket, roomOf, SIMPLE_AUDIO_BYTES, SIMPLE_HEADER_BYTES, SIMPLE_PACKET_BYTES, simpleReserved, simpleSequence, simpleTimestamp, writeSimpleHeader } from './simple-format';
import type { UdpNet, UdpSocket } from './udp';

export interface SimpleClient {
  /** Of this gateway, never used again. */
  readonly id: string;
  readonly room: number;
  /** '192.0.2.1:4000' */
  readonly source: string;
  /**
   * Takes its packets: 160 octets of PCMU at `offset`, which belong to it until it returns. One packet is 20 ms: order and time come from
   * `sequence`; what `timestamp` counts is not known.
   */
  onPacket: ((data: Uint8Array, offset: number, length: number, sequence: number, timestamp: number, nowMs: number) => void) | undefined;
  /** Sends 160 octets of PCMU (other lengths: nothing) as the next packet of this client's stream. The payload is copied. */
  send(payload: Uint8Array, length: number): void;
  /** Throws it out: it may come again when it has been silent for `idleMs`. */
  close(): void;
}

/** Sent nothing for `idleMs`; thrown out; named another room; its room was closed to it; the gateway ended. */
export type SimpleLeave = 'idle' | 'closed' | 'moved' | 'room-closed' | 'ended';

export interface SimpleGatewayOptions {
  net: UdpNet;
  address: string;
  /** 0: any. */
  port: number;
  family: Family;
  /** Networks whose clients are let in; empty: nobody. */
  allow: readonly string[];
  /** Rooms that clients may enter. */
  rooms: Iterable<number>;
  maxPerRoom: number;
  maxClients: number;
  /** Clients of one address; a source that was thrown out counts until it is silent. */
  maxPerSource: number;
  /** Of one address, all its clients together; half a second's worth may come at once. */
  maxPacketsPerSecond: number;
  /** Default 10,000. */
  idleMs?: number | undefined;
  onJoin: (client: SimpleClient) => void;
  onLeave: (client: SimpleClient, why: SimpleLeave) => void;
}

/** Every datagram is in exactly one of `received` and `dropped`. */
export interface SimpleGatewayStats {
  clients: number;
  /** Clients that came, and those that went by why. */
  joined: number;
  left: Record<SimpleLeave, number>;
  received: number;
  sent: number;
  sendErrors: number;
  dropped: {
    /** Longer or shorter than the format's 168 octets. */
    size: number;
    notAllowed: number;
    /** A room that does not exist or did not opt in. */
    unknownRoom: number;
    /** One of the limits on clients. */
    full: number;
    rate: number;
    /** From a client that was thrown out. */
    closed: number;
  };
}

const SAMPLES = SIMPLE_AUDIO_BYTES;
export const SIMPLE_IDLE_MS = 10_000;
/** How much of a second may come at once: what a stalled network lets go of. */
const BURST = 0.5;

/** An address that has clients, or had some until just now, and how fast it sends. */
interface Source {
  readonly address: SockAddr;
  clients: number;
  tokens: number;
  filledAt: number;
}

class Client implements SimpleClient {
  onPacket: SimpleClient['onPacket'];
  /** In the room; a client that was thrown out stays known until it is silent. */
  present = true;
  lastAt: number;
  private sequence = 0;
  private timestamp = 0;
  private readonly packet = new Uint8Array(new ArrayBuffer(SIMPLE_PACKET_BYTES));

  constructor(
    private readonly gateway: SimpleGateway,
    readonly id: string,
    /** As the client wrote it, and as it is written to the client. */
    readonly reserved: number,
    readonly room: number,
    readonly address: SockAddr,
    readonly from: Source,
    nowMs: number,
  ) {
    this.lastAt = nowMs;
  }

  get source(): string {
    return formatSockAddr(this.address);
  }

  send(payload: Uint8Array, length: number): void {
    if (!this.present || length !== SIMPLE_AUDIO_BYTES || payload.length < length) return;
    writeSimpleHeader(this.packet, this.timestamp, this.sequence, this.reserved);
    for (let i = 0; i < SIMPLE_AUDIO_BYTES; i++) this.packet[SIMPLE_HEADER_BYTES + i] = payload[i]!;
    this.timestamp = (this.timestamp + SAMPLES) >>> 0;
    this.sequence = (this.sequence + 1) & 0xffff;
    this.gateway.sendTo(this, this.packet);
  }

  close(): void {
    this.gateway.leave(this, 'closed');
  }
}

export class SimpleGateway {
  private readonly networks: Networks;
  private readonly rooms: Set<number>;
  /** By a hash of address and port. */
  private readonly clients = new Map<number, Client[]>();
  private readonly sources: Source[] = [];
  private readonly members = new Map<number, number>();
  private readonly idleMs: number;
  private socket: UdpSocket | undefined;
  /** Whom the socket is aimed at. */
  private aimedAt: Client | undefined;
  private known = 0;
  private present = 0;
  private nextId = 1;
  private closed = false;
  private received = 0;
  private sent = 0;
  private joined = 0;
  private readonly left: SimpleGatewayStats['left'] = { idle: 0, closed: 0, moved: 0, 'room-closed': 0, ended: 0 };
  private readonly dropped: SimpleGatewayStats['dropped'] = { size: 0, notAllowed: 0, unknownRoom: 0, full: 0, rate: 0, closed: 0 };

  /** @throws MediaError 'setting': an entry of `allow` that is no network */
  constructor(private readonly options: SimpleGatewayOptions) {
    this.networks = new Networks(options.allow);
    this.rooms = new Set(options.rooms);
    this.idleMs = options.idleMs ?? SIMPLE_IDLE_MS;
  }

  /** @throws UdpError */
  async open(): Promise<void> {
    const { net, family, address, port } = this.options;
    const socket = await net.bind(family, address, port, this.onDatagram);
    if (this.closed) socket.close();
    else this.socket = socket;
  }

  /** 0 while it is not open. */
  get port(): number {
    return this.socket?.port ?? 0;
  }

  /** From now on these; clients in others leave. */
  setRooms(rooms: Iterable<number>): void {
    this.rooms.clear();
    for (const room of rooms) this.rooms.add(room);
    for (const client of this.all()) if (!this.rooms.has(client.room)) this.remove(client, 'room-closed');
  }

  private readonly onDatagram = (data: Uint8Array, length: number, from: SockAddr, nowMs: number): void => {
    if (this.closed) return;
    if (!isSimplePacket(data, length)) {
      this.dropped.size++;
      return;
    }
    const reserved = simpleReserved(data);
    let client = this.find(from);
    if (client !== undefined) {
      client.lastAt = nowMs;
      if (!takeToken(client.from, this.options.maxPacketsPerSecond, nowMs)) {
        this.dropped.rate++;
        return;
      }
      if (!client.present) {
        this.dropped.closed++;
        return;
      }
      if (client.room !== roomOf(reserved)) {
        this.remove(client, 'moved');
        client = this.admit(from, reserved, nowMs);
      }
    } else client = this.admit(from, reserved, nowMs);
    if (client === undefined) return;
    this.received++;
    client.onPacket?.(data, SIMPLE_HEADER_BYTES, SIMPLE_AUDIO_BYTES, simpleSequence(data), simpleTimestamp(data), nowMs);
  };

  private find(from: SockAddr): Client | undefined {
    const bucket = this.clients.get(hash(from));
    if (bucket !== undefined) for (let i = 0; i < bucket.length; i++) if (sameSockAddr(bucket[i]!.address, from)) return bucket[i];
    return undefined;
  }

  private admit(from: SockAddr, reserved: number, nowMs: number): Client | undefined {
    const { dropped, options } = this;
    if (!this.networks.has(from)) {
      dropped.notAllowed++;
      return undefined;
    }
    const room = roomOf(reserved);
    if (!this.rooms.has(room)) {
      dropped.unknownRoom++;
      return undefined;
    }
    let source = this.sources.find((s) => sameHost(s.address, from));
    if (this.known >= options.maxClients || (this.members.get(room) ?? 0) >= options.maxPerRoom || (source?.clients ?? 0) >= options.maxPerSource) {
      dropped.full++;
      return undefined;
    }
    if (source === undefined) {
      source = { address: from.slice(), clients: 0, tokens: options.maxPacketsPerSecond * BURST, filledAt: nowMs };
      this.sources.push(source);
    }
    const client = new Client(this, `simple-${this.nextId++}`, reserved, room, from.slice(), source, nowMs);
    source.clients++;
    const key = hash(from);
    const bucket = this.clients.get(key);
    if (bucket) bucket.push(client);
    else this.clients.set(key, [client]);
    this.known++;
    this.present++;
    this.members.set(room, (this.members.get(room) ?? 0) + 1);
    this.joined++;
    options.onJoin(client);
    return client.present ? client : undefined; // thrown out as soon as it came
  }

  /** Called by clients. */
  sendTo(client: Client, packet: Uint8Array): void {
    const { socket } = this;
    if (socket === undefined) return;
    if (this.aimedAt !== client) {
      socket.aim(client.address);
      this.aimedAt = client;
    }
    if (socket.send(packet, SIMPLE_PACKET_BYTES)) this.sent++;
  }

  /** Out of its room; known until it is silent. */
  leave(client: Client, why: SimpleLeave): void {
    if (!client.present) return;
    client.present = false;
    this.present--;
    const others = (this.members.get(client.room) ?? 1) - 1;
    if (others > 0) this.members.set(client.room, others);
    else this.members.delete(client.room);
    this.left[why]++;
    client.onPacket = undefined;
    this.options.onLeave(client, why);
  }

  private remove(client: Client, why: SimpleLeave): void {
    const key = hash(client.address);
    const bucket = this.clients.get(key);
    const at = bucket?.indexOf(client) ?? -1;
    if (at < 0) return;
    bucket!.splice(at, 1);
    if (bucket!.length === 0) this.clients.delete(key);
    this.known--;
    client.from.clients--; // its source is kept for a while: who changes rooms, or comes again, does not get a new allowance
    if (this.aimedAt === client) this.aimedAt = undefined;
    this.leave(client, why);
  }

  private all(): Client[] {
    return [...this.clients.values()].flat();
  }

  /** Clients that sent nothing for `idleMs` leave. Call it about once a second. */
  sweep(nowMs: number): void {
    for (const client of this.all()) if (nowMs - client.lastAt >= this.idleMs) this.remove(client, 'idle');
    for (let i = this.sources.length - 1; i >= 0; i--) {
      const { clients, filledAt } = this.sources[i]!;
      if (clients === 0 && nowMs - filledAt >= BURST * 1000) this.sources.splice(i, 1);
    }
  }

  stats(): SimpleGatewayStats {
    return {
      clients: this.present,
      joined: this.joined,
      left: { ...this.left },
      received: this.received,
      sent: this.sent,
      sendErrors: this.socket?.sendErrors ?? 0,
      dropped: { ...this.dropped },
    };
  }

  /** `simple(:40500, 3 clients)` */
  describe(): string {
    return `simple(:${this.port}, ${this.present} client${this.present === 1 ? '' : 's'})`;
  }

  /** All leave. Idempotent; the counters stay readable. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const client of this.all()) this.remove(client, 'ended');
    this.socket?.close();
  }
}

/** Whether the source may send another packet now. */
function takeToken(source: Source, perSecond: number, nowMs: number): boolean {
  source.tokens = Math.min(perSecond * BURST, source.tokens + ((nowMs - source.filledAt) * perSecond) / 1000);
  source.filledAt = nowMs;
  if (source.tokens < 1) return false;
  source.tokens--;
  return true;
}

function hash(address: SockAddr): number {
  let value = 0;
  for (let i = 0; i < 6; i++) value = (Math.imul(value, 31) + address[i]!) | 0;
  return value;
}
