/** Records of calls are written after the calls, many at once, and nothing that the disk does reaches a call. */
import { CallHistory } from '../../../signaling/app/call-history';
import type { CallRow } from '../../../signaling/store/store';
import { callRow, START } from '../../support/call-row';
import { FakeClock } from '../../support/fake-clock';
import { FakeLog } from './call-fakes';

class Rows {
  kept: CallRow[] = [];
  batches: number[] = [];
  failing = false;
  async add(rows: readonly CallRow[]): Promise<void> {
    if (this.failing) throw new Error('the disk is full');
    this.batches.push(rows.length);
    this.kept.push(...rows);
  }
  async count(): Promise<number> {
    return this.kept.length;
  }
  async forget(before: number, limit: number): Promise<number> {
    const gone = this.kept.filter(({ startedAt }) => startedAt < before).sort((a, b) => a.startedAt - b.startedAt).slice(0, limit);
    this.kept = this.kept.filter((row) => !gone.includes(row));
    return gone.length;
  }
}

const turns = async (count = 20): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

const HOUR = 3600_000;
let rows: Rows;
let clock: FakeClock;
let log: FakeLog;
const open = (settings = { keepDays: 0, maxRows: 0 }, limits?: { most: number; batch: number }) => new CallHistory({ rows, settings, clock, log }, limits);
const ids = () => rows.kept.map(({ id }) => id).join(' ');

beforeEach(() => {
  rows = new Rows();
  clock = new FakeClock(START);
  log = new FakeLog();
});

test('they wait half a second for each other, and are made when they are written', async () => {
  const history = open();
  let made = 0;
  for (const id of ['a', 'b']) history.add(() => (made++, callRow(id)));
  clock.advance(499);
  await turns();
  expect([made, rows.batches]).toEqual([0, []]);
  clock.advance(1);
  await turns();
  expect([made, rows.batches, ids(), history.stats()]).toEqual([2, [2], 'a b', { waiting: 0, written: 2, dropped: 0, failed: 0, swept: 0 }]);
});

test('a backlog is written piece by piece', async () => {
  const history = open(undefined, { most: 100, batch: 2 });
  for (const id of 'abcde') history.add(() => callRow(id));
  clock.advance(500);
  await turns();
  expect(rows.batches).toEqual([2]);
  clock.advance(20);
  await turns();
  expect(rows.batches).toEqual([2, 2]);
  clock.advance(500);
  await turns();
  expect([rows.batches, ids()]).toEqual([[2, 2, 1], 'a b c d e']);
});

test('a disk that is full is a warning, and tried again; what does not fit meanwhile is dropped and counted', async () => {
  const history = open(undefined, { most: 3, batch: 2 });
  rows.failing = true;
  for (const id of 'abc') history.add(() => callRow(id));
  clock.advance(500);
  history.add(() => callRow('d'));
  history.add(() => callRow('e'));
  await turns();
  expect(history.stats()).toMatchObject({ waiting: 3, dropped: 2, failed: 1 });
  expect(log.lines.map(({ level }) => level)).toEqual(['warn']);
  rows.failing = false;
  clock.advance(999);
  await turns();
  expect(ids()).toBe('');
  clock.advance(1);
  await turns();
  clock.advance(500);
  await turns();
  expect([ids(), history.stats().waiting]).toEqual(['a b c', 0]);
});

test('the end writes what waits; what cannot be written is said to be lost', async () => {
  const one = open();
  one.add(() => callRow('a'));
  await one.close();
  expect([ids(), clock.waiting]).toEqual(['a', 0]);
  one.add(() => callRow('late'));
  expect(one.stats().dropped).toBe(1);

  rows.failing = true;
  const two = open();
  two.add(() => callRow('b'));
  await two.close();
  expect([two.stats().dropped, log.lines.some(({ level }) => level === 'error'), clock.waiting]).toEqual([1, true, 0]);
});

test('what is too old goes at the start and each hour', async () => {
  rows.kept = [callRow('old', { startedAt: START - 25 * HOUR }), callRow('young', { startedAt: START - 23.5 * HOUR })];
  const history = open({ keepDays: 1, maxRows: 0 });
  await history.start();
  expect(ids()).toBe('young');
  clock.advance(HOUR);
  await turns();
  expect([ids(), history.stats().swept]).toEqual(['', 2]);
  await history.close();
  expect(clock.waiting).toBe(0);
});

test('and of those that are too many the oldest', async () => {
  rows.kept = Array.from({ length: 450 }, (_, n) => callRow(`c${n}`, { startedAt: START + n }));
  const history = open({ keepDays: 0, maxRows: 3 });
  await history.start();
  expect(ids()).toBe('c447 c448 c449');
  history.add(() => callRow('new', { startedAt: START + 999 }));
  await history.flush();
  clock.advance(HOUR);
  await turns();
  expect(ids()).toBe('c448 c449 new');
  await history.close();
});
