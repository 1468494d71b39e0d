/** History and contacts in files. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Contacts, parseContacts } from '../../../../client/cli/contacts';
import { SharedFile } from '../../../../client/cli/files';
import { History } from '../../../../client/cli/history';
import { KEPT, type HistoryEntry } from '../../../../client/cli/state';
import { run } from '../../../support/child';

let folder: string;
let notices: string[];
const options = { notice: (text: string) => void notices.push(text) };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-books-'));
  notices = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const entry = (at: number): HistoryEntry => ({ at, kind: 'missed', address: '1002', name: 'Bob', durationMs: 0 });
const history = () => new History(folder, options);
const contacts = () => new Contacts(folder, options);

async function loaded<T extends History | Contacts>(book: T): Promise<ReturnType<T['entries']>> {
  await book.load();
  return book.entries() as ReturnType<T['entries']>;
}

test('two phones do not lose each other’s lines', async () => {
  const [one, two] = [history(), history()];
  await Promise.all([one.add(entry(1)), two.add(entry(2)), one.add(entry(3))]);
  expect((await loaded(history())).map(({ at }) => at).sort()).toEqual([1, 2, 3]);
  const [a, b] = [contacts(), contacts()];
  await a.add({ name: 'Bob, at "home"', address: '1002' });
  await b.add({ name: 'Al', address: '1003' });
  expect(await loaded(contacts())).toEqual([{ name: 'Al', address: '1003' }, { name: 'Bob, at "home"', address: '1002' }]);
  await b.remove('1002');
  expect(await loaded(contacts())).toHaveLength(1);
  expect(readdirSync(folder).sort()).toEqual(['contacts.csv', 'history.jsonl']);
  expect(notices).toEqual([]);
});

test('nor do two processes', async () => {
  const root = join(__dirname, '../../../..');
  const phone = (first: number) => run(process.execPath, ['-r', './test/support/register-ts.cjs', join(__dirname, 'add-lines.ts'), folder, String(first), '40'], { cwd: root, timeoutMs: 30_000 });
  expect(await Promise.all([phone(0), phone(100)])).toEqual([expect.objectContaining({ code: 0 }), expect.objectContaining({ code: 0 })]);
  const all = [...Array.from({ length: 40 }, (_, i) => i), ...Array.from({ length: 40 }, (_, i) => 100 + i)];
  const numeric = (a: number, b: number): number => a - b;
  expect((await loaded(history())).map(({ at }) => at).sort(numeric)).toEqual(all);
  expect((await loaded(contacts())).map(({ address }) => Number(address)).sort(numeric)).toEqual(all);
  expect(readdirSync(folder).sort()).toEqual(['contacts.csv', 'history.jsonl']);
}, 40_000);

test('a call is shown at once, whatever the file says', async () => {
  const book = history();
  const written = [book.add(entry(1)), book.add(entry(2))];
  expect(book.entries().map(({ at }) => at)).toEqual([2, 1]);
  await written[0];
  expect(book.entries().map(({ at }) => at)).toEqual([2, 1]);
  await book.settled();
  expect(existsSync(join(folder, 'history.jsonl'))).toBe(true);
});

test('the lock of a phone that died is taken away, and only once', async () => {
  const file = join(folder, 'x');
  writeFileSync(`${file}.lock`, 'whose');
  const long = new Date(Date.now() - 60_000);
  utimesSync(`${file}.lock`, long, long);
  await Promise.all(Array.from({ length: 8 }, (_, i) => new SharedFile(file).update((text) => ({ text: `${text}${i}` }))));
  expect([...readFileSync(file, 'utf8')].sort().join('')).toBe('01234567');
  expect(readdirSync(folder)).toEqual(['x']);
});

test('who loses its lock while it is slow begins again, and undoes nobody’s change', async () => {
  const file = join(folder, 'x');
  let asked = 0;
  await new SharedFile(file).update((text) => {
    if (asked++ === 0) {
      // another phone took the lock for a dead one's, and wrote
      writeFileSync(file, 'theirs ');
      rmSync(`${file}.lock`);
    }
    return { text: `${text}ours` };
  });
  expect(readFileSync(file, 'utf8')).toBe('theirs ours');
  expect(asked).toBe(2);
});

test('a lock that another phone holds on to is told, in a sentence', async () => {
  const file = join(folder, 'x');
  writeFileSync(`${file}.lock`, 'whose');
  let now = 0;
  const clock = { now: () => now, wall: () => new Date(), after: (ms: number, work: () => void) => ((now += ms), setImmediate(work), { cancel: () => undefined }) };
  await expect(new SharedFile(file, clock).update((text) => ({ text }))).rejects.toThrow(/is being written by another phone: if there is none, remove .*x\.lock/);
});

test('while another phone writes, this one’s sound goes on', async () => {
  const lock = join(folder, 'history.jsonl.lock');
  writeFileSync(lock, 'whose');
  const written = history().add(entry(1));
  let ticks = 0;
  await new Promise<void>((resolve) => {
    const ticker = setInterval(() => {
      if (++ticks < 10) return;
      clearInterval(ticker);
      resolve();
    }, 5);
  });
  expect(existsSync(join(folder, 'history.jsonl'))).toBe(false);
  rmSync(lock);
  await written;
  expect(await loaded(history())).toHaveLength(1);
});

test('the history is bounded', async () => {
  writeFileSync(join(folder, 'history.jsonl'), Array.from({ length: KEPT.history }, (_, i) => `${JSON.stringify(entry(i))}\n`).join(''));
  await history().add(entry(9999));
  const kept = await loaded(history());
  expect(kept).toHaveLength(KEPT.history);
  expect(kept[0]!.at).toBe(9999);
  expect(kept.at(-1)!.at).toBe(1);
});

test.each(['history.jsonl', 'contacts.csv'])('a damaged %s is kept aside', async (name) => {
  const good = name === 'contacts.csv' ? 'Bob,1002' : JSON.stringify(entry(1));
  const text = `${good}\n{"half\n`;
  writeFileSync(join(folder, name), text);
  expect(await loaded(name === 'contacts.csv' ? contacts() : history())).toHaveLength(1);
  expect(notices).toEqual([expect.stringContaining('damaged')]);
  const aside = readdirSync(folder).find((file) => file.includes('.damaged-'))!;
  expect(readFileSync(join(folder, aside), 'utf8')).toBe(text);
});

test('a folder that cannot be written is told, and the call is shown all the same', async () => {
  writeFileSync(join(folder, 'file'), '');
  const book = new History(join(folder, 'file', 'in'), options);
  await book.load();
  await book.add(entry(1));
  expect(book.entries()).toHaveLength(1);
  expect(notices).toHaveLength(2);
});

test('contacts of other programs are read', () => {
  expect(parseContacts('\ufeffName,Address,Note\r\n"Carol, at home",sip:carol@example.org,x\r\n')).toEqual({ contacts: [{ name: 'Carol, at home', address: 'sip:carol@example.org' }], damaged: false });
});
