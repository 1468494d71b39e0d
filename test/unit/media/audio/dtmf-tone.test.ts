import { DtmfTone } from '../../../../media/audio/dtmf-tone';
import { levelOf } from '../../../../media/audio/level';

function all(tone: DtmfTone, rate = 8000): Int16Array {
  const frame = new Int16Array(rate / 50);
  const frames: number[] = [];
  while (tone.read(frame)) frames.push(...frame);
  return Int16Array.from(frames);
}

test('a press is as long as asked, with its pause behind it', () => {
  const tone = new DtmfTone(8000, { gapMs: 60 });
  tone.queue('19', 80);
  const pcm = all(tone);
  expect(pcm.length).toBe(2 * (640 + 480));
  expect(pcm.subarray(640, 1120).every((v) => v === 0)).toBe(true);
  expect(Math.max(...pcm.subarray(1120, 1760))).toBeGreaterThan(10000);
  expect(tone.finished).toBe(true);
});

test('the tones are at -6 and -8 dBm0', () => {
  const tone = new DtmfTone(8000);
  tone.queue('5', 1000);
  const pcm = all(tone);
  const inside = pcm.subarray(400, 7600);
  // two sines of -9.14 and -11.14 dB below full scale: powers add, and dBov is 3.01 below the peak's dB
  expect(levelOf(inside)).toBeCloseTo(10 * Math.log10((10 ** -0.914 + 10 ** -1.114) / 2), 1);
});

test('begins and ends without a click: no step is larger than the tone’s own', () => {
  const tone = new DtmfTone(48000);
  tone.queue('D', 50);
  const pcm = all(tone, 48000);
  expect(Math.abs(pcm[0]!)).toBeLessThan(5);
  for (let i = 1; i < 48; i++) expect(Math.abs(pcm[i]! - pcm[i - 1]!)).toBeLessThan(1000);
  for (let i = 2400 - 24; i < 2400; i++) expect(Math.abs(pcm[i]! - pcm[i - 1]!)).toBeLessThan(1000);
  expect(Math.abs(pcm[2399]!)).toBeLessThan(5);
});

test('when there is nothing: silence, and false', () => {
  const frame = new Int16Array(160).fill(7);
  expect(new DtmfTone(8000).read(frame)).toBe(false);
  expect(frame.every((v) => v === 0)).toBe(true);
});

test('a rate that changes under a press keeps its length', () => {
  const tone = new DtmfTone(8000, { gapMs: 0 });
  tone.queue('1', 100);
  tone.read(new Int16Array(160));
  tone.setSampleRate(16000);
  let samples = 0;
  const frame = new Int16Array(320);
  while (tone.read(frame)) samples += 320;
  expect(samples).toBe(1280);
});

test('what is no key is refused, and so is more than is bounded', () => {
  const tone = new DtmfTone(8000);
  expect(() => tone.queue('12E')).toThrow(RangeError);
  expect(tone.finished).toBe(true);
  expect(tone.queue('1'.repeat(65))).toBe(false);
  expect(tone.queue('1'.repeat(64))).toBe(true);
  expect(tone.queue('1')).toBe(false);
});
