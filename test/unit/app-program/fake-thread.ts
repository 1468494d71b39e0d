/** A program's thread in this one: the same runner, messages copied as between threads, and a test that says what else becomes of it. */
import { EventEmitter } from 'node:events';
import { AppProgram, type AppProgramDeps } from '../../../signaling/app-program/app-program';
import { appOf, loadedOf } from '../../../signaling/app-program/described';
import type { App } from '../../../signaling/app-program/index';
import type { ProgramThread } from '../../../signaling/app-program/instance';
import type { CompileAnswer, FromProgram, ToProgram } from '../../../signaling/app-program/protocol';
import { Runner } from '../../../signaling/app-program/runner';
import { faultOf } from '../../../signaling/app-program/where';
import { FakeLog } from '../app/call-fakes';
import { FakeClock } from '../../support/fake-clock';

export class FakeThread extends EventEmitter implements ProgramThread {
  /** It loops: nothing is read, nothing said. */
  stuck = false;
  ended = false;
  private readonly runner: Runner | undefined;

  /** `app`: 'silent' never says that it is loaded; an `Error` is thrown as it is loaded. */
  constructor(app: App | 'silent' | Error) {
    super();
    if (app === 'silent') return;
    if (app instanceof Error) {
      queueMicrotask(() => this.says({ kind: 'unusable', problem: app.message, at: 'my-app.ts:1' }));
      return;
    }
    this.runner = new Runner(appOf(app), (message) => this.says(structuredClone(message)), (thrown) => faultOf(thrown, []));
    queueMicrotask(() => this.says({ kind: 'loaded', ...loadedOf(app) }));
  }

  postMessage(message: ToProgram): void {
    const copy = structuredClone(message);
    if (!this.stuck && !this.ended) queueMicrotask(() => this.runner?.receive(copy));
  }

  /** As a thread ends that nobody has ended. */
  dies(err?: Error & { code?: string }): void {
    if (this.ended) return;
    this.ended = true;
    if (err) this.emit('error', err);
    this.emit('exit', 1);
  }

  async terminate(): Promise<void> {
    this.dies();
  }

  says(message: FromProgram): void {
    if (!this.stuck && !this.ended) this.emit('message', message);
  }
}

/** A file whose program a test says, and says anew. */
export class Bench implements AppProgramDeps {
  readonly clock: FakeClock;
  readonly log: FakeLog;
  readonly threads: FakeThread[] = [];
  /** Of the file; a string: what is wrong with it. */
  app: App | 'silent' | Error | string;
  private edition = 1;

  constructor(app: Bench['app'], parts: { clock?: FakeClock; log?: FakeLog } = {}) {
    this.app = app;
    this.clock = parts.clock ?? new FakeClock();
    this.log = parts.log ?? new FakeLog();
  }

  start(): Promise<AppProgram> {
    return AppProgram.start('/srv/my-app.ts', this);
  }

  /** Somebody saves the file. */
  save(app: Bench['app']): void {
    this.app = app;
    this.edition++;
  }

  get last(): FakeThread {
    return this.threads.at(-1) as FakeThread;
  }

  compile = async (entry: string): Promise<CompileAnswer> => (typeof this.app === 'string' && this.app !== 'silent' ? { problem: this.app, files: [entry] } : { compiled: { entry, modules: [], links: {}, files: [entry] } });

  spawn = (): FakeThread => {
    const thread = new FakeThread(this.app as App);
    this.threads.push(thread);
    return thread;
  };

  stamp = (): string => String(this.edition);

  async after(ms: number): Promise<void> {
    await settle();
    // step by step: what a timer sets off takes turns
    for (let left = ms; left > 0; left -= 250) {
      this.clock.advance(Math.min(250, left));
      await settle();
    }
  }
}

export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}
