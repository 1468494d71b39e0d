import { isIPv4 } from 'node:net';
import fc from 'fast-check';
import { emptySockAddr, familyOf, formatSockAddr, hostOf, isNowhere, parseSockAddr, portOf, sameHost, sameSockAddr, writeSockAddr } from '../../../../media/net/address';

const ipv4 = fc.ipV4();
const ipv6 = fc.ipV6();
const port = fc.integer({ min: 0, max: 65535 });

test.each([
  ['192.0.2.1', 4000, '192.0.2.1:4000'],
  ['0.0.0.0', 0, '0.0.0.0:0'],
  ['255.255.255.255', 65535, '255.255.255.255:65535'],
  ['::', 1, '[::]:1'],
  ['::1', 5060, '[::1]:5060'],
  ['2001:db8::8:800:200c:417a', 2, '[2001:db8::8:800:200c:417a]:2'],
  ['2001:0db8:0000:0000:0001:0000:0000:0001', 3, '[2001:db8::1:0:0:1]:3'],
  ['1:0:0:2:0:0:0:3', 4, '[1:0:0:2::3]:4'],
  ['1:2:3:4:5:6:0:8', 5, '[1:2:3:4:5:6:0:8]:5'],
  ['fe80::', 6, '[fe80::]:6'],
  ['::ffff:192.0.2.33', 7, '[::ffff:c000:221]:7'],
])('%s port %d reads back as %s', (address, at, text) => {
  const parsed = parseSockAddr(address, at);
  expect(parsed && formatSockAddr(parsed)).toBe(text);
});

test.each([
  ['example.com', 1],
  ['', 1],
  ['192.0.2', 1],
  ['192.0.2.256', 1],
  ['fe80::1%eth0', 1],
  ['192.0.2.1', -1],
  ['192.0.2.1', 65536],
  ['192.0.2.1', 1.5],
  ['192.0.2.1', NaN],
])('%s port %d is refused and changes nothing', (address, at) => {
  const out = parseSockAddr('192.0.2.9', 9)!;
  expect(writeSockAddr(out, address, at)).toBe(false);
  expect(formatSockAddr(out)).toBe('192.0.2.9:9');
});

test('the bytes are those of a sockaddr_in', () => {
  const address = parseSockAddr('192.0.2.1', 0x1234)!;
  expect([...new Uint8Array(address.buffer).subarray(0, 8)]).toEqual([2, 0, 0x12, 0x34, 192, 0, 2, 1]);
});

test('the bytes are those of a sockaddr_in6', () => {
  const address = parseSockAddr('2001:db8::1', 0x1234)!;
  expect(Buffer.from(address.buffer).toString('hex')).toBe('0a001234' + '00000000' + '20010db8000000000000000000000001' + '00000000');
});

test('any address and port survive the way there and back', () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6), port, (address, at) => {
      const parsed = parseSockAddr(address, at)!;
      const again = parseSockAddr(hostOf(parsed), portOf(parsed))!;
      expect(portOf(parsed)).toBe(at);
      expect(familyOf(parsed)).toBe(isIPv4(address) ? 4 : 6);
      expect(sameSockAddr(parsed, again)).toBe(true);
      expect([...again]).toEqual([...parsed]);
    }),
  );
});

test('the same host is told from others and from other ports', () => {
  const at = (address: string, p: number) => parseSockAddr(address, p)!;
  expect(sameSockAddr(at('192.0.2.1', 1), at('192.0.2.1', 2))).toBe(false);
  expect(sameHost(at('192.0.2.1', 1), at('192.0.2.1', 2))).toBe(true);
  expect(sameHost(at('192.0.2.1', 1), at('192.0.2.2', 1))).toBe(false);
  expect(sameHost(at('2001:db8::1', 1), at('2001:db8::1', 2))).toBe(true);
  expect(sameHost(at('2001:db8::1', 1), at('2001:db8::1:0', 1))).toBe(false);
  expect(sameHost(at('0.0.0.0', 1), at('::', 1))).toBe(false);
});

test('words behind an IPv4 address do not matter', () => {
  const clean = parseSockAddr('192.0.2.1', 1)!;
  const used = parseSockAddr('2001:db8::1', 9)!;
  used.set(clean.subarray(0, 2));
  expect(sameSockAddr(clean, used)).toBe(true);
  expect(formatSockAddr(used)).toBe('192.0.2.1:1');
});

test.each([
  ['0.0.0.0', 5, true],
  ['::', 5, true],
  ['192.0.2.1', 0, true],
  ['192.0.2.1', 5, false],
  ['::1', 5, false],
])('nothing can be sent to %s port %d: %s', (address, at, nowhere) => {
  expect(isNowhere(parseSockAddr(address, at)!)).toBe(nowhere);
});

test('an empty one is off the garbage-collected heap, where the system may write', () => {
  expect(emptySockAddr().buffer.byteLength).toBe(28);
});
