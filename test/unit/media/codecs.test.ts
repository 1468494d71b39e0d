import { cheapestRate, codecNamed, codecs } from '../../../media/codecs';
import type { Codec, SampleRate } from '../../../media/frame';
import { g722 } from '../../../media/codec/g722';
import { pcma, pcmu } from '../../../media/codec/g711';

interface FakeModule {
  opus: Codec;
  refused: { problem: string | undefined; asked: number };
}

jest.mock('../../../media/codec/opus', () => {
  const refused = { problem: undefined as string | undefined, asked: 0 };
  return {
    refused,
    opus: { name: 'opus', clockRate: 48000, rates: [8000, 16000, 48000], bandwidth: 48000, ptimes: [20] },
    opusProblem: () => {
      refused.asked++;
      return refused.problem;
    },
  };
});
const { opus: fakeOpus, refused } = jest.requireMock<FakeModule>('../../../media/codec/opus');

beforeEach(() => {
  refused.problem = undefined;
});

test('importing asked for nothing', () => {
  expect(refused.asked).toBe(0);
});

test('what is here, the best first', () => {
  expect(codecs().map((c) => c.name)).toEqual(['opus', 'G722', 'PCMU', 'PCMA']);
  expect(codecNamed('opus')).toBe(fakeOpus);
});

test('without its library there is no Opus, and all else is as it was', () => {
  refused.problem = 'not installed';
  expect(codecs().map((c) => c.name)).toEqual(['G722', 'PCMU', 'PCMA']);
  expect(codecNamed('opus')).toBeUndefined();
  expect(codecNamed('PCMU')).toBe(pcmu);
});

test('nobody asks for Opus who wants another', () => {
  const before = refused.asked;
  expect(codecNamed('PCMU')).toBe(pcmu);
  expect(codecNamed('PCMA')).toBe(pcma);
  expect(codecNamed('G722')).toBe(g722);
  expect(refused.asked).toBe(before);
});

test.each<[Codec, Codec, SampleRate]>([
  [pcmu, pcma, 8000],
  [pcmu, g722, 8000],
  [pcmu, fakeOpus, 8000],
  [g722, fakeOpus, 16000],
  [g722, g722, 16000],
  [fakeOpus, fakeOpus, 48000],
])('case %#: two meet at the lower of their bandwidths', (a, b, rate) => {
  expect(cheapestRate(a, b)).toBe(rate);
  expect(cheapestRate(b, a)).toBe(rate);
});

test('a rate that both have is taken over a lower one that needs resampling', () => {
  const wideOnly = { ...g722, bandwidth: 8000 } as Codec;
  expect(cheapestRate(wideOnly, g722)).toBe(16000);
});
