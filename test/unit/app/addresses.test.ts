import fc from 'fast-check';
import { parseNameAddr, parseSipUri, sameUri, splitList, userOf } from '../../../signaling/app/addresses';

test.each<[string, string[]]>([
  ['', []],
  ['a', ['a']],
  ['a,b , c', ['a', 'b', 'c']],
  [',a,,b,', ['a', 'b']],
  ['"a,b" <sip:x>;q=1, <sip:y,z>', ['"a,b" <sip:x>;q=1', '<sip:y,z>']],
  ['"a\\",b" <sip:x>,c', ['"a\\",b" <sip:x>', 'c']],
  ['"open, never closed', ['"open, never closed']],
  ['<sip:open, never closed', ['<sip:open, never closed']],
])('list %j', (value, parts) => {
  expect(splitList(value)).toEqual(parts);
});

test.each<[string, string, Record<string, string | null>]>([
  ['<sip:1001@h>', 'sip:1001@h', {}],
  ['<sip:1001@h;transport=tcp>;expires=60', 'sip:1001@h;transport=tcp', { expires: '60' }],
  ['sip:1001@h;expires=60', 'sip:1001@h', { expires: '60' }],
  ['"Ann <b>" <sip:1001@h>;q=0.5', 'sip:1001@h', { q: '0.5' }],
  ['Ann Bee <sip:1001@h> ; tag = x', 'sip:1001@h', { tag: 'x' }],
  ['<sip:1001@h>;+sip.instance="<urn:uuid:1;2>";Reg-ID=1;ob', 'sip:1001@h', { '+sip.instance': '<urn:uuid:1;2>', 'reg-id': '1', ob: null }],
  ['<sip:1001@h>;a="x\\"y"', 'sip:1001@h', { a: 'x"y' }],
  ['<sip:1001@h>;;a=1;', 'sip:1001@h', { a: '1' }],
  ['<sip:1001@h>;a=1;A=2', 'sip:1001@h', { a: '1' }],
])('address %j', (text, uri, params) => {
  const address = parseNameAddr(text);
  expect(address?.uri).toBe(uri);
  expect(Object.fromEntries(address?.params ?? [])).toEqual(params);
});

test.each(['', '<>', '<sip:a', '"Ann" ', 'Ann sip:a@b', '<sip:a@b> x', '<sip:a@b>;a="x', '<sip:a@b>;=x', '<sip:a@b>;a=b c'])('no address %j', (text) => {
  expect(parseNameAddr(text)).toBeUndefined();
});

test.each<[string, object]>([
  ['sip:h', { scheme: 'sip', user: undefined, host: 'h', port: undefined, hasHeaders: false }],
  ['SIPS:Ann@Host.Example:5061', { scheme: 'sips', user: 'Ann', host: 'host.example', port: 5061 }],
  ['sip:1001:secret@h', { user: '1001' }],
  ['sip:%31001@h', { user: '1001' }],
  ['sip:%zz@h', { user: '%zz' }],
  ['sip:*97@[2001:DB8::1]:5060', { user: '*97', host: '[2001:db8::1]', port: 5060 }],
  ['sip:a@h?subject=x', { user: 'a', hasHeaders: true }],
  ['sip:a?b/c@h', { user: 'a?b/c', hasHeaders: false }],
])('URI %s', (text, expected) => {
  expect(parseSipUri(text)).toMatchObject(expected);
});

test.each(['', 'sip:', 'sip:@', 'sip:a@', 'tel:+491', 'http://h', 'sip:a@b@c', 'sip:a@h:0', 'sip:a@h:65536', 'sip:a@h:x', 'sip:a b@h', 'sip:a@h\r\nX: y', 'sip:ä@h', 'sip:a@h>', 'sip:a@[::1', 'sip:a@h o'])(
  'no URI %j',
  (text) => {
    expect(parseSipUri(text)).toBeUndefined();
  },
);

test.each<[string | undefined, string | undefined]>([
  ['"Ann" <sip:1001@h>;tag=1', '1001'],
  ['sip:1001@h;tag=1', '1001'],
  ['<sip:1001;phone-context=x@h>', '1001'],
  ['<sip:h>', undefined],
  ['<tel:1001>', undefined],
  [undefined, undefined],
])('user of %j is %j', (header, user) => {
  expect(userOf(header)).toBe(user);
});

/** RFC 3261 §19.1.4, its examples and ours. */
test.each<[string, string, boolean]>([
  ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtlanTa.CoM;Transport=tcp', true],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5', true],
  ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;newparam=5', true],
  ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP', false],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060', false],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp', false],
  ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off', false],
  ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4', false],
  ['sip:a@h', 'sips:a@h', false],
  ['sip:a@h;maddr=x', 'sip:a@h', false],
  ['nonsense', 'nonsense', true],
  ['nonsense', 'sip:a@h', false],
])('%s and %s are the same: %s', (a, b, same) => {
  expect(sameUri(a, b)).toBe(same);
  expect(sameUri(b, a)).toBe(same);
});

test('no text breaks the parsers, and what they take as a URI can be sent back', () => {
  const pieces = fc.array(fc.constantFrom('sip:', 'a', '@', '<', '>', '"', '\\', ';', '=', ',', ':', '5060', '[', ']', ' ', '\r\n', '%41', '?', 'é', '\x00'), { maxLength: 24 });
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), pieces.map((p) => p.join(''))), (text) => {
      for (const part of splitList(text)) {
        const address = parseNameAddr(part);
        if (!address || !parseSipUri(address.uri)) continue;
        expect(address.uri).toMatch(/^sips?:[\x21-\x7e]+$/i);
        expect(address.uri).not.toMatch(/[<>"]/);
      }
    }),
    { numRuns: 2000 },
  );
});

test('addresses written one after another are read back', () => {
  const param = fc.tuple(fc.stringMatching(/^[a-z+][a-z0-9.+-]{0,8}$/), fc.string({ unit: fc.constantFrom(...'ab"\\,;=<> ') }));
  const written = fc.record({
    name: fc.string({ unit: fc.constantFrom(...'ab"\\,;<> ') }),
    uri: fc.stringMatching(/^sip:[a-z0-9;,]{1,6}@[a-z0-9]{1,6}(;[a-z]{1,3})?$/),
    params: fc.uniqueArray(param, { selector: ([name]) => name, maxLength: 4 }),
  });
  const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
  fc.assert(
    fc.property(fc.array(written, { maxLength: 5 }), (list) => {
      const header = list.map((a) => `${quote(a.name)} <${a.uri}>${a.params.map(([n, v]) => `;${n}=${quote(v)}`).join('')}`).join(', ');
      const read = splitList(header).map((part) => parseNameAddr(part));
      expect(read.map((a) => [a?.uri, [...(a?.params ?? [])]])).toEqual(list.map((a) => [a.uri, a.params]));
    }),
  );
});
