/**
 * Answers kept for as long as they say (RFC 1034 §3.6), those that there is nothing as well (RFC 2308), and failures for a moment, so that a
 * server that does not answer is not asked for each call. Questions asked at the same time are asked once.
 */
import type { Clock } from '../../clock';
import type { Answer, Names } from './names';

export interface CacheOptions {
  /** For records whose time to live Node does not tell (SRV, NAPTR, the system's own names). */
  defaultMs: number;
  /** For "there is no such record". */
  nothingMs: number;
  /** For "nobody could be asked". */
  failureMs: number;
  /** No answer is kept longer, whatever it says. */
  longestMs: number;
  maxEntries: number;
}

export const defaultCache: CacheOptions = { defaultMs: 60_000, nothingMs: 30_000, failureMs: 5_000, longestMs: 3_600_000, maxEntries: 5_000 };
/** An answer that may not be kept is still good for the calls of this moment. */
const SHORTEST_MS = 1_000;

interface Entry {
  answer: Promise<Answer<unknown>>;
  /** Infinity while the question is open. */
  until: number;
}

export class CachedNames implements Names {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly names: Names,
    private readonly clock: Clock,
    private readonly options: CacheOptions = defaultCache,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  naptr(name: string): ReturnType<Names['naptr']> {
    return this.kept('naptr', name, (wanted) => this.names.naptr(wanted));
  }

  srv(name: string): ReturnType<Names['srv']> {
    return this.kept('srv', name, (wanted) => this.names.srv(wanted));
  }

  addresses(name: string): ReturnType<Names['addresses']> {
    return this.kept('addresses', name, (wanted) => this.names.addresses(wanted));
  }

  private kept<T>(type: string, name: string, ask: (name: string) => Promise<Answer<T>>): Promise<Answer<T>> {
    const wanted = name.toLowerCase();
    const key = `${type} ${wanted}`;
    const known = this.entries.get(key);
    if (known && known.until > this.clock.now()) return known.answer as Promise<Answer<T>>;
    this.entries.delete(key);
    this.makeRoom();
    const entry: Entry = { answer: ask(wanted), until: Number.POSITIVE_INFINITY };
    this.entries.set(key, entry);
    entry.answer.then(
      ({ records, ttlMs }) => this.date(entry, ttlMs ?? (records.length > 0 ? this.options.defaultMs : this.options.nothingMs)),
      () => this.date(entry, this.options.failureMs),
    );
    return entry.answer as Promise<Answer<T>>;
  }

  private date(entry: Entry, ms: number): void {
    entry.until = this.clock.now() + Math.min(Math.max(ms, SHORTEST_MS), this.options.longestMs);
  }

  /** The oldest go first. */
  private makeRoom(): void {
    if (this.entries.size >= this.options.maxEntries) this.entries.delete(this.entries.keys().next().value as string);
  }
}
