/**
 * How SIP messages get out and in: one channel to one place. `transport.ts` makes a sip.js transport of it; what opens sockets lies elsewhere
 * (`client/node/channel/`, a browser's WebSocket).
 */

export type Protocol = 'UDP' | 'TCP' | 'TLS' | 'WS' | 'WSS';

export interface HostPort {
  /** A name or an IP address; IPv6 without brackets. */
  host: string;
  port: number;
}

/** Where a channel is to lead. */
export interface Target {
  protocol: Protocol;
  /** '' over UDP: no server, the channel is for whoever is called. */
  host: string;
  /** undefined: to be looked up, or the protocol's own. */
  port?: number | undefined;
  /** Of a WebSocket; default '/'. */
  path?: string | undefined;
}

export interface ChannelEvents {
  /** One whole SIP message as text (CRLF keep-alives are dealt with inside). `from` where it is known. */
  message(text: string, from?: HostPort): void;
  /** A keep-alive was answered (RFC 5626 §3.5.1: the pong), for whoever waits for it. */
  pong(): void;
  /** Ended, other than by `close()`; said once. For people: what went wrong. */
  closed(problem: string): void;
}

export interface Channel {
  readonly protocol: Protocol;
  /** UDP: messages get lost, come twice and in another order. */
  readonly reliable: boolean;
  /** Our address as the far end sees it, as far as we can know, for Via and Contact; undefined: only over the channel itself (RFC 7118 §5). */
  readonly local: HostPort | undefined;
  /** Where it leads to, as an IP address. */
  readonly remote: HostPort;
  /** `to`: over UDP to somewhere else than `remote`; other channels take no notice. Never throws: what cannot be sent ends in `closed`, or over UDP nowhere. */
  send(text: string, to?: HostPort): void;
  /**
   * UDP: where a name or address leads to (RFC 3263 §4.2; `port` undefined: to be looked up), and our own address as seen from there, which differs
   * from `local` when the channel leads to no server. Rejects with a sentence for people.
   */
  toward?(host: string, port: number | undefined): Promise<{ local: HostPort; remote: HostPort }>;
  /** Streams: CRLFCRLF, answered with a pong (RFC 5626 §3.5.1); WebSocket: a ping; UDP: an empty line, not answered. */
  ping(): void;
  /** Idempotent; `closed` is not called. */
  close(): void;
}

/**
 * No channel could be opened, and none will be until somebody changes something (a certificate that is not trusted, a name that nobody knows):
 * whoever waits for the first one need not wait any longer.
 */
export class LastingProblem extends Error {}

/** Opens a channel. Errors: an Error (LastingProblem, where trying again is of no use) whose message is a sentence for people: `cannot connect to 192.0.2.1:5060 over TCP: connection refused`. */
export type OpenChannel = (target: Target, events: ChannelEvents, signal: AbortSignal) => Promise<Channel>;
