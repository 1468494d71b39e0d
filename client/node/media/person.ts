/**
 * The person at this phone, as one of those who are mixed: what it says comes from the microphone, what the others say goes to its speaker.
 *
 *   device.capture ─► Microphone (gain, noise) ─► resample ─► pull ─► mix
 *   mix ─► push ─► resample ─► + local tone ─► + sidetone ─► gain ─► device.play
 *
 * Both run in the tick that sends: captured sound leaves with the tick that took it. Of its own this path is late by the filters of the resamplers
 * only: 2.75 ms where the call runs at 8 kHz, 1.4 at 16, none at 48. Nothing is allocated in a tick.
 */
import { levelOf, SILENCE_DBOV } from '../../../media/audio/level';
import { Resampler } from '../../../media/audio/resample';
import { Tone } from '../../../media/audio/tones';
import { frameSamples, type SampleRate } from '../../../media/frame';
import type { Party } from '../../../media/node/mixer';
import { DEVICE_FRAME, DEVICE_RATE, type AudioDevice } from '../audio/device';
import type { LocalTone } from './hub-types';
import { localTonePattern } from './local-tone-patterns';

/** `microphone/microphone.ts`; and what tests put in its place. */
export interface MicrophoneStage {
  process(frame: Int16Array): void;
  /** dBov of the last frame after all. */
  readonly level: number;
}

export class Person implements Party {
  readonly id = 'person';
  device: AudioDevice | undefined;
  /** Linear. */
  outputGain = 1;
  /** Linear; 0: none. */
  sidetone = 0;
  inputLevel = SILENCE_DBOV;
  outputLevel = SILENCE_DBOV;
  private rate: SampleRate = 8000;
  private readonly captured = new Int16Array(DEVICE_FRAME);
  private readonly heard = new Int16Array(DEVICE_FRAME);
  private readonly toneFrame = new Int16Array(DEVICE_FRAME);
  private fromMicrophone: Resampler | undefined;
  private toSpeaker: Resampler | undefined;
  private sounding = false;
  private playing: { name: LocalTone; tone: Tone } | undefined;

  constructor(
    private readonly microphone: MicrophoneStage,
    private readonly toneCountry: string | undefined,
  ) {}

  /** Also without a device: a call of its own is then as wide as its codec, for whoever plays and records there. */
  readonly bandwidth: SampleRate = DEVICE_RATE;

  setRate(rate: SampleRate): void {
    if (rate === this.rate) return;
    this.rate = rate;
    this.fromMicrophone = rate === DEVICE_RATE ? undefined : new Resampler(DEVICE_RATE, rate);
    this.toSpeaker = rate === DEVICE_RATE ? undefined : new Resampler(rate, DEVICE_RATE);
  }

  /** null: silence. */
  tone(name: LocalTone | null): void {
    if (name === (this.playing?.name ?? null)) return;
    this.playing = name === null ? undefined : { name, tone: new Tone(localTonePattern(name, this.toneCountry), DEVICE_RATE) };
  }

  pull(out: Int16Array): boolean {
    const { captured, device } = this;
    this.sounding = device !== undefined && device.capture(captured);
    if (device === undefined) {
      this.inputLevel = SILENCE_DBOV;
      out.fill(0);
      return false;
    }
    // also what was not there: its filters go on, and what it still has to say is said
    this.microphone.process(captured);
    this.inputLevel = this.microphone.level;
    if (this.fromMicrophone) this.fromMicrophone.process(captured, DEVICE_FRAME, out);
    else out.set(captured);
    return true;
  }

  push(pcm: Int16Array | undefined): void {
    const { device, heard } = this;
    if (!device) {
      this.outputLevel = SILENCE_DBOV;
      return;
    }
    if (!pcm) heard.fill(0);
    else if (this.toSpeaker) this.toSpeaker.process(pcm, frameSamples(this.rate), heard);
    else heard.set(pcm);
    if (this.playing?.tone.read(this.toneFrame)) add(heard, this.toneFrame, 1);
    if (this.sidetone > 0 && this.sounding) add(heard, this.captured, this.sidetone);
    if (this.outputGain !== 1) for (let i = 0; i < heard.length; i++) heard[i] = clip(heard[i]! * this.outputGain);
    this.outputLevel = levelOf(heard);
    device.play(heard);
  }
}

function add(to: Int16Array, frame: Int16Array, gain: number): void {
  for (let i = 0; i < to.length; i++) to[i] = clip(to[i]! + frame[i]! * gain);
}

const clip = (value: number): number => (value > 32767 ? 32767 : value < -32768 ? -32768 : value);
