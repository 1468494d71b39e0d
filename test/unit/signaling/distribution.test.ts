import { Tally } from '../../../signaling/distribution';

test('each value is in the first bucket whose bound it does not pass, or in the last one', () => {
  const tally = new Tally([1, 2, 5]);
  for (const value of [0, 1, 1.5, 2, 2.5, 5, 5.1, 100]) tally.add(value);
  expect(tally.distribution()).toEqual({ bounds: [1, 2, 5], counts: [2, 2, 2, 2], sum: 117.1 });
});
