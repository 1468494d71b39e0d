import fc from 'fast-check';
import { JitterBuffer, SlotKind } from '../../../../media/rtp/jitter-buffer';
import { UNITS_PER_MS } from '../../../../media/rtp/media-time';

interface Arrival {
  /** Of the sequence. */
  n: number;
  /** Timestamp; default 160 for each number. */
  t?: number;
  /** ms; default 20 for each row. */
  at?: number;
  ssrc?: number;
  clock?: number;
  event?: true;
}

const PAYLOAD = new Uint8Array(160);
const LASTS = 20 * UNITS_PER_MS;

function feed(buffer: JitterBuffer, arrivals: Arrival[], from = 0): void {
  arrivals.forEach((a, i) => {
    const timestamp = (a.t ?? a.n * 160) >>> 0;
    const now = a.at ?? (from + i) * 20;
    if (a.event) return buffer.skip(a.n & 0xffff, timestamp, a.ssrc ?? 7, now);
    const slot = buffer.insert(PAYLOAD, 0, 160, 0, a.n & 0xffff, timestamp, a.ssrc ?? 7, false, a.clock ?? 8000, now);
    if (slot) buffer.lasts(slot, LASTS);
  });
}

const make = (): JitterBuffer => new JitterBuffer({ minDelayMs: 0, maxDelayMs: 400 });
const run = (from: number, to: number): Arrival[] => Array.from({ length: to - from + 1 }, (_, i) => ({ n: from + i }));

/** What comes out: numbers from the first on, their times in ms, `e` for an event. */
function drain(buffer: JitterBuffer): string {
  const out: string[] = [];
  let first = -1;
  for (let slot = buffer.next(); slot !== null; slot = buffer.next()) {
    if (first < 0) first = slot.extended;
    out.push(slot.kind === SlotKind.Skip ? `${slot.extended - first}e` : `${slot.extended - first}@${slot.time / UNITS_PER_MS}`);
    buffer.take(slot);
  }
  return out.join(' ');
}

interface Counts {
  late?: number;
  duplicate?: number;
  discarded?: number;
  restarts?: number;
}

test.each<[string, Arrival[], string, Counts]>([
  ['in order', run(1, 4), '0@0 1@20 2@40 3@60', {}],
  ['two swapped', [{ n: 1 }, { n: 3 }, { n: 2 }, { n: 4 }], '0@0 1@20 2@40 3@60', {}],
  ['a hole stays one', [{ n: 1 }, { n: 2 }, { n: 5 }], '0@0 1@20 4@80', {}],
  ['one twice', [{ n: 1 }, { n: 2 }, { n: 2 }, { n: 3 }], '0@0 1@20 2@40', { duplicate: 1 }],
  ['the sequence wraps', run(65534, 65538), '0@0 1@20 2@40 3@60 4@80', {}],
  ['the sequence wraps, swapped across it', [{ n: 65535 }, { n: 65537 }, { n: 65536 }], '0@0 1@20 2@40', {}],
  ['the timestamp wraps', [{ n: 1, t: -160 }, { n: 2, t: 0 }, { n: 3, t: 160 }], '0@0 1@20 2@40', {}],
  ['silence between (DTX): time goes on, numbers do not', [{ n: 1, t: 160 }, { n: 2, t: 8160, at: 1000 }], '0@0 1@1000', {}],
  ['an event takes numbers and no time', [{ n: 1 }, { n: 2, t: 320, event: true }, { n: 3, t: 320, event: true }, { n: 4, t: 800 }], '0@0 1e 2e 3@80', {}],
  ['another SSRC goes on where the first one was', [{ n: 1 }, { n: 2 }, { n: 9000, t: 77, ssrc: 8 }, { n: 9001, t: 237, ssrc: 8 }], '0@0 1@20 2@40 3@60', { restarts: 1 }],
  ['the timestamp jumps ahead, the packets do not', [{ n: 1 }, { n: 2 }, { n: 3, t: 8000000 }, { n: 4, t: 8000160 }], '0@0 1@20 2@40 3@60', { restarts: 1 }],
  ['the timestamp jumps back', [{ n: 1, t: 90000 }, { n: 2, t: 90160 }, { n: 3, t: 5 }, { n: 4, t: 165 }], '0@0 1@20 2@40 3@60', { restarts: 1 }],
  ['a sender that was still for 3 s and did not count them', [{ n: 1 }, { n: 2 }, { n: 3, at: 3020 }, { n: 4, at: 3040 }], '0@0 1@20 2@3020 3@3040', { restarts: 1 }],
  ['one number out of the blue', [{ n: 1 }, { n: 30000 }, { n: 2 }], '0@0 1@20', { discarded: 1 }],
  ['two of them are a new beginning', [{ n: 1 }, { n: 2 }, { n: 30000, t: 50 }, { n: 30001, t: 210 }, { n: 30002, t: 370 }], '0@0 1@20 2@40 3@60', { discarded: 1, restarts: 1 }],
  ['another clock', [{ n: 1, t: 160 }, { n: 2, t: 320 }, { n: 3, t: 1280, clock: 48000 }, { n: 4, t: 2240, clock: 48000 }], '0@0 1@20 2@40 3@60', { restarts: 1 }],
  ['older than the first', [{ n: 5 }, { n: 4 }, { n: 6 }], '0@0 1@20', { late: 1 }],
])('%s', (_, arrivals, want, counts) => {
  const buffer = make();
  feed(buffer, arrivals);
  expect(drain(buffer)).toBe(want);
  expect({ late: buffer.late, duplicate: buffer.duplicate, discarded: buffer.discarded, restarts: buffer.restarts }).toEqual({ late: 0, duplicate: 0, discarded: 0, restarts: 0, ...counts });
});

