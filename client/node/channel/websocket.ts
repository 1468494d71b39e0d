/** A channel over WebSocket, plain or over TLS (RFC 7118): one SIP message a frame, pings of the WebSocket's own (RFC 6455 §5.5.2). */
import { isIP, isIPv6 } from 'node:net';
import { WebSocket } from 'ws';
import type { Channel, ChannelEvents, HostPort } from '../../sip/channel';
import { MAX_BODY_BYTES, MAX_HEAD_BYTES } from './framing';
import { reasonOf, wasLost } from './problems';
import type { TlsTrust } from './stream';

export interface WebSocketOptions {
  tls: TlsTrust | undefined;
  /** As in the URI: the Host header, and the name that the certificate has to be for. */
  serverName: string;
  path: string;
  localAddress?: string | undefined;
  localPort?: number | undefined;
  /** Hears of the port that it has. */
  opened?: ((localPort: number | undefined) => void) | undefined;
}

const SUBPROTOCOL = 'sip';
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;
const NORMAL_CLOSURE = 1000;
const LINGER_MS = 2_000;

/** Rejects with the socket's own error, with the reason of the signal, or with a sentence's end when it is no SIP server. */
export function openWebSocket(remote: HostPort, options: WebSocketOptions, events: ChannelEvents, signal: AbortSignal): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const { tls, serverName, path, localAddress, localPort } = options;
    const host = isIPv6(remote.host) ? `[${remote.host}]` : remote.host;
    const name = isIPv6(serverName) ? `[${serverName}]` : serverName;
    const socket = new WebSocket(`${tls ? 'wss' : 'ws'}://${host}:${remote.port}${path}`, SUBPROTOCOL, {
      headers: { Host: `${name}:${remote.port}` },
      // A SIP message is short, and compression of secrets beside text from elsewhere is best left out.
      perMessageDeflate: false,
      maxPayload: MAX_HEAD_BYTES + MAX_BODY_BYTES,
      followRedirects: false,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(localPort === undefined ? {} : { localPort }),
      ...(tls ? { rejectUnauthorized: tls.insecure !== true, servername: isIP(serverName) ? '' : serverName, ...(tls.ca ? { ca: tls.ca } : {}) } : {}),
    });
    let settled = false;
    const fail = (error: Error): void => {
      if (settled) return;
      settled = true;
      signal.removeEventListener('abort', abort);
      reject(error);
      socket.terminate();
    };
    const abort = (): void => fail(signal.reason instanceof Error ? signal.reason : new Error('it was given up'));
    socket.once('upgrade', (answer) => options.opened?.(answer.socket.localPort));
    // Stays: `terminate` of a socket that is just connecting says one more error.
    socket.on('error', (error) => fail(httpAnswer(error)));
    socket.once('close', () => fail(new Error('the server ended it')));
    socket.once('open', () => {
      if (settled) return;
      settled = true;
      signal.removeEventListener('abort', abort);
      resolve(new WebSocketChannel(socket, tls ? 'WSS' : 'WS', remote, events));
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

function httpAnswer(error: Error): Error {
  const status = /^Unexpected server response: (\d{3})/.exec(error.message)?.[1];
  if (status !== undefined) return new Error(`there is a web server that offers no WebSocket at this path (HTTP ${status}); check the path`);
  if (/subprotocol/i.test(error.message)) return new Error('there is a WebSocket that does not speak SIP; check the path');
  return error;
}

class WebSocketChannel implements Channel {
  readonly reliable = true;
  /** RFC 7118 §5: no address that anybody else could reach. */
  readonly local = undefined;
  private over = false;

  constructor(
    private readonly socket: WebSocket,
    readonly protocol: 'WS' | 'WSS',
    readonly remote: HostPort,
    private readonly events: ChannelEvents,
  ) {
    socket.on('message', (data) => {
      if (this.over) return;
      // RFC 7118 §4.2: text and binary frames alike.
      const text = Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)]).toString('utf8');
      // CRLF as text is a keep-alive of servers that take a WebSocket for a stream (RFC 5626 §3.5.1).
      if (/^(\r\n)+$/.test(text)) {
        if (text === '\r\n\r\n') this.send('\r\n');
        return;
      }
      events.message(text, remote);
    });
    socket.on('pong', () => {
      if (!this.over) events.pong();
    });
    socket.on('error', (error) => this.fail(reasonOf(error)));
    socket.on('close', (code) => this.fail(code === 1001 ? 'the server is going away' : 'the server ended it'));
  }

  send(text: string): void {
    if (this.over) return;
    this.socket.send(text, (error) => {
      if (error) this.fail(this.whyUnsent(error));
    });
    if (this.socket.bufferedAmount > MAX_UNSENT_BYTES) this.fail('the server takes nothing any more');
  }

  ping(): void {
    if (this.over) return;
    this.socket.ping(undefined, undefined, (error) => {
      if (error) this.fail(this.whyUnsent(error));
    });
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.socket.close(NORMAL_CLOSURE);
    const linger = setTimeout(() => this.socket.terminate(), LINGER_MS);
    this.socket.once('close', () => clearTimeout(linger));
  }

  /** What is sent while the far end is closing fails with a sentence about states of the library. */
  private whyUnsent(error: Error): string {
    return this.socket.readyState === WebSocket.OPEN ? reasonOf(error) : 'the server ended it';
  }

  private fail(reason: string): void {
    if (this.over) return;
    this.over = true;
    this.socket.terminate();
    this.events.closed(wasLost(this.remote, this.protocol, reason));
  }
}
