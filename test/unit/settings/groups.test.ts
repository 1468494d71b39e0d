/** Groups and queues as they may be set. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../../../signaling/clock';
import { anyKinds } from '../../../signaling/settings/catalogue';
import { SettingsDoor } from '../../../signaling/settings/door';
import { SettingsError } from '../../../signaling/settings/problems';
import { extensionSettings } from '../../../signaling/settings/kinds/extension';
import { openStore, type Store } from '../../../signaling/store/store';

let folder: string;
let store: Store;
let door: SettingsDoor;
const kindOf = (name: string) => anyKinds.find((one) => one.name === name)!;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-groups-'));
  store = await openStore({ dataDir: folder });
  door = new SettingsDoor(store, anyKinds, { clock: systemClock, random: systemRandom, realm: 'offhook' });
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const problems = (kind: string, value: object): Promise<unknown> =>
  door.put(kindOf(kind), kind === 'group' ? '600' : '650', value).then(() => [], (err: unknown) => (err instanceof SettingsError ? err.problems.map(({ field, problem }) => `${field}: ${problem}`) : err));

it.each<[string, object, string[]]>([
  ['group', { members: ['1001'] }, []],
  ['group', { members: ['+4917012345', '1001'], otherwise: '650', music: 'default' }, []],
  ['group', { members: [] }, [expect.stringMatching(/^members: /) as string]],
  ['group', { members: ['1001', '1001'] }, ['members: has somebody twice']],
  ['group', { members: ['600'], otherwise: '600' }, ['members: has the group itself', 'otherwise: is the group itself']],
  ['group', { members: ['1001'], otherwise: 'voicemail:1999' }, ['otherwise: there is no extension 1999']],
  ['group', { members: ['1001'], otherwise: 'mailbox 7' }, ['otherwise: must be a number as it would be dialled, or voicemail:NUMBER']],
  ['group', { members: ['1001'], strategy: 'alphabetical' }, [expect.stringMatching(/^strategy: /) as string]],
  ['queue', {}, []],
  ['queue', { agents: ['1001', '1001'] }, ['agents: has somebody twice']],
  ['queue', { overflow: '650' }, ['overflow: is the queue itself']],
  ['queue', { overflow: 'voicemail:1999' }, ['overflow: there is no extension 1999']],
  ['queue', { exitKey: '12' }, ['exitKey: must be one key']],
  ['queue', { priorities: [{ callers: 'abc', priority: 1 }] }, ['priorities.0.callers: must be the beginning of a number']],
])('a %s: %j', async (kind, value, expected) => {
  expect(await problems(kind, value)).toEqual(expected);
});

it('a number is a group\'s or a queue\'s, never both', async () => {
  await door.put(kindOf('group'), '610', { members: ['1001'] });
  await expect(door.put(kindOf('queue'), '610', {})).rejects.toMatchObject({ problems: [{ field: 'number', problem: 'it is the number of a group' }] });
});

it('where else somebody is looked for has defaults, and bounds', () => {
  expect(extensionSettings.parse({ findMe: { targets: [{ number: '1003' }] } })).toEqual({ findMe: { order: 'in-turn', targets: [{ number: '1003', delay: 0, seconds: 20 }] } });
  for (const findMe of [{ targets: [{ number: 'x' }] }, { order: 'never', targets: [] }, { targets: [{ number: '1003', seconds: 0 }] }]) expect(extensionSettings.safeParse({ findMe }).success).toBe(false);
});
