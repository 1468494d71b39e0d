/**
 * UDP as the media plane uses it. Two implementations behind one interface, held to the same contract suite:
 * `udp-native` (system calls, Linux) and `udp-dgram` (Node's sockets, everywhere).
 */
import type { Family, SockAddr } from './address';

/**
 * A datagram. `data` may be longer than the datagram and belongs to the receiver only until it returns; until then it may be
 * changed and sent on, behind the datagram too (`native` leaves room there for what SRTP adds). `length` above MAX_DATAGRAM means that
 * it did not fit. `from` is reused as well.
 */
export type PacketHandler = (data: Uint8Array, length: number, from: SockAddr, nowMs: number) => void;

export interface UdpSocket {
  readonly port: number;
  /** Datagrams the system refused. A refusal that arrives later (dgram) is counted as well. */
  readonly sendErrors: number;
  /** Whether `aim` was told of an address. */
  readonly aimed: boolean;
  /** Where to send to from now on; the address is copied. Said once and not with each packet: it hardly ever changes. */
  aim(to: SockAddr | undefined): void;
  /** Sends `length` octets of `data` there. True when the system took them, or may still. */
  send(data: Uint8Array, length: number): boolean;
  close(): void;
}

/** `run` when the clock has reached `nextAt` (Infinity: never); looked at while at least one socket is open. */
export interface NetBeat {
  readonly nextAt: number;
  run(nowMs: number): void;
}

export interface UdpNet {
  readonly kind: 'native' | 'dgram';
  /** What a writer of commands rings (eight octets, 1 little-endian) so that they are read at once; undefined: needs no bell. */
  readonly bell: number | undefined;
  /** Time spent working, for the load figure; undefined where it is not known. */
  readonly busyMs: number | undefined;
  /** Packets handed to handlers, and exceptions these threw (each costs its packet only). */
  readonly packets: number;
  readonly faults: number;
  /** What the last of these said. */
  readonly lastFault: string | undefined;
  /**
   * Something that is due at certain times, run by the loop that reads packets (it would not let a timer of Node's through in time). To be said
   * again when `nextAt` came nearer.
   */
  setBeat(beat: NetBeat): void;
  /** How long a packet may wait to be read together with others: sound that is made every 20 ms can wait longer than packets that are passed on. */
  setPatience(ms: number): void;
  /** @throws UdpError */
  bind(family: Family, address: string, port: number, onPacket: PacketHandler): Promise<UdpSocket>;
  /** Closes every socket. Idempotent. */
  close(): void;
}

/** A fault as text, with where it happened. */
export const faultText = (err: unknown): string => (err instanceof Error ? (err.stack ?? err.message) : String(err));

export class UdpError extends Error {
  constructor(
    readonly code: 'in-use' | 'address' | 'limit' | 'system',
    message: string,
  ) {
    super(message);
    this.name = 'UdpError';
  }
}

/** Errors by what the system calls them. */
export function udpError(name: string, what: string): UdpError {
  switch (name) {
    case 'EADDRINUSE':
      return new UdpError('in-use', `${what}: the port is taken by another program`);
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return new UdpError('address', `${what}: this machine does not have that address (${name})`);
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOBUFS':
    case 'ENOMEM':
      return new UdpError('limit', `${what}: the system has no room for another socket (${name}); raise the limit on open files (ulimit -n)`);
    default:
      return new UdpError('system', `${what}: ${name}`);
  }
}
