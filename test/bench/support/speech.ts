/** Something to listen to: four passages of eight seconds, by two voices of espeak-ng where that is installed, else by an instrument of ours. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Resampler } from '../../../media/audio/resample';
import { loadWav } from '../../../media/file/wav';

export const PASSAGE_SECONDS = 8;

export interface Speech {
  /** What it is, for the notes. */
  from: string;
  rate: number;
  /** Each PASSAGE_SECONDS long, with silence at both ends. */
  passages: Int16Array[];
}

/** Everyday sentences with all kinds of sounds in them; any will do. */
const TEXTS = [
  ['en-us', 'Please hold the line, I will put you through to the workshop. They should have the parts by Thursday, and the bill comes later.'],
  ['en-us+f3', 'Our office is closed over the holidays. Leave your name and number after the tone, and somebody will call you back tomorrow.'],
  ['en-us+m3', 'The train was late again, so the whole group missed the boat. Fish and chips by the harbour made up for most of it, though.'],
  ['en-us+f2', 'Could you check whether six boxes of paper are left? We also need a new chair, two yellow lamps and something against the cold.'],
] as const;

/** dB below full scale, of what is spoken (ITU-T P.830 asks for about this). */
const LEVEL_DB = -26;

export async function speech(rate: number): Promise<Speech> {
  const folder = mkdtempSync(join(tmpdir(), 'speech-'));
  try {
    const passages: Int16Array[] = [];
    for (const [voice, text] of TEXTS) {
      const file = join(folder, `${passages.length}.wav`);
      const { status } = spawnSync('espeak-ng', ['-v', voice, '-s', '165', '-w', file, text]);
      if (status !== 0) return { from: 'a synthetic voice of our own (espeak-ng is not installed)', rate, passages: TEXTS.map((_, i) => hum(rate, i)) };
      const { pcm, sampleRate } = await loadWav(file);
      passages.push(passage(resample(pcm, sampleRate, rate), rate));
    }
    return { from: 'espeak-ng, four passages of 8 s by four voices', rate, passages };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function resample(pcm: Int16Array, from: number, to: number): Int16Array {
  const resampler = new Resampler(from, to);
  const out = new Int16Array(resampler.outputLength(pcm.length));
  resampler.process(pcm, pcm.length, out);
  return out;
}

/** In the middle of its eight seconds, at the level. */
function passage(pcm: Int16Array, rate: number): Int16Array {
  const out = new Int16Array(PASSAGE_SECONDS * rate);
  const half = rate / 2;
  const spoken = pcm.subarray(0, out.length - 2 * half);
  let energy = 0;
  for (const value of spoken) energy += value * value;
  const gain = (32_768 * 10 ** (LEVEL_DB / 20)) / Math.sqrt(energy / spoken.length);
  for (let i = 0; i < spoken.length; i++) out[half + i] = Math.max(-32_768, Math.min(32_767, Math.round(spoken[i]! * gain)));
  return out;
}

/** Syllables of a buzz with two resonances that wander: no speech, but periodic, changing and with pauses like it. */
function hum(rate: number, which: number): Int16Array {
  const pcm = Int16Array.from({ length: 7 * rate }, (_, i) => {
    const t = i / rate;
    const pitch = (which % 2 === 0 ? 110 : 200) * (1 + 0.1 * Math.sin(2 * Math.PI * 0.7 * t + which));
    const [low, high] = [500 + 250 * Math.sin(2 * Math.PI * 1.9 * t), 1600 + 600 * Math.sin(2 * Math.PI * 1.3 * t + which)];
    let value = 0;
    for (let k = 1; k * pitch < Math.min(3800, rate / 2); k++) {
      const hz = k * pitch;
      const weight = 1 / (1 + ((hz - low) / 120) ** 2) + 0.5 / (1 + ((hz - high) / 200) ** 2);
      value += weight * Math.sin(2 * Math.PI * k * (which % 2 === 0 ? 110 : 200) * (t - (0.1 * Math.cos(2 * Math.PI * 0.7 * t + which)) / (2 * Math.PI * 0.7)));
    }
    return 4000 * value * Math.max(0, Math.sin(2 * Math.PI * 3 * t)) * (t % 2 < 1.6 ? 1 : 0);
  });
  return passage(pcm, rate);
}
