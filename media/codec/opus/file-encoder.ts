/** Opus for files: one or two channels, no copies, no pauses left out. What it makes is for an Ogg file (RFC 7845). */
import { SET, type Library, type RawEncoder } from './library';

/** bit/s for one and two channels. */
const BITRATE = [24_000, 40_000] as const;
/** What the encoder looks ahead and delays by: 2.5 ms and 4 ms (opus_encoder.c, "lookahead"), in samples at 48 kHz. A test measures it. */
const PRE_SKIP = 312;

export class OpusFileEncoder {
  /** Samples per channel of a packet: 20 ms. */
  readonly frameSamples: number;
  /** Samples at 48 kHz that a decoder is to throw away at the start (RFC 7845 §4.2). */
  readonly preSkip = PRE_SKIP;
  private readonly raw: RawEncoder;
  private closed = false;

  constructor(
    library: Library,
    readonly sampleRate: 8000 | 16000 | 48000,
    readonly channels: 1 | 2,
    complexity: number,
  ) {
    this.frameSamples = sampleRate / 50;
    this.raw = library.encoder(sampleRate, channels);
    for (const [request, value] of [
      [SET.BITRATE, BITRATE[channels - 1]!],
      [SET.VBR, 1],
      [SET.DTX, 0],
      [SET.INBAND_FEC, 0],
      [SET.PACKET_LOSS_PERC, 0],
      [SET.MAX_BANDWIDTH, 1105],
      [SET.COMPLEXITY, complexity],
    ] as const) {
      this.raw.set(request, value);
    }
  }

  /** 20 ms, interleaved. Octets written to `out` (1,276 suffice); negative: it failed. */
  encode(interleaved: Int16Array, out: Uint8Array): number {
    if (interleaved.length !== this.frameSamples * this.channels) throw new RangeError(`20 ms are wanted, not ${interleaved.length} samples.`);
    return this.raw.encode(interleaved, this.frameSamples, out);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.raw.close();
  }
}
