/**
 * Writes bindings to the store, many in one transaction. Whoever has to know is told when what it changed is there: a REGISTER is answered
 * then, and what was answered with 200 survives a killed process.
 *
 *   put, remove ─▶ changes ─▶ one transaction of at most `maxBatch` ─▶ whenStored
 *                     └ at once when somebody waits and none was written for `gatherMs`, else with what comes until then;
 *                       after `flushMs` when nobody waits
 *
 * A transaction costs ten times what a row in it does, so registrations that come together share one, and few are answered at once.
 *
 * Changes of one contact overwrite each other, so what waits is bounded by the contacts there are. While the store
 * fails, writing is tried again at growing intervals; every failure is counted and logged.
 */
import type { Clock, Timer } from '../clock';
import type { Logger } from '../log';
import type { Contact, ContactKey, Store } from '../store/store';
import { toContact, type Binding } from './binding';

export interface JournalOptions {
  /** How long changes are gathered that nobody waits for. */
  flushMs: number;
  /** Least time between two transactions while somebody waits. */
  gatherMs?: number;
  /** Changes in one transaction. */
  maxBatch?: number;
  /** Removals that wait; above it a contact is left to expire in the store. */
  maxRemovals?: number;
}

export type JournalStore = { contacts: Pick<Store['contacts'], 'apply'> };

const retryMs = 1000;
const maxRetryMs = 30_000;
/** Between two batches of a backlog: others get their turn, and it still shrinks. */
const backlogMs = 20;

interface Change {
  /** Undefined: the contact is removed. */
  readonly put: Binding | undefined;
  readonly key: ContactKey;
  /** Rises through `changes`. Whoever overwrites a change has its place. */
  readonly place: number;
}

interface Waiter {
  /** The last place that has to be written. */
  readonly place: number;
  readonly done: (stored: boolean) => void;
}

export class ContactJournal {
  /** By extension and URI. */
  private readonly changes = new Map<string, Change>();
  private waiters: Waiter[] = [];
  private places = 0;
  private removals = 0;
  private timer: Timer | undefined;
  private timerAt = 0;
  private writing: Promise<boolean> | undefined;
  private wroteAt = -Infinity;
  private failuresInARow = 0;
  private closed = false;
  private readonly counts = { batches: 0, written: 0, failures: 0, discarded: 0 };
  private readonly gatherMs: number;
  private readonly maxBatch: number;
  private readonly maxRemovals: number;

  constructor(
    private readonly store: JournalStore,
    private readonly options: JournalOptions,
    private readonly deps: { clock: Clock; log: Logger },
  ) {
    this.gatherMs = options.gatherMs ?? 50;
    this.maxBatch = options.maxBatch ?? 500;
    this.maxRemovals = options.maxRemovals ?? 100_000;
  }

  put(binding: Binding): void {
    this.note(keyOf(binding), binding, binding);
    this.scheduleUnlessWound();
  }

  /** False: it is left to expire in the store. */
  remove(contact: ContactKey): boolean {
    const name = keyOf(contact);
    if (this.removals >= this.maxRemovals && !this.changes.has(name)) {
      this.counts.discarded++;
      return false;
    }
    this.note(name, undefined, { extension: contact.extension, uri: contact.uri });
    this.scheduleUnlessWound();
    return true;
  }

  /** Calls `done` when all that was changed until now is in the store (true), or when it could not be written (false; it is tried again). */
  whenStored(done: (stored: boolean) => void): void {
    if (this.changes.size === 0 && !this.writing) return done(true);
    if (this.closed) return done(false);
    this.waiters.push({ place: this.places, done });
    this.schedule(this.failuresInARow > 0 ? retryMs : Math.max(0, this.wroteAt + this.gatherMs - this.deps.clock.now()));
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
    this.failWaiters();
  }

  stats(): { waiting: number; batches: number; written: number; failures: number; discarded: number } {
    return { waiting: this.changes.size, ...this.counts };
  }

  private note(name: string, put: Binding | undefined, key: ContactKey): void {
    const old = this.changes.get(name);
    if (old && !old.put) this.removals--;
    if (!put) this.removals++;
    // where the old one stood: a Map keeps the place of a key, and whoever waits for the old one waits for this one instead
    this.changes.set(name, { put, key, place: old?.place ?? ++this.places });
  }

  private scheduleUnlessWound(): void {
    if (!this.timer) this.schedule(this.options.flushMs);
  }

  /** In `ms` at the latest. */
  private schedule(ms: number): void {
    if (this.writing || this.closed || this.changes.size === 0) return;
    const at = this.deps.clock.now() + ms;
    if (this.timer && this.timerAt <= at) return;
    this.cancelTimer();
    this.timerAt = at;
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
    this.wroteAt = this.deps.clock.now();
    this.writing = this.write().then((done) => {
      this.writing = undefined;
      if (done) this.tellWaiters();
      else this.failWaiters();
      this.schedule(done ? this.pause() : Math.min(maxRetryMs, retryMs * 2 ** (this.failuresInARow - 1)));
      return done;
    });
    return this.writing;
  }

  private pause(): number {
    if (this.changes.size >= this.maxBatch) return Math.min(backlogMs, this.options.flushMs);
    return this.waiters.length > 0 ? this.gatherMs : this.options.flushMs;
  }

  /** Those whose changes are written: none of them is left, and the first that is left stands in the lowest place. */
  private tellWaiters(): void {
    const [first] = this.changes.values();
    const ready = this.waiters.filter((waiter) => !first || waiter.place < first.place);
    this.waiters = first ? this.waiters.filter((waiter) => waiter.place >= first.place) : [];
    for (const waiter of ready) this.tell(waiter, true);
  }

  private failWaiters(): void {
    const all = this.waiters;
    this.waiters = [];
    for (const waiter of all) this.tell(waiter, false);
  }

  /** One that throws must not keep the others waiting. */
  private tell(waiter: Waiter, stored: boolean): void {
    try {
      waiter.done(stored);
    } catch (err) {
      this.deps.log.error({ err }, 'a registration could not be answered');
    }
  }

  private async write(): Promise<boolean> {
    const batch = this.take();
    const epoch = this.deps.clock.wall().getTime() - this.deps.clock.now();
    const put: Contact[] = [];
    const remove: ContactKey[] = [];
    for (const change of batch) {
      if (change.put) put.push(toContact(change.put, epoch));
      else remove.push(change.key);
    }
    try {
      await this.store.contacts.apply({ put, remove });
    } catch (err) {
      this.counts.failures++;
      this.failuresInARow++;
      for (const { key, put: binding } of batch) if (!this.changes.has(keyOf(key))) this.note(keyOf(key), binding, key);
      this.deps.log.error({ error: String(err), waiting: this.changes.size }, 'cannot write registrations to the store');
      return false;
    }
    this.failuresInARow = 0;
    this.counts.batches++;
    this.counts.written += batch.length;
    return true;
  }

  private take(): Change[] {
    const batch: Change[] = [];
    for (const [name, change] of this.changes) {
      if (batch.length === this.maxBatch) break;
      batch.push(change);
      this.changes.delete(name);
      if (!change.put) this.removals--;
    }
    return batch;
  }
}

function keyOf(contact: ContactKey): string {
  return `${contact.extension} ${contact.uri}`;
}
