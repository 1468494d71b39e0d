/**
 * What Offhook keeps: extensions, the contacts they are registered at, and facts about the data itself. One interface, whatever the
 * database; `test/contract/store` runs over every implementation.
 */

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
  /** Unix milliseconds. */
  createdAt: number;
}

export type ExtensionPatch = Partial<Pick<Extension, 'name' | 'ha1' | 'media' | 'srtp' | 'recording'>>;

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

export interface Extensions {
  get(number: string): Promise<Extension | undefined>;
  /** In the order of their numbers: shorter first, then by digits. */
  list(): Promise<Extension[]>;
  count(): Promise<number>;
  /** Errors: `store.exists`. */
  add(extension: Extension): Promise<void>;
  /** Errors: `store.not-found`. */
  update(number: string, patch: ExtensionPatch): Promise<void>;
  /** Removes the extension and its contacts; false when there was none. */
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

export interface StoreParts {
  readonly extensions: Extensions;
  readonly contacts: Contacts;
  readonly meta: Meta;
  readonly recordings: Recordings;
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
