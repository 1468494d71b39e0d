/**
 * Packages. What npm put into node_modules it notes in `node_modules/.package-lock.json`; compared with package-lock.json this says
 * without the network whether anything is missing or stale.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { firstLines, runProgram } from './run-program.mjs';
import { SetupError } from './setup-error.mjs';

/** Notes for which package-lock.json and platform npm last succeeded: optional packages that are missing then were refused, not forgotten. */
const STAMP = join('node_modules', '.offhook-install');

/** Whether every package is there that package-lock.json names; `dev`: those for tests, too. */
export function isInstalled(root, { dev }) {
  const packages = survey(root, dev);
  if (packages.required.length > 0) return false;
  return packages.optional.length === 0 || readText(join(root, STAMP)) === stampOf(root);
}

/** Errors: `SetupError` with npm's own words when something required is missing afterwards. */
export async function install(root, { dev, say }) {
  // A leaner install would remove what tests need.
  const all = dev || hasDevPackages(root);
  say('Installing packages (npm) …');
  // Not npm ci: it starts from nothing, which takes its files from a server that is running, and it refuses a lock file that has not every
  // platform's variant of an optional package, as is the case wherever a registry does not carry them all.
  const { status, output } = await runNpm(root, ['install', '--no-save', all ? '--include=dev' : '--omit=dev']);
  const { required, optional } = survey(root, dev);
  if (required.length > 0) {
    const hint = 'Packages could not be installed; is the npm registry reachable from here? npm says:';
    throw new SetupError(`${hint}\n${firstLines(output) || `exit code ${status}, and ${required.join(', ')} is missing`}`);
  }
  // npm succeeds without the optional ones that it could not build here.
  if (status === 0) writeFileSync(join(root, STAMP), stampOf(root));
  const asked = Object.keys((readPackages(join(root, 'package-lock.json')) ?? {})['']?.optionalDependencies ?? {});
  // What those need in turn tells nobody anything.
  const missed = optional.filter((name) => asked.includes(name));
  const named = missed.length > 0 ? missed : optional;
  if (named.length > 0) say(`Optional packages could not be installed (${named.join(', ')}); going on without them.`);
}

/** What is missing or of another version: `{ required: [name], optional: [name] }`, as far as meant for this platform. */
function survey(root, dev) {
  const wanted = readPackages(join(root, 'package-lock.json')) ?? {};
  const present = readPackages(join(root, 'node_modules', '.package-lock.json')) ?? {};
  const missing = { required: [], optional: [] };
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link || (entry.dev && !dev) || !isForThisPlatform(entry)) continue;
    const found = present[path];
    const same = found && found.version === entry.version && found.integrity === entry.integrity;
    if (same && existsSync(join(root, path, 'package.json'))) continue;
    const optional = entry.optional || entry.devOptional || entry.peer;
    missing[optional ? 'optional' : 'required'].push(path.replace(/^.*node_modules\//, ''));
  }
  return missing;
}

function hasDevPackages(root) {
  const present = readPackages(join(root, 'node_modules', '.package-lock.json')) ?? {};
  return Object.values(present).some((entry) => entry.dev);
}

function isForThisPlatform({ os, cpu, libc }) {
  return (!os || os.includes(process.platform)) && (!cpu || cpu.includes(process.arch)) && (!libc || libc.includes(libcHere()));
}

let libcFound;
function libcHere() {
  process.report.excludeNetwork = true;
  libcFound ??= process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
  return libcFound;
}

function stampOf(root) {
  const lock = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
  return `${lock} ${process.platform} ${process.arch}\n`;
}

/** As environment, since some versions of npm refuse flags that others need. Nothing but packages is to be fetched. */
const QUIET = {
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  npm_config_prefer_offline: 'true',
  npm_config_loglevel: 'error',
  // For packages that are compiled here (@discordjs/opus): all cores.
  JOBS: 'max',
};

/** The npm that called us, else the one on the path. */
function runNpm(root, args) {
  const env = { ...process.env, ...QUIET };
  const caller = process.env.npm_execpath;
  if (caller && basename(caller) === 'npm-cli.js') return runProgram(process.execPath, [caller, ...args], { cwd: root, env });
  return runProgram('npm', args, { cwd: root, env });
}

function readPackages(path) {
  const text = readText(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text).packages;
  } catch {
    // Half-written: as good as none, npm writes it anew.
    return undefined;
  }
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
