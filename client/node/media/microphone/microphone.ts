/**
 * What a microphone gives, made fit to be sent: noise taken out (if wished), louder or softer, never clipped.
 *
 *   frame (20 ms) ─► noise suppression ─► gain ─► limiter ─► level ─► calls
 *
 * Suppression comes first, since it was trained on sound as microphones give it, not on what a limiter left of that. It delays by
 * `latencyMs`; everything else delays nothing. Without suppression and at 0 dB a frame passes untouched, to the bit.
 */
import { levelOf, SILENCE_DBOV } from '../../../../media/audio/level';
import { Limiter } from './limiter';
import { BLOCK, DELAY_MS, loadDenoiser, type Denoiser } from './rnnoise';

/** 20 ms at 48 kHz. */
const FRAME = 960;
const LOUDEST_DB = 40;
/** Until what it puts out is filled with what came in: two frames. */
const WARM_FRAMES = 2;

export interface MicrophoneOptions {
  /** dB, -40 to 40; what is beyond counts as that. */
  gainDb: number;
  /** Where suppression comes from; default RNNoise. Errors: `Error` with a sentence. */
  load?: (() => Promise<Denoiser>) | undefined;
}

export class Microphone {
  private readonly load: () => Promise<Denoiser>;
  private readonly limiter = new Limiter();
  /** Of the last sample, and of the last sample of the next frame. */
  private gain: number;
  private wantedGain: number;
  private denoiser: Denoiser | undefined;
  /** Frames it has had; how much of it is heard after the last frame, 0 to 1. */
  private warm = 0;
  private share = 0;
  private wanted = false;
  /** Whoever asked last decides: an answer to an older question is not listened to. */
  private question = 0;
  private lastLevel = SILENCE_DBOV;
  private readonly sound = new Float32Array(FRAME);
  private readonly clean = new Float32Array(FRAME);
  private readonly blocks = [this.clean.subarray(0, BLOCK), this.clean.subarray(BLOCK)];

  constructor({ gainDb, load = loadDenoiser }: MicrophoneOptions) {
    this.load = load;
    this.wantedGain = this.gain = factor(gainDb);
  }

  /** dB, -40 to 40. Takes effect across the next frame. */
  setGain(db: number): void {
    this.wantedGain = factor(db);
  }

  /**
   * Resolves when it is in force, from one of the next frames on; at once when it is switched off. Errors: `Error` with a sentence for people,
   * and then it is off.
   */
  async setNoiseSuppression(on: boolean): Promise<void> {
    const question = ++this.question;
    if (!on) {
      this.wanted = false;
      return;
    }
    if (this.denoiser === undefined) {
      const denoiser = await this.load();
      if (question !== this.question) return;
      this.denoiser = denoiser;
      this.warm = 0;
    }
    this.wanted = true;
  }

  get noiseSuppression(): boolean {
    return this.wanted;
  }

  /** What it adds to the way from mouth to ear just now, ms. */
  get latencyMs(): number {
    return this.share > 0 ? DELAY_MS : 0;
  }

  /** dBov of the last frame after all, -127 to 0. */
  get level(): number {
    return this.lastLevel;
  }

  /** 20 ms at 48 kHz, in place. Errors: `RangeError` for another length. */
  process(frame: Int16Array): void {
    if (frame.length !== FRAME) throw new RangeError(`A frame of the microphone has ${FRAME} samples, not ${frame.length}.`);
    if (this.denoiser !== undefined || this.gain !== 1 || this.wantedGain !== 1 || !this.limiter.idle) this.change(frame);
    this.lastLevel = levelOf(frame);
  }

  private change(frame: Int16Array): void {
    const { sound } = this;
    sound.set(frame);
    if (this.denoiser !== undefined) this.suppress(this.denoiser);
    this.amplify();
    this.limiter.process(sound);
    for (let i = 0; i < FRAME; i++) frame[i] = clamp(Math.round(sound[i]!));
  }

  /** It is faded in and out across a frame; what it makes of the first frames is not heard. */
  private suppress(denoiser: Denoiser): void {
    const { sound, clean } = this;
    clean.set(sound);
    for (const block of this.blocks) denoiser.process(block);
    const to = this.wanted && this.warm >= WARM_FRAMES ? 1 : 0;
    this.warm++;
    const step = (to - this.share) / FRAME;
    for (let i = 0; i < FRAME; i++) {
      const share = this.share + step * (i + 1);
      sound[i] = sound[i]! * (1 - share) + clean[i]! * share;
    }
    this.share = to;
    if (!this.wanted) this.denoiser = undefined;
  }

  private amplify(): void {
    const { sound, gain } = this;
    const step = (this.wantedGain - gain) / FRAME;
    for (let i = 0; i < FRAME; i++) sound[i] = sound[i]! * (gain + step * (i + 1));
    this.gain = this.wantedGain;
  }
}

const factor = (db: number): number => 10 ** (Math.max(-LOUDEST_DB, Math.min(LOUDEST_DB, Number.isFinite(db) ? db : 0)) / 20);

const clamp = (value: number): number => (value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value);
