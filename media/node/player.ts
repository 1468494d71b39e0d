/**
 * The player: clips and tones one behind the other, without a gap and without a click, at the rate of whoever listens.
 *
 *   items ─► clip (resampled) or tone ─► gain ─► joints smoothed ─► fade when stopped ─► frame
 *
 * Where one item meets the next (or silence), a jump half as large again as any that the sound itself made lately is smoothed: the difference is added and taken
 * away over 5 ms. What fits together, such as a loop cut well, is left as it is; fades at every edge would have made a hole in it.
 *
 * Everything is in memory already (`clip-cache.ts` brings it there): a frame never waits for a disk.
 */
import type { Source } from '../frame';
import { Tone, type TonePattern } from '../audio/tones';
import { ClipVoice, type Clip } from './player/clip-voice';

export type { Clip } from './player/clip-voice';

export type PlayerItem = { clip: Clip } | { pattern: TonePattern; /** Default: as long as the pattern. */ limitMs?: number | undefined };

export interface PlayerOptions {
  /** Hz. */
  sampleRate: number;
  loop?: boolean | undefined;
  /** Items in random order, anew each round. */
  shuffle?: boolean | undefined;
  gainDb?: number | undefined;
  /** Skips this much of the first item. */
  fromMs?: number | undefined;
  /** 0 to below 1. */
  random?: (() => number) | undefined;
}

const SMOOTH_MS = 5;
/** How long the sound's own steepness is remembered, and how much of a jump beyond it passes for its own. */
const STEEPNESS_MS = 20;
const OWN_JUMP = 1.5;

interface Voice {
  readonly done: boolean;
  setSampleRate(rate: number): void;
  fill(out: Int16Array, offset: number, length: number): number;
}

export class Player implements Source {
  /** Nothing more comes: ended, or stopped and faded. */
  done = false;
  private rate: number;
  private readonly gain: number;
  private readonly loop: boolean;
  private readonly random: (() => number) | undefined;
  private readonly order: number[];
  private index = -1;
  private voice: Voice | undefined;
  /** No item is left; what is smoothed may still be on its way out. */
  private ended = false;
  private joint = true;
  private madeInRound = 0;
  /** Put out so far: ms at former rates, samples at this one. */
  private earlierMs = 0;
  private made = 0;
  /** Samples of the fade that are left; −1: not stopped. */
  private fadeLeft = -1;
  private last = 0;
  private steepest = 0;
  private steepnessKept = 0;
  /** What is added at a joint, and for how many samples still. */
  private offset = 0;
  private offsetLeft = 0;
  private smoothSamples = 0;

  constructor(
    private readonly items: readonly PlayerItem[],
    options: PlayerOptions,
  ) {
    this.rate = options.sampleRate;
    this.gain = 10 ** ((options.gainDb ?? 0) / 20);
    this.loop = options.loop ?? false;
    this.random = options.shuffle ? (options.random ?? Math.random) : undefined;
    this.order = items.map((_, i) => i);
    this.timeConstants();
    this.next(options.fromMs ?? 0);
    this.done = this.ended;
  }

  get playedMs(): number {
    return this.earlierMs + (this.made / this.rate) * 1000;
  }

  /** The room changed its rate: from the next frame on. */
  setSampleRate(rate: number): void {
    if (rate === this.rate) return;
    this.earlierMs = this.playedMs;
    this.made = 0;
    if (this.fadeLeft > 0) this.fadeLeft = Math.round((this.fadeLeft * rate) / this.rate);
    this.offsetLeft = Math.round((this.offsetLeft * rate) / this.rate);
    this.rate = rate;
    this.timeConstants();
    this.voice?.setSampleRate(rate);
    // The filter begins anew.
    this.joint = true;
  }

  /** Fades within 5 ms of the next frame, then it is done. */
  stop(): void {
    if (this.fadeLeft < 0) this.fadeLeft = this.smoothSamples;
    // Nothing was heard yet.
    if (this.made === 0 && this.earlierMs === 0) this.done = true;
  }

  read(out: Int16Array): boolean {
    if (this.done) {
      out.fill(0);
      return false;
    }
    let at = 0;
    while (at < out.length && !this.ended) {
      const some = this.voice === undefined ? 0 : this.voice.fill(out, at, out.length - at);
      if (some > 0) this.finish(out, at, some);
      at += some;
      this.made += some;
      this.madeInRound += some;
      if (this.voice === undefined || this.voice.done) this.next(0);
      if (this.fadeLeft === 0) this.ended = true;
    }
    if (at < out.length) {
      out.fill(0, at);
      this.finish(out, at, out.length - at);
    }
    this.done = this.fadeLeft === 0 || (this.ended && this.offsetLeft === 0 && !(this.joint && this.last !== 0));
    return true;
  }

  /** The next item that has something in it; the order is drawn anew for each round. */
  private next(fromMs: number): void {
    this.voice = undefined;
    this.joint = true;
    while (this.voice === undefined) {
      this.index++;
      if (this.index >= this.items.length || this.index === 0) {
        // A round in which nothing could be heard would be followed by another one, for ever.
        const again = this.index === 0 || (this.loop && this.madeInRound > 0);
        if (!again) {
          this.ended = true;
          return;
        }
        this.index = 0;
        this.madeInRound = 0;
        this.shuffle();
        if (this.items.length === 0) {
          this.ended = true;
          return;
        }
      }
      const voice = this.voiceOf(this.items[this.order[this.index]!]!, fromMs);
      fromMs = 0;
      if (!voice.done) this.voice = voice;
    }
  }

  private voiceOf(item: PlayerItem, fromMs: number): Voice {
    if ('clip' in item) return new ClipVoice(item.clip, this.rate, fromMs);
    const tone = new Tone(item.pattern, this.rate, item.limitMs);
    if (fromMs > 0) tone.skip(fromMs);
    return tone;
  }

  /** Fisher-Yates; what was heard last is not heard first. */
  private shuffle(): void {
    const { order, random } = this;
    if (random === undefined || order.length < 2) return;
    const before = order[order.length - 1]!;
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    if (order[0] === before && this.made + this.earlierMs > 0) [order[0], order[1]] = [order[1]!, order[0]!];
  }

  /** Gain, joint and fade on a stretch of one item (or of the silence behind the last). */
  private finish(out: Int16Array, from: number, length: number): void {
    const { gain } = this;
    for (let i = from; i < from + length; i++) {
      let value = out[i]! * gain;
      if (this.joint) this.meet(value);
      if (this.offsetLeft > 0) {
        value += this.offset * (0.5 - 0.5 * Math.cos((Math.PI * this.offsetLeft) / this.smoothSamples));
        this.offsetLeft--;
      }
      if (this.fadeLeft >= 0) {
        value *= this.fadeLeft === 0 ? 0 : 0.5 - 0.5 * Math.cos((Math.PI * this.fadeLeft) / this.smoothSamples);
        if (this.fadeLeft > 0) this.fadeLeft--;
      }
      value = value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : Math.round(value);
      this.steepest = Math.max(this.steepest * this.steepnessKept, Math.abs(value - this.last));
      this.last = value;
      out[i] = value;
    }
  }

  private meet(first: number): void {
    this.joint = false;
    const jump = this.last - first;
    if (Math.abs(jump) <= OWN_JUMP * this.steepest) return;
    this.offset = jump;
    this.offsetLeft = this.smoothSamples;
  }

  private timeConstants(): void {
    this.smoothSamples = Math.round((SMOOTH_MS / 1000) * this.rate);
    this.steepnessKept = Math.exp(-1 / ((STEEPNESS_MS / 1000) * this.rate));
  }
}
