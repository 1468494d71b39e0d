/** Routes as they are asked over HTTP: what they answer, who may ask, and every way it can go wrong as a problem. */
import { createApi } from '../../../signaling/api/app';
import { operator, type Asker, type AskerOf } from '../../../signaling/api/access';
import type { Api, Views } from '../../../signaling/api/routes';
import { OffhookError } from '../../../signaling/errors';
import type { Logger } from '../../../signaling/log';
import { silentLogger } from '../../../signaling/log';
import { ended, remembered, shown, stats, T0, up } from './views';

const made: Api[] = [];
afterEach(() => Promise.all(made.splice(0).map((api) => api.close())));

async function api(views: Views, { asker = operator, log = silentLogger }: { asker?: Asker | AskerOf; log?: Logger } = {}): Promise<Api> {
  const one = await createApi({ views, askerOf: typeof asker === 'function' ? asker : () => asker, log });
  made.push(one);
  return one;
}

async function get(from: Api, url: string): Promise<{ status: number; type: unknown; body: unknown }> {
  const { statusCode, headers, payload } = await from.inject({ url });
  expect(headers['cache-control']).toBe('no-store');
  return { status: statusCode, type: headers['content-type'], body: JSON.parse(payload) };
}

const problem = (status: number, code: string, detail: unknown, title = expect.any(String) as unknown) => ({
  status, type: 'application/problem+json', body: { type: `urn:offhook:problem:${code}`, title, status, detail, code, retryable: false },
});

describe('the engine', () => {
  it('tells what it counts', async () => {
    expect(await get(await api(shown().views), '/api/v1/engine/stats')).toMatchObject({ status: 200, type: expect.stringContaining('application/json') as unknown, body: stats() });
  });

  it('shows what the schema says and nothing else', async () => {
    const { views, engine } = shown();
    engine.stats = async () => ({ ...stats(), secret: 'x' });
    expect(await get(await api(views), '/api/v1/engine/stats')).toMatchObject({ body: stats() });
    expect((await get(await api(views), '/api/v1/engine/stats')).body).not.toHaveProperty('secret');
  });

  it('draws one call, or several', async () => {
    const { views, calls, drawn } = shown();
    calls.remembered = [remembered('a@x'), remembered('b c')];
    const one = await api(views);
    expect(await get(one, '/api/v1/engine/ladder?call=a%40x')).toMatchObject({ status: 200, body: { messages: [{ at: '2026-01-01T10:00:00.250Z', callId: 'a@x' }], diagram: 'a ladder of a@x\n' } });
    expect(await get(one, '/api/v1/engine/ladder?call=a%40x&call=b%20c&columns=120')).toMatchObject({ status: 200, body: { diagram: 'a ladder of a@x and b c\n' } });
    expect(drawn).toEqual([{ callIds: ['a@x'], columns: undefined }, { callIds: ['a@x', 'b c'], columns: 120 }]);
    expect(await get(one, '/api/v1/engine/ladder?call=nobody')).toEqual(problem(404, 'engine.no-messages', expect.stringContaining('nobody')));
  });

  it('lists the calls that can be drawn', async () => {
    const { views, calls } = shown();
    calls.remembered = [remembered('a', { status: undefined }), remembered('b')];
    const one = await api(views);
    const row = { callId: 'a', method: 'INVITE', from: '1001', to: '1002', firstAt: '2026-01-01T10:00:00.000Z', lastAt: '2026-01-01T10:00:01.500Z', messages: 7, status: null };
    expect(await get(one, '/api/v1/engine/calls')).toMatchObject({ body: { calls: [row, { callId: 'b', status: 200 }] } });
    expect(await get(one, '/api/v1/engine/calls?limit=1')).toMatchObject({ body: { calls: [row] } });
  });

  it.each(['stats', 'ladder?call=x', 'calls'])('%s is a conflict where the engine is a server of its own', async (route) => {
    expect(await get(await api({ ...shown().views, engine: undefined }), `/api/v1/engine/${route}`)).toEqual(problem(409, 'engine.elsewhere', expect.stringContaining('drachtio-server'), 'Conflict'));
  });

  it.each([
    ['ladder', 'In the query, “call”: '],
    ['ladder?call=', 'In the query, “call”: '],
    ['ladder?call=x&columns=79', 'In the query, “columns”: '],
    ['ladder?call=x&columns=many', 'In the query, “columns”: '],
    [`ladder?${Array.from({ length: 51 }, (_, i) => `call=${i}`).join('&')}`, 'In the query, “call”: '],
    ['calls?limit=0', 'In the query, “limit”: '],
  ])('%s is a bad request', async (route, detail) => {
    const expected = problem(400, 'api.bad-request', expect.stringMatching(new RegExp(`^${detail}.*\\.$`)), 'Bad Request');
    const errors = [{ field: /“(.*)”/.exec(detail)?.[1], problem: expect.any(String) as unknown }];
    expect(await get(await api(shown().views), `/api/v1/engine/${route}`)).toEqual({ ...expected, body: { ...expected.body, errors } });
  });
});

