import fc from 'fast-check';
import { ReceiveStats } from '../../../../media/rtp/receive-stats';
import { forEachPacket } from '../../../../media/rtp/rtcp-compound';
import { ntpTime, readBye, writeDescription } from '../../../../media/rtp/rtcp-packets';
import { MAX_REPORT_BYTES, RtcpSession, type RtcpSessionOptions } from '../../../../media/rtp/rtcp-session';
import { receiverReport, senderReport } from '../support/packets';

const OURS = 0x11111111;
const THEIRS = 0xdeadbeef;
const WALL = Date.UTC(2026, 10, 22, 12);

interface World {
  session: RtcpSession;
  stats: ReceiveStats;
  now: number;
  send(packets: number, bytes?: number): void;
  hear(from: number, to: number, lose?: (n: number) => boolean): void;
  report(): Buffer;
  get(data: Uint8Array): void;
}

/** A session whose every draw is the middle, and its clock. */
function world(options: Partial<RtcpSessionOptions> = {}): World {
  const w: World = {
    now: 0,
    stats: new ReceiveStats(),
    session: new RtcpSession({ ssrc: OURS, cname: 'cname', clockRate: 8000, random: () => 0.5, nowMs: 0, ntpMs: () => WALL + w.now, ...options }),
    send(packets, bytes = 160) {
      for (let i = 0; i < packets; i++) w.session.onRtpSent(bytes, 1000 + i * 160, w.now);
    },
    hear(from, to, lose = () => false) {
      for (let n = from; n <= to; n++) if (!lose(n)) w.stats.update(n & 0xffff, n * 160, THEIRS, 8000, n * 20);
    },
    report() {
      w.now = Math.max(w.now, w.session.due());
      const out = new Uint8Array(1200);
      const bytes = w.session.build(out, w.now, w.stats);
      expect(bytes).toBeGreaterThan(0);
      return Buffer.from(out.subarray(0, bytes));
    },
    get(data) {
      w.session.onRtcp(data, data.length, w.now);
    },
  };
  return w;
}

function parts(data: Buffer): Array<[number, Buffer]> {
  const found: Array<[number, Buffer]> = [];
  expect(forEachPacket(data, data.length, (type, from, to) => void found.push([type, data.subarray(from, to)]))).toBe(true);
  return found;
}

const extended = (ssrc: number, ...words: number[]): Buffer => {
  const b = Buffer.alloc(8 + words.length * 4);
  b.writeUInt32BE(0x80cf0000 + b.length / 4 - 1, 0);
  b.writeUInt32BE(ssrc, 4);
  words.forEach((word, i) => b.writeUInt32BE(word >>> 0, 8 + i * 4));
  return b;
};

function byePacket(ssrcs: number[], reason?: string): Buffer {
  const text = Buffer.from(reason ?? '');
  const b = Buffer.alloc(4 + ssrcs.length * 4 + (reason === undefined ? 0 : Math.ceil((1 + text.length) / 4) * 4));
  b.writeUInt32BE((0x80 + ssrcs.length) * 0x1000000 + 203 * 0x10000 + b.length / 4 - 1, 0);
  ssrcs.forEach((ssrc, i) => b.writeUInt32BE(ssrc, 4 + i * 4));
  if (reason !== undefined) {
    b[4 + ssrcs.length * 4] = text.length;
    text.copy(b, 5 + ssrcs.length * 4);
  }
  return b;
}

