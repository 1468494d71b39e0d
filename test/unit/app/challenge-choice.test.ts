import { ChallengeChoice } from '../../../signaling/app/challenge-choice';
import { FakeClock } from '../../support/fake-clock';

const make = (max = 100) => {
  const clock = new FakeClock();
  return { clock, choice: new ChallengeChoice({ max, patienceMs: 2000 }, clock) };
};

test('a phone that answers is offered both, each time', () => {
  const { clock, choice } = make();
  for (let i = 0; i < 3; i++) {
    expect(choice.onAsking('a 1001', 'Linphone/5')).toBe('both');
    expect(choice.onAnswer('a 1001', undefined)).toBe('both');
    clock.advance(60_000);
  }
  expect(choice.remembered).toBe(0);
});

test('a phone that left both unanswered is offered MD5 alone, and stays with it', () => {
  const { clock, choice } = make();
  expect(choice.onAsking('a 1001', undefined)).toBe('both');
  clock.advance(30_000);
  expect(choice.onAsking('a 1001', undefined)).toBe('md5');
  expect(choice.onAnswer('a 1001', undefined)).toBe('md5');
  clock.advance(3_600_000);
  expect(choice.onAsking('a 1001', undefined)).toBe('md5');
  expect(choice.onAsking('b 1001', undefined)).toBe('both');
});

test('requests that come together are one question: the patience counts from the first', () => {
  const { clock, choice } = make();
  choice.onAsking('a 1001', undefined);
  clock.advance(1500);
  expect(choice.onAsking('a 1001', undefined)).toBe('both');
  clock.advance(500);
  expect(choice.onAsking('a 1001', undefined)).toBe('md5');
});

test.each([
  ['baresip v1.0.0 (x86_64/linux)', 'md5'],
  ['baresip v2.4.0 (x86_64/linux)', 'md5'],
  ['baresip v3.14.0 (x86_64/linux)', 'md5'],
  ['baresipuous/1', 'both'],
  ['Linphone-Desktop/5', 'both'],
])('%s gets %s', (agent, expected) => {
  const { choice } = make();
  expect(choice.onAsking('a 1001', agent)).toBe(expected);
  expect(choice.onAnswer('a 1001', agent)).toBe(expected);
});

test('no more phones than the limit are remembered, the oldest is forgotten', () => {
  const { clock, choice } = make(2);
  for (const name of ['a', 'b', 'c']) choice.onAsking(name, undefined);
  expect(choice.remembered).toBe(2);
  clock.advance(5000);
  expect(choice.onAsking('a', undefined)).toBe('both');
  expect(choice.onAsking('c', undefined)).toBe('md5');
});
