/**
 * ITU-T G.722 at 64 kbit/s (mode 1): 16 kHz sound in two halves, each coded by its own ADPCM. RFC 3551 §4.5.2: the RTP clock says 8 kHz.
 *
 *   16 kHz ─► QMF ─┬─ 0–4 kHz ─► 6 bit ADPCM ─┐
 *                  └─ 4–8 kHz ─► 2 bit ADPCM ─┴─► one octet for two samples: H H L L L L L L
 *
 * Bit-exact with the ITU's own software (G.191): everything is 16 bit saturating arithmetic as in clause 6.2 of the Recommendation, and the
 * comments name its blocks. Only the four upper bits of a lower code drive the adaptation, so that modes 2 and 3, which steal the other
 * two, would adapt alike; those modes never came to RTP.
 */
import type { Codec, CodecOptions, Decoder, Encoder } from '../frame';

const RATE = 16000;
/** 120 ms: what a decoder's `out` has room for. */
const MAX_OCTETS = 960;
const MAX_PACKET_SAMPLES = 960;
const PTIMES: readonly number[] = [10, 20, 30, 40, 50, 60];

/** QMF (table 11/G.722), the taps of even index; those of odd index are the same backwards, as the filter is symmetric. */
const QMF = Int32Array.of(3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11);
const QMF_TAPS = 12;
const QMF_PAST = QMF_TAPS - 1;

/** Decision levels of the 60 level quantizer (Q6, table 14), for a scale factor of 1; the last two catch all that is beyond. */
const DECISIONS = Int32Array.of(
  0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
);

/** Output levels of the 60, 15 and 4 level quantizers (QM6, QM4, QM2), by code. Codes 0–3 are never sent; a line may make them. */
const LEVELS_60 = Int32Array.of(
  -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
  -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
  24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
  4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
);
const LEVELS_15 = Int32Array.of(0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0);
const LEVELS_4 = Int32Array.of(-7408, -1616, 7408, 1616);

/** How a code moves the logarithm of its band's scale factor (WL by RL42; WH by RH2). */
const LOG_STEP_LOW = Int32Array.of(-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60);
const LOG_STEP_HIGH = Int32Array.of(798, -214, 798, -214);
const LOG_MAX_LOW = 18432;
const LOG_MAX_HIGH = 22528;

/** 2^(i/32) in 11 bits (ILB): the mantissa of a scale factor. */
const EXP2 = Int32Array.of(
  2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
  2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
);

/** Looked up once: where scripts run in a context of their own (tests), each look at a global is slow. */
const { imul } = Math;

const sat16 = (x: number): number => (x > 32767 ? 32767 : x < -32768 ? -32768 : x);
/** LIMIT: what is handed between a band and the QMF has 15 bits. */
const sat15 = (x: number): number => (x > 16383 ? 16383 : x < -16384 ? -16384 : x);

/** One band's adaptive predictor and scale factor; encoder and decoder keep identical ones. All in 16 bit integers. */
class Band {
  /** Scale factor (DET). */
  scale = 0;
  /** The predictor's guess at the next sample (S). */
  guess = 0;
  /** Logarithm of the scale factor (NB). */
  private log = 0;
  /** What the six zeros give of the guess (SZ). */
  private fromZeros = 0;
  private a1 = 0;
  private a2 = 0;
  private b1 = 0;
  private b2 = 0;
  private b3 = 0;
  private b4 = 0;
  private b5 = 0;
  private b6 = 0;
  /** Past quantized differences (D), past partial reconstructions (P), the past reconstruction doubled (R). */
  private d1 = 0;
  private d2 = 0;
  private d3 = 0;
  private d4 = 0;
  private d5 = 0;
  private d6 = 0;
  private p1 = 0;
  private p2 = 0;
  private r1 = 0;

  constructor(
    private readonly firstScale: number,
    private readonly logMax: number,
    private readonly exponentBias: number,
  ) {
    this.reset();
  }

  reset(): void {
    this.scale = this.firstScale;
    this.guess = this.log = this.fromZeros = this.a1 = this.a2 = 0;
    this.b1 = this.b2 = this.b3 = this.b4 = this.b5 = this.b6 = 0;
    this.d1 = this.d2 = this.d3 = this.d4 = this.d5 = this.d6 = 0;
    this.p1 = this.p2 = this.r1 = 0;
  }

