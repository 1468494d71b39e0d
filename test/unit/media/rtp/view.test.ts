import fc from 'fast-check';
import { isRtcp, looksLikeRtcp, MAX_DATAGRAM, rtpMarker, rtpPayloadOffset, rtpPayloadType, rtpSequence, rtpSsrc, rtpTimestamp, setRtpPayloadType } from '../../../../media/rtp/view';
import { receiverReport, rtp, senderReport } from '../support/packets';

/** A header with these flags, then so many octets. */
const packet = (first: number, rest: number, ...tail: number[]): Uint8Array => Uint8Array.from([first, 0, ...new Array<number>(10 + rest).fill(0), ...tail]);
const withExtension = (words: number, present: number): Uint8Array => Uint8Array.from([...packet(0x90, 0), 0xbe, 0xde, words >> 8, words & 255, ...new Array<number>(present * 4).fill(0)]);

test.each<[string, Uint8Array, number]>([
  ['a plain header', packet(0x80, 0), 12],
  ['with a payload', packet(0x80, 160), 12],
  ['two CSRCs', packet(0x82, 8), 20],
  ['fifteen CSRCs', packet(0x8f, 60), 72],
  ['a CSRC that is cut off', packet(0x82, 7), -1],
  ['an empty extension', withExtension(0, 0), 16],
  ['an extension of two words', withExtension(2, 2), 24],
  ['an extension that is cut off', withExtension(2, 1), -1],
  ['an extension whose header is cut off', packet(0x90, 3), -1],
  ['padding', packet(0xa0, 3, 4), 12],
  ['padding as long as the payload', packet(0xa0, 0, 1), 12],
  ['padding of no octets', packet(0xa0, 3, 0), -1],
  ['padding longer than the payload', packet(0xa0, 3, 5), -1],
  ['version 1', packet(0x40, 0), -1],
  ['version 0, as STUN', packet(0x00, 8), -1],
  ['version 3', packet(0xc0, 0), -1],
  ['eleven octets', packet(0x80, 0).subarray(0, 11), -1],
  ['nothing', new Uint8Array(0), -1],
])('%s: payload at %#', (_, data, offset) => {
  expect(rtpPayloadOffset(data, data.length)).toBe(offset);
});

test('a datagram that is larger than media is, or did not fit its buffer, is no RTP', () => {
  expect(rtpPayloadOffset(new Uint8Array(20_000).fill(0x80), MAX_DATAGRAM)).toBe(12);
  expect(rtpPayloadOffset(new Uint8Array(20_000).fill(0x80), MAX_DATAGRAM + 1)).toBe(-1);
  expect(rtpPayloadOffset(new Uint8Array(100).fill(0x80), 101)).toBe(-1);
  expect(isRtcp(receiverReport(1), 9000)).toBe(false);
});

test('the length given counts, not that of the buffer', () => {
  const buffer = new Uint8Array(2048);
  buffer.set(packet(0x82, 8));
  expect(rtpPayloadOffset(buffer, 20)).toBe(20);
  expect(rtpPayloadOffset(buffer, 19)).toBe(-1);
});

test('fields are read as they were written', () => {
  const fields = fc.record({ payloadType: fc.nat(127), marker: fc.boolean(), sequence: fc.nat(0xffff), timestamp: fc.nat(0xffffffff), ssrc: fc.nat(0xffffffff) });
  fc.assert(
    fc.property(fields, fc.nat(127), (f, other) => {
      const data = rtp(f);
      expect([rtpPayloadType(data), rtpMarker(data), rtpSequence(data), rtpTimestamp(data), rtpSsrc(data)]).toEqual([f.payloadType, f.marker, f.sequence, f.timestamp, f.ssrc]);
      setRtpPayloadType(data, other);
      expect(data).toEqual(rtp({ ...f, payloadType: other }));
    }),
  );
});

test.each<[string, Uint8Array, boolean]>([
  ['a receiver report', receiverReport(1), true],
  ['a sender report with a block', senderReport(1, [1, 2], [{ ssrc: 2 }]), true],
  ['a compound', Buffer.concat([senderReport(1), receiverReport(2)]), true],
  ['SRTCP: encrypted octets behind', Buffer.concat([senderReport(1), Buffer.alloc(14, 0x5a)]), true],
  ['a report cut off', senderReport(1).subarray(0, 24), false],
  ['seven octets', receiverReport(1).subarray(0, 7), false],
  ['nothing', new Uint8Array(0), false],
  ['RTP', rtp(), false],
  ['RTP of payload type 63 with marker', rtp({ payloadType: 63, marker: true, payload: new Uint8Array(0x500) }), false],
  ['another version', Uint8Array.from([0x40, 201, 0, 1, 0, 0, 0, 0]), false],
])('%s is RTCP: %#', (_, data, is) => {
  expect(isRtcp(data, data.length)).toBe(is);
});

test('the payload types 64 to 95 with marker are RTCP where both share a port (RFC 5761)', () => {
  const rtcp = Array.from({ length: 128 }, (_, payloadType) => payloadType).filter((payloadType) => looksLikeRtcp(rtp({ payloadType, marker: true }), 12));
  expect(rtcp).toEqual(Array.from({ length: 32 }, (_, i) => 64 + i));
});

test('no octets make it throw or look beyond the end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (data) => {
      const offset = rtpPayloadOffset(data, data.length);
      expect(offset === -1 || (offset >= 12 && offset <= data.length)).toBe(true);
      isRtcp(data, data.length);
    }),
    { numRuns: 500 },
  );
});
