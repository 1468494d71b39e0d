/** All webhooks: which there are, what each is sent, and what was given up. The door for the composition root and the API. */
import type { Clock, Random, Timer } from '../../clock';
import { OffhookError } from '../../errors';
import { wantedBy } from '../../event-filter';
import { every } from '../../every';
import type { Logger } from '../../log';
import type { Deliveries, Delivery } from '../../store/store';
import type { Event, Events } from '../event-bus';
import { DeliveryLog } from './delivery-log';
import { Hook, MOST_WAITING, type HookView, type WebhookSettings } from './hook';
import type { Poster } from './post';

export interface WebhooksDeps {
  book: { all(kind: 'webhook'): readonly WebhookSettings[]; onChanged(listener: () => unknown): void };
  events: Pick<Events, 'onEvent'>;
  rows: Deliveries;
  poster: Poster;
  clock: Clock;
  random: Random;
  log: Logger;
}

interface Entry {
  hook: Hook;
  settings: WebhookSettings;
  wants: (event: Event) => boolean;
}

/** Dead letters of one webhook that are kept, and for how long. */
const DEAD = { most: 1000, days: 30 };
const HOUR_MS = 3600_000;

export class Webhooks {
  private readonly hooks = new Map<string, Entry>();
  private readonly kept: DeliveryLog;
  private stop: () => void = () => undefined;
  private sweeper: Timer | undefined;
  private closed = false;

  constructor(private readonly deps: WebhooksDeps) {
    this.kept = new DeliveryLog({ rows: deps.rows, clock: deps.clock, log: deps.log });
  }

  /** From now on events are sent, those first that waited at the last stop. Errors: the store's. */
  async start(): Promise<void> {
    this.adopt();
    for (const name of await this.deps.rows.hooks()) {
      const entry = this.hooks.get(name);
      if (!entry) await this.deps.rows.forget(name);
      else entry.hook.restore(await this.deps.rows.list({ hook: name, state: 'waiting', limit: MOST_WAITING }));
    }
    this.deps.book.onChanged(() => this.adopt());
    this.stop = this.deps.events.onEvent((event) => {
      // made once, for whoever wants it
      let body: string | undefined;
      for (const { hook, wants } of this.hooks.values()) if (wants(event)) hook.take(event, (body ??= JSON.stringify(event)));
    });
    await this.sweep();
    if (!this.closed) this.sweeper = every(this.deps.clock, HOUR_MS, () => this.sweep());
  }

  async close(): Promise<void> {
    this.closed = true;
    this.stop();
    this.sweeper?.cancel();
    for (const { hook } of this.hooks.values()) hook.close();
    this.deps.poster.close();
    await this.kept.close();
  }

  list(): HookView[] {
    return [...this.hooks.values()].map(({ hook }) => hook.view());
  }

  /** An event of the type `test`, past those that wait. Errors: `settings.not-found`. */
  async test(name: string): Promise<{ status: number | null; problem: string | null; tookMs: number }> {
    const { clock } = this.deps;
    const began = clock.now();
    const id = clock.wall().getTime() * 1000;
    const { status, problem } = await this.entry(name).hook.send(JSON.stringify({ id, type: 'test', time: clock.wall().toISOString(), tenant: '', data: { webhook: name } }), id);
    return { status: status === 0 ? null : status, problem: problem ?? null, tookMs: Math.round(clock.now() - began) };
  }

  /** Given up, the oldest first, after this event. Errors: `settings.not-found`, the store's. */
  async dead(name: string, page: { after?: number | undefined; limit: number }): Promise<Delivery[]> {
    this.entry(name);
    await this.kept.flush();
    return this.deps.rows.list({ hook: name, state: 'dead', ...page });
  }

  /** Dead letters are sent again, behind those that wait; undefined: all. How many. Errors: `settings.not-found`, `webhook.off`, the store's. */
  async redeliver(name: string, events: readonly number[] | undefined): Promise<number> {
    const { hook } = this.entry(name);
    const { state } = hook.view();
    if (state === 'off' || state === 'gone') throw new OffhookError('webhook.off', { name, why: state === 'off' ? 'is switched off' : 'has answered that it wants no more events (410)' });
    const wanted = events === undefined ? undefined : new Set(events);
    const rows = (await this.dead(name, { limit: DEAD.most })).filter(({ event }) => wanted?.has(event) ?? true);
    hook.revive(rows);
    return rows.length;
  }

  /** False: there was none. Errors: `settings.not-found`, the store's. */
  async removeDead(name: string, event: number): Promise<boolean> {
    const [row] = await this.dead(name, { after: event - 1, limit: 1 });
    if (row?.event !== event) return false;
    this.kept.remove(row);
    await this.kept.flush();
    return true;
  }

  private entry(name: string): Entry {
    const entry = this.hooks.get(name);
    if (!entry) throw new OffhookError('settings.not-found', { kind: 'webhook', key: name });
    return entry;
  }

  /** Those that are new, changed, gone. */
  private adopt(): void {
    if (this.closed) return;
    const { book, poster, clock, random, log } = this.deps;
    const wanted = new Map(book.all('webhook').map((one) => [one.name, one]));
    for (const [name, { hook }] of this.hooks) {
      if (wanted.has(name)) continue;
      this.hooks.delete(name);
      hook.remove();
      void this.deps.rows.forget(name).catch((err: unknown) => log.warn({ webhook: name, error: String(err) }, 'what a webhook that was removed left could not be removed'));
    }
    for (const [name, settings] of wanted) {
      const known = this.hooks.get(name);
      if (known && JSON.stringify(known.settings) === JSON.stringify(settings)) continue;
      const hook = known?.hook ?? new Hook(settings, { post: poster.post, kept: this.kept, clock, random, log });
      if (known) hook.change(settings);
      const ofType = wantedBy(settings.events);
      this.hooks.set(name, { hook, settings, wants: ({ type, tenant }) => (settings.tenant === undefined || settings.tenant === tenant) && ofType(type) });
    }
  }

  private async sweep(): Promise<void> {
    const { rows, clock, log } = this.deps;
    await rows.sweep(clock.wall().getTime() - DEAD.days * 24 * HOUR_MS, DEAD.most).catch((err: unknown) => log.warn({ error: String(err) }, 'old dead letters could not be removed'));
  }
}
