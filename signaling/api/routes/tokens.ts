/** What programs show to ask. */
import { z } from 'zod';
import { OffhookError } from '../../errors';
import type { Tokens } from '../../store/store';
import { newToken, tokenDigest } from '../../token';
import { scopes } from '../access';
import type { Api } from '../routes';
import { isoTime, noContent, time } from '../schemas';

const name = z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N}._ -]{0,63}$/u, 'must be 1 to 64 letters, digits, spaces, dots, - and _, a letter or digit first');
const token = z.object({ name: z.string(), scope: z.enum(scopes).describe('What may be done with it; each includes those before it'), createdAt: time });
const tokens = z.object({ tokens: z.array(token) });
const made = token.extend({ token: z.string().describe('Shown now and never again') });
const fresh = z.strictObject({ name, scope: z.enum(scopes).default('read') }).meta({ examples: [{ name: 'dashboard', scope: 'read' }] });
const one = z.object({ name: z.string().min(1).max(100) });

export interface TokensView extends Pick<Tokens, 'list' | 'add' | 'remove'> {
  /** Unix milliseconds. */
  now(): number;
}

export function tokenRoutes(api: Api, view: TokensView): void {
  const tags = ['tokens'];
  const path = '/api/v1/tokens';
  api.get(path, { config: { scope: 'admin' }, schema: { summary: 'Which tokens there are', tags, response: { 200: tokens } } }, async () => ({
    tokens: (await view.list()).map(({ name: of, scope, createdAt }) => ({ name: of, scope, createdAt: isoTime(createdAt) })),
  }));
  api.post(path, { config: { scope: 'admin' }, schema: { summary: 'Make a token; 409: there is one of that name', tags, body: fresh, response: { 201: made } } }, async ({ body }, reply) => {
    const secret = newToken();
    const createdAt = view.now();
    await view.add({ ...body, digest: tokenDigest(secret), createdAt });
    return reply.code(201).header('location', `${path}/${encodeURIComponent(body.name)}`).send({ ...body, createdAt: isoTime(createdAt), token: secret });
  });
  api.delete(`${path}/:name`, { config: { scope: 'admin' }, schema: { summary: 'Remove a token: whoever shows it is refused from now on', tags, params: one, response: { 204: noContent } } }, async ({ params: { name: of } }, reply) => {
    if (!(await view.remove(of))) throw new OffhookError('store.token-not-found', { name: of });
    return reply.code(204).send(null);
  });
}
