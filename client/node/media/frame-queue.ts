/** Frames on their way to a program: an async iterable that never holds up whoever writes. A reader that is slow loses the oldest. */
import type { Frame } from './hub-types';

/** A second. */
const MOST = 50;

export class FrameQueue implements AsyncIterableIterator<Frame> {
  /** Frames that nobody came for. */
  dropped = 0;
  private readonly frames: Frame[] = [];
  private readonly readers: Array<(result: IteratorResult<Frame, undefined>) => void> = [];
  private ended = false;

  /** `onEnd`: the reader has had enough, or the writer ended it; once. */
  constructor(private readonly onEnd: () => void) {}

  write(frame: Frame): void {
    if (this.ended) return;
    const reader = this.readers.shift();
    if (reader) {
      reader({ done: false, value: frame });
      return;
    }
    this.frames.push(frame);
    if (this.frames.length <= MOST) return;
    this.frames.shift();
    this.dropped++;
  }

  next(): Promise<IteratorResult<Frame, undefined>> {
    const value = this.frames.shift();
    if (value) return Promise.resolve({ done: false, value });
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.readers.push(resolve));
  }

  /** What waits can still be read. Idempotent. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    for (const reader of this.readers.splice(0)) reader({ done: true, value: undefined });
    this.onEnd();
  }

  return(): Promise<IteratorResult<Frame, undefined>> {
    this.frames.length = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
