/**
 * The receive side of one party: packets as the network brings them become 20 ms of sound at every tick.
 *
 *   insert ─► jitter buffer ─► decode / recover / conceal ─► queue ─► shorten or lengthen ─► read
 *                  └ target ────────────── how much of it there should be ─────────┘
 *
 * Three states. Idle: nothing comes, zeros. Playing: packets are due one after the other. Noise: the far end is silent (RFC 3389, DTX, an
 * RFC 4733 event, a stream that broke off) and the next packet may begin whenever that suits the target best; so delay is put right where
 * nobody can hear it.
 *
 * A packet that is not there when it is due: if a later one is, it is lost, and the hole is filled from the packet after (Opus in-band FEC),
 * by the decoder, or by repeating what was heard. If none is, time is `held`: concealed sound is given out, and what comes next tells
 * whether that time is to be charged to lost packets or to a delay that grew.
 */
import { Background } from '../audio/repair/background';
import { Concealer } from '../audio/repair/conceal';
import { LONGEST_CHANGE_MS, TimeScale } from '../audio/repair/time-scale';
import { Resampler } from '../audio/resample';
import type { AudioStats } from '../audio-types';
import { ComfortNoise } from '../codec/comfort-noise';
import { frameSamples, type Codec, type Decoder, type SampleRate } from '../frame';
import { JitterBuffer, SlotKind, UNITS_PER_MS, type Slot } from '../rtp/jitter-buffer';
import { Heard, PcmQueue } from './pcm-queue';
import { TickGrid } from './tick-grid';

export { Heard } from './pcm-queue';

export interface PlayoutFormat {
  payloadType: number;
  /** RTP clock, Hz. */
  clockRate: number;
  codec: Codec;
  fmtp?: string | undefined;
}

export interface PlayoutOptions {
  sampleRate: SampleRate;
  /** 0 to 1, for noise. */
  random?: () => number;
  /** What a packet that comes without delay waits at least and at most; default 0 and 400. */
  minDelayMs?: number;
  maxDelayMs?: number;
}

export type PlayoutStats = Pick<AudioStats, 'playoutDelayMs' | 'targetDelayMs' | 'frames' | 'latePackets' | 'discardedPackets' | 'undecodable' | 'shortenedMs' | 'stretchedMs'>;

const enum State {
  Idle,
  Playing,
  Noise,
}

const MAX_DECODED_MS = 120;
const HISTORY_MS = 64;
/** Sound is made up for so long before it is given up that the stream goes on where it was. */
const HOLD_MS = 100;
/** A jump in time of no more than this is a hole, not a silence. */
const SMALL_GAP_MS = 20;
/** After the last packet: how long there is noise. Without a sign that silence was meant; with DTX; with RFC 3389 packets. */
const QUIET_AFTER_MS = 1000;
const QUIET_AFTER_DTX_MS = 10_000;
const QUIET_AFTER_NOISE_MS = 30_000;
/** An Opus frame of no more octets says that nothing more will come for now (RFC 6716 §2.1.9). */
const DTX_OCTETS = 2;
const QUIET_MS = 20;
const FADE_IN_MS = 4;
/** RFC 3389's static payload type has a clock of 8 kHz, and so has the noise it describes. */
const NOISE_RATE = 8000;

/** More delay than the target by this is put right; less is left, so that it does not go back and forth. */
const HYSTERESIS_MS = 1.5;
/** Least time between two pieces left out, by how much there is to leave out. */
const SHORTEN_EVERY_MS = 200;
const SHORTEN_EVERY_SOON_MS = 60;
const SOON_MS = 30;
const URGENT_MS = 60;
/** After a delay that had to grow, shrinking rests. */
const REST_MS = 1000;
/** Where nothing could be left out or put in without being heard, it is tried again after this. */
const RETRY_MS = 60;
const LENGTHEN_EVERY_MS = 40;
/** More delay than the most there may be, by this: shortening would take too long. */
const CATCH_UP_MS = 60;

/** Shares of lost packets at which a decoder that recovers gets to see one packet more, and at which it has to do without. */
const LOSS_TO_RECOVER = 0.01;
const LOSS_TO_STOP = 0.003;
const LOSS_MEMORY = 1 / 150;
/** Recovery that finds something less often than this is not worth the delay, and is not tried again for so many packets. */
const PAYS = 0.2;
const TRY_AGAIN_PACKETS = 1500;

interface Format {
  readonly given: PlayoutFormat;
  decoder: Decoder | null;
  resampler: Resampler | null;
  /** It could not be made. */
  broken: boolean;
}

