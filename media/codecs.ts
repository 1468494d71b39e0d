/**
 * The codecs of this machine, and the rate at which two of them meet. Importing loads nothing; Opus, whose library is not everywhere, is
 * tried when somebody asks for it.
 */
import { pcma, pcmu } from './codec/g711';
import { g722 } from './codec/g722';
import { opus, opusProblem } from './codec/opus';
import type { Codec, CodecName, SampleRate } from './frame';

const always: readonly Codec[] = [g722, pcmu, pcma];
const withOpus: readonly Codec[] = [opus, ...always];

/** All that can be had here, the best sounding first. */
export const codecs = (): readonly Codec[] => (opusProblem() === undefined ? withOpus : always);

/** Undefined: not to be had here (`opusProblem` says why). Only a question for Opus loads it. */
export function codecNamed(name: CodecName): Codec | undefined {
  if (name === 'opus') return opusProblem() === undefined ? opus : undefined;
  return always.find((codec) => codec.name === name);
}

/**
 * The rate at which sound from `from` is handed to `to`: the lowest at which neither loses anything that the other could carry, and of
 * those one that both have by themselves, so that nothing is resampled. Only G.711 with G.722 have none in common: those meet at 8 kHz.
 */
export function cheapestRate(from: Codec, to: Codec): SampleRate {
  const enough = Math.min(from.bandwidth, to.bandwidth) as SampleRate;
  return from.rates.find((rate) => rate >= enough && to.rates.includes(rate)) ?? enough;
}
