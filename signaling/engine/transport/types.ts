/**
 * The vocabulary of the transport layer (RFC 3261 §18): what a flow is, where a request can be sent, what goes wrong.
 *
 * A flow (RFC 5626 §3.1) is a UDP 4-tuple or a stream connection: send on it and the bytes reach the same peer socket the last
 * message came from, whatever NAT sits between.
 */
import type { SipRequest, SipResponse } from '../wire/message';
import type { WireLimits } from '../wire/parser';
import type { ViaView } from '../wire/via';

export type Protocol = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

export interface Endpoint {
  /** IP literal, IPv6 without brackets. */
  readonly address: string;
  readonly port: number;
}

export interface Flow {
  /** Unique while the process lives, readable in logs: `tcp:192.0.2.7:40312#12`. */
  readonly id: string;
  readonly protocol: Protocol;
  /** True when the transport repeats lost bytes itself (timers A, E, G off; D, I, J, K zero). */
  readonly reliable: boolean;
  /** The socket's own address. Bound to a wildcard: the wildcard. What peers are told is `Transport.sentBy`. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly open: boolean;
  /** Hands bytes to the kernel. `onError` is called at most once, never before `send` returned. */
  send(data: Buffer, onError?: (error: TransportError) => void): void;
  /**
   * Nothing has come back: looks, where that is possible, whether anybody is there at all. `onError` is called at most once, later.
   * Absent where sending itself would have told.
   */
  doubt?(onError: (error: TransportError) => void): void;
  /**
   * The next place the name leads to that this flow was made for (RFC 3263 §4.3); rejects when none is left. Absent: there is no other.
   *
   * @param restMs how long this place has asked to be left alone (RFC 3261 §21.5.4)
   */
  next?(restMs?: number): Promise<Flow>;
  /** The way for a request that a datagram should not carry (RFC 3261 §18.1.1); undefined: there is none, this one has to do. */
  larger?(): Flow | Promise<Flow> | undefined;
  /** Our Via asks the peer to send its own requests over this connection (RFC 5923 §5). */
  readonly alias?: boolean;
  /** Runs `fn` once when the flow ends (never for UDP; at once, in a microtask, when it already has). Returns the way to stop listening. */
  onClose(fn: () => void): () => void;
}

/** Where a request goes (RFC 3263): what a URI says, as far as it says it. */
export interface Target {
  protocol?: Protocol;
  /** IP literal (IPv6 with or without brackets) or host name. */
  host: string;
  /** Not given: as SRV records say, else the protocol's own. */
  port?: number;
  /** From a SIPS URI: over TLS or not at all (RFC 3261 §26.2.2). */
  secure?: boolean;
}

/** Sees every SIP message that is received or sent, as it is before encryption and behind it: counters, captures (see ../observe). Must not throw. */
export interface Tap {
  received(data: Buffer, flow: Flow): void;
  sent(data: Buffer, flow: Flow): void;
}

export interface ListenSpec {
  protocol: Protocol;
  address: string;
  /** 0 = any; entries that follow with the same address and port 0 get the same number (those that carry TCP each their own). */
  port: number;
}

/** Certificates of TLS and WSS; all are names of files in PEM. */
export interface TlsOptions {
  /** The first is for peers that name nobody, and ours when we dial; the others are chosen by the name a peer asks for (SNI). */
  certificates: readonly { certificate: string; key: string }[];
  /** Of peers that connect: no certificate is asked for, asked for, or needed. Default 'none'. */
  clients?: 'none' | 'request' | 'require' | undefined;
  /** Authorities trusted besides Node's own when we dial, and the only ones trusted for the certificates of peers that connect. */
  authorities?: string | undefined;
  /** Whether the certificates of servers that we dial are checked. Default true. */
  verify?: boolean | undefined;
}

export interface ListeningPoint {
  protocol: Protocol;
  address: string;
  /** The port really bound. */
  port: number;
  /** Announced instead of `address` to peers outside the local networks. */
  external?: string;
}

