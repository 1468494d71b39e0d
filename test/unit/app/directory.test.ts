import { Directory, type DirectoryOptions } from '../../../signaling/app/directory';
import { silentLogger } from '../../../signaling/log';
import { FakeClock } from '../../support/fake-clock';
import { extension, MemoryStore } from './fakes';

function make(options: DirectoryOptions = {}): { clock: FakeClock; store: MemoryStore; directory: Directory } {
  const clock = new FakeClock();
  const store = new MemoryStore('1001', '1002');
  return { clock, store, directory: new Directory(store, { clock, log: silentLogger }, options) };
}

test('asks the store once for each number, there or not', async () => {
  const { store, directory } = make();
  for (let i = 0; i < 3; i++) {
    expect((await directory.find('1001'))?.number).toBe('1001');
    expect(await directory.find('9999')).toBeUndefined();
  }
  expect(store.queries).toBe(2);
  expect(directory.stats()).toMatchObject({ cached: 1, misses: 1, queries: 2 });
});

test('askers that come together share one question', async () => {
  const { store, directory } = make();
  const found = await Promise.all(Array.from({ length: 10 }, () => directory.find('1001')));
  expect(found.every((e) => e?.number === '1001')).toBe(true);
  expect(store.queries).toBe(1);
});

test('what cannot be a number is nobody, unasked', async () => {
  const { store, directory } = make();
  expect(await directory.find('')).toBeUndefined();
  expect(await directory.find('1'.repeat(321))).toBeUndefined();
  expect(store.queries).toBe(0);
});

test('a change by another process is seen, at most checkMs later', async () => {
  const { clock, store, directory } = make({ checkMs: 100 });
  let told = 0;
  directory.onChanged(() => told++);
  await directory.find('1001');
  await directory.find('1003');
  store.rows.delete('1001');
  store.rows.set('1003', extension('1003'));
  store.dirty = true;
  clock.advance(99);
  expect(await directory.find('1001')).toBeDefined();
  expect(told).toBe(0);
  clock.advance(1);
  expect(await directory.find('1001')).toBeUndefined();
  expect(await directory.find('1003')).toBeDefined();
  expect(told).toBe(1);
});

test('no change: nothing is asked again', async () => {
  const { clock, store, directory } = make();
  await directory.find('1001');
  clock.advance(1000);
  await directory.find('1001');
  expect(store.queries).toBe(1);
});

test('a store that cannot say whether it changed leaves the cache in use', async () => {
  const { clock, store, directory } = make();
  await directory.find('1001');
  clock.advance(1000);
  store.fail = new Error('locked');
  expect((await directory.find('1001'))?.number).toBe('1001');
  expect(directory.stats().failedChecks).toBe(1);
  await expect(directory.find('1002')).rejects.toThrow('locked');
  store.fail = undefined;
  expect((await directory.find('1002'))?.number).toBe('1002');
});

test('an answer that was under way during a change is not kept', async () => {
  const { store, directory } = make();
  await directory.refresh();
  let release: () => void = () => undefined;
  const old = store.extensions.get;
  store.extensions.get = async (number) => {
    const row = await old(number);
    await new Promise<void>((resolve) => (release = resolve));
    return row;
  };
  const asked = directory.find('1001');
  await new Promise(setImmediate);
  directory.invalidate();
  store.extensions.get = old;
  const changed = { ...extension('1001'), name: 'new' };
  store.rows.set('1001', changed);
  expect((await directory.find('1001'))?.name).toBe('new');
  release();
  await asked;
  expect((await directory.find('1001'))?.name).toBe('new');
});

test('both tables are bounded', async () => {
  const { directory, store } = make({ maxCached: 1, maxMisses: 2 });
  for (const number of ['1001', '1002', '1', '2', '3']) await directory.find(number);
  expect(directory.stats()).toMatchObject({ cached: 1, misses: 2 });
  const before = store.queries;
  await directory.find('1002');
  expect(store.queries).toBe(before);
});

test('a listener that throws stops neither the others nor the answer', async () => {
  const { store, directory } = make();
  const told: string[] = [];
  directory.onChanged(() => {
    throw new Error('broken');
  });
  directory.onChanged(() => told.push('second'));
  store.dirty = true;
  expect(await directory.find('1001')).toBeDefined();
  expect(told).toEqual(['second']);
});
