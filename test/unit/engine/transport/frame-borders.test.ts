/** Where a WebSocket's bytes stand, against what the library itself writes, cut in every way. */
import fc from 'fast-check';
import * as ws from 'ws';
import { FrameBorders } from '../../../../signaling/engine/transport/frame-borders';

interface Frame {
  opcode: number;
  fin: boolean;
  size: number;
  mask: boolean;
}

const bytesOf = ({ opcode, fin, size, mask }: Frame): Buffer => {
  const { Sender } = ws as unknown as { Sender: { frame(data: Buffer, options: object): Buffer[] } };
  return Buffer.concat(Sender.frame(Buffer.alloc(size, 0x81), { opcode, fin, mask, rsv1: false, readOnly: true }));
};
const whole = (size: number): Frame[] => [{ opcode: 1, fin: true, size, mask: true }];
/** First fragment, a ping, last fragment. */
const pieces = (size: number): Frame[] => [
  { opcode: 1, fin: false, size, mask: true },
  { opcode: 9, fin: true, size: size % 126, mask: true },
  { opcode: 0, fin: true, size, mask: false },
];
const size = fc.oneof(fc.nat(200), fc.constantFrom(0, 125, 126, 65_535, 65_536, 70_000));
const message = fc.oneof(size.map(whole), size.map(pieces));

test('within a message until its last byte, whatever pieces it comes in', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 4 }), fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }), (messages, cuts) => {
      const texts = messages.map((frames) => Buffer.concat(frames.map(bytesOf)));
      const ends = texts.map((_, n) => Buffer.concat(texts.slice(0, n + 1)).length);
      const all = Buffer.concat(texts);
      const at = [...cuts.map((cut) => Math.floor(cut * all.length)), all.length].sort((a, b) => a - b);
      const borders = new FrameBorders();
      let from = 0;
      for (const to of at) {
        expect(borders.push(all.subarray(from, to))).toBe(ends.some((end) => end > from && end <= to));
        expect(borders.within).toBe(to !== 0 && !ends.includes(to));
        from = to;
      }
    }),
  );
});

test('a ping between messages is one by itself', () => {
  const borders = new FrameBorders();
  const ping = bytesOf({ opcode: 9, fin: true, size: 4, mask: true });
  expect([borders.push(ping.subarray(0, 3)), borders.within]).toEqual([false, true]);
  expect([borders.push(ping.subarray(3)), borders.within]).toEqual([true, false]);
});
