import { levelOf, peak, VoiceActivity } from '../../../../media/audio/level';

test.each<[string, Int16Array, number]>([
  ['silence', new Int16Array(160), -127],
  ['the loudest there is', new Int16Array(160).fill(-32768), 0],
  ['a full-scale sine', Int16Array.from({ length: 160 }, (_, i) => 32767 * Math.sin((2 * Math.PI * i) / 16)), -3.01],
  ['a tenth of it', Int16Array.from({ length: 160 }, (_, i) => 3276.7 * Math.sin((2 * Math.PI * i) / 16)), -23.01],
  ['the smallest there is', new Int16Array(160).fill(1), -90.31],
])('level of %s', (_, pcm, level) => {
  expect(levelOf(pcm)).toBeCloseTo(level, 1);
});

test('peak counts both signs, and only as far as told', () => {
  expect(peak(Int16Array.from([1, -32768, 5]))).toBe(32768);
  expect(peak(Int16Array.from([1, 3, -9]), 2)).toBe(3);
  expect(levelOf(Int16Array.from([0, 0, 9999]), 2)).toBe(-127);
});

describe('talking', () => {
  /** [level, frames] … → frames in which it talks, as runs [from, to). */
  function runs(script: Array<[number, number]>): Array<[number, number]> {
    const activity = new VoiceActivity();
    const found: Array<[number, number]> = [];
    let at = 0;
    for (const [level, frames] of script) {
      for (let i = 0; i < frames; i++, at++) {
        if (!activity.update(level)) continue;
        const last = found[found.length - 1];
        if (last && last[1] === at) last[1]++;
        else found.push([at, at + 1]);
      }
    }
    return found;
  }

  test.each<[string, Array<[number, number]>, Array<[number, number]>]>([
    ['begins with the third loud frame and outlives the voice by 400 ms', [[-70, 10], [-25, 50], [-70, 100]], [[12, 79]]],
    ['a click is none', [[-70, 10], [-10, 2], [-70, 50]], []],
    ['pauses between words do not end it', [[-70, 10], [-25, 20], [-70, 15], [-25, 20], [-70, 100]], [[12, 84]]],
    ['soft speech above a quiet room', [[-75, 10], [-45, 50], [-75, 100]], [[12, 79]]],
    ['what is too soft to be meant', [[-100, 10], [-60, 100]], []],
    ['steady noise stops being talk', [[-40, 600]], [[2, 169]]],
    ['over steady noise, a voice well above it', [[-40, 600], [-20, 50], [-40, 100]], [[2, 169], [602, 669]]],
    ['silence', [[-127, 100]], []],
  ])('%s', (_, script, expected) => {
    expect(runs(script)).toEqual(expected);
  });

  test('the noise found, and forgotten', () => {
    const activity = new VoiceActivity();
    for (let i = 0; i < 400; i++) activity.process(new Int16Array(160).fill(i % 2 ? 328 : -328));
    expect(activity.noise).toBeCloseTo(-40, 0);
    activity.reset();
    expect([activity.noise, activity.talking, activity.level]).toEqual([-70, false, -127]);
  });
});