export interface TransportLimits {
  /** Stream connections, accepted and dialled. */
  maxConnections: number;
  /** Accepted stream connections from one address (IPv6: one /64). */
  maxConnectionsPerSource: number;
  /** Entries of the table `user@host → stream connection`. */
  maxRememberedFlows: number;
  /** Bytes not yet taken by the kernel on one stream; a peer that does not read is closed above it. */
  maxWriteBufferBytes: number;
  /** A stream on which nothing was received or sent for this long is closed, unless a registration came over it. */
  idleMs: number;
  /** A stream whose started message is not complete after this long is closed (slow loris), and so is an accepted one that never says anything. */
  unfinishedMs: number;
  /** An accepted stream whose first whole message has not come after this long is closed, whatever else it sends. */
  firstMessageMs: number;
  /** A TLS handshake or a WebSocket's opening that takes longer is cut off. */
  handshakeMs: number;
  /** Bytes of messages that cannot be understood, on one stream; it is closed above it. */
  maxUnparsableBytes: number;
  /** Requests a second from one source (IPv6: one /64), twice as many at once; 0: any number. */
  maxRequestsPerSecond: number;
  /** A WebSocket is pinged when nothing was heard for this long, and cut off when nothing is heard for as long again. */
  pingMs: number;
  /** Dialling gives up after this long. */
  connectMs: number;
  /** Requests above this many bytes go over TCP where the target takes it (RFC 3261 §18.1.1). 0: never. */
  largeRequestBytes: number;
}

export const defaultTransportLimits: TransportLimits = {
  maxConnections: 10_000,
  maxConnectionsPerSource: 100,
  maxRememberedFlows: 50_000,
  maxWriteBufferBytes: 1_048_576,
  idleMs: 3_700_000,
  unfinishedMs: 15_000,
  firstMessageMs: 60_000,
  handshakeMs: 10_000,
  maxUnparsableBytes: 65_536,
  maxRequestsPerSecond: 0,
  pingMs: 30_000,
  connectMs: 5_000,
  largeRequestBytes: 1_300,
};

export interface TransportOptions {
  listen: readonly ListenSpec[];
  /** Address (or name) announced in Via to peers outside `localNets`. */
  external?: string | undefined;
  /** CIDR blocks that reach our own addresses directly, e.g. `192.168.0.0/16`. Loopback always does. */
  localNets?: readonly string[] | undefined;
  /** Servers of the DNS (`192.0.2.53`, `[2001:db8::53]:5353`); none: the system's. */
  dnsServers?: readonly string[] | undefined;
  /** CIDR blocks whose requests are not counted against `maxRequestsPerSecond`. */
  unlimitedNets?: readonly string[] | undefined;
  /** Needed for listening points of TLS and WSS. TLS is dialled where it is listened for: a peer is told where it reaches us. */
  tls?: TlsOptions | undefined;
  wire: WireLimits;
  limits?: Partial<TransportLimits> | undefined;
}

/** Shaped like pino's methods. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type MessageHandler = (message: SipRequest | SipResponse, flow: Flow, receivedBytes: number) => void;

/** What the transaction layer needs from below; `TransportLayer` is the real one, tests bring their own. */
export interface Transport {
  onMessage: MessageHandler;
  /** At once when nothing has to be resolved or dialled (UDP to a literal address, a connection that is there). */
  flowTo(target: Target): Flow | Promise<Flow>;
  /** Way back for a response (RFC 3261 §18.2.2, RFC 3581 §4). */
  responseFlow(topVia: ViaView, received: Flow): Flow | Promise<Flow>;
  /** Host (IPv6 in brackets) and port that the peer of this flow is told for Via and Contact. */
  sentBy(flow: Flow): { host: string; port: number };
}

/** errno codes of the system and of OpenSSL, and: `closed`, `limit`, `timeout`, `no-transport`, `no-place`, `too-large`, `bad-port`, `certificate`. */
export class TransportError extends Error {
  override readonly name = 'TransportError';

  constructor(
    readonly code: string,
    message: string,
    readonly protocol?: Protocol,
    readonly address?: string,
    readonly port?: number,
  ) {
    super(message);
  }
}
