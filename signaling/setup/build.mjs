/** `npm run build`: brings node_modules and dist up to date. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeTooOld } from './node-version.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function fail(message) {
  process.stderr.write('offhook: ' + message + '\n');
  process.exitCode = 1;
}

const refusal = nodeTooOld(process.versions.node);
if (refusal) fail(refusal);
else {
  import('./prepare.mjs')
    .then(({ prepare }) => prepare(root, { dev: false }))
    .catch((error) => fail(error.sentence || error.stack));
}
