import { TimerQueues, type TimerOwner } from '../../../../signaling/engine/transaction/timer-queue';
import { FakeClock } from '../../../support/fake-clock';

describe('timer queues', () => {
  const clock = (): { clock: FakeClock; timers: TimerQueues; errors: unknown[]; fired: string[]; owner: TimerOwner<string> } => {
    const fake = new FakeClock();
    const fired: string[] = [];
    const errors: unknown[] = [];
    return { clock: fake, timers: new TimerQueues(fake, (error) => void errors.push(error)), errors, fired, owner: { onTimer: (name) => void fired.push(`${name}@${fake.now()}`) } };
  };

  test('each timer fires once, at its own time', () => {
    const t = clock();
    t.timers.start(500, t.owner, 'a');
    t.clock.advance(100);
    t.timers.start(500, t.owner, 'b');
    t.timers.start(50, t.owner, 'c');
    t.clock.advance(10_000);
    expect(t.fired).toEqual(['c@150', 'a@500', 'b@600']);
    expect(t.timers.size).toBe(0);
    expect(t.clock.waiting).toBe(0);
  });

  test('a thousand timers of one duration take one timer of the clock', () => {
    const t = clock();
    for (let i = 0; i < 1000; i++) t.timers.start(32_000, t.owner, 'x');
    expect(t.clock.waiting).toBe(1);
    t.clock.advance(32_000);
    expect(t.fired).toHaveLength(1000);
  });

  test('cancelled at the head, in the middle and at the end', () => {
    const t = clock();
    const timers = ['a', 'b', 'c', 'd', 'e'].map((name) => t.timers.start(10, t.owner, name));
    for (const i of [0, 2, 4]) timers[i]?.cancel();
    expect(timers.map((timer) => timer.pending)).toEqual([false, true, false, true, false]);
    timers[0]?.cancel();
    t.clock.advance(10);
    expect(t.fired).toEqual(['b@10', 'd@10']);
  });

  test('a cancelled head does not make the next one early or late', () => {
    const t = clock();
    t.timers.start(500, t.owner, 'gone').cancel();
    t.clock.advance(200);
    t.timers.start(500, t.owner, 'kept');
    t.clock.advance(499);
    expect(t.fired).toEqual([]);
    t.clock.advance(1);
    expect(t.fired).toEqual(['kept@700']);
  });

  test('a timer may start and cancel others while it fires', () => {
    const t = clock();
    const owner: TimerOwner<string> = {
      onTimer: (name) => {
        t.fired.push(`${name}@${t.clock.now()}`);
        second.cancel();
        t.timers.start(10, t.owner, 'again');
      },
    };
    t.timers.start(10, owner, 'first');
    const second = t.timers.start(10, t.owner, 'second');
    t.clock.advance(100);
    expect(t.fired).toEqual(['first@10', 'again@20']);
  });

  test('an owner that throws does not stop the others', () => {
    const t = clock();
    t.timers.start(10, { onTimer: () => { throw new Error('owner'); } }, 'bad');
    t.timers.start(10, t.owner, 'good');
    t.clock.advance(10);
    expect(t.errors).toEqual([new Error('owner')]);
    expect(t.fired).toEqual(['good@10']);
  });

  test('close cancels everything', () => {
    const t = clock();
    const timer = t.timers.start(10, t.owner, 'a');
    t.timers.start(20, t.owner, 'b');
    t.timers.close();
    t.clock.advance(100);
    expect(t.fired).toEqual([]);
    expect(timer.pending).toBe(false);
    expect(t.clock.waiting).toBe(0);
  });
});
