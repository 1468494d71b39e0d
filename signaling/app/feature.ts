/**
 * The vocabulary of features: calls that the system itself answers.
 *
 * A feature is an island in `features/`: rows for the dial plan, and what happens when somebody dials them, written as straight-line code
 * against a `ServiceCall`:
 *
 *   await call.answer();
 *   const { digits } = await call.gather({ prompt: [...], max: 4 });
 *   ...
 *
 * When the caller hangs up, whatever is awaited rejects with `CallOver`, `finally` blocks run, and that is all there is to it.
 */
import type { MemberSettings, Playable, PlayEnd, PlayOptions, RecordEnd, RecordOptions } from '../../media/plane';
import type { CallRefusal, Cause } from './reasons';

/** Thrown by everything on a ServiceCall once the call is over, or is not this feature's any more. Let it pass. */
export class CallOver extends Error {
  override readonly name = 'CallOver';
  constructor(why: string) {
    super(`the call is over: ${why}`);
  }
}

export interface Party {
  readonly number: string;
  readonly name: string | null;
}

/** What a dial plan row found in the dialled number. */
export type Args = Readonly<Record<string, string>>;

/** Numbers that lead to a feature. Pure: the same number always gives the same answer. */
export interface FeatureNumber {
  /** For people: `*43`, `**NUMBER`. */
  readonly pattern: string;
  readonly meaning: string;
  /** Where it matches this number and no other: found by one look-up. */
  readonly exact?: string;
  /** Before all others, also those of one look-up. */
  readonly first?: boolean;
  /** `number` as it was dialled, `id` in the caller's tenant (`signaling/tenants.ts`): what is set is known by ids. */
  matches(number: string, id: string): Args | undefined;
  /** The room that the call will join: its media is then placed where that room is. */
  room?(args: Args): string;
  /** Near which endpoints its media is placed (see `Call.near`), asked when it is dialled; undefined: anywhere. */
  near?(args: Args, caller: string): string | undefined;
}

export type Handler = (call: ServiceCall) => Promise<void>;

/** A call that is about to be refused. */
export interface Unanswered {
  readonly caller: Party;
  readonly dialled: string;
  /** The extension; undefined when there is none of that number. */
  readonly callee: Party | undefined;
  readonly refusal: CallRefusal;
}

export interface Feature {
  /** For logs, records and the console. */
  readonly name: string;
  readonly numbers: readonly FeatureNumber[];
  /**
   * What silence of the phone means, when no packets come for the media timeout: `ends` the call (default), or the phone is asked (with
   * OPTIONS in the dialog) and the call goes on while it answers: for calls in which one may be silent for an hour.
   */
  readonly silence?: 'ends' | 'asks';
  /** Runs the call to its end: when it returns or throws, the call is hung up. */
  answer?(call: ServiceCall, args: Args): Promise<void>;
  /**
   * Offers to take a call that would be refused: the handler that then has it (the caller has had no final answer), or undefined. The first
   * feature that wants it gets it. To refuse it all the same, the handler ends with `call.hangup(refusal)`.
   */
  unanswered?(call: Unanswered): Handler | undefined | Promise<Handler | undefined>;
}

export interface ServicePlayOptions extends PlayOptions {
  /** A key press ends it, or was there before; the key stays to be read. Default: false. */
  interrupt?: boolean | undefined;
}

export interface GatherOptions {
  /** Ends with this many digits. */
  max: number;
  /** Fewer are reported as `too-few`; default 1. */
  min?: number | undefined;
  /** Keys that end it and are not part of the digits; default `#`. */
  terminators?: string | undefined;
  /** How long to wait for the first key after the prompt, default 8,000, and between two, default 3,000. */
  firstMs?: number | undefined;
  betweenMs?: number | undefined;
  prompt?: readonly Playable[] | undefined;
  /** Whether keys are taken during the prompt, which ends it; default true. Otherwise those pressed by then are forgotten. */
  bargeIn?: boolean | undefined;
}

export interface Gathered {
  digits: string;
  why: 'max' | 'terminator' | 'timeout' | 'too-few';
  terminator: string | undefined;
}

export interface ServiceRecordOptions extends RecordOptions {
  /** Keys that end it; default none. */
  terminators?: string | undefined;
}

/**
 * Extensions of which one is to answer: all their phones ring at once. Who is passed over (has no phone, is busy, does not want to be disturbed) is told
 * of. Or those of a ring group, as it is set.
 */
export type Colleagues =
  | {
      readonly any: readonly string[];
      /** Before the caller's name on their phones. */
      readonly prefix?: string | undefined;
    }
  | { readonly group: string };

