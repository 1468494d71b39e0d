/** Starts media workers from the sources, and remembers them, so that a test can end one. */
import { join } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';

export function workerSpawner(): { spawn: (options: WorkerOptions) => Worker; workers: Worker[] } {
  const workers: Worker[] = [];
  return {
    workers,
    spawn(options) {
      const worker = new Worker(join(__dirname, 'ts-worker.cjs'), options);
      workers.push(worker);
      return worker;
    },
  };
}