test('what was taken and comes again is a duplicate, what was given up and comes is late', () => {
  const buffer = make();
  feed(buffer, [{ n: 1 }, { n: 3 }]);
  drain(buffer);
  feed(buffer, [{ n: 3 }, { n: 2 }], 2);
  expect([buffer.duplicate, buffer.late, buffer.size]).toEqual([1, 1, 0]);
});

test('a payload is copied, and one longer than a slot is not taken', () => {
  const buffer = make();
  const data = Uint8Array.from([9, 1, 2, 3, 9]);
  const slot = buffer.insert(data, 1, 3, 96, 1, 0, 7, true, 8000, 0);
  data.fill(0);
  expect([slot?.length, slot?.payloadType, slot?.marker, [...(slot?.data.subarray(0, 3) ?? [])]]).toEqual([3, 96, true, [1, 2, 3]]);
  expect(buffer.insert(new Uint8Array(2000), 0, 2000, 0, 2, 160, 7, false, 8000, 20)).toBeNull();
  expect(buffer.discarded).toBe(1);
});

test('keeps the newest when nobody takes anything', () => {
  const buffer = make();
  feed(buffer, run(0, 999));
  expect(buffer.size).toBe(128);
  expect(buffer.discarded).toBe(1000 - 128);
  expect(drain(buffer).split(' ')[0]).toBe(`0@${(1000 - 128) * 20}`);
});

test('how late packets come makes the target, in order or not (more of it: delay-target.test.ts)', () => {
  const buffer = make();
  const arrivals = Array.from({ length: 1500 }, (_, n) => ({ n, at: n * 20 + ((n * 37) % 60) }));
  feed(buffer, arrivals.sort((a, b) => a.at - b.at));
  expect(buffer.targetMs).toBeGreaterThan(54);
  expect(buffer.targetMs).toBeLessThan(61);
  const { targetMs } = buffer;
  buffer.extraMs = 20;
  expect(buffer.targetMs).toBe(targetMs + 20);
  expect(new JitterBuffer({ minDelayMs: 60, maxDelayMs: 400 }).targetMs).toBe(60);
});

test('a read may begin as late as lets the packets of the target in, on a packet’s beginning', () => {
  const buffer = make();
  feed(buffer, run(0, 999).map((a) => ({ ...a, at: a.n * 20 })));
  // Packet n comes at 20 n: a read at 20 n + 5 may begin with packet n, if the target is below 5 ms; one at 20 n + 1 with the one before.
  expect(buffer.targetMs).toBeLessThan(5);
  expect(buffer.latestStart(20_005, 0) / UNITS_PER_MS).toBeCloseTo(20_000, 6);
  expect(buffer.latestStart(20_001, 0) / UNITS_PER_MS).toBeCloseTo(19_980, 6);
  expect(buffer.delayMs(20_000 * UNITS_PER_MS, 20_005)).toBeCloseTo(5, 6);
});

test('never more than its slots, always forward, whatever comes', () => {
  const packet = fc.record({ n: fc.oneof(fc.nat(65535), fc.nat(50)), t: fc.oneof(fc.nat(2 ** 31), fc.nat(8000)), ssrc: fc.constantFrom(1, 1, 1, 2), wait: fc.nat(200), clock: fc.constantFrom(8000, 48000), event: fc.boolean(), take: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 400 }), (packets) => {
      const buffer = make();
      let [now, last, time] = [0, -1, Number.NEGATIVE_INFINITY];
      for (const p of packets) {
        now += p.wait;
        if (p.event) buffer.skip(p.n, p.t, p.ssrc, now);
        else buffer.insert(PAYLOAD, 0, 160, 0, p.n, p.t, p.ssrc, false, p.clock, now);
        for (let i = 0; i < p.take; i++) {
          const slot = buffer.next();
          if (slot === null) break;
          expect(slot.extended).toBeGreaterThan(last);
          if (slot.kind === SlotKind.Audio) {
            expect(Number.isFinite(slot.time)).toBe(true);
            time = Math.max(time, slot.time);
          }
          last = slot.extended;
          buffer.take(slot);
        }
        expect(buffer.size).toBeLessThanOrEqual(128);
        expect(Number.isFinite(buffer.targetMs)).toBe(true);
      }
    }),
  );
});
