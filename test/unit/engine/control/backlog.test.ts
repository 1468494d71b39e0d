/** When an application counts as behind: by what waits for it, and by how long it takes to read. On a fake clock. */
import { Backlog } from '../../../../signaling/engine/control/backlog';
import { FakeClock } from '../../../support/fake-clock';

function setUp(withBarrier = true): { clock: FakeClock; backlog: Backlog; changes: boolean[]; wait: (bytes: number) => void; asked: Array<() => void> } {
  const clock = new FakeClock();
  const changes: boolean[] = [];
  const asked: Array<() => void> = [];
  let bytes = 0;
  const backlog = new Backlog(clock, { behindBytes: 1000, behindMs: 500 }, withBarrier ? (read) => void asked.push(read) : undefined, () => bytes, (behind) => changes.push(behind));
  return {
    clock,
    backlog,
    changes,
    asked,
    wait: (now) => {
      const before = bytes;
      bytes = now;
      if (now > before) backlog.grown();
      else backlog.shrunk();
    },
  };
}

test('behind above the mark, not any more below half of it', () => {
  const { backlog, changes, wait } = setUp(false);
  wait(1000);
  expect(backlog.behind).toBe(false);
  wait(1001);
  expect([backlog.behind, backlog.bytes]).toEqual([true, 1001]);
  wait(501);
  expect(backlog.behind).toBe(true);
  wait(500);
  expect(backlog.behind).toBe(false);
  wait(900);
  expect(changes).toEqual([true, false]);
});

test('behind when it has not read for so long, and how long that has been', () => {
  const { clock, backlog, changes, wait, asked } = setUp();
  wait(10);
  clock.advance(499);
  expect([backlog.behind, backlog.lagMs]).toEqual([false, 499]);
  clock.advance(1);
  expect(backlog.behind).toBe(true);
  clock.advance(200);
  asked.pop()!();
  // It took 700 ms: asked again at once, for nobody else would notice that it has caught up.
  expect([backlog.behind, backlog.lagMs, asked.length]).toEqual([true, 700, 1]);
  clock.advance(300);
  asked.pop()!();
  expect([backlog.behind, asked.length]).toEqual([true, 1]);
  clock.advance(250);
  asked.pop()!();
  expect([backlog.behind, backlog.lagMs, asked.length]).toEqual([false, 250, 0]);
  expect(changes).toEqual([true, false]);
});

test('it is asked now and then, not with every frame, and not when nothing is said', () => {
  const { clock, wait, asked } = setUp();
  wait(1);
  wait(2);
  expect(asked).toHaveLength(1);
  asked.pop()!();
  wait(3);
  clock.advance(49);
  wait(4);
  expect(asked).toHaveLength(0);
  clock.advance(1);
  wait(5);
  expect(asked).toHaveLength(1);
});

test('closed, it asks and tells nothing any more', () => {
  const { clock, backlog, changes, wait, asked } = setUp();
  wait(1);
  backlog.close();
  clock.advance(1000);
  asked.pop()!();
  wait(5000);
  expect([changes, asked, clock.waiting]).toEqual([[], [], 0]);
});
