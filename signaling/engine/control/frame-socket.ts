/**
 * A connection of the control port as frames: payloads in, frames out. What is said in one turn of the event loop, in answer to perhaps
 * thirty datagrams, leaves with one system call: on loopback a call costs more than all the rest of a frame. A peer that does not read is
 * given up when too much waits for it.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../clock';
import { FrameError, FrameReader } from './framing';

/** A peer that does not close its side must not keep the socket. */
const STUBBORN_MS = 2000;
/** What is not held back for more: a system call is cheap against it. */
const ENOUGH = 16_384;

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
  /** Frames of this turn. */
  private text = '';
  private readonly flushed: Array<() => void> = [];
  private leaving = false;

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
    return this.socket.writableLength + this.text.length;
  }

  /** A peer that has proved who it is may send larger frames. */
  setFrameLimit(bytes: number): void {
    this.reader.setLimit(bytes);
  }

  /** @param frame with its length, see framing.ts. `flushed` is called when the kernel has the bytes. */
  write(frame: string, flushed?: () => void): void {
    if (!this.socket.writable) return;
    this.text += frame;
    if (flushed) this.flushed.push(flushed);
    if (this.text.length >= ENOUGH) this.flush();
    else if (!this.leaving) {
      this.leaving = true;
      setImmediate(() => this.flush());
    }
    const waiting = this.waitingBytes;
    if (waiting > this.options.maxWriteBufferBytes) {
      this.events.stuck(waiting);
      this.destroy();
    }
  }

  /** Ends after what was written has left. Idempotent. */
  close(): void {
    if (this.ended) return;
    this.flush();
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

  private flush(): void {
    this.leaving = false;
    if (this.text === '' || !this.socket.writable) return;
    const told = this.flushed.splice(0);
    this.socket.write(this.text, 'utf8', told.length === 0 ? undefined : (error) => (error ? undefined : told.forEach((tell) => tell())));
    this.text = '';
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
