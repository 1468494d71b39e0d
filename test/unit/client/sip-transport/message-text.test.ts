import fc from 'fast-check';
import { applyEdits, cseq, firstUri, hasToTag, headerValue, readHead, topVia, uriTarget } from '../../../../client/sip/message-text';
import { addressIn, addressOut, PLACEHOLDER_HOST, sentByKey, stampVia } from '../../../../client/sip/own-address';
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

describe.each([
  ['192.0.2.7', '192.0.2.7:40000'],
  ['2001:db8::7', '[2001:db8::7]:40000'],
])('our address %s', (host, text) => {
  const memory = { transport: undefined };
  const sentBy = { protocol: 'TCP', address: { host, port: 40000 } } as const;
  const ours = new Set([sentByKey(host, 40000)]);

  test('is written over the placeholder and back', () => {
    const request = head('REGISTER sip:x SIP/2.0', `Via: SIP/2.0/UDP ${PLACEHOLDER_HOST};branch=z9hG4bK1`, 'To: <sip:a@x>', `Contact: "phone.invalid" <sip:a@${PLACEHOLDER_HOST}>;expires=60`);
    const out = applyEdits(request.text, addressOut(request, sentBy, sentBy, memory));
    expect(out).toContain(`Via: SIP/2.0/TCP ${text};branch=z9hG4bK1;rport\r\n`);
    expect(out).toContain(`Contact: "phone.invalid" <sip:a@${text};transport=tcp>;expires=60\r\n`);
    const answer = head('SIP/2.0 200 OK', `Via: SIP/2.0/TCP ${text};branch=z9hG4bK1;rport=1;received=1.1.1.1`, `Contact: <sip:a@9.9.9.9>;expires=1, <sip:a@${text};transport=tcp>;expires=60`);
    const back = applyEdits(answer.text, addressIn(answer, ours, memory));
    expect(back).toContain(`Via: SIP/2.0/TCP ${PLACEHOLDER_HOST};branch=z9hG4bK1;`);
    expect(back).toContain(`Contact: <sip:a@9.9.9.9>;expires=1, <sip:a@${PLACEHOLDER_HOST}>;expires=60\r\n`);
  });

  test('a foreign Via stays, for sip.js to drop', () => {
    const answer = head('SIP/2.0 200 OK', 'Via: SIP/2.0/TCP 9.9.9.9:1;branch=z9hG4bK1');
    expect(addressIn(answer, ours, memory)).toEqual([]);
  });
});

test('where a request came from is noted; what it said of that itself is not believed', () => {
  const request = head('OPTIONS sip:a SIP/2.0', 'Via: SIP/2.0/UDP 10.0.0.9:5060;received=6.6.6.6;branch=z9hG4bK1;rport, SIP/2.0/UDP next;received=1.2.3.4');
  const via = topVia(request);
  if (!via) throw new Error('no Via');
  const out = applyEdits(request.text, [stampVia(request.text, via, { host: '127.0.0.1', port: 4444 })]);
  expect(headerValue(head(...out.split('\r\n').slice(0, 2)), 'via')).toBe('SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK1;received=127.0.0.1;rport=4444, SIP/2.0/UDP next;received=1.2.3.4');
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
        const edits = [...addressIn(it, new Set(), { transport: undefined }), ...challengesIn(it), ...(via && it.method ? [stampVia(text, via, own.address)] : [])];
        applyEdits(text, edits);
        applyEdits(text, addressOut(it, own, own, { transport: undefined }));
      }
      expect(performance.now() - before).toBeLessThan(500);
    }),
    { numRuns: 500 },
  );
});
