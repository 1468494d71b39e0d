/**
 * How long a recording is, for those who keep recordings and do not play them: a door of its own, so that the application need not know how
 * files are made. What a killed recorder left behind is read as it would be heard.
 */
import { open } from 'node:fs/promises';
import { WavError } from './file/wav';
import { readLayout } from './file/wav/layout';

/** Milliseconds; 0 for a file that is not there, is none, or has no sound in it. Errors: what the system says about a file that cannot be read. */
export async function wavDurationMs(path: string): Promise<number> {
  let handle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const file = handle;
    const layout = await readLayout(async (position, length) => {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, position);
      return buffer.subarray(0, bytesRead);
    }, size);
    return (layout.dataBytes / (layout.channels * layout.sampleBytes) / layout.sampleRate) * 1000;
  } catch (error) {
    if (error instanceof WavError) return 0;
    throw error;
  } finally {
    await handle.close();
  }
}
