/**
 * What Offhook keeps: extensions, the contacts they are registered at, and facts about the data itself. One interface, whatever the
 * database; `test/contract/store` runs over every implementation.
 */

import type { Deliveries } from './delivery-types';
import type { TextMessages } from './text-types';
import type { CallRecordRows } from './record-types';

export interface Extension {
  number: string;
  /** What phones show, e.g. a person's name. */
  name: string | null;
  /** Digest credentials (RFC 2617 §3.2.2.2, RFC 8760): hex of HASH(number ":" realm ":" password). The password itself is kept nowhere. */
  ha1: { md5: string; sha256: string };
  /** Whether media passes through us or goes directly between the phones. */
  media: 'anchored' | 'direct';
  /** SRTP with its phones: never, as they like, or nothing else. */
  srtp: 'off' | 'optional' | 'required';
  /** Whether its calls are recorded: never (whatever the other side says), when one of the two asks for it during the call, or always. */
  recording: 'never' | 'on-demand' | 'always';
  /** Undefined: nothing of it is set. */
  diversion?: Diversion | undefined;
  /** Undefined: nothing of it is set. */
  settings?: ExtensionSettings | undefined;
  /** Unix milliseconds. */
  createdAt: number;
}

/** What else can be set for an extension, each with its default until it is. What they may be is checked at the door (`signaling/settings`). */
export interface ExtensionSettings {
  /** Whether it rings while it talks. Default: true. */
  callWaiting?: boolean | undefined;
  /** Calls at once, its own included; one more is busy. Default: as many as there are. */
  maxCalls?: number | undefined;
  /** Where else it rings. */
  findMe?: FindMe | undefined;
  /** Classes of numbers outside that it may call. Default: `outside.permissions`. */
  permissions?: readonly CallClass[] | undefined;
  /** What those see whom it calls outside. Default: the trunk's number, and its name. */
  callerId?: { number?: string | undefined; name?: string | undefined; anonymous?: boolean | undefined } | undefined;
  /** Of its calls outside. */
  limits?: { maxCalls?: number | undefined; callsPerMinute?: number | undefined; dailyBudget?: number | undefined } | undefined;
  /** Whether others of its tenant may see what it does (lamps, presence). Default: true. */
  watchable?: boolean | undefined;
  /** Names; who has one in common takes calls that ring at the other with `*8`. Default: none. */
  pickupGroups?: readonly string[] | undefined;
  /** For whom its phone answers by itself (`*80NUMBER`): nobody, anyone of its tenant, those numbers. Default: nobody. */
  autoAnswer?: 'nobody' | 'anyone' | readonly string[] | undefined;
  /** Whose calls it may listen to, and speak in. Default: nobody's. */
  supervisor?: Supervising | undefined;
}

export interface Supervising {
  /** Numbers of extensions and of ring groups; `*`: everybody of its tenant. */
  calls: readonly string[];
  /** Whether those who talk hear a tone when it begins. */
  tone: boolean;
}

/** What a number outside is, for who may call it. */
export type CallClass = 'local' | 'national' | 'mobile' | 'international' | 'service' | 'premium';

/** Where somebody is looked for besides its own phones, which ring first. Whoever answers first has the call. */
export interface FindMe {
  /** All after their delays while the own phones ring on, or one after the other. */
  order: 'at-once' | 'in-turn';
  targets: ReadonlyArray<{
    /** As it would be dialled. */
    number: string;
    /** When all ring at once: how long after the own phones. */
    delay: number;
    seconds: number;
  }>;
}

/** What becomes of calls to an extension besides ringing its phones. A target is a number as it would be dialled, or `voicemail`; null: none. */
export interface Diversion {
  /** Of every call; its phones do not ring. */
  always: string | null;
  /** When it is busy, declines, or does not want to be disturbed. */
  busy: string | null;
  noAnswer: string | null;
  /** When no phone is registered, or none can be reached. */
  offline: string | null;
  /** How long its phones ring; null: as long as those of all. */
  ringSeconds: number | null;
  /** Its phones do not ring. */
  doNotDisturb: boolean;
}

export const noDiversion: Diversion = { always: null, busy: null, noAnswer: null, offline: null, ringSeconds: null, doNotDisturb: false };

export type ExtensionPatch = Partial<Pick<Extension, 'name' | 'ha1' | 'media' | 'srtp' | 'recording'>> & {
  diversion?: Partial<Diversion> | undefined;
  /** All of them: what is not in it has its default again. */
  settings?: ExtensionSettings | undefined;
};

/** One registration (RFC 3261 §10); known by extension and URI. */
export interface Contact {
  extension: string;
  /** As registered. */
  uri: string;
  /** The flow the REGISTER came over, `udp:192.0.2.7:5060`. */
  source: string;
  /** `+sip.instance` and `reg-id` (RFC 5626 §4.1). */
  instance: string | null;
  regId: number | null;
  callId: string;
  cseq: number;
  /** Unix milliseconds. */
  expiresAt: number;
  /** 0 to 1. */
  q: number;
  userAgent: string | null;
  /** Path (RFC 3327), as received. */
  path: string | null;
  /** Unix milliseconds. */
  updatedAt: number;
}

