import { Background } from '../../../../media/audio/repair/background';
import { Concealer } from '../../../../media/audio/repair/conceal';
import { PitchSearch } from '../../../../media/audio/repair/pitch';
import { LONGEST_CHANGE_MS, TimeScale } from '../../../../media/audio/repair/time-scale';
import { seeded } from '../port/line';

const RATES = [8000, 16000, 48000];
/** Like a voice: harmonics of a pitch. */
const voice = (hz: number, rate: number, samples: number): Int16Array =>
  Int16Array.from({ length: samples }, (_, n) => [1, 2, 3, 4].reduce((sum, k) => sum + (5000 / k) * Math.sin((2 * Math.PI * hz * k * n) / rate + k), 0));
const noise = (rms: number, samples: number, random = seeded(4)): Int16Array => Int16Array.from({ length: samples }, () => (random() * 2 - 1) * 1.732 * rms);
const rms = (pcm: Int16Array): number => Math.sqrt(pcm.reduce((sum, x) => sum + x * x, 0) / pcm.length);
const largestStep = (pcm: Int16Array): number => pcm.reduce((most, x, i) => (i === 0 ? 0 : Math.max(most, Math.abs(x - (pcm[i - 1] as number)))), 0);
const ms = (rate: number, n: number): number => (rate * n) / 1000;

