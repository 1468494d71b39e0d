import { burstRatio, delayImpairment, effectiveImpairment, mosOf, mosOfRating, ratingOf, type Measured } from '../../../../media/rtp/e-model';

const good: Measured = { codec: 'PCMU', lost: 0, received: 1000, rttMs: 0, playoutDelayMs: 40 };

test('the default: R = 93.2, MOS 4.41 (G.107 Table 2 and Annex B)', () => {
  expect(ratingOf(good)).toBe(93.2);
  expect(mosOf(good)).toBeCloseTo(4.41, 2);
});

test.each([[90, 4.34], [80, 4.03], [70, 3.6], [60, 3.1], [50, 2.58]])('R = %i is MOS %d (G.107 Table B.1)', (r, mos) => {
  expect(Math.abs(mosOfRating(r) - mos)).toBeLessThan(0.01);
});

test('MOS stays between 1 and 4.5', () => {
  expect([mosOfRating(-5), mosOfRating(0), mosOfRating(3), mosOfRating(100), mosOfRating(120)]).toEqual([1, 1, 1, 4.5, 4.5]);
});

/** The formula of G.107 §7.5, by hand. */
test.each([[0, 0], [100, 0], [200, 3.04], [400, 24.07]])('delay of %i ms takes %d', (ms, idd) => {
  expect(Math.abs(delayImpairment(ms) - idd)).toBeLessThan(0.02);
});

test('delay takes more the longer it is, without a step', () => {
  let before = 0;
  for (let ms = 0; ms <= 1000; ms += 5) {
    const now = delayImpairment(ms);
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now - before).toBeLessThan(1.5);
    before = now;
  }
});

test.each<[string, number, number, number, number, number]>([
  // Ie,eff = Ie + (95 - Ie) * Ppl / (Ppl / BurstR + Bpl), by hand
  ['G.711 without concealment, 1 %', 0, 4.3, 0.01, 1, 95 / 5.3],
  ['G.711 with concealment, 2 %', 0, 25.1, 0.02, 1, 190 / 27.1],
  ['G.729A, none', 11, 19, 0, 1, 11],
  ['G.729A, 2 %', 11, 19, 0.02, 1, 11 + (84 * 2) / 21],
  ['G.723.1, 5 %, in bursts of twice the length', 15, 16.1, 0.05, 2, 15 + (80 * 5) / 18.6],
])('%s', (_, ie, bpl, loss, burst, expected) => {
  expect(effectiveImpairment({ ie, bpl }, loss, burst)).toBeCloseTo(expected, 9);
});

test('bursts: at random 1, one long one many', () => {
  expect(burstRatio(100, 90, 1000)).toBe(1);
  expect(burstRatio(100, 25, 1000)).toBeCloseTo(3.6, 9);
  expect(burstRatio(100, 1, 1000)).toBe(8);
  expect([burstRatio(0, 0, 1000), burstRatio(5, 1, 5)]).toEqual([1, 1]);
});

test('worse in every way is worse', () => {
  const mos = (m: Partial<Measured>): number => mosOf({ ...good, ...m })!;
  expect(mos({ lost: 20 })).toBeLessThan(mos({ lost: 10 }));
  expect(mos({ lost: 50, burstRatio: 3 })).toBeLessThan(mos({ lost: 50 }));
  expect(mos({ rttMs: 600 })).toBeLessThan(mos({ rttMs: 300 }));
  expect(mos({ rttMs: 300, playoutDelayMs: 200 })).toBeLessThan(mos({ rttMs: 300 }));
  expect(mos({ lost: 100_000 })).toBeLessThan(1.3);
});

test('unknown where nothing was measured', () => {
  expect(mosOf({ ...good, received: 0 })).toBeNull();
  expect(mosOf({ ...good, lost: NaN })).toBeNull();
  expect(mosOf({ ...good, codec: 'speex' as never })).toBeNull();
});

test('without a round trip, listening alone is rated', () => {
  expect(ratingOf({ ...good, rttMs: null, playoutDelayMs: 900 })).toBe(93.2);
});
