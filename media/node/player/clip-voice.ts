/** A clip being heard: its samples at the rate that is wanted, from a place on, to its very end. */
import { Resampler } from '../../audio/resample';

/** Sound in memory. */
export interface Clip {
  /** Where it came from, for people. */
  name: string;
  /** Hz. */
  sampleRate: number;
  /** Mono; nobody writes to it. */
  pcm: Int16Array;
}

/** What goes into the resampler at a time. */
const CHUNK_MS = 10;

export class ClipVoice {
  done = false;
  private resampler: Resampler | undefined;
  /** Sample of the clip that is read next. */
  private at: number;
  /** Where this rate began in the clip, and what was put out since. */
  private base: number;
  private made = 0;
  /** What there is to put out at this rate. */
  private total = 0;
  private input = new Int16Array(0);
  /** Made ready by the resampler: from `used` to `ready`. The filter's own delay was left out. */
  private output = new Int16Array(0);
  private used = 0;
  private ready = 0;
  private delay = 0;

  constructor(
    private readonly clip: Clip,
    private rate: number,
    fromMs = 0,
  ) {
    this.base = this.at = Math.min(clip.pcm.length, Math.round((Math.max(0, fromMs) / 1000) * clip.sampleRate));
    this.begin();
  }

  /** Goes on at another rate, at the same place. */
  setSampleRate(rate: number): void {
    if (rate === this.rate) return;
    this.base = this.at = Math.min(this.clip.pcm.length, Math.round(this.base + (this.made * this.clip.sampleRate) / this.rate));
    this.rate = rate;
    this.made = 0;
    this.begin();
  }

  /** Writes up to `length` samples from `offset` on. Returns how many: fewer only when the clip has ended. */
  fill(out: Int16Array, offset: number, length: number): number {
    const wanted = Math.min(length, this.total - this.made);
    if (this.resampler === undefined) {
      for (let i = 0; i < wanted; i++) out[offset + i] = this.clip.pcm[this.at + i]!;
      this.at += wanted;
    } else {
      for (let done = 0; done < wanted; ) {
        if (this.used === this.ready) this.resample(this.resampler);
        const some = Math.min(wanted - done, this.ready - this.used);
        for (let i = 0; i < some; i++) out[offset + done + i] = this.output[this.used + i]!;
        this.used += some;
        done += some;
      }
    }
    this.made += wanted;
    this.done = this.made === this.total;
    return wanted;
  }

  private begin(): void {
    const { pcm, sampleRate } = this.clip;
    this.total = Math.round(((pcm.length - this.base) * this.rate) / sampleRate);
    this.done = this.total === 0;
    this.used = this.ready = 0;
    this.resampler = undefined;
    if (this.rate === sampleRate || this.done) return;
    this.resampler = new Resampler(sampleRate, this.rate);
    this.delay = Math.round((this.resampler.delayMs * this.rate) / 1000);
    const chunk = Math.ceil((sampleRate * CHUNK_MS) / 1000);
    this.input = new Int16Array(chunk);
    this.output = new Int16Array(Math.ceil((chunk * this.rate) / sampleRate) + 8);
  }

  /** The next chunk; behind the clip's end, silence, until what is in the filter has come out. */
  private resample(resampler: Resampler): void {
    const { pcm } = this.clip;
    const some = Math.max(0, Math.min(this.input.length, pcm.length - this.at));
    for (let i = 0; i < some; i++) this.input[i] = pcm[this.at + i]!;
    this.input.fill(0, some);
    this.at += this.input.length;
    this.ready = resampler.process(this.input, this.input.length, this.output);
    this.used = Math.min(this.delay, this.ready);
    this.delay -= this.used;
  }
}
