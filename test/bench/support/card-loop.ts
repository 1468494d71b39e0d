/**
 * From `play()` back to `capture()`: how long a sound is on its way through the sound card's two halves, where the speaker is what the
 * microphone hears (one null sink and its monitor). Ticks of 20 ms as in a call; one of these is in the figure, since a frame can only be
 * taken when its last sample is there.
 */
import { DEVICE_FRAME, DEVICE_RATE, type AudioDevice } from '../../../client/node/audio/device';

const TICK_MS = 20;
const CLICK_EVERY_TICKS = 20;
const CLICK = 12_000;
const HEARD = 3000;

export interface LoopLatency {
  /** ms, of each click that was heard. */
  delaysMs: number[];
  medianMs: number;
  maxMs: number;
  /** Clicks that never came back. */
  lost: number;
}

export async function loopLatency(device: AudioDevice, clicks: number, warmUpMs = 2000): Promise<LoopLatency> {
  const captured = new Int16Array(DEVICE_FRAME);
  const frame = new Int16Array(DEVICE_FRAME);
  const delaysMs: number[] = [];
  const warmUp = Math.ceil(warmUpMs / TICK_MS);
  let sentAt: number | undefined;
  let lost = 0;
  const start = performance.now();
  for (let tick = 0; tick < warmUp + (clicks + 1) * CLICK_EVERY_TICKS; tick++) {
    device.capture(captured);
    if (sentAt !== undefined) {
      const at = captured.findIndex((sample) => Math.abs(sample) > HEARD);
      if (at >= 0) {
        delaysMs.push(((tick * DEVICE_FRAME + at - sentAt) * 1000) / DEVICE_RATE);
        sentAt = undefined;
      }
    }
    frame.fill(0);
    if (tick >= warmUp && (tick - warmUp) % CLICK_EVERY_TICKS === 0) {
      if (sentAt !== undefined) lost++;
      // Anywhere in the frame, so that no phase is preferred; 2 ms of 1 kHz
      const at = (tick * 397) % (DEVICE_FRAME - 96);
      for (let i = 0; i < 96; i++) frame[at + i] = Math.round(CLICK * Math.cos((2 * Math.PI * i) / 48));
      sentAt = tick * DEVICE_FRAME + at;
    }
    device.play(frame);
    const next = start + (tick + 1) * TICK_MS;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  const sorted = [...delaysMs].sort((a, b) => a - b);
  return { delaysMs, medianMs: sorted[sorted.length >> 1] ?? Number.NaN, maxMs: sorted.at(-1) ?? Number.NaN, lost };
}
