/** What a file that opens sockets (udp.ts, stream.ts, websocket.ts) is given by the layer and gives to it. */
import type { Clock } from '../../clock';
import type { StreamFramer } from '../wire/framer';
import type { SipParseError } from '../wire/errors';
import type { TransportCounters } from './counters';
import type { Certificates } from './certificates';
import type { ConnectionFlow } from './connection-flow';
import { TransportError, type Endpoint, type Flow, type ListenSpec, type Log, type Protocol, type Tap, type TransportLimits } from './types';

export interface Host {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: TransportLimits;
  readonly counters: TransportCounters;
  readonly tap: Tap | undefined;
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  newFramer(): StreamFramer;
  /** @throws CertificateError when none are set */
  certificates(): Certificates;
  /** One message, complete as far as framing can tell. */
  receive(data: Buffer, flow: Flow): void;
  /** A stream whose bytes cannot be read on. It is closed afterwards. */
  unreadable(error: SipParseError, flow: Flow): void;
  /** Whether nobody receives at this UDP endpoint; false when that cannot be known. */
  isClosedPort(remote: Endpoint): Promise<boolean>;
  /** Counts a socket; false: a limit is reached, close it. */
  admit(source: string): boolean;
  /** A socket that was admitted is closed. */
  left(source: string): void;
  /** Whether a datagram that is answered without looking into it is within the rate of its source. */
  allows(source: string): boolean;
  opened(flow: ConnectionFlow): void;
  closed(flow: ConnectionFlow): void;
}

export interface Listener {
  readonly protocol: Protocol;
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
  /** Connections that are not what they are to become. */
  readonly halfOpen?: number;
  /** Milliseconds that what has come waits until we read it; see queue-probe.ts. */
  waited?(): number;
  /** A flow to this peer: at once for datagrams, a new connection for streams. `name`: what its certificate has to be for; its address by default. */
  open(remote: Endpoint, name?: string): Flow | Promise<Flow>;
  /** Once a second, while there is anything half open. */
  sweep?(now: number): void;
  close(): Promise<void>;
}

export type Listen = (spec: ListenSpec, host: Host) => Promise<Listener>;

export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it open',
  EACCES: 'this user may not open it (ports below 1024 need root or CAP_NET_BIND_SERVICE)',
  EADDRNOTAVAIL: 'the address is not one of this machine',
  EAFNOSUPPORT: 'this machine does not have this kind of address',
  EINVAL: 'the address cannot be listened on',
};

export function cannotListen(spec: ListenSpec, error: unknown): TransportError {
  const code = codeOf(error);
  const why = reasons[code] ?? (error instanceof Error ? error.message : String(error));
  const where = familyOf(spec.address) === 6 ? `[${spec.address}]:${spec.port}` : `${spec.address}:${spec.port}`;
  return new TransportError(code, `Cannot listen on ${spec.protocol} ${where}: ${why} (${code})`, spec.protocol, spec.address, spec.port);
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'failed';
}

export function cannotSend(error: unknown, protocol: Protocol, remote: Endpoint): TransportError {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  return new TransportError(code, `Cannot send over ${protocol} to ${remote.address} port ${remote.port}: ${message}`, protocol, remote.address, remote.port);
}
