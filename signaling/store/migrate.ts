/** Brings a database up to date, and refuses one that is not ours or is ahead of us. */
import { type Kysely, Migrator, sql } from 'kysely';
import { OffhookError } from '../errors';
import { migrationProvider, migrations } from './migrations';
import type { Schema } from './schema';

interface Place {
  folder: string;
  file: string;
}

/** Kysely's own bookkeeping. */
const APPLIED = 'kysely_migration';

/** Errors: `store.not-a-database` (tables of another program), `store.newer`, and those of any statement. */
export async function migrate(db: Kysely<Schema>, place: Place): Promise<void> {
  const applied = await appliedMigrations(db, place);
  const unknown = applied.find((name) => !(name in migrations));
  if (unknown !== undefined) throw new OffhookError('store.newer', { folder: place.folder, migration: unknown });
  // Nothing to do: the write lock that the migrator takes would make a command wait for a busy server.
  if (applied.length === Object.keys(migrations).length) return;
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest();
  if (error) throw error instanceof Error ? error : new Error(String(error));
}

async function appliedMigrations(db: Kysely<Schema>, { file }: Place): Promise<string[]> {
  const tables = (await db.introspection.getTables({ withInternalKyselyTables: true })).map((table) => table.name);
  if (tables.includes(APPLIED)) {
    const { rows } = await sql<{ name: string }>`select name from ${sql.table(APPLIED)} order by name`.execute(db);
    return rows.map((row) => row.name);
  }
  if (tables.length > 0) throw new OffhookError('store.not-a-database', { file });
  return [];
}
