/**
 * Which sound follows on the one before: the next packet, something for one that is missing, or noise.
 *
 * Three states. Idle: nothing comes, zeros. Playing: packets are due one after the other. Noise: the far end is silent (RFC 3389, DTX, an
 * RFC 4733 event, a stream that broke off) and the next packet may begin whenever that suits the target best; so delay is put right where
 * nobody can hear it.
 *
 * A packet that is not there when it is due: if a later one is, it is lost, and the hole is filled from the packet after (Opus in-band FEC),
 * by the decoder, or by what was heard before and after (G.711, G.722). If none is, time is `held`: concealed sound is given out, and what comes next tells
 * whether that time is to be charged to lost packets or to a delay that grew.
 */
import { ComfortNoise } from '../codec/comfort-noise';
import type { Decoder, SampleRate } from '../frame';
import { SlotKind, type JitterBuffer, type Slot } from '../rtp/jitter-buffer';
import { UNITS_PER_MS } from '../rtp/media-time';
import { Heard } from './pcm-queue';
import type { Format, Formats } from './playout-formats';
import { Recovery } from './playout-recovery';
import { decoded, MOST_HOLE_MS, PlayoutSound } from './playout-sound';

export const enum State {
  Idle,
  Playing,
  Noise,
}

/** Sound is made up for so long before it is given up that the stream goes on where it was: by PESQ over bursts of losses, 60 and 100 ms are worse. */
const HOLD_MS = 160;
/** A jump in time of no more than this is a hole, not a silence. */
const SMALL_GAP_MS = 20;
/** After the last packet: how long there is noise. Without a sign that silence was meant; with DTX; with RFC 3389 packets. */
const QUIET_AFTER_MS = 1000;
const QUIET_AFTER_DTX_MS = 10_000;
const QUIET_AFTER_NOISE_MS = 30_000;
/** An Opus frame of no more octets says that nothing more will come for now (RFC 6716 §2.1.9). */
const DTX_OCTETS = 2;


export interface PlayoutLineParts {
  sampleRate: SampleRate;
  random: () => number;
  buffer: JitterBuffer;
  formats: Formats;
  /** What is older than this after a pause is not begun with, ms. */
  oldestMs: number;
  /** Sound came for which silence had been waiting. */
  grew: (tick: number) => void;
}

export class PlayoutLine {
  state: State = State.Idle;
  sound: PlayoutSound;
  undecodable = 0;
  private readonly buffer: JitterBuffer;
  private readonly formats: Formats;
  private readonly noise: ComfortNoise;
  private readonly recovery = new Recovery();
  /** Media time after what is in the queue, 1/48 ms; what is held not counted. */
  private decodedEnd = 0;
  /** Made up at the end of the queue and not yet charged to anything, 1/48 ms. */
  private held = 0;
  private heldKind: Heard = Heard.Concealed;
  private fadeIn = false;
  /** The last packet said that silence follows; the last number was taken by an event; noise parameters are in force. */
  private dtx = false;
  private event = false;
  private describedNoise = false;

  constructor(private readonly parts: PlayoutLineParts) {
    this.buffer = parts.buffer;
    this.formats = parts.formats;
    this.noise = new ComfortNoise(parts.random);
    this.sound = new PlayoutSound(parts.sampleRate, parts.random, this.noise);
  }

  /** See `Playout.setSampleRate`. */
  setSampleRate(rate: SampleRate): void {
    this.sound = this.sound.at(rate, Heard.Voice);
    this.formats.setRate(rate);
    if (this.state === State.Playing && this.formats.current !== null) this.sound.blendNext(this.formats.current);
  }

  /** Packets are due one after the other, and the last one was there. */
  get isSteady(): boolean {
    return this.state === State.Playing && this.held === 0;
  }

  /** Media time of the next sample to be read. */
  position(): number {
    return this.decodedEnd - this.sound.queue.length * this.sound.units;
  }

