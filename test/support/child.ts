/**
 * A process that a test started: its output is kept (for waiting and for the failure message) and it is ended by its
 * own pid, never by name. Everything a driver runs (server, phones, SIPp) runs through this.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  cwd?: string;
  /** Added to this process's environment; undefined removes. */
  env?: Record<string, string | undefined>;
  /** Run inside this network namespace (`ip netns exec`, which execs: the pid is the program's own). */
  netns?: string | undefined;
  /** Takes stdout as bytes instead of it being kept as text (a program used as a pipe). */
  onStdout?: (chunk: Buffer) => void;
}

/** Still running: killed when this process exits, so that a test run cut short leaves nothing behind. */
const running = new Set<ChildProcessWithoutNullStreams>();

function watchOver(child: ChildProcessWithoutNullStreams): void {
  if (running.size === 0) process.once('exit', endAll);
  running.add(child);
  child.once('close', () => {
    running.delete(child);
    if (running.size === 0) process.off('exit', endAll);
  });
}

function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Output beyond this is dropped from the front: a phone in debug mode must not fill the test's memory. */
const KEPT_CHARACTERS = 1_000_000;

export class Child {
  readonly exited: Promise<Exit>;
  private readonly process: ChildProcessWithoutNullStreams;
  private text = '';
  private exit: Exit | undefined;
  private watchers = new Set<() => void>();

  constructor(
    readonly name: string,
    command: string,
    args: string[],
    options: ChildOptions = {},
  ) {
    const [program, argv] = options.netns === undefined ? [command, args] : ['ip', ['netns', 'exec', options.netns, command, ...args]];
    this.process = spawn(program, argv, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: 'pipe' });
    watchOver(this.process);
    const texts = options.onStdout === undefined ? [this.process.stdout, this.process.stderr] : [this.process.stderr];
    for (const stream of texts) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => this.take(chunk));
    }
    if (options.onStdout !== undefined) this.process.stdout.on('data', options.onStdout);
    // A program that has gone away must not take the test process along with an EPIPE.
    this.process.stdin.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      const ended = (exit: Exit): void => {
        if (this.exit !== undefined) return;
        this.exit = exit;
        resolve(exit);
        this.wake();
      };
      this.process.once('error', (error) => {
        this.take(`cannot start ${command}: ${error.message}\n`);
        ended({ code: null, signal: null });
      });
      // 'close', not 'exit': it waits for the last output.
      this.process.once('close', (code, signal) => ended({ code, signal }));
    });
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  get running(): boolean {
    return this.exit === undefined;
  }

  /** How it ended; undefined while it runs. */
  get end(): Exit | undefined {
    return this.exit;
  }

  /** Everything printed so far on stdout and stderr, in the order it arrived. */
  get output(): string {
    return this.text;
  }

  write(data: string | Buffer): void {
    this.process.stdin.write(data);
  }

  /**
   * Waits until the output from `offset` on matches. Fails when the process ends first, or after `timeoutMs`; the message
   * carries what was printed.
   */
  async waitFor(pattern: RegExp, timeoutMs: number, offset = 0): Promise<RegExpExecArray> {
    const found = await this.until(() => pattern.exec(this.text.slice(offset)) ?? undefined, timeoutMs);
    if (found !== undefined) return found;
    const why = this.exit === undefined ? `within ${timeoutMs} ms` : `before it ended (${describeExit(this.exit)})`;
    throw new Error(`${this.name} did not print ${pattern} ${why}\n${this.tail()}`);
  }

  /** Waits for the process to end by itself; fails (and kills it) after `timeoutMs`. */
  async waitExit(timeoutMs: number): Promise<Exit> {
    const exit = await this.until(() => this.exit, timeoutMs);
    if (exit !== undefined) return exit;
    const tail = this.tail();
    await this.stop('SIGKILL');
    throw new Error(`${this.name} was still running after ${timeoutMs} ms\n${tail}`);
  }

  /** Signals the process and waits for its end; SIGKILL after `graceMs`. Idempotent. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 5000): Promise<Exit> {
    if (this.exit === undefined) this.process.kill(signal);
    if ((await this.until(() => this.exit, graceMs)) === undefined) this.process.kill('SIGKILL');
    return this.exited;
  }

  tail(lines = 60): string {
    return `--- ${this.name} (pid ${this.pid ?? 'none'}, ${this.exit === undefined ? 'running' : describeExit(this.exit)})\n${this.text.split('\n').slice(-lines).join('\n')}`;
  }

  private async until<T>(look: () => T | undefined, timeoutMs: number): Promise<T | undefined> {
    const first = look();
    if (first !== undefined || this.exit !== undefined) return first;
    return new Promise((resolve) => {
      const finish = (value: T | undefined): void => {
        clearTimeout(timer);
        this.watchers.delete(check);
        resolve(value);
      };
      const check = (): void => {
        const value = look();
        if (value !== undefined || this.exit !== undefined) finish(value);
      };
      const timer = setTimeout(() => finish(undefined), timeoutMs);
      this.watchers.add(check);
    });
  }

  private take(chunk: string): void {
    this.text += chunk;
    if (this.text.length > KEPT_CHARACTERS) this.text = this.text.slice(-KEPT_CHARACTERS);
    this.wake();
  }

  private wake(): void {
    for (const watcher of [...this.watchers]) watcher();
  }
}

export function describeExit(exit: Exit): string {
  return exit.signal === null ? `exit code ${exit.code}` : `ended by ${exit.signal}`;
}

/** Runs a program to its end. */
export async function run(command: string, args: string[], options: ChildOptions & { timeoutMs?: number } = {}): Promise<Exit & { output: string }> {
  const child = new Child(command, command, args, options);
  const exit = await child.waitExit(options.timeoutMs ?? 30_000);
  return { ...exit, output: child.output };
}
