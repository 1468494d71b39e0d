/** SIP over TCP and over TLS (RFC 3261 §18, RFC 5246, RFC 8446): listening, and dialling from the same address. */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Certificates } from './certificates';
import { KEEPALIVE_MS, openDoor, type Door } from './door';
import { cannotSend, familyOf, isWildcard, type Host, type Listener } from './listener';
import { StreamFlow } from './stream-flow';
import { TransportError, type Endpoint, type Flow, type ListenSpec } from './types';

export async function listenStream(spec: ListenSpec, host: Host): Promise<Listener> {
  const protocol = spec.protocol === 'tls' ? 'tls' : 'tcp';
  const certificates = protocol === 'tls' ? host.certificates() : undefined;
  const door = await openDoor(spec, host, certificates, (socket, local, remote, settled) => {
    settled();
    new StreamFlow(socket, local, remote, host, true);
  });
  return new StreamListener(protocol, spec, host, door, certificates);
}

/** Connections of our own, from one of our addresses. By itself: of a protocol that nobody can reach us by. */
export class StreamDialer implements Listener {
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number = 0;
  private readonly dialling = new Set<Socket>();

  constructor(
    readonly protocol: 'tcp' | 'tls',
    address: string,
    private readonly host: Host,
    private readonly certificates: Certificates | undefined,
  ) {
    this.address = address;
    this.family = familyOf(address);
  }

  open(remote: Endpoint, name?: string): Promise<Flow> {
    const { host, protocol } = this;
    return new Promise((resolve, reject) => {
      const socket = this.dial(remote, name);
      this.dialling.add(socket);
      const fail = (error: TransportError): void => {
        settle();
        host.counters.dialFailures++;
        socket.on('error', () => undefined);
        socket.destroy();
        reject(error);
      };
      const failed = (error: Error): void => fail(cannotSend(error, protocol, remote));
      const gone = (): void => fail(new TransportError('closed', 'The transport was closed while dialling', protocol, remote.address, remote.port));
      const timer = host.clock.after(host.limits.connectMs, () =>
        fail(new TransportError('timeout', `No connection to ${remote.address} port ${remote.port} (${protocol}) within ${host.limits.connectMs} ms`, protocol, remote.address, remote.port)),
      );
      const settle = (): void => {
        timer.cancel();
        this.dialling.delete(socket);
        socket.off('error', failed).off('close', gone);
      };
      socket.once('error', failed).once('close', gone);
      socket.once(protocol === 'tls' ? 'secureConnect' : 'connect', () => {
        settle();
        host.counters.connectionsDialled++;
        const local = { address: socket.localAddress ?? this.address, port: socket.localPort ?? 0 };
        // TLS 1.3 has the peer's word on our certificate only later: `alias` asks for nothing that the peer has not checked itself.
        resolve(new StreamFlow(socket, local, remote, host, false, { name: name ?? remote.address, alias: this.certificates?.present === true }));
      });
    });
  }

  private dial(remote: Endpoint, name: string | undefined): Socket {
    const { certificates } = this;
    const place = { host: remote.address, port: remote.port, family: this.family, ...(isWildcard(this.address) ? {} : { localAddress: this.address }) };
    if (!certificates) return connect({ ...place, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS });
    // RFC 5922 §7.1: the certificate has to be for the name that was asked for, not for what it leads to. SNI carries names only.
    const socket: TLSSocket = connectTls({ ...place, servername: name !== undefined && isIP(name) === 0 ? name : '', secureContext: certificates.contextForDialling(), rejectUnauthorized: certificates.verify });
    return socket.setNoDelay(true).setKeepAlive(true, KEEPALIVE_MS);
  }

  close(): Promise<void> {
    for (const socket of this.dialling) socket.destroy();
    return Promise.resolve();
  }
}

class StreamListener extends StreamDialer {
  override readonly port: number;

  constructor(
    protocol: 'tcp' | 'tls',
    spec: ListenSpec,
    host: Host,
    private readonly door: Door,
    certificates: Certificates | undefined,
  ) {
    super(protocol, spec.address, host, certificates);
    this.port = door.port;
  }

  get halfOpen(): number {
    return this.door.halfOpen;
  }

  sweep(now: number): void {
    this.door.sweep(now);
  }

  override async close(): Promise<void> {
    await super.close();
    await this.door.close();
  }
}

/** TLS can be dialled once there is something to say about it, listened for or not: from the addresses that we have otherwise. */
export function tlsDialers(listeners: readonly Listener[], host: Host, certificates: Certificates): Listener[] {
  const without = listeners.filter(({ family }) => !listeners.some((one) => one.protocol === 'tls' && one.family === family));
  return [...new Set(without.map(({ address }) => address))].map((address) => new StreamDialer('tls', address, host, certificates));
}
