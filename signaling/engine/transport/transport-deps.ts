/** What the transport layer is given besides its options: time, a log, and stand-ins for the machine it runs on. */
import type { Clock } from '../../clock';
import type { Names } from '../resolve/names';
import type { Interfaces, Probe } from './local-address';
import type { Endpoint, Log, Tap } from './types';

export interface TransportDeps {
  clock: Clock;
  log: Log;
  /** Sees what is received and sent. */
  tap?: Tap | undefined;
  /** Who is asked for names; default: what `dnsServers` says, cached. */
  names?: Names | undefined;
  /** From 0 (included) to 1 (not included). */
  chance?: (() => number) | undefined;
  /** For tests: what `os.networkInterfaces` and the routing table say. */
  interfaces?: Interfaces | undefined;
  probe?: Probe | undefined;
  localPortIsClosed?: ((remote: Endpoint) => Promise<boolean>) | undefined;
}
