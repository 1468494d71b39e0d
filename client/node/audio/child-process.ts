/** One program that the sound card's back ends start: what it complains about is kept and not shown, it is waited for, and it is killed for sure. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { setPriority, tmpdir } from 'node:os';
import { withVariables, type Variables } from './child-environment';

const KEPT_CHARACTERS = 4000;
/** Nice value: before programs that can wait, behind the sound server (-11 as a rule). */
const PRIORITY = -10;

/** Whoever may not, does without. */
function hurry(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) setPriority(child.pid, PRIORITY);
  } catch {
    // not allowed, or it has ended already
  }
}

/** Running: killed when this process exits. They would notice by themselves, but not all of them at once. */
const running = new Set<ChildProcess>();

function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

function watchOver(child: ChildProcess): void {
  if (running.size === 0) process.once('exit', endAll);
  running.add(child);
  child.once('close', () => {
    running.delete(child);
    if (running.size === 0) process.off('exit', endAll);
  });
}

export class AudioProcess {
  readonly child: ChildProcess;
  /** Resolves with why, for people, when it has ended or could not be started. */
  readonly ended: Promise<string>;
  /** It could not be started: the program is not there. */
  missing = false;
  private complaints = '';
  private over = false;

  /** `stdio`: as for `spawn`; stderr is always a pipe. Runs in the folder for temporary files, where a crash handler's log harms nobody. */
  constructor(program: string, args: readonly string[], stdio: StdioOptions, variables: Variables = {}) {
    const [command, all] = withVariables(variables, program, args);
    this.child = spawn(command, all, { stdio, cwd: tmpdir(), windowsHide: true });
    watchOver(this.child);
    hurry(this.child);
    for (const stream of this.child.stdio) stream?.on('error', () => undefined);
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.complaints = (this.complaints + text).slice(-KEPT_CHARACTERS);
    });
    this.ended = new Promise((resolve) => {
      this.child.once('error', (err: NodeJS.ErrnoException) => {
        this.missing = err.code === 'ENOENT';
        this.over = true;
        resolve(`${program} cannot be started (${err.message})`);
      });
      this.child.once('close', (code, signal) => {
        // `env` says so when there is no such program
        if (code === 127) this.missing = true;
        this.over = true;
        const said = this.said;
        resolve(said || `it ended (${signal ?? `exit code ${code}`})`);
      });
    });
  }

  /** Its last complaint that means something. */
  get said(): string {
    const lines = this.complaints.split(/[\r\n]+/).map((line) => line.trim());
    // aplay's meter and pacat's clock are no complaints
    return lines.filter((line) => /[a-z]{3}/i.test(line) && !line.startsWith('Time:')).at(-1) ?? '';
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** SIGKILL: none of them has anything to save, and one that waits for a dead sound server does not hear anything else. */
  async kill(): Promise<void> {
    if (!this.over) this.child.kill('SIGKILL');
    await this.ended;
  }
}
