import { Metronome, type Ticking } from '../../../media/metronome';

class Counter implements Ticking {
  at: number[] = [];
  skipped: number[] = [];
  tick(nowMs: number, skipped: number): void {
    this.at.push(nowMs);
    this.skipped.push(skipped);
  }
}

const noFault = (err: unknown): never => {
  throw err;
};

/** Runs the metronome as a loop would that is `lateMs` late at each beat. */
function play(metronome: Metronome, untilMs: number, lateMs = 0): void {
  while (metronome.nextAt <= untilMs) metronome.run(metronome.nextAt + lateMs);
}

test('ticks every 20 ms from one start, however late each of them is run', () => {
  const metronome = new Metronome(1000, noFault);
  const counter = new Counter();
  metronome.add(counter, 1000);
  play(metronome, 1000 + 60_000, 1.7);
  expect(counter.at).toHaveLength(3001);
  expect(counter.at.at(-1)).toBeCloseTo(61_001.7, 6);
  expect([metronome.late, metronome.skipped]).toEqual([0, 0]);
});

test('nothing is due without members', () => {
  const metronome = new Metronome(0, noFault);
  expect(metronome.nextAt).toBe(Infinity);
  const counter = new Counter();
  metronome.add(counter, 5);
  expect(metronome.nextAt).toBeLessThan(25);
  metronome.remove(counter);
  metronome.remove(counter);
  expect([metronome.nextAt, metronome.members]).toEqual([Infinity, 0]);
});

test('members are spread over the slots by weight', () => {
  const metronome = new Metronome(0, noFault);
  const heavy = new Counter();
  metronome.add(heavy, 0, 100);
  const light = Array.from({ length: 18 }, () => new Counter());
  for (const counter of light) metronome.add(counter, 0);
  play(metronome, 19.9);
  const together = light.filter((counter) => counter.at[0] === heavy.at[0]);
  expect(together).toEqual([]);
  expect(new Set(light.map((counter) => counter.at[0])).size).toBe(9);
});

test('after a stall missed ticks are run, the oldest left out and counted', () => {
  const metronome = new Metronome(0, noFault);
  const counter = new Counter();
  metronome.add(counter, 0);
  play(metronome, 100);
  expect(counter.at).toHaveLength(6);
  metronome.run(100 + 20 * 12); // ticks 6..17 are due, the first of them 220 ms late
  expect(counter.at).toHaveLength(6 + 6);
  expect(counter.skipped.slice(6)).toEqual([6, 0, 0, 0, 0, 0]);
  expect(metronome.skipped).toBe(6);
  expect(metronome.late).toBeGreaterThan(0);
  expect(metronome.takeWorst()).toBe(220);
  expect(metronome.takeWorst()).toBe(0);
  expect(metronome.nextAt).toBe(360);
});

test('a member may add and remove others while it ticks; a removed one does not tick any more', () => {
  const metronome = new Metronome(0, noFault);
  const victims = Array.from({ length: 20 }, () => new Counter());
  const late = new Counter();
  metronome.add(
    {
      tick() {
        for (const victim of victims) metronome.remove(victim);
        metronome.add(late, 0);
      },
    },
    0,
  );
  for (const victim of victims) metronome.add(victim, 0);
  play(metronome, 100);
  expect(victims.every((victim) => victim.at.length <= 1)).toBe(true);
  expect(late.at.length).toBeGreaterThanOrEqual(4);
});

test("one member's fault is told and costs the others nothing", () => {
  const faults: unknown[] = [];
  const metronome = new Metronome(0, (err) => faults.push(err));
  const counters = Array.from({ length: 10 }, () => new Counter());
  metronome.add({ tick: () => { throw new Error('broken'); } }, 0); // prettier-ignore
  for (const counter of counters) metronome.add(counter, 0);
  play(metronome, 39.9);
  expect(faults).toHaveLength(2);
  expect(counters.every((counter) => counter.at.length === 2)).toBe(true);
  expect(metronome.faults).toBe(2);
});
