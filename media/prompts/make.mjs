#!/usr/bin/env node
/**
 * Makes the prompts: `node media/prompts/make.mjs [KEY…]`, every one of the table by default. Needs espeak-ng (Debian: apt install espeak-ng);
 * the files are committed, so nobody who only wants to make calls needs it.
 *
 *   text ─► espeak-ng (22,050 Hz) ─► 8 kHz ─► silence trimmed ─► level ─► µ-law WAV
 *
 * Equal texts give equal files, octet for octet, with the same espeak-ng (made with 1.51).
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { leveled, resampled, trimmed, ulawWav } from './sound.mjs';

const VOICE = 'en-us';
const WORDS_PER_MINUTE = 160;
const PITCH = 45;
// What a telephone line carries. At 16,000 the same files have 3.2 MB, and a synthesizer does not gain what a person would.
const RATE = 8000;

const here = dirname(fileURLToPath(import.meta.url));

/** The table is TypeScript, for those who use its keys; here its types are taken off. */
function table(language) {
  const ts = createRequire(import.meta.url)('typescript');
  const { outputText } = ts.transpileModule(readFileSync(join(here, language, 'prompts.ts'), 'utf8'), { compilerOptions: { module: ts.ModuleKind.CommonJS } });
  const module = { exports: {} };
  new Function('module', 'exports', outputText)(module, module.exports);
  return module.exports[language.toUpperCase()];
}

function speak(text) {
  const { status, stdout, stderr, error } = spawnSync('espeak-ng', ['-v', VOICE, '-s', String(WORDS_PER_MINUTE), '-p', String(PITCH), '--stdout', text], { maxBuffer: 1 << 26 });
  if (error?.code === 'ENOENT') throw new Error('espeak-ng is not installed: apt install espeak-ng');
  if (status !== 0) throw new Error(`espeak-ng failed: ${error?.message ?? stderr}`);
  // To a pipe it writes a header of 44 octets whose sizes nobody fills in.
  const rate = stdout.readUInt32LE(24);
  const samples = new Float64Array((stdout.length - 44) >> 1);
  for (let i = 0; i < samples.length; i++) samples[i] = stdout.readInt16LE(44 + i * 2) / 32_768;
  return { rate, samples };
}

function make(text) {
  const { rate, samples } = speak(text);
  return ulawWav(leveled(trimmed(resampled(samples, rate, RATE), RATE)), RATE);
}

const wanted = process.argv.slice(2);
let octets = 0;
for (const language of ['en']) {
  const prompts = table(language);
  for (const [key, prompt] of Object.entries(prompts)) {
    if (wanted.length > 0 && !wanted.includes(key)) continue;
    const wav = make(typeof prompt === 'string' ? prompt : prompt.spoken);
    octets += wav.length;
    writeFileSync(join(here, language, `${key}.wav`), wav);
  }
  // What the table no longer has.
  for (const file of readdirSync(join(here, language))) if (file.endsWith('.wav') && !(file.slice(0, -4) in prompts)) rmSync(join(here, language, file));
}
process.stdout.write(`${(octets / 1024).toFixed(0)} KB written\n`);
