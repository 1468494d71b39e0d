/** Opens listening points together: all, or none; and the same number for those that belong together and leave the port open. */
import { TransportError, type ListenSpec } from './types';
import { isWildcard, type Listener } from './listener';

/** How often another number is tried when the one the system gave the first entry is taken for a later one. */
const ATTEMPTS = 10;

export async function openListeners(asked: readonly ListenSpec[], listen: (spec: ListenSpec) => Promise<Listener>): Promise<Listener[]> {
  const specs = bothFamilies(asked);
  for (let attempt = 1; ; attempt++) {
    const opened: Listener[] = [];
    /** Port by what belongs together, for the entries that asked for any. */
    const shared = new Map<string, number>();
    try {
      for (const spec of specs) opened.push(await openOne(spec, shared, listen));
      return opened;
    } catch (error) {
      await Promise.all(opened.map((listener) => listener.close()));
      const chosenByUs = error instanceof TransportError && error.port !== 0 && [...shared.values()].includes(error.port ?? 0);
      if (!chosenByUs || (error as TransportError).code !== 'EADDRINUSE' || attempt === ATTEMPTS) throw error;
    }
  }
}

async function openOne(spec: ListenSpec, shared: Map<string, number>, listen: (spec: ListenSpec) => Promise<Listener>): Promise<Listener> {
  if (spec.port !== 0) return listen(spec);
  const key = together(spec);
  const listener = await listen({ ...spec, port: shared.get(key) ?? 0 });
  shared.set(key, listener.port);
  return listener;
}

/** UDP and TCP are one address to phones; what else runs over TCP needs a number of its own. Both wildcards are one. */
function together({ protocol, address }: ListenSpec): string {
  return `${protocol === 'udp' || protocol === 'tcp' ? 'sip' : protocol} ${isWildcard(address) ? '*' : address}`;
}

/**
 * `::` by itself means all addresses, IPv4 among them. That is two sockets here: one that takes both would show IPv4 peers as
 * `::ffff:192.0.2.7`, which neither Via nor the limits per source can use.
 */
function bothFamilies(specs: readonly ListenSpec[]): ListenSpec[] {
  return specs.flatMap((spec) => {
    const four = { ...spec, address: '0.0.0.0' };
    const listed = specs.some(({ protocol, address, port }) => protocol === four.protocol && address === four.address && port === four.port);
    return spec.address === '::' && !listed ? [spec, four] : [spec];
  });
}
