/**
 * What is played in place of the microphone is, like the microphone, not heard while its call is on hold, and time goes on meanwhile. (What is
 * begun while the call is on hold is for whoever waits there, and is heard.)
 */
import type { SampleRate } from '../../../media/frame';
import type { PortPlayer } from '../../../media/port/port';

export class Hushable implements PortPlayer {
  private gain = 1;

  constructor(
    private readonly voice: PortPlayer,
    public hushed = false,
  ) {}

  setSampleRate(rate: SampleRate): void {
    this.voice.setSampleRate(rate);
  }

  /** Down and up across a frame, so that it does not click. */
  read(out: Int16Array): boolean {
    const sounding = this.voice.read(out);
    const to = this.hushed ? 0 : 1;
    if (to === 1 && this.gain === 1) return sounding;
    const step = (to - this.gain) / out.length;
    for (let i = 0; i < out.length; i++) out[i] = out[i]! * (this.gain + step * i);
    this.gain = to;
    return sounding && !(to === 0 && step === 0);
  }

  get done(): boolean {
    return this.voice.done;
  }

  stop(): void {
    this.voice.stop();
  }
}