  /** Fills the queue to `count` samples by all means, to `want` with what is there anyway. */
  fill(count: number, want: number, tick: number): void {
    const { queue } = this.sound;
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
    if (this.formats.isNoise(slot.payloadType)) {
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
        if (this.isBetween(slot, missing)) this.fillBetween(slot, missing, lost);
        else this.bridge(slot, missing);
        return true;
      }
    }
    if (this.held > 0) {
      this.held = 0;
      this.parts.grew(tick);
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
    if (this.formats.isNoise(slot.payloadType)) {
      this.describeNoise(slot);
      return true;
    }
    // Nobody read for long: what is too old to be heard goes first.
    if (this.buffer.delayMs(slot.time, tick) > this.parts.oldestMs && this.buffer.dropBefore(this.buffer.latestStart(tick, 0)) > 0) return true;
    if (slot.time - this.sound.queue.length * this.sound.units > this.buffer.latestStart(tick, 0)) return false;
    this.fadeIn = this.state === State.Idle;
    this.state = State.Playing;
    this.decodedEnd = slot.time;
    this.held = 0;
    this.play(slot);
    return true;
  }

  private play(slot: Slot): void {
    const { buffer, formats, sound } = this;
    const format = formats.of(slot.payloadType);
    const decoder = format && formats.decoderOf(format);
    this.event = false;
    this.describedNoise = false;
    let count = 0;
    if (format && decoder) {
      if (format !== formats.current) this.change(format, decoder);
      count = decoder.decode(slot.data, slot.length, decoded);
      this.dtx = slot.length <= DTX_OCTETS && decoder.conceals;
    }
    if (format && decoder && count > 0) {
      sound.voice(format, count, this.dtx ? Heard.ComfortNoise : Heard.Voice, this.fadeIn);
      this.fadeIn = false;
      this.decodedEnd = slot.time + (count * 1000 * UNITS_PER_MS) / decoder.sampleRate;
    } else {
      this.undecodable++;
      sound.leaveHole();
      this.decodedEnd = slot.time + this.conceal(Math.min(slot.duration, HOLD_MS * UNITS_PER_MS) / sound.units, Heard.Concealed);
    }
    buffer.take(slot);
  }

  /** Another codec than before: its sound is blended into what the one before would have gone on with. */
  private change(format: Format, decoder: Decoder): void {
    const { formats } = this;
    decoder.reset();
    if (format.resampler !== null) formats.connect(format);
    if (formats.current !== null && !this.fadeIn) this.sound.blendNext(format);
    formats.current = format;
  }

  // --- what is missing

  /** Nothing is there, and nobody knows yet why. Where it was quiet it may well be DTX, and is no loss either way. */
  private hold(count: number): void {
    if (this.held === 0) this.heldKind = this.sound.endsQuietly ? Heard.ComfortNoise : Heard.Concealed;
    this.held += this.conceal(count, this.heldKind);
  }

  /** Some or all of `missing` (1/48 ms) before `next`, of which at least one packet was lost. */
  private bridge(next: Slot, missing: number): void {
    const format = this.formats.of(next.payloadType);
    const decoder = format && this.formats.decoderOf(format);
    let part = missing;
    if (format && decoder?.recovers && format === this.formats.current) {
      if (missing <= next.duration) {
        const samples = Math.round((missing * decoder.sampleRate) / (1000 * UNITS_PER_MS));
        const count = decoder.recover(next.data, next.length, decoded, samples);
        this.recovery.tried(count > 0);
        if (count > 0) {
          this.sound.append(format, count, Heard.Recovered);
          this.decodedEnd += (count * 1000 * UNITS_PER_MS) / decoder.sampleRate;
          return;
        }
      } else {
        part = missing - next.duration;
        if (part <= MOST_HOLE_MS * UNITS_PER_MS && format.resampler === null) return this.bridgeBurst(format, decoder, next, part);
      }
    }
    part = Math.min(part, 20 * UNITS_PER_MS);
    this.decodedEnd += this.conceal(Math.max(1, Math.round(part / this.sound.units)), Heard.Concealed);
  }

