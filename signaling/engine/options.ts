/** What an engine is told when it is made. Plain data: it crosses a thread boundary (see embedded.ts). */
import type { ListenSpec, TlsOptions } from './transport/types';
import type { ControlCertificate } from './control/listener';
import type { RequestHandlerSettings } from './control/handlers/settings';
import type { SessionTimerOptions } from './core/options';
import type { CaptureOptions } from './observe/capture';
import type { OverloadOptions } from './overload/options';

export interface EngineLimits {
  /** Bytes of one SIP message. */
  maxMessageBytes: number;
  /** Header lines of one SIP message. */
  maxHeaders: number;
  /** Transactions held, those that only absorb retransmissions included. */
  maxTransactions: number;
  /** Dialogs held, early ones included. */
  maxDialogs: number;
  /** Requests that wait for an application, and requests of applications that wait for a response. */
  maxPendingRequests: number;
  /** Branches that a proxied request may have at one time, here and behind us together (Max-Breadth, RFC 5393 §5). */
  maxBreadth: number;
  /** SIP stream connections, in all and from one source. */
  maxConnections: number;
  maxConnectionsPerSource: number;
  /** Registered stream clients remembered. */
  maxRememberedFlows: number;
  /** A SIP stream with nothing going on is closed after this, unless a client registered over it. */
  tcpIdleSeconds: number;
  /** A TLS handshake, or the opening of a WebSocket, may take this long. */
  handshakeSeconds: number;
  /** A message on a stream may take this long from its first byte to its last, and a client that has connected to say its first word. */
  unfinishedSeconds: number;
  /** A client that has connected must have sent a whole message by then, whatever else it sends. */
  firstMessageSeconds: number;
  /** Bytes of messages that cannot be understood before their stream is closed. */
  maxUnparsableBytes: number;
  /** Requests from one source (IPv6: one /64) in a second, twice as many at once; 0: any number. */
  maxRequestsPerSecond: number;
  /** A silent WebSocket is pinged after this long, and cut off when it is silent for as long again. */
  webSocketPingSeconds: number;
  /** Requests above this many bytes go over TCP where the target takes it (RFC 3261 §18.1.1); 0: never. */
  largeRequestBytes: number;
  /** Applications, authenticated or not. */
  maxControlConnections: number;
  /** Connections the engine opens to applications, for request handlers. */
  maxOutboundConnections: number;
  /** Such a connection is closed when nothing went over it for this long and nothing of its application is open. */
  outboundIdleSeconds: number;
  /** Bytes of one frame from an application. */
  maxControlFrameBytes: number;
  /** Bytes waiting for an application that does not read. */
  maxControlBufferBytes: number;
  /** An application has this long to show the secret. */
  authenticateSeconds: number;
  /** An INVITE an application never answers finally is answered 480 after this. */
  maxRingingSeconds: number;
  /** Messages remembered for ladders (`Engine.ladder`), in all and of one call, and bytes of each; 0 in all: none. */
  ladderMessages: number;
  ladderMessagesPerCall: number;
  ladderMessageBytes: number;
}

export const defaultLimits: EngineLimits = {
  maxMessageBytes: 65_535,
  maxHeaders: 200,
  maxTransactions: 100_000,
  maxDialogs: 20_000,
  maxPendingRequests: 20_000,
  maxBreadth: 60,
  maxConnections: 10_000,
  maxConnectionsPerSource: 100,
  maxRememberedFlows: 20_000,
  tcpIdleSeconds: 3_700,
  handshakeSeconds: 10,
  unfinishedSeconds: 15,
  firstMessageSeconds: 60,
  maxUnparsableBytes: 65_536,
  maxRequestsPerSecond: 0,
  webSocketPingSeconds: 30,
  largeRequestBytes: 1_300,
  maxControlConnections: 16,
  maxOutboundConnections: 10_000,
  outboundIdleSeconds: 3_600,
  maxControlFrameBytes: 1_048_576,
  maxControlBufferBytes: 33_554_432,
  authenticateSeconds: 5,
  maxRingingSeconds: 600,
  ladderMessages: 2_000,
  ladderMessagesPerCall: 200,
  ladderMessageBytes: 2_048,
};

