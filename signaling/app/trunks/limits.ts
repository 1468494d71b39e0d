/**
 * What keeps a stolen password from costing a fortune: calls at once, calls a minute, and money a day, of each trunk, route and extension. All of them
 * must agree before a call goes out.
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
  /** Milliseconds that its budgets last; undefined: they have no end. */
  readonly lastsMs: number | undefined;
  /** It was answered: from now on it costs. */
  answered(): void;
  over(): void;
}

interface Use {
  calls: number;
  /** When calls began in the last minute, on Clock.now(). */
  begun: number[];
  spent: number;
}

const MINUTE_MS = 60_000;
const SAVE_MS = 1000;

export class Limits {
  private readonly uses = new Map<string, Use>();
  private day = '';
  private saving: Timer | undefined;
  private written: Promise<void> = Promise.resolve();

  constructor(private readonly deps: LimitsDeps) {}

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
    const left = limited.flatMap(([who, { dailyBudget }]) => (dailyBudget === undefined || costPerMinute === 0 ? [] : [dailyBudget - this.use(who).spent]));
    let answeredAt: number | undefined;
    let done = false;
    return {
      lastsMs: left.length === 0 ? undefined : Math.floor((Math.min(...left) / costPerMinute) * MINUTE_MS),
      answered: () => void (answeredAt ??= this.deps.clock.now()),
      over: () => {
        if (done) return;
        done = true;
        const cost = answeredAt === undefined ? 0 : ((this.deps.clock.now() - answeredAt) / MINUTE_MS) * costPerMinute;
        this.turnDay();
        for (const [who] of limited) {
          const use = this.use(who);
          use.calls--;
          use.spent += cost;
        }
        if (cost > 0) this.save();
      },
    };
  }

  /** Of today. */
  spent(who: string): number {
    this.turnDay();
    return this.uses.get(who)?.spent ?? 0;
  }

  calls(who: string): number {
    return this.uses.get(who)?.calls ?? 0;
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
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
    if (dailyBudget !== undefined && use.spent >= dailyBudget) return `${who} has used up its budget of ${dailyBudget} for today`;
    return undefined;
  }

  private use(who: string): Use {
    let use = this.uses.get(who);
    if (!use) this.uses.set(who, (use = { calls: 0, begun: [], spent: 0 }));
    return use;
  }

  private today(): string {
    return new Intl.DateTimeFormat('en-CA', { timeZone: this.deps.timeZone, dateStyle: 'short' }).format(this.deps.clock.wall());
  }

  private turnDay(): void {
    const today = this.today();
    if (today === this.day) return;
    this.day = today;
    for (const [who, use] of this.uses) {
      use.spent = 0;
      if (use.calls === 0 && use.begun.length === 0) this.uses.delete(who);
    }
  }

  private save(): void {
    this.saving ??= this.deps.clock.after(SAVE_MS, () => this.write());
  }

  private write(): void {
    this.saving = undefined;
    const spent = Object.fromEntries([...this.uses].filter(([, use]) => use.spent > 0).map(([who, use]) => [who, Math.round(use.spent * 10_000) / 10_000]));
    const text = JSON.stringify({ day: this.day, spent });
    this.written = this.written.then(() => this.deps.ledger.save(text)).catch((err: unknown) => this.deps.failed(err));
  }
}
