/**
 * How the database came to be what it is, step by step. Steps are never changed once released, only added; their names order them.
 * They are written for every SQL database that Kysely knows.
 */
import { type Kysely, type Migration, type MigrationProvider, sql } from 'kysely';

export const migrations: Readonly<Record<string, Migration>> = {
  '0001-extensions-and-contacts': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('meta')
        .addColumn('key', 'varchar(64)', (column) => column.primaryKey())
        .addColumn('value', 'text', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('extension')
        .addColumn('number', 'varchar(15)', (column) => column.primaryKey())
        .addColumn('name', 'text')
        .addColumn('ha1Md5', 'char(32)', (column) => column.notNull())
        .addColumn('ha1Sha256', 'char(64)', (column) => column.notNull())
        .addColumn('media', 'varchar(16)', (column) => column.notNull())
        .addColumn('createdAt', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('contact')
        .addColumn('extension', 'varchar(15)', (column) => column.notNull())
        .addColumn('uri', 'text', (column) => column.notNull())
        .addColumn('source', 'text', (column) => column.notNull())
        .addColumn('instance', 'text')
        .addColumn('regId', 'bigint')
        .addColumn('callId', 'text', (column) => column.notNull())
        .addColumn('cseq', 'bigint', (column) => column.notNull())
        .addColumn('expiresAt', 'bigint', (column) => column.notNull())
        .addColumn('q', sql`double precision`, (column) => column.notNull())
        .addColumn('userAgent', 'text')
        .addColumn('path', 'text')
        .addColumn('updatedAt', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('contact_key', ['extension', 'uri'])
        .execute();
    },
  },
  '0002-srtp-of-extensions': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('extension')
        .addColumn('srtp', 'varchar(16)', (column) => column.notNull().defaultTo('optional'))
        .execute();
    },
  },
  '0003-recordings': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .alterTable('extension')
        .addColumn('recording', 'varchar(16)', (column) => column.notNull().defaultTo('on-demand'))
        .execute();
      await db.schema
        .createTable('recording')
        .addColumn('id', 'varchar(64)', (column) => column.primaryKey())
        .addColumn('callId', 'varchar(64)', (column) => column.notNull())
        .addColumn('from', 'varchar(64)', (column) => column.notNull())
        .addColumn('to', 'varchar(64)', (column) => column.notNull())
        .addColumn('startedAt', 'bigint', (column) => column.notNull())
        .addColumn('durationMs', 'bigint', (column) => column.notNull())
        .addColumn('file', 'text', (column) => column.notNull())
        .addColumn('bytes', 'bigint', (column) => column.notNull())
        .addColumn('state', 'varchar(16)', (column) => column.notNull())
        .addColumn('problem', 'text')
        .execute();
      await db.schema.createIndex('recording_by_time').on('recording').column('startedAt').execute();
    },
  },
};

export const migrationProvider: MigrationProvider = { getMigrations: async () => ({ ...migrations }) };
