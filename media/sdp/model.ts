/**
 * The vocabulary of session descriptions (RFC 8866) as the relay needs them: what is not listed here is not kept, so it cannot be
 * passed on to the other party by accident.
 */
import type { CryptoLine } from './crypto';

/** RFC 3264 §5.1. Always from the view of whoever wrote the description. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export type Family = 4 | 6;

/** An RTP payload format under the number it has in one description. */
export interface Codec {
  /** 0..127 */
  payloadType: number;
  /** As written; compare through `codecKey`. */
  name: string;
  /** RTP clock rate in Hz; G722 counts at 8000 (RFC 3551 §4.5.2), opus at 48000 (RFC 7587 §4.1). */
  clockRate: number;
  channels: number;
  /** Format parameters after `a=fmtp:<pt> `. */
  fmtp?: string;
}

/** Where a peer wants its media. */
export interface MediaAddress {
  family: Family;
  /** An IP address. Host names are not looked up: such a stream is served by the source its packets come from. */
  address: string;
  port: number;
  rtcpPort: number;
}

export interface StreamDescription {
  kind: string;
  /** As written; 0 = refused or removed (RFC 3264 §6, §8.2). */
  port: number;
  transport: string;
  formats: readonly string[];
  /** Absent when the connection line has a host name or the unspecified address. */
  remote?: MediaAddress;
  family: Family;
  /**
   * Effective direction: of the stream, else of the session, else sendrecv. The old way of holding, `c=0.0.0.0` (RFC 3264 §8.4), has been
   * folded in: the writer does not want to receive.
   */
  direction: Direction;
  /** Formats with a known meaning, in order of preference: by rtpmap, or static (RFC 3551 §6). */
  codecs: readonly Codec[];
  /** Milliseconds. */
  ptime?: number;
  maxptime?: number;
  /** RTP and RTCP on one port (RFC 5761 §5.1.1). */
  rtcpMux: boolean;
  /** The lines that can be used, in the writer's order (RFC 4568); secrets. */
  crypto: readonly CryptoLine[];
}

/** What may be done with one party: nothing encrypted, whatever it does, or nothing else. */
export type SrtpPolicy = 'off' | 'optional' | 'required';

export interface Origin {
  sessionId: string;
  sessionVersion: string;
}

export interface SessionDescription {
  origin: Origin;
  streams: readonly StreamDescription[];
}

export type SdpErrorCode =
  /** Not SDP: answer the request with 400. */
  | 'syntax'
  /** Well-formed, but there is nothing in it that both sides can do: 488. */
  | 'unacceptable';

/** The only error this module throws. */
export class SdpError extends Error {
  override readonly name = 'SdpError';
  constructor(
    readonly code: SdpErrorCode,
    /** One sentence for people; contains nothing of the peer's text but short tokens. */
    message: string,
    /** Warning code of RFC 3261 §20.43 that tells the same to a machine. */
    readonly warning: 302 | 304 | 305 | 399 = 399,
  ) {
    super(message);
  }
}
