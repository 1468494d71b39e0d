/** Text messages that wait for their phones, over SQL. */
import type { Access } from './sql-store';
import type { TextMessage, TextMessages } from './text-types';

export function sqlTexts({ db, atomically }: Access): TextMessages {
  const queued = (to: string) => db().selectFrom('textMessage').selectAll().where('state', '=', 'queued').where('to', '=', to);
  return {
    async add(message, max) {
      return atomically(async (tx) => {
        const waiting = tx.selectFrom('textMessage').select(({ fn }) => fn.countAll().as('count')).where('state', '=', 'queued');
        const { count: here } = await waiting.where('to', '=', message.to).executeTakeFirstOrThrow();
        const { count: bySender } = await waiting.where('from', '=', message.from).executeTakeFirstOrThrow();
        if (Number(here) >= max.each || Number(bySender) >= max.bySender) return false;
        await tx.insertInto('textMessage').values(message).execute();
        return true;
      });
    },

    async get(id) {
      const row = await db().selectFrom('textMessage').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },

    async list({ from, to, state, after, limit } = {}) {
      let query = db().selectFrom('textMessage').selectAll().orderBy('id', 'desc');
      if (from !== undefined) query = query.where('from', '=', from);
      if (to !== undefined) query = query.where('to', '=', to);
      if (state !== undefined) query = query.where('state', '=', state);
      if (after !== undefined) query = query.where('id', '<', after);
      if (limit !== undefined) query = query.limit(limit);
      return (await query.execute()).map(fromRow);
    },

    async next(to) {
      const row = await queued(to).orderBy('id').limit(1).executeTakeFirst();
      return row && fromRow(row);
    },

    async waiting() {
      const rows = await db().selectFrom('textMessage').select('to').distinct().where('state', '=', 'queued').execute();
      return rows.map(({ to }) => to);
    },

    async tried(id, end) {
      const update = db().updateTable('textMessage').set(({ eb }) => ({ tries: eb('tries', '+', 1), ...end })).where('id', '=', id).where('state', '=', 'queued');
      const { numUpdatedRows: updated } = await update.executeTakeFirst();
      return updated > 0n;
    },

    async expire(before, endedAt) {
      return atomically(async (tx) => {
        const rows = await tx.selectFrom('textMessage').selectAll().where('state', '=', 'queued').where('receivedAt', '<', before).orderBy('id').execute();
        if (rows.length > 0) await tx.updateTable('textMessage').set({ state: 'expired', endedAt }).where('state', '=', 'queued').where('receivedAt', '<', before).execute();
        return rows.map((row) => fromRow({ ...row, state: 'expired', endedAt }));
      });
    },

    async forget(before) {
      await db().deleteFrom('textMessage').where('state', '!=', 'queued').where('endedAt', '<', before).execute();
    },
  };
}

/** Drivers may hand out 64-bit integers as text. */
const fromRow = (row: TextMessage): TextMessage => ({ ...row, receivedAt: Number(row.receivedAt), tries: Number(row.tries), endedAt: row.endedAt === null ? null : Number(row.endedAt) });
