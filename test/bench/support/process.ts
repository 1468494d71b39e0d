/** Processes a benchmark starts: found by pid, measured by /proc, ended by pid. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

const TICKS_PER_SECOND = 100; // USER_HZ is 100 on every Linux that Node runs on

export interface Started {
  child: ChildProcess;
  pid: number;
  output(): string;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export function start(command: string, args: string[], options: SpawnOptions = {}): Started {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let text = '';
  const keep = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-200_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const ended = new Promise<number | null>((resolve) => {
    child.on('exit', (code) => resolve(code));
    child.on('error', (err) => {
      text += String(err);
      resolve(null);
    });
  });
  return {
    child,
    pid: child.pid ?? -1,
    output: () => text,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const hard = setTimeout(() => child.kill('SIGKILL'), 15_000);
      const code = await ended;
      clearTimeout(hard);
      return code;
    },
  };
}

/** Resolves with the exit code; rejects when the program cannot be started. */
export function finished(process_: Started): Promise<number | null> {
  if (process_.child.exitCode !== null) return Promise.resolve(process_.child.exitCode);
  return new Promise((resolve, reject) => {
    process_.child.once('exit', (code) => resolve(code));
    process_.child.once('error', reject);
  });
}

/** Every process whose ancestor is `pid`, and `pid` itself. */
export function family(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // ended while we looked
    }
  }
  const found = new Set([pid]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const [child, parent] of parents) {
      if (found.has(parent) && !found.has(child)) {
        found.add(child);
        grew = true;
      }
    }
  }
  return [...found];
}

/** User and system time of a process family so far, in microseconds (resolution 10 ms). */
export function cpuMicros(pids: number[]): number {
  let ticks = 0;
  for (const root of pids) {
    for (const pid of family(root)) {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        ticks += Number(fields[11]) + Number(fields[12]);
      } catch {
        // ended while we looked: its time is lost, as it is for `time(1)` of a killed shell
      }
    }
  }
  return (ticks * 1_000_000) / TICKS_PER_SECOND;
}

/** Resident memory of a process family in bytes. */
export function residentBytes(pids: number[]): number {
  let kb = 0;
  for (const root of pids) {
    for (const pid of family(root)) {
      try {
        kb += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
      } catch {
        // ended while we looked
      }
    }
  }
  return kb * 1024;
}

/** The same, memory that several processes share counted once; undefined: the kernel does not say. */
export function proportionalBytes(pids: number[]): number | undefined {
  let kb = 0;
  for (const root of pids) {
    for (const pid of family(root)) {
      try {
        kb += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code === 'EACCES') return undefined;
        // ended while we looked
      }
    }
  }
  return kb === 0 ? undefined : kb * 1024;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function until<T>(what: string, ms: number, probe: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > end) throw new Error(`${what} did not happen within ${ms} ms`);
    await sleep(50);
  }
}

/** CPU time of a process in microseconds: exact where the kernel counts it by thread, else in steps of 10 ms. */
export function processMicros(pid: number): number {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    const nanos = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]));
    return nanos.reduce((sum, n) => sum + n, 0) / 1000;
  } catch {
    return cpuMicros([pid]);
  }
}
