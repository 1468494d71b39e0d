/**
 * Sound that a program makes while it is heard: pieces of any length go in at its own rate, a frame of 20 ms comes out at every tick at the
 * call's. What waits is bounded: whoever writes waits for `room`.
 */
import { Resampler } from '../../../media/audio/resample';
import type { PortPlayer } from '../../../media/port/port';

/** A program that is late by less than this is not heard to be. */
const AHEAD_MS = 100;
/** Of input that is taken at once. */
const PIECE_MS = 20;

export class LiveVoice implements PortPlayer {
  done = false;
  private rate = 8000;
  private resampler: Resampler;
  /** A ring at `rate`. */
  private waiting: Int16Array;
  private first = 0;
  private filled = 0;
  private made: Int16Array;
  private finishing = false;
  private wake: (() => void) | undefined;

  /** Errors: RangeError for a rate that sound cannot have (4,000 to 192,000 Hz). */
  constructor(private readonly sampleRate: number) {
    this.resampler = new Resampler(sampleRate, this.rate);
    this.waiting = new Int16Array(0);
    this.made = new Int16Array(0);
    this.fit();
  }

  private fit(): void {
    this.waiting = new Int16Array((this.rate * (AHEAD_MS + 2 * PIECE_MS)) / 1000);
    this.made = new Int16Array(Math.ceil((this.rate * PIECE_MS) / 1000) + 8);
    this.first = this.filled = 0;
  }

  setSampleRate(rate: number): void {
    if (rate === this.rate) return;
    // at most 140 ms, when a codec changes: they are carried over by the same filter as everything else
    const { waiting, first, filled } = this;
    const over = Int16Array.from({ length: filled }, (_, i) => waiting[(first + i) % waiting.length]!);
    const converter = new Resampler(this.rate, rate);
    this.rate = rate;
    this.fit();
    const converted = new Int16Array(converter.outputLength(over.length));
    this.append(converted, converter.process(over, over.length, converted));
    this.resampler = new Resampler(this.sampleRate, rate);
  }

  /** All of it, as there is room; resolves when the last of it was taken over, or when nobody listens any more. */
  async write(samples: Int16Array): Promise<void> {
    const piece = Math.max(1, Math.floor((this.sampleRate * PIECE_MS) / 1000));
    for (let at = 0; at < samples.length && !this.done; at += piece) {
      await this.room();
      const some = samples.subarray(at, at + piece);
      this.append(this.made, this.resampler.process(some, some.length, this.made));
    }
  }

  private append(from: Int16Array, length: number): void {
    const { waiting } = this;
    for (let i = 0; i < length; i++) waiting[(this.first + this.filled + i) % waiting.length] = from[i]!;
    this.filled += length;
  }

  private async room(): Promise<void> {
    while (!this.done && (this.filled * 1000) / this.rate >= AHEAD_MS) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  /** Nothing more comes: what waits is still heard. */
  finish(): void {
    this.finishing = true;
    if (this.filled === 0) this.end();
  }

  /** A frame that is not whole yet waits for its rest, or else it would be cut in two. */
  read(out: Int16Array): boolean {
    const some = Math.min(out.length, this.filled);
    if (this.done || some === 0 || (some < out.length && !this.finishing)) {
      out.fill(0);
      return false;
    }
    for (let i = 0; i < some; i++) out[i] = this.waiting[(this.first + i) % this.waiting.length]!;
    out.fill(0, some);
    this.first = (this.first + some) % this.waiting.length;
    this.filled -= some;
    if (this.filled === 0 && this.finishing) this.end();
    else this.release();
    return true;
  }

  stop(): void {
    this.end();
  }

  private end(): void {
    this.done = true;
    this.release();
  }

  private release(): void {
    const { wake } = this;
    this.wake = undefined;
    wake?.();
  }
}
