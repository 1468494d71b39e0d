/** Waiting for a condition that nobody announces (a file that grows, a counter): looked at every few milliseconds. */
import { readFileSync } from 'node:fs';

/** Resolves with the first value that is neither undefined nor false; fails after `timeoutMs` saying what never came. */
export async function eventually<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>, timeoutMs = 5000, everyMs = 25): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`);
    await pause(everyMs);
  }
}

/** A stretch of real time, for observing that something does NOT happen, or for letting audio be recorded. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The file's text, or '' while it does not exist. */
export function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
