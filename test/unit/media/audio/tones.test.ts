import { chordPattern, DEFAULT_COUNTRY, keyPattern, silencePattern, Tone, TONE_COUNTRIES, tonePattern, type TonePattern } from '../../../../media/audio/tones';
import type { ToneName } from '../../../../media/audio-types';

const NATIONAL: ToneName[] = ['dial', 'ringback', 'busy', 'reorder', 'sit'];
const OWN: ToneName[] = ['beep', 'join', 'leave', 'record-beep'];

function hear(pattern: TonePattern, ms: number, rate = 8000, limitMs?: number): Int16Array {
  const tone = new Tone(pattern, rate, limitMs);
  const out = new Int16Array((ms * rate) / 1000);
  for (let at = 0; at < out.length; at += rate / 50) tone.read(out.subarray(at, at + rate / 50));
  return out;
}

/** Power at a frequency, dBm0: a sine of full scale has 3.17. */
function levelAt(pcm: Int16Array, hz: number, rate = 8000): number {
  let re = 0;
  let im = 0;
  let weight = 0;
  pcm.forEach((value, i) => {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / pcm.length);
    re += window * value * Math.cos((2 * Math.PI * hz * i) / rate);
    im += window * value * Math.sin((2 * Math.PI * hz * i) / rate);
    weight += window;
  });
  return 20 * Math.log10((2 * Math.hypot(re, im)) / weight / 32_768 + 1e-9) + 3.17;
}

const rmsLevel = (pcm: Int16Array): number => 10 * Math.log10(pcm.reduce((sum, value) => sum + value * value, 0) / pcm.length / (32_768 * 32_768 / 2) + 1e-12) + 3.17;

/** Lengths of sound and silence in turns, ms, to the next 5 ms. */
function cadence(pcm: Int16Array, rate = 8000): number[] {
  const spans: number[] = [];
  let loud = true;
  let from = 0;
  const step = rate / 1000;
  const at = (ms: number): boolean => pcm.subarray(ms * step, ms * step + 3 * step).some((value) => Math.abs(value) > 100);
  for (let ms = 0; ms < pcm.length / step - 3; ms++) {
    if (at(ms) === loud) continue;
    spans.push(Math.round((ms - from) / 5) * 5);
    from = ms;
    loud = !loud;
  }
  return spans;
}

describe('tones by country', () => {
  it.each<[string, ToneName, number[], number[]]>([
    ['us', 'dial', [350, 440], []],
    ['us', 'ringback', [440, 480], [2000, 4000, 2000]],
    ['us', 'busy', [480, 620], [500, 500, 500]],
    ['us', 'reorder', [480, 620], [250, 250, 250]],
    ['gb', 'ringback', [400, 450], [400, 200, 400, 2000, 400]],
    ['gb', 'reorder', [400], [400, 350, 225, 525, 400]],
    ['de', 'busy', [425], [480, 480, 480]],
    ['de', 'reorder', [425], [240, 240, 240]],
    ['fr', 'ringback', [440], [1500, 3500, 1500]],
    ['it', 'dial', [425], [200, 200, 600, 1000, 200]],
    ['UK', 'dial', [350, 440], []],
    ['nowhere', 'dial', [350, 440], []],
    ['constructor', 'dial', [350, 440], []],
  ])('%s %s', (country, name, hz, spans) => {
    const pcm = hear(tonePattern(name, country), 9000);
    expect(cadence(pcm).slice(0, spans.length)).toEqual(spans);
    if (spans.length === 0) expect(cadence(pcm)).toEqual([]);
    const first = pcm.subarray(0, ((spans[0] ?? 4000) * 8) | 0);
    for (const each of hz) expect(levelAt(first, each)).toBeCloseTo(-16 - 10 * Math.log10(hz.length), 0);
    // Nothing else: all its power is at its frequencies.
    expect(rmsLevel(first)).toBeGreaterThan(-16.5);
    expect(rmsLevel(first)).toBeLessThan(-15.5);
  });

  it('all of them can be heard, never clip, and never click', () => {
    expect(TONE_COUNTRIES).toEqual(expect.arrayContaining(['at', 'au', 'ch', 'de', 'es', 'fr', 'gb', 'in', 'it', 'jp', 'nl', 'us']));
    for (const country of TONE_COUNTRIES)
      for (const name of [...NATIONAL, ...OWN]) {
        const pcm = hear(tonePattern(name, country), 500);
        expect({ country, name, peak: pcm.every((value) => Math.abs(value) < 12_000), loud: rmsLevel(pcm) > -35 }).toEqual({ country, name, peak: true, loud: true });
        expect(Math.abs(pcm[0]!)).toBeLessThan(200);
      }
    expect(DEFAULT_COUNTRY).toBe('us');
  });

  it('an edge spreads no noise over the band', () => {
    // 400 Hz beginning and ending: what is heard around 3 kHz.
    const pcm = hear(tonePattern('busy', 'gb'), 3000);
    for (const hz of [2530, 3010, 3450]) expect(levelAt(pcm, hz)).toBeLessThan(-75);
  });

  it('special information: three rising tones', () => {
    const pcm = hear(tonePattern('sit'), 1000);
    [950, 1400, 1800].forEach((hz, i) => expect(levelAt(pcm.subarray(i * 2640 + 100, (i + 1) * 2640 - 100), hz)).toBeCloseTo(-16, 0));
  });

  it('modulated: the carrier and two side bands', () => {
    const pcm = hear(tonePattern('dial', 'in'), 4000);
    expect([375, 400, 425].map((hz) => Math.round(levelAt(pcm, hz) * 10) / 10)).toEqual([-23.8, -17.8, -23.8]);
    expect(rmsLevel(pcm)).toBeCloseTo(-16, 0);
  });
});

