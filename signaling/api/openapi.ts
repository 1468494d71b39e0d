/** The description of the API for programs, made from the schemas of its routes. */
import swagger from '@fastify/swagger';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { docsHeaders, docsPage, type OpenApi } from './docs';
import { PROBLEM_TYPE } from './problems';
import type { Api } from './routes';
import { problemSchema } from './schemas';

interface Operation {
  responses?: Record<string, unknown>;
}

export const OPENAPI_PATH = '/api/v1/openapi.json';
export const DOCS_PATH = '/api/v1/docs';

/** Before the routes, which it has to see. */
export async function addOpenApi(api: Api): Promise<void> {
  await api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Offhook', version: '1', description: 'What a running phone system tells, and what it can be told. Whatever goes wrong is a problem (RFC 9457).' },
    },
    transform: jsonSchemaTransform,
  });
  // what is in it is in everybody's hands anyway, and a browser has no token
  api.get(DOCS_PATH, { config: { scope: 'open' }, schema: { hide: true } }, (_request, reply) => reply.headers(docsHeaders).send(docsPage(api.swagger() as OpenApi)));
  api.get(OPENAPI_PATH, { config: { scope: 'read' }, schema: { hide: true } }, () => withProblems(api.swagger()));
}

/** Every operation may end in a problem. */
function withProblems(document: object): object {
  const { paths = {}, components = {} } = document as { paths?: Record<string, Record<string, Operation>>; components?: { schemas?: object; responses?: object } };
  const problem = { description: 'A problem', content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } } };
  for (const path of Object.values(paths)) for (const operation of Object.values(path)) operation.responses = { ...operation.responses, default: { $ref: '#/components/responses/Problem' } };
  const { $schema: _dialect, ...schema } = z.toJSONSchema(problemSchema);
  return { ...document, components: { ...components, schemas: { ...components.schemas, Problem: schema }, responses: { ...components.responses, Problem: problem } } };
}