export class Playout {
  private rate: SampleRate;
  private units: number;
  private readonly buffer: JitterBuffer;
  private readonly ticks = new TickGrid();
  private readonly random: () => number;
  private readonly maxDelayMs: number;
  private readonly formats: Array<Format | null> = new Array<Format | null>(128).fill(null);
  private comfortNoiseType = -1;

  private queue!: PcmQueue;
  private background!: Background;
  private concealer!: Concealer;
  private timeScale!: TimeScale;
  private readonly noise: ComfortNoise;
  private readonly noiseFrame = new Int16Array(frameSamples(NOISE_RATE));
  private noiseResampler!: Resampler | null;
  private readonly decoded = new Int16Array((48_000 * MAX_DECODED_MS) / 1000);
  private resampled = new Int16Array((48_000 * MAX_DECODED_MS) / 1000 + 64);

  private state: State = State.Idle;
  private current: Format | null = null;
  /** Media time after what is in the queue, 1/48 ms; what is held not counted. */
  private decodedEnd = 0;
  /** Made up at the end of the queue and not yet charged to anything, 1/48 ms. */
  private held = 0;
  private heldKind: Heard = Heard.Concealed;
  private fadeIn = false;
  /** Samples of what comes next that are still its filter's silence. */
  private blendAfter = 0;
  /** The last packet said that silence follows; the last number was taken by an event; noise parameters are in force. */
  private dtx = false;
  private event = false;
  private describedNoise = false;

  private loss = 0;
  private pays = 0.7;
  /** Packets until it is tried again. */
  private noRecovery = 0;
  private shortenedAt = Number.NEGATIVE_INFINITY;
  private lengthenedAt = Number.NEGATIVE_INFINITY;
  private grewAt = Number.NEGATIVE_INFINITY;
  private retryAt = Number.NEGATIVE_INFINITY;

  private delayMs = 0;
  private undecodable = 0;
  private shortenedMs = 0;
  private lengthenedMs = 0;
  private readonly heard = new Float64Array(5);

  constructor(options: PlayoutOptions) {
    this.rate = options.sampleRate;
    this.units = (1000 * UNITS_PER_MS) / this.rate;
    this.random = options.random ?? Math.random;
    this.maxDelayMs = options.maxDelayMs ?? 400;
    this.buffer = new JitterBuffer({ minDelayMs: options.minDelayMs ?? 0, maxDelayMs: this.maxDelayMs });
    this.noise = new ComfortNoise(this.random);
    this.makeStages();
  }

  /**
   * What payload types mean. Decoders are made on first use, at the rate asked for when the codec has it, else at its own. Formats that
   * stay as they are keep their decoder.
   */
  setFormats(formats: readonly PlayoutFormat[], comfortNoiseType: number | null): void {
    const kept = new Set<number>();
    for (const given of formats) {
      if (given.payloadType < 0 || given.payloadType > 127) throw new RangeError(`RTP has payload types 0 to 127, not ${given.payloadType}.`);
      const old = this.formats[given.payloadType];
      kept.add(given.payloadType);
      if (old && old.given.codec === given.codec && old.given.fmtp === given.fmtp && old.given.clockRate === given.clockRate) continue;
      this.forget(given.payloadType);
      this.formats[given.payloadType] = { given, decoder: null, resampler: null, broken: false };
    }
    for (let type = 0; type < 128; type++) if (!kept.has(type)) this.forget(type);
    this.comfortNoiseType = comfortNoiseType ?? -1;
  }

  /**
   * From now on `read` gives sound at another rate. What waits is converted, going on where reading stopped, and what is decoded next is
   * blended in; decoders stay at their rate until they are next made.
   */
  setSampleRate(rate: SampleRate): void {
    if (rate === this.rate) return;
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
    this.rate = rate;
    this.units = (1000 * UNITS_PER_MS) / rate;
    this.makeStages();
    const { queue } = this;
    converter.process(input, input.length, output);
    const read = Math.round(known + this.samples(converter.delayMs));
    const history = Math.min(read, queue.start);
    queue.data.set(output.subarray(read - history, read), queue.start - history);
    queue.data.set(output.subarray(read, read + waiting), queue.end);
    queue.appended(waiting, Heard.Voice);
    for (const format of this.formats) if (format?.decoder) this.connect(format);
    if (this.state === State.Playing && this.current !== null) this.blendNext(this.current);
  }