it('keys are those of Q.23', () => {
  const pcm = hear(keyPattern('159d*0#'), 7 * 200);
  const frequencies = [697, 770, 852, 941, 1209, 1336, 1477, 1633];
  const found = [...'159d*0#'].map((_, i) => frequencies.filter((hz) => levelAt(pcm.subarray(i * 1600, i * 1600 + 800), hz) > -12));
  expect(found).toEqual([[697, 1209], [770, 1336], [852, 1477], [941, 1633], [941, 1209], [941, 1336], [941, 1477]]);
  expect(cadence(pcm).slice(0, 4)).toEqual([100, 100, 100, 100]);
  expect(() => keyPattern('12x')).toThrow(RangeError);
});

describe('a tone', () => {
  it('keeps its frequency and its cadence where segments are no whole number of samples', () => {
    // 167 ms at 11,025 Hz are 1,841.2 samples: rounded one by one, 150 cycles would be 5 ms off.
    const pattern = tonePattern('reorder', 'be');
    const tone = new Tone(pattern, 11_025);
    tone.skip(150 * 334);
    const later = new Int16Array(11_025);
    tone.read(later);
    const first = new Int16Array(11_025);
    new Tone(pattern, 11_025).read(first);
    const edges = (pcm: Int16Array): number[] => [...pcm].flatMap((value, i) => (i > 50 && Math.abs(value) > 300 && pcm.subarray(i - 50, i).every((before) => Math.abs(before) <= 300) ? [i] : []));
    expect(edges(first).length).toBe(2);
    edges(first).forEach((at, i) => expect(Math.abs(edges(later)[i]! - at)).toBeLessThan(12));
    const dial = new Tone(tonePattern('dial', 'de'), 8000);
    dial.skip(60_000);
    const second = new Int16Array(8000);
    dial.read(second);
    expect(levelAt(second, 425)).toBeGreaterThan(-16.1);
  });

  it('ends when it is to end, in the middle of a frame, and is done', () => {
    const tone = new Tone(chordPattern([1000], 50), 8000);
    const out = new Int16Array(160).fill(7);
    expect([tone.read(out), tone.done, tone.read(out), tone.done, tone.read(out), tone.done]).toEqual([true, false, true, false, true, true]);
    expect(out.subarray(80)).toEqual(new Int16Array(80));
    expect(tone.read(out)).toBe(false);
    expect(out).toEqual(new Int16Array(160));
  });

  it('is cut by a limit, softly', () => {
    const pcm = hear(tonePattern('dial'), 1000, 8000, 333);
    expect(cadence(pcm)[0]).toBe(335);
    expect(Math.abs(pcm[333 * 8 - 1]!)).toBeLessThan(100);
  });

  it('goes on at another rate', () => {
    const tone = new Tone(tonePattern('busy', 'de'), 8000);
    const narrow = new Int16Array(8 * 240);
    tone.read(narrow);
    tone.setSampleRate(48000);
    const wide = new Int16Array(48 * 760);
    tone.read(wide);
    expect(cadence(wide, 48000)).toEqual([240, 480]);
    expect(levelAt(wide.subarray(0, 48 * 235), 425, 48000)).toBeCloseTo(-16, 0);
    // The sine has no seam.
    expect(Math.abs(wide[0]! - narrow.at(-1)!)).toBeLessThan(1500);
  });

  it('leaves out what a rate cannot carry', () => {
    const tone = new Tone(chordPattern([1000, 6000], 1000), 8000);
    const out = new Int16Array(8000);
    tone.read(out);
    expect(levelAt(out, 2000)).toBeLessThan(-70);
    expect(levelAt(out, 1000)).toBeCloseTo(-19, 0);
  });

  it('of nothing is done at once', () => {
    for (const tone of [new Tone(keyPattern(''), 8000), new Tone(silencePattern(0), 8000), new Tone({ segments: [], repeat: true }, 8000), new Tone(tonePattern('dial'), 8000, 0)]) {
      expect(tone.done).toBe(true);
      expect(tone.read(new Int16Array(160))).toBe(false);
    }
  });

  it('refuses what cannot be heard', () => {
    expect(() => chordPattern([5], 100)).toThrow(RangeError);
    expect(() => chordPattern([NaN], 100)).toThrow(RangeError);
    expect(() => chordPattern([440], 100, 3)).toThrow(RangeError);
    expect(() => chordPattern(new Array(9).fill(440), 100)).toThrow(RangeError);
  });
});
