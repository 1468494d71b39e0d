/** The plane's end of one worker: commands gathered into messages, answers matched, its death noticed and cleaned up after. */
import { writeSync } from 'node:fs';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { DigitEvent, SimpleEvent, TalkingEvent } from './audio-types';
import type { CodecName } from './frame';
import { MediaError, type MediaErrorCode } from './errors';
import { closeLeftovers, sharedLedger } from './net/fd-ledger';
import type { Answer, Command, CommandName, Commands, SilentNotice, WorkerMessage, WorkerStart } from './worker-protocol';

/** Starts a worker's thread. An argument, so that tests run the sources as they are. */
export type SpawnWorker = (options: WorkerOptions) => Worker;

export interface LinkEvents {
  onSilent(silences: SilentNotice[]): void;
  onDigit(event: DigitEvent): void;
  onTalking(event: TalkingEvent): void;
  onSimple(event: SimpleEvent): void;
  /** It ended and was not asked to. Its sockets are closed, its unanswered commands refused. */
  onLost(link: WorkerLink): void;
}

/** What a worker says that the plane acts upon itself. */
export class WorkerRefusal extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

interface Waiting {
  resolve(value: unknown): void;
  reject(err: Error): void;
}

const RING = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
const CLOSE_PATIENCE_MS = 2000;

/** A relaying worker makes next to no garbage; a small young generation keeps an idle one small. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 512 };

export class WorkerLink {
  readonly ready: Promise<void>;
  backend: 'native' | 'dgram' = 'dgram';
  fallback: string | undefined;
  codecs: readonly CodecName[] = [];
  opusRecovers = false;
  /** Endpoints that the plane placed here. */
  endpoints = 0;
  alive = true;
  private readonly worker: Worker;
  private readonly exited: Promise<void>;
  private readonly ledger;
  private readonly waiting = new Map<number, Waiting>();
  private outbox: Command[] = [];
  private numbers = 0;
  private bell: number | undefined;
  private closing = false;

  constructor(spawn: SpawnWorker, start: Omit<WorkerStart, 'ledger'>, name: string, maxSockets: number, events: LinkEvents) {
    this.ledger = sharedLedger(maxSockets + 4);
    const workerData: WorkerStart = { ...start, ledger: this.ledger };
    const worker = (this.worker = spawn({ workerData, name, resourceLimits: RESOURCE_LIMITS }));
    let failed: (err: Error) => void = () => undefined;
    this.ready = new Promise((resolve, reject) => {
      failed = reject;
      worker.on('message', (message: WorkerMessage) => {
        switch (message.kind) {
          case 'ready':
            this.backend = message.backend;
            this.fallback = message.fallback;
            this.bell = message.bell;
            this.codecs = message.codecs;
            this.opusRecovers = message.opusRecovers;
            resolve();
            return;
          case 'refused':
            this.closing = true;
            reject(new WorkerRefusal(message.code, message.message));
            return;
          case 'answers':
            message.answers.forEach((answer) => this.settle(answer));
            return;
          case 'silent':
            events.onSilent(message.silences);
            return;
          case 'digit':
            events.onDigit(message.event);
            return;
          case 'talking':
            events.onTalking(message.event);
            return;
          case 'simple':
            events.onSimple(message.event);
        }
      });
    });
    this.ready.catch(() => undefined); // whoever waits for it hears of it
    worker.on('error', (err) => failed(new MediaError('system', `a media worker ended while starting: ${err.message}`)));
    this.exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.alive = false;
        this.bell = undefined;
        closeLeftovers(this.ledger);
        failed(new MediaError('system', `a media worker ended while starting (exit code ${code})`));
        this.refuseAll(this.closing ? 'closed' : 'worker-lost');
        resolve();
        if (!this.closing) events.onLost(this);
      });
    });
  }

  /** @throws MediaError 'worker-lost' | 'closed'; WorkerRefusal as the worker said it */
  request<K extends CommandName>(op: K, ask: Commands[K]['ask']): Promise<Commands[K]['answer']> {
    if (!this.alive || this.closing) return Promise.reject(lostError(this.closing ? 'closed' : 'worker-lost'));
    return this.send(op, ask) as Promise<Commands[K]['answer']>;
  }

  private send(op: CommandName, ask: object): Promise<unknown> {
    const n = ++this.numbers;
    this.outbox.push({ ...ask, op, n } as Command);
    if (this.outbox.length === 1) queueMicrotask(() => this.flush());
    return new Promise((resolve, reject) => this.waiting.set(n, { resolve, reject }));
  }

  private flush(): void {
    const commands = this.outbox;
    this.outbox = [];
    if (!this.alive) return;
    this.worker.postMessage(commands);
    // A worker that waits for packets inside a system call does not see messages; the bell does what a packet would.
    if (this.bell !== undefined) writeSync(this.bell, RING);
  }

  private settle(answer: Answer): void {
    const waiting = this.waiting.get(answer.n);
    this.waiting.delete(answer.n);
    if (!waiting) return;
    if ('error' in answer) waiting.reject(new WorkerRefusal(answer.error.code, answer.error.message));
    else waiting.resolve(answer.value);
  }

  private refuseAll(code: 'closed' | 'worker-lost'): void {
    for (const { reject } of this.waiting.values()) reject(lostError(code));
    this.waiting.clear();
  }

  /** Idempotent. Resolves when the thread has ended. */
  async close(): Promise<void> {
    if (this.alive && !this.closing) {
      this.closing = true;
      this.send('close', {}).catch(() => undefined);
      const impatient = setTimeout(() => void this.worker.terminate(), CLOSE_PATIENCE_MS);
      await this.exited;
      clearTimeout(impatient);
    }
    await this.exited;
  }
}

const lostError = (code: Extract<MediaErrorCode, 'closed' | 'worker-lost'>): MediaError =>
  new MediaError(code, code === 'closed' ? 'the media plane is closed' : 'the media worker that held this ended');
