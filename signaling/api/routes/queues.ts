/** Who waits in the queues now, who serves them, and what was counted; agents log in and out and take breaks. What queues are is set under `/api/v1/queues`. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import type { Api } from '../routes';
import { isoTime, noContent, time } from '../schemas';

const ms = z.int().min(0);
const agent = z.object({
  number: z.string(),
  queues: z.array(z.string()).describe('Where it is logged in'),
  paused: z.boolean(),
  state: z.enum(['free', 'called', 'talking', 'resting', 'busy', 'paused', 'no-phone']).describe('“busy”: in a call that is not of a queue; “resting”: after a call, or one that it did not take'),
  answered: z.int().describe('Since the server began, as all that is counted'),
  missed: z.int(),
  averageTalkMs: ms.nullable(),
});
const waiting = z.object({
  id: z.string().describe('Of the call'),
  number: z.string(),
  name: z.string().nullable(),
  priority: z.int(),
  position: z.int(),
  since: time,
  waitedMs: ms,
  calling: z.array(z.string()).describe('Agents whose phones ring for it'),
});
const queue = z.object({
  number: z.string(),
  name: z.string(),
  waiting: z.array(waiting).describe('In the order in which they will be served'),
  agents: z.array(agent).describe('Who is logged in'),
  stats: z.object({
    offered: z.int(),
    answered: z.int(),
    abandoned: z.int().describe('Callers who hung up while they waited'),
    overflowed: z.int().describe('Callers who went on, or were turned away'),
    averageWaitMs: ms.nullable().describe('Of those who were answered'),
    averageTalkMs: ms.nullable(),
    longestWaitMs: ms,
    serviceLevel: z.number().nullable().describe('How many were answered within the time that is set, 0 to 1; those who hung up before that do not count'),
  }),
});
const queues = z.object({ queues: z.array(queue) });
const ofQueue = z.object({ number: z.string().min(1).max(300) });
const ofAgent = ofQueue.extend({ agent: z.string().min(1).max(300) });
const agentPatch = z.strictObject({ paused: z.boolean() }).meta({ examples: [{ paused: true }] });

type Agent = z.output<typeof agent>;
type Queue = Omit<z.output<typeof queue>, 'waiting'> & { waiting: Array<Omit<z.output<typeof waiting>, 'since'> & { since: number }> };

export interface QueuesView {
  list(): Queue[];
  queue(number: string): Queue | undefined;
  agent(number: string): Agent;
  /** False: there is no such extension, or the queue is not open to it. */
  login(agent: string, queue: string): Promise<boolean>;
  /** False: it was not in it. */
  logout(agent: string, queue: string): Promise<boolean>;
  /** False: it is logged in nowhere. */
  pause(agent: string, paused: boolean): Promise<boolean>;
}

export function queueRoutes(api: Api, view: QueuesView): void {
  const shown = (one: Queue): z.output<typeof queue> => ({ ...one, waiting: one.waiting.map((caller) => ({ ...caller, since: isoTime(caller.since) })) });
  const find = (number: string): Queue => {
    const found = view.queue(number);
    if (!found) throw new OffhookError('settings.not-found', { kind: 'queue', key: number });
    return found;
  };
  const tags = ['queue status'];
  const at = '/api/v1/queue-status/:number';

  api.get('/api/v1/queue-status', { config: { scope: 'read' }, schema: { summary: 'All queues: who waits, who serves, what was counted', tags, response: { 200: queues } } }, () => ({ queues: view.list().map(shown) }));
  api.get(at, { config: { scope: 'read' }, schema: { summary: 'A queue: who waits, who serves, what was counted', tags, params: ofQueue, response: { 200: queue } } }, ({ params }) => shown(find(params.number)));
  api.put(`${at}/agents/:agent`, { config: { scope: 'write' }, schema: { summary: 'Log an agent in, which also ends its break', tags, params: ofAgent, response: { 200: agent } } }, async ({ params }) => {
    find(params.number);
    if (!(await view.login(params.agent, params.number))) throw new OffhookError('queue.not-open', { queue: params.number, agent: params.agent });
    return view.agent(params.agent);
  });
  api.delete(`${at}/agents/:agent`, { config: { scope: 'write' }, schema: { summary: 'Log an agent out', tags, params: ofAgent, response: { 204: noContent } } }, async ({ params }, reply) => {
    find(params.number);
    if (!(await view.logout(params.agent, params.number))) throw new OffhookError('queue.no-agent', { agent: params.agent });
    return reply.code(204).send(null);
  });
  api.patch('/api/v1/agents/:number', { config: { scope: 'write' }, schema: { summary: 'Give an agent a break in all its queues, or end it', tags, params: ofQueue, body: agentPatch, response: { 200: agent } } }, async ({ params: { number }, body }) => {
    if (!(await view.pause(number, body.paused))) throw new OffhookError('queue.no-agent', { agent: number });
    return view.agent(number);
  });
}
