/** What a URI says about where a request goes, given what we listen on (RFC 3261 §19.1.1, §26.2.2, RFC 5630, RFC 7118 §5.3). */
import { hopForRequest, HopError, isOwnUri, type HopTransport } from '../../../../signaling/engine/core/next-hop';
import { localContact } from '../../../../signaling/engine/core/build';
import type { Protocol } from '../../../../signaling/engine/transport/types';
import { parseUri } from '../../../../signaling/engine/wire/uri';

const listening = (...protocols: Protocol[]): HopTransport => ({
  flowTo: () => Promise.reject(new Error('not asked')),
  registered: () => undefined,
  protocols: () => protocols,
  isOwn: (host, port) => host === 'us.test' && (port === 5060 || port === 5061),
});
const everything = listening('udp', 'tcp', 'tls', 'ws', 'wss');
const target = (uri: string, transport = everything): unknown => {
  const hop = hopForRequest('OPTIONS', uri, '', transport);
  return hop.kind === 'target' ? hop.target : hop.kind;
};

test.each<[string, object]>([
  ['sip:a.test', { host: 'a.test' }],
  ['sip:b@a.test:5070;transport=UDP', { host: 'a.test', port: 5070, protocol: 'udp' }],
  ['sip:a.test;transport=tcp', { host: 'a.test', protocol: 'tcp' }],
  ['sip:a.test;transport=tls', { host: 'a.test', protocol: 'tls' }],
  ['sip:a.test;transport=ws', { host: 'a.test', protocol: 'ws' }],
  ['sip:a.test;maddr=192.0.2.1', { host: '192.0.2.1' }],
  ['sip:[2001:db8::1]:5070', { host: '2001:db8::1', port: 5070 }],
  ['sips:a.test', { host: 'a.test', secure: true }],
  ['sips:a.test;transport=tcp', { host: 'a.test', secure: true, protocol: 'tls' }],
  ['sips:a.test;transport=ws', { host: 'a.test', secure: true, protocol: 'wss' }],
])('%s', (uri, expected) => {
  expect(target(uri)).toEqual(expected);
});

test.each<[string, HopTransport]>([
  ['sips:a.test', listening('udp', 'tcp', 'ws')],
  ['sips:a.test;transport=udp', everything],
  ['sip:a.test;transport=tls', listening('udp', 'tcp')],
  ['sip:a.test;transport=ws', listening('udp', 'tcp')],
  ['sip:a.test;transport=tcp', listening('udp', 'tls')],
  ['sip:a.test;transport=sctp', everything],
])('%s is not available on what we have', (uri, transport) => {
  expect(() => target(uri, transport)).toThrow(new HopError('requested protocol/transport not available'));
});

test('`tcp` may mean a WebSocket, as drachtio’s frames call it', () => {
  expect(target('sip:192.0.2.1:40000;transport=tcp', listening('wss'))).toMatchObject({ protocol: 'tcp' });
});

test('our own address is found out with the default port of the transport', () => {
  for (const uri of ['sip:us.test', 'sips:us.test', 'sip:us.test;transport=tls', 'sip:us.test:5061;transport=udp']) expect(() => target(uri)).toThrow('myself');
  expect(target('sip:us.test:5062')).toMatchObject({ port: 5062 });
});

test.each<[string, number, boolean]>([
  ['sip:us.test', 5060, true],
  ['sip:us.test', 80, false],
  ['sip:us.test;transport=tcp', 5060, true],
  ['sip:us.test;transport=tls', 5061, true],
  ['sips:us.test', 5061, true],
  ['sips:us.test;transport=tcp', 5061, true],
  ['sip:us.test;transport=ws', 80, true],
  ['sip:us.test;transport=WS', 443, true],
  ['sip:us.test;transport=ws', 5060, false],
  ['sips:us.test;transport=ws', 443, true],
  ['sips:us.test;transport=ws', 80, false],
  ['sip:us.test;transport=wss', 443, true],
  ['sip:us.test:8080;transport=ws', 8080, true],
  ['sip:us.test:8080;transport=ws', 80, false],
  ['sip:them.test;transport=ws', 80, false],
])('%s is ours when we listen on %d: %s (RFC 3261 §19.1.2, RFC 7118 §5.3)', (uri, port, own) => {
  const transport: HopTransport = { ...everything, isOwn: (host, one) => host === 'us.test' && one === port };
  expect(isOwnUri(parseUri(uri), transport)).toBe(own);
  if (own) expect(() => target(uri, transport)).toThrow('myself');
  else expect(target(uri, transport)).toMatchObject({ host: parseUri(uri).host });
});

test.each<[string, boolean, string]>([
  ['udp', false, '<sip:h:1>'],
  ['tcp', false, '<sip:h:1;transport=tcp>'],
  ['tls', false, '<sip:h:1;transport=tls>'],
  ['ws', false, '<sip:h:1;transport=ws>'],
  ['wss', false, '<sip:h:1;transport=ws>'],
  ['tls', true, '<sips:h:1>'],
  ['wss', true, '<sips:h:1;transport=ws>'],
])('our Contact over %s (sips: %s) is %s', (protocol, secure, contact) => {
  expect(localContact({ host: 'h', port: 1, protocol }, secure)).toBe(contact);
});
