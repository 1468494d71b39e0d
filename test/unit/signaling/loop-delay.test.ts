import { LoopDelay } from '../../../signaling/loop-delay';
import { FakeClock } from '../../support/fake-clock';

/** A clock whose timers run late by what is said. */
class LateClock extends FakeClock {
  late = 0;
  override now(): number {
    return super.now() + this.late;
  }
}

test('tells how late it was in the last minute, and forgets what was before', () => {
  const clock = new LateClock();
  const loop = new LoopDelay(clock);
  expect(loop.lateness()).toEqual({ p50Ms: 0, p99Ms: 0, maxMs: 0 });
  const look = (late: number): void => {
    clock.late = late;
    clock.advance(100);
    clock.late = 0;
  };
  // a look that is late puts the next one off
  for (let i = 0; i < 98; i++) look(0);
  look(7);
  clock.advance(100);
  expect(loop.lateness()).toMatchObject({ p50Ms: 0, maxMs: 7 });
  clock.advance(60_000);
  expect(loop.lateness()).toEqual({ p50Ms: 0, p99Ms: 0, maxMs: 0 });
  loop.close();
  expect(clock.waiting).toBe(0);
});
