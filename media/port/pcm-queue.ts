/**
 * Sound between a decoder and its reader, with what was read last kept in front of it, and of every sample how it came to be.
 *
 *   data  [ … history │ not read yet │ room … ]
 *                  start            end
 */

/** What a stretch of sound is made of. */
export const enum Heard {
  Silence,
  Voice,
  /** From the redundancy in the packet after (Opus in-band FEC). */
  Recovered,
  Concealed,
  ComfortNoise,
}

const KINDS = 5;
/** Stretches of one kind that are told apart at a time; beyond that the last two become one. */
const RUNS = 64;

export class PcmQueue {
  readonly data: Int16Array;
  start: number;
  end: number;
  private readonly runKind = new Uint8Array(RUNS);
  private readonly runLength = new Int32Array(RUNS);
  private firstRun = 0;
  private runs = 0;
  private readonly tally = new Int32Array(KINDS);

  /** @param history samples that stay readable in front of `start` @param room samples that may wait and be appended at once */
  constructor(
    private readonly history: number,
    room: number,
  ) {
    // Twice, so that moving everything to the front happens seldom.
    this.data = new Int16Array(2 * (history + room));
    this.start = history;
    this.end = history;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Makes sure that `count` samples can be written at `end`. */
  reserve(count: number): void {
    if (this.end + count <= this.data.length) return;
    const from = Math.max(0, this.start - this.history);
    this.data.copyWithin(0, from, this.end);
    this.start -= from;
    this.end -= from;
    if (this.end + count > this.data.length) throw new RangeError(`A queue for ${this.data.length} samples was asked to take ${count} on top of ${this.length}.`);
  }

  /** `count` samples were written at `end`. */
  appended(count: number, kind: Heard): void {
    this.end += count;
    const last = (this.firstRun + this.runs - 1) % RUNS;
    if (this.runs > 0 && (this.runKind[last] === kind || this.runs === RUNS)) {
      this.runLength[last] = (this.runLength[last] as number) + count;
      return;
    }
    const next = (this.firstRun + this.runs) % RUNS;
    this.runKind[next] = kind;
    this.runLength[next] = count;
    this.runs++;
  }

  /** Moves the beginning by `count` samples (below 0: back over what was read) without giving them out. */
  skip(count: number): void {
    this.start += count;
    if (count > 0) this.consume(count);
    else if (this.runs > 0) this.runLength[this.firstRun] = (this.runLength[this.firstRun] as number) - count;
  }

  /** Gives out the next samples, which must be there. Returns what most of them are. */
  take(out: Int16Array): Heard {
    const { data, start } = this;
    const count = out.length;
    for (let i = 0; i < count; i++) out[i] = data[start + i] as number;
    this.start += count;
    return this.consume(count);
  }

  private consume(count: number): Heard {
    this.tally.fill(0);
    let left = count;
    while (left > 0 && this.runs > 0) {
      const length = this.runLength[this.firstRun] as number;
      const kind = this.runKind[this.firstRun] as number;
      const part = Math.min(left, length);
      this.tally[kind] = (this.tally[kind] as number) + part;
      left -= part;
      if (part < length) {
        this.runLength[this.firstRun] = length - part;
      } else {
        this.firstRun = (this.firstRun + 1) % RUNS;
        this.runs--;
      }
    }
    let most: Heard = Heard.Silence;
    for (let kind = 1; kind < KINDS; kind++) if ((this.tally[kind] as number) > (this.tally[most] as number)) most = kind;
    return most;
  }
}