describe.each(RATES)('at %i Hz', (rate) => {
  test.each([80, 110, 150, 190])('the period of %i Hz is found, towards the past and the future', (hz) => {
    const pcm = voice(hz, rate, ms(rate, 60));
    const search = new PitchSearch(rate);
    for (const direction of [-1, 1] as const) {
      search.search(pcm, direction < 0 ? ms(rate, 40) : 0, ms(rate, 10), ms(rate, 5), ms(rate, 15), direction);
      const periods = (search.lag * hz) / rate;
      expect(Math.abs(periods - Math.round(periods))).toBeLessThan(0.05);
      expect(search.similarity).toBeGreaterThan(0.95);
    }
  });

  test('silence is like nothing', () => {
    const search = new PitchSearch(rate);
    search.search(new Int16Array(ms(rate, 60)), 0, ms(rate, 10), ms(rate, 5), ms(rate, 15), 1);
    expect(search.similarity).toBe(0);
  });

  test('a hole of 20 ms in a voice is hardly a hole: level kept, no step larger than the voice’s own', () => {
    const pcm = voice(125, rate, ms(rate, 200));
    const whole = pcm.slice();
    const [hole, back] = [ms(rate, 100), ms(rate, 120)];
    pcm.fill(0, hole, back);
    const concealer = new Concealer(rate, new Background(seeded(1)));
    concealer.extend(pcm, hole, back - hole);
    expect(concealer.isActive).toBe(true);
    concealer.merge(pcm, back, ms(rate, 20));
    expect(concealer.isActive).toBe(false);
    expect(rms(pcm.subarray(hole, back)) / rms(whole.subarray(hole, back))).toBeGreaterThan(0.85);
    expect(largestStep(pcm)).toBeLessThan(1.1 * largestStep(whole));
    // It is the voice's own sound: better than nothing by 10 dB.
    const error = whole.map((x, i) => x - (pcm[i] as number)).subarray(hole, back);
    expect(rms(error)).toBeLessThan(0.32 * rms(whole.subarray(hole, back)));
    // What was heard before and after the blend is untouched.
    expect(pcm.subarray(0, hole)).toEqual(whole.subarray(0, hole));
    expect(pcm.subarray(back + ms(rate, 6))).toEqual(whole.subarray(back + ms(rate, 6)));
  });

  test('made in pieces it is the same as at once', () => {
    const [one, two] = [voice(125, rate, ms(rate, 200)), voice(125, rate, ms(rate, 200))];
    const at = ms(rate, 100);
    new Concealer(rate, new Background(seeded(1))).extend(one, at, ms(rate, 60));
    const concealer = new Concealer(rate, new Background(seeded(1)));
    for (let i = 0; i < 6; i++) concealer.extend(two, at + i * ms(rate, 10), ms(rate, 10));
    expect(two).toEqual(one);
  });

  test('after 120 ms there is the noise of the line, and only that', () => {
    const background = new Background(seeded(1));
    const quiet = noise(60, ms(rate, 20));
    for (let i = 0; i < 50; i++) background.hear(quiet, 0, quiet.length);
    const pcm = voice(125, rate, ms(rate, 400));
    const at = ms(rate, 100);
    new Concealer(rate, background).extend(pcm, at, ms(rate, 300));
    expect(rms(pcm.subarray(at + ms(rate, 70), at + ms(rate, 80)))).toBeLessThan(0.6 * rms(pcm.subarray(0, at)));
    const after = rms(pcm.subarray(at + ms(rate, 120)));
    expect(after).toBeGreaterThan(40);
    expect(after).toBeLessThan(85);
  });

  test('nothing is blended when nothing was missing', () => {
    const pcm = voice(125, rate, ms(rate, 100));
    const before = pcm.slice();
    new Concealer(rate, new Background(seeded(1))).merge(pcm, 0, pcm.length);
    expect(pcm).toEqual(before);
  });

  describe('time', () => {
    const scale = (): TimeScale => {
      const background = new Background(seeded(1));
      background.hear(noise(20, ms(rate, 20)), 0, ms(rate, 20));
      return new TimeScale(rate, background);
    };

    test('is shortened by whole periods, without a step', () => {
      const pcm = voice(125, rate, ms(rate, 200));
      const own = largestStep(pcm);
      const from = ms(rate, 100);
      const change = scale().shorten(pcm, from, ms(rate, 140), ms(rate, 15), false);
      expect(Math.abs(change - ms(rate, 8))).toBeLessThanOrEqual(1);
      const heard = Int16Array.from([...pcm.subarray(0, from), ...pcm.subarray(from + change)]);
      expect(largestStep(heard)).toBeLessThan(1.1 * own);
    });

    test('is lengthened by whole periods, without a step', () => {
      const pcm = voice(125, rate, ms(rate, 200));
      const [own, whole] = [largestStep(pcm), pcm.slice()];
      const from = ms(rate, 100);
      const change = scale().lengthen(pcm, from, ms(rate, 140), ms(rate, 15), false);
      expect(Math.abs(change - ms(rate, 8))).toBeLessThanOrEqual(1);
      const heard = Int16Array.from([...whole.subarray(0, from), ...pcm.subarray(from - change)]);
      expect(heard.length).toBe(whole.length + change);
      expect(largestStep(heard)).toBeLessThan(1.1 * own);
    });

    test('never by more than is asked for', () => {
      for (const most of [1, ms(rate, 2), ms(rate, 5), ms(rate, 8.5)]) {
        const pcm = voice(300, rate, ms(rate, 200));
        expect(scale().shorten(pcm, ms(rate, 100), ms(rate, 140), most, true)).toBeLessThanOrEqual(most);
        expect(scale().lengthen(pcm, ms(rate, 100), ms(rate, 140), most, true)).toBeLessThanOrEqual(most);
      }
    });

    test('is left alone in what never repeats', () => {
      const pcm = noise(5000, ms(rate, 200));
      const before = pcm.slice();
      expect(scale().shorten(pcm, ms(rate, 100), ms(rate, 140), ms(rate, 15), false)).toBe(0);
      expect(scale().lengthen(pcm, ms(rate, 100), ms(rate, 140), ms(rate, 15), false)).toBe(0);
      expect(pcm).toEqual(before);
    });

    test('goes by as much as is asked for where nobody speaks', () => {
      const pcm = noise(20, ms(rate, 200));
      expect(scale().shorten(pcm, ms(rate, 100), ms(rate, 140), ms(rate, 12), false)).toBe(ms(rate, 12));
      expect(scale().shorten(pcm, ms(rate, 100), ms(rate, 180), ms(rate, 40), false)).toBe(ms(rate, LONGEST_CHANGE_MS));
    });
  });
});

test('the background is what is softest, and never a loud tone', () => {
  const background = new Background(seeded(1));
  const loud = voice(125, 8000, 160);
  for (let i = 0; i < 100; i++) background.hear(loud, 0, 160);
  expect(background.level).toBe(0);
  const quiet = noise(50, 160);
  for (let i = 0; i < 100; i++) {
    background.hear(loud, 0, 160);
    background.hear(quiet, 0, 160);
  }
  expect(background.level).toBeGreaterThan(40);
  expect(background.level).toBeLessThan(60);
  expect([background.isQuiet(quiet, 0, 160), background.isQuiet(loud, 0, 160)]).toEqual([true, false]);
});

test.each([0, 0.9])('noise has the level of the background, also when neighbouring samples are alike (%f)', (colour) => {
  const random = seeded(8);
  const white = noise(40, 16_000, random);
  let memory = 0;
  const heard = white.map((x) => (memory = x + colour * memory));
  const background = new Background(seeded(1));
  for (let i = 0; i + 160 <= heard.length; i += 160) background.hear(heard, i, 160);
  const made = Int16Array.from({ length: 16_000 }, () => background.next());
  expect(rms(made) / background.level).toBeGreaterThan(0.85);
  expect(rms(made) / background.level).toBeLessThan(1.15);
});
