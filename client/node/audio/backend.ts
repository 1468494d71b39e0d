/** What the sound card's back ends have in common: devices, and streams in one direction each. */
import type { DeviceInfo } from './device';

export type Side = 'input' | 'output';

/** What a stream wants from the rest. */
export interface StreamEvents {
  /** From the microphone: mono at the stream's rate. */
  heard(pcm: Int16Array): void;
  /** For the speaker: to be filled, now. */
  wanted(pcm: Int16Array): void;
  /** It ended by itself, or hangs; told once, then it is to be closed. For people. */
  lost(problem: string): void;
}

export interface CardStream {
  /** The device, for people. */
  readonly device: string;
  /** Hz */
  readonly rate: number;
  /** Resolves when its processes have ended. Idempotent. */
  close(): Promise<void>;
}

export interface Backend {
  readonly name: 'portaudio' | 'pulse' | 'alsa';
  /** Errors: AudioDeviceError `not-installed`, `failed`. */
  list(): Promise<DeviceInfo[]>;
  /** `device`: name, part of it, or number; undefined: the system's own choice. Resolves when it runs. Errors: AudioDeviceError. */
  open(side: Side, device: string | undefined, events: StreamEvents): Promise<CardStream>;
}
