/**
 * SIP over UDP (RFC 3261 §18): one socket per listening point, one datagram per message.
 *
 * A UDP flow is an address and is kept by whoever needs it. Transactions keep theirs for half a minute, so what comes from one source shares one flow.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { cannotListen, cannotSend, familyOf, isWildcard, type Host, type Listener } from './listener';
import { QueueProbe } from './queue-probe';
import { Sources } from './sources';
import { answerStun, isStun } from './stun';
import { TransportError, type Endpoint, type Flow, type ListenSpec } from './types';

/** Above this a datagram may be fragmented on an Ethernet path (RFC 3261 §18.1.1). */
const LARGE = 1_300;
/** What IPv4 can carry behind its own and UDP's header. */
const LARGEST = 65_507;
/** Asked for; Linux grants at most net.core.rmem_max. A burst that comes while the event loop is busy waits there. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;

export function listenUdp(spec: ListenSpec, host: Host): Promise<Listener> {
  const family = familyOf(spec.address);
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: family === 6,
    // Only literal addresses come here: answering at once saves a turn of the event loop and a look-up per datagram.
    lookup: (address, _options, done) => done(null, address, family),
  });
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      socket.close();
      reject(cannotListen(spec, error));
    };
    socket.once('error', failed);
    socket.bind({ port: spec.port, address: spec.address, exclusive: true }, () => {
      socket.off('error', failed);
      resolve(new UdpListener(socket, spec, host));
    });
  });
}

class UdpListener implements Listener {
  readonly protocol = 'udp';
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
  readonly local: Endpoint;
  closed = false;
  private readonly probe: QueueProbe;
  private readonly sources = new Sources((remote) => new UdpFlow(this, remote));

  constructor(
    private readonly socket: Socket,
    spec: ListenSpec,
    private readonly host: Host,
  ) {
    this.address = spec.address;
    this.family = familyOf(spec.address);
    this.port = socket.address().port;
    this.local = { address: this.address, port: this.port };
    const ourselves = isWildcard(this.address) ? (this.family === 6 ? '::1' : '127.0.0.1') : this.address;
    // One that could not be sent is one that is lost.
    this.probe = new QueueProbe(host.clock, (datagram) => socket.send(datagram, this.port, ourselves, () => undefined));
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER);
    } catch (error) {
      host.log.debug({ err: error }, 'The receive buffer of the UDP socket keeps its default size');
    }
    socket.on('message', (data, remote) => this.received(data, remote));
    socket.on('error', (error) => {
      host.counters.socketErrors++;
      host.log.warn({ err: error, address: this.address, port: this.port }, 'The UDP socket reported an error');
    });
  }

  open(remote: Endpoint): Flow {
    return new UdpFlow(this, remote);
  }

  waited(): number {
    return this.closed ? 0 : this.probe.waited();
  }

  private received(data: Buffer, remote: RemoteInfo): void {
    if (this.probe.takes(data)) return;
    if (isKeepalive(data)) {
      this.host.counters.keepalives++;
      return;
    }
    // A forged source port of 0 can be received but not answered.
    if (remote.port === 0) {
      this.host.counters.malformed++;
      return;
    }
    if (isStun(data)) {
      this.stun(data, remote);
      return;
    }
    this.host.receive(data, this.sources.of(remote));
  }

  private stun(data: Buffer, remote: Endpoint): void {
    const { counters } = this.host;
    const answer = this.host.allows(remote.address) ? answerStun(data, remote) : undefined;
    if (!answer) {
      counters.malformed++;
      return;
    }
    counters.stunAnswered++;
    this.socket.send(answer, remote.port, remote.address, (error) => {
      if (error) counters.sendErrors++;
    });
  }

  send(data: Buffer, flow: Flow, onError?: (error: TransportError) => void): void {
    const { remote } = flow;
    const { counters } = this.host;
    if (this.closed || data.length > LARGEST) {
      if (!this.closed) counters.oversizedDatagrams++;
      const error = this.closed
        ? new TransportError('closed', 'The UDP socket is closed', 'udp', remote.address, remote.port)
        : new TransportError('too-large', `The message has ${data.length} bytes, UDP carries at most ${LARGEST}`, 'udp', remote.address, remote.port);
      fail(error);
      return;
    }
    if (data.length > LARGE) counters.largeDatagrams++;
    counters.messagesSent++;
    counters.bytesSent += data.length;
    this.host.tap?.sent(data, flow);
    this.socket.send(data, remote.port, remote.address, (error) => {
      if (error) fail(cannotSend(error, 'udp', remote));
    });

    function fail(error: TransportError): void {
      counters.sendErrors++;
      if (onError) queueMicrotask(() => onError(error));
    }
  }

  doubt(remote: Endpoint, onError: (error: TransportError) => void): void {
    const { host } = this;
    const tell = (refused: boolean): void => {
      if (!refused || this.closed) return;
      host.counters.sendErrors++;
      onError(new TransportError('ECONNREFUSED', `Nothing listens on ${remote.address} port ${remote.port} (udp)`, 'udp', remote.address, remote.port));
    };
    host.isClosedPort(remote).then(tell, (error: unknown) => host.log.debug({ err: error }, 'Whether a UDP port is closed could not be found out'));
  }

  close(): Promise<void> {
    if (this.closed) return Promise.resolve();
    this.closed = true;
    return new Promise((resolve) => this.socket.close(() => resolve()));
  }
}

export class UdpFlow implements Flow {
  readonly protocol = 'udp';
  readonly reliable = false;
  /** Set by who made it for a request that may leave UDP. */
  overTcp: ((remote: Endpoint) => Flow | Promise<Flow> | undefined) | undefined;

  constructor(
    private readonly listener: UdpListener,
    readonly remote: Endpoint,
  ) {}

  get id(): string {
    return `udp:${this.remote.address}:${this.remote.port}@${this.listener.address}:${this.listener.port}`;
  }

  get local(): Endpoint {
    return this.listener.local;
  }

  get open(): boolean {
    return !this.listener.closed;
  }

  larger(): Flow | Promise<Flow> | undefined {
    return this.overTcp?.(this.remote);
  }

  send(data: Buffer, onError?: (error: TransportError) => void): void {
    this.listener.send(data, this, onError);
  }

  doubt(onError: (error: TransportError) => void): void {
    this.listener.doubt(this.remote, onError);
  }

  onClose(): () => void {
    return () => undefined;
  }
}

/** Empty, CRLFs or a few zero bytes: what phones send to keep a NAT binding open. */
export function isKeepalive(data: Buffer): boolean {
  if (data.length > 8) return false;
  for (const byte of data) if (byte !== 0x0d && byte !== 0x0a && byte !== 0) return false;
  return true;
}
