/**
 * Where the extensions are: the live bindings in memory (RFC 3261 §10, the location service).
 *
 *   REGISTER → registrar → apply() ─┬─ map extension → bindings      read by lookup()
 *                                   ├─ expiry wheel                  takes out what was not refreshed
 *                                   └─ journal → store               read back at start; told when it is there
 *
 * Memory is the truth while the process runs; the store only carries registrations over a restart, whichever way the process ended.
 */
import type { Clock } from '../clock';
import type { Logger } from '../log';
import type { Store } from '../store/store';
import { fromContact, type Binding } from './binding';
import { ContactJournal } from './contact-journal';
import { ExpiryWheel, type WheelEntry } from './expiry-wheel';
import { formatFlow, type Flow } from './flow';
import { forLog } from './text';

export type LocationEventType =
  | 'registered' // a binding that was not there
  | 'refreshed'
  | 'unregistered' // by the phone, or replaced by another contact of the same device
  | 'expired'
  | 'dropped'; // by us: the extension was removed, or the flow is gone

export interface LocationEvent {
  type: LocationEventType;
  binding: Binding;
}

export interface LocationsOptions {
  /** Longest life of a binding in seconds; what the store holds is cut to it (its clock may have been wrong). */
  maxExpires: number;
  flushMs?: number;
  gatherMs?: number;
}

export type LocationsStore = { contacts: Pick<Store['contacts'], 'all' | 'apply'>; extensions: Pick<Store['extensions'], 'list'> };

/** What a REGISTER changes; a binding in `put` takes the place of the one with the same URI text. */
export interface LocationChange {
  put: readonly Binding[];
  /** Bindings as `lookup` gave them. */
  remove: readonly Binding[];
}

class Live implements Binding, WheelEntry<Live> {
  slot = -1;
  previous: Live | undefined = undefined;
  next: Live | undefined = undefined;
  readonly extension: string;
  readonly uri: string;
  readonly source: Flow;
  readonly instance: string | null;
  readonly regId: number | null;
  readonly callId: string;
  readonly cseq: number;
  readonly q: number;
  readonly userAgent: string | null;
  readonly path: string | null;
  readonly expiresAt: number;
  readonly updatedAt: number;

  constructor(b: Binding) {
    this.extension = b.extension;
    this.uri = b.uri;
    this.source = b.source;
    this.instance = b.instance;
    this.regId = b.regId;
    this.callId = b.callId;
    this.cseq = b.cseq;
    this.q = b.q;
    this.userAgent = b.userAgent;
    this.path = b.path;
    this.expiresAt = b.expiresAt;
    this.updatedAt = b.updatedAt;
  }
}

export class Locations {
  private readonly byExtension = new Map<string, Live[]>();
  private readonly wheel: ExpiryWheel<Live>;
  private readonly journal: ContactJournal;
  private readonly listeners: Array<(event: LocationEvent) => void> = [];

  constructor(
    private readonly store: LocationsStore,
    private readonly options: LocationsOptions,
    private readonly deps: { clock: Clock; log: Logger },
  ) {
    this.wheel = new ExpiryWheel<Live>(deps.clock, (live) => this.takeOut(live, 'expired'));
    const { flushMs = 250, gatherMs } = options;
    this.journal = new ContactJournal(store, { flushMs, ...(gatherMs !== undefined && { gatherMs }) }, deps);
  }

  /** Loads what the store holds. Errors: the store's. */
  async start(): Promise<{ loaded: number; discarded: number }> {
    const { clock, log } = this.deps;
    const now = clock.now();
    const epoch = clock.wall().getTime() - now;
    let discarded = 0;
    for (const contact of await this.store.contacts.all()) {
      const binding = fromContact(contact, epoch);
      if (!binding || binding.expiresAt <= now) {
        this.journal.remove(contact);
        discarded++;
        continue;
      }
      this.insert(new Live({ ...binding, expiresAt: Math.min(binding.expiresAt, now + this.options.maxExpires * 1000) }));
    }
    if (this.wheel.size + discarded > 0) log.info({ loaded: this.wheel.size, discarded }, 'registrations read back');
    return { loaded: this.wheel.size, discarded };
  }

  /** The live bindings of an extension, the preferred first: by q, then the newest. A new array each time. */
  lookup(extension: string): Binding[] {
    const all = this.byExtension.get(extension);
    if (!all) return [];
    const now = this.deps.clock.now();
    // the newest stands last, and sorting keeps the order of equals
    return all
      .filter((b) => b.expiresAt > now)
      .reverse()
      .sort((a, b) => b.q - a.q || b.updatedAt - a.updatedAt);
  }

