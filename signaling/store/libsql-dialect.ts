/**
 * Kysely on libsql: the only file that imports the SQLite driver.
 *
 * libsql has better-sqlite3's interface, which is what Kysely's own SQLite dialect expects; between the two stands a bridge that
 *  - begins transactions with BEGIN IMMEDIATE: every transaction of ours writes, and one that reads first and wants to write later would
 *    fail with SQLITE_BUSY_SNAPSHOT, which no busy timeout helps against, when another process wrote in between;
 *  - turns the driver's errors into ours where they arise.
 */
import { SqliteAdapter, SqliteDialect, type SqliteDatabase } from 'kysely';
import Database from 'libsql';
import { fromSqlite } from './sqlite-errors';

export interface OpenDatabase {
  dialect: SqliteDialect;
  /** Rows of a PRAGMA. Errors: `store.*`. */
  pragma(source: string): Array<Record<string, unknown>>;
  close(): void;
}

/** Errors: `store.*`. `busyMs`: how long to wait for another process that is writing. */
export function openDatabase(file: string, busyMs: number): OpenDatabase {
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw fromSqlite(error, file);
    }
  };
  const db = guarded(() => new Database(file, { timeout: busyMs }));
  let open = true;
  const close = () => {
    if (open) db.close();
    open = false;
  };

  const bridge: SqliteDatabase = {
    close,
    prepare(sql) {
      const statement = guarded(() => db.prepare(sql === 'begin' ? 'begin immediate' : sql));
      return {
        reader: statement.reader,
        all: (parameters) => guarded(() => statement.all(...parameters)),
        run: (parameters) => {
          // SQLite has rolled back by itself after some errors (a full disk); rolling back again would hide which one it was.
          if (sql === 'rollback' && !db.inTransaction) return { changes: 0, lastInsertRowid: 0 };
          return guarded(() => statement.run(...parameters));
        },
        iterate: (parameters) => guarded(() => statement.iterate(...parameters)),
      };
    },
  };
  return {
    dialect: new LibsqlDialect({ database: bridge }),
    pragma: (source) => guarded(() => db.pragma(source) as Array<Record<string, unknown>>),
    close,
  };
}

/** SQLite changes tables within transactions; said here, migrations run in one, and two processes that start at once take turns. */
class LibsqlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class LibsqlDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new LibsqlAdapter();
  }
}
