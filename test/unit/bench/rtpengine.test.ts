import fc from 'fast-check';
import { bdecode, bencode, type Bencodable } from '../../bench/rtpengine';

test.each<[Bencodable, string]>([
  [0, 'i0e'],
  [-12, 'i-12e'],
  ['', '0:'],
  ['spam', '4:spam'],
  [['spam', 7], 'l4:spami7ee'],
  [{ command: 'ping' }, 'd7:command4:pinge'],
  [{ b: 1, a: { c: [] } }, 'd1:ad1:clee1:bi1ee'],
])('%j is %s', (value, text) => {
  expect(bencode(value)).toBe(text);
  expect(bdecode(text)).toEqual(value);
});

test('whatever is encoded is decoded to the same', () => {
  const { value } = fc.letrec<{ value: Bencodable }>((tie) => ({
    value: fc.oneof({ depthSize: 'small' }, fc.integer(), fc.string({ unit: 'grapheme-ascii' }), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(fc.string({ unit: 'grapheme-ascii' }), tie('value'), { maxKeys: 4, noNullPrototype: true })),
  }));
  fc.assert(fc.property(value.filter((v) => !JSON.stringify(v).includes('__proto__')), (v) => expect(bdecode(bencode(v))).toEqual(v)));
});

test.each(['l', 'd3:abc', 'li1e', '4'])('%s ends early, and says so', (text) => {
  expect(() => bdecode(text)).toThrow('ends early');
});
