import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { folderOf, inNode, SETUP } from './in-node';

// Every test starts processes; on a busy machine that takes its time.
jest.setTimeout(60_000);

const MODULE = join(SETUP, 'install-step.mjs');

interface Entry {
  version: string;
  integrity: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
}

const entry = (version: string, more: Partial<Entry> = {}): Entry => ({ version, integrity: `sha512-${version}`, ...more });
const lock = (packages: Record<string, Entry>) => JSON.stringify({ lockfileVersion: 3, packages: { '': {}, ...packages } });

const WANTED = {
  'node_modules/a': entry('1.0.0'),
  'node_modules/a/node_modules/b': entry('2.0.0'),
  'node_modules/tests': entry('3.0.0', { dev: true }),
  'node_modules/binary-here': entry('4.0.0', { optional: true, os: [process.platform], cpu: [process.arch] }),
  'node_modules/binary-there': entry('4.0.0', { optional: true, os: ['plan9'] }),
  'node_modules/binary-other-libc': entry('4.0.0', { optional: true, os: [process.platform], libc: ['no-such-libc'] }),
};

type Path = keyof typeof WANTED;
const EVERYTHING: Path[] = ['node_modules/a', 'node_modules/a/node_modules/b', 'node_modules/tests', 'node_modules/binary-here'];

/** A checkout in which npm has installed the packages at `paths`. */
function checkout(paths: Path[], changes: Record<string, Entry> = {}) {
  const present = Object.fromEntries(paths.map((path) => [path, WANTED[path]]));
  const files: Record<string, string> = { 'package-lock.json': lock(WANTED) };
  for (const path of paths) files[`${path}/package.json`] = '{}';
  if (paths.length) files['node_modules/.package-lock.json'] = lock({ ...present, ...changes });
  return folderOf(files);
}

/** An npm that notes how it was called and runs `script` (with `root` and `lock` in scope). */
function fakeNpm(folder: ReturnType<typeof folderOf>, script: string): Record<string, string> {
  folder.write({
    'fake/npm-cli.js': `const fs = require('node:fs'), path = require('node:path'); const root = process.cwd();
      fs.appendFileSync(path.join(root, 'calls'), JSON.stringify({ args: process.argv.slice(2), audit: process.env.npm_config_audit }) + '\\n');
      const put = (packages) => {
        for (const place of Object.keys(packages)) { fs.mkdirSync(path.join(root, place), { recursive: true }); fs.writeFileSync(path.join(root, place, 'package.json'), '{}'); }
        fs.writeFileSync(path.join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
      };
      ${script}`,
  });
  return { npm_execpath: join(folder.path, 'fake', 'npm-cli.js') };
}

const calls = (path: string): Array<{ args: string[]; audit: string }> =>
  existsSync(join(path, 'calls')) ? readFileSync(join(path, 'calls'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { args: string[]; audit: string }) : [];

let folder: ReturnType<typeof folderOf>;
afterEach(() => folder.remove());

const isInstalled = (dev: boolean) => inNode<boolean>(MODULE, 'isInstalled', `return isInstalled(${JSON.stringify(folder.path)}, { dev: ${dev} })`);
const install = (dev: boolean, env: Record<string, string>) =>
  inNode<string[]>(MODULE, 'install', `const said = []; await install(${JSON.stringify(folder.path)}, { dev: ${dev}, say: (line) => said.push(line) }); return said;`, env);

describe('whether packages are installed', () => {
  it('yes when all are there that this platform needs', async () => {
    folder = checkout(EVERYTHING);
    expect([await isInstalled(true), await isInstalled(false)]).toEqual([true, true]);
  });

  it('no on a fresh clone', async () => {
    folder = checkout([]);
    expect([await isInstalled(true), await isInstalled(false)]).toEqual([false, false]);
  });

  it('for a start also without what only tests need', async () => {
    folder = checkout(EVERYTHING.filter((path) => path !== 'node_modules/tests'));
    expect([await isInstalled(true), await isInstalled(false)]).toEqual([false, true]);
  });

  it('no when one is of another version', async () => {
    folder = checkout(EVERYTHING, { 'node_modules/a': entry('0.9.0') });
    expect(await isInstalled(false)).toBe(false);
  });

  it('no when a folder was removed', async () => {
    folder = checkout(EVERYTHING);
    rmSync(join(folder.path, 'node_modules/a/node_modules/b'), { recursive: true });
    expect(await isInstalled(false)).toBe(false);
  });

  it('no when what npm noted cannot be read', async () => {
    folder = checkout(EVERYTHING);
    folder.write({ 'node_modules/.package-lock.json': '{"packages": {' });
    expect(await isInstalled(false)).toBe(false);
  });

  it('no when an optional one for this platform has never been tried', async () => {
    folder = checkout(EVERYTHING.filter((path) => path !== 'node_modules/binary-here'));
    expect(await isInstalled(false)).toBe(false);
  });
});

describe('installing', () => {
  it('asks npm for what is missing, and for nothing but packages', async () => {
    folder = checkout([]);
    const said = await install(false, fakeNpm(folder, `put(${JSON.stringify(WANTED)})`));
    expect(said).toEqual(['Installing packages (npm) …']);
    expect(calls(folder.path)).toEqual([{ args: ['install', '--no-save', '--omit=dev'], audit: 'false' }]);
    expect(await isInstalled(false)).toBe(true);
  });

  it('includes what tests need for tests, and keeps it once it is there', async () => {
    folder = checkout([]);
    const env = fakeNpm(folder, `put(${JSON.stringify(WANTED)})`);
    await install(true, env);
    await install(false, env);
    expect(calls(folder.path).map(({ args }) => args[2])).toEqual(['--include=dev', '--include=dev']);
  });

  it('accepts an optional package that npm could not build, and does not try again at each start', async () => {
    folder = checkout([]);
    const { 'node_modules/binary-here': _, ...rest } = WANTED;
    await install(false, fakeNpm(folder, `put(${JSON.stringify(rest)})`));
    expect(await isInstalled(false)).toBe(true);
    folder.write({ 'package-lock.json': `${lock(WANTED)}\n` });
    expect(await isInstalled(false)).toBe(false);
  });

  it("fails in npm's own words when something required is missing", async () => {
    folder = checkout(['node_modules/a']);
    const env = fakeNpm(folder, "console.error('npm error network getaddrinfo ENOTFOUND registry'); process.exit(1);");
    await expect(install(false, env)).rejects.toThrow(/^Packages could not be installed; .*\nnpm error network getaddrinfo ENOTFOUND registry$/);
  });

  it('names what is missing when npm says nothing', async () => {
    folder = checkout(['node_modules/a']);
    await expect(install(false, fakeNpm(folder, ''))).rejects.toThrow('exit code 0, and b is missing');
  });

  it('goes on when only an optional package is missing and npm fails, as without a network', async () => {
    folder = checkout(EVERYTHING.filter((path) => path !== 'node_modules/binary-here'));
    const said = await install(false, fakeNpm(folder, 'process.exit(1)'));
    expect(said[1]).toBe('Optional packages could not be installed (binary-here); going on without them.');
  });
});
