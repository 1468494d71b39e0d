import { SipParseError } from '../../../../signaling/engine/wire/errors';
import { decodeUser, formatUri, parseUri, sameUri } from '../../../../signaling/engine/wire/uri';

describe('parseUri', () => {
  test.each([
    ['sip:bob@biloxi.com', { scheme: 'sip', user: 'bob', host: 'biloxi.com' }],
    ['SIPS:bob@Biloxi.COM:5061', { scheme: 'sips', user: 'bob', host: 'Biloxi.COM', port: 5061 }],
    ['sip:192.0.2.4', { scheme: 'sip', host: '192.0.2.4' }],
    ['sip:1001:secret@h', { scheme: 'sip', user: '1001', password: 'secret', host: 'h' }],
    ['sip:1001:@h', { scheme: 'sip', user: '1001', password: '', host: 'h' }],
    ['sip:+358-555-1234567;postd=pp22@foo.com;user=phone', { scheme: 'sip', user: '+358-555-1234567;postd=pp22', host: 'foo.com', params: { user: 'phone' } }],
    ['sip:*43#@h', { scheme: 'sip', user: '*43#', host: 'h' }],
    ['sip:a%40b@h', { scheme: 'sip', user: 'a%40b', host: 'h' }],
    ['sip:a?b/c;d@h', { scheme: 'sip', user: 'a?b/c;d', host: 'h' }],
    ['sip:[2001:db8::10]:5070;transport=TCP', { scheme: 'sip', host: '2001:db8::10', port: 5070, params: { transport: 'TCP' } }],
    ['sip:u@[::1]', { scheme: 'sip', user: 'u', host: '::1' }],
    ['sip:u@h;LR;Transport=tcp;lr=twice', { scheme: 'sip', user: 'u', host: 'h', params: { lr: '', transport: 'tcp' } }],
    ['sip:u@h;;a;', { scheme: 'sip', user: 'u', host: 'h', params: { a: '' } }],
    ['sip:u@h;maddr=[2001:db8::1];x=a=b', { scheme: 'sip', user: 'u', host: 'h', params: { maddr: '[2001:db8::1]', x: 'a=b' } }],
    ['sip:u@h?subject=project%20x&priority=urgent', { scheme: 'sip', user: 'u', host: 'h', headers: 'subject=project%20x&priority=urgent' }],
    ['sip:u@h:5060;a?b=c', { scheme: 'sip', user: 'u', host: 'h', port: 5060, params: { a: '' }, headers: 'b=c' }],
    ['sip:host_with_underscore', { scheme: 'sip', host: 'host_with_underscore' }],
    ['tel:+1-201-555-0123', { scheme: 'tel', user: '+1-201-555-0123', host: '' }],
    ['tel:7042;phone-context=example.com', { scheme: 'tel', user: '7042', host: '', params: { 'phone-context': 'example.com' } }],
    ['urn:service:sos', { scheme: 'urn', host: '', opaque: 'service:sos' }],
    ['http://www.example.com/?a=b', { scheme: 'http', host: '', opaque: '//www.example.com/?a=b' }],
  ] as Array<[string, Record<string, unknown>]>)('%s', (text, expected) => {
    const params = new Map(Object.entries((expected['params'] as Record<string, string>) ?? {}));
    expect(parseUri(text)).toEqual({ ...expected, params });
    // What is written reads the same.
    expect(parseUri(formatUri(parseUri(text)))).toEqual(parseUri(text));
  });

  test.each([
    [''], ['bob'], ['bob@biloxi.com'], ['sip:'], [':x'], ['1sip:x'], ['sip:@h'], ['sip:bob@'], ['sip:bob@h:'], ['sip:bob@h:99999'], ['sip:bob@h:50a0'],
    ['sip:bob@h:-1'], ['sip:a@b@c'], ['sip:a b@c'], ['<sip:a@b>'], ['sip:a@b>'], ['sip:"a"@b'], ['sip:a@b\r\n'], ['sip:a@b\0'], ['sip:[::1'],
    ['sip:[zz]'], ['sip:[fe80::1%eth0]'], ['sip:[192.0.2.1]'], ['sip:2001:db8::10'], ['sip:[::1]x'], ['sip:;lr'], ['sip:h;=x'], ['tel:'], ['tel:abc xyz'], ['tel:1?a=b'],
    ['sip:bob@ho/st'], ['sip:[2001:db8:::192.0.2.1]'],
  ])('%j is refused', (text) => {
    expect(() => parseUri(text)).toThrow(SipParseError);
    expect(() => parseUri(text)).toThrow(expect.objectContaining({ code: 'uri', status: 400 }));
  });

  test('reading 60 KB of parameters is linear work', () => {
    expect(parseUri(`sip:h${';a'.repeat(30000)}`).params.size).toBe(1);
  });
});

test.each([
  ['alice', 'alice'],
  ['a%20b', 'a b'],
  ['%D0%B0%d0%b1', 'аб'],
  ['100%', '100%'],
  ['%zz%41', '%zzA'],
  ['sips%3Auser%40example.com', 'sips:user@example.com'],
])('decodeUser(%s)', (user, text) => {
  expect(decodeUser(user)).toBe(text);
});

describe('sameUri (RFC 3261 §19.1.4)', () => {
  test.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;newparam=5'],
    ['sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com', 'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com'],
    ['sip:alice@atlanta.com?subject=project%20x&priority=urgent', 'sip:alice@atlanta.com?priority=urgent&subject=project%20x'],
    ['sip:a@[2001:DB8:0:0::1]', 'sip:a@[2001:db8::1]'],
    ['sip:a@[::ffff:192.0.2.1]', 'sip:a@[::ffff:c000:201]'],
    ['tel:+1-201-555-0123', 'tel:+1(201)5550123'],
    ['urn:service:sos', 'urn:service:sos'],
    ['not a uri', 'not a uri'],
  ])('%s = %s', (a, b) => {
    expect(sameUri(a, b)).toBe(true);
    expect(sameUri(b, a)).toBe(true);
    if (a.includes(':')) expect(sameUri(parseUri(a), b)).toBe(true);
  });

  test.each([
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:bob@h', 'sips:bob@h'],
    ['sip:h', 'sip:@h'],
    ['sip:bob@h', 'sip:h'],
    ['sip:bob:x@h', 'sip:bob@h'],
    ['sip:bob@h;user=phone', 'sip:bob@h'],
    ['sip:bob@h;maddr=1.2.3.4', 'sip:bob@h'],
    ['sip:bob@h;x=1', 'sip:bob@h;x=2'],
    ['sip:a%2Fb@h', 'sip:a/b@h'],
    ['tel:100', 'tel:100;phone-context=a'],
    ['urn:a', 'urn:b'],
    ['not a uri', 'sip:h'],
  ])('%s ≠ %s', (a, b) => {
    expect(sameUri(a, b)).toBe(false);
    expect(sameUri(b, a)).toBe(false);
  });
});