export interface TransferOptions {
  /** As if the caller had dialled it: when nobody answers, the call goes where that one's calls go then, to the mailbox, too. Default: back to the feature. */
  asDialled?: boolean | undefined;
  /** What the caller hears meanwhile: ring-back (default), or what it hears already. */
  hears?: 'ringback' | 'the same' | undefined;
  /** How long it rings; default: as long as whoever is called has set. */
  seconds?: number | undefined;
  /** Phones are asked to answer by themselves. Default: no. */
  autoAnswer?: boolean | undefined;
  /** Aborted: nobody is to answer any more; the cause is `cancelled`. */
  signal?: AbortSignal | undefined;
  /** As if this feature had no numbers: where the number leads without it. Default: no. */
  past?: boolean | undefined;
  /** Of each whose phones rang, or who was passed over, when nobody answered. */
  refused?(number: string, cause: Cause): void;
  /** Somebody has answered; `over` resolves when they have hung up. */
  answered?(number: string, over: Promise<void>): void;
}

/**
 * A call that a feature has. Everything rejects with `CallOver` when it is over, except `record`, since what was recorded has to be dealt
 * with. Media errors (`MediaError`) mean a fault: not caught, they end this call and no other.
 */
export interface ServiceCall {
  readonly id: string;
  readonly caller: Party;
  readonly dialled: string;
  readonly answered: boolean;
  /** Who has sent the caller here by a transfer. */
  readonly transferredBy: string | undefined;
  /** The id of the call that ends when this one has come about: its transferor talked there to the same feature before. */
  readonly replaces: string | undefined;
  /** Aborted when the call is over. */
  readonly signal: AbortSignal;
  /** Resolves, with a sentence, when the call is over. Never rejects. */
  readonly ended: Promise<string>;
  /** The media endpoint, for features that use the plane themselves. Errors: `Error` before `early` or `answer`. */
  readonly endpointId: string;

  /** Lets the caller hear us before the answer (183 with SDP, RFC 3960 §3.2). False: it has not offered anything that could be answered. */
  early(): Promise<boolean>;
  /** Answers; a second time does nothing. */
  answer(): Promise<void>;

  /** Resolves when it has ended, for whatever reason (see `why`). After `early` or `answer`. */
  play(what: readonly Playable[], options?: ServicePlayOptions): Promise<PlayEnd>;
  stopPlaying(): Promise<void>;
  /** Plays spoken prompts, by their keys. One that is not there is left out, and logged. */
  say(keys: readonly string[], options?: ServicePlayOptions): Promise<PlayEnd>;
  pause(ms: number): Promise<void>;

  /** The next key, 0-9 * # A-D; undefined: none in time. */
  digit(withinMs?: number): Promise<string | undefined>;
  gather(options: GatherOptions): Promise<Gathered>;
  /** From now on keys go here, instead of waiting to be read. Returns the way back. */
  onDigit(fn: (digit: string) => void): () => void;
  /** Forgets keys that were pressed and not read. */
  forgetDigits(): void;

  /** What the caller says. Never rejects with `CallOver`: with `released` the caller has hung up, and the next await on this call ends the feature. */
  record(options: ServiceRecordOptions): Promise<RecordEnd & { terminator: string | undefined }>;

  /** Into a room, where each hears the others; again: changes the settings. */
  join(room: string, settings?: MemberSettings): Promise<void>;
  leave(): Promise<void>;

  /**
   * Takes the caller to whatever this number leads to (after `answer`): phones ring, services and mailboxes (`voicemail:1002`) take over. Resolves only
   * when that failed, with the reason: the caller is still here then. When somebody answers, the call is that one's, and this throws `CallOver`.
   */
  transferTo(to: string | Colleagues, options?: TransferOptions): Promise<Cause>;

  /**
   * Connects the caller, answered or not, with the phone of another call that a feature has, and which ends then. Resolves only when that failed, with the
   * reason; the other one is where it was then. Otherwise this throws `CallOver`.
   */
  connectWith(id: string): Promise<Cause>;
  /** Answers the caller and has it answer a call that rings elsewhere. Resolves only when that failed. */
  pickUp(id: string): Promise<Cause>;
  /** For records and views: the caller waits at `slot`, where `by` has put it. */
  parked(by: string, slot: string): void;

  /**
   * Gives a caller back who has had no answer: the call goes where the number leads without this feature, or to `to`, and this throws `CallOver`. Resolves, with
   * nothing done, when the caller has heard something from us already.
   */
  passBy(to?: string): Promise<void>;

  /** Ends the call; what the caller is told, when it was not answered, is in `refusal`. */
  hangup(refusal?: CallRefusal): void;
}

/** A dial plan row for one number. */
export function exactly(number: string, meaning: string, more: { args?: Args; room?: string } = {}): FeatureNumber {
  const { args = {}, room } = more;
  return { pattern: number, meaning, exact: number, matches: (dialled) => (dialled === number ? args : undefined), ...(room !== undefined && { room: () => room }) };
}
