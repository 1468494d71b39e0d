/** SRTP between two parties: every suite there and back, hostile input, order, wrap-around, change of keys; and with werift-rtp. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { RtpHeader, SrtcpSession as WeriftRtcp, SrtpSession as WeriftRtp } from 'werift-rtp';
import type { SrtpKey, SrtpKeys, SrtpSuite } from '../../../../../media/audio-types';
import { NOT_AUTHENTIC, REPLAYED, SrtpSession } from '../../../../../media/net/srtp/session';
import { MAX_TRAILER, SUITES } from '../../../../../media/net/srtp/suites';
import { receiverReport, rtp, senderReport, type RtpFields } from '../../support/packets';

const ALL = Object.keys(SUITES) as SrtpSuite[];

/** A key of the right length, another for each name. */
function key(suite: SrtpSuite, name: string): SrtpKey {
  const { key: keyBytes, salt } = SUITES[suite];
  return { suite, keySalt: createHash('sha512').update(name).digest().subarray(0, keyBytes + salt).toString('base64') };
}
const keysOf = (suite: SrtpSuite, us: string, them: string): SrtpKeys => ({ send: key(suite, us), receive: key(suite, them) });
function parties(suite: SrtpSuite) {
  return { alice: new SrtpSession(keysOf(suite, 'alice', 'bob')), bob: new SrtpSession(keysOf(suite, 'bob', 'alice')) };
}

type Way = 'protectRtp' | 'protectRtcp' | 'unprotectRtp' | 'unprotectRtcp';
/** The packet as it became, or the number that says why not. */
function pass(session: SrtpSession, way: Way, packet: Uint8Array): Buffer | number {
  const data = new Uint8Array(packet.length + MAX_TRAILER).fill(0xee);
  data.set(packet);
  const length = session[way](data, packet.length);
  if (length < 0 && way.startsWith('un')) expect(Buffer.from(data.subarray(0, packet.length))).toEqual(Buffer.from(packet)); // left as it was
  return length < 0 ? length : Buffer.from(data.subarray(0, length));
}
const sealed = (session: SrtpSession, packet: Uint8Array): Buffer => pass(session, 'protectRtp', packet) as Buffer;

/** With CSRCs and a header extension, both in the clear. */
function longHeader(payload: Buffer): Buffer {
  const plain = rtp({ sequence: 9, payload: '' });
  plain[0] = 0x80 | 0x10 | 2;
  return Buffer.concat([plain, Buffer.from('00000001 00000002 bede0001 aabbccdd'.replace(/ /g, ''), 'hex'), payload]);
}

