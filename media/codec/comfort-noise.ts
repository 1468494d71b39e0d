/**
 * Comfort noise, RFC 3389: what is sent about a silence, and a silence made of it.
 *
 *     0 1 2 3 4 5 6 7 8 …
 *    +-+-+-+-+-+-+-+-+-------+- … -+-------+
 *    |0|   level     |  N1   |     |  NM   |     level: −dBov, 127 is as good as nothing; N: reflection coefficients
 *    +-+-+-+-+-+-+-+-+-------+- … -+-------+
 *
 * §3.1: 0 dBov is a square wave of full scale. §3.2: k = 258·(N − 127)/32768 for N up to 254, the sign such that k1 is −r(1)/r(0), as in
 * ITU-T G.729 and G.711 Appendix II: noise with more bass than treble has a negative k1. A sender may leave out all of them: white noise.
 *
 * The same at any rate; the coefficients mean the rate of the codec that the noise stands in for.
 */

/** Coefficients that are used; of a longer payload the rest is left out, as §3 permits. */
export const MAX_ORDER = 10;
export const MAX_PAYLOAD = 1 + MAX_ORDER;

const FULL_SCALE = 32768;
/** Nearer to 1 it would be a tone that rings for up to two seconds, which no background is; 0.97 alone is still a peak of 30 dB. */
const MAX_REFLECTION = 0.97;
const SILENT_LEVEL = 127;

/** Makes noise like the last payload said. Silent until there was one. */
export class ComfortNoise {
  private readonly wanted = new Float64Array(MAX_ORDER);
  private readonly reflection = new Float64Array(MAX_ORDER);
  /** The lattice's backward values of the sample before. */
  private readonly backward = new Float64Array(MAX_ORDER + 1);
  private order = 0;
  private wantedGain = 0;
  private gain = 0;

  /** `random`: evenly from 0 to below 1, one for each sample. */
  constructor(private readonly random: () => number) {}

  /** The first `length` octets of a payload. False: there was none, and the noise stays as it is. */
  update(payload: Uint8Array, length: number): boolean {
    if (!(length >= 1 && length <= payload.length)) return false;
    const level = (payload[0] as number) & 0x7f;
    const order = Math.min(MAX_ORDER, Math.trunc(length) - 1);
    let rest = 1;
    for (let i = 0; i < MAX_ORDER; i++) {
      // 255 means nothing (§3.2)
      const n = i < order ? (payload[1 + i] as number) : 127;
      const k = n === 255 ? 0 : (258 * (n - 127)) / 32768;
      const bounded = Math.max(-MAX_REFLECTION, Math.min(MAX_REFLECTION, k));
      this.wanted[i] = bounded;
      rest *= 1 - bounded * bounded;
    }
    this.order = MAX_ORDER;
    while (this.order > 0 && this.wanted[this.order - 1] === 0 && this.reflection[this.order - 1] === 0) this.order--;
    // The lattice makes its input louder by 1/√Π(1 − k²); even noise of amplitude 1 has a power of a third
    this.wantedGain = level === SILENT_LEVEL ? 0 : FULL_SCALE * 10 ** (-level / 20) * Math.sqrt(3 * rest);
    return true;
  }

  /** Fills all of `out`. Level and colour move to what was last said in the course of one call, so that nothing clicks. */
  generate(out: Int16Array): void {
    const { order, reflection, wanted, backward, random } = this;
    const step = (this.wantedGain - this.gain) / Math.max(1, out.length);
    let gain = this.gain;
    for (let k = 0; k < order; k++) reflection[k] = ((reflection[k] as number) + (wanted[k] as number)) / 2;

    for (let i = 0; i < out.length; i++) {
      gain += step;
      let forward = gain * (2 * random() - 1);
      for (let k = order - 1; k >= 0; k--) {
        const r = reflection[k] as number;
        forward -= r * (backward[k] as number);
        backward[k + 1] = (backward[k] as number) + r * forward;
      }
      backward[0] = forward;
      out[i] = forward >= 32767 ? 32767 : forward <= -32768 ? -32768 : ((forward + 32768.5) | 0) - 32768;
    }
    for (let k = 0; k < MAX_ORDER; k++) reflection[k] = wanted[k] as number;
    this.gain = this.wantedGain;
  }

