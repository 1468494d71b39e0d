import { Background } from '../../../../media/audio/repair/background';
import { Concealer } from '../../../../media/audio/repair/conceal';
import { Interpolator } from '../../../../media/audio/repair/interpolate';
import { seeded } from '../port/line';

const ms = (rate: number, n: number): number => (rate * n) / 1000;
const rms = (pcm: Int16Array): number => Math.sqrt(pcm.reduce((sum, x) => sum + x * x, 0) / pcm.length);
const largestStep = (pcm: Int16Array): number => pcm.reduce((most, x, i) => (i === 0 ? 0 : Math.max(most, Math.abs(x - (pcm[i - 1] as number)))), 0);

/** Like a voice whose pitch glides from 130 Hz. */
const gliding = (rate: number, samples: number, hzPerSecond: number): Int16Array =>
  Int16Array.from({ length: samples }, (_, n) => [1, 2, 3, 4].reduce((sum, k) => sum + (4000 / k) * Math.sin(2 * Math.PI * k * ((130 * n) / rate + (hzPerSecond / 2) * (n / rate) ** 2) + k), 0));

/** A hole from 100 ms on; the packet after it lasts 20 ms. Filled from one side and from both. */
function filled(whole: Int16Array, rate: number, holeMs: number): { hole: [number, number]; one: Int16Array; both: Int16Array } {
  const [from, to] = [ms(rate, 100), ms(rate, 100 + holeMs)];
  const end = to + ms(rate, 20);
  const interpolator = new Interpolator(rate);
  const ahead = whole.slice();
  new Concealer(rate, new Background(seeded(1))).extend(ahead, from, to - from + interpolator.beyond + 1);
  const [one, both] = [whole.slice(), whole.slice()];
  one.set(ahead.subarray(from, to), from);
  both.fill(0, from, to);
  interpolator.fill(both, from, to, end, ahead.slice(from));
  return { hole: [from, to], one, both };
}

describe.each([8000, 16000])('at %i Hz', (rate) => {
  test.each([
    [20, 60],
    [20, -60],
    [40, 60],
    [60, -60],
  ])('a hole of %i ms in a pitch that moves by %i Hz a second: nearer to what was said than from one side', (holeMs, glide) => {
    const whole = gliding(rate, ms(rate, 300), glide);
    const { hole, one, both } = filled(whole, rate, holeMs);
    const error = (pcm: Int16Array): number => rms(whole.map((x, i) => x - (pcm[i] as number)).subarray(...hole));
    expect(error(both)).toBeLessThan(0.8 * error(one));
    expect(rms(both.subarray(...hole)) / rms(whole.subarray(...hole))).toBeGreaterThan(0.7);
  });

  test('nothing clicks at either end, and what came stays as it came', () => {
    const whole = gliding(rate, ms(rate, 300), 0);
    const { hole: [from, to], both } = filled(whole, rate, 30);
    expect(largestStep(both)).toBeLessThan(1.15 * largestStep(whole));
    expect(both.subarray(0, from)).toEqual(whole.subarray(0, from));
    expect(both.subarray(to)).toEqual(whole.subarray(to));
  });

  test('a voice that begins in the hole rises from silence', () => {
    const whole = gliding(rate, ms(rate, 300), 0).fill(0, 0, ms(rate, 120));
    const { hole: [from, to], both } = filled(whole, rate, 20);
    expect(rms(both.subarray(from, from + ms(rate, 4)))).toBeLessThan(0.3 * rms(whole.subarray(to, to + ms(rate, 20))));
    expect(rms(both.subarray(to - ms(rate, 4), to))).toBeGreaterThan(0.4 * rms(whole.subarray(to, to + ms(rate, 20))));
  });

  test('a packet too short to have a period: the sound before fades over the hole', () => {
    const pcm = gliding(rate, ms(rate, 200), 0);
    const interpolator = new Interpolator(rate);
    const [from, to] = [ms(rate, 100), ms(rate, 120)];
    const ahead = pcm.slice(from);
    interpolator.fill(pcm, from, to, to + ms(rate, 5), ahead);
    expect(pcm.every((x) => Number.isFinite(x))).toBe(true);
    expect(rms(pcm.subarray(to - ms(rate, 2), to))).toBeLessThan(0.2 * rms(pcm.subarray(0, from)));
  });
});
