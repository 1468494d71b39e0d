import fc from 'fast-check';
import { nothingCame, packetUnits, repeatsTheOneBefore } from '../../../../media/codec/opus/packet';

const units = (...octets: number[]): number => packetUnits(Uint8Array.from(octets), octets.length);
const zeros = (n: number): number[] => new Array<number>(n).fill(0);

describe('how long a packet plays (RFC 6716 §3.1, §3.2)', () => {
  test.each([
    ['SILK, narrowband, 10 ms', 0, 4],
    ['SILK, narrowband, 20 ms', 1, 8],
    ['SILK, mediumband, 40 ms', 6, 16],
    ['SILK, wideband, 60 ms', 11, 24],
    ['hybrid, 10 ms', 12, 4],
    ['hybrid, 20 ms', 15, 8],
    ['CELT, 2.5 ms', 16, 1],
    ['CELT, 5 ms', 21, 2],
    ['CELT, 10 ms', 26, 4],
    ['CELT, 20 ms', 31, 8],
  ])('%s', (_name, config, expected) => {
    expect(units(config << 3, 1, 2, 3)).toBe(expected);
    expect(units((config << 3) | 4, 1, 2, 3)).toBe(expected);
  });

  const TOC = 8;
  test.each<[string, number[], number]>([
    ['[R1] no octet at all', [], 0],
    ['one frame, empty (DTX)', [TOC], 8],
    ['[R2] one frame of 1275 octets', [TOC, ...zeros(1275)], 8],
    ['[R2] one frame of 1276 octets', [TOC, ...zeros(1276)], 0],
    ['two frames of the same size', [TOC | 1, 1, 2], 16],
    ['[R3] two of the same size in an odd number of octets', [TOC | 1, 1, 2, 3], 0],
    ['two frames, the first with its size', [TOC | 2, 1, 9, 9, 9], 16],
    ['two frames, size in two octets', [TOC | 2, 252, 1, ...zeros(256), 1], 16],
    ['[R4] two frames, no size', [TOC | 2], 0],
    ['[R4] two frames, half a size', [TOC | 2, 252], 0],
    ['[R4] two frames, the first larger than the packet', [TOC | 2, 4, 1], 0],
    ['[R6] many frames, no count', [TOC | 3], 0],
    ['[R5] many frames, none', [TOC | 3, 0], 0],
    ['six frames of 20 ms', [TOC | 3, 6, ...zeros(6)], 48],
    ['[R5] seven frames of 20 ms: more than 120', [TOC | 3, 7, ...zeros(7)], 0],
    ['48 frames of 2.5 ms', [(16 << 3) | 3, 48, ...zeros(48)], 48],
    ['[R6] three frames of the same size in four octets', [TOC | 3, 3, ...zeros(4)], 0],
    ['padding', [TOC | 3, 0x40 | 2, 3, 1, 1, 0, 0, 0], 16],
    ['padding of 254 and more', [TOC | 3, 0x40 | 1, 255, 0, 7, ...zeros(254)], 8],
    ['[R6] more padding than there is', [TOC | 3, 0x40 | 2, 4, 1, 1], 0],
    ['[R6] no padding length', [TOC | 3, 0x40 | 2], 0],
    ['[R7] sizes of all but the last', [TOC | 3, 0x80 | 3, 1, 2, 9, 9, 9, 9], 24],
    ['[R7] sizes that go beyond', [TOC | 3, 0x80 | 3, 1, 5, 9, 9, 9, 9], 0],
    ['[R7] a size missing', [TOC | 3, 0x80 | 3, 1], 0],
  ])('%s', (_name, octets, expected) => expect(units(...octets)).toBe(expected));

  test('no octets bring it out of its way, and none plays longer than 120 ms', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (octets) => {
        const found = packetUnits(octets, octets.length);
        expect(found).toBeGreaterThanOrEqual(0);
        expect(found).toBeLessThanOrEqual(48);
        if (found > 0) expect(typeof repeatsTheOneBefore(octets, octets.length)).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('whether it repeats the one before', () => {
  const repeats = (...octets: number[]): boolean => repeatsTheOneBefore(Uint8Array.from(octets), octets.length);

  test.each<[string, number[], boolean]>([
    ['20 ms: voice bit, then the bit', [1 << 3, 0b0100_0000], true],
    ['20 ms: voice only', [1 << 3, 0b1000_0000], false],
    ['40 ms: the third bit', [2 << 3, 0b0010_0000], true],
    ['60 ms: the fourth bit', [3 << 3, 0b0001_0000], true],
    ['60 ms: voice only', [3 << 3, 0b1110_1111], false],
    ['stereo, 20 ms: the side has one', [(1 << 3) | 4, 0b0001_0000], true],
    ['stereo, 60 ms: the side has one', [(3 << 3) | 4, 0b0000_0001], true],
    ['CELT never', [31 << 3, 0xff], false],
    ['an empty frame', [1 << 3], false],
    ['the second of two frames does not count', [(1 << 3) | 1, 0x80, 0x40], false],
    ['behind a size', [(1 << 3) | 2, 1, 0x40, 0], true],
    ['behind a count', [(1 << 3) | 3, 2, 0x40, 0], true],
    ['behind padding', [(1 << 3) | 3, 0x40 | 1, 1, 0x40, 0], true],
    ['behind sizes', [(1 << 3) | 3, 0x80 | 2, 1, 0x40, 0], true],
  ])('%s', (_name, octets, expected) => expect(repeats(...octets)).toBe(expected));
});

test('a packet that says nothing came has the mode of the stream and plays what it is asked to', () => {
  for (let config = 0; config < 32; config++) {
    for (const ms of [10, 20] as const) {
      const toc = nothingCame((config << 3) | 7, ms);
      expect(units(toc)).toBe(ms / 2.5);
      const kind = (c: number): number => (c < 12 ? c >> 2 : c < 16 ? 4 + (c >> 1) : 16 + (c >> 2));
      expect(kind(toc >> 3)).toBe(kind(config));
      expect(toc & 3).toBe(0);
    }
  }
});
