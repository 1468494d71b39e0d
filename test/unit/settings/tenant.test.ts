import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '../../../signaling/clock';
import { anyKinds } from '../../../signaling/settings/catalogue';
import { SettingsDoor } from '../../../signaling/settings/door';
import { addExtension } from '../../../signaling/store/seed';
import { openStore, type Store } from '../../../signaling/store/store';
import { ha1 } from '../../../signaling/credentials';

const tenant = anyKinds.find(({ name }) => name === 'tenant')!;
let folder: string;
let store: Store;
let door: SettingsDoor;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-tenants-'));
  store = await openStore({ dataDir: folder });
  door = new SettingsDoor(store, anyKinds, { clock: { wall: () => new Date(0) }, random: systemRandom, realm: 'offhook' });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const add = (number: string): Promise<unknown> => store.transaction((parts) => addExtension(parts, { sip: { realm: 'offhook' } }, { number, password: 'pw', createdAt: 0 }));

it('has extensions of its own, whose passwords belong to its domain', async () => {
  await add('1001');
  await expect(add('1001@acme.example')).rejects.toThrow('there is no tenant acme.example');
  await door.put(tenant, 'acme.example', {});
  await add('1001@acme.example');
  expect((await store.extensions.get('1001@acme.example'))?.ha1).toEqual(ha1('1001', 'acme.example', 'pw'));
  expect((await store.extensions.get('1001'))?.ha1).toEqual(ha1('1001', 'offhook', 'pw'));
});

it.each([
  ['acme', 'must be a domain in small letters, with a dot in it'],
  ['Acme.example', 'must be a domain in small letters, with a dot in it'],
  ['192.0.2.1', 'must be a name, not an address'],
  ['a..b', 'must be a domain in small letters, with a dot in it'],
  ['x@acme.example', 'must be a domain in small letters, with a dot in it'],
])('%s cannot be one', async (name, problem) => {
  await expect(door.put(tenant, name, {})).rejects.toThrow(`tenant ${name} cannot be so: name: ${problem}.`);
});
