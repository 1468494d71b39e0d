/** The threads of a program as they are outside of tests. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { Clock } from '../clock';
import type { Logger } from '../log';
import { AppProgram, ProgramError } from './app-program';
import type { CompileAnswer, Compiled } from './protocol';

export { ProgramError };

export interface ThreadOptions {
  /** What a program may take of memory, JavaScript's heap. */
  memoryMegabytes: number;
  /** How the threads' own files are started; tests run the sources as they are. */
  spawn?: (file: string, options: WorkerOptions) => Worker;
}

const COMPILE_MS = 60_000;

/** `file`: absolute. Errors: `ProgramError`, with nothing left running. */
export function startAppProgram(file: string, { memoryMegabytes, spawn = (path, options) => new Worker(path, options) }: ThreadOptions, { clock, log }: { clock: Clock; log: Logger }): Promise<AppProgram> {
  return AppProgram.start(file, {
    clock, log, stamp,
    compile: (entry) => compileIn(spawn(join(__dirname, 'compile-worker.js'), { workerData: { entry }, name: 'compile' }), entry),
    spawn: (compiled) => {
      const worker = spawn(join(__dirname, 'worker.js'), { workerData: { compiled }, resourceLimits: { maxOldGenerationSizeMb: memoryMegabytes }, stdout: true, stderr: true, name: 'app' });
      logged(worker, compiled, log);
      return worker;
    },
  });
}

function compileIn(worker: Worker, entry: string): Promise<CompileAnswer> {
  return new Promise((resolve) => {
    const failed = (problem: string) => resolve({ problem: `${entry} cannot be compiled: ${problem}`, files: [entry] });
    const limit = setTimeout(() => void worker.terminate(), COMPILE_MS);
    worker.on('message', resolve);
    worker.on('error', (err) => failed(err.message));
    worker.on('exit', () => {
      clearTimeout(limit);
      failed('it takes too long');
    });
  });
}

/** What a program prints goes to the log, line by line: stdout is for what programs read of the server. */
function logged(worker: Worker, { entry }: Compiled, log: Logger): void {
  createInterface({ input: worker.stdout }).on('line', (line) => log.info({ app: entry }, line));
  createInterface({ input: worker.stderr }).on('line', (line) => log.warn({ app: entry }, line));
}

function stamp(path: string): string {
  try {
    const { size, mtimeMs, ino } = statSync(path);
    return `${path} ${size} ${mtimeMs} ${ino}`;
  } catch {
    return path;
  }
}
