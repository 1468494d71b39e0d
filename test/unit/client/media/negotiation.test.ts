/** Offer and answer of one call (RFC 3264), without sockets or sound; whatever the far end writes, the only error is MediaFault. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { MediaFault, type Direction } from '../../../../client/media';
import { Negotiation, type NegotiationOptions } from '../../../../client/node/media/negotiation';
import { parseSdp, type MediaAddress } from '../../../../media/sdp';
import { baresip, chromium, deskPhone, linphone, linphoneSrtp, sipp } from '../../media/sdp-offers';

const here: MediaAddress = { family: 4, address: '192.0.2.1', port: 40_000, rtcpPort: 40_001 };
const there: MediaAddress = { family: 4, address: '192.0.2.2', port: 50_000, rtcpPort: 50_001 };

const negotiation = (more: Partial<NegotiationOptions> = {}): Negotiation =>
  new Negotiation({ codecs: ['opus', 'G722', 'PCMU', 'PCMA'], strict: false, srtp: 'optional', dtx: true, can: () => true, random: randomBytes, ...more });

/** With a key of the right length: it is in no capture. */
const linphoneWithKey = linphoneSrtp.replace(/inline:\S+/, 'inline:dGhpcyBpcyBhIGtleSB0aGF0IG5vYm9keSBzZWUh');

const fault = (work: () => unknown): MediaFault => {
  try {
    work();
  } catch (err) {
    if (err instanceof MediaFault) return err;
    throw err;
  }
  throw new Error('nothing was thrown');
};

const version = (text: string): number => Number(parseSdp(text).origin.sessionVersion);

function meet(a: Negotiation, b: Negotiation, wants: Direction = 'sendrecv', answers: Direction = 'sendrecv'): { offer: string; answer: string } {
  const offer = a.offer(here, wants);
  const answer = b.answer(offer, there, answers).text;
  a.accept(answer);
  return { offer, answer };
}

