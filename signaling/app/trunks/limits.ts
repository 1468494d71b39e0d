/**
 * What keeps a stolen password from costing a fortune: calls at once, calls a minute, and money a day, of each trunk, route and extension. All of them
 * must agree before a call goes out. Calls that are up use a budget together: when it is gone, all of them end.
 */
import type { Clock, Timer } from '../../clock';

export interface Limit {
  maxCalls?: number | undefined;
  callsPerMinute?: number | undefined;
  dailyBudget?: number | undefined;
}

/** Whose limit it is, `trunk provider`, and what it is. */
export type Limited = readonly [who: string, limit: Limit];

export interface LimitsDeps {
  clock: Clock;
  /** Where the day's costs are kept over a restart. */
  ledger: { load(): Promise<string | undefined>; save(text: string): Promise<void> };
  /** A day begins at midnight there. */
  timeZone: string;
  /** The ledger could not be written. */
  failed(error: unknown): void;
}

export interface Taken {
  /** It was answered: from now on it costs. `used` is called when one of its budgets is used up; it has to end the call. */
  answered(used: () => void): void;
  over(): void;
}

interface Use {
  calls: number;
  /** When calls began in the last minute, on Clock.now(). */
  begun: number[];
  /** Today, until `since`. */
  spent: number;
  since: number;
  /** What the calls that are up cost a minute, and how each is ended. */
  rate: number;
  running: Set<() => void>;
  budget: number | undefined;
  end: Timer | undefined;
}

const MINUTE_MS = 60_000;
const SAVE_MS = 1000;
/** Sums of fractions are not exact. */
const ALMOST = 1e-6;
/** Timers have 31 bits. */
const LONGEST_MS = 86_400_000;

export class Limits {
  private readonly uses = new Map<string, Use>();
  private day = '';
  private saving: Timer | undefined;
  private written: Promise<void> = Promise.resolve();
  private closed = false;
  private readonly format: Intl.DateTimeFormat;

  constructor(private readonly deps: LimitsDeps) {
    this.format = new Intl.DateTimeFormat('en-CA', { timeZone: deps.timeZone, dateStyle: 'short' });
  }

  /** What was spent today, before. Errors: those of the ledger. */
  async start(): Promise<void> {
    this.day = this.today();
    const text = await this.deps.ledger.load();
    const kept = text === undefined ? undefined : (JSON.parse(text) as { day: string; spent: Record<string, number> });
    if (kept?.day === this.day) for (const [who, spent] of Object.entries(kept.spent)) this.use(who).spent = spent;
  }

  /** Takes a place from each, or tells, in words, which of them has none left. `costPerMinute` of the call. */
  take(limited: readonly Limited[], costPerMinute: number): Taken | string {
    this.turnDay();
    const now = this.deps.clock.now();
    for (const [who, limit] of limited) {
      const problem = this.problem(who, limit, now);
      if (problem !== undefined) return problem;
    }
    for (const [who] of limited) {
      const use = this.use(who);
      use.calls++;
      use.begun.push(now);
    }
    let used: (() => void) | undefined;
    let done = false;
    return {
      answered: (end) => {
        if (used || done) return;
        used = end;
        if (costPerMinute === 0) return;
        for (const [who, { dailyBudget }] of limited) {
          const use = this.use(who);
          use.rate += costPerMinute;
          use.running.add(end);
          use.budget = dailyBudget;
          this.watch(use);
        }
        this.save(SAVE_MS);
      },
      over: () => {
        if (done) return;
        done = true;
        this.turnDay();
        for (const [who] of limited) {
          const use = this.use(who);
          use.calls--;
          if (!used || costPerMinute === 0) continue;
          use.running.delete(used);
          use.rate = use.running.size === 0 ? 0 : use.rate - costPerMinute;
          this.watch(use);
        }
        if (used && costPerMinute > 0) this.save(SAVE_MS);
      },
    };
  }

  /** Of today. */
  spent(who: string): number {
    this.turnDay();
    return this.uses.has(who) ? this.use(who).spent : 0;
  }

  calls(who: string): number {
    return this.uses.get(who)?.calls ?? 0;
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { end } of this.uses.values()) end?.cancel();
    if (this.saving) {
      this.saving.cancel();
      this.write();
    }
    await this.written;
  }

  private problem(who: string, { maxCalls, callsPerMinute, dailyBudget }: Limit, now: number): string | undefined {
    const use = this.use(who);
    while (use.begun.length > 0 && (use.begun[0] as number) <= now - MINUTE_MS) use.begun.shift();
    if (maxCalls !== undefined && use.calls >= maxCalls) return `${who} has its ${maxCalls} calls`;
    if (callsPerMinute !== undefined && use.begun.length >= callsPerMinute) return `${who} has had its ${callsPerMinute} calls of this minute`;
    if (dailyBudget !== undefined && use.spent >= dailyBudget - ALMOST) return `${who} has used up its budget of ${dailyBudget} for today`;
    return undefined;
  }

  /** With what it has cost until now. */
  private use(who: string): Use {
    const now = this.deps.clock.now();
    let use = this.uses.get(who);
    if (!use) this.uses.set(who, (use = { calls: 0, begun: [], spent: 0, since: now, rate: 0, running: new Set(), budget: undefined, end: undefined }));
    use.spent += ((now - use.since) / MINUTE_MS) * use.rate;
    use.since = now;
    return use;
  }

  /** Ends the calls when the budget is used up. */
  private watch(use: Use): void {
    use.end?.cancel();
    use.end = undefined;
    if (use.budget === undefined || use.rate === 0) return;
    const left = use.budget - use.spent;
    if (left < ALMOST) {
      // the end of one comes back here for the others
      for (const end of [...use.running]) if (use.running.has(end)) end();
    } else use.end = this.deps.clock.after(Math.min(Math.ceil((left / use.rate) * MINUTE_MS), LONGEST_MS), () => this.look(use));
  }

  /** Another day may have begun meanwhile. */
  private look(use: Use): void {
    this.turnDay();
    for (const [who, one] of this.uses) if (one === use) this.watch(this.use(who));
  }

  private today(): string {
    return this.format.format(this.deps.clock.wall());
  }

  private turnDay(): void {
    const today = this.today();
    if (today === this.day) return;
    this.day = today;
    for (const [who, { calls, begun }] of [...this.uses]) {
      this.use(who).spent = 0;
      if (calls === 0 && begun.length === 0) this.uses.delete(who);
    }
  }

  private save(ms: number): void {
    this.saving ??= this.deps.clock.after(ms, () => this.write());
  }

  private write(): void {
    this.saving = undefined;
    this.turnDay();
    const all = [...this.uses.keys()].map((who) => [who, this.use(who)] as const);
    const spent = Object.fromEntries(all.filter(([, use]) => use.spent > 0).map(([who, use]) => [who, Math.round(use.spent * 10_000) / 10_000]));
    const text = JSON.stringify({ day: this.day, spent });
    this.written = this.written.then(() => this.deps.ledger.save(text)).catch((err: unknown) => this.deps.failed(err));
    // what a call has cost is not lost with the process
    if (!this.closed && all.some(([, use]) => use.rate > 0)) this.save(MINUTE_MS);
  }
}
