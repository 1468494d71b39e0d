/** What can be set, over SQL: one table for all kinds, since what a kind is made of is known at the door only. */
import { type Selectable, sql } from 'kysely';
import { paged } from './page';
import type { ItemRow } from './schema';
import type { Access } from './sql-store';
import type { Item, Items } from './types';

export function sqlItems({ db }: Access): Items {
  return {
    async get(kind, key) {
      const row = await db().selectFrom('item').selectAll().where('kind', '=', kind).where('key', '=', key).executeTakeFirst();
      return row && fromRow(row);
    },

    async list(kind, page) {
      return (await paged(db().selectFrom('item').selectAll().where('kind', '=', kind), 'key', page).execute()).map(fromRow);
    },

    async all() {
      const rows = await db().selectFrom('item').selectAll().orderBy('kind').orderBy(sql`length(key)`).orderBy('key').execute();
      return rows.map(fromRow);
    },

    async put({ kind, key, value, updatedAt }, dialled) {
      const row = { value: JSON.stringify(value), dialled: dialled ? key : null, updatedAt };
      await db()
        .insertInto('item')
        .values({ kind, key, ...row })
        .onConflict((conflict) => conflict.columns(['kind', 'key']).doUpdateSet(row))
        .execute();
    },

    async dialled(number) {
      const row = await db().selectFrom('item').selectAll().where('dialled', '=', number).executeTakeFirst();
      return row && fromRow(row);
    },

    async remove(kind, key) {
      const { numDeletedRows: removed } = await db().deleteFrom('item').where('kind', '=', kind).where('key', '=', key).executeTakeFirst();
      return removed > 0n;
    },
  };
}

const fromRow = ({ kind, key, value, updatedAt }: Selectable<ItemRow>): Item => ({ kind, key, value: JSON.parse(value) as unknown, updatedAt: Number(updatedAt) });
