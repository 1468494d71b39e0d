import { watchNetwork } from '../../../../client/node/network-watch';
import { FakeClock } from '../../../support/fake-clock';

test('a change of addresses is told once, and nothing after the end', () => {
  const clock = new FakeClock();
  let addresses = '127.0.0.1 192.0.2.1';
  let changes = 0;
  const end = watchNetwork(clock, () => changes++, () => addresses);
  clock.advance(10_000);
  expect(changes).toBe(0);
  addresses = '127.0.0.1 198.51.100.7';
  clock.advance(10_000);
  expect(changes).toBe(1);
  end();
  addresses = '127.0.0.1';
  clock.advance(10_000);
  expect(changes).toBe(1);
  expect(clock.waiting).toBe(0);
});

test('it can look at a real machine', () => {
  const clock = new FakeClock();
  let changes = 0;
  const end = watchNetwork(clock, () => changes++);
  clock.advance(2000);
  end();
  expect(changes).toBe(0);
});
