/** What the transport layer counts: every degraded path has its number. */
import { sipParseCodes, type SipParseCode } from '../wire/errors';
import type { Protocol } from './types';

export class TransportCounters {
  messagesReceived = 0;
  bytesReceived = 0;
  messagesSent = 0;
  bytesSent = 0;
  /** Could not be parsed or lacked what is mandatory. */
  malformed = 0;
  /** ... by what was wrong with them (wire/errors.ts). */
  readonly malformedByCode = Object.fromEntries(sipParseCodes.map((code) => [code, 0])) as Record<SipParseCode, number>;
  /** ... and were answered 400, 413 or 505. */
  malformedAnswered = 0;
  /** CRLF and the like on UDP, pings and pongs on streams and WebSockets. */
  keepalives = 0;
  sendErrors = 0;
  /** Datagrams larger than 1,300 bytes sent: they may be fragmented (RFC 3261 §18.1.1 would have them go over TCP). */
  largeDatagrams = 0;
  /** Requests that UDP cannot carry at all. */
  oversizedDatagrams = 0;
  connectionsAccepted = 0;
  connectionsDialled = 0;
  dialFailures = 0;
  /** Accepted connections closed at once because of a limit. */
  refusedTotal = 0;
  refusedPerSource = 0;
  closedIdle = 0;
  /** Slow loris: a message, or the first one, that did not come in time. */
  closedUnfinished = 0;
  closedSlowReader = 0;
  /** The stream's bytes were not SIP, or over a limit. */
  closedFraming = 0;
  /** Too many bytes on one stream could not be understood. */
  closedUnparsable = 0;
  /** TLS handshakes that failed, and openings of WebSockets that were refused. */
  handshakesFailed = 0;
  /** ... and those that did not end in time. */
  handshakesTimedOut = 0;
  /** WebSockets that did not answer a ping. */
  closedSilent = 0;
  /** Requests over the rate of their source: dropped on UDP, answered 503 elsewhere. */
  rateLimited = 0;
  /** STUN binding requests answered (RFC 5626 §3.5.2). */
  stunAnswered = 0;
  /** Requests that went to the next place their name leads to (RFC 3263 §4.3), and those sent over TCP for their size. */
  failedOver = 0;
  switchedToTcp = 0;
  /** Connections that peers may be reached over at another port than they came from (RFC 5923). */
  aliases = 0;
  certificateReloads = 0;
  certificateReloadsFailed = 0;
  /** Flows not remembered because the table was full. */
  flowsNotRemembered = 0;
  /** Errors of listening sockets after the start. */
  socketErrors = 0;
  /** Exceptions thrown by the layer above. */
  handlerErrors = 0;
  /** Defects of ours that a message brought to light; it was dropped. */
  internalErrors = 0;
}

export type TransportStats = Readonly<TransportCounters> & {
  /** Stream connections up now. */
  readonly connections: number;
  readonly connectionsByProtocol: Readonly<Partial<Record<Protocol, number>>>;
  readonly rememberedFlows: number;
  /** Sockets in a TLS handshake or the opening of a WebSocket. */
  readonly halfOpen: number;
};
