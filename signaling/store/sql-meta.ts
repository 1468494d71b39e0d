/** Facts about the data itself over SQL, e.g. the realm that passwords were made for. */
import type { Access } from './sql-store';
import type { Meta } from './types';

export function sqlMeta({ db }: Access): Meta {
  return {
    async get(key) {
      const row = await db().selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
      return row?.value;
    },

    async set(key, value) {
      await db()
        .insertInto('meta')
        .values({ key, value })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
        .execute();
    },
  };
}
