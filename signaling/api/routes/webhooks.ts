/** How webhooks are doing, and what could not be sent; what they are is set as every kind is. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import { linkNext, pageOf } from '../paging';
import type { Api } from '../routes';
import { isoTime, next, noContent, page, time } from '../schemas';

const state = z.object({
  name: z.string(),
  state: z.enum(['fine', 'failing', 'gone', 'off']).describe('gone: it has answered 410, and is sent nothing until it is changed'),
  waiting: z.int().describe('Events that are not sent yet'),
  delivered: z.int().describe('Since the start'),
  failed: z.int().describe('Attempts that failed'),
  buried: z.int().describe('Events that were given up: dead letters'),
  problem: z.string().nullable().describe('What went wrong last; null: the last event was taken'),
  failingSince: time.nullable(),
  nextAt: time.nullable().describe('When it is tried again'),
});
export const webhookStates = z.object({ webhooks: z.array(state) });
export type WebhookStates = z.output<typeof webhookStates>;
const tested = z.object({ status: z.int().nullable().describe('What it answered; null: nothing'), problem: z.string().nullable(), tookMs: z.int() });
export type WebhookTest = z.output<typeof tested>;
const letter = z.object({ event: z.int().describe('Its id'), type: z.string(), tries: z.int(), problem: z.string().nullable().describe('What went wrong last'), createdAt: time, endedAt: time.nullable().describe('When it was given up'), body: z.record(z.string(), z.unknown()).describe('The event') });
const letters = z.object({ letters: z.array(letter).describe('The oldest first'), next });
export type DeadLetters = z.output<typeof letters>;
const some = z.strictObject({ events: z.array(z.int()).max(1000).optional().describe('Their ids; left out: all') });
const sent = z.object({ events: z.int().describe('How many') });
const one = z.object({ name: z.string().min(1).max(64) });
const oneLetter = one.extend({ event: z.coerce.number().int().min(0) });
const letterPage = page.extend({ cursor: z.coerce.number().int().min(0).optional().describe('`next` of the page before') });

type Timed<T, K extends keyof T> = Omit<T, K> & { [P in K]: T[P] extends string ? number : number | null };
type State = Timed<z.output<typeof state>, 'failingSince' | 'nextAt'>;
type Letter = Omit<Timed<z.output<typeof letter>, 'createdAt' | 'endedAt'>, 'body'> & { body: string };

export interface WebhooksView {
  list(): State[];
  /** Errors of the rest: `settings.not-found`. */
  test(name: string): Promise<WebhookTest>;
  dead(name: string, page: { after?: number | undefined; limit: number }): Promise<Letter[]>;
  /** Errors: `webhook.off`. */
  redeliver(name: string, events: readonly number[] | undefined): Promise<number>;
  removeDead(name: string, event: number): Promise<boolean>;
}

const orNull = (ms: number | null): string | null => (ms === null ? null : isoTime(ms));

export function webhookRoutes(api: Api, view: WebhooksView): void {
  const tags = ['webhooks'];
  const at = '/api/v1/webhooks/:name';
  api.get('/api/v1/webhook-states', { config: { scope: 'read' }, schema: { summary: 'How webhooks are doing', tags, response: { 200: webhookStates } } }, () => ({
    webhooks: view.list().map((hook) => ({ ...hook, failingSince: orNull(hook.failingSince), nextAt: orNull(hook.nextAt) })),
  }));
  api.post(`${at}/test`, { config: { scope: 'write' }, schema: { summary: 'Send an event of the type test, past those that wait', tags, params: one, response: { 200: tested } } }, ({ params }) => view.test(params.name));
  api.get(`${at}/dead-letters`, { config: { scope: 'read' }, schema: { summary: 'Events that were given up; the last thousand, thirty days', tags, params: one, querystring: letterPage, response: { 200: letters } } }, async ({ params, query: { limit, cursor } }, reply) => {
    const found = await view.dead(params.name, { after: cursor, limit: limit + 1 });
    const { items, next: more } = pageOf(found, { limit }, ({ event }) => String(event));
    linkNext(reply, more);
    const shown = items.map(({ event, type, tries, problem, createdAt, endedAt, body }) => ({ event, type, tries, problem, createdAt: isoTime(createdAt), endedAt: orNull(endedAt), body: JSON.parse(body) as Record<string, unknown> }));
    return { letters: shown, next: more };
  });
  api.post(`${at}/dead-letters/redeliver`, { config: { scope: 'write' }, schema: { summary: 'Send events that were given up again', tags, params: one, body: some, response: { 200: sent } } }, async ({ params, body }) => ({ events: await view.redeliver(params.name, body.events) }));
  api.delete(`${at}/dead-letters/:event`, { config: { scope: 'write' }, schema: { summary: 'Forget an event that was given up', tags, params: oneLetter, response: { 204: noContent } } }, async ({ params: { name, event } }, reply) => {
    if (!(await view.removeDead(name, event))) throw new OffhookError('webhook.no-letter', { name, event });
    return reply.code(204).send(null);
  });
}
