/**
 * One webhook: events leave in the order in which they happened, one at a time.
 *
 *   event ─▶ waiting (bounded) ─▶ POST ─┬▶ 2xx: done                                   ┌─ 1 s, 2 s … 1 h, each a fifth more or less
 *                                       ├▶ nothing, 5xx, 401, 403, 404, 408, 425, 429 ─┴▶ again, until it is a day old ─▶ dead letter
 *                                       ├▶ another 4xx, 3xx: it will not have this one ── three times ─▶ dead letter
 *                                       └▶ 410: it will have no more ─▶ all are dead letters, and nothing is sent until the webhook is changed
 */
import type { Clock, Random, Timer } from '../../clock';
import type { Logger } from '../../log';
import type { Delivery } from '../../store/store';
import type { ValueOf } from '../../settings/values';
import type { Event } from '../event-bus';
import type { DeliveryLog } from './delivery-log';
import type { Post, Posted } from './post';
import { signatureOf } from './signature';

export type WebhookSettings = ValueOf<'webhook'>;

export interface HookDeps {
  post: Post;
  kept: Pick<DeliveryLog, 'put' | 'remove'>;
  clock: Clock;
  random: Random;
  log: Logger;
}

export interface HookView {
  name: string;
  /** `gone`: it has answered 410. */
  state: 'fine' | 'failing' | 'gone' | 'off';
  waiting: number;
  delivered: number;
  /** Attempts that failed. */
  failed: number;
  /** Given up since the start. */
  buried: number;
  /** What went wrong last, in a sentence; null: the last one was taken. */
  problem: string | null;
  /** Since when it fails, and when it is tried again; Unix milliseconds. */
  failingSince: number | null;
  nextAt: number | null;
}

export const MOST_WAITING = 5000;
const FIRST_MS = 1000;
const LONGEST_MS = 3600_000;
const DAY_MS = 24 * LONGEST_MS;
const REFUSALS = 3;
/** Faults of whoever set it up, or that pass: of 4xx those that say nothing about the event. */
const passing = new Set([401, 403, 404, 408, 425, 429]);

interface Waiting {
  row: Delivery;
  /** In the store. */
  kept: boolean;
}

export class Hook {
  private queue: Waiting[] = [];
  private timer: Timer | undefined;
  private sending = false;
  private failures = 0;
  private gone = false;
  private closed = false;
  private problem: string | null = null;
  private failingSince: number | null = null;
  private nextAt: number | null = null;
  private readonly counts = { delivered: 0, failed: 0, buried: 0 };

  constructor(
    private settings: WebhookSettings,
    private readonly deps: HookDeps,
  ) {}

  /** What waited at the last stop, the oldest first; before any event. */
  restore(rows: readonly Delivery[]): void {
    this.queue.push(...rows.map((row) => ({ row, kept: true })));
    this.kick();
  }

  /** @param body the event as it is sent */
  take(event: Event, body: string): void {
    if (this.closed || this.gone || !this.settings.enabled) return;
    const now = this.now();
    const row: Delivery = { hook: this.settings.name, event: event.id, type: event.type, body, state: 'waiting', tries: 0, createdAt: now, endedAt: null, problem: null };
    if (this.queue.length >= MOST_WAITING) return this.bury(row, `${MOST_WAITING} were waiting already`);
    const waiting = { row, kept: false };
    this.queue.push(waiting);
    if (this.failures > 0) this.keep(waiting);
    this.kick();
  }

  /** Dead letters that are to be sent after all. */
  revive(rows: readonly Delivery[]): void {
    for (const dead of rows) {
      const waiting = { row: { ...dead, state: 'waiting' as const, tries: 0, createdAt: this.now(), endedAt: null, problem: null }, kept: true };
      this.deps.kept.put(waiting.row);
      this.queue.push(waiting);
    }
    this.kick();
  }

  /** It was changed: what waits goes to where it says now, at once. */
  change(settings: WebhookSettings): void {
    this.settings = settings;
    this.gone = false;
    this.timer?.cancel();
    this.timer = undefined;
    this.nextAt = null;
    this.kick();
  }

  /** It was removed: nothing of it is left. */
  remove(): void {
    this.closed = true;
    this.timer?.cancel();
    for (const { row } of this.queue.splice(0)) this.deps.kept.remove(row);
  }

