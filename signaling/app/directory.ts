/**
 * The extensions as the call path sees them: a cache over the store, so that a registration or a call asks no database.
 *
 * Another process (`offhook extension …`) may change the store at any time. Before a cached answer is given, and at most
 * every `checkMs`, the store is asked whether that happened; then everything cached is forgotten. Numbers that do not
 * exist are cached too, in a table of their own: guessing numbers must not push out the real ones.
 */
import type { Clock } from '../clock';
import type { Logger } from '../log';
import type { Extension, Store } from '../store/store';
import { detached } from './text';

export interface DirectoryOptions {
  /** How long a change by another process may go unnoticed. */
  checkMs?: number;
  maxCached?: number;
  maxMisses?: number;
}

export type DirectoryStore = Pick<Store, 'changed'> & { extensions: Pick<Store['extensions'], 'get'> };

/** Longer names are nobody's. */
const maxNumberLength = 320;

export class Directory {
  private readonly checkMs: number;
  private readonly known: BoundedMap<Extension>;
  private readonly misses: BoundedMap<true>;
  private readonly pending = new Map<string, Promise<Extension | undefined>>();
  private readonly listeners: Array<() => unknown> = [];
  private checkedAt = -Infinity;
  private checking: Promise<void> | undefined;
  private generation = 0;
  private queries = 0;
  private failedChecks = 0;

  constructor(
    private readonly store: DirectoryStore,
    private readonly deps: { clock: Clock; log: Logger },
    options: DirectoryOptions = {},
  ) {
    this.checkMs = options.checkMs ?? 100;
    this.known = new BoundedMap(options.maxCached ?? 100_000);
    this.misses = new BoundedMap(options.maxMisses ?? 10_000);
  }

  /** The extension of that number. Errors: what the store throws when it has to be asked. */
  async find(number: string): Promise<Extension | undefined> {
    if (number === '' || number.length > maxNumberLength) return undefined;
    if (this.deps.clock.now() - this.checkedAt >= this.checkMs) await this.refresh();
    const cached = this.known.get(number);
    if (cached) return cached;
    if (this.misses.get(number)) return undefined;
    let query = this.pending.get(number);
    if (!query) {
      query = this.ask(number).finally(() => this.pending.delete(number));
      this.pending.set(number, query);
    }
    return query;
  }

  /** Calls `listener` after another process changed the store. Whoever asks next waits for the promise it returns, if it does. */
  onChanged(listener: () => unknown): void {
    this.listeners.push(listener);
  }

  /** Forgets what is cached; for changes made in this process. */
  invalidate(): void {
    this.generation++;
    this.known.clear();
    this.misses.clear();
    // a query under way may have read what was there before
    this.pending.clear();
  }

  /** A change made in this process that listeners should know of. Resolves when they do. */
  async changedHere(): Promise<void> {
    this.invalidate();
    await Promise.all(this.listeners.map((listener) => this.tell(listener)));
  }

  /** Asks the store whether another process changed it; many askers share one question. */
  refresh(): Promise<void> {
    this.checking ??= this.checkStore().finally(() => {
      this.checking = undefined;
    });
    return this.checking;
  }

  stats(): { cached: number; misses: number; queries: number; failedChecks: number } {
    return { cached: this.known.size, misses: this.misses.size, queries: this.queries, failedChecks: this.failedChecks };
  }

  private async checkStore(): Promise<void> {
    try {
      if (await this.store.changed()) await this.changedHere();
    } catch (err) {
      // the store may be locked for a moment: what is cached is still the best answer
      this.failedChecks++;
      this.deps.log.warn({ error: String(err) }, 'cannot ask the store for changes');
    }
    this.checkedAt = this.deps.clock.now();
  }

  private async tell(listener: () => unknown): Promise<void> {
    try {
      await listener();
    } catch (err) {
      this.deps.log.error({ error: String(err) }, 'a listener to store changes failed');
    }
  }

  private async ask(number: string): Promise<Extension | undefined> {
    this.queries++;
    const generation = this.generation;
    const extension = await this.store.extensions.get(number);
    if (generation === this.generation) {
      // not `number` itself: it is a piece of a request, which must not stay in memory for it
      if (extension) this.known.set(extension.number, extension);
      else this.misses.set(detached(number), true);
    }
    return extension;
  }
}

/** A map that forgets its oldest entry when full. */
class BoundedMap<V> {
  private readonly map = new Map<string, V>();

  constructor(private readonly max: number) {}

  get size(): number {
    return this.map.size;
  }

  get(key: string): V | undefined {
    return this.map.get(key);
  }

  set(key: string, value: V): void {
    if (this.map.size >= this.max && !this.map.has(key)) this.map.delete(this.map.keys().next().value as string);
    this.map.set(key, value);
  }

  clear(): void {
    this.map.clear();
  }
}
