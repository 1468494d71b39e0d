import { flowOf, formatFlow, parseFlow, sameFlow, sourceKey } from '../../../signaling/app/flow';
import { request } from './fakes';

test('the flow of a request is where it came from', () => {
  expect(flowOf(request({}, { from: { protocol: 'UDP', address: '[2001:db8::1]', port: 5060 } }))).toEqual({ protocol: 'udp', address: '2001:db8::1', port: 5060 });
});

test.each([
  ['udp:192.0.2.7:5060', { protocol: 'udp', address: '192.0.2.7', port: 5060 }],
  ['tcp:[2001:db8::1]:40000', { protocol: 'tcp', address: '2001:db8::1', port: 40000 }],
])('%s and back', (text, flow) => {
  expect(formatFlow(flow)).toBe(text);
  expect(parseFlow(text)).toEqual(flow);
});

test.each(['', 'udp', 'udp:1.2.3.4', 'udp:1.2.3.4:0', 'udp:1.2.3.4:65536', 'udp:2001:db8::1:5060', ':1.2.3.4:5060'])('%j is no flow', (text) => {
  expect(parseFlow(text)).toBeUndefined();
});

test('flows are the same when all of it is', () => {
  const flow = { protocol: 'udp', address: '192.0.2.7', port: 5060 };
  expect(sameFlow(flow, { ...flow })).toBe(true);
  for (const change of [{ protocol: 'tcp' }, { address: '192.0.2.8' }, { port: 5061 }]) expect(sameFlow(flow, { ...flow, ...change })).toBe(false);
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['[2001:db8::1]', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:192.0.2.7', '2001:db8:1:2::/64'],
  ['2001:db8::192.0.2.7', '2001:db8:0:0::/64'],
])('%s counts as %s', (address, key) => {
  expect(sourceKey(address)).toBe(key);
});
