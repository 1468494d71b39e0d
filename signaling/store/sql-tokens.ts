/** Tokens of the API over SQL. */
import { OffhookError } from '../errors';
import type { Access } from './sql-store';
import type { Token, Tokens } from './types';

export function sqlTokens({ db }: Access): Tokens {
  return {
    async byDigest(digest) {
      const row = await db().selectFrom('token').selectAll().where('digest', '=', digest).executeTakeFirst();
      return row && fromRow(row);
    },

    async list() {
      return (await db().selectFrom('token').selectAll().orderBy('name').execute()).map(fromRow);
    },

    async add(token) {
      const insert = db().insertInto('token').values(token).onConflict((conflict) => conflict.column('name').doNothing());
      const { numInsertedOrUpdatedRows: added } = await insert.executeTakeFirst();
      if (!added) throw new OffhookError('store.token-exists', { name: token.name });
    },

    async remove(name) {
      const { numDeletedRows: removed } = await db().deleteFrom('token').where('name', '=', name).executeTakeFirst();
      return removed > 0n;
    },
  };
}

const fromRow = (row: Token): Token => ({ ...row, createdAt: Number(row.createdAt) });
