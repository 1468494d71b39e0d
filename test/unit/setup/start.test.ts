import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { folderOf, inNode, node, ROOT, SETUP } from './in-node';

// Every test starts processes; on a busy machine that takes its time.
jest.setTimeout(60_000);

/** A checkout with the real set-up, one package to install (by an npm of ours), and a command that tells how it was called. */
function checkout() {
  const folder = folderOf({
    'package.json': '{}',
    'package-lock.json': JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.0', integrity: 'x' } } }),
    'tsconfig.json': readFileSync(join(ROOT, 'tsconfig.json'), 'utf8'),
    'signaling/cli/offhook.ts': `#!/usr/bin/env node
      export async function run(argv: string[], defaults: Record<string, string>): Promise<void> {
        process.exitCode = argv.includes('--fail') ? 2 : 0;
        if (argv.includes('--stay')) {
          const stay = setInterval(() => undefined, 1000);
          process.on('SIGTERM', () => { clearInterval(stay); process.exitCode = 7; });
        }
        process.stdout.write(JSON.stringify({ argv, defaults }) + '\\n');
      }
      if (require.main === module) process.stdout.write('called ' + process.argv.slice(2));\n`,
    'fake/npm-cli.js': `const fs = require('node:fs'); fs.appendFileSync('calls', 'npm\\n');
      setTimeout(() => {
        fs.mkdirSync('node_modules/a', { recursive: true }); fs.writeFileSync('node_modules/a/package.json', '{}');
        fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0', integrity: 'x' } } }));
        if (!fs.existsSync('node_modules/typescript')) fs.symlinkSync(${JSON.stringify(join(ROOT, 'node_modules/typescript'))}, 'node_modules/typescript');
      }, 200);`,
  });
  cpSync(SETUP, join(folder.path, 'signaling/setup'), { recursive: true });
  return folder;
}

let folder: ReturnType<typeof folderOf>;
beforeEach(() => (folder = checkout()));
afterEach(() => folder.remove());

const start = (args: string[] = [], more: Parameters<typeof node>[1] = {}) =>
  node([join(folder.path, 'signaling/setup/start.mjs'), ...args], { cwd: folder.path, env: { npm_execpath: join(folder.path, 'fake/npm-cli.js') }, ...more });
const npmCalls = () => (existsSync(join(folder.path, 'calls')) ? readFileSync(join(folder.path, 'calls'), 'utf8').split('\n').length - 1 : 0);

describe('npm start', () => {
  it('installs, builds and serves with its options and ./data; and the next time only serves', async () => {
    const first = await start(['--sip', '127.0.0.1:5070']);
    expect([first.status, first.err]).toEqual([0, 'Installing packages (npm) …\nBuilding …\n']);
    expect(JSON.parse(first.out)).toEqual({ argv: ['serve', '--sip', '127.0.0.1:5070'], defaults: { data: join(folder.path, 'data') } });
    const second = await start(['--fail'], { env: { npm_execpath: '/nowhere/npm-cli.js' } });
    expect([second.status, second.err, npmCalls()]).toEqual([2, '', 1]);
  });

  it('twice at once sets up once', async () => {
    const both = await Promise.all([start(), start()]);
    expect(both.map((one) => one.status)).toEqual([0, 0]);
    expect(npmCalls()).toBe(1);
  });

  it('is one process with the server: signals reach it, and its exit code is kept', async () => {
    const ended = await start(['--stay'], {
      env: { npm_execpath: join(folder.path, 'fake/npm-cli.js') },
      onOut: (out, kill) => out.includes('\n') && kill('SIGTERM'),
    });
    expect([ended.status, ended.signal]).toEqual([7, null]);
  });

  it('says in a sentence what it could not do', async () => {
    folder.write({ 'fake/npm-cli.js': "console.error('npm error code ENOTFOUND'); process.exit(1)" });
    const { status, out, err } = await start();
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^Installing packages \(npm\) …\noffhook: Packages could not be installed; .*\nnpm error code ENOTFOUND\n$/);
  });

  it('makes the command executable by its name', async () => {
    await start();
    const link = join(folder.path, 'node_modules/.bin/offhook');
    const { out } = await node([link, 'a', 'b']);
    expect(out).toBe('called a,b');
    expect(lstatSync(join(folder.path, 'dist/signaling/cli/offhook.js')).mode & 0o111).toBe(0o111);
  });
});

describe('npm run build', () => {
  it('sets up and runs nothing', async () => {
    const { status, out } = await node([join(folder.path, 'signaling/setup/build.mjs')], { env: { npm_execpath: join(folder.path, 'fake/npm-cli.js') } });
    expect([status, out, existsSync(join(folder.path, 'dist/signaling/cli/offhook.js'))]).toEqual([0, '', true]);
  });
});

describe('the link', () => {
  it('replaces one that leads elsewhere', async () => {
    folder.write({ 'dist/command.js': '' });
    mkdirSync(join(folder.path, 'node_modules/.bin'), { recursive: true });
    symlinkSync('nowhere', join(folder.path, 'node_modules/.bin/offhook'));
    await inNode(join(SETUP, 'link.mjs'), 'link', `link(${JSON.stringify(folder.path)}, 'dist/command.js'); link(${JSON.stringify(folder.path)}, 'dist/command.js'); return null;`);
    expect(readlinkSync(join(folder.path, 'node_modules/.bin/offhook'))).toBe('../../dist/command.js');
  });
});

describe('the version of Node', () => {
  const verdict = (version: string) => inNode<string | null>(join(SETUP, 'node-version.mjs'), 'nodeTooOld', `return nodeTooOld('${version}') ?? null`);

  it('is 20 or newer', async () => {
    expect(await Promise.all(['20.0.0', '22.11.0', '100.0.0'].map(verdict))).toEqual([null, null, null]);
    expect(await verdict('18.19.1')).toContain('Offhook needs Node.js 20 or newer; this is Node.js 18.19.1.');
  });

  it('is looked at before anything is loaded that an older one cannot read', () => {
    // What start.mjs and node-version.mjs are written in must be what Node 12 reads: no ?. ?? ??= and no import but dynamically.
    for (const name of ['start.mjs', 'build.mjs', 'node-version.mjs']) {
      const source = readFileSync(join(SETUP, name), 'utf8').replace(/\/\*\*.*?\*\//gs, '');
      expect(source).not.toMatch(/\?\.|\?\?|\|\|=|&&=|^await/m);
      const loaded = [...source.matchAll(/^import .* from '(.*)'/gm)].map((match) => match[1]);
      expect(loaded.filter((one) => !one!.startsWith('node:'))).toEqual(name === 'node-version.mjs' ? [] : ['./node-version.mjs']);
    }
  });
});
