/** What the description of the API promises of everything that can be set, held against every kind there is. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ha1 } from '../../../signaling/credentials';
import { everything } from '../../../signaling/settings/everything';
import { voicemailFolder } from '../../../signaling/voicemail-folder';
import { badValues } from './bad-values';
import { fits, house, isProblem, keyOf, writeExamples, type Answer, type Description, type House, type Operation } from './house';

let one: House;
let description: Description;

beforeAll(async () => {
  one = await house();
  await writeExamples(one.store);
  description = await one.describe();
});
afterAll(async () => {
  expect(one.faults).toEqual([]);
  await one.close();
});

const exemplary = everything.filter(({ example }) => example !== undefined);

it('every kind has an example, or nothing of it is looked at here', () => {
  expect(everything.filter((kind) => !exemplary.includes(kind)).map(({ name }) => name)).toEqual([]);
});

describe.each(exemplary.map((kind) => [kind.plural, kind] as const))('%s', (plural, kind) => {
  const path = `/api/v1/${plural}`;
  const described = `${path}/{${kind.key}}`;
  const key = kind.example ? keyOf(kind) : '';
  const url = `${path}/${encodeURIComponent(key)}`;
  const example = kind.example as Record<string, unknown>;
  const unknown = kind.key === 'number' ? '987654' : 'nobody.example';
  const answers = (operation: Operation, status: number): unknown => operation.responses[status]?.content?.['application/json']?.schema;
  const isMailbox = kind.name === 'mailbox';

  it('has an example, which the door takes', () => {
    expect(kind.example).toBeDefined();
    expect(kind.schema.strict().safeParse(kind.example).error).toBeUndefined();
  });

  it('is described', () => {
    expect(Object.keys(description.paths[path] ?? {}).sort()).toEqual(['get', 'post']);
    expect(Object.keys(description.paths[described] ?? {}).sort()).toEqual(['delete', 'get', 'patch', 'put']);
    const { schema } = description.paths[described]!.put!.requestBody!.content['application/json']!;
    for (const [field, of] of Object.entries(schema.properties ?? {})) expect([field, (of as { description?: string }).description]).toEqual([field, expect.any(String)]);
  });

  it('answers as it is described, without secrets', async () => {
    const got = await one.ask('GET', url, { scope: 'read' });
    expect([got.status, fits(answers(description.paths[described]!.get!, 200), got.body)]).toEqual([200, true]);
    for (const field of kind.secrets ?? []) expect([field, [true, null, undefined].includes((got.body as Record<string, true>)[field])]).toEqual([field, true]);
    for (const field of kind.secrets ?? []) if (typeof example[field] === 'string') expect(got.text).not.toContain(JSON.stringify(example[field]));
    const list = await one.ask('GET', `${path}?limit=1`, { scope: 'read' });
    expect([list.status, fits(answers(description.paths[path]!.get!, 200), list.body)]).toEqual([200, true]);
    const put = await one.ask('PUT', url, { body: { ...(got.body as object), ...example }, headers: { 'if-match': got.headers['etag'] as string }, scope: 'write' });
    expect([put.status, fits(answers(description.paths[described]!.put!, 200), put.body)]).toEqual([200, true]);
    const patch = await one.ask('PATCH', url, { body: {}, type: 'application/merge-patch+json', scope: 'write' });
    expect([patch.status, patch.body]).toEqual([200, put.body]);
  });

  it('knows who has seen what', async () => {
    const { headers: { etag } } = await one.ask('GET', url);
    const tag = etag as string;
    expect((await one.ask('GET', url, { headers: { 'if-none-match': tag } })).status).toBe(304);
    const before = one.written();
    for (const [method, body] of [['PUT', example], ['PATCH', {}], ['DELETE', undefined]] as const) expect(isProblem(await one.ask(method, url, { body, headers: { 'if-match': '"stale"' } }), 412).code).toBe('settings.changed');
    isProblem(await one.ask('PUT', url, { body: example, headers: { 'if-none-match': '*' } }), 412);
    expect(one.written()).toBe(before);
    expect((await one.ask('GET', url)).headers['etag']).toBe(tag);
  });

  it('takes a token, and for changes one that may', async () => {
    for (const [method, to, body] of [['GET', path, undefined], ['GET', url, undefined], ['POST', path, example], ['PUT', url, example], ['PATCH', url, {}], ['DELETE', url, undefined]] as const) {
      isProblem(await one.ask(method, to, { body, scope: 'none' }), 401);
      if (method !== 'GET') isProblem(await one.ask(method, to, { body, scope: 'read' }), 403);
    }
  });

  it('says that there is none', async () => {
    for (const [method, body] of [['GET', undefined], ['PATCH', {}], ['DELETE', undefined]] as const) expect(isProblem(await one.ask(method, `${path}/${unknown}`, { body }), 404).code).toBe('settings.not-found');
    if (!isMailbox) isProblem(await one.ask('POST', path, { body: example }), 409);
  });

  it('refuses what it cannot read, whatever it is', async () => {
    for (const [body, type, status] of [['{', 'application/json', 400], ['x', 'text/plain', 415], ['<a/>', 'application/xml', 415], [`"${'x'.repeat(1_048_576)}"`, 'application/json', 413], ['{"__proto__":{}}', 'application/json', 400]] as const) isProblem(await one.ask('PUT', url, { body, type }), status);
    for (const body of ['"x"', '[]', 'null', '7', 'true']) isProblem(await one.ask('PUT', url, { body }), 422);
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'cursor=']) expect(isProblem(await one.ask('GET', `${path}?${query}`), 400).errors).toEqual([{ field: query.split('=')[0], problem: expect.any(String) as unknown }]);
  });

  it('refuses bad fields by their names, and changes nothing', async () => {
    const { schema } = description.paths[described]!.put!.requestBody!.content['application/json']!;
    const before = (await one.ask('GET', url)).headers['etag'];
    const { [kind.key]: _key, ...rest } = example;
    const bad = badValues({ ...schema, required: (schema.required ?? []).filter((name) => name !== kind.key && !kind.secrets?.includes(name)) }, rest);
    const wrongs: unknown[] = [];
    for (const { what, field, value } of bad) {
      const { status, body, headers } = await one.ask('PUT', url, { body: value });
      const named = (body as { errors?: Array<{ field: string }> }).errors?.some((error) => error.field === field || error.field.startsWith(`${field}.`) || field.startsWith(`${error.field}.`));
      // a secret comes back as it was shown
      if (status !== 422 || !named || headers['content-type'] !== 'application/problem+json') wrongs.push({ what, field, value, status, body });
    }
    expect(wrongs).toEqual([]);
    expect(bad.length).toBeGreaterThan(Object.keys(schema.properties ?? {}).length);
    expect((await one.ask('GET', url)).headers['etag']).toBe(before);
  });

  it('is added once, removed once, and cannot change its key', async () => {
    if (isMailbox) return;
    const other = kind.key === 'number' ? '654321' : 'another.example';
    expect(isProblem(await one.ask('PATCH', url, { body: { [kind.key]: other } }), 422).errors).toEqual([{ field: kind.key, problem: expect.any(String) as unknown }]);
    const gone = await one.ask('DELETE', url);
    if (gone.status === 409) {
      expect(isProblem(gone, 409).code).toBe('settings.in-use');
      return;
    }
    expect([gone.status, gone.text]).toEqual([204, '']);
    isProblem(await one.ask('DELETE', url), 404);
    isProblem(await one.ask('PUT', url, { body: example, headers: { 'if-match': '*' } }), 412);
    const made = await one.ask('POST', path, { body: example });
    expect([made.status, made.headers['location'], fits(answers(description.paths[path]!.post!, 201), made.body)]).toEqual([201, url, true]);
  });
});

it('pages follow one another by cursor and by link', async () => {
  for (let number = 2000; number < 2007; number++) expect((await one.ask('PUT', `/api/v1/extensions/${number}`, { body: { password: 'correct horse' } })).status).toBe(201);
  const seen: string[] = [];
  let url: string | undefined = '/api/v1/extensions?limit=3';
  while (url !== undefined) {
    const { body, headers }: Answer = await one.ask('GET', url);
    const { extensions, next } = body as { extensions: Array<{ number: string }>; next: string | null };
    seen.push(...extensions.map(({ number }) => number));
    const link: string | undefined = /^<([^>]+)>; rel="next"$/.exec(String(headers['link'] ?? ''))?.[1];
    expect([link === undefined, extensions.length <= 3]).toEqual([next === null, true]);
    url = link;
  }
  expect(seen).toEqual((await one.store.extensions.list()).map(({ number }) => number));
  expect(seen.length).toBeGreaterThan(9);
});

it('a password is made when none is given, shown once, and another one on demand', async () => {
  const made = (await one.ask('POST', '/api/v1/extensions', { body: { number: '3001' } })).body as { password: string };
  expect(made.password).toMatch(/^[a-z2-9]{6}(-[a-z2-9]{6}){2}$/);
  const first = await one.store.extensions.get('3001');
  expect((await one.ask('GET', '/api/v1/extensions/3001')).body).toMatchObject({ password: true });
  await one.ask('PUT', '/api/v1/extensions/3001', { body: { name: 'x', password: true } });
  expect((await one.store.extensions.get('3001'))?.ha1).toEqual(first?.ha1);
  const again = (await one.ask('PATCH', '/api/v1/extensions/3001', { body: { password: null } })).body as { password: string };
  expect(again.password).not.toBe(made.password);
  expect(await one.store.extensions.get('3001')).toMatchObject({ name: 'x', ha1: expect.not.objectContaining(first?.ha1 ?? {}) as unknown });
  const { text } = await one.ask('GET', '/api/v1/extensions');
  expect([text.includes('ha1'), text.includes(first?.ha1.md5 ?? '')]).toEqual([false, false]);
});

it('what was said to an extension goes with it', async () => {
  await one.ask('PUT', '/api/v1/extensions/3100', { body: {} });
  const voice = voicemailFolder(one.folder, '3100');
  mkdirSync(voice, { recursive: true });
  writeFileSync(join(voice, 'message-1.wav'), '');
  expect([(await one.ask('DELETE', '/api/v1/extensions/3100')).status, existsSync(voice)]).toEqual([204, false]);
});

it('of 300 mailboxes a page is the same as that part of all', async () => {
  for (let number = 4000; number < 4300; number++) await one.store.extensions.add({ number: String(number), name: null, ha1: { md5: 'a'.repeat(32), sha256: 'b'.repeat(64) }, media: 'anchored', srtp: 'off', recording: 'never', createdAt: 0 });
  await one.store.voicemail.set('4007', { email: 'x@example.org' });
  const list = async (query: string) => ((await one.ask('GET', `/api/v1/mailboxes${query}`)).body as { mailboxes: Array<{ number: string; email: string | null }> }).mailboxes;
  const all = await list('?limit=1000');
  expect([all.length > 300, all.find(({ number }) => number === '4007')?.email]).toEqual([true, 'x@example.org']);
  expect(await list('?limit=20&cursor=3999')).toEqual(all.filter(({ number }) => number.length === 4 && number >= '4000' && number < '4020'));
});

it('the party line stays, and a number is one thing only', async () => {
  expect(isProblem(await one.ask('DELETE', '/api/v1/rooms/8000'), 409).code).toBe('room.party-line');
  expect(isProblem(await one.ask('PUT', '/api/v1/rooms/1001', { body: {} }), 422).errors).toEqual([{ field: 'number', problem: 'it is the number of an extension' }]);
  expect(isProblem(await one.ask('PUT', '/api/v1/extensions/8100', { body: {} }), 422).errors).toEqual([{ field: 'number', problem: 'it is the number of a conference room' }]);
  expect(isProblem(await one.ask('PUT', '/api/v1/mailboxes/4999', { body: {} }), 422).errors).toEqual([{ field: 'number', problem: 'there is no extension 4999' }]);
});

it('of editors who saw the same, one is first', async () => {
  const { headers: { etag } } = await one.ask('GET', '/api/v1/rooms/8100');
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => one.ask('PATCH', '/api/v1/rooms/8100', { body: { name: `by ${i}` }, headers: { 'if-match': etag as string } })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(7).fill(412)]);
});

it('a tenant has extensions of its own, with passwords for its domain, and stays while it has any', async () => {
  await one.ask('PUT', '/api/v1/tenants/b.example', { body: {} });
  expect(isProblem(await one.ask('PUT', '/api/v1/extensions/1001@c.example', { body: {} }), 422).errors).toEqual([{ field: 'number', problem: 'there is no tenant c.example' }]);
  expect((await one.ask('PUT', '/api/v1/extensions/1001@b.example', { body: { password: 'correct horse' } })).status).toBe(201);
  expect((await one.store.extensions.get('1001@b.example'))?.ha1).toEqual(ha1('1001', 'b.example', 'correct horse'));
  expect(isProblem(await one.ask('DELETE', '/api/v1/tenants/b.example'), 409).code).toBe('settings.in-use');
  expect((await one.ask('DELETE', '/api/v1/extensions/1001%40b.example')).status).toBe(204);
  expect((await one.ask('DELETE', '/api/v1/tenants/b.example')).status).toBe(204);
});

it('has no content where there is none, and says which types patches have', () => {
  const { delete: remove, patch, get } = description.paths['/api/v1/rooms/{number}']!;
  expect([remove!.responses['204']?.content, get!.responses['304']?.content, Object.keys(patch!.requestBody!.content)]).toEqual([undefined, undefined, ['application/json', 'application/merge-patch+json']]);
});

it('is a page for people, too: everything that is described, nothing from elsewhere, no script', async () => {
  const { status, headers, text } = await one.ask('GET', '/api/v1/docs', { scope: 'none' });
  expect([status, headers['content-type'], headers['content-security-policy']]).toEqual([200, 'text/html; charset=utf-8', expect.stringMatching(/^default-src 'none'; style-src 'sha256-/)]);
  for (const [path, of] of Object.entries(description.paths)) for (const method of Object.keys(of)) expect(text).toContain(`<b>${method.toUpperCase()}</b> <code>${path}</code>`);
  expect(text).toContain('<td><code>diversion.ringSeconds</code></td>');
  expect(text).not.toMatch(/<script|https?:\/\/|src=/);
});
