/** Whatever comes in: a value or an SdpError; whatever goes out can be read again and says the same. */
import fc from 'fast-check';
import { newLocal, parseSdp, payloadMap, pickAnswer, pickOffer, relayAnswer, relayOffer, SdpError, writeAnswer, writeOffer, type Codec, type Direction, type MediaAddress } from '../../../media/sdp';
import { baresip, chromium, deskPhone, linphone, linphoneSrtp, sipp } from './sdp-offers';

const here: MediaAddress = { family: 4, address: '10.0.0.1', port: 40000, rtcpPort: 40001 };
const real = [linphone, linphoneSrtp, baresip, sipp, chromium, deskPhone];

function ours<T>(fn: () => T): T | SdpError {
  try {
    return fn();
  } catch (err) {
    if (err instanceof SdpError) return err;
    throw err;
  }
}

/** Everything that is done with a peer's text. */
function through(text: string): void {
  const result = ours(() => {
    const picked = pickOffer(parseSdp(text));
    const offer = writeOffer(newLocal('1'), here, relayOffer(picked, new Map()));
    const answered = pickAnswer(parseSdp(offer.text), 0, picked.codecs);
    const spec = relayAnswer(picked, answered);
    payloadMap({ told: spec.codecs, heard: picked.codecs }, { told: picked.codecs, heard: answered.codecs });
    return writeAnswer(newLocal('2'), picked.session, picked.index, here, spec).text;
  });
  if (typeof result === 'string') {
    expect(result).not.toMatch(/[^\x20-\x7e\r\n]/);
    expect(parseSdp(result).streams.length).toBe(parseSdp(text).streams.length);
  }
}

const line = fc.oneof(
  fc.constantFrom(...real.flatMap((text) => text.split('\r\n'))),
  fc.string({ maxLength: 40 }),
  fc.tuple(fc.constantFrom('v', 'o', 'c', 'm', 'a', 't', 's', 'b'), fc.string({ maxLength: 40, unit: 'binary' })).map(([type, value]) => `${type}=${value}`),
  fc.tuple(fc.constantFrom('rtpmap', 'fmtp', 'ptime', 'maxptime', 'rtcp'), fc.string({ maxLength: 30 })).map(([name, value]) => `a=${name}:${value}`),
);

test('any text', () => {
  fc.assert(fc.property(fc.string({ maxLength: 300, unit: 'binary' }), (text) => void ours(() => parseSdp(text))));
});

test('any lines', () => {
  fc.assert(fc.property(fc.array(line, { maxLength: 30 }), fc.constantFrom('\r\n', '\n', '\r'), (lines, end) => through(['v=0', ...lines].join(end))), { numRuns: 500 });
});

test('real offers, damaged', () => {
  const damage = fc.record({ text: fc.constantFrom(...real), at: fc.nat(900), cut: fc.nat(30), put: fc.string({ maxLength: 10, unit: 'binary' }) });
  fc.assert(fc.property(fc.array(damage, { minLength: 1, maxLength: 1 }), ([d]) => d && through(d.text.slice(0, d.at) + d.put + d.text.slice(d.at + d.cut))), { numRuns: 1000 });
});

test('what is written can be read, and is the same', () => {
  const codec: fc.Arbitrary<Codec> = fc.constantFrom(
    { payloadType: 0, name: 'PCMU', clockRate: 8000, channels: 1 },
    { payloadType: 8, name: 'PCMA', clockRate: 8000, channels: 1 },
    { payloadType: 9, name: 'G722', clockRate: 8000, channels: 1 },
    { payloadType: 96, name: 'opus', clockRate: 48000, channels: 2, fmtp: 'useinbandfec=1;stereo=0' },
    { payloadType: 101, name: 'telephone-event', clockRate: 8000, channels: 1, fmtp: '0-15' },
  );
  const spec = fc.record({
    codecs: fc.uniqueArray(codec, { minLength: 1, selector: (c) => c.payloadType }),
    direction: fc.constantFrom<Direction>('sendrecv', 'sendonly', 'recvonly', 'inactive'),
    ptime: fc.integer({ min: 1, max: 200 }),
    maxptime: fc.integer({ min: 1, max: 200 }),
  });
  const where = fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.integer({ min: 1024, max: 65000 }), rtcpPort: fc.integer({ min: 1, max: 65535 }) });
  fc.assert(
    fc.property(spec, where, (audio, { address, port, rtcpPort }) => {
      fc.pre(!/^(0\.0\.0\.0|[0:]+)$/.test(address));
      const family = address.includes(':') ? 6 : 4;
      const [stream] = parseSdp(writeOffer(newLocal('1'), { family, address, port, rtcpPort }, audio).text).streams;
      expect(stream).toMatchObject({ ...audio, remote: { family, address, port, rtcpPort } });
    }),
  );
});

test('parts of a peer never reach the other, but for its codecs and times', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9]{12}$/).map((s) => `SECRET${s}`);
  fc.assert(
    fc.property(secret, fc.constantFrom('o=- 1 1 IN IP4 SECRET', 's=SECRET', 'i=SECRET', 'a=SECRET', 'a=ice-ufrag:SECRET', 'a=fmtp:96 useinbandfec=1;SECRET', 'a=ssrc:1 cname:SECRET', 'b=SECRET:1'), (word, template) => {
      const text = baresip.replace('a=fmtp:96', 'a=old:96') + `${template.startsWith('o=') ? 'a=x:' : ''}${template.replace('SECRET', word)}\r\n`;
      const { text: out } = writeOffer(newLocal('1'), here, relayOffer(pickOffer(parseSdp(text)), new Map()));
      expect(out).not.toContain('SECRET');
    }),
  );
});
