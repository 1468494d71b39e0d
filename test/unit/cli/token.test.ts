import { join } from 'node:path';
import { openStore } from '../../../signaling/store/store';
import { tokenDigest } from '../../../signaling/token';
import { offhook, temporaryFolder } from './run-cli';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(async () => {
  folder = temporaryFolder();
  await (await openStore({ dataDir: join(folder.path, 'data') })).close();
});
afterEach(() => folder.remove());
const run = (...argv: string[]) => offhook(folder.path, ['token', ...argv]);

async function stored() {
  const store = await openStore({ dataDir: join(folder.path, 'data') });
  const tokens = await store.tokens.list();
  await store.close();
  return tokens;
}

it('is shown once, and kept as a digest', async () => {
  const { code, out, err } = await run('add', 'my script', '--scope', 'write');
  const token = /^ {4}(offhook_\S{43})$/m.exec(out)?.[1] ?? '';
  expect([code, err, out.split(token)[0]]).toEqual([0, '', 'Token my script was made. It is shown now and never again:\n\n    ']);
  expect(await stored()).toEqual([{ name: 'my script', scope: 'write', digest: tokenDigest(token), createdAt: Date.UTC(2026, 0, 1) }]);
  for (const argv of [['list'], ['list', '--json']]) expect((await run(...argv)).out).not.toContain(token.slice(8));
});

it('may look only, unless something else is said', async () => {
  const { name, scope, token } = JSON.parse((await run('add', 'x', '--json')).out) as Record<string, string>;
  expect([name, scope, (await stored())[0]!.digest]).toEqual(['x', 'read', tokenDigest(token!)]);
});

it('are listed', async () => {
  expect((await run('list')).out).toBe('There are no tokens. Make one: offhook token add NAME\n');
  await run('add', 'b', '--scope', 'admin');
  await run('add', 'a');
  expect((await run('list')).out).toBe('NAME  SCOPE  MADE\na     read   2026-01-01T00:00:00Z\nb     admin  2026-01-01T00:00:00Z\n');
  expect(JSON.parse((await run('list', '--json')).out)).toEqual([{ name: 'a', scope: 'read', createdAt: '2026-01-01T00:00:00.000Z' }, { name: 'b', scope: 'admin', createdAt: '2026-01-01T00:00:00.000Z' }]);
});

it('are removed', async () => {
  await run('add', 'a');
  expect((await run('remove', 'a')).out).toBe('Token a was removed.\n');
  expect(await stored()).toEqual([]);
  expect(await run('remove', 'a', '--json')).toEqual({ code: 1, out: '', err: 'offhook: There is no token a. “offhook token list” shows those that there are.\n' });
});

it.each([
  [['add', 'a'], 1, 'There is a token a already. Choose another name, or remove it with “offhook token remove a”.'],
  [['add', '-x', '--json'], 2, "unknown option '-x'"],
  [['add', ' x'], 2, '“ x” cannot be the name of a token'],
  [['add', 'x\n'], 2, 'cannot be the name of a token'],
  [['add', 'x', '--scope', 'root'], 2, 'Allowed choices are read, write, admin'],
  [['add'], 2, "missing required argument 'name'"],
])('%j is refused', async (argv, code, sentence) => {
  await run('add', 'a');
  expect(await run(...argv)).toMatchObject({ code, out: '', err: expect.stringContaining(sentence) as unknown });
  expect(await stored()).toHaveLength(1);
});

it('takes data to be there', async () => {
  expect(await run('list', '--data', 'nowhere')).toMatchObject({ code: 1, err: expect.stringContaining('There is no Offhook data') as unknown });
});
