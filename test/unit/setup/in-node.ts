/**
 * Set-up is plain ES modules that Node runs before anything is installed; jest cannot load those, so tests run them as they are run in
 * truth: in a Node of their own.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const ROOT = join(__dirname, '..', '..', '..');
export const SETUP = join(ROOT, 'signaling', 'setup');

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

export function node(args: string[], options: { cwd?: string; env?: Record<string, string>; onOut?: (out: string, kill: (signal: NodeJS.Signals) => void) => void } = {}): Promise<Ended> {
  return new Promise((resolve) => {
    // npm's own variables would make a nested npm behave as part of this run.
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_|^OFFHOOK_/.test(name)));
    const child = spawn(process.execPath, args, { cwd: options.cwd ?? ROOT, env: { ...inherited, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk;
      options.onOut?.(out, (signal) => child.kill(signal));
    });
    child.stderr.on('data', (chunk: Buffer) => (err += chunk));
    child.on('close', (status, signal) => resolve({ status, signal, out, err }));
  });
}

/** Runs `body` (with `imports` from a module, by name) as an async function and returns what it returns. Errors: what it throws, as text. */
export async function inNode<T>(module: string, imports: string, body: string, env: Record<string, string> = {}): Promise<T> {
  const script = `import { ${imports} } from ${JSON.stringify(module)};
    const work = async () => { ${body} };
    work().then((value) => process.stdout.write('=' + JSON.stringify({ value })), (error) => process.stdout.write('=' + JSON.stringify({ error: error.sentence ?? String(error) })));`;
  const { out, err } = await node(['--input-type=module', '-e', script], { env });
  const found = /=(\{.*\})$/s.exec(out)?.[1];
  if (found === undefined) throw new Error(`no result:\n${out}${err}`);
  const { value, error } = JSON.parse(found) as { value: T; error?: string };
  if (error !== undefined) throw new Error(error);
  return value;
}

/** A folder with files given as `{ 'a/b.txt': 'content' }`. */
export function folderOf(files: Record<string, string>): { path: string; write(files: Record<string, string>): void; remove(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'offhook-setup-')));
  const write = (more: Record<string, string>) => {
    for (const [name, content] of Object.entries(more)) {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      writeFileSync(join(path, name), content);
    }
  };
  write(files);
  return { path, write, remove: () => rmSync(path, { recursive: true, force: true }) };
}
