/** SRTP keys in descriptions: which lines are understood, which stream of an offer is taken, and that keys go nowhere else. */
import fc from 'fast-check';
import { bridgeAnswer, bridgeOffer, keyLength, newLocal, parseSdp, pickAnswer, pickOffer, SdpError, writeAnswer, writeOffer, type CryptoLine, type MediaAddress } from '../../../media/sdp';
import type { SrtpSuite } from '../../../media/audio-types';
import { linphone } from './sdp-offers';

const here: MediaAddress = { family: 4, address: '10.0.0.1', port: 40000, rtcpPort: 40001 };
const key = (octets: number, fill = 7) => Buffer.alloc(octets, fill).toString('base64');
const short = key(30);
const line = (text: string) => `a=crypto:${text}\r\n`;
const usable = `1 AES_CM_128_HMAC_SHA1_80 inline:${short}`;
const offer = (transport: string, ...attributes: string[]) =>
  ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', `m=audio 6000 ${transport} 0`, ...attributes, ''].join('\r\n');
const read = (...lines: string[]) => parseSdp(offer('RTP/SAVP') + lines.map(line).join('')).streams[0]?.crypto ?? [];
const refusal = (fn: () => unknown): SdpError => {
  try {
    fn();
  } catch (err) {
    if (err instanceof SdpError) return err;
    throw err;
  }
  throw new Error('nothing was thrown');
};

describe('lines that are understood', () => {
  test.each<[string, SrtpSuite]>([
    [usable, 'AES_CM_128_HMAC_SHA1_80'],
    [`2 AES_CM_128_HMAC_SHA1_32 inline:${short}|2^31`, 'AES_CM_128_HMAC_SHA1_32'],
    [`999999999 aes_cm_128_hmac_sha1_80 inline:${short}|1048576`, 'AES_CM_128_HMAC_SHA1_80'],
    [`3 AES_256_CM_HMAC_SHA1_80 inline:${key(46)}`, 'AES_256_CM_HMAC_SHA1_80'],
    [`4 AES_CM_256_HMAC_SHA1_32 inline:${key(46)}`, 'AES_256_CM_HMAC_SHA1_32'],
    [`5 AEAD_AES_128_GCM inline:${key(28)}`, 'AEAD_AES_128_GCM'],
    [`6 AEAD_AES_256_GCM  inline:${key(44)}`, 'AEAD_AES_256_GCM'],
    [`7 AES_CM_128_HMAC_SHA1_80 inline:${short} WSH=128 -FOO=1`, 'AES_CM_128_HMAC_SHA1_80'],
  ])('%s', (text, suite) => {
    expect(read(text)).toEqual([{ tag: parseInt(text), suite, name: text.split(/ +/)[1], keySalt: expect.any(String) as string }]);
  });

  test.each([
    ['an unknown suite', `1 F8_128_HMAC_SHA1_80 inline:${short}`],
    ['a property of objects', `1 constructor inline:${short}`],
    ['a key that is too short', `1 AES_CM_128_HMAC_SHA1_80 inline:${key(29)}`],
    ['a key of another suite', `1 AES_256_CM_HMAC_SHA1_80 inline:${short}`],
    ['no key', '1 AES_CM_128_HMAC_SHA1_80'],
    ['another way of keying', `1 AES_CM_128_HMAC_SHA1_80 uri:${short}`],
    ['what is no base64', `1 AES_CM_128_HMAC_SHA1_80 inline:${'?'.repeat(40)}`],
    ['a master key identifier', `1 AES_CM_128_HMAC_SHA1_80 inline:${short}|2^20|1:4`],
    ['two keys in turn', `1 AES_CM_128_HMAC_SHA1_80 inline:${short}|1:1;inline:${short}|2:1`],
    ['a tag that is none', `x AES_CM_128_HMAC_SHA1_80 inline:${short}`],
    ['unencrypted SRTP', `1 AES_CM_128_HMAC_SHA1_80 inline:${short} UNENCRYPTED_SRTP`],
    ['key derivation at a rate', `1 AES_CM_128_HMAC_SHA1_80 inline:${short} KDR=3`],
  ])('not: %s; and the next line is', (_, text) => {
    expect(read(text, usable.replace('1', '2')).map(({ tag }) => tag)).toEqual([2]);
  });

  test('a tag means one line; so many lines and no more', () => {
    expect(read(usable, usable).length).toBe(1);
    expect(read(...Array.from({ length: 200 }, (_, i) => usable.replace('1', String(i + 1)))).length).toBe(32);
  });

  test('any text is a line or none', () => {
    fc.assert(fc.property(fc.string({ maxLength: 120 }), (text) => read(text.replace(/[\r\n]/g, '')).length <= 1));
  });
});