  /** A packet came. The payload is copied. Types that `setFormats` did not name are counted as `undecodable`. */
  insert(data: Uint8Array, offset: number, length: number, payloadType: number, sequence: number, timestamp: number, ssrc: number, marker: boolean, nowMs: number): void {
    const format = this.formats[payloadType] ?? null;
    if (format === null) {
      if (payloadType !== this.comfortNoiseType) this.undecodable++;
      if (payloadType !== this.comfortNoiseType || length === 0) return this.buffer.skip(sequence, timestamp, ssrc, nowMs);
    }
    const slot = this.buffer.insert(data, offset, length, payloadType, sequence, timestamp, ssrc, marker, format?.given.clockRate ?? this.buffer.clockRate, nowMs);
    if (slot === null) return;
    const decoder = format && this.decoderOf(format);
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
    const tick = this.ticks.at(nowMs);
    if (this.state === State.Idle && this.buffer.size === 0) return this.silence(out);
    const count = out.length;
    const spare = this.spare(tick);
    const shorten = spare > 0 && this.mayShorten(spare, tick);
    this.fill(count, shorten ? count + Math.min(spare, this.samples(LONGEST_CHANGE_MS)) : count, tick);
    if (this.state === State.Idle && this.queue.length < count) return this.silence(out);
    if (shorten) this.shorten(spare, count, tick);
    else if (spare < 0) this.lengthen(-spare, tick);
    if (this.state === State.Playing && this.held === 0) this.delayMs = Math.max(0, this.buffer.delayMs(this.position(), tick));
    const heard = this.queue.take(out);
    if (this.state === State.Noise && this.isOver(nowMs)) this.fall(out);
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
      undecodable: this.undecodable,
      shortenedMs: Math.round(this.shortenedMs),
      stretchedMs: Math.round(this.lengthenedMs),
    };
  }

  /** `jitter(40ms) -> PCMU`; with a codec that does not do the rate: `jitter(40ms) -> PCMU -> resample(8000->48000)` */
  describe(): string {
    const format = this.current ?? this.formats.find((f) => f !== null) ?? null;
    const jitter = `jitter(${Math.round(this.delayMs)}ms)`;
    if (format === null) return `${jitter} -> nothing`;
    const resample = format.decoder && format.resampler ? ` -> resample(${format.decoder.sampleRate}->${this.rate})` : '';
    return `${jitter} -> ${format.given.codec.name}${resample}`;
  }

  /** Idempotent. Afterwards `read` gives silence. */
  close(): void {
    for (let type = 0; type < 128; type++) this.forget(type);
    this.comfortNoiseType = -1;
    this.buffer.clear();
    this.state = State.Idle;
  }

  private makeStages(): void {
    const { rate } = this;
    this.queue = new PcmQueue(this.samples(HISTORY_MS), this.samples(2 * MAX_DECODED_MS + HOLD_MS));
    this.background = new Background(this.random);
    this.concealer = new Concealer(rate, this.background);
    this.timeScale = new TimeScale(rate, this.background);
    this.noiseResampler = rate === NOISE_RATE ? null : new Resampler(NOISE_RATE, rate);
  }

  private samples(ms: number): number {
    return (ms * this.rate) / 1000;
  }

  // --- decoders

  private decoderOf(format: Format): Decoder | null {
    if (format.decoder !== null || format.broken) return format.decoder;
    const { codec, fmtp } = format.given;
    try {
      format.decoder = codec.decoder({ sampleRate: nearestRate(codec.rates, this.rate), fmtp });
    } catch {
      // Its packets are counted as undecodable; whether a codec loads at all was said when it was registered.
      format.broken = true;
      return null;
    }
    this.connect(format);
    return format.decoder;
  }

  private connect(format: Format): void {
    const from = format.decoder?.sampleRate ?? this.rate;
    format.resampler = from === this.rate ? null : new Resampler(from, this.rate);
  }

  private forget(payloadType: number): void {
    const format = this.formats[payloadType];
    if (!format) return;
    this.formats[payloadType] = null;
    format.decoder?.close();
    format.decoder = null;
    if (this.current === format) this.current = null;
  }

  /** Decoded sound to the end of the queue. Returns its samples there. */
  private append(format: Format, count: number, kind: Heard): number {
    const { queue } = this;
    let [pcm, length] = [this.decoded, count];
    if (format.resampler !== null) {
      length = format.resampler.process(this.decoded, count, this.resampled);
      pcm = this.resampled;
    }
    queue.reserve(length);
    const { data, end } = queue;
    for (let i = 0; i < length; i++) data[end + i] = pcm[i] as number;
    queue.appended(length, kind);
    return length;
  }

  // --- what comes next

  /** Fills the queue to `count` samples by all means, to `want` with what is there anyway. */
  private fill(count: number, want: number, tick: number): void {
    const { queue } = this;
    while (queue.length < want && (this.state === State.Playing ? this.step(queue.length < count, tick) : this.start(tick)));
    if (queue.length >= count || this.state === State.Idle) return;
    if (this.state === State.Playing) {
      if (this.dtx || this.event || this.held >= HOLD_MS * UNITS_PER_MS) this.fallSilent();
      else this.hold(count - queue.length);
    }
    if (this.state === State.Noise) this.makeNoise(count - queue.length);
  }

  /** One packet, or one hole, further. False: nothing to be done. @param due what is in the queue does not suffice for this read */
  private step(due: boolean, tick: number): boolean {
    const slot = this.buffer.next();
    if (slot === null) return false;
    const lost = slot.extended - this.buffer.nextExtended;
    if (slot.kind === SlotKind.Skip) {
      if (lost > 0 && !due) return false;
      this.event = true;
      this.buffer.take(slot);
      return true;
    }
    let missing = Math.max(0, slot.time - this.decodedEnd);
    if (missing > 0 && !due) return false;
    if (this.formats[slot.payloadType] === null && slot.payloadType === this.comfortNoiseType) {
      this.describeNoise(slot);
      return true;
    }
    if (missing > 0) {
      if ((lost === 0 && missing > SMALL_GAP_MS * UNITS_PER_MS) || missing - this.held > HOLD_MS * UNITS_PER_MS) {
        this.fallSilent();
        return true;
      }
      const charged = Math.min(missing, this.held);
      this.held -= charged;
      this.decodedEnd += charged;
      missing -= charged;
      if (missing > 0) {
        this.bridge(slot, missing);
        return true;
      }
    }
    if (this.held > 0) {
      this.held = 0;
      this.grewAt = tick;
      if (missing === 0 && lost === 0) this.buffer.starvedFor(slot);
    }
    this.countLoss(lost);
    this.play(slot);
    return true;
  }

  /** In silence: begins with the next packet if now is the time. */
  private start(tick: number): boolean {
    const slot = this.buffer.next();
    if (slot === null) return false;
    if (slot.kind === SlotKind.Skip) {
      this.buffer.take(slot);
      return true;
    }
    if (this.formats[slot.payloadType] === null && slot.payloadType === this.comfortNoiseType) {
      this.describeNoise(slot);
      return true;
    }
    // Nobody read for long: what is too old to be heard goes first.
    if (this.buffer.delayMs(slot.time, tick) > this.maxDelayMs + CATCH_UP_MS && this.buffer.dropBefore(this.buffer.latestStart(tick, 0)) > 0) return true;
    if (slot.time - this.queue.length * this.units > this.buffer.latestStart(tick, 0)) return false;
    this.fadeIn = this.state === State.Idle;
    this.state = State.Playing;
    this.decodedEnd = slot.time;
    this.held = 0;
    this.play(slot);
    return true;
  }

  private play(slot: Slot): void {
    const { queue, buffer } = this;
    const format = this.formats[slot.payloadType] ?? null;
    const decoder = format && this.decoderOf(format);
    this.event = false;
    this.describedNoise = false;
    let count = 0;
    if (format && decoder) {
      if (format !== this.current) this.change(format, decoder);
      count = decoder.decode(slot.data, slot.length, this.decoded);
      this.dtx = slot.length <= DTX_OCTETS && decoder.conceals;
    }
    if (format && decoder && count > 0) {
      const length = this.append(format, count, this.dtx ? Heard.ComfortNoise : Heard.Voice);
      const from = queue.end - length;
      this.background.hear(queue.data, from, length);
      this.concealer.merge(queue.data, from, length, this.blendAfter);
      this.blendAfter = 0;
      if (this.fadeIn) this.fade(from, length);
      this.decodedEnd = slot.time + (count * 1000 * UNITS_PER_MS) / decoder.sampleRate;
    } else {
      this.undecodable++;
      this.decodedEnd = slot.time + this.conceal(Math.min(slot.duration, HOLD_MS * UNITS_PER_MS) / this.units, Heard.Concealed) * this.units;
    }
    buffer.take(slot);
  }

  /** Another codec than before: its sound is blended into what the one before would have gone on with. */
  private change(format: Format, decoder: Decoder): void {
    decoder.reset();
    if (format.resampler !== null) this.connect(format);
    if (this.current !== null && !this.fadeIn) this.blendNext(format);
    this.current = format;
  }

  /** What comes next does not follow from what is there: its beginning, once its filter gives any, is blended in. */
  private blendNext(format: Format): void {
    const { queue } = this;
    this.blendAfter = Math.round(this.samples(format.resampler?.delayMs ?? 0));
    this.concealer.extend(queue.data, queue.end, 0);
  }

  private fade(from: number, length: number): void {
    const { data } = this.queue;
    const count = Math.min(length, this.samples(FADE_IN_MS));
    for (let i = 0; i < count; i++) data[from + i] = Math.round(((data[from + i] as number) * (i + 1)) / count);
    this.fadeIn = false;
  }

  // --- what is missing

  /** Nothing is there, and nobody knows yet why. Where it was quiet it may well be DTX, and is no loss either way. */
  private hold(count: number): void {
    const { queue } = this;
    if (this.held === 0) {
      const before = this.samples(QUIET_MS);
      this.heldKind = this.background.isQuiet(queue.data, queue.end - before, before) ? Heard.ComfortNoise : Heard.Concealed;
    }
    this.held += this.conceal(count, this.heldKind) * this.units;
  }

  /** Some or all of `missing` (1/48 ms) before `next`, of which at least one packet was lost. */
  private bridge(next: Slot, missing: number): void {
    const format = this.formats[next.payloadType] ?? null;
    const decoder = format && this.decoderOf(format);
    let part = missing;
    if (format && decoder?.recovers && format === this.current) {
      if (missing <= next.duration) {
        const samples = Math.round((missing * decoder.sampleRate) / (1000 * UNITS_PER_MS));
        const count = decoder.recover(next.data, next.length, this.decoded, samples);
        this.pays += ((count > 0 ? 1 : 0) - this.pays) * 0.1;
        if (count > 0) {
          this.append(format, count, Heard.Recovered);
          this.decodedEnd += (count * 1000 * UNITS_PER_MS) / decoder.sampleRate;
          return;
        }
      } else {
        part = missing - next.duration;
      }
    }
    part = Math.min(part, 20 * UNITS_PER_MS);
    this.decodedEnd += this.conceal(Math.max(1, Math.round(part / this.units)), Heard.Concealed) * this.units;
  }

  /** At least `count` samples that never came, to the end of the queue. Returns how many they became. */
  private conceal(count: number, kind: Heard): number {
    const { current } = this;
    const decoder = current?.decoder ?? null;
    if (current !== null && decoder?.conceals) {
      const step = decoder.sampleRate / 100;
      const samples = Math.ceil((count * decoder.sampleRate) / this.rate / step) * step;
      const made = decoder.conceal(this.decoded, Math.min(samples, this.decoded.length));
      if (made > 0) {
        const length = this.append(current, made, kind);
        if (length >= count) return length;
        count -= length;
        return length + this.repeat(count, kind);
      }
    }
    return this.repeat(count, kind);
  }

  private repeat(count: number, kind: Heard): number {
    this.queue.reserve(count);
    this.concealer.extend(this.queue.data, this.queue.end, count);
    this.queue.appended(count, kind);
    return count;
  }

  private countLoss(lost: number): void {
    for (let i = Math.min(lost, 10); i >= 0; i--) this.loss += ((i > 0 ? 1 : 0) - this.loss) * LOSS_MEMORY;
    if (this.pays < PAYS) {
      this.pays = 0.5;
      this.noRecovery = TRY_AGAIN_PACKETS;
    }
    if (this.noRecovery > 0) this.noRecovery--;
    const decoder = this.current?.decoder;
    if (!decoder?.recovers || this.loss < LOSS_TO_STOP || this.noRecovery > 0) this.buffer.extraMs = 0;
    else if (this.loss > LOSS_TO_RECOVER) this.buffer.extraMs = this.buffer.durationMs;
  }

  // --- silence

  private fallSilent(): void {
    this.state = State.Noise;
    this.held = 0;
  }

  private describeNoise(slot: Slot): void {
    this.noise.update(slot.data, slot.length);
    this.describedNoise = true;
    this.event = false;
    this.state = State.Noise;
    this.held = 0;
    this.buffer.take(slot);
  }

  private makeNoise(count: number): void {
    if (!this.describedNoise) {
      this.conceal(count, Heard.ComfortNoise);
      return;
    }
    // A whole frame whatever is needed: what is too much of noise is nobody's loss.
    const { queue, noiseFrame } = this;
    this.noise.generate(noiseFrame);
    if (this.noiseResampler !== null) this.noiseResampler.process(noiseFrame, noiseFrame.length, this.resampled);
    const made = this.noiseResampler === null ? noiseFrame : this.resampled;
    queue.reserve(count);
    const { data, end } = queue;
    for (let i = 0; i < count; i++) data[end + i] = made[i] as number;
    this.concealer.merge(data, end, count);
    queue.appended(count, Heard.ComfortNoise);
  }

  private isOver(nowMs: number): boolean {
    const patience = this.describedNoise ? QUIET_AFTER_NOISE_MS : this.dtx ? QUIET_AFTER_DTX_MS : QUIET_AFTER_MS;
    return this.buffer.size === 0 && nowMs - this.buffer.lastArrivalMs > patience;
  }

  /** The last frame of noise before there is nothing. */
  private fall(out: Int16Array): void {
    for (let i = 0; i < out.length; i++) out[i] = Math.round(((out[i] as number) * (out.length - i)) / out.length);
    this.state = State.Idle;
    this.queue.skip(this.queue.length);
    this.concealer.reset();
    this.describedNoise = false;
    this.dtx = false;
  }

  private silence(out: Int16Array): Heard {
    out.fill(0);
    this.heard[Heard.Silence] = (this.heard[Heard.Silence] as number) + 1;
    return Heard.Silence;
  }

  // --- delay

  /** Media time of the next sample to be read. */
  private position(): number {
    return this.decodedEnd - this.queue.length * this.units;
  }

  /** Samples that could go without a packet coming too late for it; below 0: that should be put in. */
  private spare(tick: number): number {
    if (this.state !== State.Playing || this.held > 0) return 0;
    const position = this.position();
    const over = this.buffer.latestStart(tick, HYSTERESIS_MS) - position;
    if (over > 0) return Math.floor(over / this.units);
    return Math.min(0, Math.floor((this.buffer.latestStart(tick, 0) - position) / this.units));
  }

  private mayShorten(spare: number, tick: number): boolean {
    const ms = (spare * 1000) / this.rate;
    if (tick < this.retryAt) return false;
    if (ms >= URGENT_MS) return true;
    if (tick - this.grewAt < REST_MS) return false;
    return tick - this.shortenedAt >= (ms >= SOON_MS ? SHORTEN_EVERY_SOON_MS : SHORTEN_EVERY_MS);
  }

  private shorten(spare: number, count: number, tick: number): void {
    const { queue } = this;
    if (this.state !== State.Playing || this.held > 0) return;
    if (this.buffer.delayMs(this.position(), tick) > this.maxDelayMs + CATCH_UP_MS) return this.catchUp(tick);
    const most = Math.min(spare, queue.length - count);
    if (most <= 0) return;
    const change = this.timeScale.shorten(queue.data, queue.start, queue.end, most, (spare * 1000) / this.rate >= URGENT_MS);
    if (change === 0) {
      this.retryAt = tick + RETRY_MS;
      return;
    }
    queue.skip(change);
    this.shortenedMs += (change * 1000) / this.rate;
    this.shortenedAt = tick;
  }

  private lengthen(deficit: number, tick: number): void {
    const { queue } = this;
    if (this.state !== State.Playing || this.held > 0 || tick < this.retryAt || tick - this.lengthenedAt < LENGTHEN_EVERY_MS) return;
    const change = this.timeScale.lengthen(queue.data, queue.start, queue.end, Math.max(deficit, this.samples(LONGEST_CHANGE_MS)), false);
    if (change === 0) {
      this.retryAt = tick + RETRY_MS;
      return;
    }
    queue.skip(-change);
    this.lengthenedMs += (change * 1000) / this.rate;
    this.lengthenedAt = tick;
  }

  /** Far behind: what can no longer be heard in time is thrown away, and the seam is blended. */
  private catchUp(tick: number): void {
    if (this.buffer.dropBefore(this.buffer.latestStart(tick, 0)) === 0) return;
    const next = this.buffer.next();
    if (next === null) return;
    this.decodedEnd = next.time;
    this.buffer.nextExtended = next.extended;
    this.concealer.extend(this.queue.data, this.queue.end, 0);
  }
}

/** The lowest rate that loses nothing of `wanted`, or the codec's best. */
function nearestRate(rates: readonly SampleRate[], wanted: SampleRate): SampleRate {
  return rates.find((rate) => rate >= wanted) ?? (rates[rates.length - 1] as SampleRate);
}
