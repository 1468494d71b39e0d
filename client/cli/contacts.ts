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
import { SharedFile } from './files';
import type { BookOptions } from './history';
import { sameAddress, type Contact } from './state';

const MOST = 5000;
const LONGEST = 500;

export class Contacts {
  private readonly file: SharedFile;
  private kept: Contact[] = [];

  constructor(
    folder: string,
    private readonly options: BookOptions,
  ) {
    this.file = new SharedFile(join(folder, 'contacts.csv'), options.clock);
  }

  /** By name. */
  entries(): readonly Contact[] {
    return this.kept;
  }

  load(): Promise<void> {
    return this.change('read', undefined);
  }

  /** An address that is there already gets the new name. */
  async add(contact: Contact): Promise<void> {
    const { name, address } = { name: oneLine(contact.name), address: oneLine(contact.address) };
    if (name === '' || address === '') return this.options.notice('a contact needs a name and an address');
    await this.change('written', (all) => [...all.filter((other) => !sameAddress(other.address, address)), { name, address }]);
  }

  remove(address: string): Promise<void> {
    return this.change('written', (all) => all.filter((other) => other.address !== address));
  }

  /** When all is written. */
  settled(): Promise<void> {
    return this.file.settled();
  }

  /** What cannot be read is kept aside and left out. */
  private async change(what: string, how: ((all: Contact[]) => Contact[]) | undefined): Promise<void> {
    try {
      let kept: Contact[] = [];
      const copy = await this.file.update((text) => {
        const { contacts, damaged } = parseContacts(text);
        kept = (how?.(contacts) ?? contacts).sort(byName);
        if (how && kept.length > Math.max(MOST, contacts.length)) throw new Error(`there are ${MOST} already, remove one first`);
        return { text: how || damaged ? written(kept) : undefined, keepAside: damaged };
      });
      this.kept = kept;
      if (copy !== undefined) this.options.notice(`the contacts were damaged: those that could be read are kept, the whole file is in ${copy}`);
    } catch (err) {
      this.options.notice(`the contacts cannot be ${what}: ${(err as Error).message}`);
    }
  }
}

function written(contacts: readonly Contact[]): string {
  return `name,address\r\n${contacts.map(({ name, address }) => `${quoted(name)},${quoted(address)}\r\n`).join('')}`;
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

const order = new Intl.Collator();

function byName(a: Contact, b: Contact): number {
  return order.compare(a.name, b.name);
}
