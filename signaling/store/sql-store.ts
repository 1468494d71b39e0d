/**
 * The store over SQL. Queries keep to what SQLite and PostgreSQL both understand; what differs (opening, noticing other writers,
 * naming errors) is handed in by the back end.
 */
import type { Kysely } from 'kysely';
import { OffhookError } from '../errors';
import type { Schema } from './schema';
import { sqlContacts } from './sql-contacts';
import { sqlExtensions } from './sql-extensions';
import { sqlItems } from './sql-items';
import { sqlMeta } from './sql-meta';
import { sqlRecords } from './sql-records';
import { sqlRecordings } from './sql-recordings';
import { sqlRooms } from './sql-rooms';
import { sqlDeliveries } from './sql-deliveries';
import { sqlTexts } from './sql-texts';
import type { Deliveries } from './delivery-types';
import type { TextMessages } from './text-types';
import { sqlTokens } from './sql-tokens';
import { sqlVoicemail } from './sql-voicemail';
import type { CallRecordRows } from './record-types';
import type { Contacts, Extensions, Items, Meta, Recordings, Rooms, Store, StoreParts, Tokens, Voicemail } from './types';

export interface SqlBackend {
  where: string;
  /** Whether another connection wrote since the last call. */
  changed(): Promise<boolean>;
  close(): Promise<void>;
}

/** How a part reaches the database: at large, or inside a transaction. */
export interface Access {
  /** Errors: `store.closed`. */
  db(): Kysely<Schema>;
  /** All or nothing; inside a transaction it joins that one. */
  atomically<T>(work: (db: Kysely<Schema>) => Promise<T>): Promise<T>;
}

export class SqlStore implements Store {
  readonly extensions: Extensions;
  readonly contacts: Contacts;
  readonly meta: Meta;
  readonly recordings: Recordings;
  readonly voicemail: Voicemail;
  readonly rooms: Rooms;
  readonly tokens: Tokens;
  readonly items: Items;
  readonly records: CallRecordRows;
  readonly texts: TextMessages;
  readonly deliveries: Deliveries;
  private closed = false;

  constructor(
    private readonly kysely: Kysely<Schema>,
    private readonly backend: SqlBackend,
  ) {
    const parts = partsOver({ db: () => this.db(), atomically: (work) => this.atomically(work) });
    this.extensions = parts.extensions;
    this.contacts = parts.contacts;
    this.meta = parts.meta;
    this.recordings = parts.recordings;
    this.voicemail = parts.voicemail;
    this.rooms = parts.rooms;
    this.tokens = parts.tokens;
    this.items = parts.items;
    this.records = parts.records;
    this.texts = parts.texts;
    this.deliveries = parts.deliveries;
  }

  get where(): string {
    return this.backend.where;
  }

  async transaction<T>(work: (parts: StoreParts) => Promise<T>): Promise<T> {
    return this.atomically((db) => work(partsOver({ db: () => db, atomically: (inner) => inner(db) })));
  }

  async changed(): Promise<boolean> {
    this.db();
    return this.backend.changed();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.backend.close();
  }

  private async atomically<T>(work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    return this.db().transaction().execute(work);
  }

  private db(): Kysely<Schema> {
    if (this.closed) throw new OffhookError('store.closed', {});
    return this.kysely;
  }
}

function partsOver(access: Access): StoreParts {
  return {
    extensions: sqlExtensions(access),
    contacts: sqlContacts(access),
    meta: sqlMeta(access),
    recordings: sqlRecordings(access),
    voicemail: sqlVoicemail(access),
    rooms: sqlRooms(access),
    tokens: sqlTokens(access),
    items: sqlItems(access),
    records: sqlRecords(access),
    texts: sqlTexts(access),
    deliveries: sqlDeliveries(access),
  };
}
