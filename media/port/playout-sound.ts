/**
 * The end of what one party will hear, at one rate: decoded sound, sound that is made up for what is missing, and noise are put behind what
 * is there, without a click.
 */
import { Background } from '../audio/repair/background';
import { Concealer } from '../audio/repair/conceal';
import { Interpolator } from '../audio/repair/interpolate';
import { TimeScale } from '../audio/repair/time-scale';
import { Resampler } from '../audio/resample';
import type { ComfortNoise } from '../codec/comfort-noise';
import { frameSamples, type SampleRate } from '../frame';
import { UNITS_PER_MS } from '../rtp/media-time';
import { PcmQueue, type Heard } from './pcm-queue';
import type { Format } from './playout-formats';

const MAX_DECODED_MS = 120;
const HISTORY_MS = 64;
/** Beyond two of the longest packets. */
const SPARE_MS = 100;
const FADE_IN_MS = 4;
/** RFC 3389's static payload type has a clock of 8 kHz, and so has the noise it describes. */
const NOISE_RATE = 8000;
const QUIET_MS = 20;
/** The longest hole that is filled from both sides. */
export const MOST_HOLE_MS = 160;

/** What a decoder writes to and a resampler after it; of all parties, since nothing stays there. */
export const decoded = new Int16Array((48_000 * MAX_DECODED_MS) / 1000);
const resampled = new Int16Array((48_000 * MAX_DECODED_MS) / 1000 + 64);
const noiseFrame = new Int16Array(frameSamples(NOISE_RATE));

export class PlayoutSound {
  /** Media time of a sample, 1/48 ms. */
  readonly units: number;
  readonly queue: PcmQueue;
  readonly concealer: Concealer;
  readonly timeScale: TimeScale;
  private readonly interpolator: Interpolator;
  /** What was heard, continued over the hole that is open and beyond, and how long that is; 0: none is. */
  private readonly ahead: Int16Array;
  private hole = 0;
  /** So many samples at the end were made up and pass into what comes next. */
  private made = 0;
  private readonly background: Background;
  private readonly noiseResampler: Resampler | null;
  /** Samples of what comes next that are still its filter's silence. */
  private blendAfter = 0;

  constructor(
    readonly rate: SampleRate,
    private readonly random: () => number,
    private readonly noise: ComfortNoise,
  ) {
    this.units = (1000 * UNITS_PER_MS) / rate;
    this.queue = new PcmQueue(this.samples(HISTORY_MS), this.samples(2 * MAX_DECODED_MS + SPARE_MS));
    this.background = new Background(random);
    this.concealer = new Concealer(rate, this.background);
    this.timeScale = new TimeScale(rate, this.background);
    this.interpolator = new Interpolator(rate);
    this.ahead = new Int16Array(this.samples(MOST_HOLE_MS + MAX_DECODED_MS + 10) + this.interpolator.beyond + 2);
    this.noiseResampler = rate === NOISE_RATE ? null : new Resampler(NOISE_RATE, rate);
  }

  /** The same at another rate, going on where reading stopped. This one is of no use afterwards. */
  at(rate: SampleRate, kind: Heard): PlayoutSound {
    const before = this.queue;
    const converter = new Resampler(this.rate, rate);
    // The filter keeps the end back until more comes: something likely is put behind it.
    const extra = Math.ceil(this.samples(converter.delayMs)) + 1;
    before.reserve(extra);
    this.concealer.extend(before.data, before.end, extra);
    const from = Math.max(0, before.start - this.samples(HISTORY_MS));
    const input = before.data.slice(from, before.end + extra);
    const known = ((before.start - from) * rate) / this.rate;
    const output = new Int16Array(Math.ceil((input.length * rate) / this.rate) + 64);
    const waiting = Math.round((before.length * rate) / this.rate);
    const sound = new PlayoutSound(rate, this.random, this.noise);
    const { queue } = sound;
    converter.process(input, input.length, output);
    const read = Math.round(known + sound.samples(converter.delayMs));
    const history = Math.min(read, queue.start);
    queue.data.set(output.subarray(read - history, read), queue.start - history);
    queue.data.set(output.subarray(read, read + waiting), queue.end);
    queue.appended(waiting, kind);
    return sound;
  }

  samples(ms: number): number {
    return (ms * this.rate) / 1000;
  }

