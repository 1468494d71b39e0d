/** The filter of resamplers: a sinc under a Kaiser window. */

export interface SincShape {
  /** Half of its length, in samples. */
  half: number;
  kaiserBeta: number;
  /** Where it is 6 dB down, as a part of half the sampling rate. */
  cutoff: number;
}

/** At a distance of `t` samples from its middle; 1 there, 0 beyond its ends. */
export function windowedSinc(t: number, { half, kaiserBeta, cutoff }: SincShape): number {
  const edge = 1 - (t / half) ** 2;
  if (edge < 0) return 0;
  const angle = Math.PI * cutoff * t;
  return (angle === 0 ? 1 : Math.sin(angle) / angle) * bessel0(kaiserBeta * Math.sqrt(edge));
}

/** Modified Bessel function of the first kind and order 0, by its series. */
function bessel0(x: number): number {
  let sum = 1;
  for (let term = 1, k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
