import fc from 'fast-check';
import { eventDuration, eventEnded, eventOf, TelephoneEventReceiver, TelephoneEventSender, writeEvent } from '../../../../media/rtp/telephone-event';
import { DTMF_DIGITS } from '../../../../media/dtmf';

interface Packet {
  event: number;
  end: boolean;
  duration: number;
  timestamp: number;
  marker: boolean;
  sequence: number;
  ssrc: number;
  ms: number;
}

/** What a sender of ours sends for these digits: a packet each 20 ms, audio in between left out but counted. */
function sent(digits: string, ms = 100, clock = 8000, gapMs = 100, start = 1000): Packet[] {
  const sender = new TelephoneEventSender(clock);
  sender.queue(digits, ms, gapMs);
  const out = new Uint8Array(4);
  const packets: Packet[] = [];
  for (let tick = 0; !sender.idle; tick++) {
    if (sender.next(out, start + (tick * clock) / 50) > 0) {
      packets.push({ event: eventOf(out), end: eventEnded(out), duration: eventDuration(out), timestamp: sender.timestamp, marker: sender.marker, sequence: (65500 + tick) & 0xffff, ssrc: 7, ms: tick * 20 });
    }
  }
  return packets;
}

function receiver(clock = 8000): { feed(packets: Packet[]): void; told: Array<[string, number]>; it: TelephoneEventReceiver } {
  const told: Array<[string, number]> = [];
  const it = new TelephoneEventReceiver(clock, (digit, ms) => told.push([digit, ms]));
  const buffer = new Uint8Array(16);
  return {
    told,
    it,
    feed(packets) {
      for (const p of packets) {
        writeEvent(buffer.subarray(12), p.event, p.end, 10, p.duration);
        it.onPacket(buffer, 12, 4, p.timestamp, p.marker, p.sequence, p.ssrc, p.ms);
      }
    },
  };
}

function heard(packets: Packet[], clock = 8000): Array<[string, number]> {
  const r = receiver(clock);
  r.feed(packets);
  r.it.expire(1e9);
  return r.told;
}

const text = (told: Array<[string, number]>): string => told.map(([digit]) => digit).join('');

describe('sender', () => {
  test('a press of 100 ms: the marker first, one timestamp, a growing duration, the end three times', () => {
    const packets = sent('5');
    expect(packets.map((p) => [p.event, p.duration, p.end, p.marker, p.timestamp])).toEqual([
      [5, 160, false, true, 1000],
      [5, 320, false, false, 1000],
      [5, 480, false, false, 1000],
      [5, 640, false, false, 1000],
      [5, 800, true, false, 1000],
      [5, 800, true, false, 1000],
      [5, 800, true, false, 1000],
    ]);
  });

  test('every key has its number; letters in either case', () => {
    expect([...new Set(sent('0123456789*#ABCD').map((p) => p.event))]).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect([...new Set(sent('ad').map((p) => p.event))]).toEqual([12, 15]);
  });

  test('between presses there is the pause that was asked for, at least 40 ms', () => {
    const starts = (gap: number): number[] => sent('11', 100, 8000, gap).filter((p) => p.marker).map((p) => p.ms);
    expect(starts(100)).toEqual([0, 200]);
    expect(starts(0)).toEqual([0, 140]);
    expect(starts(200)).toEqual([0, 300]);
  });

  test('shorter than 40 ms is 40 ms', () => {
    expect(Math.max(...sent('1', 1).map((p) => p.duration))).toBe(320);
  });

  test('longer than 65535 units: segments without end and marker, the first beginning where the last ended', () => {
    const packets = sent('7', 3000, 48000);
    const starts = [...new Set(packets.map((p) => p.timestamp))];
    expect(starts).toEqual([1000, 1000 + 65535, 1000 + 2 * 65535]);
    expect(packets.filter((p) => p.marker).length).toBe(1);
    expect(packets.filter((p) => p.end).every((p) => p.timestamp === starts[2])).toBe(true);
    expect(packets.filter((p) => p.timestamp === starts[0]).at(-1)!.duration).toBe(65535);
    expect(heard(packets, 48000)).toEqual([['7', 3000]]);
  });

  test('bounds: 64 wait at most; what is no key is refused and queues nothing', () => {
    const sender = new TelephoneEventSender(8000);
    expect(() => sender.queue('12x')).toThrow(RangeError);
    expect(sender.idle).toBe(true);
    expect(sender.queue('1'.repeat(64))).toBe(true);
    expect(sender.queue('1')).toBe(false);
    expect(() => new TelephoneEventSender(0)).toThrow(RangeError);
  });

  test('cancel: the press under way ends in order, the others are not begun', () => {
    const sender = new TelephoneEventSender(8000);
    sender.queue('12', 1000);
    const out = new Uint8Array(4);
    sender.next(out, 0);
    expect(sender.pressing).toBe(true);
    sender.cancel();
    const ends: boolean[] = [];
    for (let i = 1; !sender.idle && i < 100; i++) if (sender.next(out, i * 160) > 0) ends.push(eventEnded(out));
    expect([ends, sender.digits, sender.pressing]).toEqual([[true, true, true], 1, false]);
  });
});

