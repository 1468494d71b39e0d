/**
 * The listening socket of everything that runs over TCP: lets connections in within the limits, has them shake hands where TLS is asked
 * for, and cuts off those that do not get on with it. What is counted is sockets, from the first packet to the last.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { Certificates } from './certificates';
import { cannotListen, codeOf, familyOf, type Host } from './listener';
import type { Endpoint, ListenSpec } from './types';

/** The kernel asks a silent peer whether it is still there after this long. */
export const KEEPALIVE_MS = 60_000;

/** A connection is in: `settled` ends the time it has for opening. */
export type Serve = (socket: Socket, local: Endpoint, remote: Endpoint, settled: () => void) => void;

export function openDoor(spec: ListenSpec, host: Host, certificates: Certificates | undefined, serve: Serve): Promise<Door> {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS });
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(cannotListen(spec, error));
    server.once('error', failed);
    server.listen({ port: spec.port, host: spec.address, ipv6Only: familyOf(spec.address) === 6, exclusive: true }, () => {
      server.off('error', failed);
      resolve(new Door(server, spec, host, certificates, serve));
    });
  });
}

interface Opening {
  socket: Socket;
  since: number;
  /** In a TLS handshake; one that is cut off is not any more. */
  shaking: boolean;
}

export class Door {
  readonly port: number;
  /** Sockets that are not what they are to become, by their remote end. */
  private readonly opening = new Map<string, Opening>();
  private readonly tls: TlsServer | undefined;
  private closed = false;

  constructor(
    private readonly server: Server,
    private readonly spec: ListenSpec,
    private readonly host: Host,
    certificates: Certificates | undefined,
    private readonly serve: Serve,
  ) {
    const bound = server.address();
    this.port = bound !== null && typeof bound === 'object' ? bound.port : spec.port;
    this.tls = certificates && this.makeTls(certificates);
    server.on('connection', (socket) => this.knock(socket));
    server.on('error', (error) => {
      host.counters.socketErrors++;
      host.log.warn({ err: error, protocol: spec.protocol, address: spec.address, port: this.port }, 'A listening socket reported an error');
    });
  }

  get halfOpen(): number {
    return this.opening.size;
  }

  /** Cuts off those whose time for opening is over. */
  sweep(now: number): void {
    for (const opening of this.opening.values()) {
      if (now - opening.since < this.host.limits.handshakeMs) continue;
      this.host.counters.handshakesTimedOut++;
      opening.shaking = false;
      opening.socket.destroy();
    }
  }

  close(): Promise<void> {
    if (this.closed) return Promise.resolve();
    this.closed = true;
    for (const { socket } of this.opening.values()) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  private knock(socket: Socket): void {
    const { remoteAddress } = socket;
    socket.on('error', () => undefined);
    // Gone before it was looked at, or over a limit: nothing is sent, so that refusing costs least.
    if (remoteAddress === undefined || socket.remotePort === undefined || !this.host.admit(remoteAddress)) {
      socket.destroy();
      return;
    }
    const key = keyOf(socket);
    this.host.counters.connectionsAccepted++;
    const opening = { socket, since: this.host.clock.now(), shaking: this.tls !== undefined };
    this.opening.set(key, opening);
    socket.once('close', () => {
      if (opening.shaking) this.host.counters.handshakesFailed++;
      this.opening.delete(key);
      this.host.left(remoteAddress);
    });
    if (this.tls) this.tls.emit('connection', socket);
    else this.enter(socket);
  }

  private enter(socket: Socket): void {
    const { remoteAddress, remotePort, localAddress } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    const local = { address: localAddress ?? this.spec.address, port: this.port };
    this.serve(socket, local, { address: remoteAddress, port: remotePort }, () => this.opening.delete(keyOf(socket)));
  }

  private makeTls(certificates: Certificates): TlsServer {
    const { host } = this;
    const tls = createTlsServer({
      requestCert: certificates.askClients,
      rejectUnauthorized: certificates.needClients,
      SNICallback: (name, done) => done(null, certificates.contextFor(name)),
    });
    certificates.follow((options) => tls.setSecureContext(options));
    tls.on('secureConnection', (socket) => {
      const opening = this.opening.get(keyOf(socket));
      if (opening) opening.shaking = false;
      this.enter(socket);
    });
    tls.on('tlsClientError', (error, socket) => {
      host.log.debug({ code: codeOf(error), error: error.message, peer: socket.remoteAddress }, 'A TLS handshake failed');
      socket.destroy();
    });
    return tls;
  }
}

/** TLS has the same ends as the socket below it. */
function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