describe('what we say', () => {
  test('a sender report: time, timestamp of that time, counts, and what we hear', () => {
    const w = world();
    w.now = 980;
    w.send(50);
    w.hear(1, 100, (n) => n % 10 === 5);
    const [[type, sr], [described]] = parts(w.report()) as [[number, Buffer], [number, Buffer]];
    expect([type, described]).toEqual([200, 202]);
    expect(sr.readUInt32BE(4)).toBe(OURS);
    expect(sr.readUInt32BE(8) - 2208988800).toBe(Math.floor((WALL + w.now) / 1000));
    expect(sr.readUInt32BE(16)).toBe(1000 + 49 * 160 + Math.round((w.now - 980) * 8));
    expect([sr.readUInt32BE(20), sr.readUInt32BE(24)]).toEqual([50, 50 * 160]);
    expect([sr[0]! & 31, sr.readUInt32BE(28), sr[32], sr.readUIntBE(33, 3), sr.readUInt32BE(36)]).toEqual([1, THEIRS, Math.floor((10 * 256) / 100), 10, 100]);
    expect([sr.readUInt32BE(40), sr.readUInt32BE(44), sr.readUInt32BE(48)]).toEqual([0, 0, 0]); // no jitter, and no SR of theirs yet
  });

  test('a receiver report when nothing was sent; no block when nothing was heard', () => {
    const w = world();
    const [[type, rr]] = parts(w.report()) as [[number, Buffer]];
    expect([type, rr[0]! & 31, rr.length]).toEqual([201, 0, 8]);
  });

  test('a sender is one until two reports after its last packet (§6.3.8)', () => {
    const w = world();
    w.send(1);
    expect([0, 1, 2, 3].map(() => parts(w.report())[0]![0])).toEqual([200, 200, 201, 201]);
  });

  test('the fraction lost is that since the report before', () => {
    const w = world();
    w.hear(1, 100, (n) => n > 50 && n <= 75);
    expect(w.report()[12]).toBe(64);
    w.hear(101, 200);
    expect(w.report()[12]).toBe(0);
    w.hear(201, 300, (n) => n > 250 && n < 300);
    const rr = w.report();
    expect([rr[12], rr.readUIntBE(13, 3)]).toEqual([Math.floor((49 * 256) / 100), 74]);
  });

  test('a source that is silent has no block, and one again when it speaks', () => {
    const w = world();
    w.hear(1, 10);
    const counts = [w.report()[0]! & 31, w.report()[0]! & 31];
    w.hear(11, 20);
    expect([...counts, w.report()[0]! & 31]).toEqual([1, 0, 1]);
  });

  test('the extended highest number counts its wraps; jitter is in clock units', () => {
    const w = world();
    for (let n = 0; n < 2000; n++) w.stats.update((65000 + n) & 0xffff, n * 160, THEIRS, 8000, n * 20 + (n % 2) * 8);
    const rr = w.report();
    expect(rr.readUInt32BE(16)).toBe(65000 + 1999);
    expect(Math.abs(rr.readUInt32BE(20) - 64)).toBeLessThan(5);
  });

  test('their sender report is named, with how long we kept it', () => {
    const w = world();
    w.hear(1, 10);
    w.now = 1000;
    w.get(senderReport(THEIRS, [0x00010002, 0x00030004]));
    const rr = w.report();
    expect(rr.readUInt32BE(24)).toBe(0x00020003);
    expect(rr.readUInt32BE(28)).toBe(Math.round(((w.now - 1000) * 65536) / 1000));
  });

  test.each(['', 'a', 'ab', 'abc', 'abcd', 'äöü€', 'x'.repeat(300)])('SDES of "%s": its items end with null octets, as §6.5 has it', (cname) => {
    const out = new Uint8Array(400);
    const bytes = writeDescription(out, 0, OURS, cname);
    const length = out[9]!;
    expect([bytes % 4, out[8]]).toEqual([0, 1]);
    expect(Buffer.from(out.subarray(10, 10 + length)).toString()).toBe(cname.slice(0, 255));
    expect(bytes).toBe(8 + Math.floor((2 + length) / 4) * 4 + 4); // at least one null octet, at most four
    expect(out.subarray(10 + length, bytes).every((octet) => octet === 0)).toBe(true);
  });

  test('another SSRC counts from the beginning', () => {
    const w = world();
    w.send(10);
    w.session.setStream(0x22222222, 48000);
    w.send(3, 50);
    const sr = w.report();
    expect([sr.readUInt32BE(4), sr.readUInt32BE(20), sr.readUInt32BE(24)]).toEqual([0x22222222, 3, 150]);
  });

  test('BYE, with its reason, behind a last report; once, and then nothing more', () => {
    const w = world();
    w.send(1);
    const out = new Uint8Array(1200);
    const bytes = w.session.bye(out, 100, 'hung up');
    const found = parts(Buffer.from(out.subarray(0, bytes)));
    expect(found.map(([type]) => type)).toEqual([200, 202, 203]);
    const bye = found[2]![1];
    expect(readBye(bye, 0, bye.length, bye[0]! & 31)).toEqual({ sources: [OURS], reason: 'hung up' });
    expect([w.session.bye(out, 100), w.session.build(out, 1e6), w.session.due()]).toEqual([0, 0, Infinity]);
  });

  test('who never sent anything leaves without a word (§6.3.7)', () => {
    expect(world().session.bye(new Uint8Array(1200), 100)).toBe(0);
  });

  test('too little room is said at once', () => {
    expect(() => world().session.build(new Uint8Array(MAX_REPORT_BYTES - 1), 1e6)).toThrow(RangeError);
  });

  test('NTP time of 1970', () => {
    expect(ntpTime(500)).toBe((2208988800n << 32n) | 0x80000000n);
  });
});

