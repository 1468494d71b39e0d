/**
 * G.711 against its definition: the tables of the Recommendation written down a second time, as decision values and quantized values, and
 * searched without a thought for speed.
 */
import { alawToLinear, decodeAlaw, decodeUlaw, encodeAlaw, encodeUlaw, linearToAlaw, linearToUlaw, pcma, pcmu, ulawToLinear } from '../../../../media/codec/g711';

const codes = Array.from({ length: 256 }, (_, code) => code);

/**
 * Decision values of the positive half, rising, in 16 bits: the bounds of 128 intervals. `steps` are those of the eight segments; µ-law's
 * first interval is half as wide, its other half being negative.
 */
function decisions(first: number, steps: readonly number[]): number[] {
  const bounds = [0, first];
  for (const [segment, step] of steps.entries()) {
    for (let i = segment === 0 ? 1 : 0; i < 16; i++) bounds.push((bounds.at(-1) as number) + step);
  }
  return bounds;
}

/** Quantized values: the middle of each interval; µ-law's first, whose other half is negative, has it at 0. */
const middles = (bounds: readonly number[], first: number): number[] => [first, ...bounds.slice(1, -1).map((low, i) => (low + (bounds[i + 2] as number)) / 2)];

const ulawBounds = decisions(4, [8, 16, 32, 64, 128, 256, 512, 1024]);
const alawBounds = decisions(16, [16, 16, 32, 64, 128, 256, 512, 1024]);

const laws = [
  {
    name: 'µ-law',
    decode: ulawToLinear,
    encode: linearToUlaw,
    bulk: { decode: decodeUlaw, encode: encodeUlaw },
    bounds: ulawBounds,
    values: middles(ulawBounds, 0),
    // The eight bits of table 2a: a sign that is 1 for plus, the rest inverted
    code: (index: number, negative: boolean) => (negative ? 0x00 : 0x80) | (0x7f - index),
  },
  {
    name: 'A-law',
    decode: alawToLinear,
    encode: linearToAlaw,
    bulk: { decode: decodeAlaw, encode: encodeAlaw },
    bounds: alawBounds,
    values: middles(alawBounds, 8),
    code: (index: number, negative: boolean) => ((negative ? 0x00 : 0x80) | index) ^ 0x55,
  },
];

describe.each(laws)('$name', ({ name, decode, encode, bulk, bounds, values, code }) => {
  test('the bounds are those of the tables', () => {
    expect(bounds).toHaveLength(129);
    expect(bounds[128]).toBe(name === 'A-law' ? 4096 * 8 : 8159 * 4);
  });

  test('all 256 codes mean what the Recommendation says', () => {
    values.forEach((value, index) => {
      expect(decode(code(index, false))).toBe(value);
      expect(decode(code(index, true)) + 0).toBe(value === 0 ? 0 : -value);
    });
  });

  test('all 256 codes come back as they were, but for the second zero', () => {
    const changed = codes.filter((c) => encode(decode(c)) !== c);
    expect(changed.map((c) => decode(c))).toEqual(changed.map(() => 0));
    expect(changed.length).toBeLessThanOrEqual(1);
  });

  test('all 65,536 samples become the code in whose interval they lie', () => {
    const wrong: number[] = [];
    let index = 0;
    for (let magnitude = 0; magnitude <= 32768; magnitude++) {
      while (index < 127 && magnitude > (bounds[index + 1] as number)) index++;
      // On a bound two codes are right
      const either = index < 127 && magnitude === bounds[index + 1] ? [index, index + 1] : [index];
      if (magnitude < 32768 && !either.some((i) => encode(magnitude) === code(i, false))) wrong.push(magnitude);
      if (magnitude > 0 && !either.some((i) => encode(-magnitude) === code(i, true))) wrong.push(-magnitude);
    }
    expect(wrong).toEqual([]);
  });

  test('the error is at most half a step, until it clips', () => {
    const wrong: number[] = [];
    const top = bounds[128] as number;
    for (let sample = -top + 1; sample < Math.min(top, 32768); sample++) {
      const value = decode(encode(sample));
      const index = values.indexOf(Math.abs(value));
      if (Math.abs(value - sample) > Math.max(((bounds[index + 1] as number) - (bounds[index] as number)) / 2, 4)) wrong.push(sample);
    }
    expect(wrong).toEqual([]);
  });

  test('louder is never quieter, and the halves do not mix', () => {
    for (let sample = -32768; sample < 32767; sample++) {
      if (decode(encode(sample)) > decode(encode(sample + 1))) throw new Error(`${sample}`);
      if ((encode(sample) & 0x80) !== (sample >= 0 ? 0x80 : 0)) throw new Error(`sign of ${sample}`);
    }
  });

  test('what is beyond clips', () => {
    expect(encode(40000)).toBe(encode(32767));
    expect(encode(-1e9)).toBe(encode(-32768));
    expect(decode(0x1ff)).toBe(decode(0xff));
  });

  test('many at once are as one by one, from where it is said', () => {
    const octets = Uint8Array.from(codes);
    const pcm = new Int16Array(260);
    bulk.decode(octets, 256, pcm, 3);
    expect(Array.from(pcm)).toEqual([0, 0, 0, ...codes.map((c) => decode(c) + 0), 0]);
    const back = new Uint8Array(260);
    bulk.encode(pcm.subarray(3), 200, back, 1);
    expect(Array.from(back)).toEqual([0, ...Array.from(pcm.subarray(3, 203), (x) => encode(x)), ...Array(59).fill(0)]);
  });
});

/** Known from the standard's tables and from every implementation there is. */
test.each([
  ['µ-law', 0xff, 0, ulawToLinear],
  ['µ-law', 0x7f, 0, ulawToLinear],
  ['µ-law', 0x80, 32124, ulawToLinear],
  ['µ-law', 0x00, -32124, ulawToLinear],
  ['µ-law', 0xfe, 8, ulawToLinear],
  ['µ-law', 0xef, 132, ulawToLinear],
  ['A-law', 0xd5, 8, alawToLinear],
  ['A-law', 0x55, -8, alawToLinear],
  ['A-law', 0xaa, 32256, alawToLinear],
  ['A-law', 0x2a, -32256, alawToLinear],
  ['A-law', 0x80, 5504, alawToLinear],
])('%s %i is %i', (_, octet, sample, decode) => {
  expect(decode(octet) + 0).toBe(sample);
});

/** Tables 5 and 6 of G.711: eight octets that are a tone of 1 kHz at 0 dBm0, 3.14 (A) and 3.17 (µ) dB below full scale. */
test.each([
  ['µ-law', [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e], ulawToLinear, 8159 * 4, 3.17],
  ['A-law', [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4], alawToLinear, 4096 * 8, 3.14],
])('%s: the digital milliwatt', (_, octets, decode, overload, below) => {
  const power = octets.reduce((sum, octet) => sum + decode(octet) ** 2, 0) / 8;
  expect(10 * Math.log10(power / (overload ** 2 / 2))).toBeCloseTo(-below, 1);
});

test('another rate than 8 kHz is refused', () => {
  for (const codec of [pcmu, pcma]) {
    expect(() => codec.decoder({ sampleRate: 16000 })).toThrow(RangeError);
    expect(() => codec.encoder({ sampleRate: 48000 })).toThrow(RangeError);
  }
});
