/** One of several phones of a person, for books.test.ts: `FOLDER FIRST COUNT` adds so many calls, one after the other, and a contact each. */
import { Contacts } from '../../../../client/cli/contacts';
import { History } from '../../../../client/cli/history';

const [, , folder = '', first = '0', count = '0'] = process.argv;
const notice = (problem: string): void => {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
};
const [history, contacts] = [new History(folder, { notice }), new Contacts(folder, { notice })];

void (async () => {
  for (let at = Number(first); at < Number(first) + Number(count); at++) {
    await Promise.all([history.add({ at, kind: 'dialled', address: '1002', name: '', durationMs: 0 }), contacts.add({ name: `n${at}`, address: `${at}` })]);
  }
})();
