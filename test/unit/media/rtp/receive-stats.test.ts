import fc from 'fast-check';
import { clockRates, STATIC_CLOCK_RATES } from '../../../../media/rtp/clock-rate';
import { ReceiveStats } from '../../../../media/rtp/receive-stats';

interface Arrival {
  sequence: number;
  timestamp?: number;
  ssrc?: number;
  ms?: number;
  clock?: number;
}

function feed(arrivals: Arrival[]): ReceiveStats {
  const stats = new ReceiveStats();
  arrivals.forEach((a, i) => stats.update(a.sequence & 0xffff, a.timestamp ?? i * 160, a.ssrc ?? 7, a.clock ?? 8000, a.ms ?? i * 20));
  return stats;
}

const sequences = (list: number[]): Arrival[] => list.map((sequence) => ({ sequence }));
const run = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test.each<[string, number[], { lost?: number; late?: number; duplicate?: number; restarts?: number }]>([
  ['in order', run(1, 100), {}],
  ['one packet', [9], {}],
  ['a gap of one', [1, 2, 4, 5], { lost: 1 }],
  ['a gap of three', [1, 5], { lost: 3 }],
  ['two swapped', [1, 3, 2, 4], { late: 1 }],
  ['the first two swapped', [2, 1, 3], { late: 1 }],
  ['one twice', [1, 2, 2, 3], { duplicate: 1 }],
  ['one three times', [1, 2, 2, 2, 3], { duplicate: 2 }],
  ['one twice, later', [1, 2, 3, 4, 2], { duplicate: 1 }],
  ['late, then again', [1, 3, 2, 2, 4], { late: 1, duplicate: 1 }],
  ['a duplicate does not hide a loss', [1, 2, 2, 4, 4], { lost: 1, duplicate: 2 }],
  ['wrap', run(65530, 65545), {}],
  ['wrap with loss across it', [65533, 65534, 65537, 65538], { lost: 2 }],
  ['wrap with the last before it late', [65534, 65536, 65535, 65537], { late: 1 }],
  ['40 back, seen', [...run(1, 60), 20], { duplicate: 1 }],
  ['40 back, not seen', [...run(1, 19), ...run(21, 60), 20], { late: 1 }],
  ['63 back is still known', [...run(1, 64), 1], { duplicate: 1 }],
  ['further back than is remembered counts as late', [...run(1, 80), 2], { late: 1 }],
  ['a gap as long as what is remembered', [1, 65, 64], { lost: 62, late: 1 }],
  ['gaps of 31, 32 and 33', [100, 131, 163, 131, 196, 163, 164], { lost: 92, late: 1, duplicate: 2 }],
  ['one stray number far ahead is not believed', [1, 2, 30000, 3, 4], {}],
  ['two in a row far ahead are a restart', [1, 2, 4, 30000, 30001, 30002], { lost: 1, restarts: 1 }],
  ['far back, two in a row, is a restart', [30000, 30001, 5, 6, 7], { restarts: 1 }],
])('%s', (_, list, want) => {
  const stats = feed(sequences(list));
  expect({ packets: stats.packets, lost: stats.lost, late: stats.late, duplicate: stats.duplicate, restarts: stats.restarts }).toEqual({
    packets: list.length,
    lost: 0,
    late: 0,
    duplicate: 0,
    restarts: 0,
    ...want,
  });
});

test('a new SSRC begins anew and keeps what was lost', () => {
  const stats = feed([{ sequence: 1 }, { sequence: 4 }, { sequence: 50000, ssrc: 8 }, { sequence: 50002, ssrc: 8 }]);
  expect([stats.lost, stats.restarts, stats.ssrc]).toEqual([3, 1, 8]);
});

test('two cycles are counted, not forgotten', () => {
  const stats = feed(sequences(run(0, 3 * 65536).filter((n) => n % 1000 !== 999)));
  expect(stats.lost).toBe(Math.floor((3 * 65536 + 1) / 1000));
});

test('nothing lost, late or twice before anything came', () => {
  const stats = new ReceiveStats();
  expect([stats.lost, stats.packets, stats.jitterMs]).toEqual([0, 0, null]);
});