describe('our offers', () => {
  test('name what we can, in order, and how we wish to be sent it', () => {
    const offer = negotiation().offer(here, 'sendrecv');
    expect(offer).toContain('m=audio 40000 RTP/AVP 96 9 0 8 97 101\r\n');
    expect(offer).toContain('a=fmtp:96 useinbandfec=1;usedtx=1\r\n');
    expect(offer).toContain('a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:');
    expect(negotiation({ dtx: false }).offer(here, 'sendrecv')).toContain('a=fmtp:96 useinbandfec=1\r\n');
  });

  test('leave out what the machine does not have; without any codec there is none', () => {
    expect(negotiation({ can: (codec) => codec !== 'opus' }).offer(here, 'sendrecv')).toContain('m=audio 40000 RTP/AVP 9 0 8 101\r\n');
    expect(fault(() => negotiation({ can: () => false }).offer(here, 'sendrecv')).code).toBe('unavailable');
  });

  test('a refresh is the same word for word; a hold is the next version', () => {
    const [a, b] = [negotiation(), negotiation()];
    // the first offer names more keys than the one that was chosen
    expect(version(meet(a, b).offer)).toBe(1);
    const { offer } = meet(a, b);
    expect(meet(a, b).offer).toBe(offer);
    const held = meet(a, b, 'sendonly');
    expect(version(held.offer)).toBe(version(offer) + 1);
    expect(held.answer).toContain('a=recvonly\r\n');
    expect([a.terms!.direction, b.terms!.direction]).toEqual(['sendonly', 'recvonly']);
    expect(a.terms!.audio.receive).toEqual([]);
    expect(version(meet(a, b).offer)).toBe(version(offer) + 2);
  });

  test('held from both sides nothing flows, until both have let go', () => {
    const [a, b] = [negotiation(), negotiation()];
    meet(a, b, 'sendonly');
    meet(b, a, 'inactive', 'sendonly');
    expect([a.terms!.direction, b.terms!.direction]).toEqual(['inactive', 'inactive']);
    meet(a, b);
    expect([a.terms!.direction, b.terms!.direction]).toEqual(['sendrecv', 'sendrecv']);
  });

  test('that are refused leave everything as it was, but their version is not used again', () => {
    const [a, b] = [negotiation(), negotiation()];
    const { offer } = meet(a, b);
    const before = a.terms;
    const refused = a.offer(here, 'sendonly');
    a.rollback();
    expect(a.terms).toBe(before);
    expect(version(a.offer(here, 'inactive'))).toBe(version(refused) + 1);
    expect(version(refused)).toBe(version(offer) + 1);
  });

  test('an answer on the way (183) and then a refusal: as before, keys included', () => {
    const [a, b] = [negotiation(), negotiation()];
    meet(a, b);
    const before = a.terms!;
    a.accept(b.answer(a.offer(here, 'inactive'), there, 'inactive').text);
    expect(a.terms!.direction).toBe('inactive');
    a.rollback();
    expect(a.terms).toBe(before);
  });

  test('each fork answers for itself; the last that was accepted counts', () => {
    const a = negotiation();
    const offer = a.offer(here, 'sendrecv');
    const early = negotiation({ codecs: ['PCMA'] }).answer(offer, { ...there, port: 51_000 }, 'sendrecv').text;
    const final = negotiation({ codecs: ['G722'], srtp: 'off' }).answer(offer, there, 'sendrecv').text;
    expect(a.accept(early)).toMatchObject({ codec: 'PCMA', remote: { port: 51_000 }, keys: { send: { suite: 'AES_CM_128_HMAC_SHA1_80' } } });
    expect(a.accept(final)).toMatchObject({ codec: 'G722', remote: { port: 50_000 }, keys: null });
  });

  test('an answer that cannot be is no answer: another may come', () => {
    const [a, b] = [negotiation(), negotiation()];
    const offer = a.offer(here, 'sendrecv');
    const answer = b.answer(offer, there, 'sendrecv').text;
    expect(fault(() => a.accept(answer.replace('m=audio 50000', 'm=audio 0'))).code).toBe('unacceptable');
    expect(fault(() => a.accept('no description'))).toMatchObject({ code: 'malformed' });
    expect(a.terms).toBeUndefined();
    expect(a.accept(answer).codec).toBe('opus');
    expect(fault(() => negotiation().accept(answer)).code).toBe('malformed');
  });

  test('after an answer of ours: first what is spoken, under the numbers that the far end gave', () => {
    const a = negotiation();
    a.answer(baresip.replace('0 8 96 9 101', '0 9 101'), here, 'sendrecv');
    expect(a.terms!.codec).toBe('G722');
    const offer = a.offer(here, 'sendonly');
    expect(offer).toMatch(/m=audio 40000 RTP\/AVP 9 \d+ 0 8 \d+ 101\r\n/);
    const b = negotiation();
    b.answer(linphone.replace(/\b96\b/g, '120').replace('a=rtpmap:98', 'a=x:98'), here, 'sendrecv');
    expect(b.offer(here, 'sendrecv')).toContain('a=rtpmap:120 opus/48000/2');
  });
});

