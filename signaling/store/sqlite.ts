/**
 * The embedded default: SQLite in WAL mode, one file in the data folder, written by the server and the command line at once.
 */
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Kysely } from 'kysely';
import { OffhookError } from '../errors';
import { fromFileSystem } from './sqlite-errors';
import { type OpenDatabase, openDatabase } from './libsql-dialect';
import { migrate } from './migrate';
import type { Schema } from './schema';
import { SqlStore } from './sql-store';
import type { Store } from './types';

export interface SqliteOptions {
  dataDir: string;
  /** Makes the folder and the database when they are missing (default true); otherwise that is `store.missing`. */
  create?: boolean;
  /** How long a write waits for another process, in milliseconds. */
  busyMs?: number;
}

export const DATABASE_FILE = 'offhook.db';

/** Errors: `store.missing`, `store.unwritable`, `store.not-a-database`, `store.corrupt`, `store.newer`, `store.busy`. */
export async function openSqliteStore({ dataDir, create = true, busyMs = 5000 }: SqliteOptions): Promise<Store> {
  const file = join(dataDir, DATABASE_FILE);
  if (!create && !existsSync(file)) throw new OffhookError('store.missing', { folder: dataDir });
  prepareFile(dataDir, file);
  const database = openDatabase(file, busyMs);
  const kysely = new Kysely<Schema>({ dialect: database.dialect });
  try {
    const found = database.pragma('quick_check(1)')[0];
    const verdict = String(Object.values(found ?? {})[0] ?? '');
    if (verdict !== 'ok') throw new OffhookError('store.corrupt', { file, reason: verdict });
    await useWal(database, file);
    await migrate(kysely, { folder: dataDir, file });
    let version = dataVersion(database);
    return new SqlStore(kysely, {
      where: dataDir,
      changed: async () => {
        const before = version;
        version = dataVersion(database);
        return version !== before;
      },
      close: () => kysely.destroy(),
    });
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The folder (for its owner only: it holds digests of passwords), and the file, so that what is wrong with them has a plain name. */
function prepareFile(folder: string, file: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
  } catch (error) {
    throw fromFileSystem(error, folder);
  }
}

/** Readers and the writer do not wait for each other (https://sqlite.org/wal.html); a commit is safe against a crash of this process. */
async function useWal(database: OpenDatabase, file: string): Promise<void> {
  // Two processes that make the same new database at once: switching does not wait by itself.
  for (let attempt = 1; ; attempt++) {
    try {
      database.pragma('journal_mode = WAL');
      break;
    } catch (error) {
      if (!(error instanceof OffhookError) || error.code !== 'store.busy') throw error;
      if (attempt === 20) throw new OffhookError('store.busy', { file }, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  database.pragma('synchronous = NORMAL');
}

/** Differs between two calls when another connection committed between them (https://sqlite.org/pragma.html#pragma_data_version). */
function dataVersion(database: OpenDatabase): number {
  return Number(database.pragma('data_version')[0]?.['data_version']);
}
