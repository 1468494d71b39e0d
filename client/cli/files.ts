/** Small files that several phones of one person may write at the same time. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, openSync, closeSync, writeSync, fsyncSync, readFileSync, renameSync, rmSync, statSync, copyFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A lock older than this was left by a phone that died, ms: no write takes that long. */
const STALE_MS = 5000;
const TRIES = 200;
const BETWEEN_MS = 10;

/** Runs `work` while no other phone does so with this file. Errors: those of `work`, and one sentence when the lock cannot be had. */
export function locked<T>(file: string, work: () => T): T {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const lock = `${file}.lock`;
  for (let i = 0; i < TRIES; i++) {
    try {
      closeSync(openSync(lock, 'wx', 0o600));
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
      takeAwayWhenStale(lock);
      // Held for well under a millisecond at a time: a short wait here is simpler than writing later, and sound is not made in this thread's files.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BETWEEN_MS);
      continue;
    }
    try {
      return work();
    } finally {
      rmSync(lock, { force: true });
    }
  }
  throw new Error(`${file} is being written by another phone: if there is none, remove ${lock}`);
}

function takeAwayWhenStale(lock: string): void {
  try {
    if (Date.now() - statSync(lock).mtimeMs > STALE_MS) rmSync(lock, { force: true });
  } catch {
    // Gone meanwhile.
  }
}

/** Either the old content is there or the new one, also after a power cut. */
export function writeWhole(file: string, text: string): void {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    const handle = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (err) {
    rmSync(temporary, { force: true });
    throw err;
  }
}

/** '' when there is none. */
export function readWhole(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw err;
  }
}

/** A copy beside it; gives its name. */
export function keepAside(file: string, now: Date): string {
  const copy = `${file}.damaged-${now.toISOString().replace(/[:.]/g, '-')}`;
  copyFileSync(file, copy);
  return copy;
}