export type ContactKey = Pick<Contact, 'extension' | 'uri'>;

/** A recorded call, or a piece of one. The sound is a file of its own: stereo, the caller left, the callee right. */
export interface Recording {
  /** That of the call; with `-2`, `-3`… from its second piece on. */
  id: string;
  callId: string;
  from: string;
  to: string;
  /** Unix milliseconds. */
  startedAt: number;
  /** 0 while it is being recorded. */
  durationMs: number;
  /** Relative to the data folder, with `/`. */
  file: string;
  bytes: number;
  /** `failed`: nothing (more) could be written; what was until then is playable. */
  state: 'recording' | 'done' | 'failed';
  /** A sentence for people, when it failed. */
  problem: string | null;
}

export type RecordingEnd = Pick<Recording, 'durationMs' | 'bytes' | 'state' | 'problem'>;

export interface RecordingFilter {
  /** Numbers. */
  from?: string | undefined;
  to?: string | undefined;
  /** Unix milliseconds: started then or later. */
  since?: number | undefined;
  /** Unix milliseconds: started before that. */
  before?: number | undefined;
  state?: Recording['state'] | undefined;
  /** Those that a list has behind this one. */
  behind?: Pick<Recording, 'startedAt' | 'id'> | undefined;
  /** At most so many. */
  limit?: number | undefined;
}

export interface Recordings {
  /** Errors: `store.failed` when there is one of that id. */
  add(recording: Recording): Promise<void>;
  /** False when there is none of that id (any more). */
  end(id: string, end: RecordingEnd): Promise<boolean>;
  get(id: string): Promise<Recording | undefined>;
  /** The newest first. */
  list(filter?: RecordingFilter): Promise<Recording[]>;
  /** False when there was none. Its file is the caller's business. */
  remove(id: string): Promise<boolean>;
}

/** What an extension has for a mailbox; all of them have one, with these defaults, until something is set. */
export interface Mailbox {
  number: string;
  /** Default: true. */
  enabled: boolean;
  /** A digest of the PIN (`signaling/pin.ts`); null, the default: none. */
  pin: string | null;
  /** Where new messages are sent; null, the default: nowhere. */
  email: string | null;
  /** File of the personal greeting, in the mailbox's folder; null, the default: none. */
  greeting: string | null;
}

export type MailboxPatch = Partial<Omit<Mailbox, 'number'>>;

/** A message in a mailbox; known by mailbox and id. The sound is a file of its own. */
export interface VoiceMessage {
  mailbox: string;
  /** Counts up in each mailbox; never given twice. */
  id: number;
  /** `recording`: somebody is speaking, or was when the server was killed. */
  state: 'recording' | 'new' | 'saved';
  /** Of the caller. */
  from: string;
  fromName: string | null;
  /** Unix milliseconds. */
  receivedAt: number;
  /** 0 while it is being recorded. */
  durationMs: number;
  /** In the mailbox's folder. */
  file: string;
  /** When it is to be sent by e-mail, Unix milliseconds; null: not, or not any more. */
  mailAt: number | null;
  /** Attempts that failed. */
  mailTries: number;
}

export type VoiceMessageKey = Pick<VoiceMessage, 'mailbox' | 'id'>;
export type VoiceMessagePatch = Partial<Pick<VoiceMessage, 'state' | 'durationMs' | 'mailAt' | 'mailTries'>>;

export interface Voicemail {
  /** With the defaults when nothing was set, also for a number that is no extension. */
  mailbox(number: string): Promise<Mailbox>;
  /** Those that something was set for. */
  mailboxes(): Promise<Mailbox[]>;
  /** Errors: `store.not-found` when there is no such extension. */
  set(number: string, patch: MailboxPatch): Promise<void>;
  /**
   * Adds a message in the state `recording`, unless there are `max` already (those being recorded count): undefined then.
   * Errors: `store.not-found` when there is no such extension.
   */
  begin(message: Pick<VoiceMessage, 'mailbox' | 'from' | 'fromName' | 'receivedAt' | 'file'>, max: number): Promise<VoiceMessage | undefined>;
  get(mailbox: string, id: number): Promise<VoiceMessage | undefined>;
  /** The oldest first. */
  list(filter?: { mailbox?: string | undefined; state?: VoiceMessage['state'] | undefined }): Promise<VoiceMessage[]>;
  /** Messages to be sent by e-mail by this time, the longest due first, at most `limit`. */
  due(before: number, limit: number): Promise<VoiceMessage[]>;
  /** When the next one is to be sent; undefined: none is. */
  nextDue(): Promise<number | undefined>;
  counts(mailbox: string): Promise<{ new: number; saved: number }>;
  /** Of every mailbox in which there is one, new or saved. */
  allCounts(): Promise<Map<string, { new: number; saved: number }>>;
  /** False when there is no such message (any more). */
  update(mailbox: string, id: number, patch: VoiceMessagePatch): Promise<boolean>;
  /** False when there was none. Its file is the caller's business. */
  remove(mailbox: string, id: number): Promise<boolean>;
}

