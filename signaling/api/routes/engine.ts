/** What the SIP engine counts, and the messages it remembers. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import type { Api } from '../routes';
import { count, counts, isoTime, time } from '../schemas';

const messages = z.record(z.string(), z.record(z.string(), counts)).describe('By transport, then by method (of a response: the one in its CSeq), then requests, 1xx … 6xx; what was never seen is missing');

export const engineStats = z.object({
  uptimeSeconds: z.number(),
  dialogs: count.describe('Early ones included'),
  connections: z.object({ total: count, byTransport: counts, halfOpen: count, rememberedFlows: count }),
  applications: z.object({ connections: count, authenticated: count, behind: count, waitingBytes: count }).describe('Programs on the control port'),
  transactions: z.object({ server: count, client: count, timers: count }).describe('Held now'),
  messages: z.object({ received: messages, sent: messages }),
  retransmissions: z.object({ requestsSent: count, responsesSent: count, answersSent: count, provisionalsSent: count, acksSent: count, requestsReceived: count }),
  timersFired: counts.describe('By their letters (RFC 3261 table 4, RFC 6026)'),
  transactionsEnded: z.record(z.string(), counts).describe('By kind, then by cause'),
  parseErrors: counts,
  overload: z
    .object({ share: z.number(), applicationShare: z.number(), busy: z.number(), began: count, refused: count, refusedForApplications: count, refusedAgain: count, emergencies: count })
    .nullable()
    .describe('Null: overload control is off'),
  capture: z.object({ sent: count, droppedWithoutAddress: count, droppedBehind: count, droppedTooLarge: count, failed: count }).nullable().describe('Null: there is no feed'),
  counters: z.object({ transport: counts, transactions: counts, core: counts, control: counts }).describe('Everything else that is counted, by layer'),
  process: z.object({
    memory: z.object({ residentBytes: count, heapBytes: count, externalBytes: count }),
    eventLoop: z.object({ p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number() }).describe('How late the application came to what it had to do in the last minute'),
  }),
});
export type EngineStats = z.output<typeof engineStats>;

const ladderMessage = z.object({
  at: time,
  direction: z.enum(['received', 'sent']),
  from: z.string(),
  to: z.string(),
  transport: z.string(),
  callId: z.string(),
  firstLine: z.string(),
  bytes: count.describe('Of the whole message'),
  again: z.boolean().describe('The same bytes went the same way before'),
  text: z.string().describe('Digest responses and keys of media are masked'),
  cut: z.boolean().describe('The text is only the beginning'),
});
export const ladder = z.object({ messages: z.array(ladderMessage), diagram: z.string() });

const rememberedCall = z.object({
  callId: z.string(),
  method: z.string(),
  from: z.string(),
  to: z.string(),
  firstAt: time,
  lastAt: time,
  messages: count,
  status: z.int().nullable().describe('Of the last response to this method; null: none is remembered'),
});
export const rememberedCalls = z.object({ calls: z.array(rememberedCall) });
export type RememberedCalls = z.output<typeof rememberedCalls>;

export interface EngineView {
  stats(): Promise<EngineStats>;
  /** Times are Unix milliseconds. */
  ladder(callIds: readonly string[], columns: number | undefined): Promise<{ messages: Array<Omit<z.output<typeof ladderMessage>, 'at'> & { at: number }>; diagram: string }>;
  /** The newest first. */
  ladderCalls(limit: number): Promise<Array<Omit<z.output<typeof rememberedCall>, 'firstAt' | 'lastAt' | 'status'> & { firstAt: number; lastAt: number; status: number | undefined }>>;
}

const callId = z.string().min(1).max(512);
const ladderQuery = z.object({
  call: z.union([callId, z.array(callId).max(50)]).describe('Call-IDs; a bridged call has one for each of its legs'),
  columns: z.coerce.number().int().min(80).max(120).optional().describe('Of the diagram; 100'),
});
const callsQuery = z.object({ limit: z.coerce.number().int().min(1).max(10_000).default(500) });

/** `view` undefined: the engine is a server of its own, and every route is 409. */
export function engineRoutes(api: Api, view: EngineView | undefined): void {
  const engine = (): EngineView => {
    if (!view) throw new OffhookError('engine.elsewhere', {});
    return view;
  };

  api.get('/api/v1/engine/stats', { config: { scope: 'read' }, schema: { summary: 'What the SIP engine counts', tags: ['engine'], response: { 200: engineStats } } }, () => engine().stats());

  api.get(
    '/api/v1/engine/ladder',
    { config: { scope: 'read' }, schema: { summary: 'The messages of calls, as data and drawn', tags: ['engine'], querystring: ladderQuery, response: { 200: ladder } } },
    async ({ query }) => {
      const callIds = typeof query.call === 'string' ? [query.call] : query.call;
      const { messages, diagram } = await engine().ladder(callIds, query.columns);
      if (messages.length === 0) throw new OffhookError('engine.no-messages', { calls: callIds.join(' ') });
      return { messages: messages.map((one) => ({ ...one, at: isoTime(one.at) })), diagram };
    },
  );

  api.get(
    '/api/v1/engine/calls',
    { config: { scope: 'read' }, schema: { summary: 'The calls whose messages are remembered, the newest first', tags: ['engine'], querystring: callsQuery, response: { 200: rememberedCalls } } },
    async ({ query }) => {
      const calls = await engine().ladderCalls(query.limit);
      return { calls: calls.map((one) => ({ ...one, firstAt: isoTime(one.firstAt), lastAt: isoTime(one.lastAt), status: one.status ?? null })) };
    },
  );
}
