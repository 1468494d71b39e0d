/**
 * Feeds a program that takes sound from a pipe and does not say when it wants more: as far ahead of what it has played as is needed, and no
 * further. What it has played is known from time to time (`consumed`), in between it is reckoned.
 */
import type { Watchdog } from './watchdog';

const TICK_MS = 5;
/** Reckoned on for so long without news; then nothing more is written. */
const TRUST_MS = 400;
/** Of a report: what it says is as old as the pipe and the scheduler made it. */
const GAIN = 0.25;
/** A report that says less by this: the player stood still, and went on. */
const STOOD_MS = 15;

export interface PumpOptions {
  rate: number;
  /** Written and not played: what the player and the server need. */
  aheadMs: number;
  wanted(pcm: Int16Array): void;
  write(pcm: Int16Array): void;
  watchdog: Watchdog;
  now?: () => number;
}

export class OutputPump {
  private readonly now: () => number;
  private readonly timer: NodeJS.Timeout;
  private readonly block: number;
  private written = 0;
  private newest = -1;
  private newestAt: number;
  /** What it has played, by all reports, at time 0; in samples. */
  private origin: number | undefined;

  constructor(private readonly options: PumpOptions) {
    this.now = options.now ?? (() => performance.now());
    this.newestAt = this.now();
    this.block = Math.round((options.rate * TICK_MS) / 1000);
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  /** It has played so many samples since the start. */
  consumed(samples: number): void {
    const now = this.now();
    if (samples > this.newest) {
      this.options.watchdog.alive();
      this.newestAt = now;
    }
    this.newest = samples;
    const origin = samples - (now * this.options.rate) / 1000;
    const deviationMs = this.origin === undefined ? 0 : ((origin - this.origin) * 1000) / this.options.rate;
    if (this.origin === undefined || Math.abs(deviationMs) > STOOD_MS) this.origin = origin;
    else this.origin += (origin - this.origin) * GAIN;
  }

  /** Now and then by itself; public for tests. */
  tick(): void {
    const now = this.now();
    if (now - this.newestAt > TRUST_MS && this.newest >= 0) return;
    const { rate, aheadMs } = this.options;
    // Before the first report: what it needs to begin, once
    const played = this.origin === undefined ? 0 : Math.max(0, Math.min(this.written, this.origin + (now * rate) / 1000));
    let missing = (aheadMs * rate) / 1000 - (this.written - played);
    for (; missing >= this.block; missing -= this.block) {
      const pcm = new Int16Array(this.block);
      this.options.wanted(pcm);
      this.options.write(pcm);
      this.written += this.block;
    }
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
