import fc from 'fast-check';
import { Remembered } from '../../../../signaling/engine/overload/remembered';
import { Throttle } from '../../../../signaling/engine/overload/throttle';

const sequence = (throttle: Throttle, length: number): string => Array.from({ length }, () => (throttle.refuses() ? 'x' : '.')).join('');

test('a share is spread evenly', () => {
  const throttle = new Throttle(1);
  expect(sequence(throttle, 10)).toBe('..........');
  throttle.change(0.3);
  expect(sequence(throttle, 10)).toBe('...x..x..x');
  throttle.change(0.2);
  expect(sequence(throttle, 6)).toBe('.x.x.x');
});

test('whatever the share, as many are refused as it says, give or take one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 98 }), fc.integer({ min: 1, max: 500 }), (percent, length) => {
      const throttle = new Throttle(0.98);
      throttle.change(percent / 100);
      const refused = sequence(throttle, length).replaceAll('.', '').length;
      expect(Math.abs(refused - (percent / 100) * length)).toBeLessThanOrEqual(1);
    }),
  );
});

test('it stays between nothing and the most, and comes back to exactly nothing', () => {
  const throttle = new Throttle(0.98);
  for (let i = 0; i < 20; i++) throttle.change(0.1);
  expect(throttle.share).toBe(0.98);
  expect(sequence(throttle, 100)).toContain('.');
  for (let i = 0; i < 49; i++) throttle.change(-0.02);
  expect(throttle.share).toBe(0);
  throttle.change(-1);
  expect(throttle.share).toBe(0);
});

test('what is remembered is forgotten after two turns, and there is an end to it', () => {
  const remembered = new Remembered(2);
  for (const key of ['a', 'b', 'c']) remembered.add(key);
  expect([remembered.has('a'), remembered.has('c'), remembered.size]).toEqual([true, false, 2]);
  remembered.turn();
  remembered.add('c');
  expect([remembered.has('a'), remembered.has('c')]).toEqual([true, true]);
  remembered.turn();
  expect([remembered.has('a'), remembered.has('c')]).toEqual([false, true]);
  remembered.turn();
  expect(remembered.size).toBe(0);
});
