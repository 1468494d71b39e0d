/**
 * A channel over UDP (RFC 3261 §18): to a server and, from the same port, to and from anybody (calls that come directly).
 *
 * With a server two sockets share the port: one connected to it, which alone is told by the system that nothing listens there (ICMP, RFC 3261
 * §18.4), and one for everybody else. The system gives each datagram to the socket that fits it best. Without a server there is only the second one.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Channel, ChannelEvents, HostPort } from '../../sip/channel';
import { reasonOf, wasLost } from './problems';

/** RFC 768 with an IP header: what a datagram can carry. */
export const MAX_DATAGRAM_BYTES = 65_507;
const KEEP_ALIVE = '\r\n\r\n';
/** Another program may take a port between our finding it free and our taking it with both sockets. */
const PORT_TRIES = 5;

export interface UdpOptions {
  localAddress?: string | undefined;
  localPort?: number | undefined;
  /** Where a name leads to; rejects with a sentence for people. */
  resolve(host: string, port: number | undefined): Promise<HostPort[]>;
}

/** `remote` undefined: no server. Rejects with the socket's own error. */
export async function openUdp(remote: HostPort | undefined, options: UdpOptions, events: ChannelEvents): Promise<Channel> {
  if (!remote) {
    const host = options.localAddress ?? '0.0.0.0';
    const open = await bind(createSocket(isIPv6(host) ? 'udp6' : 'udp4'), host, options.localPort ?? 0);
    return new UdpChannel(undefined, open, await seenFrom(host), options, events);
  }
  const address = options.localAddress ?? (await addressTowards(remote));
  for (let tried = 1; ; tried++) {
    // Found without sharing, so that it is nobody else's, another phone's neither.
    const free = await bind(createSocket(kind(remote)), address, options.localPort ?? 0);
    const { port } = free.address();
    await ended(free);
    const open = createSocket({ type: kind(remote), reuseAddr: true });
    const toServer = createSocket({ type: kind(remote), reuseAddr: true });
    try {
      await bind(open, address, port);
      await bind(toServer, address, port);
      await connected(toServer, remote);
      return new UdpChannel({ socket: toServer, remote }, open, { host: address, port }, options, events);
    } catch (error) {
      await Promise.all([ended(open), ended(toServer)]);
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || options.localPort !== undefined || tried === PORT_TRIES) throw error;
    }
  }
}

class UdpChannel implements Channel {
  readonly protocol = 'UDP';
  readonly reliable = false;
  readonly local: HostPort;
  readonly remote: HostPort;
  private over = false;
  /** Our address as seen from others, by their address. */
  private readonly towards = new Map<string, string>();

  constructor(
    private readonly server: { socket: Socket; remote: HostPort } | undefined,
    private readonly open: Socket,
    local: HostPort,
    private readonly options: UdpOptions,
    private readonly events: ChannelEvents,
  ) {
    this.local = { host: local.host, port: open.address().port };
    this.remote = server?.remote ?? { host: '', port: 0 };
    for (const socket of server ? [server.socket, open] : [open]) {
      socket.on('message', (data, from) => this.received(data, { host: from.address, port: from.port }));
      // Of the open socket: somebody else does not listen, which his calls find out by themselves.
      socket.on('error', (error) => (socket === open ? undefined : this.fail(error)));
    }
  }

  send(text: string, to?: HostPort): void {
    if (this.over) return;
    const data = Buffer.from(text);
    // Longer ones do not exist over UDP; whoever sent it learns by the missing answer.
    if (data.length > MAX_DATAGRAM_BYTES) return;
    if (!to || this.isServer(to)) {
      this.server?.socket.send(data, (error) => {
        if (error) this.fail(error);
      });
      return;
    }
    this.open.send(data, to.port, to.host, () => undefined);
  }

  async toward(host: string, port: number | undefined): Promise<{ local: HostPort; remote: HostPort }> {
    const [remote] = await this.options.resolve(host, port);
    if (!remote) throw new Error(`${host} has no address`);
    if (this.server) return { local: this.local, remote };
    return { local: { host: await this.addressTo(remote), port: this.local.port }, remote };
  }

  ping(): void {
    this.send(KEEP_ALIVE);
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.server?.socket.close();
    this.open.close();
  }

  private async addressTo(remote: HostPort): Promise<string> {
    const known = this.towards.get(remote.host);
    if (known !== undefined) return known;
    const address = this.options.localAddress ?? (await addressTowards(remote).catch(() => this.local.host));
    if (this.towards.size >= 256) this.towards.clear();
    this.towards.set(remote.host, address);
    return address;
  }

  private isServer(to: HostPort): boolean {
    return this.server !== undefined && to.host === this.server.remote.host && to.port === this.server.remote.port;
  }

  private received(data: Buffer, from: HostPort): void {
    if (this.over) return;
    // Keep-alives, and the four zero bytes that some phones send as such.
    if (data.length < 5) return;
    this.events.message(data.toString('utf8'), from);
  }

  private fail(error: Error): void {
    if (this.over || !this.server) return;
    this.close();
    this.events.closed(wasLost(this.server.remote, 'UDP', reasonOf(error)));
  }
}

/** The address that the system would send from; nothing is sent. */
export async function addressTowards(remote: HostPort): Promise<string> {
  const probe = createSocket(kind(remote));
  try {
    await connected(probe, remote);
    return probe.address().address;
  } finally {
    await ended(probe);
  }
}

/** For a phone without a server: the address towards the world, or whatever it was told. */
async function seenFrom(bound: string): Promise<HostPort> {
  if (bound !== '0.0.0.0' && bound !== '::') return { host: bound, port: 0 };
  // TEST-NET-1 (RFC 5737): routed like any other address, and nobody's.
  const host = await addressTowards({ host: '192.0.2.1', port: 9 }).catch(() => '127.0.0.1');
  return { host, port: 0 };
}

function kind({ host }: HostPort): 'udp4' | 'udp6' {
  return isIPv6(host) ? 'udp6' : 'udp4';
}

function bind(socket: Socket, address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', failed);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

function connected(socket: Socket, remote: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.connect(remote.port, remote.host, ((error?: Error) => (error ? reject(error) : resolve())) as () => void);
  });
}

/** Idempotent: a socket whose binding failed is closed already. */
function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    try {
      socket.close(() => resolve());
    } catch {
      resolve();
    }
  });
}
