/** HEP3 datagrams, byte for byte and by a decoder of the test's own. */
import { encodeHep, type HepPacket } from '../../../../signaling/engine/observe/hep';
import { readHep } from './hep-decoder';

const packet = (more: Partial<HepPacket> = {}): HepPacket => ({
  source: { address: '192.0.2.7', port: 5062 },
  destination: { address: '198.51.100.1', port: 5060 },
  datagram: true,
  at: 1_767_261_600_123.456,
  captureId: 2001,
  key: undefined,
  callId: 'c@x',
  payload: Buffer.from('BYE'),
  ...more,
});

test('byte for byte', () => {
  expect(encodeHep(packet({ key: Buffer.from('ab') }))?.toString('hex')).toBe(
    [
      '48455033', '0077',
      '0000000100', '0702',
      '0000000200', '0711',
      '0000000300', '0a', 'c0000207',
      '0000000400', '0a', 'c6336401',
      '0000000700', '08', '13c6',
      '0000000800', '08', '13c4',
      '0000000900', '0a', '695645a0',
      '0000000a00', '0a', '0001e240',
      '0000000b00', '0701',
      '0000000c00', '0a', '000007d1',
      '0000000e00', '08', '6162',
      '0000000f00', '09', '425945',
      '0000001100', '09', '634078',
    ].join(''),
  );
});

test('IPv4 over UDP, without a key', () => {
  expect(readHep(encodeHep(packet())!)).toMatchObject({ family: 2, ipProtocol: 17, source: '192.0.2.7 5062', destination: '198.51.100.1 5060', kind: 1, captureId: 2001, key: undefined, callId: 'c@x', text: 'BYE', types: [1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 15, 17] });
});

test.each([
  ['2001:db8::7', '2001:0db8:0000:0000:0000:0000:0000:0007'],
  ['::1', '0000:0000:0000:0000:0000:0000:0000:0001'],
  ['::', '0000:0000:0000:0000:0000:0000:0000:0000'],
  ['fe80::1:2%eth0', 'fe80:0000:0000:0000:0000:0000:0001:0002'],
  ['1:2:3:4:5:6:7:8', '0001:0002:0003:0004:0005:0006:0007:0008'],
  ['2001:db8:1::', '2001:0db8:0001:0000:0000:0000:0000:0000'],
  ['::ffff:192.0.2.7', '0000:0000:0000:0000:0000:ffff:c000:0207'],
])('IPv6 over TCP: %s', (address, written) => {
  const read = readHep(encodeHep(packet({ source: { address, port: 1 }, destination: { address: '2001:db8::1', port: 65_535 }, datagram: false, callId: undefined }))!);
  expect(read).toMatchObject({ family: 10, ipProtocol: 6, source: `${written} 1`, destination: '2001:0db8:0000:0000:0000:0000:0000:0001 65535', callId: undefined, types: [1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 15] });
});

test('time to the microsecond', () => {
  for (const at of [0, 1_767_261_600_000, 1_767_261_600_999.999, 1_767_261_600_123.001, 4_294_967_295_000.5]) expect(readHep(encodeHep(packet({ at }))!).at).toBeCloseTo(at, 2);
});

test('what the length cannot say is not written', () => {
  const room = 65_535 - encodeHep(packet({ payload: Buffer.alloc(0) }))!.length;
  expect(encodeHep(packet({ payload: Buffer.alloc(room) }))?.length).toBe(65_535);
  expect(encodeHep(packet({ payload: Buffer.alloc(room + 1) }))).toBeUndefined();
});

test('a Call-ID and a message of any bytes', () => {
  const payload = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const read = readHep(encodeHep(packet({ callId: 'gr\u00fc\u00dfe', payload }))!);
  expect(read.callId).toBe('gr\u00fc\u00dfe');
  expect(Buffer.from(read.text)).toEqual(Buffer.from(payload.toString()));
});
