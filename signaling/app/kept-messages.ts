/**
 * Messages for somebody who could not be reached: kept, and sent in the order they came when a phone registers.
 *
 *   keep ─▶ store, queued ── a phone registers, or a minute later ──▶ one after the other ─┬▶ 2xx: delivered
 *                 │                                                                        ├▶ nobody answers: queued
 *                 └── messages.keepDays ──▶ expired                                        └▶ refused: failed
 *
 * As with those that are not kept, all phones that are registered then get it, and the first 2xx counts; a phone that comes later does not.
 */
import type { Clock, Random, Timer } from '../clock';
import type { Logger } from '../log';
import type { Store, TextMessage } from '../store/store';
import type { Binding } from './binding';
import { Gathered } from './gathered';
import type { LocationEvent } from './locations';

export type KeptState = 'stored' | 'delivered' | 'failed';

export interface KeptMessagesDeps {
  store: Store['texts'];
  locations: { lookup(extension: string): Binding[]; onEvent(listener: (event: LocationEvent) => void): void };
  /** To these phones; a status as `sendToAll` gives it. Never rejects. */
  send(message: TextMessage, bindings: readonly Binding[]): Promise<number>;
  /** Whoever sent it may want to hear of that. */
  tell(message: TextMessage, what: KeptState): void;
  clock: Clock;
  random: Random;
  log: Logger;
  /** `messages.keepDays`; 0: nothing is kept. */
  keepDays: number;
}

/** Queued for one number; and by one sender, for whomever. */
export const MAX_QUEUED = { each: 200, bySender: 1000 };
/** The 200 to a REGISTER goes first; messages come between one and two of these later. */
const AFTER_REGISTER_MS = 150;
/** A phone that is registered and does not answer is tried again after this long, then twice as long, up to an hour. */
const RETRY_MS = 60_000;
const MAX_RETRY_MS = 3600_000;
const SWEEP_MS = 3600_000;
const DAY_MS = 86_400_000;

export class KeptMessages {
  /** Numbers that messages are queued for: a registration asks no database. */
  private readonly waiting = new Set<string>();
  private readonly delivering = new Set<string>();
  /** Messages that had been sent already when they were kept, by id. */
  private readonly attempts = new Map<string, Promise<number>>();
  /** Numbers of which a phone has come while messages were being delivered. */
  private readonly again = new Set<string>();
  private readonly retries = new Map<string, { timer: Timer; ms: number }>();
  private readonly arrived: Gathered;
  private readonly counters = { kept: 0, delivered: 0, failed: 0, expired: 0 };
  private sweeping: Timer | undefined;
  private last = 0;
  private closed = false;

  constructor(private readonly deps: KeptMessagesDeps) {
    this.arrived = new Gathered(AFTER_REGISTER_MS, deps.clock, (number) => this.deliver(number));
    deps.locations.onEvent(({ type, binding }) => {
      if ((type === 'registered' || type === 'refreshed') && this.waiting.has(binding.extension)) this.arrived.add(binding.extension);
    });
  }

  /** What an earlier run of the server has kept. Errors: the store's. */
  async start(): Promise<void> {
    await this.sweep();
    for (const number of await this.deps.store.waiting()) {
      this.waiting.add(number);
      if (this.deps.locations.lookup(number).length > 0) this.arrived.add(number);
    }
  }

  /** Whether others come before a new message for this number. */
  isWaiting(number: string): boolean {
    return this.waiting.has(number);
  }

