/** Recorded calls over SQL. */
import type { Access } from './sql-store';
import type { Recording, Recordings } from './types';

export function sqlRecordings({ db }: Access): Recordings {
  return {
    async add({ id, callId, from, to, startedAt, durationMs, file, bytes, state, problem }) {
      await db().insertInto('recording').values({ id, callId, from, to, startedAt, durationMs, file, bytes, state, problem }).execute();
    },

    async end(id, { durationMs, bytes, state, problem }) {
      const update = db().updateTable('recording').set({ durationMs, bytes, state, problem }).where('id', '=', id);
      const { numUpdatedRows: updated } = await update.executeTakeFirst();
      return updated > 0n;
    },

    async get(id) {
      const row = await db().selectFrom('recording').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },

    async list({ from, to, since, before, state, behind, limit } = {}) {
      let query = db().selectFrom('recording').selectAll().orderBy('startedAt', 'desc').orderBy('id', 'desc');
      if (from !== undefined) query = query.where('from', '=', from);
      if (to !== undefined) query = query.where('to', '=', to);
      if (since !== undefined) query = query.where('startedAt', '>=', since);
      if (before !== undefined) query = query.where('startedAt', '<', before);
      if (state !== undefined) query = query.where('state', '=', state);
      if (behind !== undefined) query = query.where((eb) => eb.or([eb('startedAt', '<', behind.startedAt), eb.and([eb('startedAt', '=', behind.startedAt), eb('id', '<', behind.id)])]));
      if (limit !== undefined) query = query.limit(limit);
      return (await query.execute()).map(fromRow);
    },

    async remove(id) {
      const { numDeletedRows: removed } = await db().deleteFrom('recording').where('id', '=', id).executeTakeFirst();
      return removed > 0n;
    },
  };
}

/** Drivers may hand out 64-bit integers as text. */
function fromRow(row: Recording): Recording {
  return { ...row, startedAt: Number(row.startedAt), durationMs: Number(row.durationMs), bytes: Number(row.bytes) };
}
