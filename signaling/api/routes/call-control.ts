/** What can be done with calls: made, ended, moved on, muted, recorded, spoken into. */
import { z } from 'zod';
import { askerIn } from '../access';
import type { Api } from '../routes';
import { noContent } from '../schemas';

type Side = 'caller' | 'callee';

/** Errors of all: `call.not-found` (404), `call.not-so` (409), with the reason. */
export interface CallControlView {
  /** Resolves when the phones of `from` ring. Errors: `store.not-found`, `call.no-phone`, `call.no-number`, `call.not-taken`. */
  originate(from: string, to: string, options: { by: string; autoAnswer?: boolean | undefined; ringSeconds?: number | undefined }): Promise<{ id: string }>;
  hangup(id: string, by: string): void;
  /** Resolves when somebody has answered there. */
  transfer(id: string, to: string, leg: Side, by: string): Promise<{ id: string }>;
  mute(id: string, leg: Side, on: boolean): void;
  startRecording(id: string): void;
  stopRecording(id: string): void;
  /** Errors: `recording.not-found`, `call.no-prompt`, too. */
  play(id: string, request: { what: readonly Heard[]; to?: Side | 'both' | undefined; loop?: boolean | undefined }): Promise<void>;
  stopPlaying(id: string, to?: Side | 'both'): void;
  sendDigits(id: string, to: Side, digits: string): void;
}

const number = z.string().regex(/^\+?[0-9*#]{1,32}(@[a-z0-9.-]{1,253})?$/, 'must be a number as it would be dialled');
const side = z.enum(['caller', 'callee']);
const ear = z.enum(['caller', 'callee', 'both']).default('both');
const heard = z.union([
  z.strictObject({ prompt: z.string().min(1).max(100).describe('A spoken prompt by its key') }),
  z.strictObject({ recording: z.string().min(1).max(100).describe('A recorded call by its id') }),
]);
type Heard = z.output<typeof heard>;

const one = z.object({ id: z.string().min(1).max(100) });
const made = z.object({ id: z.string().describe('Of the call') });
const originated = z
  .strictObject({
    from: number.describe('The extension whose phones ring first'),
    to: number.describe('What whoever answers is connected to'),
    autoAnswer: z.boolean().optional().describe('The phone is asked to answer by itself'),
    ringSeconds: z.int().min(1).max(600).optional().describe('How long it rings'),
  })
  .meta({ examples: [{ from: '1001', to: '1002' }] });
const transferred = z.strictObject({ to: number, leg: side.default('caller').describe('Who goes there; the other one is hung up on when somebody has answered') }).meta({ examples: [{ to: '1002', leg: 'callee' }] });
const muted = z.strictObject({ leg: side.describe('Whom the other one does not hear'), on: z.boolean() }).meta({ examples: [{ leg: 'caller', on: true }] });
const recorded = z.strictObject({ on: z.boolean() }).meta({ examples: [{ on: true }] });
const played = z.strictObject({ what: z.array(heard).min(1).max(20), to: ear, loop: z.boolean().optional().describe('Begin again at the end') }).meta({ examples: [{ what: [{ prompt: 'goodbye' }], to: 'caller' }] });
const pressed = z.strictObject({ to: side.describe('Who gets them'), digits: z.string().regex(/^[0-9*#A-D]{1,64}$/, 'must be keys: 0-9 * # A-D') }).meta({ examples: [{ to: 'callee', digits: '42#' }] });
const stopped = z.object({ to: ear });

export function callControlRoutes(api: Api, view: CallControlView): void {
  const writes = <S extends object>(summary: string, schema: S): { config: { scope: 'write' }; schema: S & { summary: string; tags: string[] } } => ({ config: { scope: 'write' }, schema: { summary, tags: ['calls'], ...schema } });
  const path = '/api/v1/calls/:id';

  api.post('/api/v1/calls', writes('Call a phone, and connect whoever answers', { body: originated, response: { 201: made } }), async (request, reply) => {
    const { from, to, ...options } = request.body;
    const { id } = await view.originate(from, to, { ...options, by: askerIn(request).name });
    return reply.code(201).header('location', `/api/v1/calls/${encodeURIComponent(id)}`).send({ id });
  });
  api.delete(path, writes('Hang up, whatever state it is in', { params: one, response: { 204: noContent } }), async (request, reply) => {
    view.hangup(request.params.id, askerIn(request).name);
    return reply.code(204).send(null);
  });
  api.post(`${path}/transfer`, writes('Connect one of the two to a number; answered when somebody has answered there, with the call that it is now', { params: one, body: transferred, response: { 200: made } }), async (request) => {
    const { to, leg } = request.body;
    return { id: (await view.transfer(request.params.id, to, leg, askerIn(request).name)).id };
  });
  api.post(`${path}/mute`, writes('Let one of the two not be heard, or be heard again', { params: one, body: muted, response: { 204: noContent } }), async ({ params, body }, reply) => {
    view.mute(params.id, body.leg, body.on);
    return reply.code(204).send(null);
  });
  api.post(`${path}/record`, writes('Record it from now on, or not any more', { params: one, body: recorded, response: { 204: noContent } }), async ({ params, body }, reply) => {
    if (body.on) view.startRecording(params.id);
    else view.stopRecording(params.id);
    return reply.code(204).send(null);
  });
  api.post(`${path}/play`, writes('Play something into it; what was played before ends', { params: one, body: played, response: { 204: noContent } }), async ({ params, body }, reply) => {
    await view.play(params.id, body);
    return reply.code(204).send(null);
  });
  api.delete(`${path}/play`, writes('Stop playing', { params: one, querystring: stopped, response: { 204: noContent } }), async ({ params, query }, reply) => {
    view.stopPlaying(params.id, query.to);
    return reply.code(204).send(null);
  });
  api.post(`${path}/dtmf`, writes('Press keys, as if the other one had', { params: one, body: pressed, response: { 204: noContent } }), async ({ params, body }, reply) => {
    view.sendDigits(params.id, body.to, body.digits);
    return reply.code(204).send(null);
  });
}
