/**
 * ITU-T G.711: µ-law and A-law, one octet a sample at 8 kHz (RFC 3551 §4.5.14).
 *
 * Both are a sign, a segment of three bits and a step of four. The tables are made once, when first wanted, from the segments' definition.
 * On the line µ-law has all bits inverted and A-law every second one (0x55), so that silence is full of edges for a clock to follow.
 *
 *   µ-law, 14 bits: 2·(step + 16.5)·2^segment − 33; silence is 0xFF, and 0x7F the other zero
 *   A-law, 12 bits and a half: step + 0.5 in segment 0, (step + 16.5)·2^(segment−1) above; no zero: 0xD5 is +0.5, 0x55 is −0.5
 *
 * A sample exactly between two codes belongs to the more positive one, as in the ITU's own software (G.191): numbers are cut with an
 * arithmetic shift, which makes the halves mirror images in one's complement. Code 0x00 of µ-law is sent like any other; replacing it by
 * 0x02, for lines that cannot carry eight zeros, is an option of G.711 that packets have no use for.
 */
import type { Codec, CodecName, CodecOptions, Decoder, Encoder } from '../frame';

const RATE = 8000;
/** 120 ms: what a decoder's `out` has room for. */
const MAX_OCTETS = 960;
const PTIMES: readonly number[] = [10, 20, 30, 40, 50, 60];

interface Law {
  /** Code to 16 bit sample. */
  readonly linear: Int16Array;
  /** Sample, cut by `shift` and moved up by `offset`, to code. */
  readonly code: Uint8Array;
  readonly shift: number;
  readonly offset: number;
}

/** `magnitude` (no sign) of a code's low seven bits, in units of the law's own word; `codeOf` the other way. */
function makeLaw(bits: number, inverted: number, magnitude: (low: number) => number, codeOf: (magnitude: number) => number): Law {
  const shift = 16 - bits;
  const offset = 1 << (bits - 1);
  const linear = new Int16Array(256);
  for (let octet = 0; octet < 256; octet++) {
    const code = octet ^ inverted;
    const value = magnitude(code & 0x7f) * (1 << shift);
    linear[octet] = (code & 0x80) !== 0 ? value : -value;
  }
  const code = new Uint8Array(2 * offset);
  for (let i = 0; i < code.length; i++) {
    const value = i - offset;
    code[i] = (value >= 0 ? 0x80 | codeOf(value) : codeOf(~value)) ^ inverted;
  }
  return { linear, code, shift, offset };
}

/** Table 2 of G.711, without its sign bit's inversion: here 0x80 is plus in both laws until `inverted` is applied. */
const makeUlaw = (): Law =>
  makeLaw(
    14,
    0x7f,
    (low) => ((2 * (low & 0x0f) + 33) << (low >> 4)) - 33,
    (magnitude) => {
      const biased = Math.min(magnitude, 8158) + 33;
      const segment = 26 - Math.clz32(biased);
      return (segment << 4) | ((biased >> (segment + 1)) & 0x0f);
    },
  );

/** Table 1 of G.711. It counts in 13 bits, but a code stands for the middle of its interval, so that 12 are enough to choose one. */
const makeAlaw = (): Law =>
  makeLaw(
    12,
    0x55,
    (low) => (low >> 4 === 0 ? (low & 0x0f) + 0.5 : ((low & 0x0f) + 16.5) * 2 ** ((low >> 4) - 1)),
    (magnitude) => {
      const segment = magnitude < 32 ? magnitude >> 4 : 28 - Math.clz32(magnitude);
      return (segment << 4) | ((segment === 0 ? magnitude : magnitude >> (segment - 1)) & 0x0f);
    },
  );

let ulawTables: Law | undefined;
let alawTables: Law | undefined;
const ulaw = (): Law => (ulawTables ??= makeUlaw());
const alaw = (): Law => (alawTables ??= makeAlaw());

const decodeOne = (law: Law, octet: number): number => law.linear[octet & 0xff] as number;
const encodeOne = (law: Law, sample: number): number => law.code[(Math.max(-32768, Math.min(32767, sample)) >> law.shift) + law.offset] as number;

