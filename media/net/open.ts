/** Chooses between the UDP implementations: system calls where they can be made, Node's sockets elsewhere. */
import { FdLedger, type SharedLedger } from './fd-ledger';
import { openLibc } from './libc';
import type { UdpNet } from './udp';
import { DgramNet } from './udp-dgram';
import { NativeNet } from './udp-native';

export type Backend = 'auto' | 'native' | 'dgram';

export interface OpenedNet {
  net: UdpNet;
  /** Why `auto` did not choose `native`; undefined when it did, or was not asked. */
  fallback: string | undefined;
}

/** @throws Error when `native` is demanded and cannot be had */
export function openNet(backend: Backend, now: () => number, ledger?: SharedLedger): OpenedNet {
  if (backend === 'dgram') return { net: new DgramNet(now), fallback: undefined };
  const libc = openLibc();
  if (!(libc instanceof Error)) return { net: new NativeNet({ libc, now, ledger: ledger && new FdLedger(ledger) }), fallback: undefined };
  if (backend === 'native') throw libc;
  return { net: new DgramNet(now), fallback: libc.message };
}