  /** `count` samples of `decoded`, as the far end sent them. @param fadeIn there was nothing before */
  voice(format: Format, count: number, kind: Heard, fadeIn: boolean): void {
    const { queue } = this;
    const length = this.append(format, count, kind);
    const from = queue.end - length;
    this.background.hear(queue.data, from, length);
    this.concealer.merge(queue.data, from, length, this.blendAfter);
    this.blendAfter = 0;
    if (this.made > 0) {
      this.mend(this.made, length);
      this.made = 0;
    }
    if (this.hole > 0) {
      this.interpolator.fill(queue.data, from - this.hole, from, queue.end, this.ahead);
      this.hole = 0;
    }
    if (fadeIn) this.fade(from, length);
  }

  /** `count` samples of `decoded`. Returns how many they became here. */
  append(format: Format, count: number, kind: Heard): number {
    const { queue } = this;
    let [pcm, length] = [decoded, count];
    if (format.resampler !== null) {
      length = format.resampler.process(decoded, count, resampled);
      pcm = resampled;
    }
    queue.reserve(length);
    const { data, end } = queue;
    for (let i = 0; i < length; i++) data[end + i] = pcm[i] as number;
    queue.appended(length, kind);
    return length;
  }

  /** At least `count` samples that never came, by the decoder if it can. Returns how many they became. */
  conceal(format: Format | null, count: number, kind: Heard): number {
    const decoder = format?.decoder ?? null;
    if (format !== null && decoder?.conceals) {
      const step = decoder.sampleRate / 100;
      const samples = Math.ceil((count * decoder.sampleRate) / this.rate / step) * step;
      const made = decoder.conceal(decoded, Math.min(samples, decoded.length));
      if (made > 0) {
        const length = this.append(format, made, kind);
        return length >= count ? length : length + this.repeat(count - length, kind);
      }
    }
    return this.repeat(count, kind);
  }

  /** `count` samples never came, but what is after them did, and is what `voice` gets next: they are filled from both sides. */
  openHole(count: number, kind: Heard): void {
    const { queue } = this;
    const more = count + this.interpolator.beyond + 1;
    queue.reserve(more);
    this.concealer.extend(queue.data, queue.end, more);
    this.concealer.reset();
    this.ahead.set(queue.data.subarray(queue.end, queue.end + more));
    queue.appended(count, kind);
    this.hole = count;
  }

  /** The last `count` samples were made up: they pass into what comes next. */
  mendNext(count: number): void {
    this.made = count;
  }

  /** Nothing came after what was made up that it could pass into. */
  leaveHole(): void {
    this.hole = 0;
    this.made = 0;
  }

  /** Before the last `after` samples, which are good, `count` were made up from what was before: they pass into what is after. */
  mend(count: number, after: number): void {
    const { data, end } = this.queue;
    const from = end - after - count;
    this.ahead.set(data.subarray(from, Math.min(end, from + this.ahead.length)));
    this.interpolator.fill(data, from, from + count, end, this.ahead);
  }

  /** `count` samples of noise as it was described. */
  makeNoise(count: number, kind: Heard): void {
    // A whole frame whatever is needed: what is too much of noise is nobody's loss.
    this.noise.generate(noiseFrame);
    if (this.noiseResampler !== null) this.noiseResampler.process(noiseFrame, noiseFrame.length, resampled);
    const made = this.noiseResampler === null ? noiseFrame : resampled;
    const { queue } = this;
    queue.reserve(count);
    const { data, end } = queue;
    for (let i = 0; i < count; i++) data[end + i] = made[i] as number;
    this.concealer.merge(data, end, count);
    queue.appended(count, kind);
  }

  /** What comes next does not follow from what is there: its beginning, once its filter gives any, is blended in. */
  blendNext(format: Format | null): void {
    if (format !== null) this.blendAfter = Math.round(this.samples(format.resampler?.delayMs ?? 0));
    this.concealer.extend(this.queue.data, this.queue.end, 0);
  }

  /** Whether the end of what is there is no louder than the background. */
  get endsQuietly(): boolean {
    const { data, end } = this.queue;
    const before = this.samples(QUIET_MS);
    return this.background.isQuiet(data, end - before, before);
  }

  private repeat(count: number, kind: Heard): number {
    this.queue.reserve(count);
    this.concealer.extend(this.queue.data, this.queue.end, count);
    this.queue.appended(count, kind);
    return count;
  }

  private fade(from: number, length: number): void {
    const { data } = this.queue;
    const count = Math.min(length, this.samples(FADE_IN_MS));
    for (let i = 0; i < count; i++) data[from + i] = Math.round(((data[from + i] as number) * (i + 1)) / count);
  }
}