export interface EngineOptions {
  /** SIP listening points. */
  listen: readonly ListenSpec[];
  /** Address announced in Via and Contact to peers outside `localNets`. */
  external?: string | undefined;
  /** CIDR blocks that reach our own addresses directly. */
  localNets?: readonly string[] | undefined;
  /** CIDR blocks that `limits.maxRequestsPerSecond` does not count. */
  unlimitedNets?: readonly string[] | undefined;
  /** For listening points of TLS and WSS. */
  tls?: TlsOptions | undefined;
  /** Servers of the DNS; none: the system's. */
  dnsServers?: readonly string[] | undefined;
  control: {
    /** Default 127.0.0.1. */
    host?: string | undefined;
    /** 0: any free port. */
    port: number;
    /** What applications authenticate with; not empty. */
    secret: string;
    /** Least milliseconds between an echo and what follows from it (control/outbox.ts). Default 3, or 1 where a barrier tells more. */
    gapMs?: number | undefined;
    /** A second control port, over TLS; its certificate is read when the engine starts. */
    tls?: (ControlCertificate & { port: number }) | undefined;
    /**
     * Seconds that the dialogs of an application with tags wait for it to come back under the same ones when its connection is lost; then they
     * end. 0: they end at once, as those of an application without tags do. Default 10: drachtio-srf tries again after a quarter of a second.
     */
    graceSeconds?: number | undefined;
    /** An application is behind when so many bytes wait for it, or it has not read for so long. Default 1 MiB, 500 ms. */
    behindBytes?: number | undefined;
    behindMs?: number | undefined;
    /** Who is asked where new requests go, before any application is (control/handlers). */
    handlers?: readonly RequestHandlerSettings[] | undefined;
  };
  limits?: Partial<EngineLimits> | undefined;
  /** When new requests are turned away because there are too many (overload/). Default, and false: never; {}: with the default values. */
  overload?: Partial<OverloadOptions> | false | undefined;
  /** A collector that gets a copy of every SIP message, as HEP3 over UDP (observe/capture.ts). Default: none. */
  capture?: CaptureOptions | undefined;
  sessionTimer?: Partial<SessionTimerOptions> | undefined;
  /** RFC 3261 timer values in milliseconds, for tests and slow networks. */
  timers?: { t1?: number | undefined; t2?: number | undefined; t4?: number | undefined; c?: number | undefined } | undefined;
  /** What the proxy knows its calls by; the same after a restart lets calls go on that it stays in the way of. Default: made anew each time. */
  proxySecret?: string | undefined;
}

export const defaultGapMs = { alone: 3, withBarrier: 1 };

/** What is wrong with these limits, in a sentence; undefined: nothing. */
export function limitsProblem(limits: Partial<EngineLimits>): string | undefined {
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in defaultLimits)) return `limits.${name} is not a limit of the engine.`;
    if (value === undefined) continue;
    const least = mayBeZero.has(name) ? 0 : 1;
    if (!Number.isFinite(value) || value < least) return `limits.${name} must be a number from ${least} up, not ${String(value)}.`;
  }
  return undefined;
}

/** What is wrong with this capture feed, in a sentence; undefined: nothing. */
export function captureProblem({ host, port, id = 0, key = '' }: CaptureOptions): string | undefined {
  if (host === '' || !Number.isInteger(port) || port < 1 || port > 65_535) return 'The capture feed needs the host and the port (1 to 65535) of its collector.';
  if (!Number.isInteger(id) || id < 0 || id > 0xffffffff) return 'The id of the capture feed must be a number from 0 to 4294967295.';
  return Buffer.byteLength(key) > 255 ? 'The key of the capture feed may have 255 bytes.' : undefined;
}

const mayBeZero: ReadonlySet<string> = new Set(['maxRequestsPerSecond', 'largeRequestBytes', 'maxUnparsableBytes', 'ladderMessages']);
