/**
 * An engine in a thread of its own, so that a busy application does not hold up retransmissions, and a busy engine not the application.
 * The parent sees an address to connect drachtio-srf to.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { sameLoopBarrier } from './barrier';
import { EngineStartError, type EngineReady, type EngineStats } from './engine';
import type { LogLevel, LogSink } from './log';
import type { Ladder } from './observe/ladder';
import type { RememberedCall } from './observe/ladder-calls';
import type { EngineOptions } from './options';
import type { FromWorker, ToWorker, WorkerInput } from './worker';

export interface EmbeddedEngine extends EngineReady {
  /** Rejects when the engine has ended. */
  stats(): Promise<EngineStats>;
  /** Reads the certificates of TLS and WSS again. Resolves with what keeps the new ones from being used; undefined: nothing does. */
  reloadCertificates(): Promise<string | undefined>;
  /** As `Engine.ladder`. */
  ladder(callIds: string | readonly string[], columns?: number): Promise<Ladder>;
  /** As `Engine.ladderCalls`. */
  ladderCalls(limit: number): Promise<RememberedCall[]>;
  /** Idempotent. */
  close(): Promise<void>;
  /** `error` set: the thread died; absent: it was closed. Called at once when that has happened already. */
  onExit(fn: (error?: Error) => void): void;
}

export interface EmbeddedDeps {
  log?: LogSink | undefined;
  logLevel?: LogLevel | undefined;
  /** False when applications outside this thread connect too. True (the default) lets the engine know when ours have read; see barrier.ts. */
  appsInThisThread?: boolean | undefined;
  /** The worker's file; by default worker.js beside this one. */
  workerFile?: string | undefined;
}

/** Old space of 256 MB carries tens of thousands of calls; a small young generation keeps an idle engine small. */
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };
const CLOSE_MS = 5000;

/** @throws EngineStartError */
export async function startEmbeddedEngine(options: EngineOptions, deps: EmbeddedDeps = {}): Promise<EmbeddedEngine> {
  const input: WorkerInput = { options, logLevel: deps.logLevel ?? 'info', appsInParent: deps.appsInThisThread ?? true };
  const worker = new Worker(deps.workerFile ?? join(__dirname, 'worker.js'), { workerData: input, resourceLimits, name: 'engine' });
  const handle = new Handle(worker, deps.log);
  const ready = await handle.started;
  return {
    ...ready,
    stats: () => handle.ask<EngineStats>({ kind: 'stats' }),
    reloadCertificates: () => handle.ask<string | undefined>({ kind: 'reload' }),
    ladder: (callIds, columns) => handle.ask<Ladder>({ kind: 'ladder', callIds: typeof callIds === 'string' ? [callIds] : callIds, columns }),
    ladderCalls: (limit) => handle.ask<RememberedCall[]>({ kind: 'calls', limit }),
    close: () => handle.close(),
    onExit: (fn) => handle.onExit(fn),
  };
}

/** What the worker answers, without the number that the answer is known by. */
type Question = { kind: 'stats' } | { kind: 'reload' } | { kind: 'ladder'; callIds: readonly string[]; columns: number | undefined } | { kind: 'calls'; limit: number };

class Handle {
  readonly started: Promise<EngineReady>;
  private readonly questions = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  private readonly listeners: Array<(error?: Error) => void> = [];
  private nextQuestion = 1;
  private failure: Error | undefined;
  private ended = false;
  private closing: Promise<void> | undefined;
  private isClosed = false;

  constructor(
    private readonly worker: Worker,
    log: LogSink | undefined,
  ) {
    this.started = new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') resolve(message.ready);
        else if (message.kind === 'failed') reject(new EngineStartError(message.setting ?? 'sip.listen', message.message, message.code));
        else if (message.kind === 'stats') this.answer(message.id, message.stats);
        else if (message.kind === 'reloaded') this.answer(message.id, message.problem);
        else if (message.kind === 'ladder') this.answer(message.id, message.ladder);
        else if (message.kind === 'calls') this.answer(message.id, message.calls);
        else if (message.kind === 'barrier') sameLoopBarrier(() => this.post({ kind: 'read', id: message.id }));
        else if (message.kind === 'log') log?.(message.level, message.message, message.fields);
        else this.isClosed = true;
      });
      worker.on('error', (error) => {
        this.failure = asError(error);
        reject(this.failure);
      });
      worker.on('exit', (code) => {
        if (!this.isClosed && !this.closing) this.failure ??= new Error(`the engine's thread ended with code ${code}`);
        reject(this.failure ?? new Error('the engine was closed while it started'));
        this.exited();
      });
    });
  }

  /** `Answer` is what the worker answers this kind of question with. */
  ask<Answer>(question: Question): Promise<Answer> {
    if (this.ended) return Promise.reject(this.failure ?? new Error('the engine has ended'));
    const id = this.nextQuestion++;
    return new Promise<Answer>((resolve, reject) => {
      this.questions.set(id, { resolve, reject });
      this.post({ ...question, id });
    });
  }

  close(): Promise<void> {
    this.closing ??= new Promise((resolve) => {
      if (this.ended) return resolve();
      const stubborn = setTimeout(() => void this.worker.terminate(), CLOSE_MS);
      this.worker.once('exit', () => {
        clearTimeout(stubborn);
        resolve();
      });
      this.post({ kind: 'close' });
    });
    return this.closing;
  }

  onExit(fn: (error?: Error) => void): void {
    if (this.ended) fn(this.failure);
    else this.listeners.push(fn);
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  private answer(id: number, answer: unknown): void {
    this.questions.get(id)?.resolve(answer as never);
    this.questions.delete(id);
  }

  private exited(): void {
    this.ended = true;
    const error = this.failure;
    for (const { reject } of this.questions.values()) reject(error ?? new Error('the engine has ended'));
    this.questions.clear();
    for (const fn of this.listeners.splice(0)) fn(error);
  }
}

/** What a thread threw: usually an Error, though perhaps of another realm, or anything at all. */
function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  const message = typeof thrown === 'object' && thrown !== null && 'message' in thrown ? String(thrown.message) : String(thrown);
  return new Error(message);
}
