import { spawn } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { OffhookError } from '../../../signaling/errors';
import { fromFileSystem, fromSqlite } from '../../../signaling/store/sqlite-errors';
import { migrations } from '../../../signaling/store/migrations';
import { type Extension, openStore } from '../../../signaling/store/store';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'offhook-sqlite-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const database = () => join(folder, 'offhook.db');
const extension = (number: string): Extension => ({ number, name: null, ha1: { md5: '', sha256: '' }, media: 'anchored', srtp: 'optional', recording: 'on-demand', createdAt: 0 });

async function failure(work: Promise<unknown>): Promise<OffhookError> {
  const error = await work.then(() => undefined, (thrown: unknown) => thrown);
  if (!(error instanceof OffhookError)) throw new Error(`no error of ours: ${String(error)}`);
  return error;
}

describe('opening', () => {
  it('makes the folder and the file for their owner only', async () => {
    const data = join(folder, 'a', 'b');
    await (await openStore({ dataDir: data })).close();
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(statSync(join(data, 'offhook.db')).mode & 0o777).toBe(0o600);
  });

  it('does not make anything when asked not to', async () => {
    const data = join(folder, 'none');
    const error = await failure(openStore({ dataDir: data, create: false }));
    expect(error.code).toBe('store.missing');
    expect(error.message).toContain(`There is no Offhook data in ${data}.`);
    expect(existsSync(data)).toBe(false);
  });

  it('works in WAL mode', async () => {
    const store = await openStore({ dataDir: folder });
    await store.extensions.add(extension('1001'));
    expect(existsSync(`${database()}-wal`)).toBe(true);
    await store.close();
    const raw = new Database(database());
    expect(raw.pragma('journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    raw.close();
  });

  it('has all data in its one file once it is closed', async () => {
    const store = await openStore({ dataDir: folder });
    await store.extensions.add(extension('1001'));
    await store.close();
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    copyFileSync(database(), join(copy, 'offhook.db'));
    const again = await openStore({ dataDir: copy });
    expect(await again.extensions.count()).toBe(1);
    await again.close();
  });
});

describe('what cannot be opened is one sentence', () => {
  it('a data folder that is a file', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    expect((await failure(openStore({ dataDir: path }))).message).toBe(
      `data: the data folder ${path} cannot be used: it is a file, not a folder. Make it writable, or name another one with --data.`,
    );
    expect((await failure(openStore({ dataDir: join(path, 'below') }))).message).toContain('a part of its path is a file, not a folder');
  });

  it('a folder where nothing can be made', async () => {
    const error = await failure(openStore({ dataDir: '/proc/offhook' }));
    expect([error.code, error.exitCode]).toEqual(['store.unwritable', 2]);
  });

  it('a file that is no database', async () => {
    writeFileSync(database(), 'these are not the bytes you are looking for\n'.repeat(100));
    const error = await failure(openStore({ dataDir: folder }));
    expect([error.code, error.message]).toEqual([
      'store.not-a-database',
      `${database()} is not an Offhook database. Move it away, or name another data folder with --data.`,
    ]);
  });

  it('a database of another program', async () => {
    const raw = new Database(database());
    raw.exec('create table album (title text)');
    raw.close();
    expect((await failure(openStore({ dataDir: folder }))).code).toBe('store.not-a-database');
  });

  it('a folder in place of the file', async () => {
    mkdirSync(database());
    expect((await failure(openStore({ dataDir: folder }))).code).toBe('store.unwritable');
  });

  it('a damaged database', async () => {
    const store = await openStore({ dataDir: folder });
    for (let number = 1000; number < 1300; number++) await store.extensions.add(extension(String(number)));
    await store.close();
    const bytes = readFileSync(database());
    bytes.fill(0x55, 4096 * 5, 4096 * 8);
    writeFileSync(database(), bytes);
    const error = await failure(openStore({ dataDir: folder }));
    expect([error.code, error.exitCode]).toEqual(['store.corrupt', 2]);
    expect(error.message).toContain(database());
    expect(error.message).not.toContain('\n');
  });

  it('data of a newer Offhook, which stays untouched', async () => {
    await (await openStore({ dataDir: folder })).close();
    const raw = new Database(database());
    raw.exec("insert into kysely_migration (name, timestamp) values ('9999-from-the-future', '')");
    raw.close();
    const error = await failure(openStore({ dataDir: folder }));
    expect(error.code).toBe('store.newer');
    expect(error.message).toContain('9999-from-the-future');
  });

  const unprivileged = process.getuid?.() === 0 ? it : undefined;
  // Only root can become somebody else, and only somebody else meets a folder without rights.
  unprivileged?.('a folder that belongs to somebody else', async () => {
    const data = join(folder, 'theirs');
    mkdirSync(data, { mode: 0o755 });
    chownSync(data, 0, 0);
    chmodSync(folder, 0o755);
    process.seteuid?.(65534);
    try {
      expect((await failure(openStore({ dataDir: data }))).message).toContain('permission denied');
    } finally {
      process.seteuid?.(0);
    }
  });
});

describe('another writer', () => {
  it('is waited for, and then named', async () => {
    const store = await openStore({ dataDir: folder, busyMs: 20 });
    const raw = new Database(database());
    raw.exec('begin immediate');
    const error = await failure(store.extensions.add(extension('1001')));
    expect([error.code, error.retryable, error.sipStatus]).toEqual(['store.busy', true, 503]);
    expect((await failure(store.transaction((tx) => tx.meta.set('a', 'b')))).code).toBe('store.busy');
    expect(await store.extensions.list()).toEqual([]);
    raw.exec('rollback');
    await store.extensions.add(extension('1001'));
    raw.close();
    await store.close();
  });

  it('does not keep an up-to-date database from being opened', async () => {
    await (await openStore({ dataDir: folder })).close();
    const raw = new Database(database());
    raw.exec('begin immediate');
    await (await openStore({ dataDir: folder, busyMs: 20 })).close();
    raw.exec('rollback');
    raw.close();
  });

  it('may make the database at the same moment, from another process', async () => {
    const script = join(folder, 'open.cjs');
    writeFileSync(
      script,
      `const { openStore } = require(${JSON.stringify(join(__dirname, '../../../signaling/store/store.ts'))});
       (async () => {
         const store = await openStore({ dataDir: ${JSON.stringify(join(folder, 'data'))} });
         for (let n = 0; n < 20; n++)
           await store.transaction(async (tx) => tx.meta.set('n', String(Number((await tx.meta.get('n')) ?? 0) + 1)));
         await store.close();
       })().catch((error) => { console.error(error); process.exitCode = 1; });`,
    );
    const run = () =>
      new Promise<string>((resolve) => {
        const child = spawn(process.execPath, ['--require', join(__dirname, '../../support/register-ts.cjs'), script], { stdio: ['ignore', 'ignore', 'pipe'] });
        let errors = '';
        child.stderr.on('data', (chunk: Buffer) => (errors += chunk));
        child.on('close', (status) => resolve(`${status} ${errors}`));
      });
    expect(await Promise.all([run(), run(), run()])).toEqual(['0 ', '0 ', '0 ']);
    const store = await openStore({ dataDir: join(folder, 'data') });
    expect(await store.meta.get('n')).toBe('60');
    await store.close();
  });
});

describe('migrations', () => {
  it('are applied once, in order', async () => {
    await (await openStore({ dataDir: folder })).close();
    const store = await openStore({ dataDir: folder });
    await store.close();
    const raw = new Database(database());
    const names = raw.prepare('select name from kysely_migration order by timestamp, name').all().map((row) => (row as { name: string }).name);
    raw.close();
    expect(names).toEqual(Object.keys(migrations).sort());
  });
});

describe("the driver's errors", () => {
  it.each([
    ['SQLITE_BUSY', 'store.busy'],
    ['SQLITE_BUSY_SNAPSHOT', 'store.busy'],
    ['SQLITE_LOCKED', 'store.busy'],
    ['SQLITE_FULL', 'store.full'],
    ['SQLITE_NOTADB', 'store.not-a-database'],
    ['SQLITE_CORRUPT_INDEX', 'store.corrupt'],
    ['SQLITE_READONLY_DIRECTORY', 'store.unwritable'],
    ['SQLITE_CANTOPEN', 'store.unwritable'],
    ['SQLITE_IOERR_FSYNC', 'store.failed'],
    ['', 'store.failed'],
  ])('%s is %s', (code, expected) => {
    const error = fromSqlite(Object.assign(new Error('what happened\nin detail'), { code }), '/data/offhook.db');
    expect(error.code).toBe(expected);
    expect(error.message).not.toContain('\n');
  });

  it('stay what they are once they are ours', () => {
    const error = new OffhookError('store.closed', {});
    expect(fromSqlite(error, '/x')).toBe(error);
  });

  it('of the file system are named in plain words, or quoted', () => {
    expect(fromFileSystem(Object.assign(new Error('x'), { code: 'ENOSPC' }), '/d').message).toContain('the disk is full');
    expect(fromFileSystem(Object.assign(new Error('EWHATEVER: odd'), { code: 'EWHATEVER' }), '/d').message).toContain('EWHATEVER: odd');
  });
});
