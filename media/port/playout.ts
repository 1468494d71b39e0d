/**
 * The receive side of one party: packets as the network brings them become 20 ms of sound at every tick.
 *
 *   insert ─► jitter buffer ─► decode / recover / conceal ─► queue ─► shorten or lengthen ─► read
 *                  └ target ────────────── how much of it there should be ─────────┘
 */
import { LONGEST_CHANGE_MS } from '../audio/repair/time-scale';
import type { AudioStats } from '../audio-types';
import type { SampleRate } from '../frame';
import { JitterBuffer } from '../rtp/jitter-buffer';
import { UNITS_PER_MS } from '../rtp/media-time';
import { Heard } from './pcm-queue';
import { Formats, type PlayoutFormat } from './playout-formats';
import { PlayoutLine, State } from './playout-line';
import { Steering } from './playout-steering';
import { TickGrid } from './tick-grid';

export { Heard } from './pcm-queue';
export type { PlayoutFormat } from './playout-formats';

export interface PlayoutOptions {
  sampleRate: SampleRate;
  /** 0 to 1, for noise. */
  random?: () => number;
  /** What a packet that comes without delay waits at least and at most; default 0 and 400. */
  minDelayMs?: number;
  maxDelayMs?: number;
}

export type PlayoutStats = Pick<AudioStats, 'playoutDelayMs' | 'targetDelayMs' | 'frames' | 'latePackets' | 'discardedPackets' | 'undecodable' | 'shortenedMs' | 'stretchedMs'>;

/** More delay than the target by this is put right; less is left, so that it does not go back and forth. */
const HYSTERESIS_MS = 1.5;
/** More delay than the most there may be, by this: shortening would take too long. */
const CATCH_UP_MS = 60;

export class Playout {
  private readonly buffer: JitterBuffer;
  private readonly ticks = new TickGrid();
  private readonly maxDelayMs: number;
  private readonly formats: Formats;
  private readonly steering = new Steering();
  private readonly line: PlayoutLine;

  private delayMs = 0;
  private readonly heard = new Float64Array(5);

  constructor(options: PlayoutOptions) {
    this.maxDelayMs = options.maxDelayMs ?? 400;
    this.buffer = new JitterBuffer({ minDelayMs: options.minDelayMs ?? 0, maxDelayMs: this.maxDelayMs });
    this.formats = new Formats(options.sampleRate);
    this.line = new PlayoutLine({
      sampleRate: options.sampleRate,
      random: options.random ?? Math.random,
      buffer: this.buffer,
      formats: this.formats,
      oldestMs: this.maxDelayMs + CATCH_UP_MS,
      grew: (tick) => this.steering.grew(tick),
    });
  }

  /**
   * What payload types mean. Decoders are made on first use, at the rate asked for when the codec has it, else at its own. Formats that
   * stay as they are keep their decoder.
   */
  setFormats(formats: readonly PlayoutFormat[], comfortNoiseType: number | null): void {
    this.formats.set(formats, comfortNoiseType);
  }

  /**
   * From now on `read` gives sound at another rate. What waits is converted, going on where reading stopped, and what is decoded next is
   * blended in; decoders stay at their rate until they are next made.
   */
  setSampleRate(rate: SampleRate): void {
    if (rate !== this.line.sound.rate) this.line.setSampleRate(rate);
  }

  /** A packet came. The payload is copied. Types that `setFormats` did not name are counted as `undecodable`. */
  insert(data: Uint8Array, offset: number, length: number, payloadType: number, sequence: number, timestamp: number, ssrc: number, marker: boolean, nowMs: number): void {
    const format = this.formats.of(payloadType);
    if (format === null) {
      const noise = payloadType === this.formats.noiseType;
      if (!noise) this.line.undecodable++;
      if (!noise || length === 0) return this.buffer.skip(sequence, timestamp, ssrc, nowMs);
    }
    const slot = this.buffer.insert(data, offset, length, payloadType, sequence, timestamp, ssrc, marker, format?.given.clockRate ?? this.buffer.clockRate, nowMs);
    if (slot === null) return;
    const decoder = format && this.formats.decoderOf(format);
    if (!decoder) return;
    const samples = decoder.samplesIn(slot.data, slot.length);
    if (samples > 0) this.buffer.lasts(slot, (samples * 1000 * UNITS_PER_MS) / decoder.sampleRate);
  }

