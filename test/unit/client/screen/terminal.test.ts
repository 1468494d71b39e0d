/** The screen in a real pseudo-terminal (util-linux `script`): whatever ends the program, the terminal is as it was before. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '../../../..');
const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?25h\u001b[?1049l';

async function until(what: string, holds: () => boolean): Promise<void> {
  const last = Date.now() + 15_000;
  while (!holds()) {
    if (Date.now() > last) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** `drive` gets what has been written so far, a way to type, and the process. */
async function inTerminal(argument: string, drive: (terminal: { seen(): string; type(keys: string): void; signal(name: NodeJS.Signals): void }) => Promise<void>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'offhook-pty-'));
  const pid = join(folder, 'pid');
  // The inner shell becomes the demo; the outer one tells how it left the terminal.
  const command = `sh -c 'echo $$ > ${pid}; exec ${process.execPath} -r ./test/support/register-ts.cjs test/unit/client/screen/demo.ts ${argument}'; echo; echo LEFT; stty -a`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: root, stdio: ['pipe', 'pipe', 'ignore'] });
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text));
  const gone = new Promise((resolve) => child.once('close', resolve));
  try {
    await drive({
      seen: () => seen,
      type: (keys) => void child.stdin.write(keys),
      signal: (name) => void (existsSync(pid) && process.kill(Number(readFileSync(pid, 'utf8')), name)),
    });
    await until('the end', () => /LEFT[\s\S]*echoke/.test(seen));
  } finally {
    child.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
  return seen;
}

function expectRestored(seen: string): void {
  expect(seen.lastIndexOf(LEAVE)).toBeGreaterThan(seen.lastIndexOf(ENTER));
  const [, settings] = seen.split('LEFT');
  expect(settings).toMatch(/[^-]icanon/);
  expect(settings).toMatch(/[^-]echo\b/);
}

test('after quitting; keys are read; a second without news writes only what changed', async () => {
  expectRestored(
    await inTerminal('', async ({ seen, type }) => {
      await until('a duration', () => seen().includes('0:02'));
      const drawn = seen().length;
      await until('the next second', () => seen().includes('0:03'));
      expect(seen().length - drawn).toBeLessThan(400);
      type('?');
      await until('the help', () => seen().includes('draw anew'));
      const before = seen().length;
      type('\u001b'); // alone, as the key gives it
      await until('the call again', () => seen().slice(before).includes('Bob Baker'));
      type('q');
      await until('the question', () => seen().includes('Hang up and quit?'));
      type('y');
    }),
  );
}, 30_000);

test.each<NodeJS.Signals>(['SIGTERM', 'SIGHUP'])('after %s', async (name) => {
  expectRestored(
    await inTerminal('', async ({ seen, signal }) => {
      await until('the screen', () => seen().includes('Bob Baker'));
      signal(name);
    }),
  );
}, 30_000);

test('after an uncaught error, which is read on the usual screen', async () => {
  const seen = await inTerminal('crash', async () => undefined);
  expectRestored(seen);
  expect(seen.indexOf('crashed on purpose')).toBeGreaterThan(seen.lastIndexOf(LEAVE));
}, 30_000);

test('stopped and continued', async () => {
  expectRestored(
    await inTerminal('', async ({ seen, signal }) => {
      await until('the screen', () => seen().includes('Bob Baker'));
      signal('SIGTSTP');
      await until('the usual screen', () => seen().includes(LEAVE));
      signal('SIGCONT');
      await until('the phone again', () => seen().split(ENTER).length === 3 && seen().lastIndexOf('Bob Baker') > seen().lastIndexOf(ENTER));
      signal('SIGTERM');
    }),
  );
}, 40_000);
