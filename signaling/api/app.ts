/**
 * The HTTP API: fastify with the routes, who may ask, and problems. It listens nowhere; requests are handed to it by whoever does.
 *
 *     request ─▶ who asks? ─▶ is it what the schema says? ─▶ route ─▶ view ─▶ what the schema says ─▶ response
 *                   └────────────────┴─────────────────────────┴─▶ problem
 */
import fastify, { type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../log';
import { OffhookError } from '../errors';
import { admit, type AskerOf } from './access';
import { addOpenApi } from './openapi';
import { answerTo } from './problems';
import { addRoutes, type Api, type Views } from './routes';
import { validator } from './validation';

export interface ApiDeps {
  views: Views;
  askerOf: AskerOf;
  log: Logger;
  /** Routes besides those of the list. */
  more?: (api: Api) => void;
}

export type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** Of a body, in bytes. */
const MOST_BODY = 1_048_576;

/** zod does both. Fastify's own would be loaded for nothing otherwise; its types know of no others. */
const compilers = { compilersFactory: { buildValidator: () => validator, buildSerializer: () => serializerCompiler } } as unknown as NonNullable<FastifyServerOptions['schemaController']>;

export async function createApi({ views, askerOf, log, more }: ApiDeps): Promise<Api> {
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { status, headers, body } = answerTo(error, (err) => log.error({ err, method: request.method, path: request.routeOptions.url }, 'a request to the API failed'));
    return reply.code(status).headers(headers).serializer((text: string) => text).send(body);
  };
  // the second one is for requests whose path cannot be read, which meet nothing of the rest
  const api: Api = fastify({ bodyLimit: MOST_BODY, schemaController: compilers, frameworkErrors: (error, request, reply) => void fail(error, request, reply as FastifyReply) }).withTypeProvider<ZodTypeProvider>();
  takeJsonOnly(api);
  api.addHook('onRequest', async (request) => admit(request, askerOf));
  api.addHook('onSend', async (_request, reply) => void (reply.hasHeader('cache-control') || reply.header('cache-control', 'no-store')));
  api.setNotFoundHandler({}, ({ method, url }) => {
    throw new OffhookError('api.no-route', { method, path: url.split('?')[0] ?? url });
  });
  api.setErrorHandler(fail);
  await addOpenApi(api);
  addRoutes(api, views);
  more?.(api);
  await api.ready();
  return api;
}

/** Patches have a type of their own (RFC 7396 §4); text would be taken otherwise. */
function takeJsonOnly(api: Api): void {
  api.removeContentTypeParser('text/plain');
  api.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' }, api.getDefaultJsonParser('error', 'error'));
}

/** For those who listen. */
export async function createHandle(deps: ApiDeps): Promise<Handle> {
  const api = await createApi(deps);
  return (request, response) => api.routing(request, response);
}
