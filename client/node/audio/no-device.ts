/** A phone without a sound card, on purpose: silence in, nothing out. */
import type { AudioDevice } from './device';

export const noDevice = (): AudioDevice => ({
  backend: 'none',
  input: null,
  output: null,
  capture(out) {
    out.fill(0);
    return false;
  },
  play: () => undefined,
  stats: () => ({
    captureMissingMs: 0,
    captureDroppedMs: 0,
    playbackMissingMs: 0,
    playbackDroppedMs: 0,
    captureQueueMs: 0,
    playbackQueueMs: 0,
    captureDriftPpm: null,
    playbackDriftPpm: null,
    restarts: 0,
  }),
  close: async () => undefined,
});
