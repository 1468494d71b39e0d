/**
 * Sound from one rate to another: a windowed sinc, cut into phases, frame by frame without a seam.
 *
 *   in ──► line of past samples ──► · phase 0 ─┐
 *                                   · phase 1 ─┼──► out      `up` phases; from one output to the next the position moves by down/up
 *                                   · …       ─┘
 *
 * The filter is the same for all pairs, measured in samples of the lower of the two rates: 22 to either side, Kaiser window. At 8 kHz:
 * flat within 0.4 dB to 3.4 kHz, 64 dB down from 4 kHz on, and 2.75 ms late (1.375 ms at 16 kHz). A longer one would be later, and a
 * recursive one shorter but with a phase of its own; a half-band filter, at half the work, would let 4 kHz alias.
 *
 * Rates with a common measure so small that their phases would fill megabytes (11,111 Hz to 48 kHz) are given 1,024 phases and each output
 * the nearest: its error is 60 dB below a tone at the top of the band.
 */
import { windowedSinc, type SincShape } from '../windowed-sinc';

/** Half of the filter, in samples of the lower rate. */
const HALF = 22;
const KAISER_BETA = 6.2;
/** Where it is 6 dB down, as a part of the lower rate's half. */
const CUTOFF = 0.91;
const MAX_PHASES = 1024;
/** Input that is taken in at once. */
const BLOCK = 960;
const CACHED_FILTERS = 16;

export const MIN_RATE = 4000;
export const MAX_RATE = 192000;

interface Filter {
  /** Phase by phase, the tap of the oldest sample first. */
  readonly taps: Float64Array;
  /** Of one phase; a multiple of four. */
  readonly length: number;
  readonly phases: number;
}

const SHAPE: SincShape = { half: HALF, kaiserBeta: KAISER_BETA, cutoff: CUTOFF };

function makeFilter(up: number, down: number): Filter {
  const stretch = Math.max(1, down / up);
  const length = 4 * Math.ceil((2 * HALF * stretch) / 4);
  const phases = Math.min(up, MAX_PHASES);
  const centre = phases === up ? 0 : 0.5;
  const taps = new Float64Array(phases * length);
  for (let phase = 0; phase < phases; phase++) {
    const late = (phase + centre) / phases;
    let sum = 0;
    for (let age = 0; age < length; age++) {
      const tap = windowedSinc((late + age) / stretch - HALF, SHAPE);
      taps[phase * length + length - 1 - age] = tap;
      sum += tap;
    }
    // Every phase passes a constant unchanged: else the differences would be a tone
    for (let i = 0; i < length; i++) taps[phase * length + i] = (taps[phase * length + i] as number) / sum;
  }
  return { taps, length, phases };
}

const filters = new Map<string, Filter>();

/** One filter for all streams of the same ratio; the least recently made gives way. */
function filterFor(up: number, down: number): Filter {
  const key = `${up}/${down}`;
  const known = filters.get(key);
  if (known) return known;
  const filter = makeFilter(up, down);
  if (filters.size >= CACHED_FILTERS) filters.delete(filters.keys().next().value as string);
  filters.set(key, filter);
  return filter;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

export class Resampler {
  /** How late the output is, ms. */
  readonly delayMs: number;
  private readonly up: number;
  private readonly down: number;
  private readonly filter: Filter | undefined;
  /** The last samples of the block before, then a block. */
  private readonly line: Float64Array;
  /** Where the next output is: in whole samples of the input from the start of the next one, and parts of `up`. */
  private whole = 0;
  private part = 0;

  /**
   * From `from` Hz to `to` Hz, one stream. With equal rates it copies.
   * Errors: `RangeError` unless both are whole numbers from 4,000 to 192,000.
   */
  constructor(
    readonly from: number,
    readonly to: number,
  ) {
    for (const rate of [from, to]) {
      if (!Number.isInteger(rate) || rate < MIN_RATE || rate > MAX_RATE) throw new RangeError(`sound of ${rate} Hz cannot be resampled; it takes whole rates from ${MIN_RATE} to ${MAX_RATE} Hz`);
    }
    const common = gcd(from, to);
    this.up = to / common;
    this.down = from / common;
    this.filter = from === to ? undefined : filterFor(this.up, this.down);
    this.delayMs = this.filter ? (1000 * HALF) / Math.min(from, to) : 0;
    this.line = new Float64Array(this.filter ? this.filter.length - 1 + BLOCK : 0);
  }

  /** How many samples the next `process` of so many will put out. A second's worth in is a second's worth out, and so is 20 ms's between 8, 16 and 48 kHz. */
  outputLength(inputLength: number): number {
    if (!this.filter) return inputLength;
    return Math.max(0, Math.ceil((inputLength * this.up - (this.whole * this.up + this.part)) / this.down));
  }

  /**
   * The first `inputLength` samples of `input` (any number), to `out`, which is another array. Returns the samples written.
   * Errors: `RangeError` when `out` has no room for `outputLength`, or `input` is shorter; nothing was taken then.
   */
  process(input: Int16Array, inputLength: number, out: Int16Array): number {
    const expected = this.outputLength(inputLength);
    if (inputLength > input.length || expected > out.length) {
      throw new RangeError(`${inputLength} samples of ${this.from} Hz make ${expected} of ${this.to} Hz; there are ${input.length}, and room for ${out.length}`);
    }
    if (!this.filter) {
      for (let i = 0; i < inputLength; i++) out[i] = input[i] as number;
      return inputLength;
    }
    let written = 0;
    for (let at = 0; at < inputLength; at += BLOCK) written = this.block(this.filter, input, at, Math.min(BLOCK, inputLength - at), out, written);
    return written;
  }

  private block(filter: Filter, input: Int16Array, at: number, length: number, out: Int16Array, written: number): number {
    const { line, up, down } = this;
    const { taps, phases } = filter;
    const past = filter.length - 1;
    for (let i = 0; i < length; i++) line[past + i] = input[at + i] as number;

    const wholeStep = Math.floor(down / up);
    const partStep = down % up;
    const exact = phases === up;
    let { whole, part } = this;
    while (whole < length) {
      const from = (exact ? part : Math.floor((part * phases) / up)) * filter.length;
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      for (let i = 0; i <= past; i += 4) {
        a += (line[whole + i] as number) * (taps[from + i] as number);
        b += (line[whole + i + 1] as number) * (taps[from + i + 1] as number);
        c += (line[whole + i + 2] as number) * (taps[from + i + 2] as number);
        d += (line[whole + i + 3] as number) * (taps[from + i + 3] as number);
      }
      const sample = a + c + (b + d);
      // Rounded with a floor: adding the offset first keeps halves from leaning towards zero
      out[written++] = sample >= 32767 ? 32767 : sample <= -32768 ? -32768 : ((sample + 32768.5) | 0) - 32768;
      whole += wholeStep;
      part += partStep;
      if (part >= up) {
        part -= up;
        whole++;
      }
    }
    this.whole = whole - length;
    this.part = part;
    line.copyWithin(0, length, length + past);
    return written;
  }

  /** Forgets the stream. */
  reset(): void {
    this.line.fill(0);
    this.whole = 0;
    this.part = 0;
  }
}
