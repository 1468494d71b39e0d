import { FailureLimiter } from '../../../signaling/app/failure-limiter';
import { FakeClock } from '../../support/fake-clock';

function make(maxSources = 100): { clock: FakeClock; limiter: FailureLimiter } {
  const clock = new FakeClock();
  return { clock, limiter: new FailureLimiter({ max: 4, windowMs: 40_000, maxSources }, clock) };
}

test('blocks with the last failure allowed, and says when to come back', () => {
  const { limiter } = make();
  expect([1, 2, 3, 4].map(() => limiter.fail('a'))).toEqual([false, false, false, true]);
  expect(limiter.blockedFor('a')).toBe(10);
  expect(limiter.blockedFor('b')).toBe(0);
});

test('afterwards one try in each part of the window', () => {
  const { clock, limiter } = make();
  for (let i = 0; i < 4; i++) limiter.fail('a');
  clock.advance(9_999);
  expect(limiter.blockedFor('a')).toBe(1);
  clock.advance(1);
  expect(limiter.blockedFor('a')).toBe(0);
  expect(limiter.fail('a')).toBe(true);
  expect(limiter.blockedFor('a')).toBe(10);
});

test('a whole window without failures forgets them', () => {
  const { clock, limiter } = make();
  for (let i = 0; i < 4; i++) limiter.fail('a');
  clock.advance(40_000);
  expect([1, 2, 3, 4].map(() => limiter.fail('a'))).toEqual([false, false, false, true]);
});

test('the table is bounded: who failed longest ago is forgotten', () => {
  const { limiter } = make(2);
  for (let i = 0; i < 4; i++) limiter.fail('a');
  limiter.fail('b');
  limiter.fail('a');
  limiter.fail('c');
  expect(limiter.sources).toBe(2);
  expect(limiter.blockedFor('a')).toBeGreaterThan(0);
  expect(limiter.fail('b')).toBe(false);
});
