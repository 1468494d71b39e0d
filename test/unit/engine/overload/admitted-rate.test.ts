/** The law of overload control against a model of an engine that does 1,000 calls a second. */
import { goodput, run, type Conditions } from './plant';

const steadily = (rate: number) => (): number => rate;
/** What Linux gives when asked for 4 MB, and what it gives by itself. */
const buffers = [5_000, 250];

describe.each(buffers)('a socket that holds %i datagrams', (buffer) => {
  test.each<[string, Omit<Conditions, 'seconds'>]>([
    ['nearly as many calls as can be done', { rate: steadily(970) }],
    ['garbage collection that stops everything for 200 ms every two seconds', { rate: steadily(700), processor: (ms) => (ms % 2_000 < 200 ? 0 : 1) }],
    ['a process that was stopped for three seconds', { rate: steadily(500), processor: (ms) => (ms > 15_000 && ms < 18_000 ? 0 : 1) }],
    ['others who take 40 % of the processor', { rate: steadily(500), processor: () => 0.6 }],
  ])('nobody is refused: %s', (_what, conditions) => {
    const { begun, done, refused } = run({ ...conditions, buffer, seconds: 30 });
    expect(refused).toBe(0);
    expect(done).toBeGreaterThan(0.99 * begun);
  });

  // A refusal costs 90 us: that much less can be done the more is refused.
  test.each([
    [1.2, 980],
    [2, 901],
    [4, 703],
  ])('%d times what can be done: four fifths of what is possible (%d calls a second) is done', (times, possible) => {
    const under = run({ rate: steadily(1_000 * times), seconds: 60, buffer });
    expect(goodput(under, 20)).toBeGreaterThan(0.8 * possible);
  });
});

test('without it, a third is done: what the model is for', () => {
  expect(goodput(run({ rate: steadily(2_000), seconds: 40, control: false }), 20)).toBeLessThan(400);
});

test('it comes to rest: neither nobody nor nearly everybody is refused, once it has found its place', () => {
  const { shares, perSecond } = run({ rate: steadily(2_000), seconds: 60 });
  const later = shares.slice(20);
  expect(Math.min(...later)).toBeGreaterThan(0.3);
  expect(later.filter((share) => share > 0.7).length).toBeLessThan(later.length / 8);
  expect(Math.min(...perSecond.slice(20))).toBeGreaterThan(300);
});

test('over within seconds once the load is', () => {
  const { shares, perSecond } = run({ rate: (second) => (second > 5 && second < 25 ? 3_000 : 500), seconds: 40 });
  expect(shares[23]).toBeGreaterThan(0.5);
  expect(shares.slice(32)).toEqual(shares.slice(32).map(() => 0));
  expect(Math.min(...perSecond.slice(32))).toBeGreaterThan(400);
});
