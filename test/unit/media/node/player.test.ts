import { chordPattern, keyPattern, silencePattern, tonePattern } from '../../../../media/audio/tones';
import { Player, type PlayerItem, type PlayerOptions } from '../../../../media/node/player';

const RATE = 8000;
const sine = (hz: number, ms: number, rate = RATE, amplitude = 8000, phase = 0): Int16Array => Int16Array.from({ length: Math.round((ms * rate) / 1000) }, (_, i) => Math.round(amplitude * Math.sin(2 * Math.PI * (phase + (hz * i) / rate))));
const clip = (pcm: Int16Array, sampleRate = RATE): PlayerItem => ({ clip: { name: 'test', sampleRate, pcm } });

/** All of it, and how often `read` said that there was something. */
function hear(player: Player, rate = RATE, maxMs = 10_000): Int16Array {
  const frames: number[] = [];
  const frame = new Int16Array(rate / 50);
  while (!player.done && frames.length < (maxMs * rate) / 1000) {
    player.read(frame);
    frames.push(...frame);
  }
  return Int16Array.from(frames);
}
const play = (items: PlayerItem[], options: Partial<PlayerOptions> = {}): Player => new Player(items, { sampleRate: RATE, ...options });

function power(pcm: Int16Array, hz: number, rate = RATE): number {
  let re = 0;
  let im = 0;
  pcm.forEach((value, i) => {
    re += value * Math.cos((2 * Math.PI * hz * i) / rate);
    im += value * Math.sin((2 * Math.PI * hz * i) / rate);
  });
  return (2 * Math.hypot(re, im)) / pcm.length;
}
/** The largest step between neighbours. */
const steepest = (pcm: ArrayLike<number>): number => Array.from(pcm).reduce((most, value, i) => (i === 0 ? 0 : Math.max(most, Math.abs(value - pcm[i - 1]!))), 0);

describe('one item', () => {
  it('is heard as it is, then silence, then it is done', () => {
    const pcm = sine(300, 50);
    const player = play([clip(pcm)]);
    const heard = hear(player);
    expect(heard.subarray(0, 400)).toEqual(pcm);
    expect(heard.subarray(440).every((value) => value === 0)).toBe(true);
    expect(player.done).toBe(true);
    expect(player.playedMs).toBe(50);
    const frame = new Int16Array(160).fill(3);
    expect(player.read(frame)).toBe(false);
    expect(frame).toEqual(new Int16Array(160));
  });

  it.each([8000, 11_025, 16_000, 22_050, 44_100, 48_000])('of %d Hz has its length and its pitch at every rate, and no delay', (rate) => {
    for (const to of [8000, 16_000, 48_000]) {
      const player = play([clip(sine(500, 400, rate), rate)], { sampleRate: to });
      const heard = hear(player, to);
      expect(player.playedMs).toBeCloseTo(400, 1);
      expect(power(heard.subarray(0, 0.4 * to), 500, to)).toBeGreaterThan(7700);
      // In phase with the original but for a twentieth of a turn: no delay of a filter was left in.
      const original = sine(500, 400, to);
      const middle = heard.subarray(0.1 * to, 0.3 * to);
      const error = middle.reduce((sum, value, i) => sum + (value - original[0.1 * to + i]!) ** 2, 0) / middle.length;
      expect(Math.sqrt(error)).toBeLessThan(900);
    }
  });

  it('begins later with fromMs, is louder with gain, and never beyond full scale', () => {
    const ramp = Int16Array.from({ length: 1600 }, (_, i) => i);
    const player = play([clip(ramp)], { fromMs: 100, gainDb: 6.0206 });
    const heard = hear(player);
    expect(player.playedMs).toBe(100);
    expect([heard[100], heard[799]]).toEqual([1800, 3198]);
    const loud = hear(play([clip(sine(300, 100, RATE, 30_000))], { gainDb: 20 }));
    expect([Math.max(...loud), Math.min(...loud)]).toEqual([32_767, -32_768]);
  });

  it('of nothing: done at once', () => {
    for (const items of [[], [clip(new Int16Array(0))], [{ pattern: silencePattern(0) }], [clip(new Int16Array(0)), { pattern: keyPattern('') }]])
      for (const loop of [false, true]) {
        const player = play(items as PlayerItem[], { loop });
        expect(player.done).toBe(true);
        expect(player.read(new Int16Array(160))).toBe(false);
      }
    expect(hear(play([clip(sine(300, 100))], { fromMs: 5000 })).length).toBe(0);
  });
});

