/** Lists in pages: what is asked for, and where it goes on. */
import type { FastifyReply } from 'fastify';

export interface Asked {
  limit: number;
  cursor?: string | undefined;
}

/** One more than wanted tells whether there is more. */
export const wanted = ({ limit, cursor }: Asked): { after: string | undefined; limit: number } => ({ after: cursor, limit: limit + 1 });

/** @param found as `wanted` asked */
export function pageOf<T>(found: readonly T[], { limit }: Asked, keyOf: (one: T) => string): { items: readonly T[]; next: string | null } {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, next: found.length > limit && last !== undefined ? keyOf(last) : null };
}

/** Link (RFC 8288): the same question, further on. */
export function linkNext(reply: FastifyReply, next: string | null): void {
  if (next === null) return;
  const url = new URL(reply.request.url, 'http://offhook');
  url.searchParams.set('cursor', next);
  reply.header('link', `<${url.pathname}${url.search}>; rel="next"`);
}
