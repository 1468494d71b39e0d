/** Contacts over SQL. Written in batches: a busy registrar hands over what changed since the last one. */
import type { Kysely } from 'kysely';
import type { Schema } from './schema';
import type { Access } from './sql-store';
import type { Contact, ContactKey, Contacts } from './types';

/** Rows a statement. Twelve columns each: under every database's limit of parameters (SQLite's is 32766). */
const ROWS_PUT = 200;
/** An OR for each row: SQLite allows expressions 1000 deep. */
const ROWS_REMOVED = 100;

export function sqlContacts({ db, atomically }: Access): Contacts {
  return {
    async all() {
      return (await db().selectFrom('contact').selectAll().execute()).map(fromRow);
    },

    async of(extension) {
      return (await db().selectFrom('contact').selectAll().where('extension', '=', extension).execute()).map(fromRow);
    },

    async apply({ put, remove }) {
      if (put.length === 0 && remove.length === 0) return;
      await atomically(async (tx) => {
        for (const keys of chunks(remove, ROWS_REMOVED)) await removeRows(tx, keys);
        // One row a key: PostgreSQL refuses to update a row twice in one statement.
        const last = new Map(put.map((contact) => [JSON.stringify([contact.extension, contact.uri]), contact]));
        for (const rows of chunks([...last.values()], ROWS_PUT)) await putRows(tx, rows);
      });
    },
  };
}

async function removeRows(tx: Kysely<Schema>, keys: readonly ContactKey[]): Promise<void> {
  await tx
    .deleteFrom('contact')
    .where((eb) => eb.or(keys.map(({ extension, uri }) => eb.and({ extension, uri }))))
    .execute();
}

async function putRows(tx: Kysely<Schema>, contacts: readonly Contact[]): Promise<void> {
  const numbers = [...new Set(contacts.map((contact) => contact.extension))];
  const existing = await tx.selectFrom('extension').select('number').where('number', 'in', numbers).execute();
  const known = new Set(existing.map((row) => row.number));
  const rows = contacts.filter((contact) => known.has(contact.extension)).map(toRow);
  if (rows.length === 0) return;
  await tx
    .insertInto('contact')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['extension', 'uri']).doUpdateSet((eb) => ({
        source: eb.ref('excluded.source'),
        instance: eb.ref('excluded.instance'),
        regId: eb.ref('excluded.regId'),
        callId: eb.ref('excluded.callId'),
        cseq: eb.ref('excluded.cseq'),
        expiresAt: eb.ref('excluded.expiresAt'),
        q: eb.ref('excluded.q'),
        userAgent: eb.ref('excluded.userAgent'),
        path: eb.ref('excluded.path'),
        updatedAt: eb.ref('excluded.updatedAt'),
      })),
    )
    .execute();
}

/** The columns and no more: a caller's object may carry fields of its own. */
function toRow(contact: Contact): Contact {
  const { extension, uri, source, instance, regId, callId, cseq, expiresAt, q, userAgent, path, updatedAt } = contact;
  return { extension, uri, source, instance, regId, callId, cseq, expiresAt, q, userAgent, path, updatedAt };
}

/** Drivers may hand out 64-bit integers as text. */
function fromRow(row: Contact): Contact {
  return {
    ...row,
    regId: row.regId === null ? null : Number(row.regId),
    cseq: Number(row.cseq),
    expiresAt: Number(row.expiresAt),
    updatedAt: Number(row.updatedAt),
  };
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
