/**
 * One of our phones under measurement, a process of its own, with a sound card that exists only in it: whoever speaks clicks at times that it
 * notes, whoever listens notes when a click is heard. Times are those of the system's monotonic clock, which all processes share.
 */
import type { AudioDevice, DeviceStats } from '../../client/node/audio/device';
import { NodePhone } from '../../client/node/phone';
import type { CodecName } from '../../media/frame';

export type PhoneHostCommand =
  | { id: number; do: 'start'; address: string; password: string; codec: CodecName; clicks: boolean }
  | { id: number; do: 'dial'; to: string }
  /** Times of the clicks so far, ms. */
  | { id: number; do: 'times' }
  | { id: number; do: 'stop' };

/** The first sample of a frame of 20 ms was spoken so long before the frame is handed over whole. */
const FRAME_MS = 20;
const SAMPLES_PER_MS = 48;
const CLICK_EVERY_FRAMES = 23;
const LOUD = 2000;

const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

class ClickCard implements AudioDevice {
  readonly backend = 'none';
  readonly input = 'clicks';
  readonly output = 'ear';
  readonly times: number[] = [];
  private frames = 0;
  private quiet = 0;

  constructor(private readonly clicks: boolean) {}

  /** A burst of 1 kHz, 5 ms long, at the frame's beginning: a single sample would not survive a codec. */
  capture(out: Int16Array): boolean {
    out.fill(0);
    if (!this.clicks || ++this.frames % CLICK_EVERY_FRAMES !== 0) return this.clicks;
    for (let i = 0; i < 5 * SAMPLES_PER_MS; i++) out[i] = Math.round(16_000 * Math.sin((2 * Math.PI * i) / SAMPLES_PER_MS));
    this.times.push(monotonicMs() - FRAME_MS);
    return true;
  }

  play(frame: Int16Array): void {
    if (this.clicks) return;
    const at = frame.findIndex((sample) => Math.abs(sample) > LOUD);
    if (at >= 0 && this.quiet >= 3) this.times.push(monotonicMs() + at / SAMPLES_PER_MS);
    this.quiet = at >= 0 ? 0 : this.quiet + 1;
  }

  stats(): DeviceStats {
    return { captureMissingMs: 0, captureDroppedMs: 0, playbackMissingMs: 0, playbackDroppedMs: 0, captureQueueMs: 0, playbackQueueMs: 0, captureDriftPpm: 0, playbackDriftPpm: 0, restarts: 0 };
  }

  async close(): Promise<void> {
    // nothing is open
  }
}

let phone: NodePhone | undefined;
let card: ClickCard | undefined;

async function answer(command: PhoneHostCommand): Promise<unknown> {
  switch (command.do) {
    case 'start':
      card = new ClickCard(command.clicks);
      phone = await NodePhone.connect(command.address, { password: command.password, codecs: [command.codec], srtp: 'off', autoAnswerMs: command.clicks ? undefined : 0 });
      phone.hub.setDevice(card);
      return null;
    case 'dial': {
      const call = await phone!.dial(command.to);
      await call.answered;
      return call.media.state.codec;
    }
    case 'times':
      return card!.times;
    case 'stop':
      await phone?.close();
      return null;
  }
}

if (process.send) {
  process.on('message', (message) => {
    const command = message as PhoneHostCommand;
    answer(command).then(
      (value) => process.send?.({ id: command.id, value }),
      (err: unknown) => process.send?.({ id: command.id, error: String(err) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
}
