/**
 * How a call sounds, from what was measured: ITU-T G.107 (E-model) with the default values of its Table 2 but for delay, codec and loss.
 *
 *   R = 93.2 - Idd(delay) - Ie,eff(codec, loss)          MOS = G.107 Annex B (R)
 *
 * 93.2 is what the defaults leave of the basic signal-to-noise ratio and the simultaneous impairments. Echo (Idte, Idle) is left out: the path
 * here is of four wires and digital, and what a phone's own echo is nobody measures. Everything is on the narrow-band scale, so that
 * calls compare: a wide-band call can say no more than that nothing is wrong with it (G.107.1 has a scale of its own).
 */
import type { CodecName } from '../frame';

/** R where nothing is wrong. */
export const DEFAULT_R = 93.2;
/** Milliseconds one way that nobody notices. */
const UNNOTICED_MS = 100;

export interface Impairment {
  /** Equipment impairment factor. */
  ie: number;
  /** Packet-loss robustness factor. */
  bpl: number;
  /** Encoding and decoding beyond the packet itself, ms. */
  delayMs: number;
}

/**
 * G.711: G.113 Appendix I, with concealment (Bpl 25.1; without it 4.3).
 * G.722, Opus: approximations. G.113's values for wide band belong to the scale of G.107.1; here they are taken to be as good as G.711 (Ie 0), and to take loss
 * as well as G.711 with concealment. What Opus's in-band FEC brought back is not loss: do not count it.
 */
export const IMPAIRMENTS: Readonly<Record<CodecName, Impairment>> = {
  PCMU: { ie: 0, bpl: 25.1, delayMs: 0 },
  PCMA: { ie: 0, bpl: 25.1, delayMs: 0 },
  G722: { ie: 0, bpl: 25.1, delayMs: 1.5 },
  opus: { ie: 0, bpl: 25.1, delayMs: 6.5 },
};

/** Ie,eff (G.107 §7.6, formula 7-29). @param loss 0 to 1 @param burstRatio 1: at random */
export function effectiveImpairment({ ie, bpl }: Pick<Impairment, 'ie' | 'bpl'>, loss: number, burstRatio = 1): number {
  const percent = loss * 100;
  return percent <= 0 ? ie : ie + ((95 - ie) * percent) / (percent / burstRatio + bpl);
}

/** Idd (G.107 §7.5, formulas 7-27, 7-28): absolute delay one way, ms. */
export function delayImpairment(ms: number): number {
  if (ms <= UNNOTICED_MS) return 0;
  const x = Math.log2(ms / UNNOTICED_MS);
  return 25 * ((1 + x ** 6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2);
}

/** G.107 Annex B. 1 to 4.5. */
export function mosOfRating(r: number): number {
  if (r <= 0) return 1;
  if (r >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}

/**
 * BurstR (G.107 §7.6): mean length of the bursts over what it would be at random, 1 / (1 - loss). Held between 1 and 8.
 * @param bursts runs of lost packets
 */
export function burstRatio(lost: number, bursts: number, expected: number): number {
  if (lost <= 0 || bursts <= 0 || expected <= lost) return 1;
  return Math.min(8, Math.max(1, (lost / bursts) * (1 - lost / expected)));
}

export interface Measured {
  codec: CodecName;
  /** Packets that were not heard: lost, too late, thrown away. Those that FEC recovered do not count. */
  lost: number;
  received: number;
  /** null: unknown, and then the rating is of listening only, as if the network took no time. */
  rttMs: number | null;
  playoutDelayMs: number;
  /** Default 20. */
  ptimeMs?: number | undefined;
  /** Default 1, loss at random: see `burstRatio`. */
  burstRatio?: number | undefined;
}

/** R, 0 to 93.2; null where nothing was measured. */
export function ratingOf(m: Measured): number | null {
  const expected = m.received + m.lost;
  const impairment = IMPAIRMENTS[m.codec] as Impairment | undefined;
  if (impairment === undefined || !(m.received >= 0) || !(m.lost >= 0) || !(expected > 0)) return null;
  const oneWayMs = m.rttMs === null ? 0 : m.rttMs / 2 + m.playoutDelayMs + (m.ptimeMs ?? 20) + impairment.delayMs;
  return Math.max(0, DEFAULT_R - delayImpairment(oneWayMs) - effectiveImpairment(impairment, m.lost / expected, m.burstRatio ?? 1));
}

/** 1 to 4.41; null where nothing was measured. */
export function mosOf(m: Measured): number | null {
  const r = ratingOf(m);
  return r === null ? null : mosOfRating(r);
}
