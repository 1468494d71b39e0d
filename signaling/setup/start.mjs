/**
 * `npm start -- OPTIONS`: installs what is missing, builds what has changed, and serves. Runs on a fresh clone, before there is anything in
 * node_modules, so it needs nothing but Node.
 *
 * The server runs in this very process: signals reach it and its exit code is ours without anybody passing them on.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeTooOld } from './node-version.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function fail(message) {
  process.stderr.write('offhook: ' + message + '\n');
  process.exitCode = 1;
}

async function start() {
  // Loaded after the check: older Nodes could not read these.
  const { COMMAND, prepare } = await import('./prepare.mjs');
  await prepare(root, { dev: false });
  const { run } = createRequire(import.meta.url)(join(root, COMMAND));
  await run(['serve'].concat(process.argv.slice(2)), { data: join(root, 'data') });
}

const refusal = nodeTooOld(process.versions.node);
if (refusal) fail(refusal);
else start().catch((error) => fail(error.sentence || error.stack));
