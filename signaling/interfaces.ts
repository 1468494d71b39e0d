/** The addresses of this machine, asked of the system at most once a second: every call wants them, and they seldom change. */
import { isIP } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import type { InterfaceAddress } from '../media/reach';
import type { Clock } from './clock';

const FRESH_MS = 1000;

export function cachedInterfaces(ask: () => NodeJS.Dict<NetworkInterfaceInfo[]>, clock: Clock): () => readonly InterfaceAddress[] {
  let known: readonly InterfaceAddress[] = [];
  let askedAt = -Infinity;
  return () => {
    if (clock.now() - askedAt >= FRESH_MS) {
      known = Object.values(ask()).flatMap((addresses) => addresses ?? []);
      askedAt = clock.now();
    }
    return known;
  };
}

/** Media wants addresses: a host name stays a matter of signaling. */
export const ipOrNull = (host: string | null): string | null => (host !== null && isIP(host) !== 0 ? host : null);
