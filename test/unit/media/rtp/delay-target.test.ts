/** How long packets should wait, told by nothing but how late they came. */
import { DelayTarget } from '../../../../media/rtp/delay-target';
import { UNITS_PER_MS } from '../../../../media/rtp/media-time';

const PACKETS_PER_SECOND = 50;
/** Clocks begin anywhere. */
const OFFSET_MS = 987_654;

/** Packets of 20 ms, sent on time from `fromMs` on and late by so much, in the order in which they arrive. Returns when the last was sent, ms. */
function hear(target: DelayTarget, seconds: number, late: (i: number) => number, fromMs = 0): number {
  const packets = Array.from({ length: seconds * PACKETS_PER_SECOND }, (_, i) => ({ sentMs: fromMs + 20 * i, atMs: fromMs + 20 * i + late(i) })).sort((a, b) => a.atMs - b.atMs);
  for (const { sentMs, atMs } of packets) target.measure((atMs - sentMs + OFFSET_MS) * UNITS_PER_MS, atMs, false);
  return fromMs + seconds * 1000;
}

function make(limits = { minDelayMs: 0, maxDelayMs: 400 }): DelayTarget {
  const target = new DelayTarget(limits);
  target.begin(OFFSET_MS * UNITS_PER_MS, 0);
  return target;
}

const even = (i: number): number => (i * 37) % 60;
const after = (seconds: number, late: (i: number) => number, limits?: { minDelayMs: number; maxDelayMs: number }): number => {
  const target = make(limits);
  hear(target, seconds, late);
  return target.ms;
};

test('is a guess before anything is known', () => {
  expect(make().ms).toBeGreaterThan(5);
  expect(make().ms).toBeLessThan(20);
});
test('is next to nothing on a clean network', () => expect(after(10, () => 0)).toBeLessThan(3));
test('is nearly all of an even jitter', () => {
  expect(after(30, even)).toBeGreaterThan(54);
  expect(after(30, even)).toBeLessThan(61);
});
test('does not know how long the way is', () => expect(after(10, () => 250)).toBeLessThan(3));
test('does not follow a drift of 500 ppm', () => expect(after(120, (i) => i * 20 * 500e-6)).toBeLessThan(6));
test('grows within a second', () => {
  const target = make();
  const from = hear(target, 10, () => 0);
  hear(target, 1, (i) => (i % 5 < 2 ? 45 : 0), from);
  expect(target.ms).toBeGreaterThan(40);
});
test('forgets', () => {
  const target = make();
  hear(target, 40, () => 0, hear(target, 5, even));
  expect(target.ms).toBeLessThan(3);
});
test('a large one that nothing comes near any more is gone within seconds', () => {
  const target = make();
  const from = hear(target, 20, (i) => (i * 37) % 200);
  expect(target.ms).toBeGreaterThan(180);
  hear(target, 5, () => 0, from);
  expect(target.ms).toBeLessThan(60);
});
test('keeps within its limits, whatever a decoder wants on top', () => {
  expect(after(10, (i) => (i % 2) * 900)).toBe(400);
  expect(after(10, () => 0, { minDelayMs: 60, maxDelayMs: 400 })).toBe(60);
  const target = make();
  hear(target, 10, () => 0);
  const { ms } = target;
  target.extraMs = 20;
  expect(target.ms).toBe(ms + 20);
  target.extraMs = 500;
  expect(target.ms).toBe(400);
});

test('what was missed or waited for counts three times', () => {
  const counted = (tell: (target: DelayTarget, transit: number, atMs: number) => void): number => {
    const target = make();
    const from = hear(target, 10, () => 0);
    // 3 of 100: below one in twenty, but not three times that
    for (let i = 0; i < 1500; i++) {
      const lateMs = i % 33 === 1 ? 50 : 0;
      const transit = (OFFSET_MS + lateMs) * UNITS_PER_MS;
      if (lateMs > 0) tell(target, transit, from + 20 * i);
      else target.measure(transit, from + 20 * i, false);
    }
    return target.ms;
  };
  const once = counted((target, transit, atMs) => target.measure(transit, atMs, false));
  const missed = counted((target, transit, atMs) => target.measure(transit, atMs, true));
  const waited = counted((target, transit, atMs) => {
    target.measure(transit, atMs, false);
    target.waitedFor(target.lateMs);
  });
  expect(once).toBeLessThan(10);
  expect(missed).toBeGreaterThan(10);
  expect(waited).toBeGreaterThan(10);
});

test('the least of the last seconds is the measure: a way that became longer is taken as it is after them, a shorter one at once', () => {
  const target = make();
  const from = hear(target, 2, () => 0);
  hear(target, 1, () => 100, from);
  expect([target.base / UNITS_PER_MS, target.lateMs]).toEqual([OFFSET_MS, 100]);
  hear(target, 4, () => 100, from + 1000);
  expect([target.base / UNITS_PER_MS, target.lateMs]).toEqual([OFFSET_MS + 100, 0]);
  hear(target, 1, () => 30, from + 5000);
  expect([target.base / UNITS_PER_MS, target.lateMs]).toEqual([OFFSET_MS + 30, 0]);
});

test('after a long pause whoever comes sets the measure', () => {
  const target = make();
  const from = hear(target, 1, () => 0);
  target.measure((OFFSET_MS + 300) * UNITS_PER_MS, from + 60_000, false);
  expect([target.base / UNITS_PER_MS, target.lateMs]).toEqual([OFFSET_MS + 300, 0]);
});

test('another line of time begins with no delay, and what the network does is still known', () => {
  const target = make();
  const from = hear(target, 30, even);
  const { ms } = target;
  target.begin(-5 * UNITS_PER_MS, from);
  expect([target.base / UNITS_PER_MS, target.lateMs]).toEqual([-5, 0]);
  expect(target.ms).toBeGreaterThan(ms - 3);
  target.begin((OFFSET_MS + 5000) * UNITS_PER_MS, from);
  hear(target, 1, () => 5000, from);
  expect([target.base / UNITS_PER_MS, target.lateMs]).toEqual([OFFSET_MS + 5000, 0]);
});
