/** A part of a list that is ordered by a key: shorter ones first, then by their characters. */
import { type Expression, expressionBuilder, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Page } from './types';

interface Pageable<Q> {
  orderBy(column: RawBuilder<unknown>): Q;
  where(condition: Expression<SqlBool>): Q;
  limit(count: number): Q;
}

/** @param column that the rows are known by */
export function paged<Q extends Pageable<Q>>(query: Q, column: string, { after, limit }: Page = {}): Q {
  const key = sql.ref<string>(column);
  let page = query.orderBy(sql`length(${key})`).orderBy(sql`${key}`);
  if (after !== undefined) {
    const { or, and } = expressionBuilder<never, never>();
    page = page.where(or([sql<boolean>`length(${key}) > length(${after})`, and([sql<boolean>`length(${key}) = length(${after})`, sql<boolean>`${key} > ${after}`])]));
  }
  return limit === undefined ? page : page.limit(limit);
}
