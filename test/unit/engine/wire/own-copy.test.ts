import { ownCopy } from '../../../../signaling/engine/wire/own-copy';
import { heapInUse } from '../../../support/heap';

test.each(['', 'short', 'sip:alice@192.0.2.17:5060;transport=udp', 'grüße von der Donau – 電話', 'x'.repeat(5_000), '電'.repeat(400), '\u{1f4de}'.repeat(300)])('says the same: %j', (text) => {
  expect(ownCopy(` ${text}`.slice(1))).toBe(text);
});

test('a copy lets go of what it was cut out of', () => {
  const held = (cut: (text: string) => string): number => {
    const cuts: string[] = [];
    const before = heapInUse();
    for (let n = 0; n < 200; n++) cuts.push(cut(Buffer.alloc(100_000, `${n} and so on `).toString('latin1').slice(20, 60)));
    const bytes = heapInUse() - before;
    expect(cuts).toHaveLength(200);
    return bytes;
  };
  expect(held(ownCopy)).toBeLessThan(5e6);
  // Not for nothing: this is what the cut alone holds.
  expect(held((text) => text)).toBeGreaterThan(15e6);
});
