/**
 * What the media plane is told about sound: plain data, as it crosses its door and its threads.
 */
import type { CodecName } from './frame';

/** A payload format as negotiated with one party. */
export interface AudioFormat {
  codec: CodecName;
  payloadType: number;
  /** Format parameters; for sending those of the party's description, for receiving those of ours. */
  fmtp?: string | undefined;
}

/** How one party is spoken to and heard, when its sound is decoded here. */
export interface AudioSetup {
  /** What the party wants to get; null: it gets nothing (hold, or it only sends). */
  send: (AudioFormat & { ptimeMs: number }) | null;
  /** What it may send; empty: it is not listened to. */
  receive: readonly AudioFormat[];
  /** RFC 4733; null where it was not negotiated. `clockRate` is that of the format it sends. */
  telephoneEvent: { send: { payloadType: number; clockRate: number } | null; receive: ReadonlyArray<{ payloadType: number; clockRate: number }> } | null;
  /** RFC 3389 payload types; null: not negotiated. */
  comfortNoise: { send: number | null; receive: number | null } | null;
}

/** SRTP keys of one party (RFC 4568): what it encrypts with, and what we do. */
export interface SrtpKeys {
  send: SrtpKey;
  receive: SrtpKey;
}

export type SrtpSuite = 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32' | 'AES_256_CM_HMAC_SHA1_80' | 'AES_256_CM_HMAC_SHA1_32' | 'AEAD_AES_128_GCM' | 'AEAD_AES_256_GCM';

export interface SrtpKey {
  suite: SrtpSuite;
  /** Master key and salt, as in `inline:`, base64. */
  keySalt: string;
}

export type ToneName = 'dial' | 'ringback' | 'busy' | 'reorder' | 'sit' | 'beep' | 'join' | 'leave' | 'record-beep';

/** Something that can be heard. Files are absolute paths of WAV files (8, 16, 48 kHz or others, PCM or µ-law/A-law, mono or stereo). */
export type Playable =
  | { file: string }
  | { tone: ToneName; /** ITU country code such as 'de'; default: the plane's. */ country?: string | undefined; /** Default: as long as the tone is by itself, or for ever. */ ms?: number | undefined }
  | { hz: readonly number[]; ms: number; /** dBm0; default -16. */ level?: number | undefined }
  | { digits: string; /** Default 100, with 100 between. */ ms?: number | undefined }
  | { silenceMs: number };

export interface PlayOptions {
  /** Begin again at the end, until stopped. */
  loop?: boolean | undefined;
  /** Files in random order. */
  shuffle?: boolean | undefined;
  gainDb?: number | undefined;
  /** Heard above what the party hears anyway, instead of in its place. */
  over?: boolean | undefined;
  /** Skips this much of the first item. */
  fromMs?: number | undefined;
}

export interface PlayEnd {
  why: 'finished' | 'stopped' | 'replaced' | 'released' | 'failed';
  /** Of the whole. */
  playedMs: number;
  /** For people, when it failed. */
  problem?: string | undefined;
}

export interface RecordOptions {
  /** Absolute path; its ending says the format: `.wav` (PCM) or `.ogg` (Opus). Must not exist yet. */
  file: string;
  /** Ends by itself after this long; default: 4 hours. */
  maxMs?: number | undefined;
  /** Ends by itself after this much silence in a row, which is cut off again. */
  silenceMs?: number | undefined;
  /** A short beep this often, for all to hear that it is recorded. */
  beepEveryMs?: number | undefined;
}

export interface RecordEnd {
  why: 'stopped' | 'limit' | 'silence' | 'released' | 'failed';
  file: string;
  durationMs: number;
  bytes: number;
  /** For people, when it failed (a full disk…): what was written until then is playable. */
  problem?: string | undefined;
}

/** What is recorded: one party as it is heard by us; two as they hear each other, one per channel (relayed or not); a whole room. */
export type RecordTarget = { endpoint: string } | { between: readonly [string, string] } | { room: string };

export interface MemberSettings {
  /** The others do not hear it. */
  muted?: boolean | undefined;
  /** It does not hear the others. */
  deaf?: boolean | undefined;
  /** Of what it contributes. */
  gainDb?: number | undefined;
  /** Its key presses are passed on to the other members (a call of two), each in the way that party takes them. */
  passDigits?: boolean | undefined;
  /** It hears itself, too (the echo test). */
  echo?: boolean | undefined;
  /** Supervisor: only these members (endpoint ids) hear it; undefined: all. */
  heardBy?: readonly string[] | undefined;
}

export interface DigitEvent {
  id: string;
  session: string;
  /** 0-9 * # A-D */
  digit: string;
  durationMs: number;
  by: 'rfc4733' | 'in-band';
}

export interface TalkingEvent {
  room: string;
  id: string;
  talking: boolean;
}

export interface RoomStats {
  room: string;
  /** PCM rate of the mix, Hz. */
  rate: number;
  members: Array<{ id: string; talking: boolean; /** dBov of the last second, -127 to 0. */ level: number; muted: boolean; deaf: boolean }>;
  /** Ticks that were left out after a stall. */
  skippedTicks: number;
  /** Frames whose sum had to be turned down. */
  limitedFrames: number;
}

/** The door for clients of the simple packet format (`net/simple-format.ts`), who have no call and no key, only an address. */
export interface SimpleOptions {
  address: string;
  /** 0: any. */
  port: number;
  /** Networks whose clients are let in; empty: nobody. */
  allow: readonly string[];
  /** Rooms that opted in: the number in the packets, the room's name in the plane, and the word its members are allocated near. */
  rooms: ReadonlyArray<{ number: number; room: string; near: string }>;
  maxPerRoom: number;
  maxClients: number;
  /** Clients of one address, and packets a second of all of them. */
  maxPerSource: number;
  maxPacketsPerSecond: number;
  /** Silent for so long, a client has left. */
  idleMs: number;
}

export interface SimpleEvent {
  kind: 'joined' | 'left';
  /** As in RoomStats. */
  id: string;
  room: string;
  /** '192.0.2.1:4000' */
  source: string;
  why?: string | undefined;
}

/** What became of one party's sound; undefined in EndpointStats while its packets are only relayed. */
export interface AudioStats {
  codec: { receive: CodecName | null; send: CodecName | null };
  /** Jitter buffer: what it holds and aims at, ms. */
  playoutDelayMs: number;
  targetDelayMs: number;
  /** Frames of 20 ms heard, and how they came to be. */
  frames: { decoded: number; recovered: number; concealed: number; comfortNoise: number; silence: number };
  /** Packets that came too late to be heard; that were thrown away to catch up; that no decoder took. */
  latePackets: number;
  discardedPackets: number;
  undecodable: number;
  /** Time taken out and put in by time-scale modification, ms. */
  shortenedMs: number;
  stretchedMs: number;
  sentDtx: number;
  /** G.107, 1 to 4.5; null: not enough is known. Heard: what we hear of the party. Reported: what it hears of us, by its RTCP. */
  mosHeard: number | null;
  mosReported: number | null;
  rttMs: number | null;
}
