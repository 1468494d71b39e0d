/** What proves a password or opens a media stream is not shown; everything else is. */
import { masked } from '../../../../signaling/engine/observe/mask';

const crlf = (...lines: string[]): string => lines.join('\r\n');

test.each([
  ['Authorization: Digest username="a", realm="r", nonce="n", uri="sip:r", response="0123456789abcdef", algorithm=MD5', 'Authorization: Digest username="a", realm="r", nonce="n", uri="sip:r", response="***", algorithm=MD5'],
  ['Proxy-Authorization:Digest response=0123abc,username="a"', 'Proxy-Authorization:Digest response="***",username="a"'],
  ['AUTHORIZATION : digest response = "0123"', 'AUTHORIZATION : digest response = "***"'],
  ['Authorization: Digest username="a",\r\n response="0123",\r\n uri="x"', 'Authorization: Digest username="a",\r\n response="***",\r\n uri="x"'],
  // Cut off in the middle.
  ['Authorization: Digest username="a", response="0123', 'Authorization: Digest username="a", response="***"'],
  ['Authorization: Basic YTpi', 'Authorization: Basic ***'],
  ['Authorization: Bearer abc.def.ghi', 'Authorization: Bearer ***'],
  ['Authorization: secret', 'Authorization: ***'],
  ['Authentication-Info: nextnonce="n", rspauth="0123", qop=auth', 'Authentication-Info: nextnonce="n", rspauth=***, qop=auth'],
  ['a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4', 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***'],
  ['a=key-mgmt:mikey AQAFgM0XflABAAAA', 'a=key-mgmt:mikey ***'],
  ['a=ice-pwd:asd88fgpdd777uzjYhagZg', 'a=ice-pwd:***'],
  ['k=clear:secret', 'k=***'],
])('%j', (line, shown) => {
  expect(masked(crlf('INVITE sip:a SIP/2.0', line, 'Content-Length: 0', '', ''))).toBe(crlf('INVITE sip:a SIP/2.0', shown, 'Content-Length: 0', '', ''));
});

test('nothing else changes', () => {
  const text = crlf('SIP/2.0 401 Unauthorized', 'WWW-Authenticate: Digest realm="r", nonce="response=1"', 'Subject: response="x" inline:y', '', 'v=0', 'a=fingerprint:sha-256 AA:BB', 'a=ice-ufrag:8hhY', '');
  expect(masked(text)).toBe(text);
});

test('several, each', () => {
  const text = crlf('a=crypto:1 A inline:one', 'a=crypto:2 B inline:two', 'Authorization: Digest response="1"', 'Proxy-Authorization: Digest response="2"');
  expect(masked(text)).not.toMatch(/one|two|"1"|"2"/);
});
