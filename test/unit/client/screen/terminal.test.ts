/** The screen in a real pseudo-terminal (util-linux `script`): whatever ends the program, the terminal is as it was before. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import { Terminal, type Key } from '../../../../client/cli/screen';
import { eventually } from '../../../support/wait';

const root = join(__dirname, '../../../..');
const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?25h\u001b[?1049l';

const until = (what: string, holds: () => boolean): Promise<true> => eventually(what, holds, 15_000, 20) as Promise<true>;

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

test('what is typed soon after Escape is not swallowed', async () => {
  const [input, output, keys] = [new PassThrough(), new PassThrough(), [] as Key[]];
  output.resume();
  const terminal = new Terminal({ input: input as unknown as ReadStream, output: output as unknown as WriteStream, onKey: (key) => void keys.push(key), onResize: () => undefined, onEnd: () => undefined });
  terminal.open();
  input.write('\u001b');
  // However busy the machine is: of two timers that began together, the shorter one ends first.
  await new Promise((resolve) => setTimeout(resolve, 300));
  input.write('d');
  await eventually('the letter', () => keys.length === 2);
  expect(keys).toMatchObject([{ name: 'escape', text: undefined, meta: false }, { name: 'd', text: 'd', meta: false }]);
  terminal.close();
});

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

test('Ctrl-Z, under a shell with jobs: whatever started the phone stops with it, and fg brings it back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'offhook-jobs-'));
  // As npx does, the starter waits for the phone: a shell that heard nothing of its stopping would wait for ever.
  const starter = join(folder, 'starter');
  writeFileSync(starter, `#!/bin/sh\n${process.execPath} -r ./test/support/register-ts.cjs test/unit/client/screen/demo.ts idle\necho STARTER $?\n`, { mode: 0o755 });
  const child = spawn('script', ['-qec', 'bash --norc --noprofile -i', '/dev/null'], { cwd: root, stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, PS1: '> ', HISTFILE: '' } });
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text));
  const gone = new Promise((resolve) => child.once('close', resolve));
  try {
    child.stdin.write(`${starter}\n`);
    await until('the screen', () => seen.includes('Ready.'));
    child.stdin.write('\u001a');
    await until('the shell', () => /Stopped/.test(seen));
    const stopped = seen.length;
    child.stdin.write('fg\n');
    await until('the phone again', () => seen.slice(stopped).includes(ENTER) && seen.slice(stopped).includes('Ready.'));
    child.stdin.write('q');
    await until('its end', () => seen.includes('STARTER 0'));
    expect(seen.lastIndexOf(LEAVE)).toBeGreaterThan(seen.lastIndexOf(ENTER));
    child.stdin.write('exit\n');
    await gone;
  } finally {
    child.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
}, 40_000);

test('Ctrl-Z where nobody looks after jobs: the phone goes on', async () => {
  expectRestored(
    await inTerminal('idle', async ({ seen, type, signal }) => {
      await until('the screen', () => seen().includes('Ready.'));
      type('\u001a');
      await until('the phone again', () => seen().split(ENTER).length === 3 && seen().lastIndexOf('Ready.') > seen().lastIndexOf(ENTER));
      signal('SIGTERM');
    }),
  );
}, 40_000);
