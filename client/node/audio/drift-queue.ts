/**
 * Sound between two clocks that do not agree: pushed by one, pulled by the other, as little waiting in between as their habits allow.
 *
 *   push(10 ms each, by the card's clock) ──► resampler ──► pull(20 ms each, by ours)
 *                                                ▲
 *        how far the reader lags, against how far it should ──┘  PI controller; its integral is the drift of the clocks
 *
 * The lag is not the number of samples that wait, which leaps with every block and turns over whenever the phase of the two sides does: it is how
 * long after a sample was made (by the line through all pushes, see `Cadence`) it is taken (by the line through all pulls). That is smooth.
 * It should be the length of a push, by how much pushes come late now and then, by how much pulls come early, and a little.
 *
 * Once it runs dry it fades out, gives silence, and waits until there is enough again; what is far too much (a burst after a stall) is left out
 * in a cross-fade, a little too much is worked off by speed, or left out where it is quiet. All times are arguments, in ms on one clock that never
 * goes back.
 */
import { Cadence } from './cadence';
import { VariableResampler } from './variable-resampler';

/** Beyond all that is needed. */
const GUARD_MS = 1;
/** Both sides are watched for so long before anything is heard: to begin with too little would be a stutter until that is known. */
const WATCH_MS = 250;
/** More than the lag that should be by this: left out at once. Less than that is worked off by speed. */
const EXCESS_MS = 30;
/** The same where nobody would hear it: below this peak. */
const QUIET_EXCESS_MS = 4;
const QUIET_PEAK = 100;
/** What is cut is cut in this time. */
const FADE_MS = 5;
/** 1 ms of a wrong lag is worked off with 200 ppm, so with a time constant of 5 s; the integral is damped critically. */
const PROPORTIONAL = 0.2;
const INTEGRAL = PROPORTIONAL ** 2 / 4;
/** A tenth of a semitone is 5,800 ppm. */
const MAX_HURRY = 0.004;
const MAX_DRIFT = 0.003;
/** The drift means something after so long without a break. */
const KNOWN_AFTER_MS = 30_000;
/** More never waits: nobody pulls. */
const CAPACITY_MS = 500;

