/** Where the names that members say are kept while they are there: files of a folder that belongs to this process alone, and is emptied at its start. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NameFiles } from './deps';

export function nameFiles(folder: string, random: (bytes: number) => Buffer): NameFiles {
  let ready: Promise<unknown> | undefined;
  const prepare = async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
  };
  return {
    async next() {
      ready ??= prepare();
      await ready.catch((err: unknown) => {
        ready = undefined;
        throw err;
      });
      return join(folder, `${random(9).toString('hex')}.wav`);
    },
    remove: (file) => rm(file, { force: true }),
  };
}