  /** After a code was known: `d` is its quantized difference, `logStep` what it does to the scale factor. */
  adapt(d: number, logStep: number): void {
    // LOGSCL/LOGSCH, SCALEL/SCALEH: a leaky logarithm, and its power of two
    const leaked = ((this.log * 127) >> 7) + logStep;
    const log = leaked < 0 ? 0 : leaked > this.logMax ? this.logMax : leaked;
    const shift = this.exponentBias - (log >> 11);
    const mantissa = EXP2[(log >> 6) & 31] as number;
    this.log = log;
    this.scale = (shift < 0 ? mantissa << -shift : mantissa >> shift) << 2;

    // RECONS, PARREC
    const r = sat16(this.guess + d);
    const p = sat16(this.fromZeros + d);
    const unlike1 = (p ^ this.p1) < 0;

    // UPPOL2: 2^-7 of the sign product with the sample before last, less the share that a1 accounts for
    const a1 = this.a1;
    const a1x4 = sat16(a1 << 2);
    const toward = (unlike1 ? a1x4 : sat16(-a1x4)) >> 7;
    let a2 = toward + ((p ^ this.p2) < 0 ? -128 : 128) + ((this.a2 * 32512) >> 15);
    if (a2 > 12288) a2 = 12288;
    else if (a2 < -12288) a2 = -12288;

    // UPPOL1, kept where the filter is stable
    const bound = 15360 - a2;
    let next1 = (unlike1 ? -192 : 192) + ((a1 * 32640) >> 15);
    if (next1 > bound) next1 = bound;
    else if (next1 < -bound) next1 = -bound;

    // FILTEP
    const r2 = sat16(r << 1);
    const fromPoles = sat16(((next1 * r2) >> 15) + ((a2 * this.r1) >> 15));
    this.a1 = next1;
    this.a2 = a2;
    this.r1 = r2;
    this.p2 = this.p1;
    this.p1 = p;

    // UPZERO: each coefficient leaks, and moves with the sign of its difference times the newest one
    const move = d === 0 ? 0 : 128;
    const d1 = this.d1;
    const d2 = this.d2;
    const d3 = this.d3;
    const d4 = this.d4;
    const d5 = this.d5;
    const b1 = (this.b1 = sat16(((d ^ d1) < 0 ? -move : move) + ((this.b1 * 32640) >> 15)));
    const b2 = (this.b2 = sat16(((d ^ d2) < 0 ? -move : move) + ((this.b2 * 32640) >> 15)));
    const b3 = (this.b3 = sat16(((d ^ d3) < 0 ? -move : move) + ((this.b3 * 32640) >> 15)));
    const b4 = (this.b4 = sat16(((d ^ d4) < 0 ? -move : move) + ((this.b4 * 32640) >> 15)));
    const b5 = (this.b5 = sat16(((d ^ d5) < 0 ? -move : move) + ((this.b5 * 32640) >> 15)));
    const b6 = (this.b6 = sat16(((d ^ this.d6) < 0 ? -move : move) + ((this.b6 * 32640) >> 15)));
    this.d6 = d5;
    this.d5 = d4;
    this.d4 = d3;
    this.d3 = d2;
    this.d2 = d1;
    this.d1 = d;

    // FILTEZ, from the oldest on, saturating at each step
    let z = (b6 * sat16(d5 << 1)) >> 15;
    z = sat16(z + ((b5 * sat16(d4 << 1)) >> 15));
    z = sat16(z + ((b4 * sat16(d3 << 1)) >> 15));
    z = sat16(z + ((b3 * sat16(d2 << 1)) >> 15));
    z = sat16(z + ((b2 * sat16(d1 << 1)) >> 15));
    z = sat16(z + ((b1 * sat16(d << 1)) >> 15));
    this.fromZeros = z;

    // PREDIC
    this.guess = sat16(fromPoles + z);
  }
}

const lowBand = (): Band => new Band(32, LOG_MAX_LOW, 8);
const highBand = (): Band => new Band(8, LOG_MAX_HIGH, 10);

/** QUANTL: the largest level that is not above the magnitude (binary search; the levels rise with the table). */
function lowCode(difference: number, scale: number): number {
  const magnitude = difference >= 0 ? difference : ~difference;
  let below = 0;
  let above = 30;
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if (magnitude < (((DECISIONS[middle] as number) * scale) >> 12)) above = middle;
    else below = middle;
  }
  // Codes fall from 61 (or 63 and 62, then 31) as the magnitude rises
  if (difference >= 0) return 61 - below;
  return below < 2 ? 63 - below : 33 - below;
}

class G722Encoder implements Encoder {
  readonly sampleRate = RATE;
  private readonly low = lowBand();
  private readonly high = highBand();
  /** The last 22 samples of the packet before, then the packet. */
  private readonly line = new Int32Array(2 * QMF_PAST + MAX_PACKET_SAMPLES);

