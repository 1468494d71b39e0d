/**
 * Opus (RFC 6716) for RTP (RFC 7587), by whichever libopus this machine has; the best is taken:
 *
 *   libopus   its C functions, in the file that @discordjs/opus compiled: recovers lost packets from their successors (in-band FEC)
 *   binding   @discordjs/opus alone: conceals lost packets
 *   wasm      opusscript: the same, slower; needs no compiler
 *
 * Nothing is loaded before it is first used, and nothing is trusted before it passed a test of its own (`opus/self-test.ts`).
 */
import { MediaError } from '../errors';
import type { Codec, CodecOptions, SampleRate } from '../frame';
import { loadBinding } from './opus/binding';
import { OpusDecoder } from './opus/decoder';
import { Complexity, OpusEncoder, PTIMES } from './opus/encoder';
import { OpusFileEncoder } from './opus/file-encoder';
import { loadLibopus } from './opus/libopus';
import type { Library, OpusAbility } from './opus/library';
import { selfTest } from './opus/self-test';
import { loadWasm } from './opus/wasm';

export type { OpusAbility } from './opus/library';
export type { OpusFileEncoder } from './opus/file-encoder';

const RATES: readonly SampleRate[] = [8000, 16000, 48000];
const LOADERS: ReadonlyArray<[OpusAbility, () => Library | Error]> = [
  ['libopus', loadLibopus],
  ['binding', loadBinding],
  ['wasm', loadWasm],
];

/** Measured on the slower of our machines: libopus, 48 kHz, complexity 5. At 8 kHz 60 and 6, at complexity 9 250 to encode; wasm takes twice that. */
const COST = { encode: 150, decode: 28 } as const;

/** Half the time of 5, at the price of some tenths of a kbit/s. */
const FILE_COMPLEXITY = 1;

const complexity = new Complexity();

/** How hard all encoders of this thread try from their next frame on: 0 to 10, 9 at first. */
export function opusComplexity(n: number): void {
  complexity.value = Math.min(10, Math.max(0, Math.round(n)));
}

export interface Opus {
  readonly ability: OpusAbility | 'none';
  /** Why it is not the best that there is, or not at all; a sentence. */
  readonly problem: string | undefined;
  readonly codec: Codec;
  /** For recordings; one in stereo takes 80 (16 kHz) or 160 µs (48 kHz) for 20 ms. Errors: MediaError 'no-codec'. */
  fileEncoder(options: { sampleRate: SampleRate; channels: 1 | 2 }): OpusFileEncoder;
}

/** Tries the libraries from the best on, or just `only`. Loads anew each time; `opus` is what everybody shares. */
export function openOpus({ only }: { only?: OpusAbility | undefined } = {}): Opus {
  const refusals: string[] = [];
  let library: Library | undefined;
  for (const [ability, load] of LOADERS) {
    if (only !== undefined && only !== ability) continue;
    const tried = trusted(load);
    if (typeof tried !== 'string') {
      library = tried;
      break;
    }
    refusals.push(`${ability}: ${tried}`);
  }
  return made(library, refusals);
}

function trusted(load: () => Library | Error): Library | string {
  const loaded = load();
  if (loaded instanceof Error) return loaded.message.split('\n')[0]!;
  try {
    return selfTest(loaded) ?? loaded;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function made(library: Library | undefined, refusals: string[]): Opus {
  const problem = refusals.length === 0 ? undefined : problemOf(library, refusals.join('; '));
  const needed = (sampleRate: SampleRate): Library => {
    if (!library) throw new MediaError('no-codec', problem ?? 'There is no Opus.');
    if (!RATES.includes(sampleRate)) throw new MediaError('setting', `Opus has no PCM rate of ${sampleRate} Hz.`);
    return library;
  };
  return {
    ability: library?.ability ?? 'none',
    problem,
    codec: {
      name: 'opus',
      clockRate: 48_000,
      rates: RATES,
      bandwidth: 48_000,
      cost: COST,
      ptimes: PTIMES,
      decoder: ({ sampleRate }: CodecOptions) => new OpusDecoder(needed(sampleRate), sampleRate),
      encoder: ({ sampleRate, fmtp }: CodecOptions) => new OpusEncoder(needed(sampleRate), sampleRate, fmtp, complexity),
    },
    fileEncoder: ({ sampleRate, channels }) => new OpusFileEncoder(needed(sampleRate), sampleRate, channels, FILE_COMPLEXITY),
  };
}

function problemOf(library: Library | undefined, refusals: string): string {
  const why = `(${refusals})`;
  if (!library) return `There is no Opus on this machine ${why}: npm install opusscript @discordjs/opus`;
  const lost = library.ability === 'binding' ? 'lost Opus packets are concealed, not recovered' : 'Opus costs more time, and lost packets are concealed, not recovered';
  return `Without the C functions of libopus, ${lost} ${why}: install python3, make and g++, then npm install @discordjs/opus koffi`;
}

let shared: Opus | undefined;
const ours = (): Opus => (shared ??= openOpus());

/** What this thread's Opus can do; loads it. */
export const opusAbility = (): OpusAbility | 'none' => ours().ability;

/** Why Opus cannot be used at all, a sentence for people; undefined: it can. Loads it. */
export const opusProblem = (): string | undefined => (ours().ability === 'none' ? ours().problem : undefined);

/** What is worse than it could be, a sentence for people, also while Opus can be used. Loads it. */
export const opusShortcoming = (): string | undefined => ours().problem;

/** Errors of `decoder` and `encoder`: MediaError 'no-codec' (see `opusProblem`). */
export const opus: Codec = {
  name: 'opus',
  clockRate: 48_000,
  rates: RATES,
  bandwidth: 48_000,
  cost: COST,
  ptimes: PTIMES,
  decoder: (options) => ours().codec.decoder(options),
  encoder: (options) => ours().codec.encoder(options),
};

/** One for recordings. Errors: MediaError 'no-codec'. */
export const opusFileEncoder: Opus['fileEncoder'] = (options) => ours().fileEncoder(options);
