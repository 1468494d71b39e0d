/**
 * What the functions over a call may use: handed in by `Calls`, the same for all calls.
 */
import type { MediaPlane } from '../../media/plane';
import type { Family } from '../../media/sdp';
import type { Clock, Random } from '../clock';
import type { Call } from './call';
import type { CallMedia } from './call-media';
import type { Destination } from './destination';
import type { CallSrf, SipRequest, SipResponder } from './dialogs';
import type { Hop } from './diversion';
import type { Engaged } from './engaged';
import type { Colleagues } from './feature';
import type { Binding } from './binding';
import type { Feature, Handler } from './feature';
import type { Logger } from '../log';
import type { Extension } from '../store/store';
import type { Ending } from './hangup';
import type { Leg, Side } from './leg';
import type { SrtpHabits } from './srtp-habits';
import type { CallRefusal, Cause } from './reasons';

export interface CallSettings {
  /** An unanswered call is given up after this long. */
  ringSeconds: number;
  /** Calls at once; more are answered 503. */
  maxCalls: number;
  /** Who may take calls that ring elsewhere: everybody in the tenant (default), or those with a pickup group in common. */
  pickup?: 'all' | 'groups' | undefined;
  /** Of the phones of that tenant; undefined: as many as there may be at all. */
  maxCallsOf?: ((tenant: string) => number | undefined) | undefined;
}

export interface CallMediaSettings {
  /** Whether sound is turned from one codec into another where two phones have none in common. */
  transcode: boolean;
  /** What held parties hear: a WAV file or a folder of them, absolute; null: silence. */
  holdMusic: string | null;
}

/** The part of the media plane that services use. */
export type ServiceMedia = Pick<MediaPlane, 'setAudio' | 'join' | 'leave' | 'play' | 'stopPlaying' | 'record' | 'stopRecording' | 'sendDigits' | 'detectTones' | 'codecs'>;

/** The way to a phone and back. */
export interface CallLocations {
  /** Live bindings, the preferred first. */
  lookup(extension: string): Binding[];
  /** Takes out a binding that leads nowhere any more. */
  forget(binding: Binding): boolean;
}

export interface CallDirectory {
  find(number: string): Promise<Extension | undefined>;
}

export interface CallReach {
  addressFor(peer: string, family: Family): string | undefined;
  /** Whether nothing stands between that address and us. */
  isLocal(address: string): boolean;
}

/** Things that go wrong without ending a call, and are counted. */
export interface CallCounters {
  /** Requests refused because a negotiation was under way (491). */
  glare: number;
  /** re-INVITEs and UPDATEs that the other party did not take. */
  refusedChanges: number;
  /** Session refreshes answered by ourselves. */
  refreshes: number;
  /** Answers that crossed a CANCEL or another phone's answer, ended with BYE. */
  lateAnswers: number;
  /** Descriptions from phones that could not be used. */
  badSdp: number;
  /** Calls ended because no media came. */
  silent: number;
  /** Requests of the media plane that failed. */
  mediaErrors: number;
  /** Faults of ours, each logged. */
  faults: number;
  /** Keys pressed as SIP INFO that were made into digits of the media stream, since the other phone takes no INFO. */
  digitsConverted: number;
  /** Keys for a service that nobody read in time. */
  digitsDropped: number;
  /** Prompts that a service wanted to play and that are not there, or did not play. */
  promptsFailed: number;
  /** Calls whose sound had to be turned from one codec, or one way of sending keys, into another. */
  mixed: number;
  /** Held parties that should have heard music and did not. */
  musicFailed: number;
  /** Phones that refused the first way of encrypting (or not) and were called once more with the other. */
  srtpRetries: number;
}

export interface CallContext {
  readonly srf: CallSrf;
  readonly plane: CallMedia & ServiceMedia;
  readonly reach: CallReach;
  readonly locations: CallLocations;
  readonly directory: CallDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly settings: CallSettings;
  readonly media: CallMediaSettings;
  /** What the phones were seen to speak. */
  readonly srtpHabits: SrtpHabits;
  /** Who is in a call. */
  readonly engaged: Engaged;
  readonly counters: CallCounters;
  /** The file of a spoken prompt; undefined: there is none of that key. */
  readonly prompt: (key: string) => string | undefined;
  /** Who is in it, how far it has come or who holds may be different. */
  onChanged(call: Call): void;
  onRinging(call: Call): void;
  onAnswered(call: Call): void;
  /** The plane was told what to do for a call between phones, perhaps again. */
  onWired(call: Call): void;
  /** A key pressed in a call between phones, which goes to the other one whatever we make of it. */
  onKey(call: Call, leg: Leg, digit: string, way: 'media' | 'info'): void;
  /** The same of one that a service has, which reads it. */
  onServiceKey(call: Call, leg: Leg, digit: string): void;
  /** One that is not over. */
  callOf(id: string): Call | undefined;
  /**
   * The phones of the callee have refused or did not answer: features may take the call; otherwise it is refused, with hangup(). Whoever
   * still rings is cancelled.
   */
  unanswered(call: Call, by: Side | 'system', refusal: CallRefusal): void;
  /** Gives a call to a feature. */
  serve(call: Call, feature: Pick<Feature, 'name' | 'silence'>, handler: Handler): void;
  /** Where a number leads that this extension would dial; `path` is added to. Errors: those of the directory. */
  destination(caller: string, number: string, path: Hop[], by?: string, without?: string): Promise<Destination>;
  /** See `Routing`. */
  instead(call: Call, refusal: CallRefusal, path: Hop[]): Promise<Destination>;
  colleagues(call: Call, whom: Colleagues): Promise<Destination>;
  passBy(call: Call, number: string, feature: string, leave: () => void): Promise<void>;
  handOver(call: Call, to: Exclude<Destination, { kind: 'phones' }>, leave: () => void): Promise<Cause | undefined>;
  /** A REFER in a call between phones. */
  onRefer(call: Call, leg: Leg, req: SipRequest, res: SipResponder): void;
  /** Once per call, after its last dialog was told and its media is being given back. */
  onEnded(call: Call, ending: Ending): void;
}
