/**
 * One side of a recording: frames of whatever rate a party has just then come in, frames of the file's rate are taken out, one a tick.
 */
import { Resampler } from './audio/resample';
import { frameSamples, type SampleRate } from './frame';

/** Room for what a stalled worker catches up with at once. */
const QUEUE_FRAMES = 8;
/** A frame that waited all through so many reads (a party that changed rooms ticked twice) is left out: its side would stay behind. */
const PATIENCE_READS = 25;

/** Silence when there are none. */
export class Feed {
  private readonly queue: Int16Array[];
  private readonly silence: Int16Array;
  private first = 0;
  private waiting = 0;
  /** The least that was left waiting, in how many reads. */
  private least = QUEUE_FRAMES;
  private reads = 0;
  private resampler: Resampler | undefined;
  private from = 0;

  constructor(private readonly rate: SampleRate) {
    this.queue = Array.from({ length: QUEUE_FRAMES }, () => new Int16Array(frameSamples(rate)));
    this.silence = new Int16Array(frameSamples(rate));
  }

  write(frame: Int16Array, rate: SampleRate): void {
    if (this.waiting === QUEUE_FRAMES) {
      this.first = (this.first + 1) % QUEUE_FRAMES;
      this.waiting--;
    }
    const into = this.queue[(this.first + this.waiting++) % QUEUE_FRAMES]!;
    if (rate === this.rate) {
      into.set(frame);
      return;
    }
    if (rate !== this.from) {
      this.from = rate;
      this.resampler = new Resampler(rate, this.rate);
    }
    this.resampler!.process(frame, frame.length, into);
  }

  read(): Int16Array {
    if (this.waiting === 0) {
      this.least = 0;
      return this.silence;
    }
    const frame = this.take();
    if (this.waiting < this.least) this.least = this.waiting;
    if (++this.reads === PATIENCE_READS) {
      if (this.least > 0) this.take();
      this.reads = 0;
      this.least = QUEUE_FRAMES;
    }
    return frame;
  }

  private take(): Int16Array {
    const frame = this.queue[this.first]!;
    this.first = (this.first + 1) % QUEUE_FRAMES;
    this.waiting--;
    return frame;
  }
}
