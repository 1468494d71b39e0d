/**
 * Passages of speech found again in a recording of a call, one after the other.
 *
 * A jitter buffer shifts them, and some phones write down nothing where a packet was lost, so that each begins earlier than the one before
 * would have it: every passage is looked for by itself, between where it would be without what was lost and where with it, by how the
 * loudness of its first seconds goes (cross-correlation of the logarithms of each 5 ms), and ends where the next one begins.
 */

const HOP_MS = 5;
/** Of a passage, what it is known by: little enough not to matter when a fifth of it is left out. */
const KNOWN_BY_MS = 2000;
/** Before its beginning, for whoever judges it to find it. */
const BEFORE_MS = 50;
/** A recording begins when its phone has answered or with the first packet, the packets when all have answered; the second passage, which may look alike, is later. */
const LATEST_START_MS = 6000;
const EARLIEST_START_MS = -1000;
/** Around where a passage should be, ms. */
const REACH_MS = 300;
/** Less alike than this is not found. */
const ALIKE = 0.3;

export interface Passage {
  pcm: Int16Array;
  /** How much of it was lost on the way, ms. */
  lostMs: number;
}

export interface Found {
  /** From 50 ms before its beginning to 50 ms before the next one's, at most `marginMs` longer than it was said. */
  part: Int16Array;
  /** From the recording's beginning, ms. */
  beginsMs: number;
}

/** Errors: `Error` that names the passage which is not there. */
export function passagesIn(heard: Int16Array, passages: readonly Passage[], rate: number, marginMs: number): Found[] {
  const hop = (rate * HOP_MS) / 1000;
  const ahead = -EARLIEST_START_MS / HOP_MS;
  const padded = new Int16Array(heard.length + ahead * hop);
  padded.set(heard, ahead * hop);
  const loudness = envelope(padded, hop);
  const begins: number[] = [];
  for (const [i, { pcm }] of passages.entries()) {
    const before = passages[i - 1];
    let [fromMs, toMs] = [EARLIEST_START_MS, LATEST_START_MS];
    if (before !== undefined) {
      const wholeMs = begins[i - 1]! * HOP_MS + (before.pcm.length / rate) * 1000;
      [fromMs, toMs] = [wholeMs - before.lostMs - REACH_MS, wholeMs + REACH_MS];
    }
    const known = envelope(pcm, hop).subarray(0, KNOWN_BY_MS / HOP_MS);
    const { at, alike } = mostAlike(loudness, known, Math.round(fromMs / HOP_MS) + ahead, Math.round(toMs / HOP_MS) + ahead);
    if (alike < ALIKE) throw new Error(`passage ${i + 1} of ${passages.length} is not heard (likeness ${alike.toFixed(2)})`);
    begins.push(at - ahead);
  }
  const startOf = (i: number): number => Math.max(0, begins[i]! * hop - (rate * BEFORE_MS) / 1000);
  return begins.map((at, i) => ({
    part: heard.subarray(startOf(i), Math.min(i + 1 < begins.length ? startOf(i + 1) : heard.length, startOf(i) + passages[i]!.pcm.length + (rate * marginMs) / 1000)),
    beginsMs: at * HOP_MS,
  }));
}

function envelope(pcm: Int16Array, hop: number): Float64Array {
  return Float64Array.from({ length: Math.floor(pcm.length / hop) }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < hop; k++) sum += Math.abs(pcm[i * hop + k]!);
    return Math.log10(10 + sum / hop);
  });
}

/** Between two places: where `known` fits best, by normalised correlation. */
function mostAlike(loudness: Float64Array, known: Float64Array, from: number, to: number): { at: number; alike: number } {
  const meanOfKnown = known.reduce((a, b) => a + b, 0) / known.length;
  let [at, alike] = [from, -1];
  for (let lag = Math.max(0, from); lag <= to && lag + known.length <= loudness.length; lag++) {
    let [both, ofKnown, sum, squares] = [0, 0, 0, 0];
    for (let i = 0; i < known.length; i++) {
      const [a, b] = [known[i]! - meanOfKnown, loudness[lag + i]!];
      both += a * b;
      ofKnown += a * a;
      sum += b;
      squares += b * b;
    }
    const score = both / Math.sqrt(ofKnown * (squares - (sum * sum) / known.length) + 1e-9);
    if (score > alike) [at, alike] = [lag, score];
  }
  return { at, alike };
}
