import { challengeMaker } from '../../../signaling/app/challenges';

/** srf's own message class, which has no types. */
const SipMessage = jest.requireActual<new (message: object) => { set(name: string, value: string): void; toString(): string }>('drachtio-srf/lib/sip-parser/message');

test('MD5 first, SHA-256 second, each on its own line', () => {
  const headers = challengeMaker('offhook')('www', 'abc-_1', false);
  expect(headers).toEqual({
    'WWW-Authenticate':
      'Digest realm="offhook", nonce="abc-_1", algorithm=MD5, qop="auth"\r\nWWW-Authenticate: Digest realm="offhook", nonce="abc-_1", algorithm=SHA-256, qop="auth"',
  });
});

test('stale in both; the other header for other requests', () => {
  const value = challengeMaker('offhook')('proxy', 'n', true)['Proxy-Authenticate'] ?? '';
  expect(value.split('\r\n').map((line) => /stale=true$/.test(line))).toEqual([true, true]);
  expect(value).toContain('\r\nProxy-Authenticate: Digest ');
});

test('srf writes it as two header lines', () => {
  // the way srf builds an answer: SipMessage.set, then toString
  const message = new SipMessage({ version: '2.0', status: 401, reason: 'Unauthorized', headers: { 'call-id': 'x' } });
  for (const [name, value] of Object.entries(challengeMaker('offhook')('www', 'n', false))) message.set(name, value);
  const lines = message.toString().split('\r\n');
  expect(lines.filter((line) => /^www-authenticate: Digest /i.test(line))).toHaveLength(2);
  expect(lines.filter((line) => line.includes('Digest'))).toHaveLength(2);
});

test('a realm is quoted; one with a line break is refused', () => {
  expect(challengeMaker('a "b"')('www', 'n', false)['WWW-Authenticate']).toContain('realm="a \\"b\\"", nonce');
  expect(() => challengeMaker('a\r\nContact: <sip:x>')).toThrow(RangeError);
});

test('nothing but a nonce of ours goes in', () => {
  const make = challengeMaker('offhook');
  for (const nonce of ['', 'a"b', 'a\r\nb', 'a b']) expect(() => make('www', nonce, false)).toThrow(RangeError);
});
