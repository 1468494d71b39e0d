/**
 * What media/frame.ts promises of a codec, held by every one there is, at each of its rates.
 */
import fc from 'fast-check';
import { pcma, pcmu } from '../../../../media/codec/g711';
import { g722 } from '../../../../media/codec/g722';
import { openOpus, opus, opusProblem } from '../../../../media/codec/opus';
import type { Codec, SampleRate } from '../../../../media/frame';
import { unless } from '../../../support/peers';

const LONGEST_MS = 120;
const MTU = 1500;

/** Name, codec, why it is not here. Opus with the best library there is, and with each of them. */
const all: ReadonlyArray<[string, Codec, string | undefined]> = [
  ['PCMU', pcmu, undefined],
  ['PCMA', pcma, undefined],
  ['G722', g722, undefined],
  ['opus', opus, opusProblem()],
  ...(['libopus', 'binding', 'wasm'] as const).map((only): [string, Codec, string | undefined] => {
    const { codec, ability, problem } = openOpus({ only });
    return [`opus by ${only}`, codec, ability === 'none' ? problem : undefined];
  }),
];

const tone = (rate: number, hz: number, samples: number): Int16Array => Int16Array.from({ length: samples }, (_, i) => Math.round(8000 * Math.sin((2 * Math.PI * hz * i) / rate)));

/** The part of `pcm` that is a tone of `hz`: 0 to 1. */
function share(pcm: Int16Array, rate: number, hz: number): number {
  let [s, c, all] = [0, 0, 0];
  for (let i = 0; i < pcm.length; i++) {
    s += pcm[i]! * Math.sin((2 * Math.PI * hz * i) / rate);
    c += pcm[i]! * Math.cos((2 * Math.PI * hz * i) / rate);
    all += pcm[i]! ** 2;
  }
  return (2 * (s * s + c * c)) / pcm.length / Math.max(all, 1);
}

const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');
const bytes = (pcm: Int16Array): string => Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString('hex');

