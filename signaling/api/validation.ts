/** Whether a request is what the schema says; what is wrong is named by its field, all of it at once. */
import type { FastifySchema, FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { OffhookError } from '../errors';
import type { Problem } from '../settings/kind';
import { problemsOf } from '../settings/problems';

const places: Record<string, string> = { querystring: 'the query', body: 'the body', params: 'the path', headers: 'the headers' };

/** Says that the door of the settings looks at the body, which it does in any case. */
export const doorKnows: FastifySchemaCompiler<FastifySchema> = (route) => (route.httpPart === 'body' ? (data) => ({ value: data as unknown }) : validator(route));

export const validator: FastifySchemaCompiler<FastifySchema> = ({ schema, httpPart = '' }) => (data) => {
  // a body that was left out lacks every field
  const result = (schema as z.ZodType).safeParse(httpPart === 'body' ? (data ?? {}) : data);
  if (result.success) return { value: result.data };
  const problems = problemsOf(result.error);
  return { error: Object.assign(new OffhookError(httpPart === 'body' ? 'api.bad-body' : 'api.bad-request', { problem: sentence(places[httpPart] ?? 'the request', problems) }), { problems }) };
};

/** `In the query, “columns”: expected number to be >=80.` */
const sentence = (place: string, problems: readonly Problem[]): string => `In ${place}, ${problems.map(({ field, problem }) => (field === '' ? problem : `“${field}”: ${problem}`)).join('; ')}.`;
