/** The sound of a phone that runs under Node: one hub between the sound card and the calls, and what a program can do with a call's sound. */
import type { Playable, PlayEnd, RecordEnd } from '../../../media/audio-types';
import type { CodecName } from '../../../media/frame';
import type { CallMedia, MediaFactory } from '../../media';
import type { AudioDevice, DeviceStats } from '../audio/device';

/** 20 ms of sound: mono, 16 bits, 48,000 Hz, 960 samples. Belongs to whoever it was given to. */
export type Frame = Int16Array;

/** What is offered and answered. */
export interface MediaSettings {
  /** In order of preference; default opus, G722, PCMU, PCMA. */
  codecs?: readonly CodecName[] | undefined;
  /** SDES: 'off', 'optional' (what the far end does), 'required'. Default 'optional': offered as RTP/AVP with a=crypto. */
  srtp?: 'off' | 'optional' | 'required' | undefined;
  /** UDP ports of RTP, inclusive; default any even port that is free. */
  portMin?: number | undefined;
  portMax?: number | undefined;
  /** Where we receive; default: the address that the system would use towards the server. */
  address?: string | undefined;
  /** Opus: DTX, when the far end takes it; default true. */
  dtx?: boolean | undefined;
  /** After so long without a packet the call is told `silent`, ms; default 5000. */
  silenceMs?: number | undefined;
  /** Listen for keys pressed as tones as well; default false. */
  detectTones?: boolean | undefined;
}

/** The sound of one call, with what programs do with it. `play` and `record` are as those of the media plane. */
export interface NodeCallMedia extends CallMedia {
  /**
   * Heard by the far end in place of the microphone, and like it not while the call is on hold (what is begun on hold is). Resolves when it has
   * ended. One at a time: the next one ends it.
   */
  play(what: string | Playable | readonly Playable[], options?: { loop?: boolean }): Promise<PlayEnd>;
  stopPlaying(): void;
  /** What the far end says ('heard'), what it gets ('sent'), or one per channel ('both'). `.wav` or `.ogg`; must not exist yet. Resolves when it has ended. */
  record(file: string, options?: { what?: 'heard' | 'sent' | 'both'; maxMs?: number }): Promise<RecordEnd>;
  stopRecording(file: string): Promise<void>;
  /** What the far end says, frame by frame in real time until the call ends; a reader that is slow loses the oldest (at most 1 s waits). */
  heard(): AsyncIterable<Frame>;
  /** Sound of a program's own for the far end, in place of the microphone: frames of any length, mono 16 bits at `sampleRate` (default 48,000). Resolves when all was sent; as fast as it is heard. */
  say(frames: AsyncIterable<Int16Array> | Iterable<Int16Array>, options?: { sampleRate?: number }): Promise<void>;
  /** `udp(:40012) -> jitter(40ms) -> opus` both ways, for people. */
  describe(): string;
}

/** What the person hears besides calls. 'ringing': somebody calls; 'waiting': somebody calls during a call; the others as in telephone networks. */
export type LocalTone = 'ringing' | 'ringback' | 'waiting' | 'busy' | 'reorder' | 'failed';

export interface Levels {
  /** dBov of the last 20 ms, -127 to 0: what the microphone gives after gain and suppression, what the person hears. */
  input: number;
  output: number;
}

export interface HubSettings extends MediaSettings {
  /** dB, -40 to 40. */
  inputGainDb?: number | undefined;
  outputGainDb?: number | undefined;
  noiseSuppression?: boolean | undefined;
  /** The person hears itself, that much down; null: not at all (default). dB. */
  sidetoneDb?: number | null | undefined;
  /** ISO 3166 of the tones; default 'us'. */
  toneCountry?: string | undefined;
}

/** Between one sound card and any number of calls: ticks every 20 ms, mixes what active calls bring, hands the microphone to them. */
export interface AudioHub extends MediaFactory<NodeCallMedia> {
  /** undefined: silence in, nothing out. The hub does not close it. */
  setDevice(device: AudioDevice | undefined): void;
  setMuted(muted: boolean): void;
  readonly muted: boolean;
  setInputGain(db: number): void;
  setOutputGain(db: number): void;
  readonly outputGainDb: number;
  readonly inputGainDb: number;
  setNoiseSuppression(on: boolean): Promise<void>;
  readonly noiseSuppression: boolean;
  /** null: silence. Only what the person hears. */
  tone(tone: LocalTone | null): void;
  levels(): Levels;
  deviceStats(): DeviceStats | undefined;
  close(): void;
}
