import { distance } from '../../bench/support/sound-quality';

const RATE = 8000;
/** Two seconds that never repeat: a tone that rises. */
const sweep = Int16Array.from({ length: 2 * RATE }, (_, i) => 8000 * Math.sin(2 * Math.PI * (200 + 150 * (i / RATE)) * (i / RATE)));
const noise = (level: number): number[] => Array.from({ length: sweep.length }, (_, i) => level * Math.sin(i * i * 0.37));

test('the same is as near as can be, also when it is late', () => {
  expect(distance(sweep, sweep, RATE)).toEqual({ segmentalSnr: 35, logSpectral: 0 });
  const late = new Int16Array(sweep.length + 800);
  late.set(sweep, 555);
  expect(distance(sweep, late, RATE)).toEqual({ segmentalSnr: 35, logSpectral: 0 });
});

test('half the level is 6 dB of both', () => {
  const { segmentalSnr, logSpectral } = distance(sweep, sweep.map((v) => v / 2), RATE);
  expect(segmentalSnr).toBeCloseTo(20 * Math.log10(2), 1);
  // Bins that are hardly filled count for less.
  expect(logSpectral).toBeGreaterThan(1);
  expect(logSpectral).toBeLessThan(6.1);
});

test('noise of a tenth of the level is 20 dB', () => {
  const added = noise(8000 / 10);
  expect(distance(sweep, sweep.map((v, i) => v + added[i]!), RATE).segmentalSnr).toBeCloseTo(20, 0);
});

test('silence is as far as can be, spectrally', () => {
  const { segmentalSnr, logSpectral } = distance(sweep, new Int16Array(sweep.length), RATE);
  expect(segmentalSnr).toBeCloseTo(0);
  expect(logSpectral).toBeGreaterThan(distance(sweep, sweep.map((v) => v / 8), RATE).logSpectral);
});

test('what changes its delay half way is still the same, but for the seam', () => {
  const moved = new Int16Array(sweep.length + 800);
  moved.set(sweep.subarray(0, RATE), 100);
  moved.set(sweep.subarray(RATE), RATE + 300);
  expect(distance(sweep, moved, RATE).segmentalSnr).toBeGreaterThan(30);
});
