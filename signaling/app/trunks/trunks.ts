/** All trunks: which there are, how they are, who is calling over them. The door for the phone system, the API and the command line. */
import type { Clock, Random } from '../../clock';
import type { Logger } from '../../log';
import type { ValueOf } from '../../settings/values';
import type { CallClass, Extension, Store } from '../../store/store';
import type { IncomingRequest } from '../exchange';
import { systemResolver, type Resolver } from './addresses';
import { InboundNumbers, type Inbound } from './inbound';
import { Limits } from './limits';
import { Outside, type OutsideDestination } from './outside';
import { Peer, type PeerSrf, type TrunkSettings, type TrunkView } from './peer';
import type { Hop } from '../diversion';
import { shown, tenantOf, within } from '../../tenants';

export type { TrunkView };

export interface TrunkBook {
  all<N extends 'trunk' | 'route' | 'inbound'>(kind: N): readonly ValueOf<N>[];
  onChanged(listener: () => unknown): void;
}

export interface TrunksDeps {
  book: TrunkBook;
  store: Pick<Store, 'meta'>;
  directory: { find(number: string): Promise<Extension | undefined> };
  /** See `Outside`; default: there are none. */
  owns?(id: string): boolean;
  settings: { country: string | null; international: string; national: string; emergency: readonly string[]; permissions: readonly CallClass[] };
  timeZone: string;
  clock: Clock;
  random: Random;
  log: Logger;
  resolver?: Resolver;
}

export interface TrunkStatus extends TrunkView {
  label: string;
  enabled: boolean;
  /** Calls over it now, and what those of today have cost. */
  calls: number;
  spentToday: number;
}

const LEDGER = 'trunk-costs';

export class Trunks {
  private readonly peers = new Map<string, Peer>();
  private readonly outsiders: Outside;
  private readonly numbers: InboundNumbers;
  private readonly limits: Limits;
  private readonly listeners: Array<(view: TrunkView) => void> = [];
  private readonly refused = new Map<string, number>();
  private srf: PeerSrf | undefined;

  constructor(private readonly deps: TrunksDeps) {
    const { store, clock, random, directory, settings, timeZone, log, book } = deps;
    this.limits = new Limits({
      clock, timeZone,
      ledger: { load: () => store.meta.get(LEDGER), save: (text) => store.meta.set(LEDGER, text) },
      failed: (err) => log.warn({ error: String(err) }, 'what calls cost today could not be written'),
    });
    this.outsiders = new Outside({
      settings, directory, clock, random,
      limits: this.limits,
      owns: (id) => this.owns(id),
      routes: () => book.all('route'),
      peer: (name) => this.peers.get(name),
      peers: () => [...this.peers.values()],
      refused: (trunk, why) => {
        this.refused.set(trunk, (this.refused.get(trunk) ?? 0) + 1);
        log.warn({ trunk, why }, 'a call was not let out');
      },
    });
    this.numbers = new InboundNumbers(settings);
    book.onChanged(() => this.adopt());
  }

  /** Whether calls may go outside in the name of this number, which is no extension's. */
  owns(id: string): boolean {
    return this.deps.owns?.(id) ?? false;
  }

  /** What was spent today. Errors: the store's. */
  start(): Promise<void> {
    return this.limits.start();
  }

  /** Requests can be sent from now on. */
  connected(srf: PeerSrf): void {
    this.srf = srf;
    this.adopt();
  }

  onChanged(listener: (view: TrunkView) => void): void {
    this.listeners.push(listener);
  }

  list(): TrunkStatus[] {
    return this.deps.book.all('trunk').map(({ name, label, enabled, hosts }) => {
      const view = this.peers.get(name)?.view() ?? { name, state: 'down' as const, registered: false, since: 0, host: hosts[0] as string, problem: enabled ? 'it is only starting' : 'it is switched off', latencyMs: null };
      return { ...view, label, enabled, calls: this.limits.calls(`trunk ${name}`), spentToday: this.limits.spent(`trunk ${name}`) };
    });
  }

  /** Calls that a limit has refused, by trunk. */
  stats(): { refusedByLimit: ReadonlyArray<{ trunk: string; calls: number }>; up: number; total: number } {
    const all = [...this.peers.values()];
    return { refusedByLimit: [...this.refused].map(([trunk, calls]) => ({ trunk, calls })), up: all.filter(({ usable }) => usable).length, total: all.length };
  }

  /** See `Outside`. */
  emergency(caller: string, number: string): Promise<OutsideDestination | undefined> {
    return this.outsiders.emergency(caller, number);
  }

  find(caller: string, payer: string, number: string, path: readonly Hop[]): Promise<OutsideDestination | undefined> {
    return this.outsiders.find(caller, payer, number, path);
  }

  /** A request from one of our trunks; undefined: from somebody else. Errors: those of the directory. */
  async recognise(req: IncomingRequest): Promise<Inbound | undefined> {
    for (const peer of this.peers.values()) if (peer.owns(req.source_address)) return this.stranger(this.numbers.read(req, peer));
    return undefined;
  }

  /** Whoever calls from outside under the number of an extension of ours is not that extension: has not its mailbox, its permissions, its money. */
  private async stranger(inbound: Inbound): Promise<Inbound> {
    const { caller } = inbound;
    if (caller.number.startsWith('+') || !(await this.deps.directory.find(caller.number))) return inbound;
    return { ...inbound, caller: { ...caller, number: within(tenantOf(caller.number), 'anonymous'), name: caller.name ?? shown(caller.number) } };
  }

  async close(): Promise<void> {
    await Promise.all([...this.peers.values()].map((peer) => peer.close()));
    this.peers.clear();
    await this.limits.close();
  }

  /** Trunks that are new, changed, gone. One that is as it was goes on undisturbed. */
  private adopt(): void {
    const { book, clock, random, log, resolver = systemResolver } = this.deps;
    this.outsiders.changed();
    this.numbers.changed(book.all('inbound'));
    if (!this.srf) return;
    const wanted = new Map(book.all('trunk').filter(({ enabled }) => enabled).map((one) => [one.name, one]));
    for (const [name, peer] of this.peers) {
      if (JSON.stringify(wanted.get(name)) === JSON.stringify(peer.settings)) continue;
      this.peers.delete(name);
      void peer.close();
    }
    for (const [name, settings] of wanted) {
      if (this.peers.has(name)) continue;
      const peer = new Peer(settings as TrunkSettings, { srf: this.srf, resolver, clock, random, log, changed: (view) => this.tell(view) });
      this.peers.set(name, peer);
      peer.start();
    }
  }

  private tell(view: TrunkView): void {
    for (const listener of this.listeners) {
      try {
        listener(view);
      } catch (err) {
        this.deps.log.error({ error: String(err) }, 'a listener to trunks failed');
      }
    }
  }
}
