/**
 * The lamp on the phone (RFC 3842): phones that subscribe are told in their subscription (RFC 6665), the others by a NOTIFY that they have not
 * asked for, to every registered contact.
 *
 *   mailbox changes ─┐
 *   REGISTER ────────┼─▶ counts ─▶ NOTIFY in the subscription, or on the way back to the contact
 *   SUBSCRIBE ───────┘
 *
 * A phone that is not subscribed is told when what it was told last is no longer so; one that has just registered is taken to show nothing. A
 * phone that answers that it does not want this (405, 481, 489…) is left alone until it registers anew.
 */
import type { Clock, Timer } from '../clock';
import type { Logger } from '../log';
import type { Binding } from './binding';
import { sendInDialog, type Dialog, type SipAnswer } from './dialogs';
import type { IncomingRequest, Responder } from './exchange';
import { ownHost } from './flow';
import { Gathered } from './gathered';
import type { LocationEvent } from './locations';
import { EVENT, readSubscribe, summary, SUMMARY_TYPE, type AskedSubscription } from './message-summary';
import { addressOf, forLog } from './text';
import { wayBack } from './way-back';

export type WatcherDialog = Pick<Dialog, 'connected' | 'request'> & {
  on(event: 'subscribe', fn: (req: IncomingRequest, res: Responder) => void): unknown;
  on(event: 'unsubscribe' | 'destroy', fn: () => void): unknown;
};

/** The part of drachtio-srf that is used here. */
export interface WatcherSrf {
  createUAS(req: IncomingRequest, res: Responder, options: { headers: Record<string, string> }, done: (err: unknown, dialog?: WatcherDialog) => void): unknown;
  removeDialog(dialog: WatcherDialog): void;
  request(uri: string, options: { method: string; proxy: string; headers: Record<string, string>; body: string }, sent: (err: unknown, request?: { on(event: 'response', fn: (answer: SipAnswer) => void): unknown }) => void): unknown;
}

export interface MessageWaitingDeps {
  srf: WatcherSrf;
  counts(number: string): Promise<{ new: number; saved: number }>;
  locations: { lookup(extension: string): Binding[]; onEvent(listener: (event: LocationEvent) => void): void };
  directory: { find(number: string): Promise<unknown> };
  reach: { addressFor(peer: string, family: 4 | 6): string | undefined; isLocal(address: string): boolean };
  clock: Clock;
  log: Logger;
}

export interface MessageWaitingStats {
  subscriptions: number;
  /** NOTIFYs within subscriptions, and others. */
  solicited: number;
  unsolicited: number;
  /** Phones that do not take the others. */
  unwanted: number;
  /** NOTIFYs without an answer, or with a bad one. */
  failed: number;
  /** SUBSCRIBEs refused, by status. */
  refused: Record<string, number>;
}

/** Dialled to hear the messages. */
const MAILBOX = '*97';
/** Changes that come together are told once. */
const GATHER_MS = 50;
/** The 200 to a REGISTER goes first; a phone is told between one and two of these later. */
const AFTER_REGISTER_MS = 150;
const MAX_PER_MAILBOX = 20;
const MAX_SUBSCRIPTIONS = 20_000;
const GOODBYE_MS = 500;
/** What a phone says that does not know, or want, what it has not asked for. */
const unwanted = new Set([403, 405, 406, 415, 481, 489, 501, 603]);

interface Subscription {
  readonly number: string;
  readonly dialog: WatcherDialog;
  readonly event: string;
  readonly account: string | undefined;
  /** The Contact of the phone. */
  readonly contact: string | undefined;
  /** On Clock.now(). */
  until: number;
  timer: Timer | undefined;
  /** A NOTIFY has no answer yet; and something has changed since. */
  sending: boolean;
  again: boolean;
  over: boolean;
}

/** What a contact was told last. */
interface Told {
  callId: string;
  body: string;
  unwanted: boolean;
}

export class MessageWaiting {
  private readonly subscriptions = new Map<string, Set<Subscription>>();
  private readonly told = new Map<string, Told>();
  private readonly changed = new Set<string>();
  private readonly counters = { solicited: 0, unsolicited: 0, unwanted: 0, failed: 0, refused: {} as Record<string, number> };
  private readonly timers = new Set<Timer>();
  private gathering = false;
  /** Numbers that have a phone which has just registered. */
  private readonly arrived: Gathered;
  private closed = false;

  constructor(private readonly deps: MessageWaitingDeps) {
    this.arrived = new Gathered(AFTER_REGISTER_MS, deps.clock, (number) => this.work(number, () => this.tell(number)));
    deps.locations.onEvent((event) => this.onLocation(event));
  }

