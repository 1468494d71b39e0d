import { passagesIn } from '../../bench/support/passages';

const RATE = 8000;

function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

/** Eight seconds: half a second of silence, then syllables of noise, loud and soft as chance has it. */
function passage(seed: number): Int16Array {
  const random = seeded(seed);
  const pcm = new Int16Array(8 * RATE);
  let level = 0;
  for (let i = RATE / 2; i < 7 * RATE; i++) {
    if (i % 900 === 0) level = random() < 0.3 ? 0 : 500 + 8000 * random();
    pcm[i] = Math.round((random() * 2 - 1) * level);
  }
  return pcm;
}

const said = [1, 2, 3].map(passage);

/** A recording that begins with silence, and in which every `lost`-th stretch of 20 ms is left out. */
function recording(silenceMs: number, lost = Number.POSITIVE_INFINITY): Int16Array {
  const all: number[] = new Array<number>((silenceMs * RATE) / 1000).fill(0);
  for (const pcm of said) for (let at = 0, n = 1; at < pcm.length; at += 160, n++) if (n % lost !== 0) all.push(...pcm.subarray(at, at + 160));
  return Int16Array.from([...all, ...new Array<number>(RATE).fill(0)]);
}

const looked = (heard: Int16Array, lostMs: number): number[] => passagesIn(heard, said.map((pcm) => ({ pcm, lostMs })), RATE, 300).map(({ beginsMs }) => beginsMs);

test('where the phone began to write early', () => {
  expect(looked(recording(1200), 0)).toEqual([1200, 9200, 17_200]);
});

test('where it began to write late: the first one began before the recording', () => {
  expect(looked(recording(0).subarray(0.2 * RATE), 0)).toEqual([-200, 7800, 15_800]);
});

test('where a tenth was left out, each ends with the next one’s beginning', () => {
  const found = passagesIn(recording(400, 10), said.map((pcm) => ({ pcm, lostMs: 800 })), RATE, 300);
  // half a second of silence on either side of what is spoken: nothing of it is cut off
  for (const [i, { beginsMs }] of found.entries()) expect(Math.abs(beginsMs - (400 + i * 7200))).toBeLessThan(300);
  expect(found[0]!.part.length / RATE).toBeCloseTo(7.2, 0);
});

test('a passage that is not there is an error with its number', () => {
  expect(() => looked(recording(0).fill(0, 8.2 * RATE, 15.9 * RATE), 0)).toThrow('passage 2 of 3');
});
