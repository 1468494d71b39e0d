import { isToken, newToken, tokenDigest } from '../../../signaling/token';

test('a token is 256 random bits, says what it is, and is kept as a digest', () => {
  const token = newToken((bytes) => Buffer.alloc(bytes, 0xfb));
  expect(token).toBe(`offhook_${Buffer.alloc(32, 0xfb).toString('base64url')}`);
  expect(isToken(token)).toBe(true);
  expect(new Set(Array.from({ length: 100 }, () => newToken())).size).toBe(100);
  expect(tokenDigest('offhook_x')).toBe('28024e45a7e43974cb515083c568c99ed0def2d6712e3a8db030b3d0cfc67141');
  expect(tokenDigest(token)).toMatch(/^[0-9a-f]{64}$/);
});

test.each(['', 'offhook_', 'x'.repeat(51), `offhook_${'x'.repeat(44)}`, `offhook_${'.'.repeat(43)}`, ` offhook_${'x'.repeat(43)}`])('%j is none', (text) => {
  expect(isToken(text)).toBe(false);
});
