/** Short messages that were kept for somebody who could not be reached, and what became of them. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import type { TextMessage, TextMessages } from '../../store/store';
import { linkNext, pageOf } from '../paging';
import type { Api } from '../routes';
import { isoTime, next, page, time } from '../schemas';

const states = z.enum(['queued', 'delivered', 'failed', 'expired']);
const message = z.object({
  id: z.string(),
  from: z.string(),
  fromName: z.string().nullable(),
  to: z.string(),
  contentType: z.string(),
  body: z.string(),
  state: states.describe('Failed: a phone refused it'),
  tries: z.int().describe('How often it was sent to phones'),
  receivedAt: time,
  endedAt: time.nullable().describe('When it was delivered, refused, or expired; null: it is queued'),
});
const messages = z.object({ messages: z.array(message).describe('The newest first'), next });
const number = z.string().min(1).max(300).optional();
const filter = page.extend({ from: number, to: number, state: states.optional() });
const one = z.object({ id: z.string().min(1).max(100) });

export type MessagesView = Pick<TextMessages, 'get' | 'list'>;

export function messageRoutes(api: Api, view: MessagesView): void {
  const shown = ({ receivedAt, endedAt, ...rest }: TextMessage): z.output<typeof message> => ({ ...rest, receivedAt: isoTime(receivedAt), endedAt: endedAt === null ? null : isoTime(endedAt) });
  const tags = ['messages'];

  api.get('/api/v1/messages', { config: { scope: 'read' }, schema: { summary: 'Short messages that were kept', tags, querystring: filter, response: { 200: messages } } }, async ({ query }, reply) => {
    const { from, to, state, cursor, limit } = query;
    const { items, next: more } = pageOf(await view.list({ from, to, state, after: cursor, limit: limit + 1 }), query, ({ id }) => id);
    linkNext(reply, more);
    return { messages: items.map(shown), next: more };
  });
  api.get('/api/v1/messages/:id', { config: { scope: 'read' }, schema: { summary: 'A short message', tags, params: one, response: { 200: message } } }, async ({ params: { id } }) => {
    const found = await view.get(id);
    if (!found) throw new OffhookError('message.not-found', { id });
    return shown(found);
  });
}
