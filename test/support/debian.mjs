/** Debian packages that suites need: installed where we may, otherwise the suites are skipped with their reason. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { firstLines, runProgram } from '../../signaling/setup/run-program.mjs';

const PATH = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin', '/usr/bin'].filter(Boolean);

/** `peers`: the table in peers.json. Packages whose program (or, where they have none, file) is not there. */
export function missingPackages(peers, isThere = onThisMachine) {
  return [...new Set(Object.values(peers).filter(({ binary, file }) => !isThere(binary ?? file)).map((peer) => peer.package))];
}

/** Installs what is missing when this is root on Debian or its like; says what it does. Never fails: what stays missing is a skip. */
export async function installPackages(peers, { say, isThere = onThisMachine, isRoot = process.getuid?.() === 0, run = apt } = {}) {
  const wanted = missingPackages(peers, isThere);
  if (wanted.length === 0 || !isRoot || !isThere('apt-get')) return;
  say(`Installing ${wanted.join(', ')} (apt) …`);
  // One after the other: a package that this Debian does not have must not keep the others away.
  const failed = [];
  const updated = await run(['update']);
  for (const name of wanted) {
    const { status, output } = await run(['install', '-y', '--no-install-recommends', name]);
    if (status !== 0) failed.push(`${name}: ${firstLines(output.split('\n').filter((line) => /^E:/.test(line)).join('\n') || output, 3)}`);
  }
  if (updated.status !== 0) say(`apt-get update: ${firstLines(updated.output, 3)}`);
  for (const line of failed) say(`not installed: ${line}`);
}

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  return runProgram('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], { cwd: '/', env });
}

/** A program's name, or the full path of a file in which one folder may be `*`. */
function onThisMachine(what) {
  if (!what.startsWith('/')) return PATH.some((folder) => accessible(join(folder, what), constants.X_OK));
  const [before, after = ''] = what.split('*');
  const folders = what.includes('*') && accessible(before, constants.R_OK) ? readdirSync(before) : [''];
  return folders.some((name) => accessible(before + name + after, constants.R_OK));
}

function accessible(path, mode) {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
