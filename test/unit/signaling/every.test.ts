import { every } from '../../../signaling/every';
import { FakeClock } from '../../support/fake-clock';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('again so long after it has ended, until it is cancelled', async () => {
  const clock = new FakeClock();
  let done: () => void = () => undefined;
  let begun = 0;
  const timer = every(clock, 1000, () => {
    begun++;
    return new Promise<void>((resolve) => (done = resolve));
  });
  clock.advance(999);
  expect(begun).toBe(0);
  clock.advance(1);
  expect(begun).toBe(1);
  clock.advance(10_000);
  await turn();
  expect(begun).toBe(1);
  done();
  await turn();
  clock.advance(999);
  expect(begun).toBe(1);
  clock.advance(1);
  expect(begun).toBe(2);
  // cancelled meanwhile: that was the last time
  timer.cancel();
  done();
  await turn();
  clock.advance(10_000);
  expect(begun).toBe(2);
});

test('cancelled before the first time', () => {
  const clock = new FakeClock();
  let begun = 0;
  every(clock, 10, () => begun++).cancel();
  clock.advance(100);
  expect(begun).toBe(0);
});
