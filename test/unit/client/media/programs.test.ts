/** What a program can do with a call's sound: play, say, hear, record. In memory and on a clock that only the test moves. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutOut, judge, tone, writeTone } from '../../../support/tone';
import { readStereo, readWav } from '../../../support/wav';
import { FakeLine } from './support/fake-line';
import { closeAll, type Side } from './support/two-hubs';

const dir = mkdtempSync(join(tmpdir(), 'offhook-programs-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(closeAll);

const A = 700;
const B = 1100;
const file = join(dir, '1600.wav');
beforeAll(() => writeTone(file, 1600, 0.5, 16_000));

const pieces = (hz: number, seconds: number, rate: number): Int16Array => Int16Array.from(tone(hz, seconds, rate), (value) => Math.round(value * 20_000));

let line: FakeLine;
let from: Side;
let to: Side;

beforeEach(async () => {
  line = new FakeLine({ codecs: ['PCMU'] });
  ({ from, to } = await line.call());
});

describe('play', () => {
  test('a file, in place of the microphone, which comes back', async () => {
    await line.run(200);
    const end = from.media.play(file);
    await line.until('the file is heard', () => line.lately(1).share(1600) > 0.95);
    const heard = await line.hear(1, 300);
    expect(heard.share(1600)).toBeGreaterThan(0.95);
    await line.run(200);
    expect(await end).toEqual({ why: 'finished', playedMs: 500 });
    expect((await line.hear(1, 300)).share(A)).toBeGreaterThan(0.95);
  });

  test('several things behind each other, again and again until it is stopped', async () => {
    const end = from.media.play([{ file }, { silenceMs: 100 }], { loop: true });
    await line.until('the file is heard', () => line.lately(1).share(1600) > 0.95);
    const heard = await line.hear(1, 1800);
    expect(heard.loudSeconds).toBeGreaterThan(1.3);
    expect(heard.silentSpans.length).toBeGreaterThanOrEqual(3);
    from.media.stopPlaying();
    expect((await end).why).toBe('stopped');
    await line.run(100);
    expect((await line.hear(1, 200)).share(A)).toBeGreaterThan(0.95);
  });

  test('the next one ends the one before, whichever is loaded first', async () => {
    const first = from.media.play(file);
    const second = from.media.play({ hz: [500], ms: 3000 });
    expect((await first).why).toBe('replaced');
    const third = from.media.play({ hz: [900], ms: 3000 });
    expect((await second).why).toBe('replaced');
    from.media.close();
    expect((await third).why).toBe('released');
    expect((await from.media.play(file)).why).toBe('released');
  });

  test('what is not there is said, and nothing is heard of it', async () => {
    const end = await from.media.play(join(dir, 'nothing.wav'));
    expect(end).toMatchObject({ why: 'failed', playedMs: 0 });
    expect(end.problem).toContain('nothing.wav');
  });
});

describe('say', () => {
  test.each([8000, 16_000, 44_100, 48_000])('pieces of any length at %d Hz are heard without a gap, as fast as they are heard', async (rate) => {
    const all = pieces(1600, 1, rate);
    let taken = 0;
    function* cut(): Generator<Int16Array> {
      for (let at = 0; at < all.length; at += 333) {
        taken = at;
        yield all.subarray(at, at + 333);
      }
    }
    let over = false;
    const said = from.media.say(cut(), { sampleRate: rate }).then(() => (over = true));
    await line.run(60);
    const heard = await line.hear(1, 800);
    expect(heard.share(1600)).toBeGreaterThan(0.95);
    expect(heard.silentSpans).toEqual([]);
    expect(taken / rate).toBeLessThan(1.1);
    expect(over).toBe(false);
    await line.run(400);
    await said;
    expect((await line.hear(1, 200)).share(A)).toBeGreaterThan(0.95);
  });

  test('what is stopped, replaced or closed ends at once, and whoever makes the sound learns it', async () => {
    for (const stop of [() => from.media.stopPlaying(), () => void from.media.play({ hz: [500], ms: 100 }), () => from.media.close()]) {
      let ended = false;
      async function* endless(): AsyncGenerator<Int16Array> {
        try {
          for (;;) {
            yield pieces(1600, 0.02, 48_000);
            await Promise.resolve();
          }
        } finally {
          ended = true;
        }
      }
      const said = from.media.say(endless());
      await line.run(200);
      expect(ended).toBe(false);
      stop();
      await line.run(100);
      await said;
      await line.run(20);
      expect(ended).toBe(true);
    }
  });

  test('a program that never says anything does not keep the call from ending', async () => {
    async function* never(): AsyncGenerator<Int16Array> {
      await new Promise(() => undefined);
      yield new Int16Array(0);
    }
    const said = from.media.say(never());
    await line.run(100);
    from.media.close();
    await said;
  });

  test('its own error comes out again, and the microphone comes back', async () => {
    async function* broken(): AsyncGenerator<Int16Array> {
      yield await Promise.resolve(pieces(1600, 0.1, 48_000));
      throw new Error('out of words');
    }
    const said = expect(from.media.say(broken())).rejects.toThrow('out of words');
    await line.run(200);
    await said;
    await line.run(200);
    expect((await line.hear(1, 200)).share(A)).toBeGreaterThan(0.95);
  });
});

describe('heard', () => {
  test('brings every frame to everybody who listens, at 48 kHz, until the call ends', async () => {
    const readers = [to.media.heard(), to.media.heard()].map(async (frames) => {
      const all: Int16Array[] = [];
      for await (const frame of frames) all.push(frame);
      return all;
    });
    await line.run(2000);
    to.media.close();
    for (const all of await Promise.all(readers)) {
      expect(all.length).toBeGreaterThanOrEqual(98);
      const samples = Float32Array.from(all.slice(10).flatMap((frame) => [...frame]), (value) => value / 32768);
      expect(judge({ samples, rate: 48_000 }).share(A)).toBeGreaterThan(0.95);
    }
  });

  test('a slow reader loses the oldest, one that has had enough costs nothing more', async () => {
    const slow = to.media.heard()[Symbol.asyncIterator]();
    await line.run(3000);
    let waiting = 0;
    to.media.close();
    while (!(await slow.next()).done) waiting++;
    expect(waiting).toBe(50);

    const early = from.media.heard();
    const first = (async () => {
      for await (const frame of early) return frame;
      return undefined;
    })();
    await line.run(40);
    expect(await first).toHaveLength(960);
    expect(await early[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
    expect((await to.media.heard()[Symbol.asyncIterator]().next()).done).toBe(true);
  });
});

describe('record', () => {
  test.each([
    ['heard', [B]],
    ['sent', [A]],
  ] as const)('%s', async (what, [hz]) => {
    await line.run(200);
    const path = join(dir, `${what}.wav`);
    const end = from.media.record(path, { what });
    await line.until('the file is there', () => existsSync(path));
    await line.run(1100);
    await from.media.stopRecording(path);
    expect(await end).toMatchObject({ why: 'stopped', file: path });
    const heard = judge(readWav(path));
    expect(heard.seconds).toBeGreaterThan(0.9);
    expect(heard.share(hz!)).toBeGreaterThan(0.95);
  });

  test('both, one on each channel, as Ogg/Opus too, and what is played is in it', async () => {
    await line.run(200);
    const [wav, ogg] = [join(dir, 'both.wav'), join(dir, 'both.ogg')];
    const ends = [from.media.record(wav, { what: 'both' }), from.media.record(ogg, { what: 'both', maxMs: 400 })];
    void from.media.play({ hz: [1600], ms: 3000 });
    await line.until('the files are there', () => existsSync(wav) && existsSync(ogg));
    await line.run(1100);
    from.media.close();
    expect((await Promise.all(ends)).map(({ why }) => why)).toEqual(['released', 'limit']);
    const { left, right } = readStereo(wav);
    expect(judge(left).share(B)).toBeGreaterThan(0.95);
    expect(judge(right).share(1600)).toBeGreaterThan(0.9);
  });

  test('never over another file, nor what has no name we know', async () => {
    await expect(from.media.record(file)).rejects.toThrow('is there already');
    await expect(from.media.record(join(dir, 'a.mp3'))).rejects.toThrow('.wav or .ogg');
  });
});

test('a wideband call is recorded wide, also without a sound card', async () => {
  const wide = new FakeLine({ codecs: ['G722'] });
  for (const end of wide.ends) end.hub.setDevice(undefined);
  const call = await wide.call();
  const path = join(dir, 'wide.wav');
  const end = call.to.media.record(path);
  await wide.until('the file is there', () => existsSync(path));
  void call.from.media.play({ hz: [6000], ms: 2000 });
  await wide.run(1200);
  call.to.media.close();
  await end;
  const recording = readWav(path);
  expect(recording.rate).toBe(16_000);
  expect(judge(cutOut(recording, 0.3)).share(6000)).toBeGreaterThan(0.9);
});
