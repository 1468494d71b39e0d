/** The thread of a program. Nothing that is thrown in it ends it; a loop without end, too much memory and `process.exit` do, which the server sees. */
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { appOf, loadedOf } from './described';
import { load } from './modules';
import type { Compiled, FromProgram } from './protocol';
import { Runner } from './runner';
import { faultOf } from './where';

const { compiled } = workerData as { compiled: Compiled };
const api = require.resolve('./index');
const files = compiled.modules.map(({ path }) => path);
const post = (message: FromProgram): void => parentPort?.postMessage(message);
const stray = (thrown: unknown): void => post({ kind: 'stray', ...faultOf(thrown, files) });

// stacks speak of the lines that were written
process.setSourceMapsEnabled(true);
try {
  const app = appOf(load(compiled, api, createRequire(compiled.entry)));
  const runner = new Runner(app, post, (thrown) => faultOf(thrown, files));
  process.on('uncaughtException', stray);
  process.on('unhandledRejection', stray);
  parentPort?.on('message', (message) => runner.receive(message as never));
  post({ kind: 'loaded', ...loadedOf(app) });
} catch (err) {
  const { problem, at = basename(compiled.entry) } = faultOf(err, files);
  post({ kind: 'unusable', problem, at });
  process.exitCode = 1;
}