describe.each(ALL)('%s', (suite) => {
  const { rtpTag, rtcpTag } = SUITES[suite];

  test('RTP there and back, of any length; nothing but the header is readable', () => {
    const { alice, bob } = parties(suite);
    for (const [i, length] of [160, 0, 1, 15, 16, 17, 320, 1400].entries()) {
      const packet = rtp({ sequence: i, payload: Buffer.alloc(length, 0x55) });
      const wire = sealed(alice, packet);
      expect(wire.length).toBe(packet.length + rtpTag);
      expect(wire.subarray(0, 12)).toEqual(packet.subarray(0, 12));
      if (length > 4) expect(wire.includes(Buffer.alloc(4, 0x55))).toBe(false);
      expect(pass(bob, 'unprotectRtp', wire)).toEqual(packet);
    }
    expect(bob.counters).toEqual({ authFailed: 0, replayed: 0, refused: 0 });
  });

  test('CSRCs and header extensions stay in the clear and are authenticated', () => {
    const { alice, bob } = parties(suite);
    const packet = longHeader(Buffer.from('sound'));
    const wire = sealed(alice, packet);
    expect(wire.subarray(0, packet.length - 5)).toEqual(packet.subarray(0, packet.length - 5));
    const changed = Buffer.from(wire);
    changed[25]! ^= 1;
    expect(pass(bob, 'unprotectRtp', changed)).toBe(NOT_AUTHENTIC);
    expect(pass(bob, 'unprotectRtp', wire)).toEqual(packet);
  });

  test('RTCP there and back; type and sender stay readable', () => {
    const { alice, bob } = parties(suite);
    for (const packet of [senderReport(7, [1, 2], [{ ssrc: 9 }]), receiverReport(7), senderReport(8)]) {
      const wire = pass(alice, 'protectRtcp', packet) as Buffer;
      expect(wire.length).toBe(packet.length + rtcpTag + 4);
      expect(wire.subarray(0, 8)).toEqual(packet.subarray(0, 8));
      expect(pass(bob, 'unprotectRtcp', wire)).toEqual(packet);
      expect(pass(bob, 'unprotectRtcp', wire)).toBe(REPLAYED);
    }
    expect(bob.counters).toEqual({ authFailed: 0, replayed: 3, refused: 0 });
  });

  test('any changed bit and any cut is refused, and costs the true packet nothing', () => {
    const { alice, bob } = parties(suite);
    const wires: Array<[Way, Buffer]> = [
      ['unprotectRtp', sealed(alice, rtp({ payload: 'sound of speech' }))],
      ['unprotectRtcp', pass(alice, 'protectRtcp', senderReport(7)) as Buffer],
    ];
    for (const [way, wire] of wires) {
      for (let bit = 0; bit < wire.length * 8; bit++) {
        const changed = Buffer.from(wire);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect(pass(bob, way, changed)).toBe(NOT_AUTHENTIC);
      }
      for (let length = 0; length < wire.length; length++) expect(pass(bob, way, wire.subarray(0, length))).toBe(NOT_AUTHENTIC);
      expect(pass(bob, way, wire)).toBeInstanceOf(Buffer);
    }
    expect(bob.counters.replayed).toBe(0);
  });

  test('noise is refused, whatever it looks like, and nothing is remembered of it', () => {
    const { bob } = parties(suite);
    let count = 0;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (noise, likeRtp) => {
        if (likeRtp && noise.length > 1) noise[0] = 0x80 | (noise[0]! & 0x3f);
        count += 2;
        expect([pass(bob, 'unprotectRtp', noise), pass(bob, 'unprotectRtcp', noise)]).toEqual([NOT_AUTHENTIC, NOT_AUTHENTIC]);
      }),
    );
    expect(bob.counters).toEqual({ authFailed: count, replayed: 0, refused: 0 });
  });

  test('the wrong key, our own packet come back, plain RTP', () => {
    const { alice, bob } = parties(suite);
    const stranger = new SrtpSession(keysOf(suite, 'mallory', 'bob'));
    const long = { payload: Buffer.alloc(160) };
    expect(pass(bob, 'unprotectRtp', sealed(stranger, rtp(long)))).toBe(NOT_AUTHENTIC);
    expect(pass(alice, 'unprotectRtp', sealed(alice, rtp(long)))).toBe(NOT_AUTHENTIC);
    expect(pass(bob, 'unprotectRtp', rtp(long))).toBe(NOT_AUTHENTIC);
    expect(pass(bob, 'unprotectRtcp', receiverReport(1, [{ ssrc: 1 }]))).toBe(NOT_AUTHENTIC);
  });

  test('roll-over: 200,000 numbers with reordering across each wrap', () => {
    const { alice, bob } = parties(suite);
    let held: Buffer | undefined;
    for (let i = 65_000; i < 265_000; i += i % 65536 > 65_400 || i % 65536 < 200 ? 1 : 97) {
      const packet = rtp({ sequence: i, payload: `n${i}` });
      const wire = sealed(alice, packet);
      if (i % 3 === 0 && held === undefined) held = wire;
      else {
        expect(pass(bob, 'unprotectRtp', wire)).toEqual(packet);
        if (held) expect(pass(bob, 'unprotectRtp', held)).toBeInstanceOf(Buffer);
        held = undefined;
      }
    }
    expect(alice.counters.refused + bob.counters.authFailed + bob.counters.replayed).toBe(0);
  });
});

