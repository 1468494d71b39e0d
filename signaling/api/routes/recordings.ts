/** Recorded calls. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import type { Recording, RecordingFilter } from '../../store/store';
import { linkNext, pageOf } from '../paging';
import type { Api } from '../routes';
import { isoTime, next, noContent, page, time } from '../schemas';
import { sendSound, soundResponse } from '../sound';

const recording = z.object({
  id: z.string(),
  callId: z.string().describe('Of the call'),
  from: z.string(),
  to: z.string(),
  startedAt: time,
  durationMs: z.int().describe('0 while it is being recorded'),
  bytes: z.int(),
  state: z.enum(['recording', 'done', 'failed']),
  problem: z.string().nullable().describe('Why it failed'),
});
const recordings = z.object({ recordings: z.array(recording).describe('The newest first'), next });
const filter = page.extend({
  from: z.string().min(1).max(300).optional(),
  to: z.string().min(1).max(300).optional(),
  since: z.iso.datetime({ offset: true }).optional().describe('Begun then or later'),
  before: z.iso.datetime({ offset: true }).optional().describe('Begun before that'),
  state: z.enum(['recording', 'done', 'failed']).optional(),
  cursor: z.string().regex(/^\d{1,15}\/.{1,100}$/, 'must be `next` of the page before').optional().describe('`next` of the page before'),
});
const one = z.object({ id: z.string().min(1).max(100) });

export interface RecordingsView {
  list(filter: RecordingFilter): Promise<Recording[]>;
  get(id: string): Promise<Recording | undefined>;
  /** Absolute. */
  file(recording: Recording): string;
  /** With its file. Errors: `recording.not-removed`. */
  remove(recording: Recording): Promise<void>;
}

export function recordingRoutes(api: Api, view: RecordingsView): void {
  const shown = ({ file: _file, startedAt, ...rest }: Recording): z.output<typeof recording> => ({ ...rest, startedAt: isoTime(startedAt) });
  const find = async (id: string): Promise<Recording> => {
    const found = await view.get(id);
    if (!found) throw new OffhookError('recording.not-found', { id });
    return found;
  };
  /** It is over. */
  const whole = async (id: string): Promise<Recording> => {
    const found = await find(id);
    if (found.state === 'recording') throw new OffhookError('recording.running', { id });
    return found;
  };
  const tags = ['recordings'];
  const path = '/api/v1/recordings/:id';
  const ms = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));

  api.get('/api/v1/recordings', { config: { scope: 'read' }, schema: { summary: 'Recorded calls', tags, querystring: filter, response: { 200: recordings } } }, async ({ query }, reply) => {
    const { from, to, since, before, state, cursor, limit } = query;
    const [, at, id] = /^(\d+)\/(.+)$/.exec(cursor ?? '') ?? [];
    const behind = at === undefined || id === undefined ? undefined : { startedAt: Number(at), id };
    const found = await view.list({ from, to, since: ms(since), before: ms(before), state, behind, limit: limit + 1 });
    const { items, next: more } = pageOf(found, query, (last) => `${last.startedAt}/${last.id}`);
    linkNext(reply, more);
    return { recordings: items.map(shown), next: more };
  });
  api.get(path, { config: { scope: 'read' }, schema: { summary: 'A recorded call', tags, params: one, response: { 200: recording } } }, async ({ params: { id } }) => shown(await find(id)));
  api.get(`${path}/sound`, { config: { scope: 'read' }, schema: { summary: 'What was said: the caller left, the callee right', tags, params: one, response: { 200: soundResponse } } }, async (request, reply) => {
    const found = await whole(request.params.id);
    return sendSound(request, reply, view.file(found), `recording-${found.id}`) as never;
  });
  api.delete(path, { config: { scope: 'write' }, schema: { summary: 'Remove a recording with its file; 409: it is not over', tags, params: one, response: { 204: noContent } } }, async ({ params: { id } }, reply) => {
    await view.remove(await whole(id));
    return reply.code(204).send(null);
  });
}
