/** What could not be done, as a problem (RFC 9457): made here only, from the table of errors. */
import { STATUS_CODES } from 'node:http';
import { type ErrorCode, isOffhookError, OffhookError } from '../errors';

export const PROBLEM_TYPE = 'application/problem+json';

/** Seconds, where trying again can help and it is not known when. */
const RETRY_AFTER = 1;
/** RFC 6750 §3 */
const challenges: Partial<Record<ErrorCode, string>> = {
  'api.unauthorized': 'Bearer realm="offhook"',
  'api.bad-token': 'Bearer realm="offhook", error="invalid_token"',
  'api.forbidden': 'Bearer realm="offhook", error="insufficient_scope"',
};

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  retryable: boolean;
  errors?: ReadonlyArray<{ field: string; problem: string }>;
}

/** `status`: another than the table has. */
export function problemOf(error: OffhookError, status: number = error.httpStatus): Problem {
  const { problems } = error as { problems?: Problem['errors'] };
  return { type: `urn:offhook:problem:${error.code}`, title: STATUS_CODES[status] ?? 'Error', status, detail: error.message, code: error.code, retryable: error.retryable, ...(problems && { errors: problems }) };
}

/** As it is sent. */
export interface ProblemAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function problemAnswer(error: OffhookError, status?: number): ProblemAnswer {
  const problem = problemOf(error, status);
  const challenge = challenges[error.code];
  const { seconds = RETRY_AFTER } = error.fields as { seconds?: number };
  const headers = { 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store', ...(problem.retryable && { 'retry-after': String(seconds) }), ...(challenge !== undefined && { 'www-authenticate': challenge }) };
  return { status: problem.status, headers, body: `${JSON.stringify(problem)}\n` };
}

/** What fastify throws about a request that it cannot take. */
interface RequestError {
  statusCode?: number;
  message: string;
}

/** Anything thrown while a request was dealt with. `fault` is told of what nobody but us can help. */
export function answerTo(thrown: unknown, fault: (error: unknown) => void): ProblemAnswer {
  if (isOffhookError(thrown)) return problemAnswer(thrown);
  const error = thrown as RequestError;
  if (error?.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) return problemAnswer(new OffhookError('api.bad-request', { problem: sentence(error.message) }), error.statusCode);
  fault(thrown);
  return problemAnswer(new OffhookError('api.fault', {}));
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
