import { SipParseError } from '../../../../signaling/engine/wire/errors';
import { unquote } from '../../../../signaling/engine/wire/chars';
import { formatNameAddr, parseNameAddr } from '../../../../signaling/engine/wire/name-addr';

const uri = 'sip:agb@example.com';

test.each([
  [`<${uri}>`, { uri }],
  [uri, { uri }],
  [`  <${uri}>  `, { uri }],
  [`"A. G. Bell" <${uri};transport=tcp> ;tag=a48s`, { displayName: 'A. G. Bell', uri: `${uri};transport=tcp`, params: { tag: 'a48s' } }],
  [`${uri};tag=a48s;x`, { uri, params: { tag: 'a48s', x: '' } }],
  [`${uri} ; Tag = a48s`, { uri, params: { tag: 'a48s' } }],
  [`Bob  Smith<${uri}>`, { displayName: 'Bob Smith', uri }],
  [`"" <${uri}>`, { uri }],
  [`"a \\"b\\" \\\\ <c>; d" <${uri}>;tag=1`, { displayName: 'a "b" \\ <c>; d', uri, params: { tag: '1' } }],
  [`"Иван, Bob" <${uri}>`, { displayName: 'Иван, Bob', uri }],
  [`<${uri}>;+sip.instance="<urn:uuid:0-1;2>";reg-id=1`, { uri, params: { '+sip.instance': '"<urn:uuid:0-1;2>"', 'reg-id': '1' } }],
  [`${uri};+sip.instance="<urn:uuid:0>"`, { uri, params: { '+sip.instance': '"<urn:uuid:0>"' } }],
  [`<${uri}>;tag=1;tag=2`, { uri, params: { tag: '1' } }],
  [`<${uri}>;;;q=0.5;`, { uri, params: { q: '0.5' } }],
  ['<sip:user@example.com?Route=%3Csip:a%3E>', { uri: 'sip:user@example.com?Route=%3Csip:a%3E' }],
  ['"x" <tel:+1-201;phone-context=a>', { displayName: 'x', uri: 'tel:+1-201;phone-context=a' }],
  ['isbn:2983792873', { uri: 'isbn:2983792873' }],
] as Array<[string, { displayName?: string; uri: string; params?: Record<string, string> }]>)('%s', (text, expected) => {
  const address = parseNameAddr(text);
  expect(address).toEqual({ ...expected, params: new Map(Object.entries(expected.params ?? {})) });
  expect(parseNameAddr(formatNameAddr(address))).toEqual(address);
});

test.each([
  [''], ['*'], ['<>'], ['< >'], ['bob'], ['<bob>'], ['<sip:>'], ['"Bob'], ['"Bob <sip:a@b>'], ['"Bob" sip:a@b'], [`<${uri}`], ['"x" '],
  ['<sip:a@b> junk'], ['<sip:a@b>,<sip:c@d>'], ['<sip:a@b>;=1'], ['<sip:a@b>;a b'], ['<sip:a@b>;x="open'], ['<sip:a@b>;x=a"b"'], ['<sip:a@b>;(x)=1'],
  ['sip:a@b?x=y'], ['sip:a@b,sip:c@d'], ['<sip:a b@c>'], ['<sip:"a"@b>'], ['<<sip:a@b>>'], ['sip:a>;b'], ['tel:>'], ['<sip:a\x07b>'],
])('%j is refused', (text) => {
  expect(() => parseNameAddr(text)).toThrow(SipParseError);
  expect(() => parseNameAddr(text)).toThrow(expect.objectContaining({ code: 'name-addr', status: 400 }));
});

test('a display name cannot break out of its quotes or its line', () => {
  const text = formatNameAddr({ displayName: 'x" <sip:evil@e>\r\nInjected: 1 \\', uri, params: new Map([['tag', '1']]) });
  expect(text).toBe(`"x\\" <sip:evil@e> Injected: 1 \\\\" <${uri}>;tag=1`);
  expect(parseNameAddr(text).uri).toBe(uri);
});

test.each([
  ['"a b"', 'a b'],
  ['"a\\"b"', 'a"b'],
  ['plain', 'plain'],
  ['"', '"'],
  ['""', ''],
])('unquote(%s)', (text, expected) => {
  expect(unquote(text)).toBe(expected);
});
