/** A network in memory: sockets that remember what was sent, and a way to deliver. */
import { formatSockAddr, parseSockAddr, type Family, type SockAddr } from '../../../../media/net/address';
import { udpError, type NetBeat, type PacketHandler, type UdpNet, type UdpSocket } from '../../../../media/net/udp';

export class FakeSocket implements UdpSocket {
  sendErrors = 0;
  closed = false;
  /** Makes the system refuse. */
  refusing = false;
  sent: Array<{ to: string; data: Buffer }> = [];
  private to: string | undefined;

  constructor(
    readonly port: number,
    readonly onPacket: PacketHandler,
  ) {}

  get aimed(): boolean {
    return this.to !== undefined;
  }

  aim(to: SockAddr | undefined): void {
    this.to = to && formatSockAddr(to);
  }

  send(data: Uint8Array, length: number): boolean {
    if (this.to === undefined) throw new Error('sent without aim');
    if (this.refusing) {
      this.sendErrors++;
      return false;
    }
    this.sent.push({ to: this.to, data: Buffer.from(data.subarray(0, length)) });
    return true;
  }

  close(): void {
    this.closed = true;
  }
}

export class FakeNet implements UdpNet {
  readonly kind = 'dgram';
  readonly bell = undefined;
  readonly busyMs = undefined;
  packets = 0;
  readonly faults = 0;
  readonly lastFault = undefined;
  /** Ports that the system says somebody else has. */
  readonly taken = new Set<number>();
  readonly sockets = new Map<number, FakeSocket>();
  closed = false;
  beat: NetBeat | undefined;
  private readonly buffer = new Uint8Array(2048);

  constructor(private readonly now: () => number) {}

  patience = 0;

  setPatience(ms: number): void {
    this.patience = ms;
  }

  setBeat(beat: NetBeat): void {
    this.beat = beat;
  }

  bind(_family: Family, address: string, port: number, onPacket: PacketHandler): Promise<UdpSocket> {
    if (this.taken.has(port)) return Promise.reject(udpError('EADDRINUSE', `UDP ${address}:${port}`));
    const socket = new FakeSocket(port, onPacket);
    this.sockets.set(port, socket);
    return Promise.resolve(socket);
  }

  /** A datagram from 'host:port', in a larger buffer that is reused, as the real ones do. */
  deliver(port: number, from: string, data: Uint8Array): void {
    const cut = from.lastIndexOf(':');
    const source = parseSockAddr(from.slice(0, cut).replace(/[[\]]/g, ''), Number(from.slice(cut + 1)))!;
    this.buffer.fill(0xff);
    this.buffer.set(data);
    this.packets++;
    this.sockets.get(port)!.onPacket(this.buffer, data.length, source, this.now());
    source.fill(0);
  }

  sent(port: number): Array<{ to: string; data: Buffer }> {
    return this.sockets.get(port)!.sent;
  }

  close(): void {
    this.closed = true;
  }
}
