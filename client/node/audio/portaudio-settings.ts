/** How the audio child opens a stream: what the parent tells it as its one argument. */
import type { Side } from './backend';

export interface StreamSettings {
  side: Side;
  device?: string | undefined;
  /** Of one buffer of the card, ms. */
  bufferMs: number;
  /** Buffers that wait for the speaker inside naudiodon. */
  queue: number;
}

export type ChildTask = { list: true } | { open: StreamSettings };

/** The end of the child's socket pair. Standard output is no use: PortAudio prints there. */
export const CHANNEL_FD = 3;
