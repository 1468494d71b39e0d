/**
 * Where a name leads to (RFC 3263 §4.2): an address is taken as it is; with a port its addresses are looked up; without one SRV records come first, and
 * where there are none the addresses with the protocol's own port.
 */
import { lookup, resolveSrv } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { SrvRecord } from 'node:dns';
import type { Chance } from '../../clock';
import type { HostPort, Protocol } from '../../sip/channel';

/** What is asked of the system, so that tests can answer. Both reject with an error that has a `code`. */
export interface Names {
  srv(name: string): Promise<SrvRecord[]>;
  /** In the system's order of preference. */
  addresses(name: string): Promise<string[]>;
}

export const systemNames: Names = {
  srv: (name) => resolveSrv(name),
  addresses: async (name) => (await lookup(name, { all: true, verbatim: true })).map((one) => one.address),
};

export const DEFAULT_PORT: Record<Protocol, number> = { UDP: 5060, TCP: 5060, TLS: 5061, WS: 80, WSS: 443 };

/** RFC 3263 §4.1; WebSockets are found by their URI alone. */
const SERVICE: Partial<Record<Protocol, string>> = { UDP: '_sip._udp', TCP: '_sip._tcp', TLS: '_sips._tcp' };

const MAX_CANDIDATES = 8;

/** In the order in which they are to be tried; at least one. Rejects with the look-up's own error. */
export async function candidates(protocol: Protocol, host: string, port: number | undefined, names: Names, chance: Chance): Promise<HostPort[]> {
  if (isIP(host)) return [{ host, port: port ?? DEFAULT_PORT[protocol] }];
  if (port !== undefined) return addressesOf(host, port, names);
  const service = SERVICE[protocol];
  // No such records, or a resolver that does not answer for them: most small networks have none.
  const records = service && host.includes('.') ? await names.srv(`${service}.${host}`).catch(() => []) : [];
  // RFC 2782: a single "." says that the service is decidedly not there.
  const usable = records.filter((record) => record.name !== '' && record.name !== '.');
  if (usable.length === 0) return addressesOf(host, DEFAULT_PORT[protocol], names);
  const found: HostPort[] = [];
  let failure: unknown;
  for (const record of inOrder(usable, chance)) {
    try {
      found.push(...(await addressesOf(record.name, record.port, names)));
    } catch (error) {
      failure = error;
    }
    if (found.length >= MAX_CANDIDATES) break;
  }
  if (found.length === 0) throw failure;
  return found.slice(0, MAX_CANDIDATES);
}

async function addressesOf(name: string, port: number, names: Names): Promise<HostPort[]> {
  const found = await names.addresses(name);
  if (found.length === 0) throw Object.assign(new Error(`${name} has no address`), { code: 'ENOTFOUND' });
  return found.slice(0, MAX_CANDIDATES).map((host) => ({ host, port }));
}

/** RFC 2782: lower priorities first, among equal ones by chance in proportion to their weights. */
export function inOrder(records: readonly SrvRecord[], chance: Chance): SrvRecord[] {
  const out: SrvRecord[] = [];
  for (const priority of [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b)) {
    const left = records.filter((record) => record.priority === priority);
    while (left.length > 0) {
      // One is added to each weight, so that those of weight 0 have their small chance, too.
      let at = chance() * left.reduce((sum, record) => sum + record.weight + 1, 0);
      const index = left.findIndex((record) => (at -= record.weight + 1) < 0);
      out.push(...left.splice(Math.max(0, index), 1));
    }
  }
  return out;
}
