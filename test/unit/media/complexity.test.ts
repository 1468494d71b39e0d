import { COMPLEXITIES, ComplexityGovernor } from '../../../media/complexity';

const look = (governor: ComplexityGovernor, busy: number | null, lateMs = 0, times = 1): number => {
  let complexity = governor.complexity;
  for (let i = 0; i < times; i++) complexity = governor.look(busy, lateMs);
  return complexity;
};

test('begins at the best, and goes down a step at each look while the worker is busy, to the least and no further', () => {
  const governor = new ComplexityGovernor();
  const seen = Array.from({ length: 8 }, () => look(governor, 0.9));
  expect(governor.complexity).toBe(0);
  expect(seen).toEqual([...COMPLEXITIES.slice(1), 0, 0, 0]);
});

test('a late tick counts like a busy worker, also where it is not known how busy it is', () => {
  expect(look(new ComplexityGovernor(), 0.1, 12)).toBe(COMPLEXITIES[1]);
  expect(look(new ComplexityGovernor(), null, 12)).toBe(COMPLEXITIES[1]);
});

test('goes up a step after five quiet looks in a row; one that is not quiet begins the count again', () => {
  const governor = new ComplexityGovernor();
  look(governor, 0.9, 0, 3);
  const low = governor.complexity;
  look(governor, 0.3, 0, 4);
  look(governor, 0.6);
  expect(look(governor, 0.3, 0, 4)).toBe(low);
  expect(look(governor, 0.3)).toBe(COMPLEXITIES[2]);
  expect(look(governor, 0.3, 0, 100)).toBe(COMPLEXITIES[0]);
});

test('between the two marks nothing moves', () => {
  const governor = new ComplexityGovernor();
  look(governor, 0.8, 0, 2);
  expect(look(governor, 0.6, 5, 100)).toBe(COMPLEXITIES[2]);
});
