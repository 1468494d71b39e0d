/**
 * The keys that a caller presses, however they arrive (RFC 4733, SIP INFO, tones): in order, waiting to be read, or handed to a listener.
 */
import type { Clock, Timer } from '../clock';

/** More waiting keys than anybody types ahead; what comes on top is dropped and counted. */
const MAX_WAITING = 64;

export class Digits {
  /** Keys that nobody read in time. */
  dropped = 0;
  private waiting: string[] = [];
  private reader: ((digit: string | undefined) => void) | undefined;
  private readonly watchers = new Set<() => void>();
  private listener: ((digit: string) => void) | undefined;
  private closed = false;

  constructor(private readonly clock: Pick<Clock, 'after'>) {}

  get any(): boolean {
    return this.waiting.length > 0;
  }

  push(digit: string): void {
    if (this.closed) return;
    if (this.listener) {
      this.listener(digit);
      return;
    }
    if (this.reader) this.reader(digit);
    else if (this.waiting.length < MAX_WAITING) this.waiting.push(digit);
    else this.dropped++;
    for (const watcher of [...this.watchers]) watcher();
  }

  /** undefined: none came in time, or the queue was closed. One reader at a time. */
  take(withinMs: number): Promise<string | undefined> {
    if (this.waiting.length > 0) return Promise.resolve(this.waiting.shift());
    if (this.closed) return Promise.resolve(undefined);
    if (this.reader) return Promise.reject(new Error('two readers of the same keys'));
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      this.reader = (digit) => {
        this.reader = undefined;
        timer?.cancel();
        resolve(digit);
      };
      timer = this.clock.after(withinMs, () => this.reader?.(undefined));
    });
  }

  /** `fn` runs at each key that is not for a listener, and at once when one is waiting. Returns the end of it. */
  watch(fn: () => void): () => void {
    this.watchers.add(fn);
    if (this.any) fn();
    return () => void this.watchers.delete(fn);
  }

  listen(fn: (digit: string) => void): () => void {
    this.listener = fn;
    return () => {
      if (this.listener === fn) this.listener = undefined;
    };
  }

  forget(): void {
    this.waiting = [];
  }

  /** Whoever waits gets undefined. */
  close(): void {
    this.closed = true;
    this.forget();
    this.listener = undefined;
    this.watchers.clear();
    this.reader?.(undefined);
  }
}
