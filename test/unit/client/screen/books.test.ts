/** History and contacts in files. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Contacts, parseContacts } from '../../../../client/cli/contacts';
import { History } from '../../../../client/cli/history';
import { KEPT, type HistoryEntry } from '../../../../client/cli/state';

let folder: string;
let notices: string[];
const notice = (text: string) => void notices.push(text);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-books-'));
  notices = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const entry = (at: number): HistoryEntry => ({ at, kind: 'missed', address: '1002', name: 'Bob', durationMs: 0 });

test('two phones do not lose each other’s lines', () => {
  const [one, two] = [new History(folder, notice), new History(folder, notice)];
  one.add(entry(1));
  two.add(entry(2));
  one.add(entry(3));
  expect(new History(folder, notice).entries().map(({ at }) => at)).toEqual([3, 2, 1]);
  const [a, b] = [new Contacts(folder, notice), new Contacts(folder, notice)];
  a.add({ name: 'Bob, at "home"', address: '1002' });
  b.add({ name: 'Al', address: '1003' });
  expect(new Contacts(folder, notice).entries()).toEqual([{ name: 'Al', address: '1003' }, { name: 'Bob, at "home"', address: '1002' }]);
  b.remove('1002');
  expect(new Contacts(folder, notice).entries()).toHaveLength(1);
  expect(readdirSync(folder).sort()).toEqual(['contacts.csv', 'history.jsonl']);
  expect(notices).toEqual([]);
});

test('the history is bounded', () => {
  writeFileSync(join(folder, 'history.jsonl'), Array.from({ length: KEPT.history }, (_, i) => `${JSON.stringify(entry(i))}\n`).join(''));
  new History(folder, notice).add(entry(9999));
  const kept = new History(folder, notice).entries();
  expect(kept).toHaveLength(KEPT.history);
  expect(kept[0]!.at).toBe(9999);
  expect(kept.at(-1)!.at).toBe(1);
});

test.each(['history.jsonl', 'contacts.csv'])('a damaged %s is kept aside', (name) => {
  const good = name === 'contacts.csv' ? 'Bob,1002' : JSON.stringify(entry(1));
  const text = `${good}\n{"half\n`;
  writeFileSync(join(folder, name), text);
  const book = name === 'contacts.csv' ? new Contacts(folder, notice) : new History(folder, notice);
  expect(book.entries()).toHaveLength(1);
  expect(notices).toEqual([expect.stringContaining('damaged')]);
  const aside = readdirSync(folder).find((file) => file.includes('.damaged-'))!;
  expect(readFileSync(join(folder, aside), 'utf8')).toBe(text);
});

test('a folder that cannot be written is told, and the call is shown all the same', () => {
  writeFileSync(join(folder, 'file'), '');
  const book = new History(join(folder, 'file', 'in'), notice);
  book.add(entry(1));
  expect(book.entries()).toHaveLength(1);
  expect(notices).toHaveLength(2);
});

test('contacts of other programs are read', () => {
  expect(parseContacts('\ufeffName,Address,Note\r\n"Carol, at home",sip:carol@example.org,x\r\n')).toEqual({ contacts: [{ name: 'Carol, at home', address: 'sip:carol@example.org' }], damaged: false });
});