  encode(pcm: Int16Array, out: Uint8Array): number {
    const samples = pcm.length;
    if (samples === 0 || samples % 160 !== 0 || samples > MAX_PACKET_SAMPLES) throw new RangeError(`G722 takes 10 to 60 ms in steps of 10: ${samples} samples are none of these (160 each)`);
    const octets = samples >> 1;
    if (out.length < octets) throw new RangeError(`G722 needs ${octets} octets to write to, there are ${out.length}`);

    const { line, low, high } = this;
    line.set(pcm, 2 * QMF_PAST);
    for (let i = 0; i < octets; i++) {
      let even = 0;
      let odd = 0;
      for (let tap = 0, at = 2 * i; tap < QMF_TAPS; tap++, at += 2) {
        // Walking from the oldest: the even taps backwards, over the later sample of each pair
        odd = (odd + imul(QMF[tap] as number, line[at] as number)) | 0;
        even = (even + imul(QMF[QMF_PAST - tap] as number, line[at + 1] as number)) | 0;
      }

      const lowDifference = sat16(sat15((even + odd) >> 14) - low.guess);
      const il = lowCode(lowDifference, low.scale);
      low.adapt((low.scale * (LEVELS_15[il >> 2] as number)) >> 15, LOG_STEP_LOW[il >> 2] as number);

      const highDifference = sat16(sat15((even - odd) >> 14) - high.guess);
      const outer = (highDifference >= 0 ? highDifference : ~highDifference) >= ((564 * high.scale) >> 12);
      const ih = (highDifference >= 0 ? 2 : 0) + (outer ? 0 : 1);
      high.adapt((high.scale * (LEVELS_4[ih] as number)) >> 15, LOG_STEP_HIGH[ih] as number);

      out[i] = (ih << 6) | il;
    }
    line.copyWithin(0, samples, samples + 2 * QMF_PAST);
    return octets;
  }

  lossReported(): void {}

  reset(): void {
    this.low.reset();
    this.high.reset();
    this.line.fill(0);
  }

  close(): void {}
}

class G722Decoder implements Decoder {
  readonly sampleRate = RATE;
  readonly conceals = false;
  readonly recovers = false;
  private readonly low = lowBand();
  private readonly high = highBand();
  /** Sums and differences of the bands: the last 11 of the packet before, then this one's. */
  private readonly sums = new Int32Array(QMF_PAST + MAX_OCTETS);
  private readonly differences = new Int32Array(QMF_PAST + MAX_OCTETS);

  samplesIn(payload: Uint8Array, length: number): number {
    return length > 0 && length <= MAX_OCTETS && length <= payload.length ? 2 * Math.trunc(length) : 0;
  }

  decode(payload: Uint8Array, length: number, out: Int16Array): number {
    const samples = this.samplesIn(payload, length);
    if (samples > out.length) return 0;
    const octets = samples >> 1;
    const { low, high, sums, differences } = this;

    for (let i = 0; i < octets; i++) {
      const code = payload[i] as number;
      const il = code & 0x3f;
      const ih = code >> 6;
      const lower = sat15(low.guess + ((low.scale * (LEVELS_60[il] as number)) >> 15));
      low.adapt((low.scale * (LEVELS_15[il >> 2] as number)) >> 15, LOG_STEP_LOW[il >> 2] as number);
      const highDifference = (high.scale * (LEVELS_4[ih] as number)) >> 15;
      const higher = sat15(high.guess + highDifference);
      high.adapt(highDifference, LOG_STEP_HIGH[ih] as number);
      sums[QMF_PAST + i] = lower + higher;
      differences[QMF_PAST + i] = lower - higher;
    }

    for (let i = 0; i < octets; i++) {
      let first = 0;
      let second = 0;
      for (let tap = 0; tap < QMF_TAPS; tap++) {
        first = (first + imul(QMF[QMF_PAST - tap] as number, differences[i + tap] as number)) | 0;
        second = (second + imul(QMF[tap] as number, sums[i + tap] as number)) | 0;
      }
      // The bands' 15 bits become 16
      out[2 * i] = sat16(first >> 11);
      out[2 * i + 1] = sat16(second >> 11);
    }
    sums.copyWithin(0, octets, octets + QMF_PAST);
    differences.copyWithin(0, octets, octets + QMF_PAST);
    return samples;
  }

  recover(): number {
    return 0;
  }

  conceal(): number {
    return 0;
  }

  reset(): void {
    this.low.reset();
    this.high.reset();
    this.sums.fill(0);
    this.differences.fill(0);
  }

  close(): void {}
}

function need16k({ sampleRate }: CodecOptions): void {
  if (sampleRate !== RATE) throw new RangeError(`G722 is sound of 16000 Hz, not ${sampleRate}`);
}

export const g722: Codec = {
  name: 'G722',
  clockRate: 8000,
  rates: [RATE],
  bandwidth: RATE,
  cost: { encode: 25, decode: 20 },
  ptimes: PTIMES,
  decoder: (options) => {
    need16k(options);
    return new G722Decoder();
  },
  encoder: (options) => {
    need16k(options);
    return new G722Encoder();
  },
};
