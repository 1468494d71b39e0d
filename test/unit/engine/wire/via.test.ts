import { SipParseError } from '../../../../signaling/engine/wire/errors';
import { formatVia, parseVia } from '../../../../signaling/engine/wire/via';

test.each([
  ['SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK77', { protocol: 'UDP', host: '192.0.2.1', port: 5060, branch: 'z9hG4bK77' }],
  ['SIP/2.0/TCP host.example.com', { protocol: 'TCP', host: 'host.example.com' }],
  ['SIP/2.0/udp h;rport;branch=b', { protocol: 'UDP', host: 'h', rport: true, branch: 'b' }],
  ['SIP/2.0/UDP h;rport=5061;received=198.51.100.7', { protocol: 'UDP', host: 'h', rport: 5061, received: '198.51.100.7' }],
  ['SIP/2.0/UDP h;rport=none', { protocol: 'UDP', host: 'h', rport: true }],
  ['SIP/2.0/UDP [2001:db8::9:1]:5080;received=[2001:db8::9:255];Branch=b', { protocol: 'UDP', host: '2001:db8::9:1', port: 5080, received: '2001:db8::9:255', branch: 'b' }],
  ['SIP/2.0/TLS [::1];received=2001:db8::9:255', { protocol: 'TLS', host: '::1', received: '2001:db8::9:255' }],
  ['SIP/2.0/WSS df7jal23ls0d.invalid;branch=b;alias;keep;ttl=5;maddr=224.0.1.75', { protocol: 'WSS', host: 'df7jal23ls0d.invalid', branch: 'b', params: { alias: true, keep: true, ttl: '5', maddr: '224.0.1.75' } }],
  ['SIP  / 2.0  / TCP     spindle.example.com : 5070  ;  branch  =   z9hG4bK9ikj8', { protocol: 'TCP', host: 'spindle.example.com', port: 5070, branch: 'z9hG4bK9ikj8' }],
  ['SIP/2.0/constructor h', { protocol: 'CONSTRUCTOR', host: 'h' }],
  ['SIP/2.0/UDP h;;;x', { protocol: 'UDP', host: 'h', params: { x: true } }],
  ['SIP/2.0/UDP h;branch=first;branch=second', { protocol: 'UDP', host: 'h', branch: 'first' }],
] as Array<[string, Record<string, unknown>]>)('%s', (text, expected) => {
  const via = parseVia(text);
  expect(via).toEqual({ ...expected, params: new Map(Object.entries((expected['params'] as Record<string, string>) ?? {})) });
  expect(parseVia(formatVia(via))).toEqual(via);
});

test.each([
  [''], [';'], ['SIP/2.0/UDP'], ['SIP/2.0/UDP '], ['SIP/2.0/UDP ;branch=x'], ['UDP h'], ['HTTP/1.1/TCP h'], ['SIP/2.0/ h'], ['SIP/2.0/U@P h'], ['SIP/2.0/UDP h:'],
  ['SIP/2.0/UDP h:x'], ['SIP/2.0/UDP h:65536'], ['SIP/2.0/UDP h i'], ['SIP/2.0/UDP a@b'], ['SIP/2.0/UDP [::1'], ['SIP/2.0/UDP [h]'], ['SIP/2.0/UDP 2001:db8::9:1'],
  ['SIP/2.0/UDP h;branch="x'], ['SIP/2.0/UDP h;=x'], ['SIP/2.0/UDP h,SIP/2.0/UDP i'],
])('%j is refused', (text) => {
  expect(() => parseVia(text)).toThrow(SipParseError);
  expect(() => parseVia(text)).toThrow(expect.objectContaining({ code: 'via', status: 400 }));
});

test('writes IPv6 in brackets for sent-by and without for received (RFC 3261 §25.1)', () => {
  expect(formatVia({ protocol: 'UDP', host: '2001:db8::1', port: 5060, branch: 'b', rport: true, received: '2001:db8::2', params: new Map([['alias', true]]) })).toBe(
    'SIP/2.0/UDP [2001:db8::1]:5060;branch=b;rport;received=2001:db8::2;alias',
  );
});
