/**
 * `npm test`: the one test command. Brings packages and build up to date, checks the types, runs every suite, and ends with a line
 * `N passed, N failed` (`, N skipped`). Words after `npm test --` choose suites by path or tests by name. Exit code 1 when something
 * failed or nothing ran.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeTooOld } from '../signaling/setup/node-version.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const refusal = nodeTooOld(process.versions.node);
if (refusal) {
  process.stderr.write(refusal + '\n');
  process.exitCode = 1;
} else {
  import('./support/everything.mjs')
    .then(({ runEverything }) => runEverything(root, process.argv.slice(2)))
    .then((code) => (process.exitCode = code))
    .catch((error) => {
      process.stdout.write((error.sentence || error.stack) + '\n0 passed, 1 failed\n');
      process.exitCode = 1;
    });
}
