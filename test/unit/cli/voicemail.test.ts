import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pinFits } from '../../../signaling/pin';
import { openStore, type Store } from '../../../signaling/store/store';
import { NOW, offhook, temporaryFolder } from './run-cli';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(async () => {
  folder = temporaryFolder();
  await offhook(folder.path, ['extension', 'add', '1002']);
  await withStore(async (store) => {
    for (const file of ['a.wav', 'b.wav']) await store.voicemail.begin({ mailbox: '1002', from: '1001', fromName: file === 'a.wav' ? 'Ann' : null, receivedAt: NOW, file }, 10);
    await store.voicemail.update('1002', 1, { state: 'new', durationMs: 4600 });
  });
  mkdirSync(join(folder.path, 'data/voicemail/1002'), { recursive: true });
  writeFileSync(file('a.wav'), 'sound');
});
afterEach(() => folder.remove());

const file = (name: string) => join(folder.path, 'data/voicemail/1002', name);
const run = (...argv: string[]) => offhook(folder.path, ['voicemail', ...argv]);

async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore({ dataDir: join(folder.path, 'data') });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

test('list', async () => {
  expect((await run('list', '1002')).out).toBe(
    'ID  STATE      FROM  NAME  RECEIVED                  LENGTH\n1   new        1001  Ann   2026-01-01T00:00:00.000Z  5 s\n2   recording  1001        2026-01-01T00:00:00.000Z\n',
  );
  expect(JSON.parse((await run('list', '1002', '--json')).out)).toMatchObject([{ id: 1, state: 'new', fromName: 'Ann', durationMs: 4600, file: file('a.wav') }, { id: 2 }]);
  expect(await run('list', '1009')).toMatchObject({ code: 1, err: 'offhook: There is no extension 1009.\n' });
});

test('delete, with the file', async () => {
  expect(await run('delete', '1002', '1')).toMatchObject({ code: 0, out: 'Message 1 of 1002 was deleted.\n' });
  expect(existsSync(file('a.wav'))).toBe(false);
  for (const id of ['1', 'x', '-1']) expect((await run('delete', '1002', '--', id)).code).toBe(1);
  expect((await run('delete', '1002', '2')).code).toBe(0);
  expect((await run('list', '1002')).out).toBe('The mailbox of 1002 is empty.\n');
});

test('export, over nothing that is there', async () => {
  expect((await run('export', '1002', '1', 'copy.wav')).out).toBe(`Message 1 of 1002 is in ${join(folder.path, 'copy.wav')}\n`);
  expect(readFileSync(join(folder.path, 'copy.wav'), 'utf8')).toBe('sound');
  expect(await run('export', '1002', '1', 'copy.wav')).toMatchObject({ code: 1, err: expect.stringContaining('it is there already') as string });
});

test('pin: set as a digest, taken away, refused', async () => {
  expect((await run('pin', '1002', '4711')).out).toBe('The PIN of 1002 was set.\n');
  const { pin } = await withStore((store) => store.voicemail.mailbox('1002'));
  expect([pin?.includes('4711'), await pinFits('4711', pin ?? ''), await pinFits('4712', pin ?? '')]).toEqual([false, true, false]);
  expect((await run('pin', '1002', '--clear')).out).toContain('no PIN any more');
  expect((await withStore((store) => store.voicemail.mailbox('1002'))).pin).toBeNull();
  for (const argv of [['1002'], ['1002', '4711', '--clear'], ['1002', '12'], ['1002', 'abcd']]) expect((await run('pin', ...argv)).code).toBe(2);
  expect((await run('pin', '1009', '4711')).code).toBe(1);
});

test('extension set --voicemail and --email, shown; removing an extension removes what was said to it', async () => {
  const set = (...argv: string[]) => offhook(folder.path, ['extension', 'set', '1002', ...argv]);
  expect(JSON.parse((await set('--voicemail', 'off', '--email', 'bob@example.com', '--json')).out)).toMatchObject({ voicemail: false, email: 'bob@example.com' });
  expect((await offhook(folder.path, ['extension', 'show', '1002'])).out).toMatch(/voicemail +off, 1 new and 0 saved, no PIN\ne-mail +bob@example\.com\n/);
  await set('--voicemail', 'on', '--email', '');
  expect(await withStore((store) => store.voicemail.mailbox('1002'))).toMatchObject({ enabled: true, email: null });
  expect(await set('--email', 'no address')).toMatchObject({ code: 2 });
  await offhook(folder.path, ['extension', 'remove', '1002']);
  expect(existsSync(join(folder.path, 'data/voicemail/1002'))).toBe(false);
});
