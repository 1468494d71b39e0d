/**
 * The notifier (RFC 6665) of every event package: who watches what, until when, and who has been told what.
 *
 *   SUBSCRIBE ─▶ package? may it? ─▶ subscription ─▶ NOTIFY at once
 *   changed(resource) ── a moment ──▶ one document ─▶ NOTIFY to each of its watchers, one at a time each
 *
 * What changes while a watcher's NOTIFY has no answer goes into its next; a watcher to whom nothing new can be said is not told.
 */
import type { Clock, Timer } from '../../clock';
import type { Logger } from '../../log';
import { sendInDialog, type Dialog } from '../dialogs';
import type { IncomingRequest, Refusal, Responder } from '../exchange';
import type { EventDocument, EventPackage } from './package';
import { packageOf, readSubscribe, type AskedSubscription } from './subscribe';

export type WatcherDialog = Pick<Dialog, 'connected' | 'request'> & {
  on(event: 'subscribe', fn: (req: IncomingRequest, res: Responder) => void): unknown;
  on(event: 'unsubscribe' | 'destroy', fn: () => void): unknown;
};

/** The part of drachtio-srf that is used here. */
export interface WatcherSrf {
  createUAS(req: IncomingRequest, res: Responder, options: { headers: Record<string, string> }, done: (err: unknown, dialog?: WatcherDialog) => void): unknown;
  removeDialog(dialog: WatcherDialog): void;
}

export interface NotifierDeps {
  srf: WatcherSrf;
  packages: readonly EventPackage[];
  clock: Clock;
  log: Logger;
}

export interface NotifierStats {
  subscriptions: number;
  /** NOTIFYs sent. */
  notified: number;
  /** NOTIFYs without an answer, or with a bad one; documents that could not be made. */
  failed: number;
  /** SUBSCRIBEs refused, by status. */
  refused: Record<string, number>;
}

/** Changes that come together are told once. */
const GATHER_MS = 50;
/** How old a document may be that a newcomer is shown: what is in it besides the state (which ended dialogs, say) is of that moment. */
const FRESH_MS = 1000;
/** The same extension, the same resource: its phones, and those it had. */
const MAX_ALIKE = 20;
/** A console with a few hundred lamps, and a few phones. */
const MAX_PER_WATCHER = 1000;
const MAX_SUBSCRIPTIONS = 20_000;
const GOODBYE_MS = 500;

interface Subscription {
  readonly of: Watched;
  /** Whose phone it is. */
  readonly watcher: string;
  readonly dialog: WatcherDialog;
  readonly asked: AskedSubscription;
  /** The Contact of the phone. */
  readonly contact: string | undefined;
  /** On Clock.now(). */
  until: number;
  timer: Timer | undefined;
  /** NOTIFYs it has had. */
  version: number;
  /** What it was told last, as version 0; undefined: it is told in any case. */
  last: string | undefined;
  /** A NOTIFY has no answer yet; and something has changed since. */
  sending: boolean;
  again: boolean;
  over: boolean;
}

/** A resource that somebody watches. */
interface Watched {
  readonly key: string;
  readonly pkg: EventPackage;
  readonly resource: string;
  readonly subscriptions: Set<Subscription>;
  /** By what its watchers call us. */
  readonly documents: Map<string | undefined, { at: number; document: Promise<EventDocument> }>;
}

export class Notifier {
  private readonly watched = new Map<string, Watched>();
  private readonly perWatcher = new Map<string, number>();
  private readonly changes = new Set<Watched>();
  private readonly counters = { notified: 0, failed: 0, refused: {} as Record<string, number> };
  private readonly timers = new Set<Timer>();
  private size = 0;
  private gathering = false;
  private closed = false;

  constructor(private readonly deps: NotifierDeps) {}

  /** For the Allow-Events header. */
  get events(): string[] {
    return this.deps.packages.map(({ event }) => event);
  }

  /** A SUBSCRIBE outside any dialog, of an extension that has proved who it is. Errors: those of the package. */
  async subscribe(req: IncomingRequest, res: Responder, watcher: string): Promise<void> {
    const pkg = packageOf(req, this.deps.packages);
    if ('status' in pkg) return this.refuse(res, pkg);
    const asked = readSubscribe(req, pkg);
    if ('status' in asked) return this.refuse(res, asked);
    const admitted = await pkg.admit(watcher, asked.dialled);
    if ('status' in admitted) return this.refuse(res, admitted);
    const { resource } = admitted;
    if (!this.hasRoomFor(watcher, this.watched.get(keyOf(pkg.event, resource)))) {
      return this.refuse(res, { status: 503, reason: 'Too many subscriptions', headers: { 'Retry-After': '60' } });
    }
    this.deps.srf.createUAS(req, res, { headers: { Expires: String(asked.expires) } }, (err, dialog) => {
      if (dialog) return this.begin(pkg, resource, watcher, asked, dialog, contactUri(req.get('contact')));
      this.counters.failed++;
      this.deps.log.debug({ extension: watcher, error: String(err) }, 'a subscription could not be made');
    });
  }