  /** Extensions that have bindings, in no order. */
  registered(): Iterable<string> {
    return this.byExtension.keys();
  }

  /**
   * Makes a REGISTER's changes, all at once; lookup() knows them when this returns. `stored` is called when the store does, too (true), or when
   * it cannot be written (false): what is in memory stays, so that a phone is reached whose registration outlives no restart.
   */
  apply(extension: string, change: LocationChange, stored?: (stored: boolean) => void): void {
    let lost = false;
    for (const binding of change.remove) {
      const live = this.byExtension.get(extension)?.find((b) => b.uri === binding.uri);
      if (live && !this.takeOut(live, 'unregistered')) lost = true;
    }
    for (const binding of change.put) {
      const live = new Live(binding);
      const old = this.byExtension.get(extension)?.find((b) => b.uri === binding.uri);
      if (old) this.unlink(old);
      this.insert(live);
      this.journal.put(live);
      this.tell(old ? 'refreshed' : 'registered', live);
    }
    if (stored) this.journal.whenStored((done) => stored(done && !lost));
  }

  /** Takes a binding out because it leads nowhere any more (the connection it came over is closed: 410, 430). */
  forget(binding: Binding): boolean {
    const live = this.byExtension.get(binding.extension)?.find((b) => b.uri === binding.uri);
    // a refresh that came meanwhile, over another flow, must not be lost
    if (!live || live.callId !== binding.callId || live.cseq !== binding.cseq) return false;
    this.takeOut(live, 'dropped');
    return true;
  }

  /**
   * Drops the bindings of extensions that are not in the store any more; says how many. Never rejects: when the store cannot
   * be read they stay, and end with their time.
   */
  async dropRemovedExtensions(): Promise<number> {
    // taken before the list: an extension added while it is read must not count as removed
    const registered = [...this.byExtension.keys()];
    let dropped = 0;
    try {
      const known = new Set((await this.store.extensions.list()).map((e) => e.number));
      for (const extension of registered) {
        if (known.has(extension)) continue;
        for (const live of [...(this.byExtension.get(extension) ?? [])]) {
          this.takeOut(live, 'dropped');
          dropped++;
        }
      }
    } catch (err) {
      this.deps.log.error({ error: String(err) }, 'cannot see which extensions were removed');
    }
    return dropped;
  }

  /** Calls `listener` after each change. What it throws is logged and goes no further. */
  onEvent(listener: (event: LocationEvent) => void): void {
    this.listeners.push(listener);
  }

  stats(): { contacts: number; extensions: number; journal: ReturnType<ContactJournal['stats']> } {
    return { contacts: this.wheel.size, extensions: this.byExtension.size, journal: this.journal.stats() };
  }

  /** Writes what waits to the store. */
  flush(): Promise<void> {
    return this.journal.flush();
  }

  /** Stops expiring and writes the rest. */
  async close(): Promise<void> {
    this.wheel.close();
    await this.journal.close();
  }

  private insert(live: Live): void {
    const all = this.byExtension.get(live.extension);
    if (all) all.push(live);
    else this.byExtension.set(live.extension, [live]);
    this.wheel.add(live);
  }

  private unlink(live: Live): void {
    this.wheel.remove(live);
    const all = this.byExtension.get(live.extension);
    const index = all ? all.indexOf(live) : -1;
    if (!all || index < 0) return;
    if (all.length === 1) this.byExtension.delete(live.extension);
    else all.splice(index, 1);
  }

  /** False: the store keeps it until its time is over. */
  private takeOut(live: Live, type: LocationEventType): boolean {
    this.unlink(live);
    const noted = this.journal.remove(live);
    this.tell(type, live);
    return noted;
  }

  private tell(type: LocationEventType, binding: Binding): void {
    // a refresh every few minutes from every phone is nothing to tell
    if (type !== 'refreshed') this.deps.log.info({ extension: binding.extension, contact: forLog(binding.uri, 128), flow: formatFlow(binding.source) }, type);
    for (const listener of this.listeners) {
      try {
        listener({ type, binding });
      } catch (err) {
        this.deps.log.error({ error: String(err), event: type }, 'a listener to registrations failed');
      }
    }
  }
}
