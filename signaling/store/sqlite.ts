/**
 * The embedded default: SQLite in WAL mode, one file in the data folder, written by the server and the command line at once.
 */
import { Kysely } from 'kysely';
import { type Clock, systemClock } from '../clock';
import { OffhookError } from '../errors';
import { databaseFile } from './data-folder';
import { LibsqlConnection } from './libsql-connection';
import { LibsqlDialect } from './libsql-dialect';
import { migrate } from './migrate';
import type { Schema } from './schema';
import { SqlStore } from './sql-store';
import type { Store } from './types';

export interface SqliteOptions {
  dataDir: string;
  /** Makes the folder and the database when they are missing (default true); otherwise that is `store.missing`. */
  create?: boolean;
  /** How long to wait for another process that is writing, in milliseconds. */
  busyMs?: number;
  clock?: Clock;
}

/** Errors: `store.missing`, `store.unwritable`, `store.not-a-database`, `store.corrupt`, `store.newer`, `store.busy`. */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const { dataDir, create = true, busyMs = 5000, clock = systemClock } = options;
  const file = databaseFile(dataDir, create);
  const connection = new LibsqlConnection(file, busyMs, clock);
  const kysely = new Kysely<Schema>({ dialect: new LibsqlDialect(connection) });
  try {
    await check(connection, file);
    // Readers and the writer do not wait for each other, and a commit survives a crash of this process (https://sqlite.org/wal.html).
    await connection.pragma('journal_mode = WAL');
    await connection.pragma('synchronous = NORMAL');
    await migrate(kysely, { folder: dataDir, file });
    let version = await dataVersion(connection);
    return new SqlStore(kysely, {
      where: dataDir,
      changed: async () => {
        const before = version;
        version = await dataVersion(connection);
        return version !== before;
      },
      close: () => kysely.destroy(),
    });
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function check(connection: LibsqlConnection, file: string): Promise<void> {
  const verdict = String(Object.values(await connection.pragma('quick_check(1)'))[0]);
  if (verdict !== 'ok') throw new OffhookError('store.corrupt', { file, reason: verdict.replace(/\s+/g, ' ') });
}

/** Differs between two calls when another connection committed between them (https://sqlite.org/pragma.html#pragma_data_version). */
async function dataVersion(connection: LibsqlConnection): Promise<number> {
  return Number((await connection.pragma('data_version'))['data_version']);
}
