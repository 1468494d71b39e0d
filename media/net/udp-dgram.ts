/**
 * UDP over Node's own sockets: works wherever Node does, costs about twice the CPU per packet of `udp-native`.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { emptySockAddr, hostOf, portOf, writeSockAddr, type Family, type SockAddr } from './address';
import { faultText, udpError, type NetBeat, type PacketHandler, type UdpNet, type UdpSocket } from './udp';

/** An IP address is its own answer; Node would defer each packet by a turn to find that out. */
const noLookup = (host: string, _options: unknown, done: (err: null, address: string, family: number) => void): void =>
  done(null, host, host.includes(':') ? 6 : 4);

export class DgramNet implements UdpNet {
  readonly kind = 'dgram';
  readonly bell = undefined;
  readonly busyMs = undefined;
  packets = 0;
  faults = 0;
  lastFault: string | undefined;
  private readonly sockets = new Set<DgramSocket>();
  private closed = false;
  private beatTimer: NodeJS.Timeout | undefined;

  constructor(private readonly now: () => number) {}

  setPatience(): void {
    // Node reads when it wakes
  }

  setBeat(beat: NetBeat): void {
    clearTimeout(this.beatTimer);
    if (this.closed || beat.nextAt === Infinity) return;
    this.beatTimer = setTimeout(() => {
      const now = this.now();
      if (now >= beat.nextAt) beat.run(now); // Node's timers may be a fraction of a millisecond early
      this.setBeat(beat);
    }, Math.max(0, Math.ceil(beat.nextAt - this.now())));
  }

  bind(family: Family, address: string, port: number, onPacket: PacketHandler): Promise<UdpSocket> {
    const what = `UDP ${family === 4 ? address : `[${address}]`}:${port}`;
    return new Promise((resolve, reject) => {
      const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only: family === 6, lookup: noLookup });
      socket.once('error', (err: NodeJS.ErrnoException) => {
        socket.close();
        reject(udpError(err.code ?? err.message, what));
      });
      // `exclusive`: in a cluster's worker the primary would otherwise bind for us.
      socket.bind({ address, port, exclusive: true }, () => {
        socket.removeAllListeners('error');
        if (this.closed) {
          socket.close();
          reject(udpError('closed', what));
          return;
        }
        const wrapped = new DgramSocket(socket, () => this.sockets.delete(wrapped));
        this.sockets.add(wrapped);
        socket.on('message', (data, from) => {
          if (wrapped.closed) return;
          this.packets++;
          try {
            onPacket(data, data.length, wrapped.source(from), this.now());
          } catch (err) {
            this.faults++;
            this.lastFault = faultText(err);
          }
        });
        resolve(wrapped);
      });
    });
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.beatTimer);
    for (const socket of [...this.sockets]) socket.close();
  }
}

class DgramSocket implements UdpSocket {
  readonly port: number;
  sendErrors = 0;
  closed = false;
  private readonly from = emptySockAddr();
  private fromHost = '';
  private fromPort = -1;
  private toHost = '';
  private toPort = 0;

  constructor(
    private readonly socket: Socket,
    private readonly onClose: () => void,
  ) {
    this.port = socket.address().port;
    socket.on('error', () => this.sendErrors++);
  }

  /** The sender as words; packets of one peer follow each other, so the last one is kept. */
  source(info: RemoteInfo): SockAddr {
    if (info.port !== this.fromPort || info.address !== this.fromHost) {
      const zone = info.address.indexOf('%');
      writeSockAddr(this.from, zone < 0 ? info.address : info.address.slice(0, zone), info.port);
      this.fromHost = info.address;
      this.fromPort = info.port;
    }
    return this.from;
  }

  get aimed(): boolean {
    return this.toPort !== 0;
  }

  aim(to: SockAddr | undefined): void {
    this.toHost = to ? hostOf(to) : '';
    this.toPort = to ? portOf(to) : 0;
  }

  send(data: Uint8Array, length: number): boolean {
    if (this.closed || this.toPort === 0) return false;
    try {
      this.socket.send(data, 0, length, this.toPort, this.toHost, this.onSent);
      return true;
    } catch {
      this.sendErrors++;
      return false;
    }
  }

  private readonly onSent = (err: Error | null): void => {
    if (err) this.sendErrors++;
  };

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onClose();
    this.socket.close();
  }
}