/** A part of a list. */
export interface Page {
  /** Those behind this key. */
  after?: string | undefined;
  limit?: number | undefined;
}

export interface Extensions {
  get(number: string): Promise<Extension | undefined>;
  /** In the order of their numbers: shorter first, then by digits. */
  list(page?: Page): Promise<Extension[]>;
  count(): Promise<number>;
  /** Errors: `store.exists`. */
  add(extension: Extension): Promise<void>;
  /** Errors: `store.not-found`. */
  update(number: string, patch: ExtensionPatch): Promise<void>;
  /** Removes the extension, its contacts, its mailbox and messages (not their files), and what is queued for it; false when there was none. */
  remove(number: string): Promise<boolean>;
}

export interface Contacts {
  all(): Promise<Contact[]>;
  of(extension: string): Promise<Contact[]>;
  /**
   * Removes, then puts (added or replaced), all or nothing. A contact of an extension that does not exist (any more) is left out:
   * whoever removed the extension meanwhile has the last word.
   */
  apply(changes: { put: readonly Contact[]; remove: readonly ContactKey[] }): Promise<void>;
}

export interface Meta {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
}

/** A conference room: whoever dials its number meets there. */
export interface Room {
  number: string;
  name: string | null;
  /** Digits that members enter; null: everybody may come. In clear, since it is handed to guests. */
  pin: string | null;
  /** Digits that make one a moderator; null: nobody is. */
  moderatorPin: string | null;
  maxMembers: number;
  /** Whether members are asked for their names, which the others hear when they come and go. */
  announce: boolean;
  /** Whether clients of the simple packet format may come in, who are asked for no PIN. */
  simple: boolean;
  startMuted: boolean;
  /** Members hear music until a moderator is there. */
  waitForModerator: boolean;
  /** Whether what is said is recorded. */
  record: boolean;
  /** Unix milliseconds. */
  createdAt: number;
}

export type RoomPatch = Partial<Omit<Room, 'number' | 'createdAt'>>;

export interface Rooms {
  get(number: string): Promise<Room | undefined>;
  /** In the order of their numbers: shorter first, then by digits. The party line, 8000, is there from the start. */
  list(page?: Page): Promise<Room[]>;
  /** Errors: `store.room-exists`. */
  add(room: Room): Promise<void>;
  /** Errors: `store.room-not-found`. */
  update(number: string, patch: RoomPatch): Promise<void>;
  /** False: there was none. */
  remove(number: string): Promise<boolean>;
}

/** What a program shows to ask the API. The token itself is kept nowhere. */
export interface Token {
  name: string;
  /** What may be done with it; each includes those before it. */
  scope: 'read' | 'write' | 'admin';
  /** `signaling/token.ts`: 64 hex digits. */
  digest: string;
  /** Unix milliseconds. */
  createdAt: number;
}

export interface Tokens {
  byDigest(digest: string): Promise<Token | undefined>;
  /** By name. */
  list(): Promise<Token[]>;
  /** Errors: `store.token-exists`. */
  add(token: Token): Promise<void>;
  /** False: there was none. */
  remove(name: string): Promise<boolean>;
}

/** Something that can be set, of one of the kinds that `signaling/settings` knows, as it passed the door. */
export interface Item {
  kind: string;
  /** Known by kind and key: a number, or a name. */
  key: string;
  /** JSON. */
  value: unknown;
  /** Unix milliseconds. */
  updatedAt: number;
}

export interface Items {
  get(kind: string, key: string): Promise<Item | undefined>;
  /** In the order of their keys, shorter first. */
  list(kind: string, page?: Page): Promise<Item[]>;
  /** Of all kinds. */
  all(): Promise<Item[]>;
  /** Adds it, or puts it in place of the one of that kind and key. `dialled`: its key is a number that nobody else may have. */
  put(item: Item, dialled: boolean): Promise<void>;
  /** Whatever can be dialled with this number. */
  dialled(number: string): Promise<Item | undefined>;
  /** False: there was none. */
  remove(kind: string, key: string): Promise<boolean>;
}

export interface StoreParts {
  readonly texts: TextMessages;
  /** Of events to webhooks. */
  readonly deliveries: Deliveries;
  readonly items: Items;
  readonly extensions: Extensions;
  readonly contacts: Contacts;
  readonly meta: Meta;
  readonly recordings: Recordings;
  readonly voicemail: Voicemail;
  readonly rooms: Rooms;
  readonly tokens: Tokens;
  /** Of calls that ended. */
  readonly records: CallRecordRows;
}

/** Errors of every method: `store.busy` (retryable), `store.full`, `store.corrupt`, `store.unwritable`, `store.closed`, `store.failed`. */
export interface Store extends StoreParts {
  /** Where the data is, for sentences to people. */
  readonly where: string;
  /** All or nothing, and alone: no other writer between its reads and its writes. Use only the parts handed in; waits for nothing else. */
  transaction<T>(work: (parts: StoreParts) => Promise<T>): Promise<T>;
  /** True when another process (or connection) wrote since the last call; what was cached is to be read again. */
  changed(): Promise<boolean>;
  /** Idempotent. */
  close(): Promise<void>;
}
