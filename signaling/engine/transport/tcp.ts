/** SIP over TCP (RFC 3261 §18): the listening socket, and dialling from its address. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { cannotListen, cannotSend, familyOf, isWildcard, type Host, type Listener } from './listener';
import { StreamFlow } from './stream-flow';
import { TransportError, type Endpoint, type Flow, type ListenSpec } from './types';

/** The kernel asks a silent peer whether it is still there after this long. */
const KEEPALIVE_MS = 60_000;

export function listenTcp(spec: ListenSpec, host: Host): Promise<Listener> {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS });
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(cannotListen(spec, error));
    server.once('error', failed);
    server.listen({ port: spec.port, host: spec.address, ipv6Only: familyOf(spec.address) === 6, exclusive: true }, () => {
      server.off('error', failed);
      resolve(new TcpListener(server, spec, host));
    });
  });
}

class TcpListener implements Listener {
  readonly protocol = 'tcp';
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
  private readonly dialling = new Set<Socket>();
  private closed = false;

  constructor(
    private readonly server: Server,
    spec: ListenSpec,
    private readonly host: Host,
  ) {
    this.address = spec.address;
    this.family = familyOf(spec.address);
    const bound = server.address();
    this.port = bound !== null && typeof bound === 'object' ? bound.port : spec.port;
    server.on('connection', (socket) => this.accepted(socket));
    server.on('error', (error) => {
      host.counters.socketErrors++;
      host.log.warn({ err: error, address: this.address, port: this.port }, 'The TCP listener reported an error');
    });
  }

  private accepted(socket: Socket): void {
    const { remoteAddress, remotePort, localAddress } = socket;
    // Gone before it was looked at, or over a limit: nothing is sent, so that refusing costs least.
    if (remoteAddress === undefined || remotePort === undefined || !this.host.admit(remoteAddress)) {
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    this.host.counters.connectionsAccepted++;
    new StreamFlow('tcp', socket, { address: localAddress ?? this.address, port: this.port }, { address: remoteAddress, port: remotePort }, this.host, true);
  }

  open(remote: Endpoint): Promise<Flow> {
    const { host } = this;
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: remote.address,
        port: remote.port,
        family: this.family,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEPALIVE_MS,
        ...(isWildcard(this.address) ? {} : { localAddress: this.address }),
      });
      this.dialling.add(socket);
      const fail = (error: TransportError): void => {
        settle();
        host.counters.dialFailures++;
        socket.on('error', () => undefined);
        socket.destroy();
        reject(error);
      };
      const failed = (error: Error): void => fail(cannotSend(error, 'tcp', remote));
      const gone = (): void => fail(new TransportError('closed', 'The transport was closed while dialling', 'tcp', remote.address, remote.port));
      const timer = host.clock.after(host.limits.connectMs, () =>
        fail(new TransportError('timeout', `No connection to ${remote.address} port ${remote.port} (tcp) within ${host.limits.connectMs} ms`, 'tcp', remote.address, remote.port)),
      );
      const settle = (): void => {
        timer.cancel();
        this.dialling.delete(socket);
        socket.off('error', failed).off('close', gone);
      };
      socket.once('error', failed).once('close', gone);
      socket.once('connect', () => {
        settle();
        host.counters.connectionsDialled++;
        const local = { address: socket.localAddress ?? this.address, port: socket.localPort ?? 0 };
        resolve(new StreamFlow('tcp', socket, local, remote, host, false));
      });
    });
  }

  close(): Promise<void> {
    if (this.closed) return Promise.resolve();
    this.closed = true;
    for (const socket of this.dialling) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