describe('our answers', () => {
  test.each([
    ['linphone', linphone, 'opus', false, '192.168.7.20', 24_200],
    ['linphone with SRTP', linphoneWithKey, 'opus', true, '192.168.7.20', 24_200],
    ['baresip', baresip, 'opus', false, '127.0.0.1', 24_300],
    ['SIPp', sipp, 'PCMU', false, '127.0.0.3', 6000],
    ['a desk phone with video', deskPhone, 'PCMA', false, '2001:db8::8', 30_000],
  ] as const)('to %s', (_name, offer, codec, encrypted, address, port) => {
    const a = negotiation();
    const { text, terms } = a.answer(offer, here, 'sendrecv');
    expect(terms).toMatchObject({ codec, remote: { address, port } });
    expect(terms.keys !== null).toBe(encrypted);
    const answered = parseSdp(text);
    expect(answered.streams).toHaveLength(parseSdp(offer).streams.length);
    expect(answered.streams.filter((stream) => stream.port !== 0)).toHaveLength(1);
  });

  test('video is refused in its place, the second audio stream as well; sendonly is answered recvonly', () => {
    const { text, terms } = negotiation().answer(deskPhone, here, 'sendrecv');
    expect(text).toMatch(/m=video 0 RTP\/AVP 34\r\nm=audio 40000 RTP\/AVP 8 101\r\n[^]*a=recvonly\r\nm=audio 0 RTP\/AVP 0\r\n$/);
    expect(terms).toMatchObject({ direction: 'recvonly', audio: { send: null }, remote: { rtcpPort: 30_011 } });
  });

  test('when codecs were chosen, the order of the person counts', () => {
    expect(negotiation({ codecs: ['PCMA', 'opus'], strict: true }).answer(baresip, here, 'sendrecv').terms.codec).toBe('PCMA');
    expect(fault(() => negotiation({ codecs: ['G722'], strict: true }).answer(sipp, here, 'sendrecv'))).toMatchObject({ code: 'unacceptable' });
  });

  test('RTCP shares the port when the far end asks for that, also in later offers of ours', () => {
    const a = negotiation();
    const { text, terms } = a.answer(`${baresip}a=rtcp-mux\r\n`, here, 'sendrecv');
    expect(text).toContain('a=rtcp-mux\r\n');
    expect(terms.rtcpMux).toBe(true);
    expect(a.offer(here, 'sendonly')).toContain('a=rtcp-mux\r\n');
    expect(negotiation().answer(baresip, here, 'sendrecv').text).not.toContain('rtcp-mux');
  });

  test('DTLS-SRTP is none of ours; nor is plain RTP when SRTP is required, or SRTP when it is off', () => {
    expect(fault(() => negotiation().answer(chromium, here, 'sendrecv')).code).toBe('unacceptable');
    expect(fault(() => negotiation({ srtp: 'required' }).answer(baresip, here, 'sendrecv')).code).toBe('unacceptable');
    const savp = linphoneWithKey.slice(0, linphoneWithKey.lastIndexOf('m='));
    expect(fault(() => negotiation({ srtp: 'off' }).answer(savp, here, 'sendrecv')).code).toBe('unacceptable');
    expect(negotiation({ srtp: 'off' }).answer(linphoneWithKey, here, 'sendrecv').text).toContain('m=audio 0 RTP/SAVP');
  });

  test('held the old way (0.0.0.0) nothing is sent, and where the far end is stays known to whoever keeps it', () => {
    const { terms } = negotiation().answer(baresip.replace(/IN IP4 127\.0\.0\.1/g, 'IN IP4 0.0.0.0'), here, 'sendrecv');
    expect(terms).toMatchObject({ remote: null, audio: { send: null } });
  });

  test('take back an offer of ours that nobody answered', () => {
    const [a, b] = [negotiation(), negotiation()];
    meet(a, b);
    a.offer(here, 'sendonly');
    expect(a.answer(b.offer(there, 'sendrecv'), here, 'sendrecv').terms.direction).toBe('sendrecv');
  });
});

