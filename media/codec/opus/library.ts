/**
 * A libopus, however it was reached: `libopus.ts` calls its C functions, `binding.ts` and `wasm.ts` go through packages around it. What these
 * cannot do is declared by `ability`; `encoder.ts` and `decoder.ts` make codecs of any of them.
 */

/**
 * libopus: everything, recovery from in-band FEC included · binding: the package @discordjs/opus alone, no recovery · wasm: the package
 * opusscript, which needs no compiler; slower, no recovery.
 */
export type OpusAbility = 'libopus' | 'binding' | 'wasm';

export interface Library {
  readonly ability: OpusAbility;
  /** For VoIP; rate and channels are legal ones. Errors: `Error` when there is no memory for another. */
  encoder(sampleRate: number, channels: number): RawEncoder;
  decoder(sampleRate: number, channels: number): RawDecoder;
}

export interface RawEncoder {
  /** `samples` per channel, of a duration that Opus has: some ways of calling it end the process otherwise. Octets; negative: it failed. */
  encode(pcm: Int16Array, samples: number, out: Uint8Array): number;
  /** A setting (opus_defines.h), by number. */
  set(request: number, value: number): void;
  reset(): void;
  /** Once. */
  close(): void;
}

export interface RawDecoder {
  /** Of a well-formed packet. `out` has room for `capacity` samples per channel. Samples per channel; negative: it failed. */
  decode(payload: Uint8Array, length: number, out: Int16Array, capacity: number): number;
  /** The `samples` before this packet, from it. Absent: not possible. */
  recover?(payload: Uint8Array, length: number, out: Int16Array, samples: number): number;
  /** Goes on without a packet for `samples`, a multiple of 2.5 ms. Absent: an empty packet does it. */
  conceal?(out: Int16Array, samples: number): number;
  reset(): void;
  close(): void;
}

/** Requests of opus_defines.h, and the values we use. */
export const SET = {
  APPLICATION: 4000,
  BITRATE: 4002,
  MAX_BANDWIDTH: 4004,
  VBR: 4006,
  COMPLEXITY: 4010,
  INBAND_FEC: 4012,
  PACKET_LOSS_PERC: 4014,
  DTX: 4016,
  RESET_STATE: 4028,
} as const;
export const APPLICATION_VOIP = 2048;
