/** What the plane and its workers say to each other: plain data, several commands to a message, each answered by its number. */
import type { AudioSetup, DigitEvent, MemberSettings, Playable, PlayEnd, PlayOptions, RecordEnd, RecordOptions, RecordTarget, RoomStats, SimpleEvent, SimpleOptions, SrtpKeys, TalkingEvent } from './audio-types';
import type { CodecName } from './frame';
import type { Family } from './net/address';
import type { EndpointStats, Remote } from './net/endpoint';
import type { SharedLedger } from './net/fd-ledger';
import type { Backend } from './net/open';
import type { SimpleGatewayStats } from './net/simple-gateway';
import type { RelayDirection } from './node/relay';
import type { WorkerErrorCode } from './worker-error';

/** Handed to a worker when it starts. */
export interface WorkerStart {
  backend: Backend;
  bind4: string;
  bind6: string | null;
  silenceMs: number;
  ledger: SharedLedger;
  /** Says at once which codecs there are, which takes their loading; the others load them with their first endpoint. */
  probe: boolean;
  /** Whose telephone tones are played where nothing else is asked for: ISO 3166 code. */
  toneCountry: string;
}

/** A party, or a room. */
export type PlayTarget = { endpoint: string } | { room: string };

export interface Commands {
  allocate: { ask: { id: string; session: string; family: Family; label: string; port: number }; answer: null };
  setRemote: { ask: { id: string; remote: Remote | null; relatch: boolean }; answer: null };
  connect: { ask: { a: string; b: string; aToB: RelayDirection; bToA: RelayDirection }; answer: null };
  setCrypto: { ask: { id: string; keys: SrtpKeys | null }; answer: null };
  setAudio: { ask: { id: string; audio: AudioSetup }; answer: null };
  join: { ask: { id: string; room: string; settings: MemberSettings }; answer: null };
  leave: { ask: { id: string }; answer: null };
  /** Answered when it has ended. */
  play: { ask: { target: PlayTarget; what: readonly Playable[]; options: PlayOptions }; answer: PlayEnd };
  stopPlaying: { ask: { target: PlayTarget }; answer: null };
  /** Answered when it has ended. */
  record: { ask: { target: RecordTarget; options: RecordOptions }; answer: RecordEnd };
  stopRecording: { ask: { file: string }; answer: null };
  sendDigits: { ask: { id: string; digits: string; ms: number }; answer: null };
  detectTones: { ask: { id: string; on: boolean }; answer: null };
  openSimple: { ask: { options: SimpleOptions }; answer: number };
  closeSimple: { ask: object; answer: null };
  setSimple: { ask: { id: string; settings: { muted: boolean } | null }; answer: boolean };
  simpleStats: { ask: object; answer: SimpleGatewayStats | undefined };
  roomStats: { ask: { room: string }; answer: RoomStats | undefined };
  stats: { ask: { id: string }; answer: EndpointStats };
  describe: { ask: { id: string }; answer: string };
  release: { ask: { id: string }; answer: EndpointStats };
  load: { ask: object; answer: WorkerCounters };
  close: { ask: object; answer: null };
}

export type CommandName = keyof Commands;

export type Command = { [K in CommandName]: { n: number; op: K } & Commands[K]['ask'] }[CommandName];

export type Answer = { n: number; value: unknown } | { n: number; error: { code: WorkerErrorCode; message: string } };

export interface WorkerCounters {
  endpoints: number;
  /** Datagrams received, and those that a fault of ours cost. */
  packets: number;
  faults: number;
  lastFault: string | null;
  /** Time spent on packets; null where it is not known (dgram). */
  busyMs: number | null;
  heapBytes: number;
  sound: SoundCounters;
}

/** Of what is decoded and made, not relayed. */
export interface SoundCounters {
  /** Parties whose sound is made here. */
  ports: number;
  ticks: number;
  /** Ticks that began more than 20 ms late; that were left out after a stall. */
  late: number;
  skipped: number;
  /** Of the latest tick since the last look, ms. */
  worstLateMs: number;
  /** What Opus is allowed to cost just now, 0 to 10. */
  opusComplexity: number;
}

/** A party that ought to send and did not for `silentMs`. `label` is what the endpoint was allocated with. */
export interface SilentNotice {
  id: string;
  session: string;
  label: string;
  silentMs: number;
}

export type WorkerMessage =
  | { kind: 'ready'; backend: 'native' | 'dgram'; fallback: string | undefined; bell: number | undefined; codecs: CodecName[]; opusRecovers: boolean }
  | { kind: 'refused'; code: WorkerErrorCode; message: string }
  | { kind: 'answers'; answers: Answer[] }
  | { kind: 'silent'; silences: SilentNotice[] }
  | { kind: 'digit'; event: DigitEvent }
  | { kind: 'talking'; event: TalkingEvent }
  | { kind: 'simple'; event: SimpleEvent };
