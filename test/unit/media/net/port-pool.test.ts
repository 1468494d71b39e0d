import fc from 'fast-check';
import { PortPool } from '../../../../media/net/port-pool';

const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);

function pool(min: number, max: number, drainMs = 1000, random = zeros) {
  const clock = { ms: 0 };
  return { clock, pool: new PortPool({ min, max, drainMs, now: () => clock.ms, random }) };
}

const takeAll = (p: PortPool): number[] => {
  const taken: number[] = [];
  for (let port = p.take(); port !== undefined; port = p.take()) taken.push(port);
  return taken;
};

test.each([
  [20000, 20007, [20000, 20002, 20004, 20006]],
  [20001, 20007, [20002, 20004, 20006]],
  [20000, 20006, [20000, 20002, 20004]], // 20007 would be outside
  [20001, 20002, []],
  [20000, 20001, [20000]],
  [65534, 65535, [65534]],
  [20010, 20000, []],
])('%d to %d holds the pairs %j', (min, max, pairs) => {
  const { pool: p } = pool(min, max);
  expect(p.size).toBe(pairs.length);
  expect(takeAll(p).sort()).toEqual(pairs);
});

test('a released pair rests, then comes back', () => {
  const { pool: p, clock } = pool(20000, 20003);
  expect(takeAll(p)).toHaveLength(2);
  p.release(20002);
  expect([p.inUse, p.draining, p.free]).toEqual([1, 1, 0]);
  clock.ms = 999;
  expect(p.take()).toBeUndefined();
  clock.ms = 1000;
  expect([p.inUse, p.draining, p.free]).toEqual([1, 0, 1]);
  expect(p.take()).toBe(20002);
});

test('the pair that rested longest is used first', () => {
  const { pool: p, clock } = pool(20000, 20007, 0);
  const [first] = takeAll(p);
  for (const port of [20004, 20000, 20006, 20002]) {
    clock.ms += 1;
    p.release(port);
  }
  expect(first).toBeDefined();
  expect(takeAll(p)).toEqual([20004, 20000, 20006, 20002]);
});

test('the order is shuffled by the randomness given', () => {
  const orders = [1, 2, 3, 4].map((seed) => takeAll(pool(20000, 20099, 0, (bytes) => Buffer.alloc(bytes, seed * 37)).pool).join());
  expect(new Set(orders).size).toBe(4);
});

test('giving back what was not taken is a fault of ours and throws', () => {
  const { pool: p } = pool(20000, 20003);
  expect(() => p.release(20000)).toThrow(RangeError);
});

test('no pair is ever given out twice at once, nor before it has rested', () => {
  const step = fc.record({ take: fc.boolean(), index: fc.nat(50), wait: fc.integer({ min: 0, max: 400 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.uint8Array({ minLength: 80, maxLength: 80 }), (steps, seed) => {
      const { pool: p, clock } = pool(30000, 30039, 1000, (bytes) => Buffer.from(seed.subarray(0, bytes)));
      const held: number[] = [];
      const restsUntil = new Map<number, number>();
      for (const { take, index, wait } of steps) {
        clock.ms += wait;
        if (take) {
          const port = p.take();
          if (port === undefined) continue;
          expect(held).not.toContain(port);
          expect(port % 2).toBe(0);
          expect(restsUntil.get(port) ?? 0).toBeLessThanOrEqual(clock.ms);
          held.push(port);
        } else if (held.length > 0) {
          const [port] = held.splice(index % held.length, 1);
          p.release(port!);
          restsUntil.set(port!, clock.ms + 1000);
        }
        expect(p.inUse).toBe(held.length);
        expect(p.inUse + p.draining + p.free).toBe(p.size);
      }
    }),
  );
});