for (const [name, codec, missing] of all) {
  unless(missing)(name, () => {
    test('says what it is', () => {
      expect(name.startsWith(codec.name)).toBe(true);
      expect(codec.rates.length).toBeGreaterThan(0);
      expect([...codec.rates]).toEqual([...codec.rates].sort((a, b) => a - b));
      expect(codec.rates).toContain(codec.bandwidth);
      expect(codec.ptimes).toContain(20);
      expect(codec.cost.encode).toBeGreaterThan(0);
      expect(codec.cost.decode).toBeGreaterThan(0);
      expect([8000, 48000]).toContain(codec.clockRate);
    });

    describe.each(codec.rates.map((rate) => [rate]))('at %i Hz', (rate: SampleRate) => {
      const room = (rate * LONGEST_MS) / 1000;
      const opened: Array<{ close(): void }> = [];
      const decoder = () => {
        const one = codec.decoder({ sampleRate: rate });
        opened.push(one);
        return one;
      };
      const encoder = () => {
        const one = codec.encoder({ sampleRate: rate });
        opened.push(one);
        return one;
      };
      const packets = (pcm: Int16Array, one = encoder()): Uint8Array[] => {
        const out = new Uint8Array(MTU);
        return Array.from({ length: (pcm.length * 50) / rate }, (_, i) => out.slice(0, one.encode(pcm.subarray((i * rate) / 50, ((i + 1) * rate) / 50), out)));
      };
      const sound = (payloads: Uint8Array[], one = decoder()): Int16Array => {
        const pcm = new Int16Array((payloads.length * rate) / 50);
        const out = new Int16Array(room);
        payloads.forEach((payload, i) => {
          expect(one.decode(payload, payload.length, out)).toBe(rate / 50);
          pcm.set(out.subarray(0, rate / 50), (i * rate) / 50);
        });
        return pcm;
      };
      afterEach(() => {
        for (const one of opened.splice(0)) one.close();
      });

      test('both ends have the rate that was asked for', () => {
        expect(decoder().sampleRate).toBe(rate);
        expect(encoder().sampleRate).toBe(rate);
      });

      test('a tone is that tone afterwards', () => {
        const pcm = sound(packets(tone(rate, 1000, rate / 2)));
        expect(share(pcm.subarray(rate / 10), rate, 1000)).toBeGreaterThan(0.98);
        expect(share(pcm.subarray(rate / 10), rate, 1200)).toBeLessThan(0.02);
      });

      test.each(codec.ptimes.map((ms) => [ms]))('packets of %i ms', (ms) => {
        const [one, other] = [encoder(), decoder()];
        const samples = (rate * ms) / 1000;
        const octets = new Uint8Array(MTU);
        const out = new Int16Array(room);
        for (let i = 0; i < 5; i++) {
          const length = one.encode(tone(rate, 700, samples), octets);
          expect(length).toBeGreaterThan(0);
          expect(other.samplesIn(octets, length)).toBe(samples);
          expect(other.decode(octets, length, out)).toBe(samples);
        }
      });

      test('lengths that it does not have are refused, and nothing came of them', () => {
        const one = encoder();
        const fresh = encoder();
        const octets = new Uint8Array(MTU);
        const frame = rate / 50;
        for (const samples of [0, 1, frame - 1, frame + 1, frame / 2 + 1, frame * 3.5, frame * 50, frame * 6 + 1]) {
          expect(() => one.encode(new Int16Array(samples).fill(1000), octets)).toThrow(RangeError);
        }
        const pcm = tone(rate, 500, frame * 5);
        expect(packets(pcm, one).map(hex)).toEqual(packets(pcm, fresh).map(hex));
      });

      test('any payload: sound of the length that was told beforehand, or nothing', () => {
        const one = decoder();
        const out = new Int16Array(room + 8);
        fc.assert(
          fc.property(fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ maxLength: 1500, size: 'max' })), fc.integer({ min: -2, max: 2000 }), (payload, any) => {
            for (const length of [payload.length, any]) {
              out.fill(12345, room);
              const before = hex(payload);
              const told = one.samplesIn(payload, length);
              const samples = one.decode(payload, length, out.subarray(0, room));
              expect(Number.isInteger(told) && told >= 0 && told <= room).toBe(true);
              expect(samples === told || samples === 0).toBe(true);
              expect(one.recover(payload, length, out.subarray(0, room), rate / 50)).toBeLessThanOrEqual(rate / 50);
              expect(out.subarray(room).every((x) => x === 12345)).toBe(true);
              expect(hex(payload)).toBe(before);
            }
          }),
          { numRuns: 150 },
        );
        // It still decodes what is good; how soon Opus' predictors forget nonsense is their affair, but a reset forgets all
        const good = packets(tone(rate, 1000, rate / 5));
        sound(good, one);
        one.reset();
        expect(bytes(sound(good, one))).toBe(bytes(sound(good)));
      });

      test('no octets, none such, more than there are, and far too many are nothing', () => {
        const one = decoder();
        const out = new Int16Array(room);
        const [good] = packets(tone(rate, 1000, rate / 50)) as [Uint8Array];
        const cases: Array<[Uint8Array, number]> = [
          [new Uint8Array(0), 0],
          [good, 0],
          [good, -1],
          [good, good.length + 1],
          [good, 100_000],
          [good, Number.NaN],
          [new Uint8Array(70_000).fill(0x55), 70_000],
        ];
        for (const [payload, length] of cases) {
          expect(one.samplesIn(payload, length)).toBe(0);
          expect(one.decode(payload, length, out)).toBe(0);
        }
        // Nor is what has no room
        expect(one.decode(good, good.length, out.subarray(0, rate / 50 - 1))).toBe(0);
        expect(one.decode(good, good.length, out)).toBe(rate / 50);
      });

      test('only the first octets of a receive buffer count', () => {
        const [good] = packets(tone(rate, 1000, rate / 50)) as [Uint8Array];
        const buffer = new Uint8Array(MTU).fill(0xa5);
        buffer.set(good);
        const out = new Int16Array(room);
        const same = new Int16Array(room);
        expect(decoder().decode(buffer, good.length, out)).toBe(rate / 50);
        decoder().decode(good, good.length, same);
        expect(bytes(out)).toBe(bytes(same));
      });

      test('streams know nothing of each other, and arrays are the caller’s', () => {
        const [pcmA, pcmB] = [tone(rate, 440, rate / 5), tone(rate, 1300, rate / 5)];
        const [plainA, plainB] = [packets(pcmA), packets(pcmB)];
        const [encoderA, encoderB, decoderA, decoderB] = [encoder(), encoder(), decoder(), decoder()];
        const frame = new Int16Array(rate / 50);
        const octets = new Uint8Array(MTU);
        const out = new Int16Array(room);
        const heard: string[] = [];
        for (let i = 0; i < 10; i++) {
          for (const [pcm, one, other, plain] of [[pcmA, encoderA, decoderA, plainA], [pcmB, encoderB, decoderB, plainB]] as const) {
            frame.set(pcm.subarray((i * rate) / 50, ((i + 1) * rate) / 50));
            const length = one.encode(frame, octets);
            expect(hex(octets.subarray(0, length))).toBe(hex(plain[i]!));
            frame.fill(-1);
            other.decode(octets, length, out);
            octets.fill(0);
            heard.push(bytes(out.subarray(0, rate / 50)));
          }
        }
        expect(heard.filter((_, i) => i % 2 === 0).join('')).toBe(bytes(sound(plainA)));
        expect(heard.filter((_, i) => i % 2 === 1).join('')).toBe(bytes(sound(plainB)));
      });

      test('reset is as good as new', () => {
        const pcm = tone(rate, 600, rate / 5);
        const [one, other] = [encoder(), decoder()];
        const first = packets(tone(rate, 2000, rate / 5), one);
        sound(first, other);
        one.reset();
        other.reset();
        const again = packets(pcm, one);
        expect(again.map(hex)).toEqual(packets(pcm).map(hex));
        expect(bytes(sound(again, other))).toBe(bytes(sound(again)));
      });

      test('what it does not claim to know, it leaves alone', () => {
        const one = decoder();
        const out = new Int16Array(room).fill(7);
        const [good] = packets(tone(rate, 1000, rate / 50)) as [Uint8Array];
        one.decode(good, good.length, new Int16Array(room));
        const concealed = one.conceal(out, rate / 50);
        if (one.conceals) expect(concealed).toBe(rate / 50);
        else expect(concealed).toBe(0);
        if (!one.recovers) expect(one.recover(good, good.length, out, rate / 50)).toBe(0);
        if (!one.conceals && !one.recovers) expect(out.every((x) => x === 7)).toBe(true);
      });

      test('reports of loss are taken as they come', () => {
        const one = encoder();
        for (const fraction of [0, 0.5, 1, -1, 7, Number.NaN]) one.lossReported(fraction);
        expect(packets(tone(rate, 1000, rate / 10), one).every((payload) => payload.length > 0 && payload.length <= MTU)).toBe(true);
      });

      test('closing twice is closing', () => {
        for (const one of [codec.decoder({ sampleRate: rate }), codec.encoder({ sampleRate: rate })]) {
          one.close();
          one.close();
        }
      });
    });
  });
}
