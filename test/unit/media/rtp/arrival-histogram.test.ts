import fc from 'fast-check';
import { ArrivalHistogram } from '../../../../media/rtp/arrival-histogram';

test('nothing is late before anything came', () => {
  expect(new ArrivalHistogram(0.95, 100, 500).ms).toBe(0);
});

test.each<[string, number, (i: number) => number, number]>([
  ['all in time', 0.95, () => 0, 1],
  ['evenly from 0 to 99 ms', 0.95, (i) => i % 100, 95],
  ['one in ten is 50 ms late', 0.95, (i) => (i % 10 === 0 ? 50 : 0), 51],
  ['one in ten is 50 ms late, of which that share may be', 0.85, (i) => (i % 10 === 0 ? 50 : 0), 1],
  ['later than there are bins', 0.95, () => 1e9, 200],
  ['early', 0.95, () => -5, 1],
])('%s', (_, quantile, late, want) => {
  const histogram = new ArrivalHistogram(quantile, 200, 5000);
  for (let i = 0; i < 20_000; i++) histogram.add(late(i), 1);
  expect(Math.abs(histogram.ms - want)).toBeLessThanOrEqual(1);
});

test('a step up is believed within a few packets, a step down within what it remembers', () => {
  const histogram = new ArrivalHistogram(0.95, 200, 100);
  for (let i = 0; i < 1000; i++) histogram.add(0, 1);
  let packets = 0;
  while (histogram.ms < 61) {
    histogram.add(60, 3);
    packets++;
  }
  expect(packets).toBeLessThanOrEqual(3);
  for (let i = 0; i < 100; i++) histogram.add(0, 1);
  expect(histogram.ms).toBe(1);
});

test('what fades is outweighed sooner', () => {
  const packetsDown = (share: number): number => {
    const histogram = new ArrivalHistogram(0.95, 200, 500);
    for (let i = 0; i < 1000; i++) histogram.add(100, 1);
    let packets = 0;
    for (; histogram.ms > 1; packets++) {
      histogram.fade(share);
      histogram.add(0, 1);
    }
    return packets;
  };
  expect(packetsDown(1)).toBeGreaterThan(1000);
  expect(packetsDown(0.9)).toBeLessThan(80);
});

test('is what a full count says, whatever comes, over many renormalisations', () => {
  const [quantile, memory, bins] = [0.9, 20, 50];
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: -5, max: 60 }), fc.constantFrom(1, 3)), { minLength: 1, maxLength: 600 }), (packets) => {
      const histogram = new ArrivalHistogram(quantile, bins, memory);
      const counts = new Array<number>(bins).fill(0);
      const keep = 1 - 1 / memory;
      for (const [ms, weight] of packets) {
        histogram.add(ms, weight);
        for (let b = 0; b < bins; b++) counts[b] = (counts[b] as number) * keep;
        const bin = Math.max(0, Math.min(bins - 1, ms));
        counts[bin] = (counts[bin] as number) + weight;
      }
      const total = counts.reduce((a, b) => a + b, 0);
      let [above, bin] = [0, bins - 1];
      while (bin > 0 && above + (counts[bin] as number) <= (1 - quantile) * total) above += counts[bin--] as number;
      // Where a share falls exactly on the quantile, rounding decides.
      const near = Math.abs(above + (counts[bin] as number) - (1 - quantile) * total) < 1e-9 * total || Math.abs(above - (1 - quantile) * total) < 1e-9 * total;
      if (!near) expect(histogram.ms).toBe(bin + 1);
    }),
  );
});
