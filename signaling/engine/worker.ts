/**
 * The thread an embedded engine lives in. Speaks with embedded.ts in plain messages; says why it could not start as data, because
 * an exception would arrive in the parent without its fields.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { RemoteBarrier } from './barrier';
import { Engine, EngineStartError, type EngineReady, type EngineStats } from './engine';
import { createLog, type LogLevel } from './log';
import type { Ladder } from './observe/ladder';
import type { RememberedCall } from './observe/ladder-calls';
import type { EngineOptions } from './options';

export interface WorkerInput {
  options: EngineOptions;
  logLevel: LogLevel;
  /** The applications run in the parent's event loop, which answers `barrier` with `read`. */
  appsInParent: boolean;
}

export type ToWorker =
  | { kind: 'stats'; id: number }
  | { kind: 'close' }
  | { kind: 'reload'; id: number }
  | { kind: 'read'; id: number }
  | { kind: 'ladder'; id: number; callIds: readonly string[]; columns: number | undefined }
  | { kind: 'calls'; id: number; limit: number };

export type FromWorker =
  | { kind: 'ready'; ready: EngineReady }
  | { kind: 'failed'; setting: EngineStartError['setting'] | undefined; message: string; code: string | undefined }
  | { kind: 'stats'; id: number; stats: EngineStats }
  | { kind: 'reloaded'; id: number; problem: string | undefined }
  | { kind: 'ladder'; id: number; ladder: Ladder }
  | { kind: 'calls'; id: number; calls: RememberedCall[] }
  | { kind: 'log'; level: LogLevel; message: string; fields: object }
  | { kind: 'barrier'; id: number }
  | { kind: 'closed' };

const port = parentPort;
if (port) void run(port, workerData as WorkerInput);

async function run(parent: NonNullable<typeof parentPort>, input: WorkerInput): Promise<void> {
  const tell = (message: FromWorker): void => parent.postMessage(message);
  const log = createLog((level, message, fields) => tell({ kind: 'log', level, message, fields: plain(fields) }), input.logLevel);
  try {
    const barrier = new RemoteBarrier((id) => tell({ kind: 'barrier', id }));
    const engine = new Engine(input.options, input.appsInParent ? { log, barrier: barrier.wait } : { log });
    parent.on('message', (message: ToWorker) => {
      if (message.kind === 'stats') tell({ kind: 'stats', id: message.id, stats: engine.stats() });
      else if (message.kind === 'reload') tell({ kind: 'reloaded', id: message.id, problem: engine.reloadCertificates() });
      else if (message.kind === 'ladder') tell({ kind: 'ladder', id: message.id, ladder: engine.ladder(message.callIds, message.columns) });
      else if (message.kind === 'calls') tell({ kind: 'calls', id: message.id, calls: engine.ladderCalls(message.limit) });
      else if (message.kind === 'read') barrier.answered(message.id);
      else {
        void engine.close().then(() => {
          tell({ kind: 'closed' });
          parent.close();
        });
      }
    });
    tell({ kind: 'ready', ready: await engine.start() });
  } catch (error) {
    const known = error instanceof EngineStartError ? error : undefined;
    tell({ kind: 'failed', setting: known?.setting, message: (error as Error).message, code: known?.code });
    parent.close();
  }
}

/** Errors among the fields lose their text when they are cloned as plain objects. */
function plain(fields: object): object {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? (value.stack ?? value.message) : value]));
}
