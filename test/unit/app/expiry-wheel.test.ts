import fc from 'fast-check';
import { ExpiryWheel, type WheelEntry } from '../../../signaling/app/expiry-wheel';
import { FakeClock } from '../../support/fake-clock';

class Entry implements WheelEntry<Entry> {
  slot = -1;
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;

  constructor(
    readonly name: string,
    readonly expiresAt: number,
  ) {}
}

function make(): { clock: FakeClock; wheel: ExpiryWheel<Entry>; expired: string[] } {
  const clock = new FakeClock();
  const expired: string[] = [];
  return { clock, expired, wheel: new ExpiryWheel<Entry>(clock, (e) => expired.push(e.name)) };
}

test('takes out what is due, within a second', () => {
  const { clock, wheel, expired } = make();
  wheel.add(new Entry('a', 1500));
  wheel.add(new Entry('b', 60_000));
  clock.advance(1499);
  expect(expired).toEqual([]);
  clock.advance(1000);
  expect(expired).toEqual(['a']);
  clock.advance(60_000);
  expect(expired).toEqual(['a', 'b']);
  expect(wheel.size).toBe(0);
});

test('keeps one timer while there is something to wait for, and none otherwise', () => {
  const { clock, wheel } = make();
  expect(clock.waiting).toBe(0);
  const entries = Array.from({ length: 50 }, (_, i) => new Entry(String(i), 5000 + i));
  for (const entry of entries) wheel.add(entry);
  expect(clock.waiting).toBe(1);
  clock.advance(2000);
  expect(clock.waiting).toBe(1);
  for (const entry of entries) wheel.remove(entry);
  clock.advance(1000);
  expect(clock.waiting).toBe(0);
});

test('starts anew after it stood still', () => {
  const { clock, wheel, expired } = make();
  wheel.add(new Entry('a', 1000));
  clock.advance(100_000_000);
  wheel.add(new Entry('b', clock.now() + 500));
  clock.advance(2000);
  expect(expired).toEqual(['a', 'b']);
});

test('what is past is due at the next turn', () => {
  const { clock, wheel, expired } = make();
  clock.advance(10_500);
  wheel.add(new Entry('a', 3));
  clock.advance(1000);
  expect(expired).toEqual(['a']);
});

test('a deadline beyond one turn waits for another', () => {
  const { clock, wheel, expired } = make();
  wheel.add(new Entry('far', 10_000_000));
  wheel.add(new Entry('near', 10_000_000 - 4096_000));
  clock.advance(9_999_999);
  expect(expired).toEqual(['near']);
  clock.advance(1001);
  expect(expired).toEqual(['near', 'far']);
});

test('a clock that jumps over several turns leaves nothing behind', () => {
  const { wheel, expired } = make();
  // a clock whose timer comes far too late
  let now = 0;
  let due: (() => void) | undefined;
  const late = new ExpiryWheel<Entry>({ now: () => now, wall: () => new Date(0), after: (_, fn) => ((due = fn), { cancel: () => undefined }) }, (e) => expired.push(e.name));
  for (let i = 0; i < 20; i++) late.add(new Entry(String(i), i * 400_000));
  now = 9_000_000;
  due?.();
  expect(expired).toHaveLength(20);
  expect(late.size + wheel.size).toBe(0);
});

test('removing twice, or what was never in, does nothing', () => {
  const { wheel } = make();
  const entry = new Entry('a', 1000);
  wheel.remove(entry);
  wheel.add(entry);
  wheel.remove(entry);
  wheel.remove(entry);
  expect(wheel.size).toBe(0);
});

test('a listener may take out others that are due in the same slot', () => {
  const clock = new FakeClock();
  const expired: string[] = [];
  const entries = [1, 2, 3].map((i) => new Entry(String(i), 1000));
  const wheel: ExpiryWheel<Entry> = new ExpiryWheel(clock, (entry) => {
    expired.push(entry.name);
    for (const other of entries) wheel.remove(other);
  });
  for (const entry of entries) wheel.add(entry);
  clock.advance(5000);
  expect(expired).toHaveLength(1);
  expect(wheel.size).toBe(0);
});

test('closed, it takes nothing out', () => {
  const { clock, wheel, expired } = make();
  wheel.add(new Entry('a', 1000));
  wheel.close();
  wheel.add(new Entry('b', 1000));
  clock.advance(10_000);
  expect(expired).toEqual([]);
  expect(clock.waiting).toBe(0);
});

test('everything leaves once, never early, at most a second late', () => {
  const step = fc.oneof(
    fc.record({ add: fc.integer({ min: 1, max: 9_000_000 }) }),
    fc.record({ remove: fc.nat(30) }),
    fc.record({ advance: fc.integer({ min: 1, max: 3_000_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const clock = new FakeClock();
      const inside = new Set<Entry>();
      const wheel = new ExpiryWheel<Entry>(clock, (entry) => {
        expect(inside.delete(entry)).toBe(true);
        expect(clock.now() - entry.expiresAt).toBeGreaterThanOrEqual(0);
        expect(clock.now() - entry.expiresAt).toBeLessThanOrEqual(1000);
      });
      for (const step of steps) {
        if ('add' in step) {
          const entry = new Entry('', clock.now() + step.add);
          inside.add(entry);
          wheel.add(entry);
        } else if ('remove' in step) {
          const entry = [...inside][step.remove];
          if (entry) {
            inside.delete(entry);
            wheel.remove(entry);
          }
        } else {
          clock.advance(step.advance);
        }
        expect(wheel.size).toBe(inside.size);
        for (const entry of inside) expect(entry.expiresAt + 1000).toBeGreaterThan(clock.now());
      }
    }),
    { numRuns: 50 },
  );
});
