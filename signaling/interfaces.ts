/**
 * The addresses of this machine, asked of the system at most once a second: every call wants them, and they seldom change. That there is none but
 * loopback is believed for a shorter time: a server may be up before its network is.
 */
import { isIP } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import type { InterfaceAddress } from '../media/reach';
import type { Clock } from './clock';

const FRESH_MS = 1000;
const NONE_FRESH_MS = 200;

export function cachedInterfaces(ask: () => NodeJS.Dict<NetworkInterfaceInfo[]>, clock: Clock): () => readonly InterfaceAddress[] {
  let known: readonly InterfaceAddress[] = [];
  let until = -Infinity;
  return () => {
    if (clock.now() >= until) {
      known = Object.values(ask()).flatMap((addresses) => addresses ?? []);
      until = clock.now() + (known.some(({ internal }) => !internal) ? FRESH_MS : NONE_FRESH_MS);
    }
    return known;
  };
}

/** Media wants addresses: a host name stays a matter of signaling. */
export const ipOrNull = (host: string | null): string | null => (host !== null && isIP(host) !== 0 ? host : null);
