/**
 * What of deliveries is kept in the store: those that could not be made at once, and those that were given up. Many in one transaction, so that what
 * is fast is not slowed down by what is slow. A killed server loses half a second of it.
 */
import type { Clock, Timer } from '../../clock';
import type { Logger } from '../../log';
import type { Deliveries, Delivery } from '../../store/store';

const GATHER_MS = 500;
const RETRY_MS = 10_000;

export class DeliveryLog {
  private puts = new Map<string, Delivery>();
  private removes = new Map<string, { hook: string; event: number }>();
  private timer: Timer | undefined;
  private writing: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly deps: { rows: Pick<Deliveries, 'write'>; clock: Clock; log: Logger }) {}

  put(row: Delivery): void {
    const key = keyOf(row);
    this.removes.delete(key);
    this.puts.set(key, row);
    this.wind(GATHER_MS);
  }

  remove(row: { hook: string; event: number }): void {
    const key = keyOf(row);
    this.puts.delete(key);
    this.removes.set(key, row);
    this.wind(GATHER_MS);
  }

  /** Resolves when all is in the store, or that failed. */
  async flush(): Promise<void> {
    while (this.writing) await this.writing;
    if (this.puts.size + this.removes.size > 0) await this.write();
  }

  async close(): Promise<void> {
    await this.flush();
    this.closed = true;
    this.timer?.cancel();
  }

  private wind(ms: number): void {
    if (this.timer || this.closed) return;
    this.timer = this.deps.clock.after(ms, () => {
      this.timer = undefined;
      void this.flush();
    });
  }

  private write(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    const { puts, removes } = this;
    this.puts = new Map();
    this.removes = new Map();
    return (this.writing = this.deps.rows
      .write([...puts.values()], [...removes.values()])
      .catch((err: unknown) => {
        // what came since is newer
        for (const [key, row] of puts) if (!this.puts.has(key) && !this.removes.has(key)) this.puts.set(key, row);
        for (const [key, row] of removes) if (!this.puts.has(key)) this.removes.set(key, row);
        this.deps.log.warn({ error: String(err), deliveries: this.puts.size }, 'events that wait for their webhooks cannot be written');
        this.wind(RETRY_MS);
      })
      .finally(() => (this.writing = undefined)));
  }
}

const keyOf = ({ hook, event }: { hook: string; event: number }): string => `${event} ${hook}`;
