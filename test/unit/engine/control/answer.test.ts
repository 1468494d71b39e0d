/** What a request handler may answer, and what not. */
import { AnswerError, readAddress, readAnswer } from '../../../../signaling/engine/control/handlers/answer';
import { handlerProblem } from '../../../../signaling/engine/control/handlers/settings';
import { queryFor } from '../../../../signaling/engine/control/handlers/facts';
import { parseMessage } from '../../../../signaling/engine/wire/parser';
import type { SipRequest } from '../../../../signaling/engine/wire/message';

const read = (action: unknown, data?: unknown): unknown => readAnswer(JSON.stringify({ action, data }));

test.each([
  ['reject', { status: 486, reason: 'Busy' }, { action: 'reject', status: 486, reason: 'Busy' }],
  ['reject', { status: '603' }, { action: 'reject', status: 603, reason: undefined }],
  ['reject', { status: 404, reason: 'a\r\nVia: x' }, { action: 'reject', status: 404, reason: undefined }],
  ['redirect', { contact: 'sip:a@h' }, { action: 'redirect', contacts: ['<sip:a@h>'] }],
  ['redirect', { contacts: ['sip:a@h', '"B" <sip:b@h>'] }, { action: 'redirect', contacts: ['<sip:a@h>', '"B" <sip:b@h>'] }],
  ['route', { tag: 'blue', uri: 'ignored' }, { action: 'tag', tag: 'blue' }],
  ['route', { uri: 'app.example.com:3001' }, { action: 'call', to: { host: 'app.example.com', port: 3001, secure: false } }],
  ['route', { url: '[2001:db8::1]:3001;transport=TLS' }, { action: 'call', to: { host: '2001:db8::1', port: 3001, secure: true } }],
])('%s %j', (action, data, expected) => {
  expect(read(action, data)).toEqual(expected);
});

test('proxy: where to, and how', () => {
  expect(read('proxy', { destination: ['sip:a@h', '192.0.2.1'], recordRoute: true, simultaneous: true, provisionalTimeout: '500ms', finalTimeout: '60s' })).toMatchObject({
    action: 'proxy',
    spec: { destinations: ['sip:a@h', 'sip:192.0.2.1'], remain: true, followRedirects: true, simultaneous: true, provisionalTimeoutMs: 500, finalTimeoutMs: 60_000 },
  });
  expect(read('proxy', { destination: 'sip:a@h', followRedirects: false })).toMatchObject({ spec: { destinations: ['sip:a@h'], remain: false, followRedirects: false, simultaneous: false, provisionalTimeoutMs: undefined } });
});

test.each([
  ['not JSON', 'reject'],
  ['no object', '[]'],
  ['null', 'null'],
  ['no action', '{}'],
  ['an unknown action', '{"action":"dance"}'],
  ['data that is none', '{"action":"reject","data":7}'],
  ['a status that rejects nothing', '{"action":"reject","data":{"status":200}}'],
  ['no status', '{"action":"reject"}'],
  ['no contact', '{"action":"redirect","data":{}}'],
  ['an empty list', '{"action":"redirect","data":{"contact":[]}}'],
  ['a contact that is none', '{"action":"redirect","data":{"contact":["<sip:"]}}'],
  ['a route to nowhere', '{"action":"route","data":{}}'],
  ['an address without a port', '{"action":"route","data":{"uri":"host"}}'],
  ['a destination that is none', '{"action":"proxy","data":{"destination":[7]}}'],
  ['a time that is none', '{"action":"proxy","data":{"destination":["sip:a@h"],"finalTimeout":"soon"}}'],
])('%s is refused in words', (_what, text) => {
  expect(() => readAnswer(text)).toThrow(AnswerError);
});

test.each(['host:0', 'host:65536', 'host:80;transport=udp', 'host:80x', 'a b:80', '::1:80', ''])('%j is no address', (text) => {
  expect(() => readAddress(text)).toThrow(AnswerError);
});

test.each([
  [{ url: 'http://example.com', methods: ['INVITE'] }, undefined],
  [{ url: 'tls://example.com:3001', methods: ['*'] }, undefined],
  [{ url: 'tcp://example.com', methods: ['*'] }, 'names no port'],
  [{ url: 'example.com', methods: ['*'] }, 'not a URL'],
  [{ url: 'udp://example.com:1', methods: ['*'] }, 'neither http'],
  [{ url: 'http://example.com', methods: [] }, 'names no methods'],
])('settings %j: %s', (settings, problem) => {
  if (problem === undefined) expect(handlerProblem(settings)).toBeUndefined();
  else expect(handlerProblem(settings)).toContain(problem);
});

test('what cannot be read of a request is asked about as empty', () => {
  const text = 'INVITE tel:+15550100 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <urn:service:sos>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n';
  const request = parseMessage(Buffer.from(text), { maxMessageBytes: 65_535, maxHeaders: 100 }, { contentLength: 'ignore' }) as SipRequest;
  const query = new URL(queryFor('http://example.com/?a=b', request, { source: 'network', protocol: 'udp', address: '192.0.2.1', port: 5060 })).searchParams;
  expect(Object.fromEntries(query)).toMatchObject({ a: 'b', method: 'INVITE', domain: '', fromUser: '', toUser: 'bob', uriUser: '+15550100', contentType: '', uri: 'tel:+15550100' });
});
