#!/usr/bin/env node
/**
 * Makes the music on hold: `node media/prompts/make-music.mjs`. A piece of our own, so that nobody else's rights are in it: four chords, broken
 * from below to above and back on something like a harp, a soft bass, a little echo. It ends where it begins: notes and echoes that last beyond
 * the end sound on at the beginning, so that the loop has no seam.
 *
 *   notes ─► sines with overtones that die away ─► echoes ─► (wrapped around the end) ─► level ─► µ-law WAV, 16 kHz
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { leveled, ulawWav } from './sound.mjs';

const RATE = 16_000;
const BAR_SECONDS = 2.25;
const STEPS = 8;

/** Semitones from A at 220 Hz: the bass, and the harp's notes in their order. Twice four bars; the second time ends differently. */
const BARS = [
  { bass: -12, notes: [0, 7, 12, 16, 19, 16, 12, 7] },
  { bass: -15, notes: [-3, 4, 9, 12, 16, 12, 9, 4] },
  { bass: -10, notes: [2, 5, 9, 14, 17, 14, 9, 5] },
  { bass: -17, notes: [-5, 2, 7, 11, 14, 11, 7, 2] },
  { bass: -12, notes: [0, 4, 7, 12, 16, 19, 16, 12] },
  { bass: -8, notes: [-1, 4, 7, 11, 16, 11, 7, 4] },
  { bass: -7, notes: [-3, 0, 5, 9, 12, 17, 12, 9] },
  { bass: -5, notes: [-5, 0, 2, 7, 11, 14, 11, 7] },
];
/** Above the second half of each bar a long note; null: none. */
const MELODY = [24, null, 21, 23, 19, null, 21, 19, 24, 26, 28, null, 24, 23, 21, 19];

const length = Math.round(2 * BARS.length * BAR_SECONDS * RATE);
const piece = new Float64Array(length);

/** A plucked note: overtones die away faster than the fundamental. */
function pluck(atSeconds, semitones, loudness, seconds) {
  const hz = 220 * 2 ** (semitones / 12);
  const from = Math.round(atSeconds * RATE);
  for (let i = 0; i < 4 * seconds * RATE; i++) {
    const t = i / RATE;
    let value = 0;
    for (let overtone = 1; overtone <= 5 && hz * overtone < 3400; overtone++) {
      value += (Math.exp((-t * overtone ** 0.8) / seconds) / overtone ** 1.7) * Math.sin(2 * Math.PI * hz * overtone * t);
    }
    piece[(from + i) % length] += loudness * value * Math.min(1, t / 0.006);
  }
}

/** A note that swells and goes. */
function swell(atSeconds, semitones, loudness, seconds) {
  const hz = 220 * 2 ** (semitones / 12);
  const from = Math.round(atSeconds * RATE);
  for (let i = 0; i < seconds * RATE; i++) {
    const t = i / RATE;
    const envelope = Math.sin((Math.PI * t) / seconds) ** 2;
    const vibrato = 0.25 * Math.sin(2 * Math.PI * 4.5 * t);
    piece[(from + i) % length] += loudness * envelope * (Math.sin(2 * Math.PI * hz * t + vibrato) + 0.2 * Math.sin(4 * Math.PI * hz * t));
  }
}

for (let bar = 0; bar < 2 * BARS.length; bar++) {
  const { bass, notes } = BARS[bar % BARS.length];
  const start = bar * BAR_SECONDS;
  // Telephones carry nothing below 300 Hz: the bass is heard by its overtones, so it sits an octave higher than it would on a record.
  pluck(start, bass + 12, 0.5, 0.9);
  notes.forEach((note, step) => pluck(start + (step * BAR_SECONDS) / STEPS, note + 12, step % 4 === 0 ? 0.42 : 0.32, 0.45));
  const melody = MELODY[bar];
  if (melody !== null) swell(start + BAR_SECONDS / 4, melody, 0.16, BAR_SECONDS);
}

/** Three echoes, around the end as well. */
const wet = Float64Array.from(piece, (value, i) =>
  [0.19, 0.31, 0.47].reduce((sum, seconds, n) => sum + [0.3, 0.2, 0.12][n] * piece[(i - Math.round(seconds * RATE) + length) % length], value),
);

const file = join(dirname(fileURLToPath(import.meta.url)), 'moh', 'harp.wav');
mkdirSync(dirname(file), { recursive: true });
// Softer than speech: it is there to say that the line is.
const wav = ulawWav(leveled(wet, { level: -26, peak: -6 }), RATE);
writeFileSync(file, wav);
process.stdout.write(`${(length / RATE).toFixed(1)} s, ${(wav.length / 1024).toFixed(0)} KB\n`);
