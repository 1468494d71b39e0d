/**
 * The lamp (RFC 3842) of phones that have not subscribed to it: a NOTIFY that they have not asked for, to every registered contact, when what it was told
 * last is no longer so. One that has just registered is taken to show nothing. A phone that answers that it does not want this (405, 481, 489…) is left
 * alone until it registers anew. Phones that subscribe are told by the notifier (`events/`).
 */
import type { Clock, Timer } from '../clock';
import type { Logger } from '../log';
import type { Binding } from './binding';
import type { SipAnswer } from './dialogs';
import { MESSAGE_SUMMARY, summary, SUMMARY_TYPE } from './events/packages/message-summary';
import { ownHost } from './flow';
import { Gathered } from './gathered';
import type { LocationEvent } from './locations';
import { addressOf, forLog } from './text';
import { wayBack } from './way-back';

/** The part of drachtio-srf that is used here. */
export interface NoticeSrf {
  request(uri: string, options: { method: string; proxy: string; headers: Record<string, string>; body: string }, sent: (err: unknown, request?: { on(event: 'response', fn: (answer: SipAnswer) => void): unknown }) => void): unknown;
}

export interface MessageWaitingDeps {
  srf: NoticeSrf;
  counts(number: string): Promise<{ new: number; saved: number }>;
  locations: { lookup(extension: string): Binding[]; onEvent(listener: (event: LocationEvent) => void): void };
  /** Whether a phone with this Contact has a subscription, and is told there. */
  isSubscribed(number: string, contact: string): boolean;
  reach: { addressFor(peer: string, family: 4 | 6): string | undefined; isLocal(address: string): boolean };
  clock: Clock;
  log: Logger;
}

export interface MessageWaitingStats {
  sent: number;
  /** Phones that do not take them. */
  unwanted: number;
  /** Without an answer, or with a bad one. */
  failed: number;
}

/** Changes that come together are told once. */
const GATHER_MS = 50;
/** The 200 to a REGISTER goes first; a phone is told between one and two of these later. */
const AFTER_REGISTER_MS = 150;
/** What a phone says that does not know, or want, what it has not asked for. */
const unwanted = new Set([403, 405, 406, 415, 481, 489, 501, 603]);

/** What a contact was told last. */
interface Told {
  callId: string;
  body: string;
  unwanted: boolean;
}

export class MessageWaiting {
  private readonly told = new Map<string, Told>();
  private readonly changed = new Set<string>();
  private readonly counters = { sent: 0, unwanted: 0, failed: 0 };
  private gathering: Timer | undefined;
  /** Numbers that have a phone which has just registered. */
  private readonly arrived: Gathered;
  private closed = false;

  constructor(private readonly deps: MessageWaitingDeps) {
    this.arrived = new Gathered(AFTER_REGISTER_MS, deps.clock, (number) => this.work(number));
    deps.locations.onEvent((event) => this.onLocation(event));
  }

  /** Something is different in this mailbox. */
  update(number: string): void {
    if (this.closed) return;
    this.changed.add(number);
    this.gathering ??= this.deps.clock.after(GATHER_MS, () => {
      this.gathering = undefined;
      const numbers = [...this.changed];
      this.changed.clear();
      for (const one of numbers) this.work(one);
    });
  }

  /** Another process wrote to the store: messages may have been removed. */
  updateAll(): void {
    for (const number of new Set([...this.told.keys()].map((key) => key.slice(0, key.indexOf(' '))))) this.update(number);
  }

  stats(): MessageWaitingStats {
    return { ...this.counters };
  }

  close(): void {
    this.closed = true;
    this.gathering?.cancel();
    this.arrived.close();
  }

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
      if (told.unwanted || (told.body === '' && counts.new === 0) || this.deps.isSubscribed(number, binding.uri)) continue;
      const body = summary(counts, ownHost(this.deps.reach, binding.source.address));
      if (told.body === body) continue;
      told.body = body;
      this.offer(binding, told, body);
    }
  }

  private offer(binding: Binding, told: Told, body: string): void {
    const { srf, reach, log } = this.deps;
    const own = `<${addressOf(binding.extension)}>`;
    const headers = { From: own, To: own, Contact: own, Event: MESSAGE_SUMMARY, 'Subscription-State': 'active', 'Content-Type': SUMMARY_TYPE };
    const failed = (): void => {
      this.counters.failed++;
      // next time anew
      if (told.body === body) told.body = '';
    };
    this.counters.sent++;
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

  /** The store may be busy: the lamp is wrong until the next change, and that is all. */
  private work(number: string): void {
    this.tell(number).catch((err: unknown) => {
      this.counters.failed++;
      this.deps.log.warn({ extension: number, error: String(err) }, 'message waiting could not be told');
    });
  }
}

const keyOf = ({ extension, uri }: Pick<Binding, 'extension' | 'uri'>): string => `${extension} ${uri}`;
