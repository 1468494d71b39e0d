/** What a person sees of the phone, as plain data. All lists are bounded; texts are kept as they came (the screen makes them harmless when it draws them). */
import type { Party, PhoneEventOf } from '../events';
import type { Quality } from '../media';

export interface RegistrationView {
  /** 'off': nothing is registered (a phone without a server). */
  state: 'off' | 'connecting' | 'registering' | 'registered' | 'disconnected' | 'failed';
  protocol: string | null;
  remote: string | null;
  problem: string | null;
  /** When it is tried again, on the clock of `atMs`; null: not by itself. */
  retryAtMs: number | null;
}

export interface TransferView {
  to: string;
  state: PhoneEventOf<'transfer'>['state'];
  status: number;
  reason: string;
}

export interface CallView {
  id: string;
  /** The number of its line, from 1; stays while the call is there. */
  line: number;
  direction: 'in' | 'out';
  state: 'calling' | 'ringing' | 'incoming' | 'up' | 'held' | 'ended';
  party: Party;
  heldByFarEnd: boolean;
  codec: string | null;
  encrypted: boolean;
  quality: Quality | null;
  transfer: TransferView | null;
  /** What has been pressed (ours). */
  digits: string;
  /** Nothing is heard from there since so long, ms; null: something is. */
  silentMs: number | null;
  beganAtMs: number;
  answeredAtMs: number | null;
  endedAtMs: number | null;
  /** Why it ended, for people; null: it was hung up. */
  ending: string | null;
}

export interface MessageView {
  atMs: number;
  out: boolean;
  who: string;
  name: string;
  text: string;
  state: 'received' | 'sending' | 'sent' | 'failed';
  problem: string | null;
}

export interface PresenceView {
  of: string;
  state: PhoneEventOf<'presence'>['state'] | 'failed';
  note: string;
}

export interface Notice {
  atMs: number;
  kind: 'info' | 'problem';
  text: string;
}

/** As kept by `history.ts`. */
export interface HistoryEntry {
  /** Milliseconds since 1970, of its beginning. */
  at: number;
  kind: 'missed' | 'answered' | 'dialled' | 'not-answered';
  address: string;
  name: string;
  /** Of the conversation. */
  durationMs: number;
}

/** As kept by `contacts.ts`. */
export interface Contact {
  name: string;
  address: string;
}

/** What fills the middle of the screen. */
export type Page = 'calls' | 'history' | 'contacts' | 'messages' | 'presence' | 'help';

export type PromptKind = 'dial' | 'transfer' | 'join' | 'message-to' | 'message-text' | 'watch' | 'contact-name' | 'contact-address' | 'contact-remove' | 'quit';

/** Of these, earlier inputs and contacts can be had. */
export const TAKES_ADDRESS: ReadonlySet<PromptKind> = new Set(['dial', 'transfer', 'message-to', 'watch', 'contact-address']);

/** A line that is being typed. */
export interface Prompt {
  kind: PromptKind;
  text: string;
  /** Characters (code points) before the cursor. */
  cursor: number;
  /** What is wrong with what was typed. */
  problem: string | null;
  /** What an earlier prompt gave: the call, the receiver, the name. */
  about: string;
  /** Where in the earlier inputs the person is (0 the latest); -1: at its own text. */
  recall: number;
  /** Its own text while it looks at earlier ones; and what was typed before the first completion. */
  draft: string;
  /** How many completions were tried; 0: none. */
  completion: number;
}

export interface PhoneView {
  /** Our own address. */
  address: string;
  registration: RegistrationView;
  /** In order of their lines; ended ones stay for a moment. */
  calls: readonly CallView[];
  /** The call that keys mean. */
  selected: string | null;
  voicemail: { waiting: boolean; newMessages: number; oldMessages: number; urgentNew: number } | null;
  messages: readonly MessageView[];
  unread: number;
  presence: readonly PresenceView[];
  audio: { backend: string; input: string | null; output: string | null; problem: string | null; retrying: boolean };
  /** dBov, -127 to 0. */
  levels: { input: number; output: number };
  /** dB */
  volume: { inputDb: number; outputDb: number };
  muted: boolean;
  noiseSuppression: boolean;
  doNotDisturb: boolean;
  notices: readonly Notice[];
  page: Page;
  /** The marked row of a list. */
  cursor: number;
  prompt: Prompt | null;
  /** What was dialled by typing, the latest first. */
  dialled: readonly string[];
  /** The latest first. */
  history: readonly HistoryEntry[];
  /** Missed since the person last looked. */
  missed: number;
  contacts: readonly Contact[];
  /** The latest time that was told. */
  nowMs: number;
  /** Added to the clock of `atMs` this gives milliseconds since 1970. */
  wallOffsetMs: number;
}

/** What the person did, and what whoever runs the screen tells it. */
export type UiEvent =
  /** Once a second. */
  | { event: 'ui-tick' }
  /** A key was pressed: whoever pressed it has seen what stood there for a while. */
  | { event: 'ui-seen' }
  | { event: 'ui-levels'; input: number; output: number }
  | { event: 'ui-settings'; muted?: boolean; noiseSuppression?: boolean; doNotDisturb?: boolean; inputDb?: number; outputDb?: number }
  | { event: 'ui-page'; page: Page }
  | { event: 'ui-cursor'; cursor: number }
  | { event: 'ui-select'; call: string }
  | { event: 'ui-prompt'; prompt: Prompt | null }
  | { event: 'ui-digits'; call: string; digits: string }
  | { event: 'ui-dialled'; to: string }
  | { event: 'ui-message'; to: string; text: string }
  /** The phone would not even try: what was written last to that address. */
  | { event: 'ui-message-failed'; to: string; problem: string }
  | { event: 'ui-watch'; who: string }
  | { event: 'ui-unwatch'; who: string }
  | { event: 'ui-history'; entries: readonly HistoryEntry[] }
  | { event: 'ui-contacts'; contacts: readonly Contact[] }
  | { event: 'ui-notice'; kind: Notice['kind']; text: string };
