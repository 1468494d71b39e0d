/**
 * `offhook/app`: what a program of one's own is written with, which `offhook serve --app FILE` loads.
 *
 *   import { defineApp } from 'offhook/app';
 *   export default defineApp({ routes: { '610': async (call) => { await call.answer(); await call.play('welcome.wav'); } } });
 *
 * It knows nothing of the rest of Offhook, so that its types stand alone. Times are seconds.
 */

/** Thrown by whatever is awaited on a call once that is over, or is not the program's any more. Let it pass; `finally` blocks run. */
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

/**
 * What can be heard: a file or a spoken prompt by its name, a tone, silence, something that is said.
 *
 * Of names: `./sounds/welcome.wav` lies beside the program, `/srv/welcome.wav` is absolute, `welcome.wav` is one of `offhook prompt`, and `goodbye` a key of
 * the prompts that come with Offhook (media/prompts/en/prompts.ts).
 */
export type Sound =
  | string
  | { tone: 'dial' | 'ringback' | 'busy' | 'reorder' | 'sit' | 'beep'; seconds?: number | undefined }
  /** Sines; `level` in dBm0, default -16. */
  | { hz: readonly number[]; seconds: number; level?: number | undefined }
  | { silence: number }
  /** “forty-two” */
  | { number: number }
  /** “one zero zero one” */
  | { digits: string };

export interface PlayOptions {
  /** A key ends it, or was pressed before; the key stays to be read. Default: false. */
  interrupt?: boolean | undefined;
  /** Begins again at the end, until `stopPlaying`, another sound, or a transfer. */
  loop?: boolean | undefined;
}

export interface Played {
  why: 'finished' | 'stopped' | 'replaced' | 'released' | 'failed';
  seconds: number;
}

export interface GatherOptions {
  /** Ends with this many digits. */
  digits: number;
  /** Fewer are `too-few`; default 1. */
  atLeast?: number | undefined;
  /** Keys that end it and are no part of the digits; default `#`. */
  terminators?: string | undefined;
  /** How long to wait for the first key after the prompt, default 8, and between two, default 3. */
  firstSeconds?: number | undefined;
  betweenSeconds?: number | undefined;
  prompt?: Sound | readonly Sound[] | undefined;
  /** Whether keys are taken during the prompt, which ends it; default true. */
  bargeIn?: boolean | undefined;
  /** Asks so often, when nothing or too little was pressed; default 1. */
  tries?: number | undefined;
}

export interface Gathered {
  digits: string;
  why: 'max' | 'terminator' | 'timeout' | 'too-few';
  terminator: string | undefined;
}

export interface RecordOptions {
  /** A file that does not exist yet, `.wav` or `.ogg`, absolute or from the program's folder. Default: a new one in `app-recordings` of the data folder. */
  file?: string | undefined;
  /** Default 300. */
  maxSeconds?: number | undefined;
  /** Ends after so much silence; default: never. */
  silenceSeconds?: number | undefined;
  /** Keys that end it; default `#`. */
  terminators?: string | undefined;
}

export interface Recorded {
  /** Absolute. */
  file: string;
  seconds: number;
  /** `released`: the caller has hung up. */
  why: 'stopped' | 'limit' | 'silence' | 'released' | 'failed';
  terminator: string | undefined;
}

export interface TransferOptions {
  /** As if the caller had dialled it: when nobody answers, the call goes where that one's calls go then, to the mailbox, too. Default: back to the program. */
  asDialled?: boolean | undefined;
  /** How long it rings; default: as long as whoever is called has set. */
  seconds?: number | undefined;
  /** What the caller hears meanwhile: ring-back (default), or what it hears already. */
  hears?: 'ringback' | 'the same' | undefined;
}

/** A call that a handler has. Returning from the handler hangs up. */
export interface AppCall {
  readonly id: string;
  readonly caller: Party;
  readonly dialled: string;
  /** The domain of the caller's tenant; empty: the first one. */
  readonly tenant: string;
  /** The number of whoever has sent the caller here by a transfer. */
  readonly transferredBy: string | undefined;
  readonly answered: boolean;
  /** Aborted when the call is over, or is not the program's any more. */
  readonly signal: AbortSignal;

