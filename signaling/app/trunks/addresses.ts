/** Where a trunk is on the network: the addresses behind its names, looked up again now and then, and the networks that its calls come from. */
import { promises as dns } from 'node:dns';
import { BlockList, isIP } from 'node:net';

export interface Resolver {
  /** Every address of a host; none: there is no such name, or nobody to ask. Never rejects. */
  addresses(host: string, transport: string): Promise<string[]>;
}

/** By the system's own means; where a domain has only SRV records, the hosts that they name (RFC 3263 §4.2). */
export const systemResolver: Resolver = {
  async addresses(host, transport) {
    if (isIP(host)) return [host];
    const found = await lookUp(host);
    if (found.length > 0) return found;
    const service = transport === 'tls' ? `_sips._tcp.${host}` : `_sip._${transport}.${host}`;
    const servers = await dns.resolveSrv(service).catch(() => []);
    return (await Promise.all(servers.map(({ name }) => lookUp(name)))).flat();
  },
};

const lookUp = (host: string): Promise<string[]> =>
  dns.lookup(host, { all: true }).then(
    (all) => all.map(({ address }) => address),
    () => [],
  );

/** `sip.example:5070` or `[2001:db8::1]` in its parts. */
export function hostAndPort(text: string): { host: string; port: number | undefined } {
  const [, six, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  return { host: six ?? name ?? text, port: port === undefined ? undefined : Number(port) };
}

/** Addresses, and networks as `192.0.2.0/24`. What is neither is left out: the door has let it in, and it may be a typing error of one part. */
export function networks(list: readonly string[]): BlockList {
  const all = new BlockList();
  for (const one of list) {
    const [address = '', bits] = one.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (!isIP(address)) continue;
    const most = family === 'ipv6' ? 128 : 32;
    if (bits === undefined) all.addAddress(address, family);
    else if (Number(bits) <= most) all.addSubnet(address, Number(bits), family);
  }
  return all;
}

export function contains(all: BlockList, address: string): boolean {
  const bare = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return isIP(bare) !== 0 && all.check(bare, isIP(bare) === 6 ? 'ipv6' : 'ipv4');
}
