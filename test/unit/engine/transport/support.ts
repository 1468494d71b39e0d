/** A transport layer on real loopback sockets with a clock that tests move, and peers to talk to it. */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { SipRequest, SipResponse } from '../../../../signaling/engine/wire/message';
import { TransportLayer, type TransportDeps } from '../../../../signaling/engine/transport/transport-layer';
import type { Flow, ListenSpec, ListeningPoint, Log, TransportLimits, TransportOptions } from '../../../../signaling/engine/transport/types';
import { FakeClock } from '../../../support/fake-clock';

export const wire = { maxMessageBytes: 16_384, maxHeaders: 100 };

export interface Received {
  message: SipRequest | SipResponse;
  flow: Flow;
  bytes: number;
}

export const quiet: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Waits until `what` is true; the event loop turns in between. The last resort against hanging is jest's own limit. */
export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setImmediate(resolve));
}

const open: Array<() => Promise<void> | void> = [];

/** For `afterEach`: ends what tests opened, last first. */
export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

export class Rig {
  readonly clock = new FakeClock();
  readonly received: Received[] = [];
  readonly layer: TransportLayer;
  points: ListeningPoint[] = [];

  constructor(listen: ListenSpec[], options: Partial<Omit<TransportOptions, 'listen' | 'limits'>> & { limits?: Partial<TransportLimits> } = {}, deps: Partial<TransportDeps> = {}) {
    this.layer = new TransportLayer({ wire, ...options, listen }, { clock: this.clock, log: quiet, ...deps });
    this.layer.onMessage = (message, flow, bytes) => void this.received.push({ message, flow, bytes });
    open.push(() => this.layer.close());
  }

  static async start(...args: ConstructorParameters<typeof Rig>): Promise<Rig> {
    const rig = new Rig(...args);
    rig.points = await rig.layer.start();
    return rig;
  }

  port(index = 0): number {
    return this.points[index]?.port ?? 0;
  }

  async message(index = 0): Promise<Received> {
    await until(() => this.received.length > index);
    return this.received[index] as Received;
  }

  get stats(): ReturnType<TransportLayer['stats']> {
    return this.layer.stats();
  }
}

export const udp4: ListenSpec = { protocol: 'udp', address: '127.0.0.1', port: 0 };
export const tcp4: ListenSpec = { protocol: 'tcp', address: '127.0.0.1', port: 0 };

export class UdpPeer {
  readonly got: Array<{ data: Buffer; from: RemoteInfo }> = [];

  private constructor(readonly socket: UdpSocket) {
    socket.on('message', (data, from) => void this.got.push({ data, from }));
  }

  static async open(address = '127.0.0.1'): Promise<UdpPeer> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    open.push(() => void socket.close());
    return new UdpPeer(socket);
  }

  get port(): number {
    return this.socket.address().port;
  }

  send(text: string | Buffer, port: number, address = '127.0.0.1'): void {
    this.socket.send(text, port, address);
  }

  async text(index = 0): Promise<string> {
    await until(() => this.got.length > index);
    return this.got[index]?.data.toString() ?? '';
  }
}

export class TcpPeer {
  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.data += chunk.toString();
    });
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', () => undefined);
    open.push(() => void socket.destroy());
  }

  data = '';
  closed = false;

  static async open(port: number, address = '127.0.0.1'): Promise<TcpPeer> {
    const socket = connect(port, address);
    const peer = new TcpPeer(socket);
    await once(socket, 'connect');
    return peer;
  }

  static wrap(socket: Socket): TcpPeer {
    return new TcpPeer(socket);
  }

  get port(): number {
    return this.socket.localPort ?? 0;
  }

  write(text: string): void {
    this.socket.write(text);
  }

  async has(text: string): Promise<void> {
    await until(() => this.data.includes(text));
  }

  async end(): Promise<void> {
    await until(() => this.closed);
  }
}

export class TcpListeningPeer {
  readonly accepted: TcpPeer[] = [];

  private constructor(readonly server: Server) {
    server.on('connection', (socket) => void this.accepted.push(TcpPeer.wrap(socket)));
  }

  static async open(address = '127.0.0.1', port = 0): Promise<TcpListeningPeer> {
    const server = createServer();
    server.listen(port, address);
    await once(server, 'listening');
    const peer = new TcpListeningPeer(server);
    open.push(() => {
      for (const { socket } of peer.accepted) socket.destroy();
      server.close();
    });
    return peer;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async connection(index = 0): Promise<TcpPeer> {
    await until(() => this.accepted.length > index);
    return this.accepted[index] as TcpPeer;
  }
}

export function options(via: string, extra: string[] = [], body = ''): string {
  return [
    'OPTIONS sip:1001@127.0.0.1 SIP/2.0',
    `Via: ${via}`,
    'From: <sip:1002@127.0.0.1>;tag=theirs',
    'To: <sip:1001@127.0.0.1>',
    'Call-ID: call-1',
    'CSeq: 1 OPTIONS',
    'Max-Forwards: 70',
    ...extra,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

/** A machine that has IPv6 switched off (some containers) cannot run the IPv6 cases. */
export function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));
}
