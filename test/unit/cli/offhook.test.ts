/** The command as a process: where its output goes and how it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { node, ROOT } from '../setup/in-node';
import { temporaryFolder } from './run-cli';

// Every test starts processes; on a busy machine that takes its time.
jest.setTimeout(60_000);

const REGISTER = join(ROOT, 'test', 'support', 'register-ts.cjs');
const COMMAND = join(ROOT, 'signaling', 'cli', 'offhook.ts');

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => (folder = temporaryFolder()));
afterEach(() => folder.remove());

const offhook = (...argv: string[]) => node(['--require', REGISTER, COMMAND, ...argv], { cwd: folder.path });
const script = (text: string) => node(['--require', REGISTER, '-e', `const { run } = require(${JSON.stringify(COMMAND)}); ${text}`], { cwd: folder.path });

describe('offhook', () => {
  it('answers on stdout and ends with 0', async () => {
    const added = await offhook('extension', 'add', '1003');
    expect([added.status, added.err]).toEqual([0, '']);
    expect(added.out).toContain('Extension 1003 was added.');
  });

  it('says on stderr what it could not do, and ends with 1 or 2', async () => {
    const none = await offhook('extension', 'list');
    expect([none.status, none.out]).toEqual([1, '']);
    expect(none.err).toBe(`offhook: There is no Offhook data in ${join(folder.path, 'data')}. Start the server once, add an extension, or name the folder with --data.\n`);
    expect((await offhook('serve', '--sip', '1.2.3')).status).toBe(2);
  });

  it('does nothing when it is only loaded', async () => {
    expect(await script("process.stdout.write(typeof run);")).toEqual({ status: 0, signal: null, out: 'function', err: '' });
  });

  it('is content when nobody reads on', async () => {
    const child = spawn(process.execPath, ['--require', REGISTER, COMMAND, 'phone', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy(); // before it has written anything
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk));
    const [status] = (await once(child, 'close')) as [number | null];
    expect([status, err]).toEqual([0, '']);
  });

  it('ends although something was left open', async () => {
    const { status } = await script("setInterval(() => undefined, 1000); run(['extension', 'list']);");
    expect(status).toBe(1);
  });

  it('tells of a mistake of its own in one line, with its place', async () => {
    const { status, err } = await script("run(['extension', 'list']); setImmediate(function tick() { throw new TypeError('boom'); });");
    expect(status).toBe(1);
    const lines = err.trim().split('\n').filter((line) => !line.includes('There is no Offhook data'));
    expect(lines).toEqual([expect.stringMatching(/^offhook: Unexpected TypeError: boom \(at .*tick/)]);
  });
});
