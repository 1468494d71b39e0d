import { wayBack } from '../../../signaling/app/way-back';

const reach = { isLocal: (address: string) => address.startsWith('192.168.') || address.startsWith('127.') || address === 'fd00::7' };

test.each([
  // contact, protocol, source address, source port → next hop, why
  ['sip:1001@192.168.1.7:5062', 'udp', '192.168.1.7', 40000, 'sip:192.168.1.7:5062;transport=udp', 'no NAT in front: the port it listens on'],
  ['sip:1001@192.168.1.7', 'udp', '192.168.1.7', 40000, 'sip:192.168.1.7:5060;transport=udp', 'no port means 5060'],
  ['sip:1001@10.0.0.5:5062', 'udp', '192.168.1.7', 40000, 'sip:192.168.1.7:40000;transport=udp', 'another host: NAT'],
  ['sip:1001@phone.local:5062', 'udp', '192.168.1.7', 40000, 'sip:192.168.1.7:40000;transport=udp', 'a name says nothing'],
  ['sip:1001@203.0.113.9:5062', 'udp', '203.0.113.9', 40000, 'sip:203.0.113.9:40000;transport=udp', 'outside, what STUN told the phone may not hold for us'],
  ['sip:1001@192.168.1.7:5062;transport=tcp', 'tcp', '192.168.1.7', 40000, 'sip:192.168.1.7:40000;transport=tcp', 'the connection it opened'],
  ['sip:1001@[fd00::7]:5062', 'udp', 'fd00::7', 40000, 'sip:[fd00::7]:5062;transport=udp', 'IPv6'],
])('%s over %s from %s:%i is called at %s (%s)', (uri, protocol, address, port, expected) => {
  expect(wayBack({ uri, source: { protocol, address, port } }, reach)).toBe(expected);
});
