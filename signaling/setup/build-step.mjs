/**
 * The build: every TypeScript source as JavaScript in dist/, file by file and without checking types. That takes a fifth of the time that the
 * compiler needs for the whole program, and after a change next to none; `npm test` and `npm run check` check the types. What is read at run
 * time (JSON, spoken prompts) is copied.
 *
 * What each output was made from (size and time of change of its source) is noted beside them: equal means up to date.
 */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firstLines, runProgram } from './run-program.mjs';
import { SetupError } from './setup-error.mjs';

const FOLDERS = ['signaling', 'media', 'client', join('test', 'bench'), join('test', 'support')];
const STAMP = join('dist', '.build-stamp.json');
const TRANSPILER = join(dirname(fileURLToPath(import.meta.url)), 'transpile.mjs');

export function isBuilt(root) {
  const { changed, orphans } = compare(root);
  return changed.length === 0 && orphans.length === 0;
}

/** Errors: `SetupError` with the compiler's own words. */
export async function build(root, { say }) {
  say('Building …');
  // Noted as they are now: what changes while this runs is built next time.
  const { changed, orphans, stamp } = compare(root);
  for (const path of orphans.flatMap((output) => [output, `${output}.map`])) rmSync(join(root, path), { force: true });
  const { status, output } = await runProgram(process.execPath, [TRANSPILER, root], { cwd: root, input: changed.join('\n') });
  if (status !== 0) throw new SetupError(`Building failed. The TypeScript compiler says:\n${firstLines(output)}`);
  writeFileSync(join(root, STAMP), JSON.stringify(stamp));
}

/** Sources to build, outputs to remove, and the note to leave. */
function compare(root) {
  const stamp = { compiler: compilerStamp(root), sources: {} };
  const before = readJson(join(root, STAMP));
  const reusable = before?.compiler === stamp.compiler ? before.sources : {};
  for (const path of sources(root)) {
    const { size, mtimeMs } = statSync(join(root, path));
    stamp.sources[path] = `${size} ${mtimeMs}`;
  }
  const changed = Object.keys(stamp.sources).filter((path) => reusable[path] !== stamp.sources[path] || !existsSync(join(root, outputOf(path))));
  // `require` would still find the output of a source that is gone.
  const orphans = Object.keys(before?.sources ?? {}).filter((path) => !(path in stamp.sources)).map(outputOf);
  return { changed, orphans, stamp };
}

/** Another compiler, other options or another transpiler may write something else. */
function compilerStamp(root) {
  const { version } = readJson(join(root, 'node_modules', 'typescript', 'package.json')) ?? {};
  return [version, readFileSync(join(root, 'tsconfig.json'), 'utf8'), readFileSync(TRANSPILER, 'utf8')].join('\n');
}

function sources(root) {
  const below = FOLDERS.flatMap((folder) => filesBelow(root, folder));
  return below.filter((path) => /\.(ts|json|wav)$/.test(path) && !/(\.d\.ts|tsconfig.*\.json)$/.test(path)).sort();
}

/** Where `transpile.mjs` writes it. */
function outputOf(source) {
  return join('dist', source.replace(/\.ts$/, '.js'));
}

function filesBelow(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(root, path);
    return [relative('.', path)];
  });
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
