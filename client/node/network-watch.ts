/** Tells when this machine's addresses have changed: another network, a cable pulled, a VPN. */
import { networkInterfaces } from 'node:os';
import type { Clock, Timer } from '../clock';

const LOOK_MS = 2000;

/** What is left out comes and goes without a meaning for us: link-local addresses. */
function addresses(interfaces = networkInterfaces()): string {
  return Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter(({ address, scopeid }) => !(scopeid && address.startsWith('fe80:')) && !address.startsWith('169.254.'))
    .map(({ address }) => address)
    .sort()
    .join(' ');
}

/** Returns what ends it. `read` is for tests. */
export function watchNetwork(clock: Clock, changed: () => void, read: () => string = addresses): () => void {
  let before = read();
  let timer: Timer | undefined;
  const look = (): void => {
    const now = read();
    if (now !== before) {
      before = now;
      changed();
    }
    timer = clock.after(LOOK_MS, look);
  };
  timer = clock.after(LOOK_MS, look);
  return () => timer?.cancel();
}
