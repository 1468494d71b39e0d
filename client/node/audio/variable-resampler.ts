/**
 * Sound read at a speed that changes from sample to sample: a windowed sinc looked up at any position between two samples. The relative of
 * `media/audio/resample.ts`, whose ratio is fixed, for two clocks of which nobody knows the exact ratio.
 *
 *   push ──► │ past 16 │ · position ·  what was not read yet  │ ──► read(step)      one output each `step` samples of the input
 *
 * 32 taps (Kaiser window), 256 phases with a straight line between neighbours. A tone up to 8 kHz comes out 80 dB above what the
 * interpolation adds (see the tests), 16 samples late.
 */
import { windowedSinc } from '../../../media/windowed-sinc';

const HALF = 16;
const TAPS = 2 * HALF;
const PHASES = 256;
const KAISER_BETA = 8;
const CUTOFF = 0.92;

/** Phase by phase, one more than PHASES so that every phase has a next one. `band`: what is kept, as a part of the input's. */
function makeTable(band: number): Float64Array {
  const table = new Float64Array((PHASES + 1) * TAPS);
  const shape = { half: HALF, kaiserBeta: KAISER_BETA, cutoff: CUTOFF * band };
  for (let phase = 0; phase <= PHASES; phase++) {
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      const t = tap - (HALF - 1) - phase / PHASES;
      const value = windowedSinc(t, shape);
      table[phase * TAPS + tap] = value;
      sum += value;
    }
    for (let tap = 0; tap < TAPS; tap++) table[phase * TAPS + tap] = (table[phase * TAPS + tap] as number) / sum;
  }
  return table;
}

const tables = new Map<number, Float64Array>();

function tableFor(band: number): Float64Array {
  let table = tables.get(band);
  if (!table) tables.set(band, (table = makeTable(band)));
  return table;
}

export class VariableResampler {
  private readonly table: Float64Array;
  private readonly samples: Float64Array;
  /** Of `samples`: one past the newest. */
  private end = HALF;
  /** Of `samples`: where the next output lies. At least HALF - 1. */
  private position = HALF - 1;

  /** `step`: of the input to an output, when both clocks are right. `capacity`: samples that may wait. */
  constructor(step: number, capacity: number) {
    this.table = tableFor(Math.min(1, 1 / step));
    this.samples = new Float64Array(4 * TAPS + 2 * capacity);
  }

  /** Samples of the input that wait. */
  get waiting(): number {
    return Math.max(0, this.end - HALF - this.position);
  }

  /** How many outputs there are at that step. */
  available(step: number): number {
    return Math.max(0, Math.ceil((this.end - HALF - this.position) / step));
  }

  /** Takes over all of it. Whoever calls keeps `waiting` below the capacity; beyond it, the oldest is lost. */
  push(pcm: Int16Array): void {
    if (this.end + pcm.length > this.samples.length) this.makeRoom(pcm.length);
    for (let i = 0; i < pcm.length; i++) this.samples[this.end + i] = pcm[i] as number;
    this.end += pcm.length;
  }

  private makeRoom(length: number): void {
    const oldest = Math.max(Math.floor(this.position) - (HALF - 1), this.end + length - this.samples.length);
    this.samples.copyWithin(0, oldest, this.end);
    this.end -= oldest;
    this.position = Math.max(HALF - 1, this.position - oldest);
  }

  /** The next output; `available` said that there is one. `ahead`: looked up so many samples of the input further on, without moving there. */
  at(ahead = 0): number {
    const { samples, table } = this;
    const position = this.position + ahead;
    // Never negative: truncating is rounding down, and cheaper
    const whole = position | 0;
    const phase = (position - whole) * PHASES;
    const row = phase | 0;
    const part = phase - row;
    const low = row * TAPS;
    const from = whole - (HALF - 1);
    let here = 0;
    let next = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      const sample = samples[from + tap] as number;
      here += sample * (table[low + tap] as number);
      next += sample * (table[low + TAPS + tap] as number);
    }
    return here + part * (next - here);
  }

  /** The loudest of the next so many samples of the input. */
  peak(length: number): number {
    const from = Math.floor(this.position);
    const to = Math.min(this.end, from + Math.ceil(length));
    let peak = 0;
    for (let i = from; i < to; i++) peak = Math.max(peak, Math.abs(this.samples[i] as number));
    return peak;
  }

  /** On to the next. */
  advance(step: number): void {
    this.position += step;
  }

  /** Forgets all that waits. */
  clear(): void {
    this.samples.fill(0, 0, TAPS);
    this.end = HALF;
    this.position = HALF - 1;
  }
}
