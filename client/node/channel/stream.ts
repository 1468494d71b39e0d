/** A channel over TCP (RFC 3261 §18) or TLS: framing, keep-alive (RFC 5626 §3.5.1), certificates. */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Channel, ChannelEvents, HostPort } from '../../sip/channel';
import { FramingError, StreamFraming } from './framing';
import { reasonOf, wasLost } from './problems';

export interface TlsTrust {
  /** PEM; in place of the authorities that Node trusts. */
  ca?: Buffer | undefined;
  /** Any certificate will do. */
  insecure?: boolean | undefined;
}

export interface StreamOptions {
  tls: TlsTrust | undefined;
  /** The name that the certificate has to be for. */
  serverName: string;
  localAddress?: string | undefined;
  localPort?: number | undefined;
}

const PING = '\r\n\r\n';
const PONG = '\r\n';
/** A server that takes nothing any more: no more is kept for it. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;
/** How long what was sent last may take to get out after `close()`. */
const LINGER_MS = 2_000;

/** Rejects with the socket's own error, or with the reason of the signal. */
export function openStream(remote: HostPort, options: StreamOptions, events: ChannelEvents, signal: AbortSignal): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const { tls, serverName, localAddress, localPort } = options;
    const place = { host: remote.host, port: remote.port, ...(localAddress === undefined ? {} : { localAddress }), ...(localPort === undefined ? {} : { localPort }) };
    // SNI carries names only (RFC 6066 §3); an address is checked against the certificate all the same.
    const socket = tls
      ? connectTls({ ...place, servername: isIP(serverName) ? '' : serverName, rejectUnauthorized: tls.insecure !== true, minVersion: 'TLSv1.2', ...(tls.ca ? { ca: tls.ca } : {}) })
      : connectTcp(place);
    const abort = (): void => void socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('it was given up'));
    const failed = (error: Error): void => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      reject(error);
    };
    socket.once('error', failed);
    const closedEarly = (): void => failed(Object.assign(new Error('the server ended it'), { code: 'ECONNRESET' }));
    socket.once('close', closedEarly);
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', failed);
      socket.off('close', closedEarly);
      resolve(new StreamChannel(socket, tls ? 'TLS' : 'TCP', remote, events));
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

class StreamChannel implements Channel {
  readonly reliable = true;
  readonly local: HostPort;
  private over = false;

  constructor(
    private readonly socket: Socket,
    readonly protocol: 'TCP' | 'TLS',
    readonly remote: HostPort,
    private readonly events: ChannelEvents,
  ) {
    this.local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    socket.setNoDelay(true);
    const framing = new StreamFraming({
      message: (text) => {
        if (!this.over) events.message(text, remote);
      },
      ping: () => this.write(PONG),
      pong: () => {
        if (!this.over) events.pong();
      },
    });
    socket.on('data', (chunk: Buffer) => {
      if (this.over) return;
      try {
        framing.push(chunk);
      } catch (error) {
        if (!(error instanceof FramingError)) throw error;
        this.fail(error.message);
      }
    });
    socket.on('error', (error) => this.fail(reasonOf(error)));
    socket.on('end', () => this.fail('the server ended it'));
    socket.on('close', () => this.fail('the server ended it'));
  }

  send(text: string): void {
    this.write(text);
  }

  ping(): void {
    this.write(PING);
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.socket.end();
    const linger = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.once('close', () => clearTimeout(linger));
    // What still arrives is read and thrown away, or the end would never be seen.
    this.socket.resume();
  }

  private write(text: string): void {
    if (this.over) return;
    this.socket.write(text);
    if (this.socket.writableLength > MAX_UNSENT_BYTES) this.fail('the server takes nothing any more');
  }

  private fail(reason: string): void {
    if (this.over) return;
    this.over = true;
    this.socket.destroy();
    this.events.closed(wasLost(this.remote, this.protocol, reason));
  }
}
