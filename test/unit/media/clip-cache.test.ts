import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClipCache } from '../../../media/clip-cache';
import { MediaError } from '../../../media/errors';
import { loadWav } from '../../../media/file/wav';
import { Player } from '../../../media/node/player';
import { pcm16, wavBytes } from './support/wav-bytes';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'clips-'))));
afterEach(() => rmSync(folder, { recursive: true }));
const file = (name: string, bytes: Buffer = wavBytes({ data: pcm16(1, 2, 3) })): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

it('loads a file once, also for those who come at once', async () => {
  const cache = new ClipCache();
  const path = file('a.wav');
  const [a, b] = await Promise.all([cache.clip(path), cache.clip(path)]);
  expect(b).toBe(a);
  expect(await cache.clip(path)).toBe(a);
  expect(a).toMatchObject({ name: path, sampleRate: 8000 });
  expect(cache.stats()).toEqual({ clips: 1, bytes: 6, hits: 1, loads: 1, failures: 0, forgotten: 0 });
});

it('loads it again when it changed', async () => {
  const cache = new ClipCache();
  const path = file('a.wav');
  await cache.clip(path);
  file('a.wav', wavBytes({ data: pcm16(9) }));
  utimesSync(path, 1, 1);
  expect([...(await cache.clip(path)).pcm]).toEqual([9]);
  expect(cache.stats()).toMatchObject({ clips: 1, bytes: 2, loads: 2 });
});

it('forgets what was used longest ago, and does not keep what would fill it', async () => {
  const cache = new ClipCache({ maxBytes: 2000 });
  const [a, b, c, large] = ['a', 'b', 'c', 'large'].map((name, i) => file(name, wavBytes({ data: Buffer.alloc(i === 3 ? 1200 : 800) })));
  const first = await cache.clip(a!);
  await cache.clip(b!);
  await cache.clip(a!);
  await cache.clip(c!);
  expect(await cache.clip(a!)).toBe(first);
  expect(cache.stats()).toMatchObject({ clips: 2, bytes: 1600, loads: 3, forgotten: 1 });
  expect((await cache.clip(large!)).pcm.length).toBe(600);
  expect(cache.stats()).toMatchObject({ clips: 2, bytes: 1600 });
});

it('says what is wrong, counts it, and tries again', async () => {
  const cache = new ClipCache();
  const path = file('a.wav', Buffer.from('this is no sound at all'));
  await expect(cache.clip(path)).rejects.toThrow(new MediaError('bad-file', `${path} is not a WAV file but text.`));
  await expect(cache.clip(path)).rejects.toMatchObject({ code: 'bad-file' });
  await expect(cache.clip(join(folder, 'none.wav'))).rejects.toThrow(/does not exist/);
  await expect(cache.clip('a.wav')).rejects.toThrow('a.wav is not an absolute path.');
  expect(cache.stats()).toMatchObject({ clips: 0, failures: 3, loads: 3 });
  file('a.wav');
  expect((await cache.clip(path)).pcm.length).toBe(3);
});

describe('at the rate of its listener', () => {
  const sine = (rate: number, ms: number): Int16Array => Int16Array.from({ length: (rate * ms) / 1000 }, (_, i) => Math.round(8000 * Math.sin((2 * Math.PI * 400 * i) / rate)));
  const soundFile = (rate: number, ms: number): string => file('tone.wav', wavBytes({ rate, data: Buffer.from(sine(rate, ms).buffer) }));

  it.each([8000, 48_000])('is resampled once for all, in time with the original (%d Hz)', async (to) => {
    const cache = new ClipCache();
    const path = soundFile(16_000, 2300);
    const [a, b] = await Promise.all([cache.clip(path, to), cache.clip(path, to)]);
    expect(b).toBe(a);
    expect(await cache.clip(path, to)).toBe(a);
    expect(a.sampleRate).toBe(to);
    const original = sine(to, 2300);
    expect(a.pcm.length).toBe(original.length);
    // Away from the ends, where the filter hears what is not there.
    let worst = 0;
    for (let i = to / 100; i < original.length - to / 100; i++) worst = Math.max(worst, Math.abs(a.pcm[i]! - original[i]!));
    expect(worst).toBeLessThan(80);
    expect(cache.stats()).toMatchObject({ clips: 2, loads: 1 });
    expect((await cache.clip(path, 16_000)).pcm.length).toBe(36_800);
    expect((await cache.prepare([{ file: path }], undefined, to))[0]).toEqual({ clip: a });
  });

  it('unless it is long, or the cache small', async () => {
    const cache = new ClipCache({ maxBytes: 1000 });
    expect((await cache.clip(soundFile(8000, 100), 48_000)).sampleRate).toBe(8000);
  });

  it('changes with its file', async () => {
    const cache = new ClipCache();
    const path = soundFile(16_000, 100);
    const before = await cache.clip(path, 8000);
    utimesSync(path, 1, 1);
    expect(await cache.clip(path, 8000)).not.toBe(before);
    expect(cache.stats()).toMatchObject({ clips: 2, loads: 2 });
  });
});

describe('what is to be played', () => {
  it('is made ready, and can be played', async () => {
    const cache = new ClipCache();
    const path = file('a.wav', wavBytes({ data: Buffer.alloc(1600) }));
    const items = await cache.prepare([{ file: path }, { tone: 'busy', ms: 100 }, { tone: 'busy', country: 'de', ms: 100 }, { hz: [440], ms: 100 }, { digits: '12' }, { silenceMs: 100 }, { file: path }], 'gb');
    expect(items.map((item) => ('clip' in item ? 'clip' : item.pattern.segments[0]!.hz.join('+')))).toEqual(['clip', '400', '425', '440', '697+1209', '', 'clip']);
    const player = new Player(items, { sampleRate: 8000 });
    const frame = new Int16Array(160);
    while (!player.done) player.read(frame);
    expect(player.playedMs).toBe(100 * 6 + 400);
  });

  it('is refused with a reason', async () => {
    const cache = new ClipCache({ maxPlayBytes: 1000 });
    await expect(cache.prepare([{ digits: '1x' }])).rejects.toMatchObject({ code: 'setting', message: expect.stringMatching(/"x" is not a key/) });
    await expect(cache.prepare([{ silenceMs: -1 }])).rejects.toMatchObject({ code: 'setting' });
    await expect(cache.prepare([{ hz: [1], ms: 5 }])).rejects.toMatchObject({ code: 'setting' });
    await expect(cache.prepare([{ file: file('b.wav', Buffer.alloc(100)) }])).rejects.toMatchObject({ code: 'bad-file' });
    await expect(cache.prepare(['1', '2'].map((name) => ({ file: file(name, wavBytes({ data: Buffer.alloc(800) })) })))).rejects.toMatchObject({ code: 'bad-file', message: expect.stringMatching(/too much/) });
  });

  it('is loaded a few files at a time', async () => {
    let now = 0;
    let most = 0;
    const cache = new ClipCache({
      load: async (path) => {
        most = Math.max(most, ++now);
        const wav = await loadWav(path);
        now--;
        return wav;
      },
    });
    expect((await cache.prepare(Array.from({ length: 30 }, (_, i) => ({ file: file(`${i}.wav`) })))).length).toBe(30);
    expect(most).toBe(8);
  });
});