  /** A SUBSCRIBE outside any dialog, of an extension that has proved who it is. */
  subscribe(req: IncomingRequest, res: Responder, owner: string): void {
    const asked = readSubscribe(req, owner, MAILBOX);
    if ('status' in asked) return this.refuse(res, asked.status, asked.reason, asked.headers);
    const mine = this.subscriptions.get(owner);
    if (this.closed || this.size >= MAX_SUBSCRIPTIONS || (mine?.size ?? 0) >= MAX_PER_MAILBOX) return this.refuse(res, 503, 'Too many subscriptions', { 'Retry-After': '60' });
    this.deps.srf.createUAS(req, res, { headers: { Expires: String(asked.expires) } }, (err, dialog) => {
      if (!dialog) {
        this.counters.failed++;
        this.deps.log.debug({ extension: owner, error: String(err) }, 'a subscription could not be made');
        return;
      }
      this.begin(owner, asked, dialog, contactUri(req.get('contact')));
    });
  }

  /** Something is different in this mailbox. */
  update(number: string): void {
    if (this.closed) return;
    this.changed.add(number);
    if (this.gathering) return;
    this.gathering = true;
    this.later(GATHER_MS, () => {
      this.gathering = false;
      const numbers = [...this.changed];
      this.changed.clear();
      for (const one of numbers) this.work(one, () => this.tellAll(one));
    });
  }

  /** Another process wrote to the store: messages may have been removed, or extensions. */
  updateAll(): void {
    const numbers = new Set([...this.subscriptions.keys(), ...[...this.told.keys()].map((key) => key.slice(0, key.indexOf(' ')))]);
    for (const number of numbers) this.update(number);
  }

  /** The engine is gone, and every dialog with it. */
  lost(): void {
    for (const all of [...this.subscriptions.values()]) for (const one of [...all]) this.forget(one);
  }

  stats(): MessageWaitingStats {
    return { subscriptions: this.size, ...this.counters, refused: { ...this.counters.refused } };
  }