it('calls are shown with the Call-IDs of their legs', async () => {
  const { views, calls } = shown();
  const dialogs = [{ side: 'caller' as const, party: '1001', callId: 'a' }, { side: 'callee' as const, party: '1002', callId: 'b' }];
  calls.up = [up({ dialogs })];
  calls.ended = [ended({ dialogs, status: 486 })];
  const one = await api(views);
  const since = new Date(T0).toISOString();
  expect((await get(one, '/api/v1/calls')).body).toEqual({ calls: [{ ...up({ dialogs }), since }] });
  expect((await get(one, '/api/v1/calls/ended')).body).toEqual({ calls: [{ ...ended({ dialogs, status: 486 }), since }] });
});

it('whether it lives and calls can be made is told to everybody', async () => {
  const { views, health } = shown();
  const one = await api(views, { asker: () => undefined });
  expect(await get(one, '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await get(one, '/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
  health.problem = 'it rains';
  expect(await get(one, '/readyz')).toMatchObject({ status: 503, body: { code: 'server.not-ready', detail: 'Calls cannot be made just now: it rains.', retryable: true } });
  views.health.problem = () => Promise.reject(new OffhookError('store.full', { file: '/f' }));
  expect(await get(one, '/readyz')).toMatchObject({ status: 507, body: { code: 'store.full' } });
  expect(await get(one, '/healthz')).toMatchObject({ status: 200 });
});

it('what goes wrong inside is told to the log and to nobody else', async () => {
  const { views, engine } = shown();
  const logged: unknown[] = [];
  const log: Logger = { ...silentLogger, error: (...line: unknown[]) => void logged.push(line) };
  const fault = new TypeError('a secret of the inside');
  engine.stats = () => Promise.reject(fault);
  expect(await get(await api(views, { log }), '/api/v1/engine/stats')).toEqual(problem(500, 'api.fault', expect.not.stringContaining('secret'), 'Internal Server Error'));
  expect(logged).toEqual([[{ err: fault, method: 'GET', path: '/api/v1/engine/stats' }, expect.any(String)]]);
});

it('errors of the table are problems with their own status, and say when to come again', async () => {
  const { views, engine } = shown();
  engine.stats = () => Promise.reject(new OffhookError('store.busy', { file: '/f' }));
  const { statusCode, headers, payload } = await (await api(views)).inject({ url: '/api/v1/engine/stats' });
  expect([statusCode, headers['retry-after'], JSON.parse(payload)]).toEqual([503, '1', expect.objectContaining({ code: 'store.busy', retryable: true, detail: 'The database /f is locked by another process. Try again.' })]);
});

it.each([['GET', '/'], ['GET', '/api/v1/nothing?x=y'], ['POST', '/api/v1/engine/calls'], ['GET', '/api/v1/engine/%zz']] as const)('%s %s: there is nothing', async (method, url) => {
  const { statusCode, headers, payload } = await (await api(shown().views)).inject({ method, url });
  expect([statusCode, headers['content-type']]).toEqual([url.includes('%') ? 400 : 404, 'application/problem+json']);
  expect(JSON.parse(payload)).toMatchObject({ code: url.includes('%') ? 'api.bad-request' : 'api.no-route' });
});

it('a body that cannot be read, or is too long, is a problem of whoever sent it', async () => {
  const one = await api(shown().views);
  const post = async (headers: Record<string, string>, payload: string) => (await one.inject({ method: 'POST', url: '/api/v1/calls', headers, payload })).statusCode;
  expect([await post({ 'content-type': 'application/json' }, '{'), await post({ 'content-type': 'application/json' }, `"${'x'.repeat(1_048_576)}"`)]).toEqual([400, 413]);
});

describe('who may ask', () => {
  const ask = async (asker: Asker | AskerOf, url = '/api/v1/calls') => get(await api(shown().views, { asker }), url);

  it('nobody whom nobody knows', async () => {
    for (const url of ['/api/v1/calls', '/api/v1/nothing', '/api/v1/openapi.json']) expect(await ask(() => undefined, url)).toEqual(problem(401, 'api.unauthorized', expect.any(String), 'Unauthorized'));
  });

  it('whoever has at least the scope of the route', async () => {
    for (const scope of ['read', 'write', 'admin'] as const) expect((await ask({ name: 'x', scope })).status).toBe(200);
  });

  it('not who has less, and nobody where the route does not say', async () => {
    const one = await createApi({ views: shown().views, askerOf: () => ({ name: 'a script', scope: 'write' }), log: silentLogger, more: (app) => {
      app.get('/admin', { config: { scope: 'admin' } }, () => 'x');
      app.get('/forgotten', () => 'x');
      app.get('/open', { config: { scope: 'open' } }, () => '1');
    } });
    made.push(one);
    expect(await get(one, '/admin')).toEqual(problem(403, 'api.forbidden', 'a script may not ask this: it takes the scope “admin”.', 'Forbidden'));
    expect(await get(one, '/forgotten')).toMatchObject({ status: 403 });
    expect(await get(one, '/open')).toMatchObject({ status: 200 });
  });

  it('errors of whoever looks are told', async () => {
    const refuse: AskerOf = () => Promise.reject(new OffhookError('store.closed', {}));
    expect((await ask(refuse)).status).toBe(503);
  });

  it('is told what to show (RFC 6750)', async () => {
    const challenge = async (asker: Asker | AskerOf, url = '/api/v1/calls') => (await (await api(shown().views, { asker })).inject({ url })).headers['www-authenticate'];
    expect(await challenge(() => undefined)).toBe('Bearer realm="offhook"');
    expect(await challenge(() => Promise.reject(new OffhookError('api.bad-token', {})))).toBe('Bearer realm="offhook", error="invalid_token"');
    expect(await challenge(operator)).toBeUndefined();
  });

  it('and how long to wait', async () => {
    const { statusCode, headers } = await (await api(shown().views, { asker: () => Promise.reject(new OffhookError('api.too-many-failures', { seconds: 17 })) })).inject({ url: '/api/v1/calls' });
    expect([statusCode, headers['retry-after']]).toEqual([429, '17']);
  });
});

it('describes itself: every route with its answers, and the problem', async () => {
  const { body } = await get(await api(shown().views), '/api/v1/openapi.json');
  const { openapi, paths, components } = body as { openapi: string; paths: Record<string, { get: { summary: string; responses: Record<string, unknown>; parameters?: Array<{ name: string; required?: boolean }> } }>; components: { schemas: { Problem: { required: string[] } } } };
  expect(openapi).toBe('3.1.0');
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/api/v1/calls', '/api/v1/calls/ended', '/api/v1/engine/calls', '/api/v1/engine/ladder', '/api/v1/engine/stats', '/healthz', '/metrics', '/readyz']));
  for (const operation of Object.values(paths).flatMap((path) => Object.values(path))) {
    expect(operation.summary).toBeTruthy();
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining([expect.stringMatching(/^2\d\d$/), 'default']));
  }
  expect(paths['/api/v1/engine/ladder']!.get.parameters!.map(({ name, required }) => [name, required])).toEqual([['call', true], ['columns', false]]);
  expect(components.schemas.Problem.required).toEqual(expect.arrayContaining(['type', 'title', 'status', 'detail']));
});