  /** What is to be said of this resource may be different. */
  changed(event: string, resource: string): void {
    const watched = this.watched.get(keyOf(event, resource));
    if (watched) this.stale(watched);
  }

  /** The store has changed: who may watch what, and what is to be said of anything, may be different. */
  recheck(): void {
    for (const watched of this.watched.values()) {
      this.stale(watched);
      for (const one of watched.subscriptions) this.work(one.watcher, () => this.admitAgain(one));
    }
  }

  /** Whether a phone with this Contact has a subscription to it. */
  isWatchedBy(event: string, resource: string, contact: string): boolean {
    for (const one of this.watched.get(keyOf(event, resource))?.subscriptions ?? []) if (one.contact === contact) return true;
    return false;
  }

  /** The engine is gone, and every dialog with it. */
  lost(): void {
    for (const one of this.all()) this.forget(one);
  }

  stats(): NotifierStats {
    return { subscriptions: this.size, ...this.counters, refused: { ...this.counters.refused } };
  }

  /** Tells watchers to come again in a while; does not wait long for their answers. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const timer of this.timers) timer.cancel();
    const all = this.all();
    if (all.length === 0) return;
    let enough: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (enough = resolve));
    const timer = this.deps.clock.after(GOODBYE_MS, () => enough());
    await Promise.race([late, Promise.all(all.map((one) => this.end(one, 'probation;retry-after=30')))]);
    timer.cancel();
  }

  // --- subscriptions -------------------------------------------------------------------------------------------------

  private hasRoomFor(watcher: string, watched: Watched | undefined): boolean {
    if (this.closed || this.size >= MAX_SUBSCRIPTIONS || (this.perWatcher.get(watcher) ?? 0) >= MAX_PER_WATCHER) return false;
    let alike = 0;
    for (const one of watched?.subscriptions ?? []) if (one.watcher === watcher) alike++;
    return alike < MAX_ALIKE;
  }

  private begin(pkg: EventPackage, resource: string, watcher: string, asked: AskedSubscription, dialog: WatcherDialog, contact: string | undefined): void {
    const of = this.resourceOf(pkg, resource);
    // the same phone, which has forgotten the one before
    for (const old of [...of.subscriptions]) if (contact !== undefined && old.contact === contact && old.watcher === watcher) this.work(watcher, () => this.end(old, 'deactivated'));
    const one: Subscription = { of, watcher, dialog, asked, contact, until: 0, timer: undefined, version: 0, last: undefined, sending: false, again: false, over: false };
    // ending the one before may have made it a resource that nobody watches
    this.watched.set(of.key, of);
    of.subscriptions.add(one);
    this.size++;
    this.perWatcher.set(watcher, (this.perWatcher.get(watcher) ?? 0) + 1);
    dialog.on('subscribe', (req, res) => this.refresh(one, req, res));
    dialog.on('unsubscribe', () => this.work(watcher, () => this.end(one, 'timeout')));
    dialog.on('destroy', () => this.forget(one));
    if (asked.expires === 0 || this.closed) {
      this.work(watcher, () => this.end(one, 'timeout'));
      return;
    }
    this.prolong(one, asked.expires);
    this.work(watcher, () => this.notify(one));
  }

  private resourceOf(pkg: EventPackage, resource: string): Watched {
    const key = keyOf(pkg.event, resource);
    return this.watched.get(key) ?? { key, pkg, resource, subscriptions: new Set(), documents: new Map() };
  }

  private refresh(one: Subscription, req: IncomingRequest, res: Responder): void {
    if (one.over) return this.refuse(res, { status: 481, reason: 'Subscription Does Not Exist' });
    const pkg = packageOf(req, [one.of.pkg]);
    const asked = 'status' in pkg ? pkg : readSubscribe(req, pkg);
    if ('status' in asked) return this.refuse(res, asked);
    this.prolong(one, asked.expires);
    res.send(200, 'OK', { headers: { Expires: String(asked.expires) } });
    one.last = undefined;
    this.work(one.watcher, () => this.notify(one));
  }

  private prolong(one: Subscription, seconds: number): void {
    one.until = this.deps.clock.now() + seconds * 1000;
    if (one.timer) this.cancel(one.timer);
    one.timer = this.later(seconds * 1000, () => this.work(one.watcher, () => this.end(one, 'timeout')));
  }

  private async admitAgain(one: Subscription): Promise<void> {
    const admitted = await one.of.pkg.admit(one.watcher, one.asked.dialled);
    if ('status' in admitted) await this.end(one, admitted.status === 404 ? 'noresource' : 'rejected');
  }

  private refuse(res: Responder, { status, reason, headers = {} }: Refusal): void {
    this.counters.refused[status] = (this.counters.refused[status] ?? 0) + 1;
    res.send(status, reason, { headers });
  }

  private forget(one: Subscription): void {
    if (one.over) return;
    one.over = true;
    if (one.timer) this.cancel(one.timer);
    one.timer = undefined;
    const { of, watcher } = one;
    of.subscriptions.delete(one);
    if (of.subscriptions.size === 0) this.watched.delete(of.key);
    this.size--;
    const left = (this.perWatcher.get(watcher) ?? 1) - 1;
    if (left > 0) this.perWatcher.set(watcher, left);
    else this.perWatcher.delete(watcher);
  }

  private all(): Subscription[] {
    return [...this.watched.values()].flatMap(({ subscriptions }) => [...subscriptions]);
  }

  // --- telling -------------------------------------------------------------------------------------------------------

  private stale(watched: Watched): void {
    watched.documents.clear();
    if (this.closed) return;
    this.changes.add(watched);
    if (this.gathering) return;
    this.gathering = true;
    this.later(GATHER_MS, () => {
      this.gathering = false;
      const all = [...this.changes];
      this.changes.clear();
      for (const { subscriptions } of all) for (const one of subscriptions) this.work(one.watcher, () => this.notify(one));
    });
  }

  private document({ of, asked: { host } }: Subscription): Promise<EventDocument> {
    const now = this.deps.clock.now();
    const kept = of.documents.get(host);
    if (kept && now - kept.at < FRESH_MS) return kept.document;
    const document = of.pkg.document(of.resource, host);
    of.documents.set(host, { at: now, document });
    // the next one asks anew
    document.catch(() => of.documents.delete(host));
    return document;
  }

  private async notify(one: Subscription): Promise<void> {
    one.again = one.sending;
    if (one.sending) return;
    one.sending = true;
    try {
      do {
        one.again = false;
        const document = await this.document(one);
        if (one.over) return;
        const plain = document(0);
        if (plain === one.last) continue;
        one.last = plain;
        const left = Math.max(0, Math.round((one.until - this.deps.clock.now()) / 1000));
        const status = await this.send(one, `active;expires=${left}`, document(one.version++));
        if (one.over) return;
        if (status < 200 || status >= 300) {
          // RFC 6665 §4.2.2: whoever does not answer has gone
          this.counters.failed++;
          this.deps.log.debug({ extension: one.watcher, event: one.of.pkg.event, status }, 'a subscription ends, its NOTIFY was not taken');
          await this.end(one, 'deactivated');
          return;
        }
      } while (one.again);
    } finally {
      one.sending = false;
    }
  }

  private async end(one: Subscription, reason: string): Promise<void> {
    if (one.over) return;
    this.forget(one);
    // also when there is nothing to be said any more, or the phone is gone: the engine keeps a subscription's dialog until it hears of its end
    const document = await this.document(one).catch(() => undefined);
    await this.send(one, `terminated;reason=${reason}`, document?.(one.version++));
    this.deps.srf.removeDialog(one.dialog);
  }

  private send({ dialog, asked, of }: Subscription, state: string, body: string | undefined): Promise<number> {
    this.counters.notified++;
    const headers = { Event: asked.event, 'Subscription-State': state, ...(body !== undefined && { 'Content-Type': of.pkg.contentType }) };
    return new Promise((resolve) => sendInDialog(dialog, { method: 'NOTIFY', headers, ...(body !== undefined && { body }) }, (status) => resolve(status)));
  }

  // --- time and faults -----------------------------------------------------------------------------------------------

  private later(ms: number, fn: () => void): Timer {
    const timer = this.deps.clock.after(ms, () => {
      this.timers.delete(timer);
      fn();
    });
    this.timers.add(timer);
    return timer;
  }

  private cancel(timer: Timer): void {
    timer.cancel();
    this.timers.delete(timer);
  }

  /** The store may be busy: what is shown is wrong until the next change, and that is all. */
  private work(watcher: string, fn: () => Promise<void>): void {
    fn().catch((err: unknown) => {
      this.counters.failed++;
      this.deps.log.warn({ extension: watcher, error: String(err) }, 'a watcher could not be told');
    });
  }
}

const keyOf = (event: string, resource: string): string => `${event} ${resource}`;

const contactUri = (header: string | undefined): string | undefined => /<([^>]*)>/.exec(header ?? '')?.[1];
