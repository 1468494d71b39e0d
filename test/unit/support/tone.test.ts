/** The ear that judges the calls: it must hear what is there, and must not hear what is not. */
import { mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutOut, describe as sound, judge, tone, writeTone } from '../../support/tone';
import { joined, parseWav, readWav, writeWav } from '../../support/wav';

function mixed(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((sample, i) => sample + (b[i] ?? 0));
}

describe('the ear', () => {
  test.each([8000, 16000, 48000])('at %i Hz finds a tone, its loudness, and no other tone', (rate) => {
    const heard = judge({ samples: tone(900, 1, rate, 0.5), rate });
    expect(heard.dominantHz).toBe(900);
    expect(heard.share(900)).toBeGreaterThan(0.99);
    expect(heard.share(600)).toBeLessThan(0.001);
    expect(heard.rms).toBeCloseTo(0.5 / Math.SQRT2, 2);
    expect(heard.silentSpans).toEqual([]);
    expect(heard.loudSeconds).toBeCloseTo(1, 1);
  });

  test('hears both of two tones, and how much of each', () => {
    const heard = judge({ samples: mixed(tone(600, 1, 8000, 0.3), tone(900, 1, 8000, 0.3)), rate: 8000 });
    expect(heard.share(600)).toBeGreaterThan(0.45);
    expect(heard.share(600)).toBeLessThan(0.55);
    expect(heard.share(900)).toBeGreaterThan(0.45);
    expect(heard.share(750)).toBeLessThan(0.01);
  });

  test('a weak echo of the own tone under the other one is heard', () => {
    const heard = judge({ samples: mixed(tone(600, 1, 8000, 0.5), tone(900, 1, 8000, 0.15)), rate: 8000 });
    expect(heard.share(900)).toBeGreaterThan(0.05);
  });

  test('silence has no tone and no loudness', () => {
    const heard = judge({ samples: new Float32Array(8000), rate: 8000 });
    expect(heard).toMatchObject({ rms: 0, dominantHz: 0, loudSeconds: 0, silentSpans: [{ from: 0, to: 1 }] });
    expect(heard.share(900)).toBe(0);
  });

  test('noise is no tone', () => {
    let seed = 1;
    const noise = Float32Array.from({ length: 16000 }, () => ((seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648 - 0.5) * 0.5);
    expect(judge({ samples: noise, rate: 8000 }).share(900)).toBeLessThan(0.05);
  });

  test('tells when the silence was', () => {
    const heard = judge({ samples: joined([tone(600, 1, 8000), new Float32Array(4000), tone(600, 1, 8000)]), rate: 8000 });
    expect(heard.silentSpans).toHaveLength(1);
    expect(heard.silentSpans[0]?.from).toBeCloseTo(1, 1);
    expect(heard.silentSpans[0]?.to).toBeCloseTo(1.48, 1);
    expect(heard.loudSeconds).toBeCloseTo(2, 1);
  });

  test('counts the seconds of each tone where they take turns', () => {
    const recording = { samples: joined([tone(600, 2, 8000), tone(900, 1, 8000)]), rate: 8000 };
    expect(judge(recording).secondsOf(600)).toBeCloseTo(2, 1);
    expect(judge(recording).secondsOf(900)).toBeCloseTo(1, 1);
    expect(judge(cutOut(recording, 2)).dominantHz).toBe(900);
    expect(judge(cutOut(recording, 0, 2)).share(900)).toBeLessThan(0.01);
    expect(sound(recording)).toBe('3.00 s, 3.00 s of sound, loudest at 900 Hz, rms 0.354');
  });
});

describe('WAV files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'offhook-wav-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('what was written is read', () => {
    const file = join(folder, 'a.wav');
    writeTone(file, 700, 0.5, 16000);
    const read = readWav(file);
    expect(read.rate).toBe(16000);
    expect(read.samples).toHaveLength(8000);
    expect(judge(read).dominantHz).toBe(700);
  });

  test('samples beyond full scale are clipped, not wrapped', () => {
    const file = join(folder, 'b.wav');
    writeWav(file, { samples: Float32Array.of(2, -2), rate: 8000 });
    expect([...readWav(file).samples].map(Math.round)).toEqual([1, -1]);
  });

  test('a recording still being written: length in the header is behind the file', () => {
    const file = join(folder, 'c.wav');
    writeTone(file, 700, 0.5, 8000);
    for (const length of [0, 100, 0xffffffff]) {
      const data = readFileSync(file);
      data.writeUInt32LE(length, 40);
      writeFileSync(file, data);
      expect(readWav(file).samples).toHaveLength(4000);
    }
  });

  test('a recording whose header is still a hole', () => {
    const file = join(folder, 'd.wav');
    writeTone(file, 700, 0.5, 48000);
    const data = readFileSync(file).fill(0, 0, 44);
    expect(parseWav(data, 48000)).toMatchObject({ rate: 48000 });
    expect(judge(parseWav(data, 48000)).dominantHz).toBe(700);
    expect(() => parseWav(data)).toThrow('not a WAV file');
  });

  test('chunks around the data are not audio; the first of two channels is read', () => {
    const data = Buffer.concat([
      Buffer.from('RIFF____WAVEfmt ', 'latin1'), le32(16), Buffer.from([1, 0, 2, 0]), le32(8000), le32(32000), Buffer.from([4, 0, 16, 0]),
      Buffer.from('LIST', 'latin1'), le32(3), Buffer.from('abc\0', 'latin1'),
      Buffer.from('data', 'latin1'), le32(8), Buffer.from([0, 64, 0, 0, 0, 192, 0, 0]),
      Buffer.from('LIST', 'latin1'), le32(4), Buffer.from('tail', 'latin1'),
    ]);
    expect(parseWav(data)).toEqual({ rate: 8000, samples: Float32Array.of(0.5, -0.5) });
  });

  test('other sample formats are refused by name', () => {
    const file = join(folder, 'e.wav');
    writeTone(file, 700, 0.1, 8000);
    const data = readFileSync(file);
    data.writeUInt16LE(7, 20);
    expect(() => parseWav(data)).toThrow('WAV format 7');
  });
});

function le32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}
