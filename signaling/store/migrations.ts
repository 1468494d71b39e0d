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
  '0005-conference-rooms': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('room')
        .addColumn('number', 'varchar(15)', (column) => column.primaryKey())
        .addColumn('name', 'text')
        .addColumn('pin', 'varchar(16)')
        .addColumn('moderatorPin', 'varchar(16)')
        .addColumn('maxMembers', 'integer', (column) => column.notNull())
        .addColumn('announce', 'smallint', (column) => column.notNull())
        .addColumn('simple', 'smallint', (column) => column.notNull())
        .addColumn('startMuted', 'smallint', (column) => column.notNull())
        .addColumn('waitForModerator', 'smallint', (column) => column.notNull())
        .addColumn('record', 'smallint', (column) => column.notNull())
        .addColumn('createdAt', 'bigint', (column) => column.notNull())
        .execute();
      // the party line, which is always there
      const partyLine = { number: '8000', name: 'Party line', pin: null, moderatorPin: null, maxMembers: 300, announce: 0, simple: 1, startMuted: 0, waitForModerator: 0, record: 0, createdAt: 0 };
      await (db as Kysely<{ room: typeof partyLine }>).insertInto('room').values(partyLine).execute();
    },
  },
  '0005-voicemail': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('mailbox')
        .addColumn('number', 'varchar(15)', (column) => column.primaryKey())
        .addColumn('enabled', 'integer', (column) => column.notNull())
        .addColumn('pin', 'text')
        .addColumn('email', 'text')
        .addColumn('greeting', 'text')
        .addColumn('lastId', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema
        .createTable('voiceMessage')
        .addColumn('mailbox', 'varchar(15)', (column) => column.notNull())
        .addColumn('id', 'bigint', (column) => column.notNull())
        .addColumn('state', 'varchar(16)', (column) => column.notNull())
        .addColumn('from', 'text', (column) => column.notNull())
        .addColumn('fromName', 'text')
        .addColumn('receivedAt', 'bigint', (column) => column.notNull())
        .addColumn('durationMs', 'bigint', (column) => column.notNull())
        .addColumn('file', 'text', (column) => column.notNull())
        .addColumn('mailAt', 'bigint')
        .addColumn('mailTries', 'integer', (column) => column.notNull())
        .addPrimaryKeyConstraint('voice_message_key', ['mailbox', 'id'])
        .execute();
      await db.schema.createIndex('voice_message_mail').on('voiceMessage').column('mailAt').execute();
    },
  },
  '0006-tokens': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('token')
        .addColumn('name', 'varchar(64)', (column) => column.primaryKey())
        .addColumn('scope', 'varchar(16)', (column) => column.notNull())
        .addColumn('digest', 'char(64)', (column) => column.notNull().unique())
        .addColumn('createdAt', 'bigint', (column) => column.notNull())
        .execute();
    },
  },
  '0007-diversions': {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const name of ['divertAlways', 'divertBusy', 'divertNoAnswer', 'divertOffline']) await db.schema.alterTable('extension').addColumn(name, 'varchar(64)').execute();
      await db.schema.alterTable('extension').addColumn('ringSeconds', 'integer').execute();
      await db.schema.alterTable('extension').addColumn('doNotDisturb', 'smallint', (column) => column.notNull().defaultTo(0)).execute();
    },
  },
  '0008-items': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('item')
        .addColumn('kind', 'varchar(32)', (column) => column.notNull())
        .addColumn('key', 'varchar(320)', (column) => column.notNull())
        .addColumn('value', 'text', (column) => column.notNull())
        .addColumn('dialled', 'varchar(320)', (column) => column.unique())
        .addColumn('updatedAt', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('item_key', ['kind', 'key'])
        .execute();
      await db.schema.alterTable('extension').addColumn('settings', 'text').execute();
    },
  },
  '0010-text-messages': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('textMessage')
        .addColumn('id', 'varchar(64)', (column) => column.primaryKey())
        .addColumn('from', 'varchar(320)', (column) => column.notNull())
        .addColumn('fromName', 'text')
        .addColumn('to', 'varchar(320)', (column) => column.notNull())
        .addColumn('contentType', 'text', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addColumn('state', 'varchar(16)', (column) => column.notNull())
        .addColumn('tries', 'integer', (column) => column.notNull())
        .addColumn('receivedAt', 'bigint', (column) => column.notNull())
        .addColumn('endedAt', 'bigint')
        .execute();
      await db.schema.createIndex('text_message_queue').on('textMessage').columns(['state', 'to', 'id']).execute();
      await db.schema.createIndex('text_message_sender').on('textMessage').columns(['state', 'from']).execute();
    },
  },
  '0011-call-records': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('callRecord')
        .addColumn('id', 'varchar(64)', (column) => column.primaryKey())
        .addColumn('tenant', 'varchar(253)', (column) => column.notNull())
        .addColumn('from', 'varchar(320)', (column) => column.notNull())
        .addColumn('to', 'varchar(320)', (column) => column.notNull())
        .addColumn('startedAt', 'bigint', (column) => column.notNull())
        .addColumn('answeredAt', 'bigint')
        .addColumn('endedAt', 'bigint', (column) => column.notNull())
        .addColumn('cause', 'varchar(64)', (column) => column.notNull())
        .addColumn('service', 'varchar(64)')
        .addColumn('details', 'text', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('call_record_started').on('callRecord').columns(['startedAt', 'id']).execute();
      await db.schema.createIndex('call_record_from').on('callRecord').columns(['from', 'startedAt']).execute();
      await db.schema.createIndex('call_record_to').on('callRecord').columns(['to', 'startedAt']).execute();
    },
  },
  '0012-deliveries': {
    async up(db: Kysely<unknown>): Promise<void> {
      await db.schema
        .createTable('delivery')
        .addColumn('hook', 'varchar(64)', (column) => column.notNull())
        .addColumn('event', 'bigint', (column) => column.notNull())
        .addColumn('type', 'varchar(64)', (column) => column.notNull())
        .addColumn('body', 'text', (column) => column.notNull())
        .addColumn('state', 'varchar(16)', (column) => column.notNull())
        .addColumn('tries', 'integer', (column) => column.notNull())
        .addColumn('createdAt', 'bigint', (column) => column.notNull())
        .addColumn('endedAt', 'bigint')
        .addColumn('problem', 'text')
        .addPrimaryKeyConstraint('delivery_key', ['hook', 'event'])
        .execute();
      await db.schema.createIndex('delivery_state').on('delivery').columns(['hook', 'state', 'event']).execute();
    },
  },
};

export const migrationProvider: MigrationProvider = { getMigrations: async () => ({ ...migrations }) };
