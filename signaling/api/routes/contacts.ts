/** Where phones are registered now. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import { linkNext, pageOf, wanted } from '../paging';
import type { Api } from '../routes';
import { isoTime, next, noContent, page, time } from '../schemas';

const contact = z.object({
  id: z.string().describe('Of this contact, as long as it is registered'),
  extension: z.string(),
  uri: z.string().describe('As registered'),
  source: z.string().describe('The flow it came over: udp:192.0.2.7:5060'),
  userAgent: z.string().nullable(),
  instance: z.string().nullable().describe('The device (RFC 5626)'),
  q: z.number(),
  expiresAt: time,
  updatedAt: time,
});
const contacts = z.object({ contacts: z.array(contact), next });
const filtered = page.extend({ extension: z.string().min(1).max(300).optional().describe('Of this one only') });
const one = z.object({ extension: z.string().min(1).max(300), id: z.string().min(1).max(100) });

type Viewed = Omit<z.output<typeof contact>, 'expiresAt' | 'updatedAt'> & { expiresAt: number; updatedAt: number };

/** Times are Unix milliseconds. */
export interface ContactsView {
  /** The preferred first. */
  of(extension: string): Viewed[];
  /** Extensions that have any, in the order of their text: those behind `after`. */
  extensions(page: { after: string | undefined; limit: number }): string[];
  /** False: there is none. */
  drop(extension: string, id: string): boolean;
}

export function contactRoutes(api: Api, view: ContactsView): void {
  const shown = (found: readonly Viewed[]): Array<z.output<typeof contact>> => found.map((one) => ({ ...one, expiresAt: isoTime(one.expiresAt), updatedAt: isoTime(one.updatedAt) }));

  api.get(
    '/api/v1/contacts',
    { config: { scope: 'read' }, schema: { summary: 'Where phones are registered; limit counts extensions', tags: ['contacts'], querystring: filtered, response: { 200: contacts } } },
    async ({ query }, reply) => {
      if (query.extension !== undefined) return { contacts: shown(view.of(query.extension)), next: null };
      const { items, next: more } = pageOf(view.extensions(wanted(query)), query, (number) => number);
      linkNext(reply, more);
      return { contacts: items.flatMap((number) => shown(view.of(number))), next: more };
    },
  );
  api.delete(
    '/api/v1/contacts/:extension/:id',
    { config: { scope: 'write' }, schema: { summary: 'Forget a registration; the phone may register again', tags: ['contacts'], params: one, response: { 204: noContent } } },
    async ({ params: { extension, id } }, reply) => {
      if (!view.drop(extension, id)) throw new OffhookError('contact.not-found', { number: extension, id });
      return reply.code(204).send(null);
    },
  );
}