describe('when', () => {
  test('first after half the minimum, then after all of it, both divided by e - 3/2', () => {
    const w = world();
    expect(w.session.due()).toBeCloseTo(2500 / (Math.E - 1.5), 6);
    w.report();
    const before = w.now;
    expect(w.session.due() - before).toBeCloseTo(5000 / (Math.E - 1.5), 6);
  });

  test('over many reports: 5 s on average and never below a half of 5 s / 1.218, as reconsideration makes it', () => {
    let state = 7;
    const w = world({ random: () => (state = (state * 48271) % 2147483647) / 2147483647 });
    const out = new Uint8Array(1200);
    const times: number[] = [];
    while (times.length < 2000) {
      w.now = w.session.due();
      if (w.session.build(out, w.now, w.stats) > 0) times.push(w.now);
    }
    const gaps = times.slice(1).map((t, i) => t - times[i]!);
    const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
    expect(Math.abs(mean - 5000)).toBeLessThan(150);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2500 / (Math.E - 1.5));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(7500 / (Math.E - 1.5) + 1);
  });

  test('nothing before it is due', () => {
    const w = world();
    expect(w.session.build(new Uint8Array(1200), w.session.due() - 1)).toBe(0);
  });

  test('a narrow session reports less often', () => {
    const w = world({ bandwidthBps: 1000 });
    w.report();
    expect(w.session.due() - w.now).toBeGreaterThan(10_000);
  });
});

describe('what we are told', () => {
  test('loss and jitter as it hears us, in its own report’s words', () => {
    const w = world();
    w.get(receiverReport(THEIRS, [{ ssrc: 5, fraction: 255 }, { ssrc: OURS, fraction: 64, lost: -3, jitter: 80 }]));
    expect(w.session.quality().reported).toEqual({ fractionLost: 0.25, cumulativeLost: -3, jitterMs: 10, mos: null, rFactor: null, atMs: 0 });
  });

  test('nothing that is about somebody else', () => {
    const w = world();
    w.get(receiverReport(THEIRS, [{ ssrc: 5, fraction: 255 }]));
    expect(w.session.quality()).toEqual({ rttMs: null, reported: null, remote: { ssrc: THEIRS, cname: '', tool: '' }, byeReceived: null });
  });

  test('the round trip', () => {
    const w = world();
    w.send(1);
    const sr = w.report();
    w.now += 580;
    w.get(receiverReport(THEIRS, [{ ssrc: OURS, lsr: sr.readUInt32BE(10), dlsr: 32768 }]));
    expect(w.session.quality().rttMs).toBeCloseTo(80, 6);
  });

  test('two sessions tell each other all of it', () => {
    const [a, b] = [world(), world({ ssrc: THEIRS, cname: 'b' })];
    a.send(1);
    b.send(1);
    const first = a.report();
    b.now = a.now + 30;
    b.get(first);
    b.stats.update(1, 0, OURS, 8000, 0);
    const second = b.report();
    a.now = b.now + 30;
    a.get(second);
    expect(a.session.quality().rttMs).toBeCloseTo(60, 1);
    expect(a.session.quality().remote).toEqual({ ssrc: THEIRS, cname: 'b', tool: '' });
    expect(a.session.quality().reported).toMatchObject({ fractionLost: 0, cumulativeLost: 0 });
  });

  test('BYE of the peer, not of another; it is back when it reports again', () => {
    const w = world();
    w.get(receiverReport(THEIRS));
    w.get(byePacket([42], 'not mine'));
    expect(w.session.quality().byeReceived).toBeNull();
    w.get(byePacket([42, THEIRS], 'so long'));
    expect(w.session.quality().byeReceived).toBe('so long');
    w.get(receiverReport(THEIRS));
    expect(w.session.quality().byeReceived).toBeNull();
    w.get(byePacket([THEIRS]));
    expect(w.session.quality().byeReceived).toBe('');
  });

  test('its MOS (RFC 3611 §4.7), where it says one', () => {
    const w = world();
    const metrics = (last: number): Buffer => extended(THEIRS, 0x07000008, OURS, 0, 0, 0, 0, last, 0, 0);
    w.get(Buffer.concat([receiverReport(THEIRS, [{ ssrc: OURS }]), metrics((88 << 24) | (127 << 16) | (41 << 8) | 40)]));
    expect(w.session.quality().reported).toMatchObject({ mos: 4.1, rFactor: 88 });
    w.get(metrics((127 << 24) | (127 << 16) | (127 << 8) | 38));
    expect(w.session.quality().reported).toMatchObject({ mos: 3.8, rFactor: null });
    w.get(metrics(0x7f7f7f7f));
    expect(w.session.quality().reported).toMatchObject({ mos: null, rFactor: null });
  });

  test('a collision and types that mean nothing here are counted', () => {
    const w = world();
    w.get(receiverReport(OURS));
    w.get(Buffer.concat([receiverReport(THEIRS), Buffer.from([0x80, 204, 0, 2, 0, 0, 0, 1, 65, 66, 67, 68])]));
    w.get(receiverReport(THEIRS).subarray(0, 6));
    expect([w.session.collisions, w.session.ignored, w.session.unreadable]).toEqual([1, 1, 1]);
  });
});

