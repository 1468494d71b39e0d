import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openStore, type Recording } from '../../../signaling/store/store';
import { NOW, offhook, temporaryFolder } from './run-cli';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => folder.remove());

const run = (...argv: string[]) => offhook(folder.path, ['recording', ...argv]);
const data = () => join(folder.path, 'data');
const fileOf = (id: string) => `recordings/2026/01/01/100000-1001-1002-${id}.wav`;

async function recorded(id: string, more: Partial<Recording> = {}): Promise<void> {
  const store = await openStore({ dataDir: data() });
  await store.recordings.add({ id, callId: id, from: '1001', to: '1002', startedAt: NOW - 3600_000, durationMs: 62_400, file: fileOf(id), bytes: 5, state: 'done', problem: null, ...more });
  await store.close();
  mkdirSync(dirname(join(data(), fileOf(id))), { recursive: true });
  writeFileSync(join(data(), fileOf(id)), 'sound');
}

async function left(): Promise<string[]> {
  const store = await openStore({ dataDir: data() });
  const ids = (await store.recordings.list()).map(({ id }) => id);
  await store.close();
  return ids;
}

it.each([['list'], ['show', 'a'], ['export', 'a'], ['remove', 'a']])('%j says when there is no data, and makes none', async (...argv) => {
  const { code, err } = await run(...argv);
  expect([code, err]).toEqual([1, expect.stringMatching(/^offhook: There is no Offhook data in /)]);
  expect(existsSync(data())).toBe(false);
});

describe('list', () => {
  it('shows the newest first', async () => {
    await recorded('aaa');
    await recorded('bbb', { startedAt: NOW, from: '1003', durationMs: 3_723_000 });
    await recorded('ccc', { startedAt: NOW + 1, durationMs: 0, state: 'recording' });
    expect((await run('list')).out).toBe(
      'ID   STARTED               FROM  TO    LASTS    STATE\n' +
        'ccc  2026-01-01T00:00:00Z  1001  1002  -        recording\n' +
        'bbb  2026-01-01T00:00:00Z  1003  1002  1:02:03  done\n' +
        'aaa  2025-12-31T23:00:00Z  1001  1002  1:02     done\n',
    );
  });

  it.each([
    [['--from', '1003'], ['bbb']],
    [['--to', '1002'], ['bbb', 'aaa']],
    [['--since', '30m'], ['bbb']],
    [['--since', '2h'], ['bbb', 'aaa']],
    [['--since', '2025-12-31T23:30Z'], ['bbb']],
    [['--since', '2024-12-31'], ['bbb', 'aaa']],
  ])('%j', async (argv, ids) => {
    await recorded('aaa');
    await recorded('bbb', { startedAt: NOW, from: '1003' });
    expect((JSON.parse((await run('list', '--json', ...argv)).out) as Array<{ id: string }>).map(({ id }) => id)).toEqual(ids);
  });

  it.each(['yesterday', '2026-13-01', '5', '-1d'])('--since %s is no time', async (when) => {
    const { code, err } = await run('list', `--since=${when}`);
    expect([code, err]).toEqual([2, expect.stringContaining(`--since is “${when}”`)]);
  });

  it('of none', async () => {
    await recorded('aaa');
    expect((await run('list', '--from', '1009')).out).toBe('There are no such recordings.\n');
    expect((await run('list', '--from', '1009', '--json')).out).toBe('[]\n');
  });
});

it('show tells everything, also why it failed', async () => {
  await recorded('aaa', { state: 'failed', problem: 'Nothing more could be recorded: the disk is full.' });
  const { out } = await run('show', 'aaa');
  expect(out).toContain('from     1001 (left)\nto       1002 (right)\n');
  expect(out).toContain('problem  Nothing more could be recorded: the disk is full.\n');
  expect(out).toContain(`file     ${join(data(), fileOf('aaa'))}\n`);
  expect(JSON.parse((await run('show', 'aaa', '--json')).out)).toMatchObject({ id: 'aaa', state: 'failed', durationMs: 62_400, startedAt: '2025-12-31T23:00:00.000Z' });
});

describe('export', () => {
  it('copies under its own name, into a folder, or to a file, and never over another', async () => {
    await recorded('aaa');
    const own = '100000-1001-1002-aaa.wav';
    expect((await run('export', 'aaa')).out).toBe(`${join(folder.path, own)}\n`);
    expect(readFileSync(join(folder.path, own), 'utf8')).toBe('sound');
    mkdirSync(join(folder.path, 'there'));
    expect((await run('export', 'aaa', 'there')).out).toBe(`${join(folder.path, 'there', own)}\n`);
    expect((await run('export', 'aaa', 'b.wav', '--json')).out).toBe(`${JSON.stringify({ id: 'aaa', file: join(folder.path, 'b.wav') })}\n`);
    const again = await run('export', 'aaa', 'b.wav');
    expect([again.code, again.err]).toEqual([1, `offhook: Recording aaa cannot be copied to ${join(folder.path, 'b.wav')}: there is a file of that name already.\n`]);
  });

  it('says what is missing', async () => {
    await recorded('aaa', { file: 'recordings/gone.wav' });
    expect((await run('export', 'aaa')).err).toContain(`its own file ${join(data(), 'recordings/gone.wav')} is gone`);
    await recorded('bbb');
    expect((await run('export', 'bbb', 'no/where.wav')).err).toContain('the folder does not exist');
  });
});

describe('remove', () => {
  it('takes the file along', async () => {
    for (const id of ['aaa', 'bbb', 'ccc']) await recorded(id);
    expect((await run('remove', 'aaa', 'ccc')).out).toBe('Recording aaa was removed.\nRecording ccc was removed.\n');
    expect(await left()).toEqual(['bbb']);
    expect(['aaa', 'bbb', 'ccc'].map((id) => existsSync(join(data(), fileOf(id))))).toEqual([false, true, false]);
  });

  it('does not mind a file that is gone', async () => {
    await recorded('aaa', { file: 'recordings/gone.wav' });
    expect(JSON.parse((await run('remove', 'aaa', '--json')).out)).toEqual([{ id: 'aaa', removed: true }]);
    expect(await left()).toEqual([]);
  });

  it.each<[string, Partial<Recording>, string[], RegExp]>([
    ['one that is not there', {}, ['aaa', 'zzz'], /There is no recording zzz\./],
    ['one that is not over', { state: 'recording' }, ['aaa'], /Recording aaa is not over yet\./],
  ])('refuses %s, and removes nothing', async (_, more, ids, sentence) => {
    await recorded('aaa', more);
    const { code, err } = await run('remove', ...ids);
    expect([code, err]).toEqual([1, expect.stringMatching(sentence)]);
    expect(await left()).toEqual(['aaa']);
  });
});
