/** The data folder, made for its owner only: it holds digests of passwords. */
import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OffhookError } from '../errors';
import { fromFileSystem } from './sqlite-errors';

const DATABASE_FILE = 'offhook.db';

/**
 * The path of the database in `folder`, which exists and can be written after this.
 * Errors: `store.missing` (when it is not to be created), `store.unwritable`.
 */
export function databaseFile(folder: string, create: boolean): string {
  const file = join(folder, DATABASE_FILE);
  if (!create && !existsSync(file)) throw new OffhookError('store.missing', { folder });
  try {
    makeFolder(folder);
    closeSync(openSync(file, 'a', 0o600));
  } catch (error) {
    throw fromFileSystem(error, folder);
  }
  return file;
}

/** `mkdirSync` with `recursive` never ends where making a folder fails with ENOENT although its parent exists, as in /proc. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    // Two processes may make it at once.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}
