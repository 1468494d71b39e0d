/** What an application asks for with `proxy`, and how it hears of what became of it (PROTOCOL 14). */
import type { SipResponse } from '../../wire/message';
import type { Headers } from '../../wire/headers';
import type { Envelope } from '../app';

export interface ProxySpec {
  /** Next hops as URIs, in the order in which they are tried. */
  destinations: string[];
  /** Stay in the way of later requests: Record-Route, or Path in a REGISTER (RFC 3327). */
  remain: boolean;
  /** The Contacts of a 3xx are tried instead of passing it on. */
  followRedirects: boolean;
  /** All targets at once; otherwise the next one when the one before has failed. */
  simultaneous: boolean;
  /** Milliseconds; a target that has said nothing at all by then is left. */
  provisionalTimeoutMs?: number | undefined;
  /** Milliseconds; a target without a final response by then is cancelled. */
  finalTimeoutMs?: number | undefined;
  /** Put into every copy, in place of the caller's of the same name. */
  headers: Headers;
}

/** Either `refused`, or `started`, any number of `response`, and `done`. */
export interface ProxyListener {
  /** Nothing was sent to a target. What the caller was told, if anything, is in the words. */
  refused(reason: string): void;
  /** The first copy is on its way. */
  started(): void;
  /** A target's final response as it came, Vias and all; or made here, with an empty address, for a target that gave none. */
  response(response: SipResponse, envelope: Envelope): void;
  /** Nothing will be reported any more. */
  done(): void;
}

export const nobody: ProxyListener = { refused: () => undefined, started: () => undefined, response: () => undefined, done: () => undefined };
