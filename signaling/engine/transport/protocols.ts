/** What differs between transports for those who do not open sockets. A further transport is a row here and a file beside `tcp.ts`. */
import type { Protocol } from './types';

export interface ProtocolTraits {
  /** As in Via (RFC 3261 §20.42). */
  readonly via: string;
  readonly defaultPort: number;
  /** RFC 3261 §17: no retransmission, short waits. */
  readonly reliable: boolean;
}

export const protocols: Readonly<Record<Protocol, ProtocolTraits>> = {
  udp: { via: 'UDP', defaultPort: 5060, reliable: false },
  tcp: { via: 'TCP', defaultPort: 5060, reliable: true },
};