/** One octet to a sample of 16 bits. Of anything wider the low eight bits count. */
export const ulawToLinear = (octet: number): number => decodeOne(ulaw(), octet);
export const alawToLinear = (octet: number): number => decodeOne(alaw(), octet);

/** One sample of 16 bits to an octet; what is beyond 16 bits clips. */
export const linearToUlaw = (sample: number): number => encodeOne(ulaw(), sample);
export const linearToAlaw = (sample: number): number => encodeOne(alaw(), sample);

function decodeAll(law: Law, octets: Uint8Array, length: number, out: Int16Array, at: number): void {
  const linear = law.linear;
  for (let i = 0; i < length; i++) out[at + i] = linear[octets[i] as number] as number;
}

function encodeAll(law: Law, pcm: Int16Array, length: number, out: Uint8Array, at: number): void {
  const { code, shift, offset } = law;
  for (let i = 0; i < length; i++) out[at + i] = code[((pcm[i] as number) >> shift) + offset] as number;
}

/** The first `length` octets to samples in `out`, from index `at` on. As many as there is room for: the caller has seen to that. */
export const decodeUlaw = (octets: Uint8Array, length: number, out: Int16Array, at = 0): void => decodeAll(ulaw(), octets, length, out, at);
export const decodeAlaw = (octets: Uint8Array, length: number, out: Int16Array, at = 0): void => decodeAll(alaw(), octets, length, out, at);

/** The first `length` samples to octets in `out`, from index `at` on. */
export const encodeUlaw = (pcm: Int16Array, length: number, out: Uint8Array, at = 0): void => encodeAll(ulaw(), pcm, length, out, at);
export const encodeAlaw = (pcm: Int16Array, length: number, out: Uint8Array, at = 0): void => encodeAll(alaw(), pcm, length, out, at);

class G711Decoder implements Decoder {
  readonly sampleRate = RATE;
  readonly conceals = false;
  readonly recovers = false;

  constructor(private readonly law: Law) {}

  samplesIn(payload: Uint8Array, length: number): number {
    return length > 0 && length <= MAX_OCTETS && length <= payload.length ? Math.trunc(length) : 0;
  }

  decode(payload: Uint8Array, length: number, out: Int16Array): number {
    const samples = this.samplesIn(payload, length);
    if (samples > out.length) return 0;
    decodeAll(this.law, payload, samples, out, 0);
    return samples;
  }

  recover(): number {
    return 0;
  }

  conceal(): number {
    return 0;
  }

  reset(): void {}
  close(): void {}
}

class G711Encoder implements Encoder {
  readonly sampleRate = RATE;

  constructor(
    private readonly law: Law,
    private readonly name: CodecName,
  ) {}

  encode(pcm: Int16Array, out: Uint8Array): number {
    const samples = pcm.length;
    if (samples === 0 || samples % 80 !== 0 || samples > 480) throw new RangeError(`${this.name} takes 10 to 60 ms in steps of 10: ${samples} samples are none of these (80 each)`);
    if (out.length < samples) throw new RangeError(`${this.name} needs ${samples} octets to write to, there are ${out.length}`);
    encodeAll(this.law, pcm, samples, out, 0);
    return samples;
  }

  lossReported(): void {}
  reset(): void {}
  close(): void {}
}

function need8k(name: CodecName, { sampleRate }: CodecOptions): void {
  if (sampleRate !== RATE) throw new RangeError(`${name} is sound of 8000 Hz, not ${sampleRate}`);
}

const g711 = (name: CodecName, law: () => Law): Codec => ({
  name,
  clockRate: RATE,
  rates: [RATE],
  bandwidth: RATE,
  cost: { encode: 0.4, decode: 0.4 },
  ptimes: PTIMES,
  decoder: (options) => {
    need8k(name, options);
    return new G711Decoder(law());
  },
  encoder: (options) => {
    need8k(name, options);
    return new G711Encoder(law(), name);
  },
});

export const pcmu: Codec = g711('PCMU', ulaw);
export const pcma: Codec = g711('PCMA', alaw);
