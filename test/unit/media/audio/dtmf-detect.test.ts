import { DtmfDetector } from '../../../../media/audio/dtmf-detect';
import { DtmfTone } from '../../../../media/audio/dtmf-tone';
import { DTMF_COLUMNS, DTMF_DIGITS, DTMF_KEYPAD, DTMF_ROWS } from '../../../../media/dtmf';

// in jest's context a global costs more to look up than a sine to compute
const { PI, cos, imul, log, max, min, round, sin, sqrt } = Math;

/** Numbers that are the same in every run: mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = imul(state ^ (state >>> 15), 1 | state);
    t = (t + imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const FULL = 32767;
const dbov = (db: number): number => FULL * 10 ** (db / 20);
const seconds = (s: number, rate = 8000): Float64Array => new Float64Array(round(s * rate));

interface Press {
  key?: string;
  ms?: number;
  /** Level of each, dB below full scale (peak of the sine). */
  row?: number;
  column?: number;
  /** Of both frequencies, or of one. */
  off?: number;
  rowOff?: number;
  columnOff?: number;
  at?: number;
}

function press(pcm: Float64Array, { key = '5', ms = 60, row = -12, column = -12, off = 0, rowOff = off, columnOff = off, at = 0.1 }: Press, rate = 8000): Float64Array {
  const place = DTMF_KEYPAD.indexOf(key);
  const [f1, f2] = [DTMF_ROWS[place >> 2]! * (1 + rowOff), DTMF_COLUMNS[place & 3]! * (1 + columnOff)];
  const from = round(at * rate);
  for (let i = 0; i < (ms * rate) / 1000; i++) {
    pcm[from + i]! += dbov(row) * sin((2 * PI * f1 * i) / rate + 1) + dbov(column) * sin((2 * PI * f2 * i) / rate + 2);
  }
  return pcm;
}

/** White noise this many dB below a press of two tones at -12. */
function noise(pcm: Float64Array, snr: number, seed: number): Float64Array {
  const next = random(seed);
  const power = dbov(-12) ** 2 / 10 ** (snr / 10);
  for (let i = 0; i < pcm.length; i++) pcm[i]! += sqrt(-2 * log(next() + 1e-12)) * cos(2 * PI * next()) * sqrt(power);
  return pcm;
}

function heard(pcm: Float64Array, rate = 8000): string {
  const detector = new DtmfDetector(rate);
  const frame = new Int16Array(rate / 50);
  let digits = '';
  for (let at = 0; at + frame.length <= pcm.length; at += frame.length) {
    for (let i = 0; i < frame.length; i++) frame[i] = max(-32768, min(32767, round(pcm[at + i]!)));
    digits += detector.process(frame);
  }
  return digits;
}

const keys = [...DTMF_DIGITS];

describe('a press is heard once', () => {
  test.each(keys)('%s at 8, 16 and 48 kHz', (key) => {
    for (const rate of [8000, 16000, 48000]) expect(heard(press(seconds(0.4, rate), { key }, rate), rate)).toBe(key);
  });

  test.each([0, 7, 13, 20, 33, 39])('40 ms of every key, wherever in a frame it begins (%i samples)', (shift) => {
    for (const key of keys) expect([key, heard(press(seconds(0.4), { key, ms: 40, at: 0.1 + shift / 8000 }))]).toEqual([key, key]);
  });

  test('with noise 15 dB below, in 20 drawings of every key', () => {
    let missed = 0;
    let wrong = 0;
    for (const key of keys) {
      for (let seed = 1; seed <= 20; seed++) {
        const got = heard(noise(press(seconds(0.3), { key, ms: 60 }), 15, seed * 100 + keys.indexOf(key)));
        if (got === '') missed++;
        else if (got !== key) wrong++;
      }
    }
    expect({ missed, wrong }).toEqual({ missed: 0, wrong: 0 });
  });

  test.each([-0.015, -0.01, 0.01, 0.015])('off by %d of its frequency', (off) => {
    for (const key of keys) expect([key, heard(noise(press(seconds(0.4), { key, off }), 25, 3))]).toEqual([key, key]);
  });

  test.each([0, -3, -10, -20, -28])('at %i dB below the loudest', (level) => {
    for (const key of keys) expect([key, heard(press(seconds(0.4), { key, row: level - 6, column: level - 6 }))]).toEqual([key, key]);
  });

  test.each<[string, number, number]>([['column 4 dB above', -14, -10], ['row 8 dB above', -10, -18]])('twisted: %s', (_, row, column) => {
    for (const key of keys) expect([key, heard(noise(press(seconds(0.4), { key, row, column }), 30, 4))]).toEqual([key, key]);
  });

  test('for as long as it lasts, and again after a pause of 40 ms, the same key or another', () => {
    expect(heard(press(seconds(3), { ms: 2500 }))).toBe('5');
    const pcm = seconds(1);
    for (let i = 0; i < 6; i++) press(pcm, { key: '112233'[i]!, ms: 50, at: 0.1 + i * 0.09 });
    expect(heard(pcm)).toBe('112233');
  });

  test('though it is interrupted for 10 ms', () => {
    expect(heard(press(press(seconds(0.5), { ms: 60 }), { ms: 60, at: 0.17 }))).toBe('5');
  });

  test('after `reset` nothing of before counts', () => {
    const detector = new DtmfDetector(8000);
    const frame = new Int16Array(160);
    const tone = new DtmfTone(8000);
    tone.queue('5', 40);
    tone.read(frame);
    detector.process(frame);
    detector.reset();
    tone.read(frame);
    expect(detector.process(frame)).toBe('');
  });
});

