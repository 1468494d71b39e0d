import { existsSync, readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { loadWav } from '../../../media/file/wav';
import { EN } from '../../../media/prompts/en/prompts';
import { isPrompt, musicFolder, promptFile, promptText, sayDate, sayDigits, sayNumber, sayTime, type PromptKey } from '../../../media/speech';

const KEYS = Object.keys(EN) as PromptKey[];
const said = (keys: PromptKey[]): string => keys.map((key) => promptText(key)).join(' ');

describe('numbers', () => {
  it.each<[number, string]>([
    [0, 'zero'],
    [7, 'seven'],
    [13, 'thirteen'],
    [20, 'twenty'],
    [21, 'twenty one'],
    [90, 'ninety'],
    [100, 'one hundred'],
    [101, 'one hundred one'],
    [342, 'three hundred forty two'],
    [1000, 'one thousand'],
    [8000, 'eight thousand'],
    [9999, 'nine thousand nine hundred ninety nine'],
    [123_456, 'one hundred twenty three thousand four hundred fifty six'],
    [1_000_001, 'one million one'],
    [-5, 'minus five'],
  ])('%d', (n, text) => expect(said(sayNumber(n))).toBe(text));

  it('every one up to 9,999 has its prompts, and no other sounds like it', () => {
    const all = new Set<string>();
    for (let n = 0; n < 10_000; n++) {
      const keys = sayNumber(n);
      expect(keys.every((key) => isPrompt(key))).toBe(true);
      all.add(keys.join(' '));
    }
    expect(all.size).toBe(10_000);
  });

  it.each([1.5, NaN, Infinity, 1e9])('%d cannot be said', (n) => expect(() => sayNumber(n)).toThrow(RangeError));

  it('digits one by one', () => {
    expect(said(sayDigits('+49 (30) 12*#'))).toBe('plus four nine three zero one two star pound');
    expect(sayDigits('sip:x')).toEqual([]);
  });
});

describe('times and dates', () => {
  const at = (iso: string): Date => new Date(iso);

  it.each<[string, 12 | 24, string]>([
    ['2026-11-22T00:00:00Z', 12, 'midnight'],
    ['2026-11-22T12:00:00Z', 12, 'noon'],
    ['2026-11-22T00:05:00Z', 12, 'twelve oh five a.m.'],
    ['2026-11-22T15:00:00Z', 12, "three o'clock p.m."],
    ['2026-11-22T23:59:00Z', 12, 'eleven fifty nine p.m.'],
    ['2026-11-22T00:00:00Z', 24, 'zero hundred hours'],
    ['2026-11-22T15:07:00Z', 24, 'fifteen oh seven'],
    ['2026-11-22T20:45:00Z', 24, 'twenty forty five'],
  ])('%s on a clock of %d hours', (iso, clock, text) => expect(said(sayTime(at(iso), 'UTC', clock))).toBe(text));

  it('is where somebody is', () => {
    expect(said(sayTime(at('2026-07-01T12:30:00Z'), 'Asia/Kolkata', 24))).toBe('eighteen hundred hours');
    expect(said(sayDate(at('2026-11-22T23:30:00Z'), 'Asia/Tokyo'))).toBe('Monday November twenty-third');
    expect(() => sayTime(new Date(), 'Atlantis', 24)).toThrow(RangeError);
    expect(() => sayTime(new Date(NaN), 'UTC', 24)).toThrow(RangeError);
  });

  it('every minute of a day has its prompts, on both clocks, and no other sounds like it', () => {
    for (const clock of [12, 24] as const) {
      const all = new Set<string>();
      for (let minute = 0; minute < 1440; minute++) {
        const keys = sayTime(new Date(Date.UTC(2026, 0, 1, 0, minute)), 'UTC', clock);
        expect(keys.every((key) => isPrompt(key))).toBe(true);
        all.add(keys.join(' '));
      }
      expect(all.size).toBe(1440);
    }
  });

  it('every day of some years has its prompts', () => {
    const now = at('2026-11-22T12:00:00Z');
    for (let day = 0; day < 366 * 3; day++) for (const keys of [sayDate(new Date(Date.UTC(2024, 0, 1 + day)), 'UTC'), sayDate(new Date(Date.UTC(2024, 0, 1 + day)), 'UTC', now)]) expect(keys.every((key) => isPrompt(key))).toBe(true);
  });

  it.each<[string, string]>([
    ['2026-11-22T00:01:00Z', 'today'],
    ['2026-11-21T23:59:00Z', 'yesterday'],
    ['2026-11-20T12:00:00Z', 'Friday'],
    ['2026-11-16T12:00:00Z', 'Monday'],
    ['2026-11-15T12:00:00Z', 'Sunday November fifteenth'],
    ['2025-03-02T12:00:00Z', 'Sunday March second twenty twenty five'],
    ['2005-03-01T12:00:00Z', 'Tuesday March first two thousand five'],
    ['1905-03-03T12:00:00Z', 'Friday March third nineteen oh five'],
    ['1900-03-11T12:00:00Z', 'Sunday March eleventh nineteen hundred'],
    ['2026-11-23T12:00:00Z', 'Monday November twenty-third'],
  ])('%s, on the 22nd of November 2026', (iso, text) => expect(said(sayDate(at(iso), 'UTC', at('2026-11-22T12:00:00Z')))).toBe(text));
});

describe('prompts', () => {
  it('are found by key', () => {
    expect(isAbsolute(promptFile('goodbye'))).toBe(true);
    expect(() => promptFile('nonsense' as PromptKey)).toThrow('There is no prompt "nonsense" in language "en".');
    expect(() => promptFile('../../../etc/passwd' as PromptKey)).toThrow(RangeError);
    expect(() => promptFile('toString' as PromptKey)).toThrow(RangeError);
    expect(() => promptFile('goodbye', 'xx' as 'en')).toThrow(RangeError);
    expect(isPrompt('goodbye')).toBe(true);
    expect(isPrompt('nonsense')).toBe(false);
  });

  it('are all there, and nothing else is', () => {
    const files = readdirSync(join(promptFile('goodbye'), '..')).filter((name) => name.endsWith('.wav'));
    expect(files.sort()).toEqual(KEYS.map((key) => `${key}.wav`).sort());
  });

  it.each(KEYS)('%s can be heard', async (key) => {
    const { sampleRate, pcm, durationMs } = await loadWav(promptFile(key));
    expect(sampleRate).toBe(8000);
    expect(durationMs).toBeGreaterThan(100);
    expect(durationMs).toBeLessThan(8000);
    // A spoken syllable takes a tenth of a second and more: none was cut off.
    const syllables = promptText(key).split(/[^a-zA-Z]+/).filter(Boolean).length;
    expect(durationMs).toBeGreaterThan(100 * syllables);
    const rms = 10 * Math.log10(pcm.reduce((sum, value) => sum + value * value, 0) / pcm.length / 32_768 ** 2);
    expect(rms).toBeGreaterThan(-30);
    expect(rms).toBeLessThan(-18);
    // Trimmed: it begins and ends softly, and soon.
    const loud = (value: number): boolean => Math.abs(value) > 600;
    expect(pcm.findIndex(loud)).toBeLessThan(8000 * 0.15);
    expect(Math.max(Math.abs(pcm[0]!), Math.abs(pcm.at(-1)!))).toBeLessThan(300);
  });

  it('music on hold is there, not silent, and its end meets its beginning', async () => {
    const files = readdirSync(musicFolder());
    expect(files).toEqual(['harp.wav']);
    expect(existsSync(join(musicFolder(), 'harp.wav'))).toBe(true);
    const { pcm, durationMs } = await loadWav(join(musicFolder(), 'harp.wav'));
    expect(durationMs).toBe(36_000);
    const steepest = pcm.reduce((most, value, i) => Math.max(most, i === 0 ? 0 : Math.abs(value - pcm[i - 1]!)), 0);
    expect(Math.abs(pcm[0]! - pcm.at(-1)!)).toBeLessThan(steepest);
    for (let second = 0; second < 36; second++) expect(pcm.subarray(second * 16_000, (second + 1) * 16_000).some((value) => Math.abs(value) > 500)).toBe(true);
  });
});
