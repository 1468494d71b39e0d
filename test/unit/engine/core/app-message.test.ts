import fc from 'fast-check';
import { contactValue, contentTypeOf, parseAppMessage, replaceLocalhost, splitCredentials, type AppMessage } from '../../../../signaling/engine/core/app-message';

const headersOf = (message: AppMessage | undefined): string[] => [...(message?.headers ?? [])].map(({ name, value }) => `${name}: ${value}`);

test('a request and a response', () => {
  expect(parseAppMessage('INVITE sip:bob@h SIP/2.0\r\nContent-Length: 3\r\n\r\nabc')).toMatchObject({ kind: 'request', method: 'INVITE', uri: 'sip:bob@h', body: Buffer.from('abc') });
  expect(parseAppMessage('SIP/2.0 486 Busy Here\r\n\r\n')).toMatchObject({ kind: 'response', status: 486, reason: 'Busy Here' });
  expect(parseAppMessage('SIP/2.0 200\r\n')).toMatchObject({ kind: 'response', status: 200, reason: '' });
});

test.each(['', 'hello', 'INVITE sip:a', 'SIP/2.0 20 OK', 'IN VITE sip:a SIP/2.0', 'INVITE  SIP/2.0', '@ sip:a SIP/2.0', 'INVITE sip:a@b\u0001 SIP/2.0', 'INVITE sip:\u007f@b SIP/2.0'])('%j is neither', (text) => {
  expect(parseAppMessage(text)).toBeUndefined();
});

test('what cannot be sent or is the engine\'s own is left out, the rest stays in order', () => {
  const message = parseAppMessage(
    ['OPTIONS sip:a SIP/2.0', 'x-first: 1', 'Via: SIP/2.0/UDP evil', 'no colon', 'bad name: 2', 'route: <sip:evil>', 'record-route: <sip:evil>', 'rseq: 4', 'subject: hi', 'X-Last: 3', 'ctl: a\u0001b', ''].join('\r\n'),
  );
  expect(headersOf(message)).toEqual(['x-first: 1', 'Subject: hi', 'X-Last: 3']);
});

test('names get the case they have on the wire', () => {
  expect(headersOf(parseAppMessage('OPTIONS sip:a SIP/2.0\r\nsome-other: a\r\nx-own: b\r\ncall-id: c\r\nwww-authenticate: Digest realm="x"\r\nm: <sip:a@b>\r\n\r\n'))).toEqual([
    'Some-Other: a',
    'x-own: b',
    'Call-ID: c',
    'WWW-Authenticate: Digest realm="x"',
    'Contact: <sip:a@b>',
  ]);
});

test('credentials that share a line are told apart (RFC 3261 §7.3.1)', () => {
  expect(splitCredentials('Digest realm="a, Digest b=1", nonce="n",qop="auth,auth-int",Digest realm="c", nonce="m"')).toEqual([
    'Digest realm="a, Digest b=1", nonce="n", qop="auth,auth-int"',
    'Digest realm="c", nonce="m"',
  ]);
});

test('localhost becomes the engine, in the first address only', () => {
  expect(replaceLocalhost('<sip:a@localhost:9999>;x, <sip:b@localhost>', '192.0.2.1:5060')).toBe('<sip:a@192.0.2.1:5060>;x, <sip:b@localhost>');
  expect(replaceLocalhost('<sip:a@localhost.example.com>', '192.0.2.1:5060')).toBe('<sip:a@localhost.example.com>');
  expect(contactValue('sip:a@localhost;expires=60', '[2001:db8::1]:5060')).toBe('<sip:a@[2001:db8::1]:5060>;expires=60');
  expect(contactValue('*', 'h:1')).toBe('*');
  expect(contactValue('"open <sip:a@b>', 'h:1')).toBe('"open <sip:a@b>');
});

test('the type of a body: the application\'s, SDP when it looks like it, or nobody knows', () => {
  const type = (text: string): string | undefined => contentTypeOf(parseAppMessage(text)!);
  expect(type('INFO sip:a SIP/2.0\r\nContent-Type: text/plain\r\n\r\nv=0')).toBe('text/plain');
  expect(type('INFO sip:a SIP/2.0\r\n\r\nv=0\r\n')).toBe('application/sdp');
  expect(type('INFO sip:a SIP/2.0\r\n\r\nhello')).toBeUndefined();
  expect(type('INFO sip:a SIP/2.0\r\n\r\n')).toBe('');
});

test('no text makes it throw, and none smuggles a line into a header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
      const message = parseAppMessage(`OPTIONS sip:a SIP/2.0\r\n${name}: ${value}\r\n\r\n`);
      for (const header of message?.headers ?? []) expect(`${header.name}${header.value}`).not.toMatch(/[\r\n]/);
    }),
  );
});
