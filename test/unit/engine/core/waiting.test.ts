import { Waiting } from '../../../../signaling/engine/core/waiting';

test('each is taken once, by what it waits for and in its order', () => {
  const waiting = new Waiting();
  const done: string[] = [];
  for (const [event, name] of [['acknowledged', 'a'], ['answered', 'b'], ['acknowledged', 'c'], ['confirmed', 'd']] as const) waiting.until(event, () => done.push(name));
  const take = (event?: 'acknowledged' | 'answered' | 'confirmed'): string[] => (done.splice(0), waiting.take(event).forEach((job) => job()), [...done]);
  expect(take('acknowledged')).toEqual(['a', 'c']);
  expect(take('acknowledged')).toEqual([]);
  expect(take()).toEqual(['b', 'd']);
  expect(take()).toEqual([]);
});

test('what is put off while the others run waits for the next time', () => {
  const waiting = new Waiting();
  let runs = 0;
  const again = (): void => (runs++, waiting.until('answered', again));
  again();
  for (const job of waiting.take('answered')) job();
  expect(runs).toBe(2);
  expect(waiting.take('answered')).toHaveLength(1);
});
