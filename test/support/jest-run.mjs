/** One run of jest, its results added to a tally. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How long a run whose last suite has ended may take to end itself; what keeps it (a socket, a child) was left open by a test. */
const LINGER_MS = 20_000;

/** `workers: 1` runs everything in one process, one suite after the other. */
export async function runJest(root, { suites, names, workers, title }, tally, say) {
  if (suites.length === 0) return;
  say(`${title} …`);
  const folder = mkdtempSync(join(tmpdir(), 'offhook-results-'));
  const results = join(folder, 'results.json');
  try {
    const end = await jest(root, suites, names, workers, results);
    const found = readResults(results);
    if (found) tally.add(found, names);
    else tally.fail(`${title}: jest ended without results (${end})`);
    if (found && end === 'lingering') tally.fail(`${title}: jest did not end by itself, a test left something open`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function jest(root, suites, names, workers, results) {
  const args = [
    join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
    '--config', join(root, 'test', 'jest.config.cjs'),
    '--reporters', join(root, 'test', 'support', 'reporter.cjs'),
    '--ci', '--passWithNoTests',
    ...(workers === 1 ? ['--runInBand'] : ['--maxWorkers', String(workers)]),
    ...(names ? ['--testNamePattern', names.source] : []),
    '--runTestsByPath', ...suites,
  ];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, JEST_RESULTS_FILE: results }, stdio: ['ignore', 'inherit', 'inherit'] });
    let lingering;
    const watch = setInterval(() => {
      if (!readResults(results)) return;
      clearInterval(watch);
      lingering = setTimeout(() => child.kill('SIGKILL'), LINGER_MS);
    }, 500);
    child.once('error', (error) => resolve(error.message));
    child.once('close', (status, signal) => {
      clearInterval(watch);
      clearTimeout(lingering);
      resolve(lingering && signal === 'SIGKILL' ? 'lingering' : `exit code ${status ?? signal}`);
    });
  });
}

function readResults(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