describe('extended reports', () => {
  const metrics = { lossRate: 0.25, discardRate: 0, roundTripMs: 80, endSystemDelayMs: 60, rFactor: 84.4, mosListening: 4.12, mosConversational: null, jitterBuffer: { nominalMs: 40, maximumMs: 60, absoluteMaximumMs: 200 } };

  test('of two that do them: round trip of one that only listens, and MOS', () => {
    const listener = world({ voipMetrics: () => metrics });
    const talker = world({ ssrc: THEIRS });
    listener.hear(1, 100);
    talker.send(1);
    const asked = listener.report();
    expect(parts(asked).map(([type]) => type)).toEqual([201, 202, 207]);
    talker.now = listener.now + 25;
    talker.get(asked);
    expect(talker.session.quality().reported).toMatchObject({ mos: 4.1, rFactor: 84 });
    const answer = talker.report();
    expect(parts(answer).map(([type]) => type)).toEqual([200, 202, 207]);
    listener.now = talker.now + 25;
    listener.get(answer);
    expect(listener.session.quality().rttMs).toBeCloseTo(50, 0);
  });

  test('none where nobody asked', () => {
    const w = world();
    w.hear(1, 10);
    expect(parts(w.report()).map(([type]) => type)).toEqual([201, 202]);
  });
});

describe('hostile octets', () => {
  const type = fc.constantFrom(200, 201, 202, 203, 204, 205, 206, 207, 0);
  const packet = fc.tuple(fc.nat(31), type, fc.uint8Array({ maxLength: 80 }), fc.boolean()).map(([count, t, body, padded]) => {
    const words = Math.ceil(body.length / 4);
    const b = Buffer.alloc(4 + words * 4);
    b.set([0x80 | (padded ? 0x20 : 0) | count, t, words >> 8, words & 255, ...body]);
    return b;
  });

  test('well-formed outside and anything inside: never a throw, and it can go on reporting', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 5 }), (packets) => {
        const w = world({ voipMetrics: () => null });
        w.get(Buffer.concat(packets));
        w.session.quality();
        w.send(1);
        w.hear(1, 3);
        w.report();
      }),
      { numRuns: 1000 },
    );
  });

  test('anything at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(200), (data, length) => {
        const w = world();
        w.session.onRtcp(data, length, 0);
        w.session.quality();
      }),
      { numRuns: 1000 },
    );
  });
});
