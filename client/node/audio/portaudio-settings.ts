/** What parent and audio child tell each other in JSON. */
import type { Side } from './backend';
import type { AudioDeviceError } from './device';

/** Parent → child: how a stream is to be opened. */
export interface StreamSettings {
  side: Side;
  device?: string | undefined;
  /** Of one buffer of the card, ms. */
  bufferMs: number;
  /** Buffers that wait for the speaker inside naudiodon. */
  queue: number;
}

/** Child → parent: it runs. */
export interface Opened {
  side: Side;
  /** For people. */
  device: string;
  /** Hz */
  rate: number;
}

/** Child → parent. `side` null: nothing can be listed. */
export interface Failure {
  side: Side | null;
  code: AudioDeviceError['code'];
  message: string;
}

/** The end of the child's socket pair. Standard output is no use: PortAudio prints there. */
export const CHANNEL_FD = 3;
