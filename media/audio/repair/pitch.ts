/**
 * How far apart a sound repeats itself: the lag at which a window of it looks most like another, by normalised cross-correlation.
 *
 * First on every lag and sample of an 8 kHz grid, whatever the rate (a correlation needs fewer samples than a signal does), then around
 * the best one at the full rate.
 */

const GRID_RATE = 8000;

export class PitchSearch {
  /** Of the last search: samples, and how alike the windows are, -1 to 1; 0 for silence. */
  lag = 0;
  similarity = 0;
  private readonly stride: number;

  constructor(rate: number) {
    this.stride = Math.max(1, Math.round(rate / GRID_RATE));
  }

  /**
   * Compares pcm[at, at + window) with the same window shifted by `least` to `most` samples.
   * @param direction -1: towards the past; 1: towards the future. The caller sees to it that the shifted window lies inside `pcm`.
   */
  search(pcm: Int16Array, at: number, window: number, least: number, most: number, direction: -1 | 1): void {
    const stride = this.stride;
    let best = -2;
    let lag = least;
    for (let l = least; l <= most; l += stride) {
      const alike = correlation(pcm, at, at + direction * l, window, stride);
      if (alike > best) [best, lag] = [alike, l];
    }
    if (stride > 1) {
      const [from, to] = [Math.max(least, lag - stride + 1), Math.min(most, lag + stride - 1)];
      best = -2;
      for (let l = from; l <= to; l++) {
        const alike = correlation(pcm, at, at + direction * l, window, 2);
        if (alike > best) [best, lag] = [alike, l];
      }
    }
    this.lag = lag;
    this.similarity = best;
  }
}

function correlation(pcm: Int16Array, a: number, b: number, window: number, stride: number): number {
  let both = 0;
  let ofA = 0;
  let ofB = 0;
  for (let i = 0; i < window; i += stride) {
    const x = pcm[a + i] as number;
    const y = pcm[b + i] as number;
    both += x * y;
    ofA += x * x;
    ofB += y * y;
  }
  return ofA === 0 || ofB === 0 ? 0 : both / Math.sqrt(ofA * ofB);
}