  /** Tells subscribers to come again in a while; does not wait long for their answers. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const timer of this.timers) timer.cancel();
    this.arrived.close();
    const all = [...this.subscriptions.values()].flatMap((set) => [...set]);
    if (all.length === 0) return;
    let enough: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (enough = resolve));
    const timer = this.deps.clock.after(GOODBYE_MS, () => enough());
    await Promise.race([late, Promise.all(all.map((one) => this.end(one, 'probation;retry-after=30')))]);
    timer.cancel();
  }

  private get size(): number {
    let size = 0;
    for (const all of this.subscriptions.values()) size += all.size;
    return size;
  }

  // --- subscriptions -------------------------------------------------------------------------------------------------

  private begin(number: string, asked: AskedSubscription, dialog: WatcherDialog, contact: string | undefined): void {
    const account = asked.host === undefined ? undefined : `sip:${MAILBOX}@${asked.host}`;
    const one: Subscription = { number, dialog, event: asked.event, account, contact, until: 0, timer: undefined, sending: false, again: false, over: false };
    // the same phone, which has forgotten the one before
    for (const old of [...(this.subscriptions.get(number) ?? [])]) if (contact !== undefined && old.contact === contact) this.work(number, () => this.end(old, 'deactivated'));
    const all = this.subscriptions.get(number) ?? new Set();
    this.subscriptions.set(number, all.add(one));
    dialog.on('subscribe', (req, res) => this.refresh(one, req, res));
    dialog.on('unsubscribe', () => this.work(number, () => this.end(one, 'timeout')));
    dialog.on('destroy', () => this.forget(one));
    if (asked.expires === 0) {
      this.work(number, () => this.end(one, 'timeout'));
      return;
    }
    this.prolong(one, asked.expires);
    this.work(number, () => this.notify(one));
  }

  private refresh(one: Subscription, req: IncomingRequest, res: Responder): void {
    if (one.over) return this.refuse(res, 481, 'Subscription Does Not Exist');
    const asked = readSubscribe(req, undefined, MAILBOX);
    if ('status' in asked) return this.refuse(res, asked.status, asked.reason, asked.headers);
    this.prolong(one, asked.expires);
    res.send(200, 'OK', { headers: { Expires: String(asked.expires) } });
    this.work(one.number, () => this.notify(one));
  }

  private prolong(one: Subscription, seconds: number): void {
    one.until = this.deps.clock.now() + seconds * 1000;
    if (one.timer) this.cancel(one.timer);
    one.timer = this.later(seconds * 1000, () => this.work(one.number, () => this.end(one, 'timeout')));
  }

  /** One NOTIFY at a time; what changes meanwhile goes into the next. */
  private async notify(one: Subscription): Promise<void> {
    one.again = one.sending;
    if (one.sending) return;
    one.sending = true;
    try {
      do {
        one.again = false;
        const counts = await this.deps.counts(one.number);
        if (one.over) return;
        const left = Math.max(0, Math.round((one.until - this.deps.clock.now()) / 1000));
        const status = await this.send(one, `active;expires=${left}`, summary(counts, one.account));
        if (one.over) return;
        if (status < 200 || status >= 300) {
          // RFC 6665 §4.2.2: whoever does not answer has gone
          this.counters.failed++;
          this.deps.log.debug({ extension: one.number, status }, 'a subscription ends, its NOTIFY was not taken');
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
    // also when the mailbox cannot be looked at, or the phone is gone: the engine keeps a subscription's dialog until it hears of its end
    const counts = await this.deps.counts(one.number).catch(() => ({ new: 0, saved: 0 }));
    await this.send(one, `terminated;reason=${reason}`, summary(counts, one.account));
    this.deps.srf.removeDialog(one.dialog);
  }

  private send(one: Subscription, state: string, body: string): Promise<number> {
    this.counters.solicited++;
    const headers = { Event: one.event, 'Subscription-State': state, 'Content-Type': SUMMARY_TYPE };
    return new Promise((resolve) => sendInDialog(one.dialog, { method: 'NOTIFY', headers, body }, (status) => resolve(status)));
  }

  private forget(one: Subscription): void {
    one.over = true;
    if (one.timer) this.cancel(one.timer);
    one.timer = undefined;
    const all = this.subscriptions.get(one.number);
    all?.delete(one);
    if (all?.size === 0) this.subscriptions.delete(one.number);
  }

  private refuse(res: Responder, status: number, reason: string, headers: Record<string, string> = {}): void {
    this.counters.refused[status] = (this.counters.refused[status] ?? 0) + 1;
    res.send(status, reason, { headers });
  }

  // --- phones that have not asked ------------------------------------------------------------------------------------

  private onLocation({ type, binding }: LocationEvent): void {
    const key = keyOf(binding);
    if (type !== 'registered' && type !== 'refreshed') {
      this.told.delete(key);
      return;
    }
    // the same run of the same phone
    if (this.closed || this.told.get(key)?.callId === binding.callId) return;
    this.told.set(key, { callId: binding.callId, body: '', unwanted: false });
    this.arrived.add(binding.extension);
  }

  private async tellAll(number: string): Promise<void> {
    if (!(await this.deps.directory.find(number))) {
      await Promise.all([...(this.subscriptions.get(number) ?? [])].map((one) => this.end(one, 'noresource')));
      return;
    }
    await Promise.all([...(this.subscriptions.get(number) ?? [])].map((one) => this.notify(one)));
    await this.tell(number);
  }

  /** Every contact that was last told something else. */
  private async tell(number: string): Promise<void> {
    const bindings = this.deps.locations.lookup(number);
    if (bindings.length === 0) return;
    const counts = await this.deps.counts(number);
    for (const binding of bindings) {
      const key = keyOf(binding);
      let told = this.told.get(key);
      if (!told) this.told.set(key, (told = { callId: binding.callId, body: '', unwanted: false }));
      // a phone that was just switched on shows nothing, and that is right when there is nothing
      if (told.unwanted || (told.body === '' && counts.new === 0) || this.isSubscribed(binding)) continue;
      const host = ownHost(this.deps.reach, binding.source.address);
      const body = summary(counts, host === undefined ? undefined : `sip:${MAILBOX}@${host}`);
      if (told.body === body) continue;
      told.body = body;
      this.offer(binding, told, body);
    }
  }

  private isSubscribed({ extension, uri }: Binding): boolean {
    for (const one of this.subscriptions.get(extension) ?? []) if (one.contact === uri) return true;
    return false;
  }

  private offer(binding: Binding, told: Told, body: string): void {
    const { srf, reach, log } = this.deps;
    const own = `<${addressOf(binding.extension)}>`;
    const headers = { From: own, To: own, Contact: own, Event: EVENT, 'Subscription-State': 'active', 'Content-Type': SUMMARY_TYPE };
    const failed = (): void => {
      this.counters.failed++;
      // next time anew
      if (told.body === body) told.body = '';
    };
    this.counters.unsolicited++;
    try {
      srf.request(binding.uri, { method: 'NOTIFY', proxy: wayBack(binding, reach), headers, body }, (err, request) => {
        if (err || !request) return failed();
        request.on('response', ({ status }) => {
          if (status < 300) return;
          if (!unwanted.has(status)) return failed();
          this.counters.unwanted++;
          told.unwanted = true;
          log.debug({ extension: binding.extension, contact: forLog(binding.uri, 128), status }, 'this phone does not take a NOTIFY that it has not asked for');
        });
      });
    } catch {
      failed();
    }
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

  /** The store may be busy: the lamp is wrong until the next change, and that is all. */
  private work(number: string, fn: () => Promise<void>): void {
    Promise.resolve()
      .then(fn)
      .catch((err: unknown) => {
        this.counters.failed++;
        this.deps.log.warn({ extension: number, error: String(err) }, 'message waiting could not be told');
      });
  }
}

const keyOf = ({ extension, uri }: Pick<Binding, 'extension' | 'uri'>): string => `${extension} ${uri}`;

const contactUri = (header: string | undefined): string | undefined => /<([^>]*)>/.exec(header ?? '')?.[1];