describe('the stream of an offer', () => {
  const crypto = `a=crypto:${usable}`;
  test.each<[string, string[], 'off' | 'optional' | 'required', boolean | RegExp]>([
    // transport, attributes, policy → encrypted, or why not
    ['RTP/AVP', [], 'off', false],
    ['RTP/AVP', [crypto], 'off', false],
    ['RTP/SAVP', [crypto], 'off', /RTP\/SAVP is not supported, only RTP\/AVP$/],
    ['RTP/AVP', [], 'optional', false],
    ['RTP/AVPF', [crypto], 'optional', true],
    ['RTP/SAVP', [crypto], 'optional', true],
    ['RTP/SAVPF', [crypto], 'optional', true],
    ['RTP/SAVP', [], 'optional', /no common SRTP suite/],
    ['RTP/AVP', [], 'required', /only encrypted audio/],
    ['RTP/AVP', [crypto], 'required', true],
    ['RTP/SAVP', [crypto], 'required', true],
    ['UDP/TLS/RTP/SAVPF', [crypto], 'required', /is not supported, only RTP\/AVP and RTP\/SAVP/],
  ])('%s %j, %s', (transport, attributes, policy, expected) => {
    const session = parseSdp(offer(transport, ...attributes));
    if (typeof expected === 'boolean') expect(pickOffer(session, policy).crypto !== undefined).toBe(expected);
    else {
      const err = refusal(() => pickOffer(session, policy));
      expect([err.code, err.warning, err.message]).toEqual(['unacceptable', 302, expect.stringMatching(expected)]);
      expect(err.message).not.toContain(short);
    }
  });

  test('both in one offer: the encrypted one, wherever it stands; the plain one where SRTP is off', () => {
    const both = `${offer('RTP/AVP')}m=audio 6000 RTP/SAVP 0\r\n${line(usable)}`;
    expect(pickOffer(parseSdp(both), 'optional').index).toBe(1);
    expect(pickOffer(parseSdp(both), 'off').index).toBe(0);
    const picked = pickOffer(parseSdp(both), 'required');
    const { text } = writeAnswer(newLocal('1'), picked.session, picked.index, here, { codecs: picked.codecs, direction: 'sendrecv', crypto: [{ ...(picked.crypto as CryptoLine), keySalt: key(30, 9) }] });
    expect(text).toContain(`m=audio 0 RTP/AVP 0\r\nm=audio 40000 RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${key(30, 9)}\r\n`);
  });

  test('the first line that we know counts, under the name the party gave it', () => {
    const { crypto: chosen } = pickOffer(parseSdp(offer('RTP/SAVP') + line(`1 XX inline:${short}`) + line(`2 AES_CM_256_HMAC_SHA1_80 inline:${key(46)}`) + line(usable.replace('1', '3'))), 'optional');
    expect(chosen).toMatchObject({ tag: 2, name: 'AES_CM_256_HMAC_SHA1_80', suite: 'AES_256_CM_HMAC_SHA1_80' });
  });
});

describe('the answer to an offer of ours', () => {
  const ours = (tag: number, suite: SrtpSuite): CryptoLine => ({ tag, suite, name: suite, keySalt: key(keyLength(suite), 9) });
  const lines = [ours(1, 'AES_CM_128_HMAC_SHA1_80'), ours(2, 'AES_CM_128_HMAC_SHA1_32')];
  const codecs = [{ payloadType: 0, name: 'PCMU', clockRate: 8000, channels: 1 }];
  const answer = (text: string, required: boolean) => pickAnswer(parseSdp(text), 0, codecs, { lines, required });

  test.each<[string, string, boolean, number | undefined | 'refused']>([
    ['our second line', offer('RTP/SAVP', `a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:${short}`), true, 2],
    ['plain, which may be', offer('RTP/AVP'), false, undefined],
    ['plain, which may not be', offer('RTP/AVP'), true, 'refused'],
    ['SAVP without a key', offer('RTP/SAVP'), false, 'refused'],
    ['a tag that we did not offer', offer('RTP/SAVP', `a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:${short}`), true, 'refused'],
    ['another suite under our tag', offer('RTP/SAVP', `a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:${short}`), true, 'refused'],
    ['keys under RTP/AVP', offer('RTP/AVP', `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${short}`), false, 1],
  ])('%s', (_, text, required, expected) => {
    if (expected === 'refused') expect(refusal(() => answer(text, required)).message).toContain('no SRTP key');
    else expect(answer(text, required).crypto?.tag).toBe(expected);
  });

  test('an offer over SAVP, and later ones of the same session', () => {
    const first = writeOffer(newLocal('1'), here, { codecs, direction: 'sendrecv', transport: 'RTP/SAVP', crypto: lines });
    expect(first.text).toContain('m=audio 40000 RTP/SAVP 0\r\n');
    expect(writeOffer(first.state, here, { codecs, direction: 'sendonly' }).text).toContain('m=audio 40000 RTP/SAVP 0\r\n');
  });
});

test('RTCP on the port of RTP: a=rtcp-mux, and no a=rtcp', () => {
  const where = { ...here, rtcpPort: 45000 };
  const codecs = [{ payloadType: 0, name: 'PCMU', clockRate: 8000, channels: 1 }];
  expect(writeOffer(newLocal('1'), where, { codecs, direction: 'sendrecv' }).text).toContain('a=rtcp:45000\r\n');
  const muxed = writeOffer(newLocal('1'), where, { codecs, direction: 'sendrecv', rtcpMux: true }).text;
  expect(muxed).toContain('a=rtcp-mux\r\n');
  expect(muxed).not.toContain('a=rtcp:');
});

test('no key of a party is in what the other one gets', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 30, maxLength: 30 }), fc.constantFrom('RTP/AVP', 'RTP/SAVP'), (octets, transport) => {
      const secret = Buffer.from(octets).toString('base64');
      const text = linphone.replace('RTP/AVP', transport) + line(`1 AES_CM_128_HMAC_SHA1_80 inline:${secret}`);
      const picked = pickOffer(parseSdp(text), 'optional');
      const spec = bridgeOffer(picked, new Map(), ['opus', 'PCMU']);
      const toB = writeOffer(newLocal('1'), here, spec);
      const toA = writeAnswer(newLocal('2'), picked.session, picked.index, here, bridgeAnswer(picked, { codecs: spec.codecs, stream: picked.stream }, ['opus', 'PCMU']));
      for (const out of [toB.text, toA.text, JSON.stringify(spec)]) expect(out).not.toContain(secret);
    }),
    { numRuns: 20 },
  );
});