describe('what is no press', () => {
  test.each([-0.035, 0.035, -0.05, 0.05])('one frequency off by %d', (off) => {
    for (const key of keys) {
      expect([key, heard(press(seconds(0.4), { key, rowOff: off }))]).toEqual([key, '']);
      expect([key, heard(press(seconds(0.4), { key, columnOff: off }))]).toEqual([key, '']);
    }
  });

  test('20 ms', () => {
    for (const key of keys) expect([key, heard(press(seconds(0.4), { key, ms: 20 }))]).toEqual([key, '']);
  });

  test.each<[string, number, number]>([['column 9 dB above', -19, -10], ['row 14 dB above', -10, -24], ['too soft', -42, -42]])('%s', (_, row, column) => {
    for (const key of keys) expect([key, heard(press(seconds(0.4), { key, row, column }))]).toEqual([key, '']);
  });

  test('noise equally loud', () => {
    for (const key of keys) expect([key, heard(noise(press(seconds(0.4), { key }), -3, 5))]).toEqual([key, '']);
  });

  test('one tone, at any frequency', () => {
    for (let hz = 200; hz < 3900; hz += 19) expect([hz, heard(seconds(0.2).map((_, i) => 9000 * sin((2 * PI * hz * i) / 8000)))]).toEqual([hz, '']);
  });

  test('chords of two and three notes of the scale, with their harmonics', () => {
    const note = (n: number): number => 220 * 2 ** (n / 12);
    for (let low = 0; low < 36; low += 2) {
      for (const chord of [[0, 4, 7], [0, 3, 7], [0, 12], [0, 7], [0, 9]]) {
        const pcm = seconds(0.3).map((_, i) => chord.reduce((sum, n) => sum + [1, 0.5, 0.3, 0.2].reduce((s, gain, h) => s + 4000 * gain * sin((2 * PI * note(low + n) * (h + 1) * i) / 8000), 0), 0));
        expect([low, chord, heard(pcm)]).toEqual([low, chord, '']);
      }
    }
  });

  test('glides, clicks and white noise', () => {
    const next = random(9);
    expect(heard(seconds(5).map(() => (next() - 0.5) * 40000))).toBe('');
    expect(heard(seconds(5).map((_, i) => (i % 800 === 0 ? 30000 : 0)))).toBe('');
    expect(heard(seconds(5).map((_, i) => 12000 * sin((i % 4000) * (0.3 + (i % 4000) / 8000)) + 12000 * sin((i % 5000) * (0.7 + (i % 5000) / 9000))))).toBe('');
  });

  test('vowels: a glottal pulse through two formants, its pitch falling by a sixth, at many pitches and shapes', () => {
    let digits = '';
    for (let pitch = 80; pitch <= 300; pitch += 31) {
      for (const [f1, f2] of [[270, 2290], [390, 1990], [530, 1840], [660, 1720], [730, 1090], [570, 840], [440, 1020], [300, 870], [640, 1190], [700, 1340], [850, 1480]] as const) {
        const pcm = seconds(0.2);
        for (let h = 1; h * pitch < 3600; h++) {
          const hz = h * pitch;
          const gain = (1 / h) * (1 / (1 + ((hz - f1) / 60) ** 2) + 0.7 / (1 + ((hz - f2) / 90) ** 2)) * 40000;
          for (let i = 0; i < pcm.length; i++) pcm[i]! += gain * sin((2 * PI * hz * (i - (i * i) / 19200)) / 8000 + h);
        }
        digits += heard(pcm);
      }
    }
    expect(digits).toBe('');
  });
});

test('what the generator makes is what the detector hears, at any rate', () => {
  for (const rate of [8000, 16000, 48000]) {
    const tone = new DtmfTone(rate, { gapMs: 60 });
    tone.queue(DTMF_DIGITS, 70);
    const detector = new DtmfDetector(rate);
    const frame = new Int16Array(rate / 50);
    let digits = '';
    while (tone.read(frame)) digits += detector.process(frame);
    expect(digits).toBe(DTMF_DIGITS);
    expect(detector.digits).toBe(16);
  }
});

test('rates that are no multiple of 8000 are refused', () => {
  expect(() => new DtmfDetector(44100)).toThrow(RangeError);
});
