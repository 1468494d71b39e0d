/**
 * All that can be learnt from a phone while it runs: plain data, one shape for the screen, for `--json` (one a line, as they are) and for
 * programs. `call` is the call's id. Times of day are not in them: whoever prints them adds `at`.
 */
import type { Direction, Quality } from './media';

export type RegistrationEvent =
  | { event: 'connected'; protocol: string; local: string | null; remote: string }
  /** The way to the server is gone; `retryMs`: until the next try. Calls that are up go on. */
  | { event: 'disconnected'; problem: string; retryMs: number | null }
  | { event: 'registering' }
  | { event: 'registered'; aor: string; expiresS: number; /** Since when the phone was asked to, the first time. */ tookMs?: number }
  /** `final`: it will not be tried again by itself (a wrong password). */
  | { event: 'registration-failed'; status: number | null; problem: string; final: boolean; retryMs: number | null }
  | { event: 'unregistered' };

/** Whoever is at the other end. */
export interface Party {
  /** 'sip:1002@pbx.test' */
  uri: string;
  /** '1002' */
  user: string;
  /** As it calls itself; '' when it does not. */
  name: string;
}

export type CallEndedBy = 'local' | 'remote' | 'network';

export type CallEvent =
  /** An outgoing call was sent off. */
  | { event: 'calling'; call: string; to: Party }
  /** Incoming: it rings here. `waiting`: during another call. `replaces`: the call that it takes the place of (attended transfer). */
  | { event: 'incoming'; call: string; from: Party; waiting: boolean; replaces?: string }
  /** Outgoing: it rings there. `earlyMedia`: what is heard comes from there, no ring-back of our own. */
  | { event: 'ringing'; call: string; status: number; earlyMedia: boolean }
  | { event: 'answered'; call: string; with: Party; codec: string | null; encrypted: boolean; /** From dialling or from the first ring. */ afterMs: number }
  | { event: 'media'; call: string; codec: string | null; encrypted: boolean; direction: Direction }
  | { event: 'held'; call: string; by: 'local' | 'remote' }
  | { event: 'resumed'; call: string; by: 'local' | 'remote' }
  | { event: 'digit'; call: string; digit: string; by: 'rfc4733' | 'info' | 'in-band'; durationMs: number }
  | { event: 'silent'; call: string; silentMs: number }
  | { event: 'heard-again'; call: string }
  | { event: 'quality'; call: string; quality: Quality }
  /** A transfer that we asked for; `status` as told by NOTIFY. `done`: it worked, and the call ends. */
  | { event: 'transfer'; call: string; to: string; status: number; reason: string; state: 'asked' | 'trying' | 'done' | 'failed' }
  /** The far end asks us to call somebody else; `newCall` when we do. */
  | { event: 'referred'; call: string; to: string; newCall: string | null }
  /** The far end is somebody else now (a transfer behind a server, RFC 3261 §14 with another identity). */
  | { event: 'party'; call: string; with: Party }
  /** `answered` false: it never was up. `status`: of the final answer where there was one. `problem` for people, when it was not a plain hang-up. */
  | { event: 'ended'; call: string; by: CallEndedBy; answered: boolean; status: number | null; reason: string; problem: string | null; durationMs: number; quality: Quality | null };

export type OtherEvent =
  | { event: 'message'; from: Party; text: string; contentType: string }
  | { event: 'message-sent'; id: string; to: string; ok: boolean; status: number | null; problem: string | null }
  | { event: 'voicemail'; waiting: boolean; newMessages: number; oldMessages: number; urgentNew: number; account: string | null }
  /** `state`: as the far end says, in our words. */
  | { event: 'presence'; of: string; state: 'open' | 'closed' | 'busy' | 'ringing' | 'unknown'; note: string }
  | { event: 'presence-failed'; of: string; status: number | null; problem: string }
  /** Something went wrong that ends nothing; `problem` for people. */
  | { event: 'warning'; problem: string };

/** What the sound card does. */
export type AudioEvent =
  | { event: 'audio'; input: string | null; output: string | null; backend: string }
  | { event: 'audio-problem'; problem: string; /** It is being tried again. */ retrying: boolean }
  | { event: 'audio-recovered'; input: string | null; output: string | null };

export type PhoneEvent = RegistrationEvent | CallEvent | OtherEvent | AudioEvent;
export type PhoneEventName = PhoneEvent['event'];
export type PhoneEventOf<N extends PhoneEventName> = Extract<PhoneEvent, { event: N }>;
