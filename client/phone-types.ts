/** The phone as its users see it: what `phone.ts` and `call.ts` implement. No DOM, no Node. */
import type { Chance, Clock } from './clock';
import type { PhoneEvent, PhoneEventName, PhoneEventOf, Party } from './events';
import type { CallMedia, MediaFactory, Quality } from './media';
import type { OpenChannel, Target } from './sip/channel';
import type { Sip } from './sip/sip-js';

/** Who the phone is and where it belongs. */
export interface Account {
  /** '1001' */
  user: string;
  /** The domain of its address: 'pbx.test' */
  domain: string;
  /** Shown to whoever is called. */
  displayName?: string | undefined;
  /** Default: `user`. */
  authUser?: string | undefined;
  password?: string | undefined;
  /** Where everything is sent to; undefined: to whoever is called, directly, and then nothing is registered. */
  server?: Target | undefined;
  /** What is asked for, s; default 300. */
  expiresS?: number | undefined;
}

export interface PhoneOptions {
  account: Account;
  /** Answers incoming calls by itself after so long, ms; undefined: no. */
  autoAnswerMs?: number | undefined;
  /** Key presses; default 'auto'. 'info': application/dtmf-relay. */
  dtmf?: DtmfWay | undefined;
  /** Session timer (RFC 4028) asked for, s; 0: none; default 1800. Answered to in any case. */
  sessionExpiresS?: number | undefined;
  /** Whether we follow when the far end transfers us; default true. */
  followTransfers?: boolean | undefined;
  /** How many calls at once; the next one gets 486. Default 8. */
  maxCalls?: number | undefined;
  /** Every so often each call that is up tells its `quality`; 0: never; default 1000 ms. */
  qualityMs?: number | undefined;
  /** Sent as User-Agent. */
  userAgent?: string | undefined;
  /** Incoming calls get 486 while this is on. */
  doNotDisturb?: boolean | undefined;
}

export type DtmfWay = 'auto' | 'rfc4733' | 'info' | 'in-band';

/** What differs between a terminal and a browser. */
export interface Surroundings<M extends CallMedia> {
  sip: Sip;
  openChannel: OpenChannel;
  media: MediaFactory<M>;
  clock: Clock;
  chance: Chance;
  /** Every SIP message, for whoever wants to see them. */
  trace?: ((line: { out: boolean; text: string }) => void) | undefined;
}

/**
 *   out: calling ─► ringing ─► up ◄─► held ─► ended
 *   in:  incoming ───────────► up
 */
export type CallState = 'calling' | 'ringing' | 'incoming' | 'up' | 'held' | 'ended';

export interface CallInfo {
  id: string;
  direction: 'in' | 'out';
  state: CallState;
  party: Party;
  /** The far end holds us. */
  heldByFarEnd: boolean;
  muted: boolean;
  codec: string | null;
  encrypted: boolean;
  /** `Clock.now()` of its beginning, and of its answer. */
  beganAt: number;
  answeredAt: number | null;
}

/** Every method that fails rejects with a `PhoneError`, a sentence for people, and leaves the call as it was. */
export interface Call<M extends CallMedia = CallMedia> {
  readonly id: string;
  readonly info: CallInfo;
  readonly media: M;
  /** Resolves when the call is up; other calls that are up are put on hold. */
  answer(): Promise<void>;
  /** Of an incoming call: default 486. */
  reject(status?: number): Promise<void>;
  /** Whatever state it is in. Resolves when it has ended. Never rejects. */
  hangUp(): Promise<void>;
  hold(): Promise<void>;
  /** Other calls that are up are put on hold. */
  resume(): Promise<void>;
  sendDigits(digits: string, way?: DtmfWay): Promise<void>;
  /** Blind (RFC 3515). Resolves when the far end said that it worked. */
  transfer(to: string): Promise<void>;
  /** Attended (RFC 3891): the far end of this call and that of `other` speak with each other from now on. */
  transferTo(other: Call<M>): Promise<void>;
  quality(): Quality | null;
  /** Resolves when it is answered; rejects when it ends before (`PhoneError` with `status`). */
  readonly answered: Promise<void>;
  /** Resolves with the event when it has ended. */
  readonly ended: Promise<PhoneEventOf<'ended'>>;
}

export interface DialOptions {
  /** Put other calls on hold; default true. */
  holdOthers?: boolean | undefined;
}

export interface Phone<M extends CallMedia = CallMedia> {
  readonly account: Account;
  readonly registered: boolean;
  readonly calls: ReadonlyArray<Call<M>>;
  /** The one that the person speaks in; undefined: all are held, ring, or there is none. */
  readonly active: Call<M> | undefined;
  doNotDisturb: boolean;
  /** Connects and registers, and keeps both. Resolves when registered the first time; rejects (`PhoneError`) when that is refused for good, when there is no way to the server that waiting could bring (its certificate is not trusted), or when `timeoutMs` have passed (default 10,000). */
  register(options?: { timeoutMs?: number }): Promise<void>;
  /** Only opens the way, for a phone without a server. */
  connect(): Promise<void>;
  /** `to`: '1002', '1002@host', 'sip:…', '"Name" <sip:…>'. The call is sent off when this returns; `call.answered` tells the rest. Errors: PhoneError for what cannot be dialled. */
  dial(to: string, options?: DialOptions): Promise<Call<M>>;
  /** MESSAGE (RFC 3428). Resolves when it was taken. */
  message(to: string, text: string): Promise<void>;
  /** Presence (RFC 3856, PIDF; RFC 4235 dialog-info where the server has that instead). Told by events, until `unwatch`. */
  watch(who: string): void;
  unwatch(who: string): void;
  on<N extends PhoneEventName>(name: N, listener: (event: PhoneEventOf<N>) => void): () => void;
  on(name: '*', listener: (event: PhoneEvent) => void): () => void;
  /** The machine's network has changed (other addresses): the way is opened anew, registration and calls are moved to it. */
  networkChanged(): void;
  /** Ends calls, unregisters, closes; at most `graceMs` (default 2000) long. Idempotent. */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** For people: what is wrong and what to do. */
export class PhoneError extends Error {
  constructor(
    readonly code: 'bad-address' | 'not-connected' | 'registration-refused' | 'timeout' | 'refused' | 'wrong-state' | 'media' | 'closed' | 'too-many' | 'not-supported' | 'bad-command',
    message: string,
    /** Of the SIP answer that said so. */
    readonly status: number | null = null,
  ) {
    super(message);
    this.name = 'PhoneError';
  }
}