  /**
   * False: none is kept, or too many are. `attempt`: it is being sent to phones that have not answered yet, and is delivered if they do. Errors: the store's.
   */
  async keep(message: Pick<TextMessage, 'from' | 'fromName' | 'to' | 'contentType' | 'body'>, attempt?: Promise<number>): Promise<boolean> {
    const { clock, random, store, keepDays } = this.deps;
    if (keepDays === 0) return false;
    const receivedAt = clock.wall().getTime();
    // in the order of their coming, also within a millisecond, or when the clock is set back
    this.last = Math.max(this.last + 1, receivedAt);
    const id = `${this.last.toString(36).padStart(9, '0')}-${random(6).toString('hex')}`;
    const kept: TextMessage = { ...message, id, state: 'queued', tries: 0, receivedAt, endedAt: null };
    if (!(await store.add(kept, MAX_QUEUED))) return false;
    this.counters.kept++;
    this.waiting.add(message.to);
    this.deps.tell(kept, 'stored');
    if (attempt) this.attempts.set(id, attempt);
    // whoever waits in front of it may have phones by now
    if (attempt || this.deps.locations.lookup(message.to).length > 0) this.deliver(message.to);
    return true;
  }

  stats(): { kept: number; delivered: number; failed: number; expired: number; waiting: number } {
    return { ...this.counters, waiting: this.waiting.size };
  }

  close(): void {
    this.closed = true;
    this.sweeping?.cancel();
    this.arrived.close();
    for (const { timer } of this.retries.values()) timer.cancel();
    this.retries.clear();
  }

  private deliver(number: string): void {
    if (this.closed) return;
    if (this.delivering.has(number)) {
      this.again.add(number);
      return;
    }
    this.delivering.add(number);
    this.deliverAll(number)
      .catch((err: unknown) => this.fault(number, err))
      .finally(() => {
        this.delivering.delete(number);
        if (this.again.delete(number)) this.deliver(number);
      });
  }

  private async deliverAll(number: string): Promise<void> {
    const { store, locations } = this.deps;
    for (;;) {
      const message = await store.next(number);
      if (this.closed) return;
      if (!message) {
        this.waiting.delete(number);
        this.retries.get(number)?.timer.cancel();
        this.retries.delete(number);
        return;
      }
      const bindings = locations.lookup(number);
      const attempt = this.attempts.get(message.id) ?? (bindings.length > 0 ? this.deps.send(message, bindings) : undefined);
      if (!attempt) return;
      const status = await attempt;
      this.attempts.delete(message.id);
      if (this.closed) return;
      if (!(await this.settle(message, status))) return this.later(number);
    }
  }

  /** False: it stays where it is. */
  private async settle(message: TextMessage, status: number): Promise<boolean> {
    const { store, clock, log, tell } = this.deps;
    const { id, to } = message;
    // faults and overload pass; 480: nobody answered
    if (status === 480 || (status >= 500 && status < 600)) {
      await store.tried(id);
      return false;
    }
    const state = status < 300 ? 'delivered' : 'failed';
    if (!(await store.tried(id, { state, endedAt: clock.wall().getTime() }))) return true;
    this.counters[state]++;
    log.debug({ message: id, to, status }, `a message that was kept is ${state}`);
    tell(message, state);
    return true;
  }

  private later(number: string): void {
    if (this.closed || this.deps.locations.lookup(number).length === 0) return;
    const before = this.retries.get(number);
    before?.timer.cancel();
    const ms = before ? Math.min(before.ms * 2, MAX_RETRY_MS) : RETRY_MS;
    this.retries.set(number, { ms, timer: this.deps.clock.after(ms, () => this.deliver(number)) });
  }

  /** What has waited too long; and what became of others long ago. */
  private async sweep(): Promise<void> {
    const { store, clock, keepDays, log, tell } = this.deps;
    const now = clock.wall().getTime();
    const before = now - keepDays * DAY_MS;
    const expired = await store.expire(before, now);
    await store.forget(before);
    this.counters.expired += expired.length;
    if (expired.length > 0) log.info({ messages: expired.length }, 'messages have waited too long for a phone');
    for (const message of expired) tell(message, 'failed');
    if (!this.closed) this.sweeping = clock.after(SWEEP_MS, () => void this.sweep().catch((err: unknown) => this.fault('', err)));
  }

  private fault(number: string, err: unknown): false {
    this.deps.log.warn({ extension: number, error: String(err) }, 'messages that are kept could not be dealt with');
    return false;
  }
}
