/**
 * A connection of the control port as frames: payloads in, frames out. What is said in one turn leaves with one system call, and a peer
 * that does not read is given up when too much waits for it.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../clock';
import { FrameError, FrameReader } from './framing';

/** A peer that does not close its side must not keep the socket. */
const STUBBORN_MS = 2000;

export interface FrameSocketEvents {
  /** A frame has come. */
  payload(text: string): void;
  /** What came is no frame: there is no point to resynchronise at. The socket is left to its owner to close. */
  broken(problem: string): void;
  /** More waits to be read by the peer than `maxWriteBufferBytes`; the socket is destroyed. */
  stuck(waiting: number): void;
  /** The kernel has taken what waited. */
  drained(): void;
  failed(error: Error): void;
  /** Called once, whoever ended it. */
  closed(): void;
}

export class FrameSocket {
  readonly name: string;
  private readonly reader: FrameReader;
  private ended = false;
  private corked = false;

  constructor(
    private readonly socket: Socket,
    private readonly clock: Clock,
    private readonly options: { maxFrameBytes: number; maxWriteBufferBytes: number },
    private readonly events: FrameSocketEvents,
  ) {
    this.name = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
    this.reader = new FrameReader(options.maxFrameBytes);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 45_000);
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('drain', () => events.drained());
    socket.on('error', (error) => events.failed(error));
    socket.on('close', () => this.finish());
  }

  get open(): boolean {
    return !this.ended;
  }

  /** Bytes the kernel has not taken yet. */
  get waitingBytes(): number {
    return this.socket.writableLength;
  }

  /** A peer that has proved who it is may send larger frames. */
  setFrameLimit(bytes: number): void {
    this.reader.setLimit(bytes);
  }

  /** `flushed` is called when the kernel has the bytes. */
  write(frame: Buffer, flushed?: () => void): void {
    if (!this.socket.writable) return;
    if (!this.corked) {
      this.corked = true;
      this.socket.cork();
      process.nextTick(() => {
        this.corked = false;
        this.socket.uncork();
      });
    }
    this.socket.write(frame, flushed ? (error) => (error ? undefined : flushed()) : undefined);
    const waiting = this.waitingBytes;
    if (waiting > this.options.maxWriteBufferBytes) {
      this.events.stuck(waiting);
      this.destroy();
    }
  }

  /** Ends after what was written has left. Idempotent. */
  close(): void {
    if (this.ended) return;
    this.finish();
    this.socket.end();
    const stubborn = this.clock.after(STUBBORN_MS, () => this.socket.destroy());
    this.socket.once('close', () => stubborn.cancel());
    this.socket.resume();
  }

  destroy(): void {
    this.finish();
    this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    if (this.ended) return;
    try {
      this.reader.push(chunk, (payload) => {
        this.events.payload(payload);
        return !this.ended;
      });
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.events.broken(error.message);
    }
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.events.closed();
  }
}
