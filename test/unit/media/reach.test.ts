import { Reach, type InterfaceAddress } from '../../../media/reach';

const lo: InterfaceAddress = { address: '127.0.0.1', cidr: '127.0.0.1/8', internal: true };
const lo6: InterfaceAddress = { address: '::1', cidr: '::1/128', internal: true };
const lan: InterfaceAddress = { address: '192.168.7.2', cidr: '192.168.7.2/24', internal: false };
const wide: InterfaceAddress = { address: '192.168.9.2', cidr: '192.168.9.2/16', internal: false };
const vpn: InterfaceAddress = { address: '10.8.0.1', cidr: '10.8.0.1/24', internal: false };
const lan6: InterfaceAddress = { address: '2001:db8:7::2', cidr: '2001:db8:7::2/64', internal: false };
const link6: InterfaceAddress = { address: 'fe80::1', cidr: 'fe80::1/64', internal: false };
const all = [lo, lo6, link6, lan, wide, vpn, lan6];

const nets = ['10.0.0.0/8', '192.168.0.0/16', '172.16.0.0/12', '127.0.0.0/8', '::1', 'fd00::/8'];
const reach = (external: string | null, interfaces = all) => new Reach({ external, localNets: nets }, () => interfaces);

test.each<[string, string, 4 | 6, string | null, string | undefined]>([
  ['loopback', '127.0.0.1', 4, '203.0.113.5', '127.0.0.1'],
  ['any loopback', '127.0.0.9', 4, null, '127.0.0.1'],
  ['loopback, IPv6', '::1', 6, null, '::1'],
  ['on the network', '192.168.7.50', 4, '203.0.113.5', '192.168.7.2'],
  ['the longer prefix wins', '192.168.9.50', 4, null, '192.168.9.2'],
  ['mapped into IPv6', '::ffff:192.168.7.50', 4, null, '192.168.7.2'],
  ['our own address', '10.8.0.1', 4, '203.0.113.5', '10.8.0.1'],
  ['on the network, IPv6', '2001:db8:7::50', 6, null, '2001:db8:7::2'],
  ['in brackets', '[2001:db8:7::50]', 6, null, '2001:db8:7::2'],
  ['local but behind a router: our nearest', '10.9.0.7', 4, '203.0.113.5', '10.8.0.1'],
  ['outside, external configured', '198.51.100.7', 4, '203.0.113.5', '203.0.113.5'],
  ['outside, nothing configured', '198.51.100.7', 4, null, '192.168.7.2'],
  ['outside, IPv6, external is IPv4', '2001:db8:ffff::1', 6, '203.0.113.5', '2001:db8:7::2'],
  ['media of the other family than signaling', '127.0.0.1', 6, null, '2001:db8:7::2'],
  ['media of the other family, external', '2001:db8:7::50', 4, '203.0.113.5', '203.0.113.5'],
])('%s: %s over IPv%i (external %s) → %s', (_, peer, family, external, expected) => {
  expect(reach(external).addressFor(peer, family)).toBe(expected);
});

test('no address of the family', () => {
  expect(reach(null, [lo, lan]).addressFor('2001:db8::1', 6)).toBeUndefined();
  expect(reach(null, [lo, link6]).addressFor('2001:db8::1', 6)).toBeUndefined();
});

test('an address that came later is seen', () => {
  let list = [lo];
  const r = new Reach({ external: null, localNets: nets }, () => list);
  expect(r.addressFor('192.168.7.50', 4)).toBeUndefined();
  list = [lo, lan];
  expect(r.addressFor('192.168.7.50', 4)).toBe('192.168.7.2');
});

test.each(['10.0.0.0/33', 'here/8', '10.0.0.0/x', ''])('“%s” is no network', (net) => {
  expect(() => new Reach({ external: null, localNets: [net] }, () => all)).toThrow(RangeError);
});