  /** Forgets the stream: silent. */
  reset(): void {
    this.wanted.fill(0);
    this.reflection.fill(0);
    this.backward.fill(0);
    this.order = 0;
    this.wantedGain = 0;
    this.gain = 0;
  }
}

/** How much a frame counts against what was heard before: the last second or so. */
const FRESH = 0.05;

/** Listens to background noise and says what it is like. Only frames without speech may be given to it. */
export class NoiseModel {
  private readonly autocorrelation = new Float64Array(MAX_ORDER + 1);
  private readonly error = new Float64Array(MAX_ORDER + 1);
  private readonly scratch = new Float64Array(MAX_ORDER + 1);
  private power = 0;
  private frames = 0;

  /** One frame of background noise. */
  listen(pcm: Int16Array): void {
    const n = pcm.length;
    if (n === 0) return;
    // The first frames count alike, so that the first payload is not mostly zeros
    this.frames++;
    const fresh = Math.max(FRESH, 1 / this.frames);
    let energy = 0;
    for (let i = 0; i < n; i++) energy += (pcm[i] as number) * (pcm[i] as number);
    this.power += fresh * (energy / n - this.power);
    for (let lag = 0; lag <= MAX_ORDER; lag++) {
      let sum = 0;
      for (let i = lag; i < n; i++) sum += (pcm[i] as number) * (pcm[i - lag] as number);
      this.autocorrelation[lag] = (this.autocorrelation[lag] as number) + fresh * (sum / n - (this.autocorrelation[lag] as number));
    }
  }

  /**
   * A payload for what was heard, with `order` coefficients (0 to 10; 0: the level alone). Returns the octets written to `out`.
   * Errors: `RangeError` for another order, or when `out` is smaller than that.
   */
  payload(out: Uint8Array, order: number): number {
    if (!Number.isInteger(order) || order < 0 || order > MAX_ORDER) throw new RangeError(`comfort noise has 0 to ${MAX_ORDER} coefficients, not ${order}`);
    if (out.length < 1 + order) throw new RangeError(`comfort noise of order ${order} needs ${1 + order} octets to write to, there are ${out.length}`);
    const dbov = this.power > 0 ? 10 * Math.log10(this.power / (FULL_SCALE * FULL_SCALE)) : -SILENT_LEVEL;
    out[0] = Math.max(0, Math.min(SILENT_LEVEL, Math.round(-dbov)));
    this.levinson(out, order);
    return 1 + order;
  }

  /** Levinson and Durbin's recursion, in Schur's form: from the autocorrelation straight to the reflection coefficients. */
  private levinson(out: Uint8Array, order: number): void {
    const { autocorrelation: r, error: forward, scratch: backward } = this;
    // A floor of white noise 40 dB below keeps the recursion sound for tones and for digital silence
    for (let i = 0; i <= order; i++) {
      const value = (r[i] as number) + (i === 0 ? (r[0] as number) * 1e-4 + 1e-9 : 0);
      forward[i] = value;
      backward[i] = value;
    }
    for (let m = 1; m <= order; m++) {
      const k = -(forward[m] as number) / (backward[0] as number);
      out[m] = Math.max(0, Math.min(254, Math.round((k * 32768) / 258) + 127));
      for (let i = 0; i + m <= order; i++) {
        const f = forward[i + m] as number;
        const b = backward[i] as number;
        forward[i + m] = f + k * b;
        backward[i] = b + k * f;
      }
    }
  }

  /** Forgets what was heard. */
  reset(): void {
    this.autocorrelation.fill(0);
    this.power = 0;
    this.frames = 0;
  }
}
