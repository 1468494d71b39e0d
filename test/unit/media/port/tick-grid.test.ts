import { TickGrid } from '../../../../media/port/tick-grid';

/** Calls at these times: when they were due. */
const due = (times: number[]): number[] => {
  const grid = new TickGrid();
  return times.map((now) => grid.at(now));
};
const run = (count: number, late: (i: number) => number): number[] => Array.from({ length: count }, (_, i) => i * 20 + late(i));
const last = (list: number[]): number => list[list.length - 1] as number;

test.each<[string, number[], number]>([
  ['on time', run(10, () => 0), 180],
  ['sometimes late', run(11, (i) => (i % 3 === 0 ? 2 : 0)), 200],
  ['once very late, then all that was missed at once', [0, 20, 120, 120, 120, 120, 120, 140], 140],
  ['the first one late: the next tells', [7, 20, 40], 40],
  ['late for a while', run(40, (i) => (i > 0 ? 5 : 0)), 780],
  ['late for long: that is the grid now', run(120, (i) => (i > 0 ? 5 : 0)), 119 * 20 + 5],
  ['five ticks left out: the grid follows soon', run(20, (i) => (i >= 10 ? 100 : 0)), 19 * 20 + 100],
  ['earlier than ever', [0, 20, 30, 50], 50],
])('%s', (_, times, want) => {
  expect(last(due(times))).toBe(want);
});
