/**
 * Sound between two clocks that do not agree: pushed by one, pulled by the other, as little waiting in between as their habits allow.
 *
 *   push(10 ms each, by the card's clock) ──► resampler ──► pull(20 ms each, by ours)
 *                                                ▲
 *      how much waits, against how much should ──┘  PI controller; its integral is the drift of the clocks
 *
 * How much waits is not the number of samples, which leaps with every block: to that is added what the other side must have recorded since
 * its last block came (`line`). This level is smooth, whatever the phase between the two sides, and this phase turns slowly as they drift:
 * a queue that looked only at the samples would run dry by a whole block each time around.
 * How much should wait is what was seen to be needed: the longest recent gap between two pushes, and how much too early a pull came.
 *
 * Once it runs dry it fades out, gives silence, and waits until the level is back; what is too much (a burst after a stall) is left out in a
 * cross-fade. All times are arguments, in ms on one clock that never goes back.
 */
import { VariableResampler } from './variable-resampler';

/** Beyond all that is needed: the processes' own scatter. */
const GUARD_MS = 1;
/** A gap or a hurry beyond this is a stall, which no queue shall bridge: it would be a delay for ever after. */
const STALL_MS = 40;
/** What was needed once is forgotten with this time constant. */
const FORGET_MS = 8000;
/** More than the level that should be by this: left out at once. Less than that is worked off by speed. */
const EXCESS_MS = 30;
/** The same where nobody would hear it: below this peak. */
const QUIET_EXCESS_MS = 4;
const QUIET_PEAK = 100;
/** What is cut is cut in this time. */
const FADE_MS = 5;
/** Of the line through the pushes: how much of a push's deviation it follows. */
const LINE_GAIN = 0.02;
const LINE_MAX_STEP_MS = 5;
const LEVEL_MS = 1000;
/** 1 ms of a wrong level is worked off with 200 ppm, so with a time constant of 5 s; the integral is damped critically. */
const PROPORTIONAL = 0.2;
const INTEGRAL = PROPORTIONAL ** 2 / 4;
/** A tenth of a semitone is 5,800 ppm. */
const MAX_HURRY = 0.004;
const MAX_DRIFT = 0.003;
/** The drift means something after so long without a break. */
const KNOWN_AFTER_MS = 30_000;

export interface DriftQueueOptions {
  inRate: number;
  outRate: number;
  /** After so long without a push nobody plays just now, and nothing is missing. */
  idleAfterMs?: number;
}

export class DriftQueue {
  /** Asked for and not there; there and left out. */
  missingMs = 0;
  droppedMs = 0;
  private readonly resampler: VariableResampler;
  private readonly nominal: number;
  private readonly fade: number;
  private readonly idleAfterMs: number;

  /** When the newest sample was due, by all pushes so far. */
  private line: number | undefined;
  private lastPush = 0;
  private lastForget = 0;
  /** The longest gap between two pushes of late, and the earliest pull. */
  private gap = 0;
  private hurry = 0;
  /** Smoothed; what waits after a pull, in ms. undefined: not flowing. */
  private level: number | undefined;
  private integral = 0;
  private steadyMs = 0;
  private fadingIn = 0;

  constructor(private readonly options: DriftQueueOptions) {
    this.nominal = options.inRate / options.outRate;
    this.resampler = new VariableResampler(this.nominal, options.inRate);
    this.fade = Math.round((FADE_MS * options.outRate) / 1000);
    this.idleAfterMs = options.idleAfterMs ?? Number.POSITIVE_INFINITY;
  }

  /** What waits, ms. */
  get queueMs(): number {
    return (this.resampler.waiting * 1000) / this.options.inRate;
  }

  /** The level that is held, ms: what is added to the way of the sound. */
  get targetMs(): number {
    return this.gap + this.hurry + GUARD_MS;
  }

  /** By how much the pushing clock is faster than the pulling one. */
  get driftPpm(): number | null {
    return this.steadyMs < KNOWN_AFTER_MS ? null : this.integral * 1e6;
  }

  push(pcm: Int16Array, atMs: number): void {
    if (pcm.length === 0) return;
    const lengthMs = (pcm.length * 1000) / this.options.inRate;
    this.forget(atMs);
    if (this.line === undefined || Math.abs(atMs - this.line - lengthMs) > 4 * STALL_MS) {
      this.line = atMs;
      this.gap = Math.max(this.gap, lengthMs);
    } else {
      const gap = atMs - this.line;
      if (gap < lengthMs + STALL_MS) this.gap = Math.max(this.gap, gap);
      const deviation = gap - lengthMs;
      this.line += lengthMs + Math.max(-LINE_MAX_STEP_MS, Math.min(LINE_MAX_STEP_MS, deviation)) * LINE_GAIN;
      // A step for good (the card was started anew, the computer slept) is followed at a walk otherwise
      if (Math.abs(deviation) > STALL_MS) this.line += (atMs - this.line) * LINE_GAIN;
    }
    this.lastPush = atMs;
    this.resampler.push(pcm);
    const tooMuch = this.queueMs - 900;
    if (tooMuch > 0) this.leaveOut(tooMuch);
  }

