/**
 * The vocabulary of the transport layer (RFC 3261 §18): what a flow is, where a request can be sent, what goes wrong.
 *
 * A flow (RFC 5626 §3.1) is a UDP 4-tuple or a stream connection: send on it and the bytes reach the same peer socket the last
 * message came from, whatever NAT sits between.
 */
import type { SipRequest, SipResponse } from '../wire/message';
import type { WireLimits } from '../wire/parser';
import type { Via } from '../wire/via';

export type Protocol = 'udp' | 'tcp';

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
  /** Runs `fn` once when the flow ends (never for UDP; at once, in a microtask, when it already has). Returns the way to stop listening. */
  onClose(fn: () => void): () => void;
}

/** Where a request goes: an address or a name, without SRV look-up (RFC 3263 is not part of this layer). */
export interface Target {
  protocol?: Protocol;
  /** IP literal (IPv6 with or without brackets) or host name. */
  host: string;
  /** Default 5060. */
  port?: number;
}

export interface ListenSpec {
  protocol: Protocol;
  address: string;
  /** 0 = any; entries that follow with the same address and port 0 get the same number. */
  port: number;
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
  /** Dialling gives up after this long. */
  connectMs: number;
}

export const defaultTransportLimits: TransportLimits = {
  maxConnections: 10_000,
  maxConnectionsPerSource: 100,
  maxRememberedFlows: 50_000,
  maxWriteBufferBytes: 1_048_576,
  idleMs: 3_700_000,
  unfinishedMs: 15_000,
  connectMs: 5_000,
};

export interface TransportOptions {
  listen: readonly ListenSpec[];
  /** Address (or name) announced in Via to peers outside `localNets`. */
  external?: string | undefined;
  /** CIDR blocks that reach our own addresses directly, e.g. `192.168.0.0/16`. Loopback always does. */
  localNets?: readonly string[] | undefined;
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
  responseFlow(topVia: Via, received: Flow): Flow | Promise<Flow>;
  /** Host (IPv6 in brackets) and port that the peer of this flow is told for Via and Contact. */
  sentBy(flow: Flow): { host: string; port: number };
}

/** errno codes of the system, and: `closed`, `limit`, `timeout`, `no-transport`, `too-large`, `slow-reader`. */
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
