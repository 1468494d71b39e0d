/** A stream's encoder over any of the libraries: mono speech, set up by the far end's format parameters, spending what the network can do with. */
import type { Encoder, SampleRate } from '../../frame';
import { encoderSettings, type EncoderSettings } from './fmtp';
import { SET, type Library, type RawEncoder } from './library';
import { OpusRate } from './rate';

/** ms */
export const PTIMES = [10, 20, 40, 60] as const;

/** Up to so many octets a packet says only that nobody speaks (opus_encode, "DTX"). */
const DTX_BYTES = 2;

/** The load decides for all encoders of this thread; each follows at its next frame. */
export class Complexity {
  /** 0 to 10. */
  value = 9;
}

export class OpusEncoder implements Encoder {
  private readonly raw: RawEncoder;
  private readonly settings: EncoderSettings;
  private complexity = -1;
  private readonly rate: OpusRate;
  private bitrate = 0;
  private lossPercent = -1;
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
    this.rate = new OpusRate(this.settings);
    this.applyRate();
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

  lossReported(fraction: number, rttMs: number | null = null): void {
    this.rate.reported(fraction, rttMs);
    this.applyRate();
  }

  reset(): void {
    this.raw.reset();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.raw.close();
  }

  private applyRate(): void {
    const { bitrate, lossPercent } = this.rate;
    if (bitrate !== this.bitrate) this.raw.set(SET.BITRATE, (this.bitrate = bitrate));
    if (lossPercent !== this.lossPercent) this.raw.set(SET.PACKET_LOSS_PERC, (this.lossPercent = lossPercent));
  }
}
