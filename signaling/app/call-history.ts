/**
 * Records of calls on their way to the store: many in one transaction, after the call, so that no call waits for the disk.
 *
 *   ended ─▶ waiting (bounded) ─▶ a transaction of at most `batch` each half second ─▶ store ─▶ swept when too old, or too many
 *
 * A store that fails is tried again at growing intervals; what does not fit meanwhile is dropped and counted. A killed server loses what waits.
 */
import type { Clock, Timer } from '../clock';
import type { Logger } from '../log';
import type { CallRecordRows, CallRow } from '../store/store';

export interface HistoryDeps {
  rows: Pick<CallRecordRows, 'add' | 'count' | 'forget'>;
  /** 0: never, and any number. */
  settings: { keepDays: number; maxRows: number };
  clock: Clock;
  log: Logger;
}

interface Limits {
  /** Records that wait. */
  most: number;
  /** In one transaction: while it is written no call is served. */
  batch: number;
}

const GATHER_MS = 500;
/** Between two transactions of a backlog: others get their turn. */
const PAUSE_MS = 20;
const MAX_RETRY_MS = 30_000;
const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
/** Removed in one go. */
const SWEEP = 200;

export class CallHistory {
  /** Made when they are written: what makes them is not the call's business. */
  private waiting: Array<() => CallRow> = [];
  private timer: Timer | undefined;
  private sweeper: Timer | undefined;
  private writing: Promise<boolean> | undefined;
  private failures = 0;
  private closed = false;
  /** In the store, as far as it is known. */
  private rows = 0;
  private readonly counts = { written: 0, dropped: 0, failed: 0, swept: 0 };

  constructor(
    private readonly deps: HistoryDeps,
    private readonly limits: Limits = { most: 20_000, batch: 200 },
  ) {}

  /** Begins to sweep: now, and each hour. Errors: the store's. */
  async start(): Promise<void> {
    this.rows = await this.deps.rows.count();
    await this.sweep();
    this.schedule();
  }

  add(make: () => CallRow): void {
    if (this.closed || this.waiting.length >= this.limits.most) {
      this.counts.dropped++;
      return;
    }
    this.waiting.push(make);
    this.wind(GATHER_MS);
  }

  /** The last attempt to write did not succeed. */
  get failing(): boolean {
    return this.failures > 0;
  }

  stats(): { waiting: number; written: number; dropped: number; failed: number; swept: number } {
    return { waiting: this.waiting.length, ...this.counts };
  }

  /** Writes what waits. Resolves when it is in the store, or when that failed. */
  async flush(): Promise<void> {
    while (this.writing) await this.writing;
    let done = true;
    while (done && this.waiting.length > 0) done = await this.write();
  }

  /** A last flush; what cannot be written is counted as dropped. */
  async close(): Promise<void> {
    this.sweeper?.cancel();
    await this.flush();
    this.closed = true;
    this.timer?.cancel();
    if (this.waiting.length > 0) this.deps.log.error({ records: this.waiting.length }, 'records of calls are lost: they could not be written');
    this.counts.dropped += this.waiting.splice(0).length;
  }

  private wind(ms: number): void {
    if (this.timer || this.writing || this.closed) return;
    this.timer = this.deps.clock.after(ms, () => {
      this.timer = undefined;
      void this.write();
    });
  }

  private write(): Promise<boolean> {
    this.timer?.cancel();
    this.timer = undefined;
    return (this.writing ??= this.writeBatch().then((done) => {
      this.writing = undefined;
      if (this.waiting.length > 0) this.wind(done ? (this.waiting.length >= this.limits.batch ? PAUSE_MS : GATHER_MS) : Math.min(MAX_RETRY_MS, 1000 * 2 ** (this.failures - 1)));
      return done;
    }));
  }

  private async writeBatch(): Promise<boolean> {
    const batch = this.waiting.splice(0, this.limits.batch);
    try {
      await this.deps.rows.add(batch.map((make) => make()));
    } catch (err) {
      this.counts.failed++;
      this.failures++;
      // the oldest are kept: they were there first
      const all = [...batch, ...this.waiting];
      this.counts.dropped += Math.max(0, all.length - this.limits.most);
      this.waiting = all.slice(0, this.limits.most);
      this.deps.log.warn({ error: String(err), waiting: this.waiting.length, dropped: this.counts.dropped }, 'records of calls cannot be written');
      return false;
    }
    this.failures = 0;
    this.rows += batch.length;
    this.counts.written += batch.length;
    return true;
  }

  private schedule(): void {
    this.sweeper = this.deps.clock.after(HOUR_MS, () => {
      this.sweep().catch((err: unknown) => this.deps.log.warn({ error: String(err) }, 'old records of calls could not be removed'));
      this.schedule();
    });
  }

  private async sweep(): Promise<void> {
    const { keepDays, maxRows } = this.deps.settings;
    if (keepDays > 0) while ((await this.forget(this.deps.clock.wall().getTime() - keepDays * DAY_MS, SWEEP)) === SWEEP) await this.pause();
    if (maxRows > 0) {
      while (this.rows > maxRows) {
        if ((await this.forget(Number.MAX_SAFE_INTEGER, Math.min(SWEEP, this.rows - maxRows))) === 0) return;
        await this.pause();
      }
    }
  }

  private async forget(before: number, limit: number): Promise<number> {
    const gone = await this.deps.rows.forget(before, limit);
    this.rows -= gone;
    this.counts.swept += gone;
    return gone;
  }

  /** Calls come first. */
  private pause(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}
