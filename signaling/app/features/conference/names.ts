/** Where the names that members say are kept while they are there: files of a folder that belongs to this process alone. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NameFiles } from './deps';

/** @param folder absolute; made when the first name is said */
export function nameFiles(folder: string, random: (bytes: number) => Buffer): NameFiles {
  return {
    async next() {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return join(folder, `${random(9).toString('hex')}.wav`);
    },
    remove: (file) => rm(file, { force: true }),
    clear: () => rm(folder, { recursive: true, force: true }),
  };
}
