/**
 * Writes bindings behind: changes are gathered for `flushMs` and given to the store in transactions of at most `maxBatch`,
 * so that no REGISTER waits for a disk, nor long for the thread that a database in this process keeps busy. A crash loses
 * what waits, and the phones register again.
 *
 * Changes of one contact overwrite each other, so what waits is bounded by the contacts there are. While the store
 * fails, writing is tried again at growing intervals; every failure is counted and logged.
 */
import type { Clock, Timer } from '../clock';
import type { Logger } from '../log';
import type { Store } from '../store/store';
import { toContact, type Binding } from './binding';

export interface JournalOptions {
  flushMs: number;
  /** Changes in one transaction. */
  maxBatch?: number;
  /** Removals that wait; above it a contact is left to expire in the store. */
  maxRemovals?: number;
}

export type JournalStore = { contacts: Pick<Store['contacts'], 'apply'> };

const retryMs = 1000;
const maxRetryMs = 30_000;

type Change = { put: Binding } | { remove: { extension: string; uri: string } };

export class ContactJournal {
  /** By extension and URI; the newest change of a contact stands last. */
  private readonly changes = new Map<string, Change>();
  private removals = 0;
  private timer: Timer | undefined;
  private writing: Promise<boolean> | undefined;
  private failuresInARow = 0;
  private closed = false;
  private readonly counts = { batches: 0, written: 0, failures: 0, discarded: 0 };
  private readonly maxBatch: number;
  private readonly maxRemovals: number;

  constructor(
    private readonly store: JournalStore,
    private readonly options: JournalOptions,
    private readonly deps: { clock: Clock; log: Logger },
  ) {
    this.maxBatch = options.maxBatch ?? 500;
    this.maxRemovals = options.maxRemovals ?? 100_000;
  }

  put(binding: Binding): void {
    this.note(keyOf(binding), { put: binding });
    this.schedule(this.options.flushMs);
  }

  remove(contact: { extension: string; uri: string }): void {
    const key = keyOf(contact);
    if (this.removals >= this.maxRemovals && !this.changes.has(key)) {
      this.counts.discarded++;
      return;
    }
    this.note(key, { remove: { extension: contact.extension, uri: contact.uri } });
    this.schedule(this.options.flushMs);
  }

  /** Writes all that waits, now. Resolves when it is in the store, or when a write failed and the rest waits on. */
  async flush(): Promise<void> {
    // a write under way took its batch before this call: what came since needs another
    while (this.writing) await this.writing;
    let done = true;
    while (done && this.changes.size > 0) done = await this.writeBatch();
  }

  /** A last flush; nothing is written after it. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancelTimer();
    await this.flush();
  }

  stats(): { waiting: number; batches: number; written: number; failures: number; discarded: number } {
    return { waiting: this.changes.size, ...this.counts };
  }

  private note(key: string, change: Change): void {
    const old = this.changes.get(key);
    if (old) {
      if ('remove' in old) this.removals--;
      this.changes.delete(key);
    }
    if ('remove' in change) this.removals++;
    this.changes.set(key, change);
  }

  private schedule(ms: number): void {
    if (this.timer || this.writing || this.closed || this.changes.size === 0) return;
    this.timer = this.deps.clock.after(ms, () => {
      this.timer = undefined;
      void this.writeBatch();
    });
  }

  private cancelTimer(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** One transaction; false when it failed. What is left afterwards is scheduled. Never two at a time. */
  private writeBatch(): Promise<boolean> {
    if (this.writing) return this.writing;
    this.cancelTimer();
    this.writing = this.write().then((done) => {
      this.writing = undefined;
      this.schedule(done ? this.pause() : Math.min(maxRetryMs, retryMs * 2 ** (this.failuresInARow - 1)));
      return done;
    });
    return this.writing;
  }

  /** Between two batches: short while more than one waits, so that others get their turn and the backlog still shrinks. */
  private pause(): number {
    return this.changes.size >= this.maxBatch ? Math.min(20, this.options.flushMs) : this.options.flushMs;
  }

  private async write(): Promise<boolean> {
    const batch = this.take();
    const epoch = this.deps.clock.wall().getTime() - this.deps.clock.now();
    try {
      await this.store.contacts.apply({
        put: batch.flatMap(([, c]) => ('put' in c ? [toContact(c.put, epoch)] : [])),
        remove: batch.flatMap(([, c]) => ('remove' in c ? [c.remove] : [])),
      });
    } catch (err) {
      this.counts.failures++;
      this.failuresInARow++;
      for (const [key, change] of batch) if (!this.changes.has(key)) this.note(key, change);
      this.deps.log.error({ error: String(err), waiting: this.changes.size }, 'cannot write registrations to the store');
      return false;
    }
    this.failuresInARow = 0;
    this.counts.batches++;
    this.counts.written += batch.length;
    return true;
  }

  private take(): Array<[string, Change]> {
    const batch: Array<[string, Change]> = [];
    for (const entry of this.changes) {
      if (batch.length === this.maxBatch) break;
      batch.push(entry);
    }
    for (const [key, change] of batch) {
      this.changes.delete(key);
      if ('remove' in change) this.removals--;
    }
    return batch;
  }
}

function keyOf(contact: { extension: string; uri: string }): string {
  return `${contact.extension} ${contact.uri}`;
}
