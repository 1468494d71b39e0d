import fc from 'fast-check';
import { DigestHeaderError, parseDigestCredentials } from '../../../signaling/app/digest-header';

/** name → value of each set. */
function values(header: string): Array<Record<string, string>> {
  return parseDigestCredentials(header).map((set) => Object.fromEntries([...set].map(([name, d]) => [name, d.value])));
}

test.each<[string, string, Array<Record<string, string>>]>([
  ['quoted and bare values', 'Digest username="1001", algorithm=MD5', [{ username: '1001', algorithm: 'MD5' }]],
  ['quotes where the grammar has none', 'Digest nc="00000001",qop="auth"', [{ nc: '00000001', qop: 'auth' }]],
  ['a bare URI', 'Digest uri=sip:a@b;transport=udp', [{ uri: 'sip:a@b;transport=udp' }]],
  ['any case', 'dIGEST UserName="a"', [{ username: 'a' }]],
  ['space around =', 'Digest  username = "a" ,  realm\t=\t"r"', [{ username: 'a', realm: 'r' }]],
  ['folding left in', 'Digest username="a",\r\n realm="r"', [{ username: 'a', realm: 'r' }]],
  ['a comma in quotes', 'Digest username="a,b", realm="x, Digest y=\\"z"', [{ username: 'a,b', realm: 'x, Digest y="z' }]],
  ['escapes', 'Digest username="a\\"b\\\\c"', [{ username: 'a"b\\c' }]],
  ['an empty string', 'Digest opaque=""', [{ opaque: '' }]],
  ['two lines, joined', 'Digest username="a", realm="r1",Digest username="b", realm="r2"', [{ username: 'a', realm: 'r1' }, { username: 'b', realm: 'r2' }]],
  ['empty list elements', ', Digest username="a",, ,realm="r",', [{ username: 'a', realm: 'r' }]],
  ['other schemes before', 'Basic dXNlcjpwdw==, Digest username="a"', [{ username: 'a' }]],
  ['other schemes after', 'Digest username="a", Bearer x.y-z, Negotiate a="b, c", d=e', [{ username: 'a' }]],
  ['an escaped quote in another scheme', 'Negotiate a="x\\", y", Digest username="a"', [{ username: 'a' }]],
  ['only other schemes', 'Bearer abc', []],
  ['nothing', '', []],
  ['UTF-8', 'Digest username="Jäsøn Doe"', [{ username: 'Jäsøn Doe' }]],
])('%s', (_, header, expected) => {
  expect(values(header)).toEqual(expected);
});

test('escapes stay in the raw value, which digests are computed over', () => {
  expect(parseDigestCredentials('Digest cnonce="a\\"b"')[0]?.get('cnonce')).toEqual({ raw: 'a\\"b', value: 'a"b' });
});

test.each([
  'Digest',
  'Digest ',
  'Digest username',
  'Digest username=',
  'Digest username="a',
  'Digest username="a\\"',
  'Digest username="a\r\nb"',
  'Digest username="a\\\nb"',
  'Digest username="a" realm="b"',
  'Digest username="a", username="a"',
  'Digest username="a", USERNAME="b"',
  'Digest ="a"',
  '"Digest" username="a"',
  '=',
  `Digest ${Array.from({ length: 25 }, (_, i) => `p${i}=1`).join(',')}`,
  Array.from({ length: 9 }, () => 'Digest a=1').join(','),
])('refused: %j', (header) => {
  expect(() => parseDigestCredentials(header)).toThrow(DigestHeaderError);
});

const directive = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9-]{0,11}$/), fc.string({ unit: fc.constantFrom(...'ab"\\,= ;:@ä<>') }));

test('what was written is read back, however it is quoted', () => {
  const sets = fc.array(fc.uniqueArray(directive, { selector: ([name]) => name, minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(sets, (written) => {
      const header = written.map((set) => `Digest ${set.map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`).join(', ')}`).join(',');
      expect(values(header)).toEqual(written.map((set) => Object.fromEntries(set)));
    }),
  );
});

test('anything gives sets of directives or our own error', () => {
  const pieces = fc.array(fc.constantFrom('Digest', 'Basic', ' ', ',', '=', '"', '\\', 'a', 'username', '\r\n ', '\x00', 'é', '😀'), { maxLength: 30 });
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), pieces.map((p) => p.join(''))), (header) => {
      try {
        for (const set of parseDigestCredentials(header)) expect(set.size).toBeGreaterThan(0);
      } catch (err) {
        expect(err).toBeInstanceOf(DigestHeaderError);
      }
    }),
    { numRuns: 2000 },
  );
});
