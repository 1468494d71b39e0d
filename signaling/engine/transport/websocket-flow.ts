/**
 * SIP over one WebSocket (RFC 7118), plain or over TLS: a SIP message is a WebSocket message, text where it is UTF-8 and binary where it is
 * not (§4.2). Keep-alive are the WebSocket's pings (RFC 6455 §5.5.2), ours when the peer is silent; CRLF is answered as on a stream (§6).
 */
import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import { WebSocket, type RawData } from 'ws';
import { ConnectionFlow, type Carrier, type CloseReason } from './connection-flow';
import { FrameBorders } from './frame-borders';
import type { Host } from './listener';
import type { Endpoint } from './types';

const PONG = Buffer.from('\r\n');
/** RFC 6455 §7.4.1. */
const CODES: Readonly<Partial<Record<CloseReason, number>>> = { local: 1001, idle: 1000, unparsable: 1008 };

export class WebSocketFlow extends ConnectionFlow {
  private webSocket: WebSocket | undefined;
  private readonly borders = new FrameBorders();
  private lastHeard: number;
  /** Our ping that has no answer. */
  private pinged = false;

  constructor(protocol: 'ws' | 'wss', webSocket: WebSocket, socket: Socket, local: Endpoint, remote: Endpoint, host: Host) {
    super(protocol, local, remote, host, true);
    this.webSocket = webSocket;
    this.lastHeard = this.lastActive;
    // Seen here before the library makes of them what it can, which tells of whole messages only.
    socket.prependListener('data', (chunk: Buffer) => this.heard(chunk));
    webSocket.on('message', (data: RawData) => this.read(data));
    webSocket.on('ping', () => this.pingAnswered());
    webSocket.on('error', (error) => this.broken(error));
    webSocket.on('close', () => this.leave('peer'));
    host.opened(this);
  }

  override sweep(now: number): void {
    super.sweep(now);
    const { webSocket, host } = this;
    if (!webSocket || now - this.lastHeard < host.limits.pingMs) return;
    if (!this.pinged) {
      this.pinged = true;
      this.lastHeard = now;
      webSocket.ping();
    } else {
      host.counters.closedSilent++;
      this.destroy('silent');
    }
  }

  protected get backlog(): number {
    return this.webSocket?.bufferedAmount ?? 0;
  }

  protected write(data: Buffer, done?: (error?: Error | null) => void): void {
    this.webSocket?.send(data, { binary: !isUtf8(data) }, done);
  }

  private heard(chunk: Buffer): void {
    if (!this.open) return;
    this.lastHeard = this.host.clock.now();
    this.pinged = false;
    const border = this.borders.push(chunk);
    if (!this.borders.within) this.unfinishedSince = undefined;
    else if (border || this.unfinishedSince === undefined) this.unfinishedSince = this.lastHeard;
  }

  /** By the library, which ends a WebSocket when 60 of its pongs have not left: the peer does not read, or pings for the sake of it. */
  private pingAnswered(): void {
    if (!this.open || this.webSocket?.readyState === WebSocket.OPEN) return;
    this.host.counters.closedSlowReader++;
    this.destroy('slow-reader');
  }

  private read(raw: RawData): void {
    if (!this.open) return;
    this.lastActive = this.lastHeard;
    const data = Buffer.isBuffer(raw) ? raw : Array.isArray(raw) ? Buffer.concat(raw) : Buffer.from(raw);
    if (!isLineEnds(data)) return this.received(data);
    this.host.counters.keepalives++;
    if (data.length >= 4) this.deliver(PONG);
  }

  /** Bytes that are no WebSocket, text that is no UTF-8, a message over the limit: the library has answered with the code for it. */
  private broken(error: Error): void {
    if (!this.open) return;
    this.host.log.debug({ err: error, flow: this.id }, 'A WebSocket broke');
    if (/^WS_ERR_/.test((error as NodeJS.ErrnoException).code ?? '')) this.host.counters.closedFraming++;
    this.close('framing');
  }

  protected release(): Carrier | undefined {
    const { webSocket } = this;
    this.webSocket = undefined;
    if (!webSocket) return undefined;
    return {
      end: (reason) => webSocket.close(CODES[reason]),
      cut: () => webSocket.terminate(),
      lingers: webSocket.readyState !== WebSocket.CLOSED,
      whenClosed: (fn) => void webSocket.once('close', fn),
    };
  }
}

/** Empty, or CRLFs and nothing else. */
function isLineEnds(data: Buffer): boolean {
  for (const byte of data) if (byte !== 0x0d && byte !== 0x0a) return false;
  return true;
}