  /** Fills `out`. False: there was nothing, and it is zeros. */
  pull(out: Int16Array, atMs: number): boolean {
    const lengthMs = (out.length * 1000) / this.options.outRate;
    const step = this.nominal * (1 + this.correction());
    if (this.level === undefined) {
      if (!this.mayStart(out.length, step, lengthMs, atMs)) {
        out.fill(0);
        this.countMissing(lengthMs, atMs);
        return false;
      }
      this.level = this.smoothLevel(atMs) - lengthMs;
      this.fadingIn = this.fade;
    }
    const available = this.resampler.available(step);
    if (available < out.length) {
      this.runDry(out, available, step, atMs);
      return available > 0;
    }
    const skip = this.excess(out.length, step, lengthMs, atMs);
    this.read(out, out.length, step, skip);
    this.control(lengthMs, atMs);
    return true;
  }

  /** The other side begins anew (another device): what it was like is forgotten, the counters stay. */
  restart(): void {
    this.resampler.clear();
    this.line = undefined;
    this.level = undefined;
    this.integral = 0;
    this.steadyMs = 0;
    this.gap = 0;
    this.hurry = 0;
  }

  private correction(): number {
    if (this.level === undefined) return this.integral;
    const error = (this.level - this.targetMs) / 1000;
    return this.integral + Math.max(-MAX_HURRY, Math.min(MAX_HURRY, PROPORTIONAL * error));
  }

  /** What waits, and what must have been recorded since the last push. */
  private smoothLevel(atMs: number): number {
    const since = this.line === undefined ? 0 : atMs - this.line;
    return this.queueMs + Math.min(since, this.gap);
  }

  private mayStart(length: number, step: number, lengthMs: number, atMs: number): boolean {
    return this.line !== undefined && this.resampler.available(step) >= length && this.smoothLevel(atMs) - lengthMs >= this.targetMs;
  }

  private control(lengthMs: number, atMs: number): void {
    const now = this.smoothLevel(atMs);
    const level = this.level as number;
    this.forget(atMs);
    this.hurry = Math.max(this.hurry, Math.min(STALL_MS, level - now));
    const weight = Math.min(1, lengthMs / LEVEL_MS);
    this.level = level + (Math.max(level - STALL_MS, Math.min(level + STALL_MS, now)) - level) * weight;
    const error = (this.level - this.targetMs) / 1000;
    // While the proportional part is at its limit the integral would wind up
    if (Math.abs(PROPORTIONAL * error) < MAX_HURRY) this.integral = Math.max(-MAX_DRIFT, Math.min(MAX_DRIFT, this.integral + (INTEGRAL * error * lengthMs) / 1000));
    this.steadyMs += lengthMs;
  }

  private forget(atMs: number): void {
    const keep = Math.exp(-Math.max(0, Math.min(1000, atMs - this.lastForget)) / FORGET_MS);
    this.lastForget = atMs;
    this.gap *= keep;
    this.hurry *= keep;
  }

  private countMissing(ms: number, atMs: number): void {
    if (this.line !== undefined && atMs - this.lastPush < this.idleAfterMs) this.missingMs += ms;
  }

  private runDry(out: Int16Array, available: number, step: number, atMs: number): void {
    this.read(out, available, step, 0);
    const fade = Math.min(available, this.fade);
    for (let i = 0; i < fade; i++) out[available - 1 - i] = ((out[available - 1 - i] as number) * i) / fade;
    out.fill(0, available);
    this.countMissing(((out.length - available) * 1000) / this.options.outRate, atMs);
    this.level = undefined;
    this.steadyMs = 0;
  }

  /** Samples of the input to leave out in this pull. */
  private excess(length: number, step: number, lengthMs: number, atMs: number): number {
    const tooMuch = this.smoothLevel(atMs) - lengthMs - this.targetMs;
    if (tooMuch < QUIET_EXCESS_MS + this.hurry || length < this.fade) return 0;
    // A pull that comes late finds more, too: what is left out must be there, and more than this one will not need it
    const spare = this.resampler.waiting - (length + 1) * step - 1;
    const samples = Math.max(0, Math.min(spare, ((tooMuch - this.hurry) * this.options.inRate) / 1000));
    return tooMuch >= EXCESS_MS + this.hurry || this.resampler.peak(samples + this.fade * step) < QUIET_PEAK ? samples : 0;
  }

  private leaveOut(ms: number): void {
    this.resampler.advance((ms * this.options.inRate) / 1000);
    this.droppedMs += ms;
  }

  private read(out: Int16Array, length: number, step: number, skip: number): void {
    const { resampler } = this;
    for (let i = 0; i < length; i++) {
      let value = resampler.at();
      if (skip > 0 && i < this.fade) value += ((resampler.at(skip) - value) * i) / this.fade;
      resampler.advance(step);
      if (skip > 0 && i === this.fade - 1) {
        const ms = (skip * 1000) / this.options.inRate;
        this.leaveOut(ms);
        this.level = this.level === undefined ? undefined : Math.min(this.level, this.targetMs);
      }
      if (this.fadingIn > 0) value *= 1 - this.fadingIn-- / this.fade;
      out[i] = value >= 32767 ? 32767 : value <= -32768 ? -32768 : Math.round(value);
    }
  }
}
