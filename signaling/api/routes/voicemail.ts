/** Messages in mailboxes; what is set for a mailbox is under `/api/v1/mailboxes`. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import type { VoiceMessage } from '../../store/store';
import type { Api } from '../routes';
import { isoTime, noContent, time } from '../schemas';
import { sendSound, soundResponse } from '../sound';

const message = z.object({
  id: z.int(),
  state: z.enum(['recording', 'new', 'saved']).describe('Recording: somebody is speaking'),
  from: z.string(),
  fromName: z.string().nullable(),
  receivedAt: time,
  durationMs: z.int(),
});
const messages = z.object({ messages: z.array(message).describe('The oldest first') });
const box = z.object({ number: z.string().min(1).max(300) });
const one = box.extend({ id: z.coerce.number().int().min(1) });
const filter = z.object({ state: z.enum(['recording', 'new', 'saved']).optional() });
const marked = z.strictObject({ state: z.enum(['new', 'saved']).describe('Saved: it was heard') }).meta({ examples: [{ state: 'saved' }] });

export interface VoicemailView {
  /** Undefined: there is no such extension. */
  messages(number: string): Promise<VoiceMessage[] | undefined>;
  get(number: string, id: number): Promise<VoiceMessage | undefined>;
  /** Absolute. */
  file(message: VoiceMessage): string;
  /** False: it is not there any more. */
  mark(message: VoiceMessage, state: 'new' | 'saved'): Promise<boolean>;
  remove(message: VoiceMessage): Promise<void>;
}

export function voicemailRoutes(api: Api, view: VoicemailView): void {
  const shown = ({ id, state, from, fromName, receivedAt, durationMs }: VoiceMessage): z.output<typeof message> => ({ id, state, from, fromName, receivedAt: isoTime(receivedAt), durationMs });
  const find = async ({ number, id }: z.output<typeof one>): Promise<VoiceMessage> => {
    const found = await view.get(number, id);
    if (!found) throw new OffhookError('mailbox.no-message', { number, id });
    return found;
  };
  /** Nobody is speaking it. */
  const whole = async (which: z.output<typeof one>): Promise<VoiceMessage> => {
    const found = await find(which);
    if (found.state === 'recording') throw new OffhookError('mailbox.running', which);
    return found;
  };
  const tags = ['voicemail'];
  const path = '/api/v1/mailboxes/:number/messages';

  api.get(path, { config: { scope: 'read' }, schema: { summary: 'Messages in a mailbox', tags, params: box, querystring: filter, response: { 200: messages } } }, async ({ params: { number }, query: { state } }) => {
    const found = await view.messages(number);
    if (!found) throw new OffhookError('store.not-found', { number });
    return { messages: found.filter((each) => state === undefined || each.state === state).map(shown) };
  });
  api.get(`${path}/:id`, { config: { scope: 'read' }, schema: { summary: 'A message', tags, params: one, response: { 200: message } } }, async ({ params }) => shown(await find(params)));
  api.get(`${path}/:id/sound`, { config: { scope: 'read' }, schema: { summary: 'What was said', tags, params: one, response: { 200: soundResponse } } }, async (request, reply) => {
    const found = await whole(request.params);
    return sendSound(request, reply, view.file(found), `message-${found.mailbox}-${found.id}`) as never;
  });
  api.patch(`${path}/:id`, { config: { scope: 'write' }, schema: { summary: 'Mark a message as heard, or as new', tags, params: one, body: marked, response: { 200: message } } }, async ({ params, body }) => {
    await view.mark(await whole(params), body.state);
    return shown(await find(params));
  });
  api.delete(`${path}/:id`, { config: { scope: 'write' }, schema: { summary: 'Delete a message', tags, params: one, response: { 204: noContent } } }, async ({ params }, reply) => {
    await view.remove(await whole(params));
    return reply.code(204).send(null);
  });
}
