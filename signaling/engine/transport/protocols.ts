/** What differs between transports for those who do not open sockets. A further transport is a row here and a file beside `tcp.ts`. */
import type { Protocol } from './types';

export interface ProtocolTraits {
  /** As in Via (RFC 3261 §20.42, RFC 7118 §5.2). */
  readonly via: string;
  /** As in the transport parameter of a URI; undefined: the parameter is left out. RFC 7118 §5.3 has `ws` for both. */
  readonly uri: string | undefined;
  /** As drachtio's frames name it. */
  readonly frame: string;
  readonly defaultPort: number;
  /** RFC 3261 §17: no retransmission, short waits. */
  readonly reliable: boolean;
  readonly secure: boolean;
  /** The client opens it, nobody else can (RFC 7118 §1). */
  readonly dialled: boolean;
}

export const protocols: Readonly<Record<Protocol, ProtocolTraits>> = {
  udp: { via: 'UDP', uri: undefined, frame: 'udp', defaultPort: 5060, reliable: false, secure: false, dialled: true },
  tcp: { via: 'TCP', uri: 'tcp', frame: 'tcp', defaultPort: 5060, reliable: true, secure: false, dialled: true },
  tls: { via: 'TLS', uri: 'tls', frame: 'tls', defaultPort: 5061, reliable: true, secure: true, dialled: true },
  ws: { via: 'WS', uri: 'ws', frame: 'tcp', defaultPort: 80, reliable: true, secure: false, dialled: false },
  wss: { via: 'WSS', uri: 'ws', frame: 'tcp', defaultPort: 443, reliable: true, secure: true, dialled: false },
};
