/** A bad line does what it was told, by count: shares within what chance allows, the same packets for the same seed. */
import { Line, seeded, type LineOptions } from '../../support/line';

const PACKETS = 20_000;

/** Arrival times of packets 20 ms apart, by packet. */
function run(options: LineOptions, packets = PACKETS): { arrivals: number[][]; line: Line } {
  const line = new Line(options);
  return { arrivals: Array.from({ length: packets }, (_, i) => line.arrivals(i * 20)), line };
}

const lengthsOfRuns = (lost: boolean[]): number[] => {
  const runs: number[] = [];
  lost.forEach((gone, i) => {
    if (!gone) return;
    if (i > 0 && lost[i - 1]) runs[runs.length - 1]!++;
    else runs.push(1);
  });
  return runs;
};

const mean = (numbers: number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;

describe('a line', () => {
  it('that has nothing set lets everything through at once', () => {
    const { arrivals, line } = run({}, 100);
    expect(arrivals).toEqual(Array.from({ length: 100 }, (_, i) => [i * 20]));
    expect(line.counts).toEqual({ packets: 100, lost: 0, duplicated: 0, heldBack: 0 });
  });

  // four standard deviations of a binomial of 20,000: below 1.2 % for every share
  it.each([0.01, 0.05, 0.2])('loses %s of the packets, each by itself', (loss) => {
    const { arrivals, line } = run({ loss });
    const lost = arrivals.map((times) => times.length === 0);
    expect(Math.abs(line.counts.lost / PACKETS - loss)).toBeLessThan(4 * Math.sqrt((loss * (1 - loss)) / PACKETS));
    expect(mean(lengthsOfRuns(lost))).toBeCloseTo(1 / (1 - loss), 1);
  });

  it.each([[0.05, 3], [0.1, 5], [0.2, 2]])('loses %s of them in bursts of %s', (loss, burst) => {
    const { arrivals, line } = run({ loss, burst });
    const runs = lengthsOfRuns(arrivals.map((times) => times.length === 0));
    expect(line.counts.lost / PACKETS).toBeGreaterThan(loss * 0.85);
    expect(line.counts.lost / PACKETS).toBeLessThan(loss * 1.15);
    expect(mean(runs)).toBeGreaterThan(burst * 0.9);
    expect(mean(runs)).toBeLessThan(burst * 1.1);
  });

  it('delays, and adds jitter that is spread evenly', () => {
    const { arrivals } = run({ delayMs: 50, jitterMs: 40 });
    const delays = arrivals.map(([at = 0], i) => at - i * 20);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...delays)).toBeLessThan(90);
    expect(Math.abs(mean(delays) - 70)).toBeLessThan(0.5);
    expect(arrivals.some(([at = 0], i) => i > 0 && at < arrivals[i - 1]![0]!)).toBe(true);
  });

  it('keeps the order when told to', () => {
    const { arrivals } = run({ jitterMs: 100, inOrder: true });
    expect(arrivals.every(([at = 0], i) => i === 0 || at >= arrivals[i - 1]![0]!)).toBe(true);
  });

  it('repeats and holds back by share', () => {
    const { arrivals, line } = run({ duplicates: 0.1, reordered: 0.05, heldBackMs: 30 });
    expect(Math.abs(arrivals.filter((times) => times.length === 2).length / PACKETS - 0.1)).toBeLessThan(0.01);
    expect(Math.abs(arrivals.filter(([at = 0], i) => at === i * 20 + 30).length / PACKETS - 0.05)).toBeLessThan(0.01);
    expect(line.counts.duplicated).toBe(arrivals.filter((times) => times.length === 2).length);
  });

  it('is the same for the same seed, another for another, and delay changes nothing about what is lost', () => {
    const lost = (options: LineOptions): string => run({ loss: 0.2, ...options }, 200).arrivals.map((times) => times.length).join('');
    expect(lost({ seed: 7 })).toBe(lost({ seed: 7, delayMs: 10, jitterMs: 40 }));
    expect(lost({ seed: 7 })).not.toBe(lost({ seed: 8 }));
  });

  it('can be cut', () => {
    expect(run({ loss: 1 }, 100).line.counts.lost).toBe(100);
    expect(run({ loss: 1, burst: 3 }, 100).line.counts.lost).toBe(100);
  });

  it.each([{ loss: -0.1 }, { loss: 1.5 }, { loss: NaN }, { burst: 0 }])('refuses %p', (options) => {
    expect(() => new Line(options)).toThrow(RangeError);
  });
});

test('chance by a seed is spread evenly', () => {
  const chance = seeded(3);
  const tenths = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) tenths[Math.floor(chance() * 10)]!++;
  for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(130);
});
