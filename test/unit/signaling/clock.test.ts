import { systemRandom } from '../../../signaling/clock';

test('random bytes are never handed out twice, whatever the size', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 5000; i++) seen.add(systemRandom(16).toString('hex'));
  expect(seen.size).toBe(5000);
  expect(systemRandom(100_000)).toHaveLength(100_000);
  for (const size of [0, 1, 1023, 1024, 1025]) expect(systemRandom(size)).toHaveLength(size);
});

test('what was handed out stays as it is when more is drawn', () => {
  const first = systemRandom(32);
  const before = first.toString('hex');
  for (let i = 0; i < 2000; i++) systemRandom(32);
  expect(first.toString('hex')).toBe(before);
});
