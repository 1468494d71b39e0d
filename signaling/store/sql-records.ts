/** Records of calls over SQL. */
import { sql, type ExpressionBuilder } from 'kysely';
import type { CallRecordRow, Schema } from './schema';
import type { Access } from './sql-store';
import type { CallDetails, CallRecordRows, CallRow } from './record-types';

/** Rows in one statement: databases bound the values in one. */
const AT_ONCE = 50;

export function sqlRecords({ db, atomically }: Access): CallRecordRows {
  return {
    async add(rows) {
      if (rows.length === 0) return;
      await atomically(async (tx) => {
        for (let at = 0; at < rows.length; at += AT_ONCE) {
          const values = rows.slice(at, at + AT_ONCE).map(toRow);
          await tx.insertInto('callRecord').values(values).onConflict((conflict) => conflict.column('id').doNothing()).execute();
        }
      });
    },

    async get(id) {
      const row = await db().selectFrom('callRecord').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },

    async list({ from, to, number, tenant, since, until, cause, answered, service, text, behind, limit } = {}) {
      let query = db().selectFrom('callRecord').selectAll().orderBy('startedAt', 'desc').orderBy('id', 'desc');
      if (from !== undefined) query = query.where('from', '=', from);
      if (to !== undefined) query = query.where('to', '=', to);
      if (number !== undefined) query = query.where((eb) => eb.or([eb('from', '=', number), eb('to', '=', number)]));
      if (tenant !== undefined) query = query.where('tenant', '=', tenant);
      if (since !== undefined) query = query.where('startedAt', '>=', since);
      if (until !== undefined) query = query.where('startedAt', '<', until);
      if (cause !== undefined) query = query.where('cause', '=', cause);
      if (answered !== undefined) query = query.where('answeredAt', answered ? 'is not' : 'is', null);
      if (service !== undefined) query = query.where('service', '=', service);
      if (text !== undefined) query = query.where((eb) => eb.or((['id', 'from', 'to', 'details'] as const).map((column) => has(eb, column, text))));
      if (behind !== undefined) query = query.where((eb) => eb.or([eb('startedAt', '<', behind.startedAt), eb.and([eb('startedAt', '=', behind.startedAt), eb('id', '<', behind.id)])]));
      if (limit !== undefined) query = query.limit(limit);
      return (await query.execute()).map(fromRow);
    },

    async count() {
      const { count } = await db().selectFrom('callRecord').select((eb) => eb.fn.countAll().as('count')).executeTakeFirstOrThrow();
      return Number(count);
    },

    async forget(before, limit) {
      const old = db().selectFrom('callRecord').select('id').where('startedAt', '<', before).orderBy('startedAt').limit(limit);
      const { numDeletedRows } = await db().deleteFrom('callRecord').where('id', 'in', old).executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}

function has(eb: ExpressionBuilder<Schema, 'callRecord'>, column: 'id' | 'from' | 'to' | 'details', text: string) {
  const pattern = `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
  return sql<boolean>`lower(${eb.ref(column)}) like ${pattern} escape '\\'`;
}

const toRow = ({ details, ...row }: CallRow): CallRecordRow => ({ ...row, details: JSON.stringify(details) });

/** Drivers may hand out 64-bit integers as text. */
const fromRow = ({ details, ...row }: CallRecordRow): CallRow => ({
  ...row,
  startedAt: Number(row.startedAt),
  answeredAt: row.answeredAt === null ? null : Number(row.answeredAt),
  endedAt: Number(row.endedAt),
  details: JSON.parse(details) as CallDetails,
});
