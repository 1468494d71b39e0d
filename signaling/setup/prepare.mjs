/**
 * Brings a checkout to where `offhook` runs: packages, build, and the link that makes `npx offhook` work. What is up to date is left alone,
 * without touching the network; two preparations at once take turns.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { build, isBuilt } from './build-step.mjs';
import { install, isInstalled } from './install-step.mjs';
import { link } from './link.mjs';
import { withLock } from './lock.mjs';

/** The built command, from the root of the checkout. */
export const COMMAND = join('dist', 'signaling', 'cli', 'offhook.js');

/**
 * `dev`: also what only tests need. `say` is told in a line what takes a while.
 * Errors: `SetupError`, whose `sentence` is for people.
 */
export async function prepare(root, { dev, say = (line) => process.stderr.write(`${line}\n`) }) {
  if (!isInstalled(root, { dev }) || !isBuilt(root)) {
    mkdirSync(join(root, 'dist'), { recursive: true });
    await withLock(join(root, 'dist', '.setup.lock'), { say }, async () => {
      // Looked at again: whoever held the lock may have done it.
      if (!isInstalled(root, { dev })) await install(root, { dev, say });
      if (!isBuilt(root)) await build(root, { say });
    });
  }
  link(root, COMMAND);
}
