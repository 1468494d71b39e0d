/**
 * What a bad network does to a stream of packets, as a plain decision per packet: lost, or once or several times at a moment later. By a
 * seed, so that two runs lose the same packets. Loss comes at random or in bursts (Gilbert's model: a good state that loses nothing, a bad
 * one that loses everything). Jitter delays each packet on its own, so packets overtake each other unless told to keep their order.
 */
export interface LineOptions {
  /** Decides which packets; the same seed, the same packets. Default 1. */
  seed?: number;
  /** Share of packets lost, 0 to 1. */
  loss?: number;
  /** Mean length of a run of losses, packets; default 1: each by itself, as RFC 6390 calls independent. */
  burst?: number;
  delayMs?: number;
  /** Added to the delay: evenly spread between 0 and this. */
  jitterMs?: number;
  /** Packets never overtake each other, as in one queue; default false. */
  inOrder?: boolean;
  /** Share of packets that arrive twice. */
  duplicates?: number;
  /** Share of packets that are held back by `heldBackMs`, so that later ones overtake them, 0 to 1. */
  reordered?: number;
  /** Default 30. */
  heldBackMs?: number;
}

export interface LineCounts {
  packets: number;
  lost: number;
  duplicated: number;
  heldBack: number;
}

export class Line {
  readonly counts: LineCounts = { packets: 0, lost: 0, duplicated: 0, heldBack: 0 };
  private readonly chance: () => number;
  private inBurst = false;
  private lastAt = -Infinity;

  constructor(private readonly options: LineOptions = {}) {
    const { loss = 0, burst = 1 } = options;
    if (!(loss >= 0 && loss <= 1) || !(burst >= 1)) throw new RangeError(`loss must be 0 to 1 and a burst at least 1 packet, not ${loss} and ${burst}`);
    this.chance = seeded(options.seed ?? 1);
  }

  /** When a packet that comes at `nowMs` arrives, once per copy; empty: it is lost. */
  arrivals(nowMs: number): number[] {
    const { delayMs = 0, jitterMs = 0, duplicates = 0, reordered = 0, heldBackMs = 30, inOrder = false } = this.options;
    // Every packet costs the same number of draws, whatever becomes of it, so that one option does not change what another decides.
    const [lost, jitter, twice, back] = [this.loses(), this.chance() * jitterMs, this.chance() < duplicates, this.chance() < reordered];
    this.counts.packets++;
    if (lost) {
      this.counts.lost++;
      return [];
    }
    let at = nowMs + delayMs + jitter;
    if (back) {
      this.counts.heldBack++;
      at += heldBackMs;
    }
    if (inOrder) at = Math.max(at, this.lastAt);
    this.lastAt = at;
    if (!twice) return [at];
    this.counts.duplicated++;
    return [at, at];
  }

  /** Gilbert: out of a burst with probability 1/burst, into one so that `loss` of all packets lie in bursts. */
  private loses(): boolean {
    const { loss = 0, burst = 1 } = this.options;
    const draw = this.chance();
    if (loss === 0 || loss === 1) return loss === 1;
    if (burst === 1) return draw < loss;
    this.inBurst = this.inBurst ? draw >= 1 / burst : draw < loss / ((1 - loss) * burst);
    return this.inBurst;
  }
}

/** mulberry32: 0 (included) to 1 (not included). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