  /** A packet with that number came that is no audio (RFC 4733). */
  skip(sequence: number, timestamp: number, ssrc: number, nowMs: number): void {
    this.buffer.skip(sequence, timestamp, ssrc, nowMs);
  }

  /** The next 20 ms; fills all of `out`, which must be one frame at the rate in force. Returns what most of it is made of. */
  read(out: Int16Array, nowMs: number): Heard {
    const { line, steering } = this;
    const tick = this.ticks.at(nowMs);
    if (line.state === State.Idle && this.buffer.size === 0) return this.silence(out);
    const { sound } = line;
    const count = out.length;
    const spare = this.spare(tick);
    const shorten = spare > 0 && steering.mayShorten((spare * 1000) / sound.rate, tick);
    line.fill(count, shorten ? count + Math.min(spare, sound.samples(LONGEST_CHANGE_MS)) : count, tick);
    if (line.state === State.Idle && sound.queue.length < count) return this.silence(out);
    if (line.isSteady) {
      if (shorten) this.shorten(spare, count, tick);
      else if (spare < 0) steering.lengthen(sound, -spare, tick);
      this.delayMs = Math.max(0, this.buffer.delayMs(line.position(), tick));
    }
    const heard = sound.queue.take(out);
    if (line.state === State.Noise && line.isOver(nowMs)) line.fall(out);
    this.heard[heard] = (this.heard[heard] as number) + 1;
    return heard;
  }

  stats(): PlayoutStats {
    const { heard } = this;
    return {
      playoutDelayMs: Math.round(this.delayMs * 10) / 10,
      targetDelayMs: this.buffer.targetMs,
      frames: {
        decoded: heard[Heard.Voice] as number,
        recovered: heard[Heard.Recovered] as number,
        concealed: heard[Heard.Concealed] as number,
        comfortNoise: heard[Heard.ComfortNoise] as number,
        silence: heard[Heard.Silence] as number,
      },
      latePackets: this.buffer.late,
      discardedPackets: this.buffer.discarded,
      undecodable: this.line.undecodable,
      shortenedMs: Math.round(this.steering.shortenedMs),
      stretchedMs: Math.round(this.steering.lengthenedMs),
    };
  }

  /** `jitter(40ms) -> PCMU`; with a codec that does not do the rate: `jitter(40ms) -> PCMU -> resample(8000->48000)` */
  describe(): string {
    const format = this.formats.likely;
    const jitter = `jitter(${Math.round(this.delayMs)}ms)`;
    if (format === null) return `${jitter} -> nothing`;
    const resample = format.decoder && format.resampler ? ` -> resample(${format.decoder.sampleRate}->${this.line.sound.rate})` : '';
    return `${jitter} -> ${format.given.codec.name}${resample}`;
  }

  /** Idempotent. Afterwards `read` gives silence. */
  close(): void {
    this.formats.close();
    this.buffer.clear();
    this.line.state = State.Idle;
  }

  private silence(out: Int16Array): Heard {
    out.fill(0);
    this.heard[Heard.Silence] = (this.heard[Heard.Silence] as number) + 1;
    return Heard.Silence;
  }

  /** Samples that could go without a packet coming too late for it; below 0: that should be put in. */
  private spare(tick: number): number {
    const { line, buffer } = this;
    if (!line.isSteady) return 0;
    const position = line.position();
    const over = buffer.latestStart(tick, HYSTERESIS_MS) - position;
    if (over > 0) return Math.floor(over / line.sound.units);
    return Math.min(0, Math.floor((buffer.latestStart(tick, 0) - position) / line.sound.units));
  }

  private shorten(spare: number, count: number, tick: number): void {
    if (this.buffer.delayMs(this.line.position(), tick) > this.maxDelayMs + CATCH_UP_MS) this.line.catchUp(tick);
    else this.steering.shorten(this.line.sound, spare, count, tick);
  }
}
