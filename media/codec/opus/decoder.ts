/** A stream's decoder over any of the libraries: mono out, whatever comes in. Only well-formed packets reach native code. */
import type { Decoder, SampleRate } from '../../frame';
import type { Library, RawDecoder } from './library';
import { frameUnits, nothingCame, packetUnits, repeatsTheOneBefore } from './packet';

const LONGEST_MS = 120;

export class OpusDecoder implements Decoder {
  readonly conceals = true;
  readonly recovers: boolean;
  private readonly raw: RawDecoder;
  /** Samples of 2.5 ms. */
  private readonly unit: number;
  /** Of the last packet; -1: none yet. */
  private toc = -1;
  private readonly empty = new Uint8Array(1);
  private closed = false;

  constructor(
    library: Library,
    readonly sampleRate: SampleRate,
  ) {
    this.raw = library.decoder(sampleRate, 1);
    this.recovers = this.raw.recover !== undefined;
    this.unit = sampleRate / 400;
  }

  samplesIn(payload: Uint8Array, length: number): number {
    return length <= payload.length ? packetUnits(payload, length) * this.unit : 0;
  }

  decode(payload: Uint8Array, length: number, out: Int16Array): number {
    const expected = this.samplesIn(payload, length);
    if (expected === 0 || expected > out.length) return 0;
    const samples = this.raw.decode(payload, length, out, out.length);
    if (samples <= 0) return 0;
    this.toc = payload[0]!;
    return samples;
  }

  /** Nothing when the packet has no copy of what went before: `conceal` is the honest word for what would come out. */
  recover(payload: Uint8Array, length: number, out: Int16Array, samples: number): number {
    if (!this.raw.recover || this.samplesIn(payload, length) === 0 || !repeatsTheOneBefore(payload, length)) return 0;
    // It tells of as much as its first frame plays; what was lost before that, the library conceals.
    if (!this.isLegal(samples, out) || samples < frameUnits(payload[0]!) * this.unit) return 0;
    const recovered = this.raw.recover(payload, length, out, samples);
    return recovered > 0 ? recovered : 0;
  }

  /** In multiples of 2.5 ms, where the library has no such function of 10 ms; at most 120 ms: it faded long before. */
  conceal(out: Int16Array, samples: number): number {
    if (this.toc < 0) return 0;
    const most = Math.min(samples, out.length, (this.sampleRate * LONGEST_MS) / 1000);
    if (!this.raw.conceal) return this.concealByEmptyPackets(out, most);
    const concealed = this.raw.conceal(out, most - (most % this.unit));
    return concealed > 0 ? concealed : 0;
  }

  reset(): void {
    this.raw.reset();
    this.toc = -1;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.raw.close();
  }

  private isLegal(samples: number, out: Int16Array): boolean {
    return samples > 0 && samples <= out.length && samples % this.unit === 0 && samples <= (this.sampleRate * LONGEST_MS) / 1000;
  }

  /** A packet without a frame in it (RFC 6716 §3.2.1: DTX) makes any decoder go on by itself for the duration that its first octet tells. */
  private concealByEmptyPackets(out: Int16Array, samples: number): number {
    let done = 0;
    while (samples - done >= 4 * this.unit) {
      this.empty[0] = nothingCame(this.toc, samples - done >= 8 * this.unit ? 20 : 10);
      const some = this.raw.decode(this.empty, 1, done === 0 ? out : out.subarray(done), out.length - done);
      if (some <= 0) break;
      done += some;
    }
    return done;
  }
}