describe('receiver', () => {
  const five = sent('5');

  test.each<[string, Packet[]]>([
    ['all', five],
    ['without the first', five.slice(1)],
    ['without the last', five.slice(0, -1)],
    ['without all three ends', five.filter((p) => !p.end)],
    ...five.map((p, i): [string, Packet[]] => [`only packet ${i}`, [p]]),
    ['each twice', five.flatMap((p) => [p, p])],
    ['backwards', [...five].reverse()],
    ['the end before the others', [five[4]!, five[0]!, five[1]!, five[2]!, five[3]!]],
    ['all again, later', [...five, ...five]],
  ])('one press from %s', (_, packets) => {
    expect(text(heard(packets))).toBe('5');
  });

  test('the duration, in the clock of the format', () => {
    expect(heard(five)).toEqual([['5', 100]]);
    expect(heard(sent('5', 100, 48000), 48000)).toEqual([['5', 100]]);
    expect(heard([{ ...five[0]!, duration: 0 }, { ...five[4]!, duration: 0 }])).toEqual([['5', 80]]); // some say nothing
  });

  test('is told at the first end, and not before', () => {
    const r = receiver();
    r.feed(five.slice(0, 4));
    expect([r.told, r.it.pending]).toEqual([[], true]);
    r.feed([five[4]!]);
    expect([r.told, r.it.pending]).toEqual([[['5', 100]], false]);
  });

  test('a missing end: told when nothing came for 200 ms, and counted', () => {
    const r = receiver();
    r.feed(five.slice(0, 3));
    r.it.expire(40 + 199);
    expect(r.told).toEqual([]);
    r.it.expire(40 + 200);
    expect([r.told, r.it.endless]).toEqual([[['5', 60]], 1]);
    r.feed(five.slice(3)); // it was only late
    r.it.expire(1e6);
    expect(text(r.told)).toBe('5');
  });

  test('two equal presses are two, even without the end of one and the marker of the other', () => {
    const packets = sent('55');
    expect(text(heard(packets))).toBe('55');
    expect(text(heard(packets.filter((p) => !p.end && !p.marker)))).toBe('55');
  });

  test('presses of a sender that gives all of them one timestamp', () => {
    const packets = sent('555').map((p) => ({ ...p, timestamp: 4000 }));
    expect(text(heard(packets))).toBe('555');
    expect(text(heard([...five, { ...five[0]!, ms: 300 }]))).toBe('5'); // its first packet again is no new press
  });

  test('a press whose only packet is overtaken by the next comes before it', () => {
    const packets = sent('12');
    const [one, two] = [packets.filter((p) => p.event === 1), packets.filter((p) => p.event === 2)];
    expect(text(heard([two[0]!, one[2]!, ...two.slice(1), one[4]!]))).toBe('12');
  });

  test('another SSRC is another sender: the same timestamp counts anew', () => {
    expect(text(heard([...five, ...five.map((p) => ({ ...p, ssrc: 8 }))]))).toBe('55');
  });

  test('timestamps and sequence numbers wrap', () => {
    expect(text(heard(sent('1234', 100, 8000, 100, 0xffffffff - 1700)))).toBe('1234');
  });

  test('a segment of which the last packets are lost', () => {
    const packets = sent('7', 3000, 48000).filter((p) => p.duration < 60000 || p.end);
    expect(heard(packets, 48000)).toEqual([['7', 3000]]);
  });

  test('flash and tones are no keys; what is too short is nothing', () => {
    const r = receiver();
    r.feed([{ ...five[0]!, event: 16 }, { ...five[0]!, event: 255 }]);
    r.it.onPacket(new Uint8Array(3), 0, 3, 0, false, 1, 7, 0);
    r.it.onPacket(new Uint8Array(4), 2, 4, 0, false, 1, 7, 0);
    r.it.expire(1e6);
    expect([r.told, r.it.otherEvents, r.it.malformed]).toEqual([[], 2, 2]);
  });
});

test('whatever is lost, duplicated and a little reordered: each press once, in order, if a packet of it came', () => {
  const fates = fc.array(fc.record({ times: fc.constantFrom(0, 0, 1, 1, 1, 2), late: fc.constantFrom(0, 0, 0, 1, 2) }), { minLength: 70, maxLength: 70 });
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9*#A-D]{1,10}$/), fates, (digits, fate) => {
      const packets = sent(digits, 100, 8000, 120);
      const arrivals = packets.flatMap((p, i) => Array.from({ length: fate[i]!.times }, () => ({ p, at: i + fate[i]!.late * 1.01 }))).sort((x, y) => x.at - y.at);
      const r = receiver();
      for (const { p, at } of arrivals) {
        const now = Math.round(at * 20);
        r.feed([{ ...p, ms: now }]);
      }
      r.it.expire(1e9);
      const starts = [...new Set(packets.map((p) => p.timestamp))];
      const came = new Set(arrivals.map(({ p }) => p.timestamp));
      expect(text(r.told)).toBe([...digits].filter((_, i) => came.has(starts[i]!)).join(''));
    }),
    { numRuns: 300 },
  );
});

test('every key arrives under 10 % loss', () => {
  let state = 1;
  const random = (): number => (state = (state * 48271) % 2147483647) / 2147483647;
  for (let run = 0; run < 100; run++) expect(text(heard(sent(DTMF_DIGITS).filter(() => random() >= 0.1)))).toBe(DTMF_DIGITS);
});

test('no octets make it throw, and what it tells are keys', () => {
  const packet = fc.record({ payload: fc.uint8Array({ maxLength: 8 }), timestamp: fc.nat(0xffffffff), marker: fc.boolean(), sequence: fc.nat(0xffff), ssrc: fc.nat(2), ms: fc.nat(500) });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 40 }), (packets) => {
      const told: string[] = [];
      const r = new TelephoneEventReceiver(8000, (digit, ms) => {
        told.push(digit);
        expect(ms).toBeGreaterThanOrEqual(0);
      });
      let now = 0;
      for (const p of packets) {
        r.onPacket(p.payload, 0, p.payload.length, p.timestamp, p.marker, p.sequence, p.ssrc, (now += p.ms));
        r.expire(now);
      }
      expect(told.every((digit) => DTMF_DIGITS.includes(digit))).toBe(true);
      expect(told.length).toBeLessThanOrEqual(packets.length);
    }),
    { numRuns: 500 },
  );
});
