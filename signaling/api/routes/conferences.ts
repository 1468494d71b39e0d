/** Who is in the conference rooms now, and what can be done to them; what rooms are is set under `/api/v1/rooms`. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import type { Api } from '../routes';
import { isoTime, noContent, time } from '../schemas';

const member = z.object({
  id: z.string().describe('Of the call, or of the client of the simple packet format'),
  kind: z.enum(['phone', 'simple']),
  number: z.string().nullable(),
  name: z.string().nullable(),
  source: z.string().nullable().describe('Of a client of the simple packet format'),
  state: z.enum(['coming', 'waiting', 'in']),
  since: time,
  moderator: z.boolean(),
  muted: z.boolean(),
  deaf: z.boolean(),
  talking: z.boolean(),
});
const conference = z.object({
  number: z.string(),
  name: z.string().nullable(),
  pin: z.boolean().describe('Whether it asks for one'),
  maxMembers: z.int(),
  locked: z.boolean().describe('Nobody but moderators comes in any more'),
  quiet: z.boolean().describe('Everybody but the moderators is muted'),
  members: z.array(member).describe('In the order in which they came'),
});
const conferences = z.object({ conferences: z.array(conference) });
const room = z.object({ number: z.string().min(1).max(300) });
const inRoom = room.extend({ member: z.string().min(1).max(300) });
const roomPatch = z.strictObject({ locked: z.boolean().optional(), quiet: z.boolean().optional() }).meta({ examples: [{ locked: true }] });
const memberPatch = z.strictObject({ muted: z.boolean().optional(), deaf: z.boolean().optional() }).meta({ examples: [{ muted: true }] });

type Member = Omit<z.output<typeof member>, 'since'> & { since: number };
type Conference = Omit<z.output<typeof conference>, 'members'> & { members: Member[] };

/** Those that say yes or no: no, there is none. */
export interface ConferencesView {
  list(): Conference[];
  room(number: string): Conference | undefined;
  mute(number: string, member: string, muted: boolean): boolean;
  deafen(number: string, member: string, deaf: boolean): boolean;
  kick(number: string, member: string): boolean;
  lock(number: string, locked: boolean): boolean;
  hush(number: string, quiet: boolean): boolean;
  end(number: string): boolean;
}

export function conferenceRoutes(api: Api, view: ConferencesView): void {
  const memberOf = (one: Member): z.output<typeof member> => ({ ...one, since: isoTime(one.since) });
  const shown = (one: Conference): z.output<typeof conference> => ({ ...one, members: one.members.map(memberOf) });
  const find = (number: string): Conference => {
    const found = view.room(number);
    if (!found) throw new OffhookError('store.room-not-found', { number });
    return found;
  };
  const inside = (number: string, id: string): Member => {
    const found = find(number).members.find((one) => one.id === id);
    if (!found) throw new OffhookError('room.no-member', { number, member: id });
    return found;
  };
  const tags = ['conferences'];
  const [path, of] = ['/api/v1/conferences/:number', '/api/v1/conferences/:number/members/:member'];

  api.get('/api/v1/conferences', { config: { scope: 'read' }, schema: { summary: 'All rooms, with who is in them', tags, response: { 200: conferences } } }, () => ({ conferences: view.list().map(shown) }));
  api.get(path, { config: { scope: 'read' }, schema: { summary: 'A room, with who is in it', tags, params: room, response: { 200: conference } } }, ({ params }) => shown(find(params.number)));
  api.patch(path, { config: { scope: 'write' }, schema: { summary: 'Lock a room, or mute all but the moderators; ends with the conference', tags, params: room, body: roomPatch, response: { 200: conference } } }, ({ params: { number }, body }) => {
    find(number);
    if (body.locked !== undefined) view.lock(number, body.locked);
    if (body.quiet !== undefined) view.hush(number, body.quiet);
    return shown(find(number));
  });
  api.delete(path, { config: { scope: 'write' }, schema: { summary: 'End the conference: everybody goes, the room stays', tags, params: room, response: { 204: noContent } } }, async ({ params: { number } }, reply) => {
    find(number);
    view.end(number);
    return reply.code(204).send(null);
  });
  api.patch(of, { config: { scope: 'write' }, schema: { summary: 'Mute a member, or let it hear nothing', tags, params: inRoom, body: memberPatch, response: { 200: member } } }, ({ params: { number, member: id }, body }) => {
    inside(number, id);
    if (body.muted !== undefined) view.mute(number, id, body.muted);
    if (body.deaf !== undefined && !view.deafen(number, id, body.deaf)) throw new OffhookError('room.always-hears', { member: id });
    return memberOf(inside(number, id));
  });
  api.delete(of, { config: { scope: 'write' }, schema: { summary: 'Put a member out', tags, params: inRoom, response: { 204: noContent } } }, async ({ params: { number, member: id } }, reply) => {
    inside(number, id);
    view.kick(number, id);
    return reply.code(204).send(null);
  });
}
