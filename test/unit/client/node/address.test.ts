import { hostPortText, parseBelonging, targetOf } from '../../../../client/node/address';

test.each([
  ['1001@192.0.2.1', { user: '1001', domain: '192.0.2.1', port: undefined }],
  [' 1001@pbx.test:5070 ', { user: '1001', domain: 'pbx.test', port: 5070 }],
  ['sip:anna.b@pbx.test', { user: 'anna.b', domain: 'pbx.test', port: undefined }],
  ['1001@[2001:db8::1]:5060', { user: '1001', domain: '[2001:db8::1]', port: 5060 }],
])('%s', (text, belonging) => expect(parseBelonging(text)).toEqual(belonging));

test.each(['', '1001', '@pbx.test', '1001@', '1001@pbx test', '1001@host:0', '1001@host:70000', '1001@host:abc', '1001@host/path', 'a@b@c'])('“%s” is refused with a sentence', (text) =>
  expect(() => parseBelonging(text)).toThrow(/address of a phone|port is a number/),
);

const home = { user: '1001', domain: 'pbx.test', port: undefined };

test.each([
  [undefined, undefined, { protocol: 'UDP', host: 'pbx.test' }],
  ['tls', undefined, { protocol: 'TLS', host: 'pbx.test' }],
  ['wss', undefined, { protocol: 'WSS', host: 'pbx.test', port: 443 }],
  ['tcp', '192.0.2.9:5070', { protocol: 'TCP', host: '192.0.2.9', port: 5070 }],
  [undefined, 'sip:edge.test;transport=tls;lr', { protocol: 'TLS', host: 'edge.test' }],
  [undefined, 'ws://edge.test:8080/sip?x=1', { protocol: 'WS', host: 'edge.test', port: 8080, path: '/sip?x=1' }],
  [undefined, 'wss://[2001:db8::2]', { protocol: 'WSS', host: '2001:db8::2', port: 443 }],
] as const)('transport %s, proxy %s', (transport, proxy, target) => expect(targetOf(home, transport, proxy)).toMatchObject(target));

test.each(['', 'a b', 'sip:host;transport=carrier-pigeon', 'http://host/', 'host:99999'])('proxy “%s” is refused with a sentence', (proxy) =>
  expect(() => targetOf(home, undefined, proxy)).toThrow(/is not a server|port is a number/),
);

test('an IPv6 address is written in brackets', () => {
  expect([hostPortText({ host: '2001:db8::1', port: 5060 }), hostPortText({ host: '192.0.2.1', port: 5060 })]).toEqual(['[2001:db8::1]:5060', '192.0.2.1:5060']);
});