const within = (limit: number, value: number): number => Math.max(-limit, Math.min(limit, value));

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
  private pushes = new Cadence(1);
  private pulls = new Cadence(-1);
  private pushMs = 0;
  private lastPush = 0;
  /** 'new': nothing was heard yet of this stream; 'dry': it broke off. */
  private state: 'new' | 'flowing' | 'dry' = 'new';
  /** It has flowed before, if not in this stream: what is not there is missed. */
  private used = false;
  private integral = 0;
  private hurry = 0;
  private steadyMs = 0;
  /** Samples of the output until it is as loud as it is. */
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

  /** The lag that is held, ms: what the queue adds to the way of the sound, the length of a push included. */
  get targetMs(): number {
    return this.pushMs + this.pushes.strayMs + this.pulls.strayMs + GUARD_MS;
  }

  /** By how much the pushing clock is faster than the pulling one. */
  get driftPpm(): number | null {
    return this.steadyMs < KNOWN_AFTER_MS ? null : this.integral * 1e6;
  }

  push(pcm: Int16Array, atMs: number): void {
    if (pcm.length === 0) return;
    const lengthMs = (pcm.length * 1000) / this.options.inRate;
    this.pushes.visit(atMs, lengthMs);
    // Blocks of several sizes: by the usual ones
    this.pushMs = this.pushMs === 0 ? lengthMs : this.pushMs + (lengthMs - this.pushMs) * 0.05;
    this.lastPush = atMs;
    this.resampler.push(pcm);
    const tooMuch = this.queueMs - CAPACITY_MS;
    if (tooMuch > 0) this.leaveOut(tooMuch);
  }

  /** Fills `out`. False: there was nothing, and it is zeros. */
  pull(out: Int16Array, atMs: number): boolean {
    const lengthMs = (out.length * 1000) / this.options.outRate;
    this.pulls.visit(atMs, lengthMs);
    const step = this.nominal * (1 + this.integral + this.hurry);
    const available = this.resampler.available(step);
    let error = this.lagAfter(lengthMs) - this.targetMs;
    if (this.state !== 'flowing') {
      if (available < out.length || error < 0 || this.inDoubt || (this.state === 'new' && !this.isWatched(atMs))) {
        out.fill(0);
        this.countMissing(lengthMs, atMs);
        return false;
      }
      // Nobody has heard anything of this stream: it begins where it shall stay
      if (this.state === 'new') {
        this.resampler.advance(Math.min(this.spare(out.length, step), this.samples(error)));
        error = this.lagAfter(lengthMs) - this.targetMs;
      }
      this.state = 'flowing';
      this.used = true;
      this.fadingIn = this.fade;
      this.steadyMs = 0;
    }
    if (available < out.length) {
      this.runDry(out, available, step, atMs);
      return available > 0;
    }
    this.read(out, out.length, step, this.excess(error, out.length, step));
    this.control(lengthMs);
    return true;
  }

  /** The pushing or the pulling side begins anew (another device): what it was like is forgotten, the counters stay. */
  restart(): void {
    this.resampler.clear();
    this.pushes = new Cadence(1);
    this.pulls = new Cadence(-1);
    this.pushMs = 0;
    this.state = 'new';
    this.integral = 0;
    this.hurry = 0;
    this.steadyMs = 0;
  }

  private isWatched(atMs: number): boolean {
    return this.pushes.watchedMs(atMs) >= WATCH_MS && this.pulls.watchedMs(atMs) >= WATCH_MS;
  }

  private get inDoubt(): boolean {
    return this.pushes.inDoubt || this.pulls.inDoubt;
  }

  /** Between the making of a sample and its taking, once so much more has been taken; ms. */
  private lagAfter(lengthMs: number): number {
    const { line: made } = this.pushes;
    const { line: taken } = this.pulls;
    return made === undefined || taken === undefined ? 0 : this.queueMs - lengthMs + taken - made;
  }

  private samples(ms: number): number {
    return (Math.max(0, ms) * this.options.inRate) / 1000;
  }

  /** What a pull of that length does not need. */
  private spare(length: number, step: number): number {
    return Math.max(0, this.resampler.waiting - (length + 1) * step - 1);
  }

  private control(lengthMs: number): void {
    this.steadyMs += lengthMs;
    if (this.inDoubt) return;
    const error = (this.lagAfter(0) - this.targetMs) / 1000;
    this.hurry = within(MAX_HURRY, PROPORTIONAL * error);
    // While the proportional part is at its limit the integral would wind up
    if (Math.abs(this.hurry) < MAX_HURRY) this.integral = within(MAX_DRIFT, this.integral + (INTEGRAL * error * lengthMs) / 1000);
  }

  private countMissing(ms: number, atMs: number): void {
    if (this.used && atMs - this.lastPush < this.idleAfterMs) this.missingMs += ms;
  }

  private runDry(out: Int16Array, available: number, step: number, atMs: number): void {
    this.read(out, available, step, 0);
    const fade = Math.min(available, this.fade);
    for (let i = 0; i < fade; i++) out[available - 1 - i] = ((out[available - 1 - i] as number) * i) / fade;
    out.fill(0, available);
    this.state = 'dry';
    this.steadyMs = 0;
    this.countMissing(((out.length - available) * 1000) / this.options.outRate, atMs);
  }

  /** Samples of the input to leave out in this pull. */
  private excess(error: number, length: number, step: number): number {
    if (error < QUIET_EXCESS_MS || length < this.fade || this.inDoubt) return 0;
    const samples = Math.min(this.spare(length, step), this.samples(error));
    return error >= EXCESS_MS || this.resampler.peak(samples + this.fade * step) < QUIET_PEAK ? samples : 0;
  }

  private leaveOut(ms: number): void {
    this.resampler.advance((ms * this.options.inRate) / 1000);
    this.droppedMs += ms;
  }

  private read(out: Int16Array, length: number, step: number, skip: number): void {
    const { resampler, fade } = this;
    for (let i = 0; i < length; i++) {
      let value = resampler.at();
      if (skip > 0 && i < fade) value += ((resampler.at(skip) - value) * i) / fade;
      resampler.advance(step);
      if (skip > 0 && i === fade - 1) this.leaveOut((skip * 1000) / this.options.inRate);
      if (this.fadingIn > 0) value *= 1 - this.fadingIn-- / fade;
      out[i] = value >= 32767 ? 32767 : value <= -32768 ? -32768 : ((value + 32768.5) | 0) - 32768;
    }
  }
}
