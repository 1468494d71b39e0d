/**
 * A SQLite database through libsql: the only file that imports the driver.
 *
 * Statements run at once, in this thread. A database that another process is writing to is asked again until `busyMs` have passed; SQLite's
 * own busy timeout would do the same but stop every call on this server meanwhile.
 *
 * Every write happens inside BEGIN IMMEDIATE, so that this is the only statement that finds the database busy:
 *  - a transaction that reads first and writes later would fail with SQLITE_BUSY_SNAPSHOT when another process wrote in between, which no
 *    waiting helps against (https://sqlite.org/lang_transaction.html);
 *  - libsql does not reset a prepared statement that found the database busy, and COMMIT is refused while one is "in progress". `exec`
 *    keeps no statement.
 *
 * The driver's errors become ours where they arise.
 */
import Database from 'libsql';
import type { Clock } from '../clock';
import { isOffhookError } from '../errors';
import { fromSqlite } from './sqlite-errors';

export interface Outcome {
  rows: unknown[];
  /** Rows inserted, updated or deleted; undefined for statements that answer with rows. */
  changes: number | undefined;
}

const RETRY_MS = 10;
/** Statements that are kept, and the longest text of one that is: to prepare one costs more than to run it. */
const KEPT = 64;
const KEPT_LENGTH = 16_384;

interface Prepared {
  statement: Database.Statement;
  /** It answers with rows. */
  reader: boolean;
}

export class LibsqlConnection {
  private readonly db: Database.Database;
  /** By their text; the longest unused first. */
  private readonly kept = new Map<string, Prepared>();
  private closed = false;

  /** Errors: `store.*`. */
  constructor(
    private readonly file: string,
    private readonly busyMs: number,
    private readonly clock: Clock,
  ) {
    this.db = this.guarded(() => new Database(file));
  }

  /** Errors: `store.*`. */
  async run(sql: string, parameters: readonly unknown[] = []): Promise<Outcome> {
    const { statement, reader } = this.guarded(() => this.prepare(sql));
    const work = (): Outcome => {
      const outcome = reader ? { rows: statement.all(...parameters), changes: undefined } : { rows: [], changes: statement.run(...parameters).changes };
      // not when it failed: who knows what state it is in
      this.keep(sql, { statement, reader });
      return outcome;
    };
    if (reader) return this.guarded(work);
    const write = () => this.guarded(work);
    if (this.db.inTransaction) return write();
    await this.begin();
    try {
      const outcome = write();
      this.commit();
      return outcome;
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** A kept one is taken out while it is used. */
  private prepare(sql: string): Prepared {
    const known = this.kept.get(sql);
    if (known) {
      this.kept.delete(sql);
      return known;
    }
    const statement = this.db.prepare(sql);
    return { statement, reader: statement.reader };
  }

  private keep(sql: string, prepared: Prepared): void {
    if (sql.length > KEPT_LENGTH) return;
    if (this.kept.size >= KEPT) this.kept.delete(this.kept.keys().next().value as string);
    this.kept.set(sql, prepared);
  }

  /** Errors: `store.busy` when another process is still writing after `busyMs`. */
  async begin(): Promise<void> {
    await this.patiently(() => this.db.exec('begin immediate'));
  }

  commit(): void {
    this.guarded(() => this.db.exec('commit'));
  }

  /** SQLite has rolled back by itself after some errors (a full disk); rolling back again would hide which one it was. */
  rollback(): void {
    if (this.db.inTransaction) this.guarded(() => this.db.exec('rollback'));
  }

  /** The first row of a PRAGMA. Errors: `store.*`. */
  async pragma(source: string): Promise<Record<string, unknown>> {
    const rows = await this.patiently(() => this.db.pragma(source) as Array<Record<string, unknown>>);
    return rows[0] ?? {};
  }

  /** Idempotent. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.kept.clear();
    try {
      // The driver closes the file when its statements have been collected, which may be never; what is in the WAL goes home now.
      this.db.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // Another process is reading or writing: whoever closes last does it, and the data is safe in the WAL until then.
    }
    this.db.close();
  }

  private async patiently<T>(work: () => T): Promise<T> {
    const deadline = this.clock.now() + this.busyMs;
    for (;;) {
      try {
        return this.guarded(work);
      } catch (error) {
        if (!isOffhookError(error, 'store.busy') || this.clock.now() >= deadline) throw error;
      }
      await new Promise<void>((resolve) => this.clock.after(RETRY_MS, resolve));
    }
  }

  private guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw fromSqlite(error, this.file);
    }
  }
}
