/**
 * The DNS as Node asks it. Servers can be named; without, those of the system are asked, after its file of hosts and before whatever else it
 * knows (mDNS, search domains).
 */
import { lookup, Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Address, Answer, Names } from './names';

const HOSTS_FILE = '/etc/hosts';
const QUERY = { timeout: 2_000, tries: 2 };
/** "There is no such thing", as against "nobody could be asked". */
const NOTHING: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

interface WithTtl {
  readonly address: string;
  readonly ttl: number;
}

/** @param servers `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:53`; none: the system's */
export function systemNames(servers: readonly string[] = [], hostsFile = HOSTS_FILE): Names {
  const resolver = new Resolver(QUERY);
  if (servers.length > 0) resolver.setServers(servers);
  const ask = <T>(query: Promise<readonly T[]>): Promise<Answer<T>> => query.then((records) => ({ records })).catch(none<T>);

  const fromDns = async (name: string): Promise<Answer<Address>> => {
    const [six, four] = await Promise.all([resolver.resolve6(name, { ttl: true }).then(...kept), resolver.resolve4(name, { ttl: true }).then(...kept)]);
    // One of the two is enough; when neither could be asked, that is the answer.
    const failures = [six, four].filter((one): one is Error => one instanceof Error);
    if (failures.length === 2) throw failures[1] as Error;
    const found = (one: readonly WithTtl[] | Error, family: 4 | 6) => (one instanceof Error ? [] : one.map(({ address, ttl }) => ({ address, family, ttl })));
    const records = [...found(four, 4), ...found(six, 6)];
    return { records, ttlMs: records.length === 0 ? undefined : Math.min(...records.map(({ ttl }) => ttl)) * 1000 };
  };

  return {
    naptr: (name) => ask(resolver.resolveNaptr(name)),
    srv: (name) => ask(resolver.resolveSrv(name)),
    async addresses(name) {
      if (servers.length > 0) return fromDns(name);
      const listed = hostsEntries(await readFile(hostsFile, 'utf8').catch(() => ''), name);
      if (listed.length > 0) return { records: listed };
      const answer = await fromDns(name).catch((error: Error) => error);
      if (!(answer instanceof Error) && answer.records.length > 0) return answer;
      const known = await lookup(name, { all: true }).catch(() => []);
      if (known.length > 0) return { records: known.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 })) };
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
}

/** hosts(5): an address, then names; `#` begins a comment. */
export function hostsEntries(text: string, name: string): Address[] {
  const wanted = name.toLowerCase().replace(/\.$/, '');
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    const family = isIP(address);
    return (family === 4 || family === 6) && names.some((one) => one.toLowerCase() === wanted) ? [{ address, family }] : [];
  });
}

const kept = [
  (records: readonly WithTtl[]): readonly WithTtl[] | Error => records,
  (error: NodeJS.ErrnoException): readonly WithTtl[] | Error => (NOTHING.has(error.code ?? '') ? [] : error),
] as const;

function none<T>(error: NodeJS.ErrnoException): Answer<T> {
  if (NOTHING.has(error.code ?? '')) return { records: [] };
  throw error;
}
