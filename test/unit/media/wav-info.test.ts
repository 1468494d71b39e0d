/** How long a recording is, whatever state its file is in. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wavDurationMs } from '../../../media/wav-info';
import { writeTone } from '../../support/tone';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-wav-'));
  file = join(folder, 'a.wav');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('of a whole file', async () => {
  writeTone(file, 600, 2.5, 8000);
  expect(await wavDurationMs(file)).toBe(2500);
});

test.each([0, 0xffffffff])('of a file whose recorder was killed when its header said %d octets', async (octets) => {
  writeTone(file, 600, 2, 8000);
  const data = readFileSync(file);
  data.writeUInt32LE(octets, 40);
  writeFileSync(file, data.subarray(0, 44 + 16_001));
  expect(await wavDurationMs(file)).toBe(1000);
});

test.each([['nothing', ''], ['half a header', 'RIFF'], ['something else', 'ID3'.padEnd(200, 'x')]])('%s lasts no time', async (_name, text) => {
  writeFileSync(file, text);
  expect(await wavDurationMs(file)).toBe(0);
});

test('nor does a file that is not there; a folder is an error', async () => {
  expect(await wavDurationMs(join(folder, 'none.wav'))).toBe(0);
  await expect(wavDurationMs(folder)).rejects.toThrow();
});
