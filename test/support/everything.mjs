/** The steps of `npm test`, in order. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { prepare } from '../../signaling/setup/prepare.mjs';
import { firstLines, runProgram } from '../../signaling/setup/run-program.mjs';
import { installPackages } from './debian.mjs';
import { runJest } from './jest-run.mjs';
import { allSuites, select } from './selection.mjs';
import { Tally } from './tally.mjs';

const say = (line) => void process.stdout.write(`${line}\n`);

/** Resolves with the exit code. Errors: `SetupError`. */
export async function runEverything(root, argv) {
  await prepare(root, { dev: true, say });
  const chosen = select(allSuites(root), argv);
  const tally = new Tally();
  if (chosen.serial.length > 0) {
    await installPackages(JSON.parse(readFileSync(join(root, 'test', 'support', 'peers.json'), 'utf8')), { say });
  }
  await runJest(root, { suites: chosen.parallel, names: chosen.names, workers: Math.min(4, availableParallelism()), title: 'Units and contracts' }, tally, say);
  // Phones mostly listen: the compiler has half of the machine beside them, and gives way.
  const types = chosen.types ? checkTypes(root, tally) : undefined;
  await runJest(root, { suites: chosen.serial, names: chosen.names, workers: Math.min(3, availableParallelism() + 1), title: 'Calls, with phones of others' }, tally, say);
  await types;
  if (tally.total === 0) say('Nothing ran.');
  for (const line of tally.lines()) say(line);
  return tally.failed > 0 || tally.total === 0 ? 1 : 0;
}

async function checkTypes(root, tally) {
  say('Types …');
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const memory = ['--incremental', '--tsBuildInfoFile', join(root, 'dist', '.check.tsbuildinfo')];
  const { status, output } = await runProgram('nice', ['-n', '19', process.execPath, compiler, '--noEmit', '-p', 'tsconfig.json', '--pretty', 'false', ...memory], { cwd: root });
  if (status === 0) {
    say('Types: ok');
    return tally.pass();
  }
  say(firstLines(output, 100));
  tally.fail('types: tsc --noEmit');
}
