/**
 * SIP over WebSocket (RFC 7118), plain and over TLS: the HTTP end of it. Anything but an opening that offers the subprotocol `sip` is
 * told so in HTTP and closed. Only clients open WebSockets, so nothing is dialled.
 */
import { createServer, STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { openDoor, type Door } from './door';
import { familyOf, type Host, type Listener } from './listener';
import { TransportError, type Endpoint, type Flow, type ListenSpec } from './types';
import { WebSocketFlow } from './websocket-flow';

const SUBPROTOCOL = 'sip';
/** Of the HTTP request. */
const MAX_HEAD_BYTES = 16_384;

export async function listenWebSocket(spec: ListenSpec, host: Host): Promise<Listener> {
  const protocol = spec.protocol === 'wss' ? 'wss' : 'ws';
  const ends = new WeakMap<Socket, { local: Endpoint; remote: Endpoint; settled: () => void }>();
  const http = createServer({ maxHeaderSize: MAX_HEAD_BYTES, keepAlive: false });
  const upgrades = new WebSocketServer({ noServer: true, maxPayload: host.maxMessageBytes, perMessageDeflate: false, clientTracking: false, handleProtocols: () => SUBPROTOCOL });

  http.on('request', (request, response) => {
    host.counters.handshakesFailed++;
    const body = 'This is a SIP server: connect with a WebSocket (RFC 7118).\n';
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'Upgrade, close', 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(body) });
    response.end(body, () => request.socket.destroySoon());
  });
  http.on('clientError', (_error, socket) => {
    host.counters.handshakesFailed++;
    refuse(socket as Socket, 400, 'This is not HTTP.');
  });
  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const known = ends.get(socket);
    const problem = known === undefined ? 'This connection is not known.' : offers(request, SUBPROTOCOL) ? undefined : 'The subprotocol “sip” has to be offered (Sec-WebSocket-Protocol, RFC 7118).';
    if (known === undefined || problem !== undefined) {
      host.counters.handshakesFailed++;
      refuse(socket, 400, problem ?? '');
      return;
    }
    upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      known.settled();
      new WebSocketFlow(protocol, webSocket, socket, known.local, known.remote, host);
    });
  });
  upgrades.on('wsClientError', (error, socket) => {
    host.counters.handshakesFailed++;
    refuse(socket as Socket, 400, `${error.message}.`);
  });

  const door = await openDoor(spec, host, protocol === 'wss' ? host.certificates() : undefined, (socket, local, remote, settled) => {
    ends.set(socket, { local, remote, settled });
    http.emit('connection', socket);
  });
  return new WebSocketListener(protocol, spec, door);
}

class WebSocketListener implements Listener {
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;

  constructor(
    readonly protocol: 'ws' | 'wss',
    spec: ListenSpec,
    private readonly door: Door,
  ) {
    this.address = spec.address;
    this.family = familyOf(spec.address);
    this.port = door.port;
  }

  get halfOpen(): number {
    return this.door.halfOpen;
  }

  sweep(now: number): void {
    this.door.sweep(now);
  }

  open(remote: Endpoint): Promise<Flow> {
    return Promise.reject(new TransportError('no-transport', 'A WebSocket is opened by the client, and this one has none open to us', this.protocol, remote.address, remote.port));
  }

  close(): Promise<void> {
    return this.door.close();
  }
}

function offers(request: IncomingMessage, subprotocol: string): boolean {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').some((one) => one.trim() === subprotocol);
}

function refuse(socket: Socket, status: number, why: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = `${why}\n`;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  socket.once('finish', () => socket.destroySoon());
}