const SUITE = 'AES_CM_128_HMAC_SHA1_80';
const numbered = (sequence: number, more: RtpFields = {}): Buffer => rtp({ sequence, payload: `number ${sequence}`, ...more });

describe('replay', () => {
  test('each packet once, in whatever order, as long as it is not 128 behind', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 300 }), fc.integer({ min: 0, max: 0x7fff }), (order, base) => {
        const { alice, bob } = parties(SUITE);
        const wires = Array.from({ length: 401 }, (_, n) => sealed(alice, numbered(base + n)));
        const seen = new Set<number>();
        let highest = -1;
        for (const n of order) {
          const got = pass(bob, 'unprotectRtp', wires[n]!);
          const fresh = !seen.has(n) && highest - n < 128;
          expect(typeof got === 'number' ? got : 'taken').toBe(fresh ? 'taken' : REPLAYED);
          seen.add(n);
          highest = Math.max(highest, n);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('a forged number far ahead moves nothing', () => {
    const { alice, bob } = parties(SUITE);
    const [first, second] = [sealed(alice, numbered(1)), sealed(alice, numbered(2))];
    pass(bob, 'unprotectRtp', first);
    const forged = Buffer.from(second);
    forged.writeUInt16BE(30_000, 2);
    expect(pass(bob, 'unprotectRtp', forged)).toBe(NOT_AUTHENTIC);
    expect(pass(bob, 'unprotectRtp', second)).toEqual(numbered(2));
  });

  test('what we send: no number twice, none from 128 behind, others in any order', () => {
    const { alice } = parties(SUITE);
    for (const n of [1000, 1003, 1001, 1002]) expect(pass(alice, 'protectRtp', numbered(n))).toBeInstanceOf(Buffer);
    for (const n of [1002, 1003, 875]) expect(pass(alice, 'protectRtp', rtp({ sequence: n, payload: 'something else' }))).toBe(-1);
    expect(pass(alice, 'protectRtp', numbered(876))).toBeInstanceOf(Buffer);
    expect(alice.counters).toEqual({ authFailed: 0, replayed: 0, refused: 3 });
  });
});

describe('sources', () => {
  test('each counts by itself', () => {
    const { alice, bob } = parties(SUITE);
    for (let n = 0; n < 5; n++) {
      for (const ssrc of [1, 2, 0xffffffff]) {
        const packet = numbered(65_534 + n, { ssrc });
        expect(pass(bob, 'unprotectRtp', sealed(alice, packet))).toEqual(packet);
      }
    }
  });

  test('a peer with many: the ones heard last are known', () => {
    const { alice, bob } = parties(SUITE);
    const wires = Array.from({ length: 40 }, (_, ssrc) => sealed(alice, numbered(5, { ssrc })));
    for (const wire of wires) expect(pass(bob, 'unprotectRtp', wire)).toBeInstanceOf(Buffer);
    for (const wire of wires.slice(-16)) expect(pass(bob, 'unprotectRtp', wire)).toBe(REPLAYED);
    expect(pass(bob, 'unprotectRtp', wires[0]!)).toBeInstanceOf(Buffer); // forgotten: a bound, and what it costs
  });

  test('we send as many as 256, and then no new ones: a forgotten one could use its numbers again', () => {
    const { alice } = parties(SUITE);
    for (let ssrc = 0; ssrc < 256; ssrc++) expect(pass(alice, 'protectRtp', numbered(1, { ssrc }))).toBeInstanceOf(Buffer);
    expect(pass(alice, 'protectRtp', numbered(1, { ssrc: 256 }))).toBe(-1);
    expect(pass(alice, 'protectRtp', numbered(1, { ssrc: 0 }))).toBe(-1);
    expect(pass(alice, 'protectRtp', numbered(2, { ssrc: 0 }))).toBeInstanceOf(Buffer);
  });
});

describe('a change of keys', () => {
  const wrapped = () => {
    const { alice, bob } = parties(SUITE);
    for (const n of [65_535, 65_536, 65_537]) pass(bob, 'unprotectRtp', sealed(alice, numbered(n)));
    return { alice, bob };
  };

  test('roll-over counters go on (RFC 3711 §3.3.1)', () => {
    const { alice, bob } = wrapped();
    const [alice2, bob2] = [new SrtpSession(keysOf(SUITE, 'alice2', 'bob'), alice), new SrtpSession(keysOf(SUITE, 'bob', 'alice2'), bob)];
    expect([alice2.hearsLike(alice), bob2.hearsLike(bob)]).toEqual([true, false]);
    expect(pass(bob2, 'unprotectRtp', sealed(alice2, numbered(3)))).toEqual(numbered(3));
    // A reader that knows nothing of the past finds out by itself while the counter is 1.
    expect(pass(new SrtpSession(keysOf(SUITE, 'bob', 'alice2')), 'unprotectRtp', sealed(alice2, numbered(4)))).toEqual(numbered(4));
  });

  test('a peer that begins anew with its key is understood', () => {
    const { bob } = wrapped();
    const fresh = new SrtpSession(keysOf(SUITE, 'alice2', 'bob'));
    const bob2 = new SrtpSession(keysOf(SUITE, 'bob', 'alice2'), bob);
    for (const n of [3, 4]) expect(pass(bob2, 'unprotectRtp', sealed(fresh, numbered(n)))).toEqual(numbered(n));
  });

  test('the same keys again change nothing: no packet is taken twice, no number used twice', () => {
    const { alice, bob } = parties(SUITE);
    const wire = sealed(alice, numbered(1));
    pass(bob, 'unprotectRtp', wire);
    const [alice2, bob2] = [new SrtpSession(keysOf(SUITE, 'alice', 'bob'), alice), new SrtpSession(keysOf(SUITE, 'bob', 'alice'), bob)];
    expect(pass(bob2, 'unprotectRtp', wire)).toBe(REPLAYED);
    expect(pass(alice2, 'protectRtp', rtp({ sequence: 1, payload: 'else' }))).toBe(-1);
    expect(bob2.counters).toEqual({ authFailed: 0, replayed: 1, refused: 0 });
  });

  test('nor do keys that come back', () => {
    const { alice } = parties(SUITE);
    sealed(alice, numbered(1));
    const between = new SrtpSession(keysOf(SUITE, 'alice2', 'bob'), alice);
    const back = new SrtpSession(keysOf(SUITE, 'alice', 'bob'), between);
    expect(pass(back, 'protectRtp', rtp({ sequence: 1, payload: 'else' }))).toBe(-1);
  });

  test('the other suite', () => {
    const { alice, bob } = parties(SUITE);
    pass(bob, 'unprotectRtp', sealed(alice, numbered(1)));
    const [alice2, bob2] = [new SrtpSession(keysOf('AEAD_AES_256_GCM', 'a', 'b'), alice), new SrtpSession(keysOf('AEAD_AES_256_GCM', 'b', 'a'), bob)];
    expect(alice2.suite).toBe('AEAD_AES_256_GCM');
    expect(pass(bob2, 'unprotectRtp', sealed(alice2, numbered(2)))).toEqual(numbered(2));
  });
});

test('the first packets lost just after 65,535: the counter is found', () => {
  const { alice, bob } = parties(SUITE);
  sealed(alice, numbered(65_535));
  expect(pass(bob, 'unprotectRtp', sealed(alice, numbered(65_536)))).toEqual(numbered(65_536));
});

test('without room for the tag nothing is written', () => {
  const { alice } = parties(SUITE);
  const packet = numbered(1);
  expect(alice.protectRtp(packet, packet.length)).toBe(-1);
  expect(alice.protectRtcp(packet, packet.length)).toBe(-1);
  expect(packet).toEqual(numbered(1));
});

test.each([
  ['a suite that nobody knows', { suite: 'NULL_HMAC' as SrtpSuite, keySalt: 'AAAA' }, /NULL_HMAC is not known; known are AES_CM_128/],
  ['a name every object has', { suite: 'toString' as SrtpSuite, keySalt: 'AAAA' }, /toString is not known/],
  ['not base64', { suite: SUITE, keySalt: 'not base64!' }, /not base64; it takes 30 octets/],
  ['too short', { suite: SUITE, keySalt: Buffer.alloc(29).toString('base64') }, /has 29 octets; it takes 30: 16 of key, 14 of salt/],
  ['of another suite', { suite: 'AEAD_AES_128_GCM', keySalt: key('AES_256_CM_HMAC_SHA1_32', 'x').keySalt }, /has 46 octets; it takes 28/],
] satisfies Array<[string, SrtpKey, RegExp]>)('a bad key is refused with a sentence: %s', (_, bad, sentence) => {
  const good = key(SUITE, 'good');
  for (const keys of [{ send: bad, receive: good }, { send: good, receive: bad }]) {
    expect(() => new SrtpSession(keys)).toThrow(sentence);
    expect(() => new SrtpSession(keys)).toThrow(expect.objectContaining({ code: 'bad-key' }));
  }
});

test('the padding of base64 may be missing', () => {
  const padded = key('AEAD_AES_256_GCM', 'x');
  expect(padded.keySalt).toMatch(/=$/);
  const bare = { ...padded, keySalt: padded.keySalt.replace(/=+$/, '') };
  const from = new SrtpSession({ send: padded, receive: padded });
  expect(pass(new SrtpSession({ send: bare, receive: bare }), 'unprotectRtp', sealed(from, numbered(1)))).toEqual(numbered(1));
});

describe.each([
  ['AES_CM_128_HMAC_SHA1_80', 1],
  ['AEAD_AES_128_GCM', 7],
] as const)('with werift-rtp: %s', (suite, profile) => {
  const halves = (name: string) => {
    const octets = Buffer.from(key(suite, name).keySalt, 'base64');
    return { master: octets.subarray(0, 16), salt: octets.subarray(16) };
  };
  const config = {
    keys: { localMasterKey: halves('werift').master, localMasterSalt: halves('werift').salt, remoteMasterKey: halves('us').master, remoteMasterSalt: halves('us').salt },
    profile,
  };

  test('RTP both ways, across a wrap', () => {
    const ours = new SrtpSession(keysOf(suite, 'us', 'werift'));
    const theirs = new WeriftRtp(config);
    for (let n = 65_500; n < 65_600; n++) {
      const packet = numbered(n, { payloadType: 96, marker: n % 2 === 0, timestamp: n * 160, ssrc: 0xfedcba98 });
      expect(theirs.decrypt(sealed(ours, packet))).toEqual(packet);
      const wire = theirs.encrypt(packet.subarray(12), RtpHeader.deSerialize(packet));
      expect(pass(ours, 'unprotectRtp', wire)).toEqual(packet);
    }
  });

  test('RTCP both ways', () => {
    const ours = new SrtpSession(keysOf(suite, 'us', 'werift'));
    const theirs = new WeriftRtcp(config);
    for (let n = 0; n < 5; n++) {
      const packet = senderReport(0xfedcba98, [n, n], [{ ssrc: n }]);
      expect(theirs.decrypt(pass(ours, 'protectRtcp', packet) as Buffer)).toEqual(packet);
      expect(pass(ours, 'unprotectRtcp', theirs.encrypt(packet))).toEqual(packet);
    }
  });
});
