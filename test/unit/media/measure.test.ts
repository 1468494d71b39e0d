/** How long a recording is, also one that was cut off anywhere. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { opus, opusProblem } from '../../../media/codec/opus';
import { decodeOggOpus, readOggOpus } from '../../../media/file/ogg-opus';
import { measureRecording } from '../../../media/measure';
import { openRecordingFile } from '../../../media/recording-file';
import { unless } from '../../support/peers';

const RATE = 16_000;
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'offhook-measure-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** A recording of 5 s, two channels. */
async function recorded(name: string): Promise<string> {
  const path = join(folder, name);
  const writer = await openRecordingFile(path, 2, RATE);
  const frame = Int16Array.from({ length: 2 * (RATE / 50) }, (_, i) => 8000 * Math.sin(i / 5));
  for (let i = 0; i < 250; i++) writer.write(frame);
  await writer.close();
  return path;
}

test('a WAV file, whole and cut off', async () => {
  const path = await recorded('a.wav');
  const data = readFileSync(path);
  expect(await measureRecording(path)).toEqual({ bytes: data.length, durationMs: 5000 });
  for (const bytes of [44, 46, 47, 48, 1000, 64_044, data.length - 1]) {
    writeFileSync(path, data.subarray(0, bytes));
    expect(await measureRecording(path)).toEqual({ bytes, durationMs: Math.floor(((Math.floor((bytes - 44) / 4) / RATE) * 1000)) });
  }
});

unless(opusProblem())('Ogg/Opus', () => {
  test('whole and cut off: as long as it is heard', async () => {
    const path = await recorded('a.ogg');
    const data = readFileSync(path);
    const pages = [...data.toString('latin1').matchAll(/OggS/g)].map(({ index }) => index);
    expect(await measureRecording(path)).toEqual({ bytes: data.length, durationMs: 5000 });
    for (const bytes of [...pages.slice(2), ...pages.slice(2).map((at) => at + 13), data.length - 1]) {
      const cut = data.subarray(0, bytes);
      writeFileSync(path, cut);
      const { durationMs } = await measureRecording(path);
      const heard = decodeOggOpus(readOggOpus(cut), opus.decoder({ sampleRate: RATE })).durationMs;
      expect(Math.abs(durationMs - heard)).toBeLessThanOrEqual(1);
    }
  });
});

test.each([
  ['gone.wav', undefined, /gone\.wav is not there\.$/],
  ['empty.wav', '', /empty\.wav is empty\.$/],
  ['half.wav', 'RIFF', /half\.wav is cut off in its first line/],
  ['empty.ogg', '', /empty\.ogg has no Opus sound in it\.$/],
  ['other.ogg', 'OggS'.padEnd(100, 'x'), /other\.ogg has no Opus sound in it\.$/],
])('%s', async (name, content, sentence) => {
  const path = join(folder, name);
  if (content !== undefined) writeFileSync(path, content);
  await expect(measureRecording(path)).rejects.toMatchObject({ code: 'bad-file', message: expect.stringMatching(sentence) as string });
});
