/**
 * Everything that can be set, each kind with the same routes: made from the catalogue of `signaling/settings`, which says what it is made of.
 *
 *     GET, POST /api/v1/groups      GET, PUT, PATCH, DELETE /api/v1/groups/600
 */
import type { FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import { z } from 'zod';
import { OffhookError } from '../../errors';
import type { SettingsDoor, Stored } from '../../settings/door';
import { matches } from '../../settings/etag';
import type { AnyKind } from '../../settings/kind';
import { withoutSecrets } from '../../settings/secrets';
import { linkNext, pageOf, wanted, type Asked } from '../paging';
import type { Api } from '../routes';
import { next, noContent, page } from '../schemas';
import { asItIs } from '../serializers';
import { doorKnows } from '../validation';

export type SettingsView = Pick<SettingsDoor, 'kinds' | 'list' | 'get' | 'put' | 'add' | 'patch' | 'remove'>;

type Options = RouteShorthandOptions & { schema: Record<string, unknown> };

export function settingsRoutes(api: Api, view: SettingsView): void {
  for (const kind of view.kinds) kindRoutes(api, view, kind);
}

function kindRoutes(api: Api, view: SettingsView, kind: AnyKind): void {
  const { name, plural, meaning } = kind;
  const path = `/api/v1/${plural}`;
  const one = `${path}/:${kind.key}`;
  const a = /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
  const params = z.object({ [kind.key]: z.string().min(1).max(300) });
  const shown = shownSchema(kind);
  const written = writtenSchema(kind);
  const patch = patchSchema(kind);
  const list = z.object({ [plural]: z.array(shown), next });
  const reads = (summary: string, schema: object): Options => ({ config: { scope: 'read' }, schema: { summary, tags: [plural], ...schema }, serializerCompiler: asItIs });
  const writes = (summary: string, schema: object): Options => ({ config: { scope: 'write' }, schema: { summary, tags: [plural], ...schema }, serializerCompiler: asItIs, validatorCompiler: doorKnows });
  const keyIn = (request: FastifyRequest): string => (request.params as Record<string, string>)[kind.key] ?? '';
  const show = (reply: FastifyReply, { key, value, etag, made }: Stored, created = false): FastifyReply => {
    if (created) reply.code(201).header('location', `${path}/${encodeURIComponent(key)}`);
    return reply.header('etag', etag).send({ ...withoutSecrets(kind, value), ...made });
  };
  const missing = (key: string): OffhookError => new OffhookError('settings.not-found', { kind: name, key });

  api.get(path, reads(`All ${plural}`, { description: meaning, querystring: page, response: { 200: list } }), async (request, reply) => {
    const asked = request.query as Asked;
    const { items, next: more } = pageOf(await view.list(kind, wanted(asked)), asked, ({ key }) => key);
    linkNext(reply, more);
    return { [plural]: items.map(({ value }) => withoutSecrets(kind, value)), next: more };
  });

  api.get(one, reads(`${capital(a)}`, { params, response: { 200: shown, 304: noContent } }), async (request, reply) => {
    const key = keyIn(request);
    const found = await view.get(kind, key);
    if (!found) throw missing(key);
    const seen = request.headers['if-none-match'];
    if (seen !== undefined && matches(seen, found.etag)) return reply.code(304).header('etag', found.etag).send();
    return show(reply, found);
  });

  api.post(path, writes(`Add ${a}; 409: there is one already`, { body: written, response: { 201: shown } }), async (request, reply) => show(reply, await view.add(kind, request.body), true));

  api.put(one, writes(`Add ${a}, or put it in the place of the one that is there`, { description: EDITS, params, body: written, response: { 200: shown, 201: shown } }), async (request, reply) => {
    const { stored, created } = await view.put(kind, keyIn(request), request.body, conditionsOf(request));
    return show(reply, stored, created);
  });

  api.patch(one, writes(`Change some fields of ${a}`, { description: `${EDITS} A merge patch (RFC 7396): null gives a field its default.`, consumes: ['application/json', 'application/merge-patch+json'], params, body: patch, response: { 200: shown } }), async (request, reply) =>
    show(reply, await view.patch(kind, keyIn(request), request.body, conditionsOf(request))),
  );

  api.delete(one, writes(`Remove ${a}; 409: something needs it`, { description: EDITS, params, response: { 204: noContent } }), async (request, reply) => {
    const key = keyIn(request);
    if (!(await view.remove(kind, key, conditionsOf(request)))) throw missing(key);
    return reply.code(204).send();
  });
}

const EDITS = 'With If-Match, only what was seen is changed: 412 when somebody else was first.';

const conditionsOf = ({ headers }: FastifyRequest): { ifMatch: string | undefined; ifNoneMatch: string | undefined } => ({ ifMatch: headers['if-match'], ifNoneMatch: headers['if-none-match'] });

/** Secrets that are set are `true`. */
function shownSchema({ schema, secrets = [], example }: AnyKind): z.ZodType {
  const secret = z.union([z.literal(true), z.string()]).nullable().optional().describe('True: it is set. In clear only when it was made just now');
  const hidden = Object.fromEntries(secrets.map((field) => [field, secret]));
  return z.object({ ...schema.shape, ...hidden }).meta(example ? { examples: [schema.safeParse(example).data ? { ...(schema.parse(example) as object), ...shownSecrets(secrets, example) } : example] } : {});
}

const shownSecrets = (secrets: readonly string[], example: object): object => Object.fromEntries(secrets.filter((field) => field in example).map((field) => [field, true]));

/** Secrets come back as they were shown, or in clear. */
function writtenSchema({ schema, example }: AnyKind): z.ZodType {
  return z.strictObject(schema.shape).meta(example ? { examples: [example] } : {});
}

/** Any of the fields. */
function patchSchema({ schema }: AnyKind): z.ZodType {
  return z.strictObject(Object.fromEntries(Object.entries(schema.shape).map(([field, of]) => [field, (of as z.ZodType).nullable().optional()]))).meta({});
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