  /** What waits is kept for the next start. */
  close(): void {
    this.closed = true;
    this.timer?.cancel();
    for (const waiting of this.queue) this.keep(waiting);
  }

  view(): HookView {
    const { settings: { name, enabled }, queue, problem, failingSince, nextAt, gone } = this;
    const state = !enabled ? 'off' : gone ? 'gone' : this.failures > 0 ? 'failing' : 'fine';
    return { name, state, waiting: queue.length, ...this.counts, problem, failingSince, nextAt };
  }

  /** Past those that wait. Never rejects. */
  send(body: string, event: number): Promise<Posted> {
    const { url, secrets, timeoutSeconds } = this.settings;
    const timestamp = Math.floor(this.now() / 1000);
    const headers = {
      'content-type': 'application/json', 'user-agent': 'Offhook',
      'offhook-webhook': this.settings.name, 'offhook-id': String(event), 'offhook-timestamp': String(timestamp), 'offhook-signature': signatureOf(secrets, timestamp, body),
    };
    return this.deps.post({ url, headers, body, timeoutMs: timeoutSeconds * 1000 });
  }

  private kick(): void {
    if (this.sending || this.closed || this.gone || this.timer || !this.settings.enabled || this.queue.length === 0) return;
    this.sending = true;
    void this.work().finally(() => {
      this.sending = false;
      this.kick();
    });
  }

  /** Until nothing waits, or something has to be waited for. */
  private async work(): Promise<void> {
    while (!this.closed && !this.gone && !this.timer && this.settings.enabled) {
      const head = this.queue[0];
      if (!head) return;
      if (this.now() - head.row.createdAt > DAY_MS) {
        this.queue.shift();
        this.bury(head.row, this.problem ?? 'it could not be sent for a day');
        continue;
      }
      const posted = await this.send(head.row.body, head.row.event);
      if (this.closed) return;
      this.settle(head, posted);
    }
  }

  private settle(head: Waiting, { status, problem, retryAfter }: Posted): void {
    const { log } = this.deps;
    if (status >= 200 && status < 300) {
      this.queue.shift();
      if (head.kept) this.deps.kept.remove(head.row);
      this.counts.delivered++;
      if (this.failures > 0) log.info({ webhook: this.settings.name }, 'a webhook takes events again');
      this.failures = 0;
      this.problem = this.failingSince = this.nextAt = null;
      return;
    }
    this.counts.failed++;
    this.problem = problem ?? `it answered ${status}`;
    this.failingSince ??= this.now();
    head.row = { ...head.row, tries: head.row.tries + 1, problem: this.problem };
    if (status === 410) {
      this.gone = true;
      log.warn({ webhook: this.settings.name, events: this.queue.length }, 'a webhook wants no more events (410): none are sent until it is changed');
      for (const { row } of this.queue.splice(0)) this.bury(row, this.problem);
      return;
    }
    if (status >= 300 && status < 500 && !passing.has(status) && head.row.tries >= REFUSALS) {
      this.queue.shift();
      this.bury(head.row, this.problem);
      return;
    }
    if (this.failures === 0) {
      log.warn({ webhook: this.settings.name, problem: this.problem }, 'a webhook does not take an event; it is tried again');
      for (const waiting of this.queue) if (waiting !== head) this.keep(waiting);
    }
    this.failures++;
    this.keep(head, true);
    const fifth = 0.8 + 0.4 * (this.deps.random(2).readUInt16BE() / 65_536);
    const ms = Math.min(LONGEST_MS, Math.max(FIRST_MS * 2 ** Math.min(20, this.failures - 1) * fifth, (retryAfter ?? 0) * 1000));
    this.nextAt = this.now() + ms;
    this.timer = this.deps.clock.after(ms, () => {
      this.timer = undefined;
      this.kick();
    });
  }

  private keep(waiting: Waiting, again = false): void {
    if (waiting.kept && !again) return;
    waiting.kept = true;
    this.deps.kept.put(waiting.row);
  }

  private bury(row: Delivery, problem: string): void {
    this.counts.buried++;
    this.deps.kept.put({ ...row, state: 'dead', endedAt: this.now(), problem });
  }

  private now(): number {
    return this.deps.clock.wall().getTime();
  }
}
