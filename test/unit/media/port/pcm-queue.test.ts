import fc from 'fast-check';
import { Heard, PcmQueue } from '../../../../media/port/pcm-queue';

function push(queue: PcmQueue, values: number[], kind: Heard): void {
  queue.reserve(values.length);
  values.forEach((value, i) => (queue.data[queue.end + i] = value));
  queue.appended(values.length, kind);
}

test('gives out in order, and says what most of it is', () => {
  const queue = new PcmQueue(4, 20);
  push(queue, [1, 2, 3], Heard.Voice);
  push(queue, [4, 5], Heard.Concealed);
  const out = new Int16Array(4);
  expect([queue.take(out), [...out]]).toEqual([Heard.Voice, [1, 2, 3, 4]]);
  push(queue, [6, 7, 8], Heard.Recovered);
  expect([queue.take(out), [...out], queue.length]).toEqual([Heard.Recovered, [5, 6, 7, 8], 0]);
});

test('skips forward, and back over what was read', () => {
  const queue = new PcmQueue(4, 20);
  push(queue, [1, 2, 3, 4, 5, 6], Heard.Voice);
  const out = new Int16Array(2);
  queue.take(out);
  queue.skip(2);
  queue.skip(-1);
  queue.take(out);
  expect([[...out], queue.length]).toEqual([[4, 5], 1]);
});

test('says when more is put in than it was made for', () => {
  expect(() => new PcmQueue(4, 4).reserve(100)).toThrow(RangeError);
});

test('is a queue, with as much history in front as was asked for', () => {
  const step = fc.record({ push: fc.integer({ min: 0, max: 30 }), take: fc.integer({ min: 1, max: 20 }), kind: fc.constantFrom(Heard.Voice, Heard.Concealed, Heard.Recovered, Heard.ComfortNoise) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new PcmQueue(16, 80);
      const all: number[] = [];
      let read = 0;
      for (const { push: count, take, kind } of steps) {
        if (queue.length + count <= 40) {
          const values = Array.from({ length: count }, (_, i) => (all.length + i) % 30_000);
          push(queue, values, kind);
          all.push(...values);
        }
        if (queue.length >= take) {
          const out = new Int16Array(take);
          queue.take(out);
          expect([...out]).toEqual(all.slice(read, read + take));
          read += take;
          const known = Math.min(16, read);
          expect([...queue.data.subarray(queue.start - known, queue.start)]).toEqual(all.slice(read - known, read));
        }
        expect(queue.length).toBe(all.length - read);
      }
    }),
  );
});
