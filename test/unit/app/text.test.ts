import { detached, forLog, isPrintable, quoted } from '../../../signaling/app/text';

test('a detached copy is equal', () => {
  for (const text of ['', 'short', 'a text that is longer than a view', 'äöü ßäöü ßäöü', '😀'.repeat(9)]) expect(detached(text)).toBe(text);
});

test('what is logged is one short line', () => {
  expect(forLog('a\r\nb\x00c')).toBe('a??b?c');
  expect(forLog('x'.repeat(65))).toBe(`${'x'.repeat(64)}…`);
  expect(forLog('x'.repeat(64))).toBe('x'.repeat(64));
});

test('what is printable', () => {
  expect(isPrintable('sip:a b~')).toBe(true);
  for (const text of ['a\r', 'a\n', '\t', '\x7f', 'é']) expect(isPrintable(text)).toBe(false);
});

test('quoting', () => {
  expect(quoted('a "b" \\ c')).toBe('"a \\"b\\" \\\\ c"');
  expect(() => quoted('a\r\nb')).toThrow(RangeError);
});
