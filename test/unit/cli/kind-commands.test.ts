/** Every kind of the catalogue has the same commands. */
import { join } from 'node:path';
import { anyKinds } from '../../../signaling/settings/catalogue';
import { openStore } from '../../../signaling/store/store';
import { offhook, temporaryFolder } from './run-cli';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => folder.remove());
const run = (...argv: string[]) => offhook(folder.path, argv);

it('are in the help, and known to nobody who is not asked', async () => {
  const { out } = await run('--help');
  for (const { name } of anyKinds) expect(out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
  expect((await run('nonsense')).err).toContain("unknown command 'nonsense'");
});

it('add, list, show, change and remove', async () => {
  expect(await run('tenant', 'add', 'acme.example', 'label=Acme: the firm', 'maxCalls=5')).toEqual({ code: 0, err: '', out: 'Tenant acme.example was added.\n' });
  expect((await run('tenant', 'list')).out).toBe('NAME          LABEL           MAXCALLS  ENABLED\nacme.example  Acme: the firm  5         true\n');
  expect((await run('tenant', 'show', 'acme.example')).out).toBe('name: acme.example\nlabel: "Acme: the firm"\nmaxCalls: 5\nenabled: true\n');
  expect((await run('tenant', 'set', 'acme.example', 'maxCalls=', 'enabled=false', '--json')).out).toBe('{"name":"acme.example","label":"Acme: the firm","enabled":false}\n');
  expect(await run('tenant', 'add', 'acme.example')).toEqual({ code: 1, out: '', err: 'offhook: There is tenant acme.example already.\n' });
  expect(await run('extension', 'add', '1001@acme.example')).toMatchObject({ code: 0 });
  expect(await run('tenant', 'remove', 'acme.example')).toEqual({ code: 1, out: '', err: 'offhook: tenant acme.example cannot be removed: extension 1001@acme.example names it. Change that first.\n' });
  await run('extension', 'remove', '1001@acme.example');
  expect((await run('tenant', 'remove', 'acme.example')).out).toBe('Tenant acme.example was removed.\n');
  expect((await run('tenant', 'list')).out).toBe('There are no tenants. Add one: offhook tenant add NAME\n');
});

it.each([
  [['tenant', 'set', 'acme.example', 'maxCalls=0'], 1, 'There is no tenant acme.example.'],
  [['tenant', 'show', 'acme.example'], 1, 'There is no tenant acme.example.'],
  [['tenant', 'remove', 'acme.example'], 1, 'There is no tenant acme.example.'],
  [['tenant', 'add', 'acme.example', 'maxCalls=0'], 2, 'tenant acme.example cannot be so: maxCalls: expected number to be >=1.'],
  [['tenant', 'add', 'acme.example', 'maxCalls=[1'], 2, 'The value in “maxCalls=[1” cannot be read.'],
  [['tenant', 'add', 'acme.example', 'colour=red'], 2, 'tenant acme.example cannot be so: colour: there is no such field.'],
  [['tenant', 'add', 'acme.example', 'maxCalls'], 2, '“maxCalls” must be FIELD=VALUE.'],
])('%j is refused with one sentence', async (argv, code, sentence) => {
  await (await openStore({ dataDir: join(folder.path, 'data') })).close();
  expect(await run(...argv)).toEqual({ code, out: '', err: `offhook: ${sentence}\n` });
});
