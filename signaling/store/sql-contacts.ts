/**
 * Contacts over SQL. Written in batches: a busy registrar hands over what changed since the last one, many times a second. So statements are
 * put together once for each number of rows, and numbers of rows are powers of two: eleven rows are a statement of eight, one of two and one of one.
 */
import type { CompiledQuery, Kysely } from 'kysely';
import type { Schema } from './schema';
import type { Access } from './sql-store';
import type { Contact, ContactKey, Contacts } from './types';

/** Rows a statement, a power of two. Twelve columns each: under every database's limit of parameters (SQLite's is 32766). */
const ROWS_PUT = 128;
/** An OR for each row: SQLite allows expressions 1000 deep. */
const ROWS_REMOVED = 100;

const KEY = ['extension', 'uri'] as const;
const REST = ['source', 'instance', 'regId', 'callId', 'cseq', 'expiresAt', 'q', 'userAgent', 'path', 'updatedAt'] as const;
/** The columns and no more: a caller's object may carry fields of its own. */
const COLUMNS = [...KEY, ...REST] as const;

export function sqlContacts({ db, atomically }: Access): Contacts {
  const statements = new Statements();
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
        // One row a key: PostgreSQL refuses to update a row twice in one statement. A NUL is in no number.
        const last = new Map(put.map((contact) => [`${contact.extension}\0${contact.uri}`, contact]));
        await putRows(tx, statements, [...last.values()]);
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

async function putRows(tx: Kysely<Schema>, statements: Statements, contacts: readonly Contact[]): Promise<void> {
  const numbers = [...new Set(contacts.map((contact) => contact.extension))];
  const known = new Set<string>();
  for (const some of chunks(numbers, ROWS_PUT)) {
    const found = await tx.executeQuery(withParameters(statements.existing(tx, powerOfTwoFrom(some.length)), padded(some)));
    for (const { number } of found.rows) known.add(number);
  }
  let rows = contacts.filter((contact) => known.has(contact.extension));
  while (rows.length > 0) {
    const count = Math.min(ROWS_PUT, powerOfTwoUpTo(rows.length));
    const parameters = rows.slice(0, count).flatMap((contact) => COLUMNS.map((column) => contact[column]));
    await tx.executeQuery(withParameters(statements.put(tx, count), parameters));
    rows = rows.slice(count);
  }
}

/** By number of rows. Their parameters are stand-ins. */
class Statements {
  private readonly puts = new Map<number, CompiledQuery>();
  private readonly questions = new Map<number, CompiledQuery<{ number: string }>>();

  /** Which of so many extensions there are. */
  existing(db: Kysely<Schema>, count: number): CompiledQuery<{ number: string }> {
    let query = this.questions.get(count);
    if (!query) {
      query = db.selectFrom('extension').select('number').where('number', 'in', new Array<string>(count).fill('')).compile();
      this.questions.set(count, query);
    }
    return query;
  }

  put(db: Kysely<Schema>, count: number): CompiledQuery {
    let query = this.puts.get(count);
    if (!query) {
      const row: Contact = { extension: '', uri: '', source: '', instance: '', regId: 0, callId: '', cseq: 0, expiresAt: 0, q: 0, userAgent: '', path: '', updatedAt: 0 };
      query = db
        .insertInto('contact')
        .values(new Array<Contact>(count).fill(Object.fromEntries(COLUMNS.map((column) => [column, row[column]])) as unknown as Contact))
        .onConflict((conflict) => conflict.columns([...KEY]).doUpdateSet((eb) => Object.fromEntries(REST.map((column) => [column, eb.ref(`excluded.${column}`)]))))
        .compile();
      this.puts.set(count, query);
    }
    return query;
  }
}

function withParameters<R>(query: CompiledQuery<R>, parameters: readonly unknown[]): CompiledQuery<R> {
  if (parameters.length !== query.parameters.length) throw new RangeError(`${parameters.length} parameters for ${query.parameters.length}`);
  return { ...query, parameters };
}

const powerOfTwoUpTo = (n: number): number => 2 ** (31 - Math.clz32(n));
const powerOfTwoFrom = (n: number): number => 2 ** (32 - Math.clz32(n - 1));

/** As many as a statement for them takes: the last one is asked for again. */
function padded(numbers: readonly string[]): string[] {
  const count = powerOfTwoFrom(numbers.length);
  return [...numbers, ...new Array<string>(count - numbers.length).fill(numbers.at(-1) as string)];
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
