import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LibsqlConnection } from '../../../signaling/store/libsql-connection';
import { FakeClock } from '../../support/fake-clock';

let folder: string;
let one: LibsqlConnection;
let other: LibsqlConnection;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-libsql-'));
  one = new LibsqlConnection(join(folder, 'a.db'), 1000, new FakeClock());
  await one.pragma('journal_mode = WAL');
  await one.run('create table fact (name text primary key, value text)');
  other = new LibsqlConnection(join(folder, 'a.db'), 1000, new FakeClock());
});

afterEach(() => {
  one.close();
  other.close();
  rmSync(folder, { recursive: true, force: true });
});

const all = 'select * from fact order by name';
const add = 'insert into fact (name, value) values (?, ?)';

describe('a statement that is run again', () => {
  it('sees what another connection wrote meanwhile', async () => {
    expect((await one.run(all)).rows).toEqual([]);
    for (let i = 0; i < 5; i++) {
      await other.run(add, [`n${i}`, 'x']);
      expect((await one.run(all)).rows).toHaveLength(i + 1);
    }
  });

  it('has the parameters of this time, whatever it had before', async () => {
    const find = 'select value from fact where name = ?';
    await one.run(add, ['a', '1']);
    await one.run(add, ['b', null]);
    for (const [name, rows] of [['a', [{ value: '1' }]], ['b', [{ value: null }]], ['c', []], ['a', [{ value: '1' }]]] as const) {
      expect((await one.run(find, [name])).rows).toEqual(rows);
    }
  });

  it('knows a column that came meanwhile', async () => {
    await one.run(add, ['a', '1']);
    await one.run(all);
    await other.run('alter table fact add column place text');
    expect((await one.run(all)).rows).toEqual([{ name: 'a', value: '1', place: null }]);
  });

  it('works after it failed', async () => {
    await one.run(add, ['a', '1']);
    for (let i = 0; i < 3; i++) await expect(one.run(add, ['a', '2'])).rejects.toMatchObject({ code: 'store.failed' });
    expect(await one.run(add, ['b', '2'])).toMatchObject({ changes: 1 });
    expect((await other.run(all)).rows).toHaveLength(2);
  });

  it('holds nobody up: others write, and the log goes home when the last one closes', async () => {
    for (let i = 0; i < 3; i++) {
      await one.run(all);
      await one.run(add, [`one${i}`, 'x']);
      await other.run(all);
      await other.run(add, [`other${i}`, 'x']);
    }
    one.close();
    other.close();
    expect(statSync(join(folder, 'a.db-wal'), { throwIfNoEntry: false })?.size ?? 0).toBe(0);
    expect(readFileSync(join(folder, 'a.db')).includes('other2')).toBe(true);
  });
});

it('many statements, again and again', async () => {
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 100; i++) expect((await one.run(`select ${i} as n`)).rows).toEqual([{ n: i }]);
  }
});
