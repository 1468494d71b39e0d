/** A stream's encoder over any of the libraries: mono speech, set up by the far end's format parameters, spending more when packets get lost. */
import type { Encoder, SampleRate } from '../../frame';
import { encoderSettings, type EncoderSettings } from './fmtp';
import { SET, type Library, type RawEncoder } from './library';

/** ms */
export const PTIMES = [10, 20, 40, 60] as const;

/** Up to so many octets a packet says only that nobody speaks (opus_encode, "DTX"). */
const DTX_BYTES = 2;
/** What one report says fades: a few reports without loss, and there are no more copies. */
const FADE = 0.7;
const NO_LOSS = 0.005;

/** The load decides for all encoders of this thread; each follows at its next frame. */
export class Complexity {
  /** 0 to 10. */
  value = 9;
}

export class OpusEncoder implements Encoder {
  private readonly raw: RawEncoder;
  private readonly settings: EncoderSettings;
  private complexity = -1;
  private loss = 0;
  private closed = false;

  constructor(
    library: Library,
    readonly sampleRate: SampleRate,
    fmtp: string | undefined,
    private readonly wanted: Complexity,
  ) {
    this.settings = encoderSettings(sampleRate, fmtp);
    this.raw = library.encoder(sampleRate, 1);
    this.raw.set(SET.VBR, this.settings.cbr ? 0 : 1);
    this.raw.set(SET.DTX, this.settings.dtx ? 1 : 0);
    this.raw.set(SET.INBAND_FEC, this.settings.fec ? 1 : 0);
    this.raw.set(SET.MAX_BANDWIDTH, this.settings.maxBandwidth);
    this.applyLoss();
  }

  encode(pcm: Int16Array, out: Uint8Array): number {
    const ms = (pcm.length * 1000) / this.sampleRate;
    // Through @discordjs/opus, another length would end the process.
    if (ms !== 20 && !(PTIMES as readonly number[]).includes(ms)) throw new RangeError(`Opus has no packets of ${ms} ms (${pcm.length} samples).`);
    if (this.complexity !== this.wanted.value) {
      this.complexity = this.wanted.value;
      this.raw.set(SET.COMPLEXITY, this.complexity);
    }
    const length = this.raw.encode(pcm, pcm.length, out);
    return length < 0 || (this.settings.dtx && length <= DTX_BYTES) ? 0 : length;
  }

  /** More loss counts at once, less of it only when it lasts: a report speaks of five seconds. */
  lossReported(fraction: number): void {
    const now = Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
    const before = this.loss;
    this.loss = Math.max(now, before * FADE);
    if (this.loss < NO_LOSS) this.loss = 0;
    if (this.loss !== before) this.applyLoss();
  }

  reset(): void {
    this.raw.reset();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.raw.close();
  }

  private applyLoss(): void {
    const copies = this.settings.fec && this.loss > 0;
    this.raw.set(SET.BITRATE, copies ? this.settings.maxBitrate : this.settings.bitrate);
    this.raw.set(SET.PACKET_LOSS_PERC, Math.ceil(this.loss * 100));
  }
}
