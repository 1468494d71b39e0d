/** How long a recording is, by its file: for one whose recorder was killed before it could say. */
import { open, type FileHandle } from 'node:fs/promises';
import { systemProblem } from './audio-file';
import { MediaError } from './errors';
import { WavError } from './file/wav';
import { readLayout } from './file/wav/layout';

export interface Measured {
  bytes: number;
  durationMs: number;
}

/** Pages of our files hold about a second; the last whole one is in here. */
const TAIL_BYTES = 256 * 1024;
const GRANULES_PER_MS = 48;

/** Of a `.wav` or `.ogg` file. Errors: MediaError 'bad-file', a sentence: it is not there, or there is no sound in it. */
export async function measureRecording(path: string): Promise<Measured> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    const durationMs = path.endsWith('.ogg') ? await oggMs(file, size) : await wavMs(file, size);
    return { bytes: size, durationMs };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof WavError || code === undefined) throw new MediaError('bad-file', `${path} ${message}.`);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new MediaError('bad-file', `${path} is not there.`);
    throw new MediaError('bad-file', `${path} cannot be read: ${systemProblem(error)}.`);
  } finally {
    await file?.close();
  }
}

async function wavMs(file: FileHandle, size: number): Promise<number> {
  const { dataBytes, channels, sampleBytes, sampleRate } = await readLayout((position, length) => readAt(file, position, length), size);
  return Math.floor((dataBytes / (channels * sampleBytes) / sampleRate) * 1000);
}

/** RFC 7845 §4: the granule position of the last page, less what its first one says is to be skipped. */
async function oggMs(file: FileHandle, size: number): Promise<number> {
  const head = await readAt(file, 0, 512);
  const opus = head.indexOf('OpusHead', 0, 'latin1');
  if (head.toString('latin1', 0, 4) !== 'OggS' || opus < 0 || opus + 12 > head.length) throw new Error('has no Opus sound in it');
  const preSkip = head.readUInt16LE(opus + 10);
  const tail = await readAt(file, Math.max(0, size - TAIL_BYTES), TAIL_BYTES);
  for (let at = tail.lastIndexOf('OggS', undefined, 'latin1'); at >= 0; at = at === 0 ? -1 : tail.lastIndexOf('OggS', at - 1, 'latin1')) {
    const page = tail.subarray(at);
    if (!isWhole(page)) continue;
    const granule = page.readBigInt64LE(6);
    if (granule >= 0n) return Math.floor(Math.max(0, Number(granule) - preSkip) / GRANULES_PER_MS);
  }
  return 0;
}

/** The last page of a file that a killed process left may be cut off. */
function isWhole(page: Buffer): boolean {
  if (page.length < 27 || page.length < 27 + page[26]!) return false;
  let length = 27 + page[26]!;
  for (let i = 0; i < page[26]!; i++) length += page[27 + i]!;
  return page.length >= length;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let have = 0;
  while (have < length) {
    const { bytesRead } = await file.read(buffer, have, length - have, position + have);
    if (bytesRead === 0) break;
    have += bytesRead;
  }
  return buffer.subarray(0, have);
}
