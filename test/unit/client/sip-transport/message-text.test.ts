import fc from 'fast-check';
import { applyEdits, cseq, firstUri, hasToTag, headerValue, readHead, topVia, uriTarget } from '../../../../client/sip/message-text';
import { OwnAddress, PLACEHOLDER_HOST, stampVia } from '../../../../client/sip/own-address';
import { challengesIn } from '../../../../client/sip/challenges';

const head = (...lines: string[]) => {
  const read = readHead([...lines, '', ''].join('\r\n'));
  if (!read) throw new Error('unreadable');
  return read;
};

test('lines are read whatever they look like', () => {
  const it = head('INVITE sip:b@x SIP/2.0', 'v:SIP / 2.0 / udp', '  [2001:db8::1] : 5070;rport ;branch=z9hG4bKa, SIP/2.0/TCP b;branch=q', 'CSEQ :  7   INVITE', 't: "a;tag=b>" <sip:c@d;tag=no>;TAG=1', 'Route: <sip:one;lr>, <sip:two>');
  expect(it).toMatchObject({ method: 'INVITE', requestUri: 'sip:b@x', status: undefined });
  expect(topVia(it)).toMatchObject({ protocol: 'UDP', host: '2001:db8::1', port: 5070, branch: 'z9hG4bKa', rport: true, received: undefined });
  expect(cseq(it)).toEqual({ number: 7, method: 'INVITE' });
  expect(hasToTag(it)).toBe(true);
  expect(firstUri(it, 'route')).toBe('sip:one;lr');
  expect(headerValue(it, 'to')).toBe('"a;tag=b>" <sip:c@d;tag=no>;TAG=1');
});

test('a tag of the URI is not one of To', () => {
  expect(hasToTag(head('BYE sip:b SIP/2.0', 'To: "x;tag=1" <sip:c@d;tag=no>'))).toBe(false);
});

test.each([
  ['sip:a@[::1]:5070;transport=TCP', { host: '::1', port: 5070, transport: 'tcp', secure: false }],
  ['sips:a;x=y@host?h=v', { host: 'host', port: undefined, secure: true }],
  ['sip:1.2.3.4;lr', { host: '1.2.3.4', loose: true }],
  ['sip:host:99999', undefined],
  ['tel:+1', undefined],
  ['sip:', undefined],
])('%s', (uri, expected) => {
  const target = uriTarget(uri);
  if (expected) expect(target).toMatchObject(expected);
  else expect(target).toBeUndefined();
});

test('hostile text is read or refused, never a throw, and quickly', () => {
  const pieces = fc.constantFrom('INVITE sip:a SIP/2.0\r\n', 'SIP/2.0 401 X\r\n', 'Via: ', 'v:', 'SIP/2.0/UDP ', 'Contact: ', '<sip:', 'sip:'.repeat(300), '>', '"', '\\', ',', ';', ';rport', ';branch=z9hG4bK', 'WWW-Authenticate: Digest ', 'realm="', 'CSeq: 1 INVITE', 'To: x', ' '.repeat(500), '\r\n', '\r\n ', '\r\n\r\n', PLACEHOLDER_HOST, ':5060', '__proto__: 1\r\n', 'constructor: 2\r\n');
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 60 }), (parts) => {
      const text = parts.join('');
      const before = performance.now();
      const it = readHead(text);
      if (it) {
        const via = topVia(it);
        const own = { protocol: 'UDP', address: { host: '1.1.1.1', port: 1 } } as const;
        cseq(it);
        hasToTag(it);
        uriTarget(firstUri(it, 'contact') ?? '');
        const address = new OwnAddress();
        const edits = [...address.in(it), ...challengesIn(it), ...(via && it.method ? [stampVia(text, via, own.address)] : [])];
        applyEdits(text, edits);
        applyEdits(text, address.out(it, own, own));
      }
      expect(performance.now() - before).toBeLessThan(500);
    }),
    { numRuns: 500 },
  );
});
