/** Calls that are up, and the last ones that ended. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import type { Api } from '../routes';
import { isoTime, time } from '../schemas';
import { asItIs } from '../serializers';

const dialog = z.object({
  side: z.enum(['caller', 'callee']),
  party: z.string().describe('The number whose phone it is'),
  callId: z.string(),
});
const common = {
  id: z.string(),
  from: z.string(),
  to: z.string(),
  service: z.string().nullable().describe('The service that is the other end; null: a phone'),
  forwarded: z.array(z.object({ by: z.string(), why: z.enum(['always', 'busy', 'no-answer', 'offline']) })).describe('Extensions whose settings sent it on before it came to `to`, in order'),
  trunk: z.string().nullable().describe('The trunk over which it goes out or came in'),
  through: z.string().nullable().describe('The group, queue or extension for which `to` answered; null: it was called itself'),
  rung: z.array(z.string()).describe('Whose phones rang, or were to, in this order'),
  parkedBy: z.string().nullable().describe('Who parked one of the two; null: nobody'),
  pickedUpBy: z.string().nullable().describe('Who answered in the place of whom it rang at; null: nobody'),
  since: time,
  dialogs: z.array(dialog).describe('SIP dialogs that are, or were, part of it, phones that only rang included'),
};
const callUp = z.object({
  ...common,
  state: z.enum(['routing', 'ringing', 'answering', 'up', 'ended']),
  talkingMs: z.number().nullable().describe('Since the answer'),
  held: z.boolean(),
  muted: z.array(z.enum(['caller', 'callee'])).describe('Whom the other one does not hear'),
  originatedBy: z.string().nullable().describe('Who has had the system call the caller; null: the caller dialled'),
});
const callEnded = z.object({
  ...common,
  answeredAfterMs: z.number().nullable().describe('Null: it was not'),
  durationMs: z.number().describe('From the INVITE to the end'),
  endedBy: z.enum(['caller', 'callee', 'system']),
  cause: z.string(),
  status: z.int().nullable().describe('What the caller was told; null: it was answered'),
  reason: z.string(),
});
export const callsUp = z.object({ calls: z.array(callUp) });
export const callsEnded = z.object({ calls: z.array(callEnded) });
export type CallsUp = z.output<typeof callsUp>;
export type CallsEnded = z.output<typeof callsEnded>;

/** `since` in Unix milliseconds. */
type Viewed<T extends { since: string }> = Omit<T, 'since'> & { since: number };

const one = z.object({ id: z.string().min(1).max(100) });

export interface CallsView {
  up(): Array<Viewed<z.output<typeof callUp>>>;
  /** The newest first. */
  ended(): Array<Viewed<z.output<typeof callEnded>>>;
}

export function callRoutes(api: Api, view: CallsView): void {
  api.get('/api/v1/calls/:id', { config: { scope: 'read' }, schema: { summary: 'A call that is not over', tags: ['calls'], params: one, response: { 200: callUp } } }, ({ params: { id } }) => {
    const found = view.up().find((call) => call.id === id);
    if (!found) throw new OffhookError('call.not-found', { id });
    return { ...found, since: isoTime(found.since) };
  });
  const shown = <T extends { since: number }>(calls: T[]): Array<Omit<T, 'since'> & { since: string }> => calls.map((call) => ({ ...call, since: isoTime(call.since) }));
  api.get('/api/v1/calls', { config: { scope: 'read' }, schema: { summary: 'Calls that are not over', tags: ['calls'], response: { 200: callsUp } }, serializerCompiler: asItIs }, () => ({ calls: shown(view.up()) }));
  api.get('/api/v1/calls/ended', { config: { scope: 'read' }, schema: { summary: 'The last calls that ended, the newest first', tags: ['calls'], response: { 200: callsEnded } }, serializerCompiler: asItIs }, () => ({ calls: shown(view.ended()) }));
}
