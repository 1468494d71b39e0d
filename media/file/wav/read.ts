/**
 * A WAV file into memory, as mono PCM at its own rate. The file is read and converted a quarter of a megabyte at a time, so that the thread
 * is never kept for more than about a millisecond.
 */
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { WavError } from './error';
import { readLayout, type ReadAt, type WavLayout } from './layout';
import { toMono } from './samples';

export interface Wav {
  /** Hz. */
  sampleRate: number;
  /** Mono. */
  pcm: Int16Array;
  durationMs: number;
}

export interface WavLimits {
  /** Of the file. Default 256 MB. */
  maxBytes?: number | undefined;
  /** Default 30 minutes. */
  maxMs?: number | undefined;
}

const SLICE_BYTES = 256 * 1024;

/** Errors: `WavError`, for everything that cannot be read as sound. A file without a single sample is one of 0 ms. */
export async function loadWav(path: string, limits: WavLimits = {}): Promise<Wav> {
  const { maxBytes = 256 * 1024 * 1024 } = limits;
  try {
    // Looked at before it is opened: opening a pipe would wait for somebody to write to it.
    const found = await stat(path);
    if (!found.isFile()) throw new WavError('kind', found.isDirectory() ? 'is a folder' : 'is not a file');
    if (found.size > maxBytes) throw new WavError('size', `is too large (${megabytes(found.size)} MB; at most ${megabytes(maxBytes)} MB can be played)`);
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const read: ReadAt = async (position, length) => {
        const buffer = Buffer.allocUnsafe(length);
        let have = 0;
        while (have < length) {
          const { bytesRead } = await handle.read(buffer, have, length - have, position + have);
          if (bytesRead === 0) break;
          have += bytesRead;
        }
        return buffer.subarray(0, have);
      };
      return await readWav(read, found.size, limits);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw inFile(path, error);
  }
}

/** From anything that can be read at a position. Errors: WavError, its message a sentence without a subject. */
export async function readWav(read: ReadAt, size: number, { maxMs = 30 * 60_000 }: WavLimits = {}): Promise<Wav> {
  const layout = await readLayout(read, size);
  const frameBytes = layout.channels * layout.sampleBytes;
  const frames = layout.dataBytes / frameBytes;
  const durationMs = (frames / layout.sampleRate) * 1000;
  if (durationMs > maxMs) throw new WavError('size', `is too long (${minutes(durationMs)} minutes; at most ${minutes(maxMs)} can be played)`);
  const pcm = new Int16Array(frames);
  const done = await convert(read, layout, frameBytes, pcm);
  return { sampleRate: layout.sampleRate, pcm: done === frames ? pcm : pcm.slice(0, done), durationMs: (done / layout.sampleRate) * 1000 };
}

/** Returns the sample frames that were there: the file may have become shorter meanwhile. */
async function convert(read: ReadAt, layout: WavLayout, frameBytes: number, pcm: Int16Array): Promise<number> {
  const slice = Math.floor(SLICE_BYTES / frameBytes);
  for (let done = 0; done < pcm.length; ) {
    const wanted = Math.min(slice, pcm.length - done);
    const data = await read(layout.dataStart + done * frameBytes, wanted * frameBytes);
    const frames = Math.floor(data.length / frameBytes);
    toMono(data, layout.format, layout.channels, layout.sampleBytes, frames, pcm, done);
    done += frames;
    if (frames < wanted) return done;
  }
  return pcm.length;
}

function inFile(path: string, error: unknown): WavError {
  if (error instanceof WavError) return new WavError(error.code, `${path} ${error.message}.`);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return new WavError('system', `${path} does not exist.`);
  if (code === 'EACCES' || code === 'EPERM') return new WavError('system', `${path} may not be read by this program: check its permissions.`);
  return new WavError('system', `${path} cannot be read: ${message}.`);
}

const megabytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0);
const minutes = (ms: number): string => (ms / 60_000).toFixed(ms < 600_000 ? 1 : 0);
