import { Hushable } from '../../../../client/node/media/hushable';
import type { PortPlayer } from '../../../../media/port/port';

const steady = (): PortPlayer => ({ setSampleRate: () => undefined, read: (out) => (out.fill(1000), true), done: false, stop: () => undefined });

test('a voice goes down within a frame, stays silent, and comes back within a frame', () => {
  const voice = new Hushable(steady());
  const frame = new Int16Array(160);
  const read = (): { sounding: boolean; first: number; last: number } => ({ sounding: voice.read(frame), first: frame[0]!, last: frame.at(-1)! });
  expect(read()).toEqual({ sounding: true, first: 1000, last: 1000 });
  voice.hushed = true;
  expect(read()).toMatchObject({ first: 1000, last: 6 });
  expect(read()).toEqual({ sounding: false, first: 0, last: 0 });
  voice.hushed = false;
  expect(read()).toMatchObject({ first: 0, last: 993 });
  expect(read()).toEqual({ sounding: true, first: 1000, last: 1000 });
});