describe('SRTP', () => {
  test('required is offered as such, and an answer without keys is not taken', () => {
    const a = negotiation({ srtp: 'required' });
    const offer = a.offer(here, 'sendrecv');
    expect(offer).toContain('m=audio 40000 RTP/SAVP ');
    const b = negotiation();
    const answer = b.answer(offer, there, 'sendrecv').text;
    expect(fault(() => a.accept(answer.replace(/a=crypto.*\r\n/, ''))).code).toBe('unacceptable');
    const terms = a.accept(answer);
    expect(terms.keys!.send).toEqual(b.terms!.keys!.receive);
    expect(terms.keys!.receive).toEqual(b.terms!.keys!.send);
  });

  test('our key stays for the whole call', () => {
    const [a, b] = [negotiation(), negotiation()];
    meet(a, b);
    const key = a.terms!.keys!.send;
    meet(b, a, 'sendonly');
    meet(a, b);
    expect(a.terms!.keys!.send).toEqual(key);
  });

  test('refused for its profile (488), a call is tried the other way, once', () => {
    const a = negotiation();
    expect(a.offer(here, 'sendrecv')).toContain(' RTP/AVP ');
    expect(a.otherWay()).toBe(true);
    expect(a.offer(here, 'sendrecv')).toContain(' RTP/SAVP ');
    expect(a.otherWay()).toBe(false);
    for (const srtp of ['off', 'required'] as const) {
      const other = negotiation({ srtp });
      other.offer(here, 'sendrecv');
      expect(other.otherWay()).toBe(false);
    }
  });
});

test('an offer can be read without being answered: whether there is an answer', () => {
  const offer = negotiation({ codecs: ['PCMU'] }).offer(there, 'sendrecv');
  const able = negotiation();
  able.check(offer);
  expect(able.terms).toBeUndefined();
  expect(() => negotiation({ codecs: ['G722'] }).check(offer)).toThrow(expect.objectContaining({ code: 'unacceptable' }));
  expect(() => negotiation({ srtp: 'required' }).check(negotiation({ srtp: 'off' }).offer(there, 'sendrecv'))).toThrow(expect.objectContaining({ code: 'unacceptable' }));
});

describe('whatever the far end writes', () => {
  const damage = fc.record({ at: fc.nat(900), cut: fc.nat(40), put: fc.oneof(fc.string({ maxLength: 12, unit: 'binary' }), fc.constantFrom('\r\nm=audio 0 RTP/AVP 0', '\r\na=inactive', '\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x', '0', '99999', '-')) });
  const damaged = (text: string, all: ReadonlyArray<{ at: number; cut: number; put: string }>): string => all.reduce((was, { at, cut, put }) => was.slice(0, at) + put + was.slice(at + cut), text);
  const own = negotiation().offer(there, 'sendrecv');
  const direction = fc.constantFrom<Direction>('sendrecv', 'sendonly', 'recvonly', 'inactive');

  /** A value, or a MediaFault; anything else fails the property. */
  const tolerant = (work: () => void): void => {
    try {
      work();
    } catch (err) {
      if (!(err instanceof MediaFault)) throw err;
    }
  };

  test('offers, one after the other, in the midst of a session', () => {
    const step = fc.record({ text: fc.constantFrom(linphone, linphoneWithKey, baresip, sipp, chromium, deskPhone, own), damage: fc.array(damage, { maxLength: 2 }), direction, ours: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
        const a = negotiation();
        for (const { text, damage: all, direction: wants, ours } of steps) {
          if (ours) a.offer(here, wants);
          tolerant(() => {
            const { text: answer } = a.answer(damaged(text, all), here, wants);
            expect(() => parseSdp(answer)).not.toThrow();
          });
        }
      }),
      { numRuns: 400 },
    );
  });

  test('answers', () => {
    fc.assert(
      fc.property(fc.array(damage, { maxLength: 3 }), direction, fc.constantFrom('off', 'optional', 'required'), (all, wants, srtp) => {
        const a = negotiation({ srtp });
        const answer = negotiation({ srtp }).answer(a.offer(here, wants), there, wants).text;
        tolerant(() => a.accept(damaged(answer, all)));
        a.rollback();
        expect(a.terms).toBeUndefined();
        expect(() => a.offer(here, 'sendrecv')).not.toThrow();
      }),
      { numRuns: 400 },
    );
  });

  test('any text at all', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (text) => {
        const a = negotiation();
        tolerant(() => a.answer(text, here, 'sendrecv'));
        a.offer(here, 'sendrecv');
        tolerant(() => a.accept(text));
        tolerant(() => a.familyOf(text));
      }),
    );
  });
});
