/**
 * The people that a person calls, in `contacts.csv` (RFC 4180): what address books and spreadsheets give and take.
 *
 *   name,address
 *   Bob Baker,1002
 *   "Carol, at home",sip:carol@example.org
 *
 * The first line may be missing. An address is whatever can be dialled. Made by hand or by another program it is taken as it is; a phone
 * that changes it writes it sorted by name.
 */
import { join } from 'node:path';
import { keepAside, locked, readWhole, writeWhole } from './files';
import { sameAddress, type Contact } from './state';

const MOST = 5000;
const LONGEST = 500;

export class Contacts {
  private readonly file: string;
  private kept: Contact[] = [];

  /** `notice` is told, in a sentence, what went wrong; nothing here throws. */
  constructor(
    folder: string,
    private readonly notice: (problem: string) => void,
    private readonly wall: () => Date = () => new Date(),
  ) {
    this.file = join(folder, 'contacts.csv');
    this.attempt('read', () => locked(this.file, () => this.take()));
  }

  /** By name. */
  entries(): readonly Contact[] {
    return this.kept;
  }

  /** An address that is there already gets the new name. */
  add(contact: Contact): void {
    const { name, address } = { name: oneLine(contact.name), address: oneLine(contact.address) };
    if (name === '' || address === '') return this.notice('a contact needs a name and an address');
    this.change((all) => [...all.filter((other) => !sameAddress(other.address, address)), { name, address }]);
  }

  remove(address: string): void {
    this.change((all) => all.filter((other) => other.address !== address));
  }

  private change(how: (all: Contact[]) => Contact[]): void {
    this.attempt('written', () =>
      locked(this.file, () => {
        this.take();
        const next = how(this.kept).sort(byName);
        if (next.length > MOST) return this.notice(`there are ${MOST} contacts already: remove one first`);
        writeWhole(this.file, `name,address\r\n${next.map(({ name, address }) => `${quoted(name)},${quoted(address)}\r\n`).join('')}`);
        this.kept = next;
      }),
    );
  }

  private take(): void {
    const text = readWhole(this.file);
    const { contacts, damaged } = parseContacts(text);
    this.kept = contacts.slice(0, MOST).sort(byName);
    if (!damaged) return;
    const copy = keepAside(this.file, this.wall());
    writeWhole(this.file, `name,address\r\n${this.kept.map(({ name, address }) => `${quoted(name)},${quoted(address)}\r\n`).join('')}`);
    this.notice(`the contacts were damaged: those that could be read are kept, the whole file is in ${copy}`);
  }

  private attempt(what: string, work: () => void): void {
    try {
      work();
    } catch (err) {
      this.notice(`the contacts cannot be ${what}: ${(err as Error).message}`);
    }
  }
}

/** `damaged`: something in it is no contact. */
export function parseContacts(text: string): { contacts: Contact[]; damaged: boolean } {
  const contacts: Contact[] = [];
  let damaged = false;
  for (const [index, line] of text.replace(/^\ufeff/, '').split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const fields = /^(?:"((?:[^"]|"")*)"|([^",]*)),(?:"((?:[^"]|"")*)"|([^",]*))(?:,.*)?$/.exec(line);
    const name = oneLine((fields?.[1] ?? fields?.[2] ?? '').replaceAll('""', '"'));
    const address = oneLine((fields?.[3] ?? fields?.[4] ?? '').replaceAll('""', '"'));
    if (index === 0 && name.toLowerCase() === 'name') continue;
    // U+FFFD: bytes that are no UTF-8.
    if (name === '' || address === '' || line.includes('\ufffd') || line.includes('\0')) damaged = true;
    else contacts.push({ name, address });
  }
  return { contacts, damaged };
}

function quoted(field: string): string {
  return /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\t\0]+/g, ' ').trim().slice(0, LONGEST);
}

function byName(a: Contact, b: Contact): number {
  return a.name.localeCompare(b.name);
}