  /** Lets the caller hear us before the answer. False: that cannot be done in this call. */
  early(): Promise<boolean>;
  /** Answers; a second time does nothing. */
  answer(): Promise<void>;
  /** After `early` or `answer`. Resolves when it has ended. */
  play(what: Sound | readonly Sound[], options?: PlayOptions): Promise<Played>;
  stopPlaying(): Promise<void>;
  pause(seconds: number): Promise<void>;
  /** The next key, 0-9 * # A-D; undefined: none within so many seconds, default 8. */
  digit(withinSeconds?: number): Promise<string | undefined>;
  gather(options: GatherOptions): Promise<Gathered>;
  /** Forgets keys that were pressed and not read. */
  forgetDigits(): Promise<void>;
  /** What the caller says. The one thing that does not throw `CallOver`: when the caller hangs up, what was recorded is there. */
  record(options?: RecordOptions): Promise<Recorded>;
  /**
   * Takes the caller (answered) to whatever this number leads to: phones ring, groups, menus, rooms and mailboxes (`voicemail:1002`) take over. Several
   * numbers: extensions whose phones ring at once. Resolves only when that failed, with why: `busy`, `no-answer`, `unknown-number`…; the caller is still here
   * then. When somebody answers, the call is that one's, and this throws `CallOver`.
   */
  transfer(to: string | readonly string[], options?: TransferOptions): Promise<string>;
  /** Ends the call. What a caller is told who was not answered: a SIP status from 400 and a few words; default: 480. */
  hangup(status?: number, reason?: string): Promise<void>;
}

export type Handler = (call: AppCall) => Promise<unknown>;

/** A call that comes in, before it goes anywhere. */
export interface NewCall {
  readonly caller: Party;
  readonly dialled: string;
  readonly tenant: string;
  /** The trunk that it comes from; undefined: from an extension. */
  readonly trunk: string | undefined;
}

export type Verdict =
  | { readonly do: 'allow'; readonly name?: string | undefined }
  | { readonly do: 'deny'; readonly status: number; readonly reason: string | undefined }
  | { readonly do: 'redirect'; readonly to: string; readonly name?: string | undefined };

/** It goes where it was going. */
export const allow = (): Verdict => ({ do: 'allow' });
/** It is refused, with a SIP status of 400 to 699. */
export const deny = (status = 603, reason?: string): Verdict => ({ do: 'deny', status, reason });
/** It goes where this number leads, as if the caller had dialled that. */
export const redirect = (to: string, more: { name?: string | undefined } = {}): Verdict => ({ do: 'redirect', to, name: more.name });
/** It goes where it was going, and phones show this as the caller's name. */
export const name = (displayName: string): Verdict => ({ do: 'allow', name: displayName });

export interface App {
  /** Handlers by the numbers that lead to them: digits, `*`, `#`, and X (0-9), Z (1-9), N (2-9), [13-5], at the end . (one or more) or ! (any). What fits best has it. */
  readonly routes?: Readonly<Record<string, Handler>> | undefined;
  /** Asked about every new call but those for help; after two seconds the call goes on as if there were no hook. Nothing returned: allowed. */
  readonly onCall?: ((call: NewCall) => Verdict | undefined | void | Promise<Verdict | undefined | void>) | undefined;
  /** Where a call goes whose handler fails. Default: where its number would have led without this program. */
  readonly fallback?: string | undefined;
  /** A handler that leaves its caller alone for so long has failed; default 30. */
  readonly idleSeconds?: number | undefined;
  /** Whose numbers the routes are and whose calls the hook sees: domains of tenants, '' is the first one, or all. Default: the first one. */
  readonly tenants?: 'all' | readonly string[] | undefined;
}

/** Says what a program is: `export default defineApp({ … })`. */
export const defineApp = (app: App): App => app;

export interface MenuOptions {
  prompt: Sound | readonly Sound[];
  /** What keys lead to: a number, or what is done then; when that returns, the menu is heard again. */
  options: Readonly<Record<string, string | Handler>>;
  /** After keys that mean nothing. */
  invalid?: Sound | readonly Sound[] | undefined;
  /** How often it is asked; default 3. */
  tries?: number | undefined;
  firstSeconds?: number | undefined;
  /** What is done when nothing was chosen; default: goodbye. */
  otherwise?: string | Handler | undefined;
}

/** A menu as a handler. */
export function menu({ prompt, options, invalid = 'not-right', tries = 3, firstSeconds, otherwise }: MenuOptions): Handler {
  const digits = Math.max(1, ...Object.keys(options).map((key) => key.length));
  return async (call) => {
    await call.answer();
    for (let asked = 0; asked < tries; asked++) {
      // a # of its own may be an option
      const chosen = await call.gather({ digits, prompt, firstSeconds, terminators: '#' in options ? '' : '#' });
      const next = Object.hasOwn(options, chosen.digits) ? options[chosen.digits] : undefined;
      if (next !== undefined) await leadOn(call, next);
      else if (chosen.digits !== '') await call.play(invalid, { interrupt: true });
    }
    if (otherwise !== undefined) await leadOn(call, otherwise);
    await call.play('goodbye');
  };
}

async function leadOn(call: AppCall, to: string | Handler): Promise<void> {
  if (typeof to !== 'string') {
    await to(call);
    return;
  }
  await call.transfer(to, { asDialled: true });
  await call.play('cannot-be-reached-now');
}
