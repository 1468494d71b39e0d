/**
 * What the person hears and says, as the rest of the phone sees it: frames of 20 ms at 48 kHz on the phone's own clock. Whatever clock the
 * sound card has, and whether it is there at all just now, is the device's own business: it resamples to keep in step, gives silence while
 * there is nothing, and says so.
 */

export const DEVICE_RATE = 48_000;
/** Of a frame of 20 ms. */
export const DEVICE_FRAME = 960;

export interface DeviceEvents {
  /** For people. `retrying`: it is being opened again. */
  problem(problem: string, retrying: boolean): void;
  /** What is in use again after a problem. */
  recovered(input: string | null, output: string | null): void;
}

export interface DeviceStats {
  /** Sound that was asked for and was not there, or was there and had no place: ms since the start. */
  captureMissingMs: number;
  captureDroppedMs: number;
  playbackMissingMs: number;
  playbackDroppedMs: number;
  /** What waits between the card and us just now, ms. */
  captureQueueMs: number;
  playbackQueueMs: number;
  /** By how much the card's clock is faster than ours, parts per million; null: not known yet. */
  captureDriftPpm: number | null;
  playbackDriftPpm: number | null;
  /** How often it was opened anew. */
  restarts: number;
}

export interface AudioDevice {
  /** 'portaudio', 'pulse', 'alsa', 'none' */
  readonly backend: string;
  /** What is in use, for people; null: none. */
  readonly input: string | null;
  readonly output: string | null;
  /** The next 20 ms that the microphone heard; fills all of `out` (960 samples). False: nothing was there, and `out` is zeros. */
  capture(out: Int16Array): boolean;
  /** The next 20 ms for the speaker; taken over before it returns. */
  play(frame: Int16Array): void;
  stats(): DeviceStats;
  /** Resolves when everything has ended, its processes included. Idempotent. */
  close(): Promise<void>;
}

export interface DeviceInfo {
  /** As given to `--input` and `--output`. */
  number: number;
  name: string;
  inputs: number;
  outputs: number;
  isDefaultInput: boolean;
  isDefaultOutput: boolean;
  backend: string;
}

export interface DeviceRequest {
  /** 'auto': the first that works of portaudio, pulse, alsa. 'none': silence in, nothing out. */
  backend: 'auto' | 'portaudio' | 'pulse' | 'alsa' | 'none';
  /** Name (or a part of it that only one device has) or number; undefined: the system's own choice; null: none. */
  input?: string | null | undefined;
  output?: string | null | undefined;
}

/** Implemented in `open.ts`. Errors: `AudioDeviceError`, a sentence that says what to do (`there is no sound device here: use --play, --record or --tone, or …`). */
export type OpenDevice = (request: DeviceRequest, events: DeviceEvents) => Promise<AudioDevice>;
export type ListDevices = (backend: DeviceRequest['backend']) => Promise<DeviceInfo[]>;

export class AudioDeviceError extends Error {
  constructor(
    readonly code: 'no-device' | 'unknown-device' | 'not-installed' | 'failed',
    message: string,
  ) {
    super(message);
    this.name = 'AudioDeviceError';
  }
}
