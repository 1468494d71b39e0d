import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { label, name, number, target, timeZone } from '../../../signaling/settings/fields';
import { SettingsDoor } from '../../../signaling/settings/door';
import { SettingsError } from '../../../signaling/settings/problems';
import { withoutSecrets } from '../../../signaling/settings/secrets';
import { etagOf, matches } from '../../../signaling/settings/etag';
import { kind, type AnyKind, type Problem } from '../../../signaling/settings/kind';
import { systemRandom } from '../../../signaling/clock';
import { openStore, type Store } from '../../../signaling/store/store';
import { OffhookError } from '../../../signaling/errors';

const team = kind({
  name: 'team',
  plural: 'teams',
  meaning: 'people',
  key: 'number',
  schema: z.object({ number, title: label.default('a team'), members: z.array(target).max(3), seconds: z.int().min(1).max(60).default(20) }),
  check: ({ members }) => (new Set(members).size < members.length ? [{ field: 'members', problem: 'has somebody twice' }] : []),
  refers: ({ members }) => members.map((key, i) => ({ field: `members.${i}`, kind: 'number', key })),
});
const line = kind({
  name: 'line',
  plural: 'lines',
  meaning: 'a way out',
  key: 'name',
  schema: z.object({ name, password: z.string().min(4), zone: timeZone.optional() }),
  secrets: ['password'],
});
const kinds: readonly AnyKind[] = [team as unknown as AnyKind, line as unknown as AnyKind];
const [teams, lines] = kinds as [AnyKind, AnyKind];

let folder: string;
let store: Store;
let door: SettingsDoor;
let written = 0;
let now = 1000;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-settings-'));
  store = await openStore({ dataDir: folder });
  written = 0;
  now = 1000;
  door = new SettingsDoor(store, kinds, { clock: { wall: () => new Date(now) }, random: systemRandom, realm: 'offhook', written: () => void written++ });
  await store.items.put({ kind: 'other', key: '300', value: {}, updatedAt: 0 }, true);
  await store.items.put({ kind: 'other', key: '301', value: {}, updatedAt: 0 }, true);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const problems = async (work: Promise<unknown>): Promise<readonly Problem[] | string> =>
  work.then(() => 'no error', (err: unknown) => (err instanceof SettingsError ? err.problems : err instanceof OffhookError ? err.code : String(err)));

it('fills in what is left out, and says that it was written', async () => {
  const { stored, created } = await door.put(teams, '500', { members: ['300'] });
  expect({ created, value: stored.value }).toEqual({ created: true, value: { number: '500', title: 'a team', members: ['300'], seconds: 20 } });
  expect(written).toBe(1);
  now = 2000;
  expect(await door.put(teams, '500', { ...stored.value, title: 'b' })).toMatchObject({ created: false, stored: { value: { title: 'b' } } });
  expect((await store.items.get('team', '500'))?.updatedAt).toBe(2000);
  expect(await door.list(teams)).toEqual([await door.get(teams, '500')]);
});

it.each<[string, string, unknown, Problem[]]>([
  ['a field too much', '500', { members: [], colour: 'red' }, [{ field: 'colour', problem: 'there is no such field' }]],
  ['a field too few', '500', {}, [{ field: 'members', problem: 'expected array, received undefined' }]],
  ['several at once', '500', { members: ['x'], seconds: 90 }, [{ field: 'members.0', problem: 'must be a number as it would be dialled' }, { field: 'seconds', problem: 'expected number to be <=60' }]],
  ['what the fields must be together', '500', { members: ['300', '300'] }, [{ field: 'members', problem: 'has somebody twice' }]],
  ['somebody who is not there', '500', { members: ['300', '999'] }, [{ field: 'members.1', problem: 'there is no number 999' }]],
  ['a number that is taken', '300', { members: [] }, [{ field: 'number', problem: 'it is the number of an other' }]],
  ['a number that means something', '701', { members: [] }, [{ field: 'number', problem: '701 is reserved for parking calls' }]],
  ['a tenant that cannot be one', '500@Acme', { members: [] }, [{ field: 'number', problem: 'Acme is not the name of a tenant' }]],
  ['another key than its own', '500', { number: '501', members: [] }, [{ field: 'number', problem: 'must be 500, and cannot be changed' }]],
  ['no object', '500', 'x', [{ field: '', problem: 'expected object, received string' }]],
])('refuses whole, and names the field: %s', async (_what, key, value, expected) => {
  expect(await problems(door.put(teams, key, value))).toEqual(expected);
  expect(await door.list(teams)).toEqual([]);
  expect(written).toBe(0);
});

it('lets the second of two editors know', async () => {
  const { stored: first } = await door.put(teams, '500', { members: [] }, { ifNoneMatch: '*' });
  expect(await problems(door.put(teams, '500', { members: [] }, { ifNoneMatch: '*' }))).toBe('settings.changed');
  await door.put(teams, '500', { members: ['300'] }, { ifMatch: first.etag });
  expect(await problems(door.put(teams, '500', { members: ['301'] }, { ifMatch: first.etag }))).toBe('settings.changed');
  expect(await problems(door.remove(teams, '500', { ifMatch: first.etag }))).toBe('settings.changed');
  expect(await problems(door.put(teams, '501', { members: [] }, { ifMatch: '*' }))).toBe('settings.changed');
  expect((await door.get(teams, '500'))?.value.members).toEqual(['300']);
  expect([await door.remove(teams, '500', { ifMatch: '*' }), await door.remove(teams, '500')]).toEqual([true, false]);
});

it('keeps secrets that come back as they were shown, and does not show them', async () => {
  await door.put(lines, 'out', { password: 'sesame' });
  const shown = withoutSecrets(lines, (await door.get(lines, 'out'))?.value ?? {});
  expect(shown).toEqual({ name: 'out', password: true });
  await door.put(lines, 'out', { ...shown, zone: 'Europe/Berlin' });
  await door.put(lines, 'out', { zone: 'Asia/Tokyo' });
  expect((await door.get(lines, 'out'))?.value).toEqual({ name: 'out', password: 'sesame', zone: 'Asia/Tokyo' });
  await door.put(lines, 'out', { password: 'another' });
  expect((await door.get(lines, 'out'))?.value).toEqual({ name: 'out', password: 'another' });
  expect(await problems(door.put(lines, 'new', { zone: 'Mars/Base' }))).toEqual([
    { field: 'password', problem: 'expected string, received undefined' },
    { field: 'zone', problem: 'must be a time zone such as Europe/Berlin' },
  ]);
});

it('tells tags by what is in them', () => {
  expect(etagOf({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(etagOf({ b: [{ d: 3, c: 2 }], a: 1 }));
  expect(etagOf({ a: 1 })).not.toBe(etagOf({ a: '1' }));
  expect(matches(`"x", W/${etagOf(1)}`, etagOf(1))).toBe(true);
  expect([matches('*', etagOf(1)), matches('*', undefined), matches('"x"', undefined)]).toEqual([true, false, false]);
});