describe('jitter (RFC 3550 A.8)', () => {
  const streams: Array<[string, Arrival[], number | null]> = [
    ['evenly spaced packets have none', run(0, 9).map((i) => ({ sequence: i })), 0],
    ['one packet says nothing', [{ sequence: 1 }], null],
    ['a packet 16 ms late adds a sixteenth of 16', [{ sequence: 1, ms: 0, timestamp: 0 }, { sequence: 2, ms: 36, timestamp: 160 }], 1],
    ['early counts as late does', [{ sequence: 1, ms: 0, timestamp: 0 }, { sequence: 2, ms: 4, timestamp: 160 }], 1],
    ['the clock is the payload’s', [{ sequence: 1, ms: 0, timestamp: 0, clock: 48000 }, { sequence: 2, ms: 36, timestamp: 960, clock: 48000 }], 1],
    ['an unknown clock is not measured', [{ sequence: 1, clock: 0 }, { sequence: 2, clock: 0 }], null],
    ['a change of clock is not compared', [{ sequence: 1, ms: 0, timestamp: 0 }, { sequence: 2, ms: 20, timestamp: 960, clock: 48000 }], null],
    ['the timestamp wraps', [{ sequence: 1, ms: 0, timestamp: 0xffffffff - 79 }, { sequence: 2, ms: 20, timestamp: 80 }], 0],
    ['packets of one timestamp are one frame', [{ sequence: 1, ms: 0, timestamp: 0 }, { sequence: 2, ms: 9, timestamp: 0 }, { sequence: 3, ms: 20, timestamp: 160 }], 0],
    ['a restarted timestamp is not the network', [{ sequence: 1, ms: 0, timestamp: 0 }, { sequence: 2, ms: 20, timestamp: 9_000_000 }, { sequence: 3, ms: 40, timestamp: 9_000_160 }], 0],
    ['late packets are not compared', [{ sequence: 1, ms: 0, timestamp: 0 }, { sequence: 3, ms: 40, timestamp: 320 }, { sequence: 2, ms: 90, timestamp: 160 }], 0],
  ];
  test.each(streams)('%s', (_, arrivals, jitter) => {
    const measured = feed(arrivals).jitterMs;
    if (jitter === null) expect(measured).toBeNull();
    else expect(measured).toBeCloseTo(jitter, 9);
  });

  test('settles at the mean difference of transit times', () => {
    const stats = feed(run(1, 2000).map((i) => ({ sequence: i, timestamp: i * 160, ms: i * 20 + (i % 2) * 8 })));
    expect(stats.jitterMs).toBeCloseTo(8, 1);
  });
});

test('agrees with a model that remembers everything, for any loss, reordering and duplication', () => {
  // Each number of a run is sent 0 to 2 times and displaced by less than what the counters remember.
  const sent = fc.array(fc.record({ times: fc.constantFrom(0, 1, 1, 1, 1, 2), shift: fc.nat(40), again: fc.nat(40) }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(sent, fc.nat(65535), (packets, start) => {
      const arrivals = packets
        .flatMap(({ times, shift, again }, i) => [{ n: start + i, key: i + shift / 2 }, { n: start + i, key: i + again / 2 }].slice(0, times))
        .sort((x, y) => x.key - y.key)
        .map(({ n }) => n);
      fc.pre(arrivals.length > 0);
      const seen = new Set<number>();
      let [late, duplicate, highest] = [0, 0, -1];
      for (const n of arrivals) {
        if (seen.has(n)) duplicate++;
        else if (n < highest) late++;
        seen.add(n);
        highest = Math.max(highest, n);
      }
      const stats = feed(sequences(arrivals));
      const lost = highest - Math.min(...seen) + 1 - seen.size;
      expect([stats.packets, stats.lost, stats.late, stats.duplicate]).toEqual([arrivals.length, lost, late, duplicate]);
    }),
    { numRuns: 300 },
  );
});

test('clock rates: RFC 3551’s, and the session’s on top', () => {
  expect([0, 8, 9, 3, 18, 96].map((pt) => STATIC_CLOCK_RATES[pt])).toEqual([8000, 8000, 8000, 8000, 8000, 0]);
  const own = clockRates({ 96: 48000, 0: 16000 });
  expect([own[96], own[0], own[8]]).toEqual([48000, 16000, 8000]);
  expect(clockRates({ 8: 8000, 200: 8000, 97: 0, 98: NaN })).toBe(STATIC_CLOCK_RATES); // nothing new: no table of its own
});
