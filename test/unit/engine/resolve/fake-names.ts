/** A DNS as a table: `SRV _sip._tcp.a.test` → records. Notes what it is asked; what is not in the table does not exist. */
import type { Address, Answer, NaptrRecord, Names, SrvRecord } from '../../../../signaling/engine/resolve/names';

export class FakeNames implements Names {
  readonly asked: string[] = [];
  ttlMs: number | undefined;
  private readonly table = new Map<string, readonly unknown[] | Error>();

  addresses(name: string): Promise<Answer<Address>> {
    return this.answer(`A ${name}`);
  }

  srv(name: string): Promise<Answer<SrvRecord>> {
    return this.answer(`SRV ${name}`);
  }

  naptr(name: string): Promise<Answer<NaptrRecord>> {
    return this.answer(`NAPTR ${name}`);
  }

  hasAddress(name: string, ...addresses: string[]): this {
    this.table.set(`A ${name}`, addresses.map((address): Address => ({ address, family: address.includes(':') ? 6 : 4 })));
    return this;
  }

  /** `10 50 5061 host`: priority, weight, port, name. */
  hasSrv(name: string, ...records: string[]): this {
    this.table.set(`SRV ${name}`, records.map((text): SrvRecord => {
      const [priority, weight, port, host] = text.split(' ');
      return { priority: Number(priority), weight: Number(weight), port: Number(port), name: host ?? '' };
    }));
    return this;
  }

  /** `10 50 s SIP+D2T _sip._tcp.a.test`: order, preference, flags, service, replacement. */
  hasNaptr(name: string, ...records: string[]): this {
    this.table.set(`NAPTR ${name}`, records.map((text): NaptrRecord => {
      const [order, preference, flags = '', service = '', replacement = ''] = text.split(' ');
      return { order: Number(order), preference: Number(preference), flags, service, regexp: '', replacement };
    }));
    return this;
  }

  /** `A a.test` cannot be asked for. */
  fails(question: string, code = 'ETIMEOUT'): this {
    this.table.set(question, Object.assign(new Error(`query failed: ${question}`), { code }));
    return this;
  }

  private answer<T>(question: string): Promise<Answer<T>> {
    this.asked.push(question);
    const found = this.table.get(question) ?? [];
    return found instanceof Error ? Promise.reject(found) : Promise.resolve({ records: found as readonly T[], ttlMs: this.ttlMs });
  }
}