  /** Several packets, of which `next` may repeat the last: what is made up for `part`, before that one, passes into what is repeated, or into `next`. */
  private bridgeBurst(format: Format, decoder: Decoder, next: Slot, part: number): void {
    const { sound } = this;
    const made = this.conceal(Math.max(1, Math.round(part / sound.units)), Heard.Concealed);
    this.decodedEnd += made;
    const samples = Math.round((next.duration * decoder.sampleRate) / (1000 * UNITS_PER_MS));
    const count = decoder.recover(next.data, next.length, decoded, samples);
    this.recovery.tried(count > 0);
    if (count === 0) {
      const rest = this.conceal(Math.max(1, Math.round(next.duration / sound.units)), Heard.Concealed);
      this.decodedEnd += rest;
      sound.mendNext(Math.round((made + rest) / sound.units));
      this.countLoss(next.extended - this.buffer.nextExtended);
      this.play(next);
      return;
    }
    const length = sound.append(format, count, Heard.Recovered);
    this.decodedEnd += (count * 1000 * UNITS_PER_MS) / decoder.sampleRate;
    sound.mend(Math.round(made / sound.units), length);
  }

  /** Whether a hole before `next` is one for the PCM domain: of one codec, that has nothing to say about it itself. */
  private isBetween(next: Slot, missing: number): boolean {
    const format = this.formats.of(next.payloadType);
    if (format === null || format !== this.formats.current || format.resampler !== null) return false;
    return format.decoder !== null && !format.decoder.conceals && !format.decoder.recovers && missing <= MOST_HOLE_MS * UNITS_PER_MS;
  }

  private fillBetween(next: Slot, missing: number, lost: number): void {
    this.sound.openHole(Math.round(missing / this.sound.units), Heard.Concealed);
    this.countLoss(lost);
    this.play(next);
  }

  /** At least `count` samples that never came. Returns how long they became, 1/48 ms. */
  private conceal(count: number, kind: Heard): number {
    return this.sound.conceal(this.formats.current, count, kind) * this.sound.units;
  }

  private countLoss(lost: number): void {
    const decoder = this.formats.current?.decoder ?? null;
    const use = decoder === null ? 'nothing' : decoder.recovers ? 'recover' : decoder.conceals ? 'nothing' : 'interpolate';
    const waits = this.recovery.count(lost, use);
    this.buffer.extraMs = waits ? this.buffer.durationMs : 0;
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
    if (this.describedNoise) this.sound.makeNoise(count, Heard.ComfortNoise);
    else this.conceal(count, Heard.ComfortNoise);
  }

  isOver(nowMs: number): boolean {
    const patience = this.describedNoise ? QUIET_AFTER_NOISE_MS : this.dtx ? QUIET_AFTER_DTX_MS : QUIET_AFTER_MS;
    return this.buffer.size === 0 && nowMs - this.buffer.lastArrivalMs > patience;
  }

  /** The last frame of noise before there is nothing. */
  fall(out: Int16Array): void {
    for (let i = 0; i < out.length; i++) out[i] = Math.round(((out[i] as number) * (out.length - i)) / out.length);
    this.state = State.Idle;
    this.sound.queue.skip(this.sound.queue.length);
    this.sound.concealer.reset();
    this.describedNoise = false;
    this.dtx = false;
  }

  /** Far behind: what can no longer be heard in time is thrown away, and the seam is blended. */
  catchUp(tick: number): void {
    if (this.buffer.dropBefore(this.buffer.latestStart(tick, 0)) === 0) return;
    const next = this.buffer.next();
    if (next === null) return;
    this.decodedEnd = next.time;
    this.buffer.nextExtended = next.extended;
    this.sound.blendNext(null);
  }
}
