/** Events that wait for their webhooks, or were given up, over SQL. */
import type { Access } from './sql-store';
import type { Deliveries, Delivery } from './delivery-types';

export function sqlDeliveries({ db, atomically }: Access): Deliveries {
  return {
    async write(puts, removes) {
      await atomically(async (tx) => {
        for (const { hook, event } of removes) await tx.deleteFrom('delivery').where('hook', '=', hook).where('event', '=', event).execute();
        for (const row of puts) {
          const { state, tries, createdAt, endedAt, problem } = row;
          await tx.insertInto('delivery').values(row).onConflict((conflict) => conflict.columns(['hook', 'event']).doUpdateSet({ state, tries, createdAt, endedAt, problem })).execute();
        }
      });
    },

    async hooks() {
      return (await db().selectFrom('delivery').select('hook').distinct().orderBy('hook').execute()).map(({ hook }) => hook);
    },

    async list({ hook, state, after, limit }) {
      let query = db().selectFrom('delivery').selectAll().where('hook', '=', hook).where('state', '=', state).orderBy('event').limit(limit);
      if (after !== undefined) query = query.where('event', '>', after);
      return (await query.execute()).map(fromRow);
    },

    async forget(hook) {
      await db().deleteFrom('delivery').where('hook', '=', hook).execute();
    },

    async sweep(before, most) {
      await atomically(async (tx) => {
        await tx.deleteFrom('delivery').where('state', '=', 'dead').where('endedAt', '<', before).execute();
        const hooks = await tx.selectFrom('delivery').select('hook').distinct().where('state', '=', 'dead').execute();
        for (const { hook } of hooks) {
          const last = await tx.selectFrom('delivery').select('event').where('hook', '=', hook).where('state', '=', 'dead').orderBy('event', 'desc').limit(1).offset(most).executeTakeFirst();
          if (last) await tx.deleteFrom('delivery').where('hook', '=', hook).where('state', '=', 'dead').where('event', '<=', last.event).execute();
        }
      });
    },
  };
}

/** Drivers may hand out 64-bit integers as text. */
const fromRow = (row: Delivery): Delivery => ({ ...row, event: Number(row.event), tries: Number(row.tries), createdAt: Number(row.createdAt), endedAt: row.endedAt === null ? null : Number(row.endedAt) });
