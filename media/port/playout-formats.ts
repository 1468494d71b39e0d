/** What payload types mean to one party's receive side: a codec each, and its decoder and resampler once a packet of it came. */
import { Resampler } from '../audio/resample';
import type { Codec, Decoder, SampleRate } from '../frame';

const TYPES = 128;

export interface PlayoutFormat {
  payloadType: number;
  /** RTP clock, Hz. */
  clockRate: number;
  codec: Codec;
  fmtp?: string | undefined;
}

export interface Format {
  readonly given: PlayoutFormat;
  decoder: Decoder | null;
  /** From the decoder's rate to the reader's; null: they are the same. */
  resampler: Resampler | null;
  /** It could not be made. */
  broken: boolean;
}

export class Formats {
  /** What is being decoded. */
  current: Format | null = null;
  /** RFC 3389's payload type; -1: none. */
  noiseType = -1;
  private readonly all: Array<Format | null> = new Array<Format | null>(TYPES).fill(null);

  constructor(private rate: SampleRate) {}

  /** Formats that stay as they are keep their decoder. */
  set(formats: readonly PlayoutFormat[], noiseType: number | null): void {
    const kept = new Set<number>();
    for (const given of formats) {
      if (given.payloadType < 0 || given.payloadType >= TYPES) throw new RangeError(`RTP has payload types 0 to 127, not ${given.payloadType}.`);
      const old = this.all[given.payloadType];
      kept.add(given.payloadType);
      if (old && old.given.codec === given.codec && old.given.fmtp === given.fmtp && old.given.clockRate === given.clockRate) continue;
      this.forget(given.payloadType);
      this.all[given.payloadType] = { given, decoder: null, resampler: null, broken: false };
    }
    for (let type = 0; type < TYPES; type++) if (!kept.has(type)) this.forget(type);
    this.noiseType = noiseType ?? -1;
  }

  of(payloadType: number): Format | null {
    return this.all[payloadType] ?? null;
  }

  /** The one that is decoded, or else any. */
  get likely(): Format | null {
    return this.current ?? this.all.find((format) => format !== null) ?? null;
  }

  /** Whether packets of that type describe noise. */
  isNoise(payloadType: number): boolean {
    return payloadType === this.noiseType && this.all[payloadType] === null;
  }

  /** Made on first use, at the reader's rate when the codec has it. null: it cannot be made. */
  decoderOf(format: Format): Decoder | null {
    if (format.decoder !== null || format.broken) return format.decoder;
    const { codec, fmtp } = format.given;
    try {
      format.decoder = codec.decoder({ sampleRate: nearestRate(codec.rates, this.rate), fmtp });
    } catch {
      // Its packets are counted as undecodable; whether a codec loads at all was said when it was registered.
      format.broken = true;
      return null;
    }
    this.connect(format);
    return format.decoder;
  }

  /** A resampler that has heard nothing yet, where one is needed. */
  connect(format: Format): void {
    const from = format.decoder?.sampleRate ?? this.rate;
    format.resampler = from === this.rate ? null : new Resampler(from, this.rate);
  }

  /** The reader's rate is another one; decoders stay at theirs until they are next made. */
  setRate(rate: SampleRate): void {
    this.rate = rate;
    for (const format of this.all) if (format?.decoder) this.connect(format);
  }

  /** Idempotent. */
  close(): void {
    for (let type = 0; type < TYPES; type++) this.forget(type);
    this.noiseType = -1;
  }

  private forget(payloadType: number): void {
    const format = this.all[payloadType];
    if (!format) return;
    this.all[payloadType] = null;
    format.decoder?.close();
    format.decoder = null;
    if (this.current === format) this.current = null;
  }
}

/** The lowest rate that loses nothing of `wanted`, or the codec's best. */
function nearestRate(rates: readonly SampleRate[], wanted: SampleRate): SampleRate {
  return rates.find((rate) => rate >= wanted) ?? (rates[rates.length - 1] as SampleRate);
}
