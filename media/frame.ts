/**
 * The vocabulary of sound: everything in the media server is written in these words.
 *
 *   packet ─► Decoder ─► PCM ─► (conceal, resample, mix) ─► PCM ─► Encoder ─► packet
 *
 * PCM is mono, 16 bits signed, in Int16Arrays that belong to whoever made them: a callee fills or reads one until it returns and keeps
 * nothing of it. Sound moves in frames of 20 ms.
 */

export const FRAME_MS = 20;
export const FRAMES_PER_SECOND = 50;

/** Rates that sound has inside: what G.711, G.722 and Opus decode to without loss. Hz. */
export type SampleRate = 8000 | 16000 | 48000;

export const frameSamples = (rate: number): number => rate / FRAMES_PER_SECOND;

/** Somewhere that sound comes from. */
export interface Source {
  /** Fills all of `out` (one frame). False: there was nothing to hear, and `out` is zeros. */
  read(out: Int16Array): boolean;
}

/** Somewhere that sound goes to. */
export interface Sink {
  /** One frame. */
  write(pcm: Int16Array): void;
}

export type CodecName = 'PCMU' | 'PCMA' | 'G722' | 'opus';

/** One stream's decoder: it remembers what came before. Never throws on what a network may bring. */
export interface Decoder {
  /** Of what it puts out, Hz. */
  readonly sampleRate: SampleRate;
  /** Whether `conceal` can do better than the PCM domain, and `recover` may find something. Declared, not tried. */
  readonly conceals: boolean;
  readonly recovers: boolean;
  /** Samples, at `sampleRate`, that a payload decodes to, without decoding it; 0: it is not one of this codec. */
  samplesIn(payload: Uint8Array, length: number): number;
  /** Decodes the first `length` octets of `payload`. Returns the samples written to `out` (room for 120 ms), 0 when it cannot be decoded. */
  decode(payload: Uint8Array, length: number, out: Int16Array): number;
  /** The frame of `samples` before `payload`, from what that packet says about it (Opus in-band FEC). Returns the samples written, 0: nothing. */
  recover(payload: Uint8Array, length: number, out: Int16Array, samples: number): number;
  /** The decoder's own guess at the next `samples`. Returns the samples written; 0 when it has none. */
  conceal(out: Int16Array, samples: number): number;
  /** Forgets the stream. */
  reset(): void;
  /** Idempotent; afterwards nothing may be called. */
  close(): void;
}

export interface Encoder {
  /** Of what it takes, Hz. */
  readonly sampleRate: SampleRate;
  /**
   * `pcm` is the whole of one packet (`sampleRate * ptime`). Returns the octets written to `out` (1,500 suffice); 0: this packet need not be
   * sent (DTX). Errors: `RangeError` for a length that the codec does not have, before anything native sees it.
   */
  encode(pcm: Int16Array, out: Uint8Array): number;
  /** What the network is like, as the far end reports it (loss 0 to 1; round trip in ms, null: not known): a codec may spend more on recovery, less on all, or nothing at all. */
  lossReported(fraction: number, rttMs?: number | null): void;
  reset(): void;
  /** Idempotent. */
  close(): void;
}

export interface CodecOptions {
  /** One of `rates`. */
  sampleRate: SampleRate;
  /** The format parameters after `a=fmtp:<pt> ` of the description that rules this direction; undefined: none. */
  fmtp?: string | undefined;
}

/** What a codec is and can, and how to have one. */
export interface Codec {
  readonly name: CodecName;
  /** RTP clock, Hz. */
  readonly clockRate: number;
  /** PCM rates that it decodes to and encodes from by itself, rising. */
  readonly rates: readonly SampleRate[];
  /** The highest audio frequency it carries, times two: what is gained by handing it more. */
  readonly bandwidth: SampleRate;
  /** Microseconds for 20 ms on an ordinary core, for choosing the least costly way. */
  readonly cost: { readonly encode: number; readonly decode: number };
  /** Packet times it can be sent in, ms. */
  readonly ptimes: readonly number[];
  decoder(options: CodecOptions): Decoder;
  encoder(options: CodecOptions): Encoder;
}