describe('several', () => {
  it('follow one another without a gap', () => {
    const whole = sine(310, 300);
    const heard = hear(play([clip(whole.subarray(0, 777)), clip(whole.subarray(777, 1500)), clip(new Int16Array(0)), clip(whole.subarray(1500))]));
    expect(heard.subarray(0, whole.length)).toEqual(whole);
  });

  it('of different rates too', () => {
    const heard = hear(play([clip(sine(500, 200, 16_000), 16_000), clip(sine(500, 200)), clip(sine(500, 200, 48_000), 48_000)]));
    expect(power(heard.subarray(0, 4800), 500)).toBeGreaterThan(7800);
    for (let at = 0; at + 80 <= 4800; at += 80) expect(Math.max(...heard.subarray(at, at + 80))).toBeGreaterThan(6000);
  });

  it('with tones, keys and silence', () => {
    const player = play([{ pattern: chordPattern([1000], 100) }, { pattern: silencePattern(60) }, { pattern: keyPattern('5') }, { pattern: tonePattern('dial', 'de'), limitMs: 200 }]);
    const heard = hear(player);
    expect(player.playedMs).toBe(100 + 60 + 200 + 200);
    expect(power(heard.subarray(80, 720), 1000)).toBeGreaterThan(3000);
    expect(heard.subarray(840, 1280).every((value) => value === 0)).toBe(true);
    expect(power(heard.subarray(1360, 2000), 770)).toBeGreaterThan(5000);
    expect(power(heard.subarray(3000, 4400), 425)).toBeGreaterThan(3000);
  });

  it('do not click where they meet, begin, or end', () => {
    // Cut where they are loudest: the steps would be 12,000 and 24,000.
    const a = sine(200, 52.5, RATE, 12_000, 0.25);
    const b = sine(200, 50, RATE, 12_000, 0.75);
    const heard = hear(play([clip(a), clip(b)]));
    const own = (12_000 * 2 * Math.PI * 200) / RATE;
    expect(steepest(heard)).toBeLessThan(2.5 * own);
    expect(Math.abs(heard[0]!)).toBeLessThan(100);
  });

  it('a loop has no seam when its clip has none, and goes on for ever', () => {
    const heard = hear(play([clip(sine(400, 100))], { loop: true }), RATE, 1000);
    expect(heard).toEqual(sine(400, 1000));
  });

  it('are shuffled anew each round, and none is heard twice in a row', () => {
    let state = 1;
    const random = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
    const values = [1000, 2000, 3000, 4000, 5000];
    const player = play(
      values.map((value) => clip(new Int16Array(160).fill(value))),
      { loop: true, shuffle: true, random },
    );
    const order: number[] = [];
    const frame = new Int16Array(160);
    for (let i = 0; i < 500; i++) {
      player.read(frame);
      order.push(frame[120]!);
    }
    const rounds = Array.from({ length: 100 }, (_, i) => order.slice(i * 5, i * 5 + 5));
    for (const round of rounds) expect([...round].sort()).toEqual(values);
    expect(new Set(rounds.map(String)).size).toBeGreaterThan(30);
    expect(order.some((value, i) => i > 0 && value === order[i - 1])).toBe(false);
  });
});

describe('stopped', () => {
  it('fades within 5 ms and is done', () => {
    const player = play([{ pattern: tonePattern('dial', 'de') }]);
    const frame = new Int16Array(160);
    for (let i = 0; i < 5; i++) player.read(frame);
    expect(player.done).toBe(false);
    const before = frame.at(-1)!;
    player.stop();
    player.stop();
    expect(player.read(frame)).toBe(true);
    expect(frame.subarray(41)).toEqual(new Int16Array(119));
    expect(Math.max(...frame.subarray(0, 20).map(Math.abs))).toBeGreaterThan(1500);
    expect(steepest([before, ...frame])).toBeLessThan(1300);
    expect(player.done).toBe(true);
    expect(player.playedMs).toBeGreaterThan(100);
  });

  it('before it was heard: nothing', () => {
    const player = play([{ pattern: tonePattern('dial') }]);
    player.stop();
    expect(player.done).toBe(true);
    expect(player.read(new Int16Array(160))).toBe(false);
  });
});

it('goes on at another rate: same place, same pitch, no click', () => {
  const player = play([clip(sine(500, 500, 16_000), 16_000), { pattern: tonePattern('dial', 'de'), limitMs: 300 }]);
  const narrow = new Int16Array(160);
  const parts: Int16Array[] = [];
  for (let i = 0; i < 10; i++) {
    player.read(narrow);
    parts.push(narrow.slice());
  }
  player.setSampleRate(48_000);
  const wide = hear(player, 48_000);
  expect(player.playedMs).toBeCloseTo(800, 0);
  expect(power(wide.subarray(480, 14_400), 500, 48_000)).toBeGreaterThan(7500);
  expect(power(wide.subarray(15_000, 28_000), 425, 48_000)).toBeGreaterThan(3000);
  // 500 Hz of 8,000 moves by 524 a sample at 48 kHz, by 3,100 at 8 kHz.
  expect(steepest(wide.subarray(0, 2000))).toBeLessThan(1100);
  expect(Math.abs(wide[0]! - parts.at(-1)!.at(-1)!)).toBeLessThan(3300);
});
