import { portsOf, slotsOf } from '../../bench/relay-load';

const plan = { address: '127.0.0.1', firstPort: 10_000, calls: 200, tickMicros: 250 };

test('a frame of 20 ms is divided into ticks', () => {
  expect(slotsOf(plan)).toBe(80);
});

test('calls share the sockets of their tick, the two parties of a call never one socket, the probes have their own', () => {
  const ports = portsOf(plan);
  expect(ports).toHaveLength(204);
  expect(ports.every(({ a, b }) => a !== b && a % 2 === 0 && b === a + 1)).toBe(true);
  expect(ports[0]).toEqual(ports[80]);
  expect(new Set(ports.slice(0, 200).map(({ a }) => a)).size).toBe(80);
  expect(ports.slice(200)).toEqual(Array.from({ length: 4 }, () => ({ a: 10_160, b: 10_161 })));
});
