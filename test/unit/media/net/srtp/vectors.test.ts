/** The numbers of the standards: key derivation, keystreams, whole packets. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { CounterMode } from '../../../../../media/net/srtp/aes-cm';
import { AesGcm } from '../../../../../media/net/srtp/aes-gcm';
import { HmacSha1 } from '../../../../../media/net/srtp/hmac-sha1';
import { derive } from '../../../../../media/net/srtp/key-derivation';
import { SUITES } from '../../../../../media/net/srtp/suites';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
/** 00 01 02 … */
const counting = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, i) => i));

test.each([
  [
    'RFC 3711 §B.3',
    'e1f97a0d3e018be0d64fa32c06de4139',
    '0ec675ad498afeebb6960b3aabe6',
    { 0: 'c61e7a93744f39ee10734afe3ff7a087', 1: 'cebe321f6ff7716b6fd4ab49af256a156d38baa4', 2: '30cbbc08863d8c85d49db34a9ae1' },
  ],
  [
    'RFC 6188 §7',
    'f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6',
    '3b04803de51ee7c96423ab5b78d2',
    { 0: '5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4', 1: 'fd9c32d39ed5fbb5a9dc96b30818454d1313dc05', 2: 'fa31791685ca444a9e07c6c64e93' },
  ],
])('key derivation: %s', (_, key, salt, expected) => {
  for (const [label, value] of Object.entries(expected)) {
    expect(Buffer.from(derive(hex(key), hex(salt), Number(label), value.length / 2)).toString('hex')).toBe(value);
  }
});

test.each([
  ['RFC 3711 §B.2', '2b7e151628aed2a6abf7158809cf4f3c', 'e03ead0935c95e80e166b16dd92b4eb4 d23513162b02d0f72a43a2fe4a5f97ab 41e95b3bb0a2e8dd477901e4fca894c0'],
  ['RFC 6188 §7', '57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98', '92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac 63c4868b7096d88421b563b8c94c9a31'],
])('keystream: %s', (_, key, keystream) => {
  const data = new Uint8Array(3 + 48 + 3);
  new CounterMode(hex(key), hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd')).apply(data, 3, 51, 0, 0);
  expect(Buffer.from(data).toString('hex')).toBe(`000000${keystream.replace(/ /g, '')}000000`);
});

const QUID_PRO_QUO = hex('51756964 2070726f 2071756f');
const gcm = (keyBytes: 16 | 32): AesGcm => {
  const keys = { encryption: counting(keyBytes), authentication: Buffer.alloc(0), salt: QUID_PRO_QUO };
  return new AesGcm(SUITES[keyBytes === 16 ? 'AEAD_AES_128_GCM' : 'AEAD_AES_256_GCM'], { rtp: keys, rtcp: keys });
};
const inRoom = (packet: Buffer): Uint8Array => {
  const data = new Uint8Array(packet.length + 32);
  data.set(packet);
  return data;
};

const RTP_HEADER = '8040f17b 8041f8d3 5501a0b2';
const RTP = hex(`${RTP_HEADER} 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573`);

test.each([
  ['16.1', 16, 'f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833 899d7f27 beb16a91 52cf765e e4390cce'],
  ['16.2', 32, '32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b 7aa3db36 dfffd6b0 f9bb7878 d7a76c13'],
] as const)('RFC 7714 %s: SRTP, key of %d octets', (_, keyBytes, body) => {
  const data = inRoom(RTP);
  const length = gcm(keyBytes).sealRtp(data, 12, RTP.length, 0x5501a0b2, 0xf17b);
  expect(Buffer.from(data.subarray(0, length))).toEqual(hex(RTP_HEADER + body));
  expect(gcm(keyBytes).openRtp(data, 12, length, 0x5501a0b2, 0xf17b)).toBe(RTP.length);
  expect(Buffer.from(data.subarray(0, RTP.length))).toEqual(RTP);
});

const RTCP = hex('81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef');

test('RFC 7714 17.1: SRTCP, encrypted', () => {
  const data = inRoom(RTCP);
  const length = gcm(16).sealRtcp(data, RTCP.length, 0x4d617273, 0x5d4);
  expect(Buffer.from(data.subarray(0, length))).toEqual(
    hex('81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4'),
  );
  expect(gcm(16).rtcpIndexAt(length)).toBe(length - 4);
  expect(gcm(16).openRtcp(data, length, 0x4d617273, 0x5d4, true)).toBe(RTCP.length);
  expect(Buffer.from(data.subarray(0, RTCP.length))).toEqual(RTCP);
});

test('HMAC-SHA1 is node’s, for keys, lengths and trailers of all kinds', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.uint8Array({ maxLength: 300 }), fc.option(fc.integer({ min: 0, max: 0xffffffff })), (key, message, word) => {
      const hmac = new HmacSha1(key);
      hmac.digest(message, message.length, word !== null, word ?? 0);
      const reference = createHmac('sha1', key).update(message);
      if (word !== null) {
        const trailer = Buffer.alloc(4);
        trailer.writeUInt32BE(word);
        reference.update(trailer);
      }
      const out = new Uint8Array(20);
      hmac.write(out, 0, 20);
      expect(Buffer.from(out)).toEqual(reference.digest());
      expect(hmac.matches(out, 0, 20)).toBe(true);
      out[19]! ^= 1;
      expect([hmac.matches(out, 0, 20), hmac.matches(out, 0, 19)]).toEqual([false, true]);
    }),
    { numRuns: 300 },
  );
});

test('every length of a message pads as it should', () => {
  for (let length = 0; length <= 200; length++) {
    const message = counting(256).subarray(0, length);
    const hmac = new HmacSha1(Buffer.from('key'));
    hmac.digest(message, length, false, 0);
    const out = new Uint8Array(20);
    hmac.write(out, 0, 20);
    expect(Buffer.from(out)).toEqual(createHmac('sha1', 'key').update(message).digest());
  }
});
