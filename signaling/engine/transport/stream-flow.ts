/**
 * One stream connection (RFC 3261 §18, keep-alive RFC 5626 §3.5.1), whatever carries its bytes: TCP today, TLS with the same class.
 */
import type { Socket } from 'node:net';
import type { StreamFramer } from '../wire/framer';
import { SipParseError } from '../wire/errors';
import { cannotSend, type Host } from './listener';
import { TransportError, type Endpoint, type Flow, type Protocol } from './types';

const PONG = Buffer.from('\r\n');
/** How long a closed connection may take to send its last bytes. */
const LINGER_MS = 5_000;
let count = 0;

export type CloseReason = 'idle' | 'unfinished' | 'slow-reader' | 'framing' | 'local' | 'peer';

export class StreamFlow implements Flow {
  readonly reliable = true;
  readonly id: string;
  open = true;
  /** Until when a registration came over it (ms of the clock): it is not idle as long. */
  keepUntil = 0;
  private socket: Socket | undefined;
  private framer: StreamFramer | undefined;
  private listeners: Set<() => void> | undefined;
  private lastActive: number;
  /** When the message that is not complete yet began to arrive; for an accepted connection, before its first word, when it was opened. */
  private unfinishedSince: number | undefined;

  constructor(
    readonly protocol: Protocol,
    socket: Socket,
    readonly local: Endpoint,
    readonly remote: Endpoint,
    private readonly host: Host,
    readonly accepted: boolean,
  ) {
    this.id = `${protocol}:${remote.address}:${remote.port}#${++count}`;
    this.socket = socket;
    this.framer = host.newFramer();
    this.lastActive = host.clock.now();
    this.unfinishedSince = accepted ? this.lastActive : undefined;
    socket.on('data', (chunk: Buffer) => this.received(chunk));
    socket.on('error', (error) => host.log.debug({ err: error, flow: this.id }, 'A connection broke'));
    // A peer that has finished sending is done with us: Node ends our side by itself.
    socket.on('end', () => this.leave('peer'));
    socket.on('close', () => this.leave('peer'));
    host.opened(this);
  }

  send(data: Buffer, onError?: (error: TransportError) => void): void {
    const { socket, host } = this;
    const fail = (error: TransportError): void => {
      host.counters.sendErrors++;
      if (onError) queueMicrotask(() => onError(error));
    };
    if (!socket || !this.open) {
      fail(new TransportError('closed', `The connection to ${this.remote.address} port ${this.remote.port} was closed`, this.protocol, this.remote.address, this.remote.port));
      return;
    }
    host.counters.messagesSent++;
    host.counters.bytesSent += data.length;
    this.lastActive = host.clock.now();
    this.write(data, (error) => {
      if (error) fail(cannotSend(error, this.protocol, this.remote));
    });
  }

  private write(data: Buffer, done?: (error?: Error | null) => void): void {
    const { socket, host } = this;
    socket?.write(data, done);
    if (socket && socket.writableLength > host.limits.maxWriteBufferBytes) {
      host.counters.closedSlowReader++;
      this.destroy('slow-reader');
    }
  }

  onClose(fn: () => void): () => void {
    if (!this.open) {
      let wanted = true;
      queueMicrotask(() => {
        if (wanted) fn();
      });
      return () => {
        wanted = false;
      };
    }
    const { listeners = new Set() } = this;
    this.listeners = listeners;
    // Wrapped, so that a function given twice is called twice.
    const entry = (): void => fn();
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  /** Closes the connection if its time has come. Called about once a second. */
  sweep(now: number): void {
    const { limits, counters } = this.host;
    if (this.unfinishedSince !== undefined && now - this.unfinishedSince >= limits.unfinishedMs) {
      counters.closedUnfinished++;
      this.destroy('unfinished');
    } else if (now - this.lastActive >= limits.idleMs && now >= this.keepUntil) {
      counters.closedIdle++;
      this.close('idle');
    }
  }

  /** Sends what is buffered, then closes. */
  close(reason: CloseReason = 'local'): void {
    const { socket } = this;
    this.leave(reason);
    if (!socket) return;
    if (socket.writableLength > 0) {
      const timer = this.host.clock.after(LINGER_MS, () => socket.destroy());
      socket.once('close', () => timer.cancel());
    }
    socket.destroySoon();
  }

  destroy(reason: CloseReason = 'local'): void {
    const { socket } = this;
    this.leave(reason);
    socket?.destroy();
  }

  private received(chunk: Buffer): void {
    const { host, framer } = this;
    if (!this.open || !framer) return;
    this.lastActive = host.clock.now();
    let complete = false;
    let pinged = false;
    try {
      for (const item of framer.push(chunk)) {
        complete = true;
        if (item.kind === 'message') host.receive(item.data, this);
        else {
          host.counters.keepalives++;
          pinged ||= item.kind === 'ping';
        }
        if (!this.open) return;
      }
    } catch (error) {
      if (error instanceof SipParseError) this.unreadable(error);
      else {
        host.counters.internalErrors++;
        host.log.error({ err: error, flow: this.id }, 'A stream could not be read');
        this.destroy('framing');
      }
      return;
    }
    // One answer for all pings of a chunk: a flood of them must not be answered byte by byte.
    if (pinged) this.write(PONG);
    if (framer.error) this.unreadable(framer.error);
    else if (framer.pendingBytes === 0) this.unfinishedSince = undefined;
    else if (complete || this.unfinishedSince === undefined) this.unfinishedSince = this.lastActive;
  }

  private unreadable(error: SipParseError): void {
    this.host.counters.closedFraming++;
    this.host.unreadable(error, this);
    this.close('framing');
  }

  /** From here on the flow is closed for everybody; the socket may still be sending its last bytes. */
  private leave(reason: CloseReason): void {
    if (!this.open) return;
    this.open = false;
    // A closed flow may stay in the table of remembered flows: it must not hold the socket or bytes.
    this.framer = undefined;
    const { socket } = this;
    this.socket = undefined;
    socket?.removeAllListeners('data');
    socket?.resume();
    this.host.closed(this);
    this.host.log.debug({ flow: this.id, reason }, 'A connection ended');
    const { listeners } = this;
    this.listeners = undefined;
    for (const listener of listeners ?? []) {
      try {
        listener();
      } catch (error) {
        this.host.counters.handlerErrors++;
        this.host.log.error({ err: error, flow: this.id }, 'A listener for the end of a connection threw');
      }
    }
  }
}
