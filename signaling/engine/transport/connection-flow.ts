/**
 * One connection (RFC 3261 §18), whatever carries its messages: who waits for its end, when its time has come, what it may not do.
 * Stream and WebSocket are stream-flow.ts and websocket-flow.ts.
 */
import { cannotSend, type Host } from './listener';
import { TransportError, type Endpoint, type Flow, type Protocol } from './types';

/** How long a connection that ends may take to send its last bytes. */
const LINGER_MS = 5_000;
let count = 0;

export type CloseReason = 'idle' | 'unfinished' | 'slow-reader' | 'framing' | 'unparsable' | 'silent' | 'local' | 'peer';

/** What is left of a connection that nobody sends on any more. */
export interface Carrier {
  /** Politely: what is buffered is sent first. */
  end(reason: CloseReason): void;
  /** At once. */
  cut(): void;
  /** Whether `end` waits for the other side. */
  readonly lingers: boolean;
  whenClosed(fn: () => void): void;
}

export abstract class ConnectionFlow implements Flow {
  readonly reliable = true;
  readonly id: string;
  open = true;
  /** Until when a registration came over it (ms of the clock): it is not idle as long. */
  keepUntil = 0;
  protected lastActive: number;
  /** When the message that is not complete yet began to arrive; for an accepted connection, before its first word, when it was opened. */
  protected unfinishedSince: number | undefined;
  private listeners: Set<() => void> | undefined;
  private awaitsFirst: boolean;
  private readonly openedAt: number;
  private unparsableBytes = 0;

  constructor(
    readonly protocol: Protocol,
    readonly local: Endpoint,
    readonly remote: Endpoint,
    protected readonly host: Host,
    readonly accepted: boolean,
  ) {
    this.id = `${protocol}:${remote.address}:${remote.port}#${++count}`;
    this.openedAt = this.lastActive = host.clock.now();
    this.unfinishedSince = accepted ? this.lastActive : undefined;
    this.awaitsFirst = accepted;
  }

  /** Whether it is known that `name` is at the other end. Where nothing is encrypted nothing is promised. */
  vouchesFor(_name: string): boolean {
    return true;
  }

  /** Hands bytes to what carries them; undefined `done` when nobody wants to know. */
  protected abstract write(data: Buffer, done?: (error?: Error | null) => void): void;
  /** Bytes that the kernel has not taken. */
  protected abstract get backlog(): number;
  /** Lets go of everything a closed flow must not hold. */
  protected abstract release(): Carrier | undefined;

  send(data: Buffer, onError?: (error: TransportError) => void): void {
    const { host } = this;
    const fail = (error: TransportError): void => {
      host.counters.sendErrors++;
      if (onError) queueMicrotask(() => onError(error));
    };
    if (!this.open) {
      fail(new TransportError('closed', `The connection to ${this.remote.address} port ${this.remote.port} was closed`, this.protocol, this.remote.address, this.remote.port));
      return;
    }
    host.counters.messagesSent++;
    host.counters.bytesSent += data.length;
    host.tap?.sent(data, this);
    this.lastActive = host.clock.now();
    this.deliver(data, (error) => {
      if (error) fail(cannotSend(error, this.protocol, this.remote));
    });
  }

  /** Writes, and cuts off a peer that does not read. */
  protected deliver(data: Buffer, done?: (error?: Error | null) => void): void {
    this.write(data, done);
    if (this.open && this.backlog > this.host.limits.maxWriteBufferBytes) {
      this.host.counters.closedSlowReader++;
      this.destroy('slow-reader');
    }
  }

  /** A whole message has come. */
  protected received(data: Buffer): void {
    this.awaitsFirst = false;
    this.host.receive(data, this);
  }

  /** Bytes of a message with clear borders that could not be understood. */
  unparsable(bytes: number): void {
    this.unparsableBytes += bytes;
    if (!this.open || this.unparsableBytes <= this.host.limits.maxUnparsableBytes) return;
    this.host.counters.closedUnparsable++;
    this.close('unparsable');
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
    const late = this.unfinishedSince !== undefined && now - this.unfinishedSince >= limits.unfinishedMs;
    if (late || (this.awaitsFirst && now - this.openedAt >= limits.firstMessageMs)) {
      counters.closedUnfinished++;
      this.destroy('unfinished');
    } else if (now - this.lastActive >= limits.idleMs && now >= this.keepUntil) {
      counters.closedIdle++;
      this.close('idle');
    }
  }

  /** Sends what is buffered, then closes. */
  close(reason: CloseReason = 'local'): void {
    const carrier = this.leave(reason);
    if (!carrier) return;
    if (carrier.lingers) {
      const timer = this.host.clock.after(LINGER_MS, () => carrier.cut());
      carrier.whenClosed(() => timer.cancel());
    }
    carrier.end(reason);
  }

  destroy(reason: CloseReason = 'local'): void {
    this.leave(reason)?.cut();
  }

  /** From here on the flow is closed for everybody; what carried it may still be sending its last bytes. */
  protected leave(reason: CloseReason): Carrier | undefined {
    if (!this.open) return undefined;
    this.open = false;
    // A closed flow may stay in the table of remembered flows: it must not hold the socket or bytes.
    const carrier = this.release();
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
    return carrier;
  }
}
