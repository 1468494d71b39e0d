/** Records of calls that ended, for as long as they are kept. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { OffhookError } from '../../errors';
import { csvOf } from '../../records-csv';
import type { CallFilter, CallRow } from '../../store/store';
import { linkNext, pageOf } from '../paging';
import type { Api } from '../routes';
import { isoTime, next, page, time } from '../schemas';
import { asItIs } from '../serializers';

const when = time.nullable();
const measured = z.number().nullable();
const leg = z.object({
  side: z.enum(['caller', 'callee']),
  party: z.string().describe('The number whose phone it is'),
  callId: z.string().nullable().describe('Of its SIP dialog'),
  address: z.string(),
  userAgent: z.string().nullable(),
  startedAt: time,
  rangAt: when,
  answeredAt: when,
  endedAt: time,
  cause: z.string(),
  codec: z.string().nullable(),
  srtp: z.string().nullable().describe('The suite; null: plain RTP, or not known'),
  sound: z
    .object({
      received: z.object({ packets: z.int(), lost: z.int(), late: z.int(), jitterMs: measured, mos: measured.describe('How it sounds, 1 to 4.5 (ITU-T G.107)') }),
      sent: z.object({ packets: z.int(), lost: measured, jitterMs: measured, roundTripMs: measured }).describe('As far as the phone has reported'),
    })
    .nullable()
    .describe('Null: no media passed here'),
});
const text = z.string().nullable();
const record = z.object({
  id: z.string(),
  tenant: z.string().describe('Empty: the first one'),
  from: z.string(),
  fromName: text,
  to: z.string(),
  toName: text,
  startedAt: time,
  answeredAt: when,
  endedAt: time,
  service: text.describe('The service that had the call'),
  cause: z.string(),
  q850: z.int().nullable(),
  status: z.int().nullable().describe('SIP status that the caller was told; null: the call was answered'),
  reason: z.string(),
  endedBy: z.enum(['caller', 'callee', 'system']),
  postDialDelayMs: measured.describe('From the INVITE until it rang, or was answered without'),
  originatedBy: text,
  parkedBy: text,
  pickedUpBy: text,
  transferredBy: text,
  transferredTo: text,
  forwarded: z.array(z.object({ by: z.string(), why: z.string() })),
  through: text.describe('The group, queue or extension that was rung for, when `to` answered in its place'),
  rung: z.array(z.string()).describe('Whose phones rang, or were to'),
  legs: z.array(leg),
  recordings: z.array(z.string()),
  trunk: z.string().optional(),
  route: z.string().optional(),
  cost: z.object({ amount: z.number(), currency: z.string() }).optional(),
});
const records = z.object({ records: z.array(record).describe('The newest first'), next });
const number = z.string().min(1).max(300).optional();
const asked = {
  from: number,
  to: number,
  number: number.describe('From or to it'),
  tenant: z.string().max(253).optional(),
  since: z.iso.datetime({ offset: true }).optional().describe('Begun then or later'),
  until: z.iso.datetime({ offset: true }).optional().describe('Begun before that'),
  cause: z.string().min(1).max(64).optional(),
  answered: z.enum(['true', 'false']).optional(),
  service: z.string().min(1).max(64).optional(),
  text: z.string().min(1).max(100).optional().describe('Somewhere in it'),
};
const filter = page.extend({ ...asked, cursor: z.string().regex(/^\d{1,15}\/.{1,100}$/, 'must be `next` of the page before').optional().describe('`next` of the page before') });
const whole = z.object(asked);
const one = z.object({ id: z.string().min(1).max(100) });

export interface RecordsView {
  list(filter: CallFilter): Promise<CallRow[]>;
  get(id: string): Promise<CallRow | undefined>;
}

export function recordRoutes(api: Api, view: RecordsView): void {
  const tags = ['records'];
  const config = { scope: 'read' } as const;

  api.get('/api/v1/records', { config, schema: { summary: 'Records of calls that ended', tags, querystring: filter, response: { 200: records } }, serializerCompiler: asItIs }, async ({ query }, reply) => {
    const { cursor, limit } = query;
    const [, at, id] = /^(\d+)\/(.+)$/.exec(cursor ?? '') ?? [];
    const behind = at === undefined || id === undefined ? undefined : { startedAt: Number(at), id };
    const found = await view.list({ ...wanted(query), behind, limit: limit + 1 });
    const { items, next: more } = pageOf(found, query, (last) => `${last.startedAt}/${last.id}`);
    linkNext(reply, more);
    return { records: items.map(recordShown), next: more };
  });
  api.get('/api/v1/records/:id', { config, schema: { summary: 'The record of a call', tags, params: one, response: { 200: record } }, serializerCompiler: asItIs }, async ({ params: { id } }) => {
    const found = await view.get(id);
    if (!found) throw new OffhookError('record.not-found', { id });
    return recordShown(found);
  });
  api.get('/api/v1/records.csv', { config, schema: { summary: 'The same as a table (RFC 4180), all of it', tags, querystring: whole, response: { 200: z.any().describe('text/csv') } } }, async ({ query }, reply) => {
    const lines = csvOf((behind, limit) => view.list({ ...wanted(query), behind, limit }));
    return reply.type('text/csv; charset=utf-8; header=present').header('content-disposition', 'attachment; filename="records.csv"').send(Readable.from(lines)) as never;
  });
}

const ms = (time_: string | undefined): number | undefined => (time_ === undefined ? undefined : Date.parse(time_));

function wanted({ from, to, number: either, tenant, since, until, cause, answered, service, text: part }: z.output<typeof whole>): CallFilter {
  return { from, to, number: either, tenant, since: ms(since), until: ms(until), cause, answered: answered === undefined ? undefined : answered === 'true', service, text: part };
}

const orNull = (at: number | null): string | null => (at === null ? null : isoTime(at));

/** As people and programs see it. */
export function recordShown({ details, startedAt, answeredAt, endedAt, ...row }: CallRow): z.output<typeof record> {
  const legs = details.legs.map((each) => ({ ...each, startedAt: isoTime(each.startedAt), rangAt: orNull(each.rangAt), answeredAt: orNull(each.answeredAt), endedAt: isoTime(each.endedAt) }));
  return { ...row, startedAt: isoTime(startedAt), answeredAt: orNull(answeredAt), endedAt: isoTime(endedAt), ...details, forwarded: [...details.forwarded], rung: [...details.rung], recordings: [...details.recordings], legs };
}
