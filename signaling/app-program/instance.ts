/**
 * One thread with one version of a program, seen from the server: its calls, its watchdog, its end.
 *
 * Whatever becomes of the thread, each of its calls is told how it stands: handled, over, or failed, and then goes on without the program.
 */
import type { Clock, Timer } from '../clock';
import type { Logger } from '../log';
import type { NewCall } from './index';
import { operationOf, verdictOf, type CheckedVerdict, type Operation } from './operations';
import type { CallInfo, Fault, FromProgram, Loaded, ToProgram } from './protocol';

/** The part of a worker thread that is used. */
export interface ProgramThread {
  postMessage(message: ToProgram): void;
  on(event: 'message', fn: (message: FromProgram) => void): unknown;
  on(event: 'error', fn: (err: Error & { code?: string }) => void): unknown;
  on(event: 'exit', fn: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

/** How a handler has ended: by itself, since its call was over (or somebody else's), or not as it should. */
export type Outcome = { kind: 'done' } | { kind: 'over' } | ({ kind: 'failed' } & Fault);

/** A call for a handler. */
export interface ProgramCall {
  readonly info: CallInfo;
  /** Does what the program asks. Rejects with an error of the name `CallOver` when the call is over; other messages are for the program. */
  operate(operation: Operation): Promise<unknown>;
  /** Resolves when the call is over, or another's. Never rejects. */
  readonly ended: Promise<string>;
}

export interface InstanceDeps {
  clock: Clock;
  log: Logger;
  /** It ended, and was not told to. */
  gone(why: string): void;
}

interface Running {
  call: ProgramCall;
  /** Operations under way. */
  under: number;
  idle: Timer | undefined;
  outcome: ((outcome: Outcome) => void) | undefined;
}

const LOAD_MS = 20_000;
const PING_MS = 1000;
/** So many pings in a row without an answer: it loops. Counted, not timed, so that a server that stood still itself blames nobody. */
const MISSED = 5;
/** Of one call at once; a handler that asks for more in a loop without awaiting is told so. */
const MAX_UNDER_WAY = 100;
/** What a handler may still do when its call is over, before a program that was replaced ends. */
const AFTERWARDS_MS = 60_000;

export class Instance {
  readonly loaded: Promise<Loaded>;
  private said: Loaded | undefined;
  private readonly running = new Map<number, Running>();
  private readonly judged = new Map<number, (verdict: CheckedVerdict | Fault | undefined) => void>();
  private number = 0;
  private missed = 0;
  private ticking: Timer | undefined;
  private ended = false;
  private retired = false;
  private problem: string | undefined;

  constructor(
    private readonly thread: ProgramThread,
    private readonly deps: InstanceDeps,
  ) {
    let usable: (loaded: Loaded) => void = () => undefined;
    let unusable: (err: Error) => void = () => undefined;
    this.loaded = new Promise((resolve, reject) => {
      usable = resolve;
      unusable = reject;
    });
    const limit = deps.clock.after(LOAD_MS, () => this.end(`it was not loaded after ${LOAD_MS / 1000} s: a loop, or something it waits for`));
    this.loaded.then(() => limit.cancel(), () => limit.cancel());
    thread.on('message', (message) => {
      if (message.kind === 'loaded') {
        const { kind: _, ...loaded } = message;
        this.said = loaded;
        usable(loaded);
        this.tick();
      } else if (message.kind === 'unusable') this.end(message.at === undefined ? message.problem : `${message.at}: ${message.problem}`);
      else this.heard(message);
    });
    thread.on('error', (err) => (this.problem ??= err.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'it took more memory than app.memoryMegabytes' : err.message));
    thread.on('exit', (code) => {
      const why = this.problem ?? `its thread ended with code ${code}`;
      this.exited(why);
      unusable(new Error(why));
    });
  }

  /** Calls that its handlers have. */
  get calls(): number {
    return this.running.size;
  }

  /** Resolves, and never rejects, when the call is not the program's any more. */
  run(pattern: string, call: ProgramCall): Promise<Outcome> {
    if (this.ended) return Promise.resolve({ kind: 'failed', problem: 'the program does not run', at: undefined });
    const n = ++this.number;
    return new Promise((outcome) => {
      const running: Running = { call, under: 0, idle: undefined, outcome };
      this.running.set(n, running);
      this.thread.postMessage({ kind: 'call', n, pattern, info: call.info });
      this.rest(n, running);
      void call.ended.then((why) => this.over(n, running, why));
    });
  }

  /** Undefined: it has nothing to say. Errors: `Fault`, thrown as it is. */
  async judge(call: NewCall, withinMs: number): Promise<CheckedVerdict | undefined | 'late'> {
    if (this.ended) return undefined;
    const n = ++this.number;
    let limit: Timer | undefined;
    const verdict = await new Promise<CheckedVerdict | Fault | undefined | 'late'>((resolve) => {
      this.judged.set(n, resolve);
      limit = this.deps.clock.after(withinMs, () => resolve('late'));
      this.thread.postMessage({ kind: 'judge', n, call });
    });
    limit?.cancel();
    this.judged.delete(n);
    if (typeof verdict === 'object' && 'problem' in verdict) throw verdict;
    return verdict;
  }

  /** Takes no more calls, and ends with its last. */
  retire(): void {
    this.retired = true;
    this.leaveIfIdle();
  }

  close(): Promise<void> {
    this.retired = true;
    this.ended = true;
    this.ticking?.cancel();
    return this.thread.terminate().then(() => undefined);
  }

  private heard(message: FromProgram): void {
    switch (message.kind) {
      case 'pong':
        this.missed = 0;
        return;
      case 'ask':
        return void this.ask(message);
      case 'done':
        return this.finished(message.n, { kind: 'done' });
      case 'failed':
        return this.finished(message.n, { kind: 'failed', problem: message.problem, at: message.at });
      case 'verdict':
        return this.verdict(message.n, message.verdict);
      case 'unjudged':
        return this.judged.get(message.n)?.({ problem: message.problem, at: message.at });
      case 'stray':
        return this.deps.log.error({ problem: message.problem, at: message.at }, 'something was thrown in the program, outside any handler');
    }
  }

  private verdict(n: number, given: unknown): void {
    try {
      this.judged.get(n)?.(verdictOf(given));
    } catch (err) {
      this.judged.get(n)?.({ problem: (err as Error).message, at: undefined });
    }
  }

  private async ask({ n, ask, operation: asked }: Extract<FromProgram, { kind: 'ask' }>): Promise<void> {
    const running = this.running.get(n);
    if (!running) return;
    running.under++;
    running.idle?.cancel();
    let reply: ToProgram | undefined;
    try {
      if (running.under > MAX_UNDER_WAY) throw new Error(`more than ${MAX_UNDER_WAY} things at once are asked for: await what a call is to do`);
      const operation = operationOf(asked);
      // of what has failed or is over nothing more is done
      const value = running.outcome ? await running.call.operate(operation) : undefined;
      if (running.outcome || operation.op === 'record') reply = { kind: 'answer', n, ask, value };
    } catch (err) {
      if ((err as Error).name !== 'CallOver') reply = { kind: 'refused', n, ask, problem: err instanceof Error ? err.message : String(err) };
    }
    running.under--;
    if (this.ended) return;
    if (reply) this.thread.postMessage(reply);
    this.rest(n, running);
  }

  /** Nothing is done with the call at the moment. */
  private rest(n: number, running: Running): void {
    if (running.under > 0 || !running.outcome) return;
    const seconds = this.said?.idleSeconds ?? 0;
    running.idle?.cancel();
    running.idle = this.deps.clock.after(seconds * 1000, () => {
      const problem = `nothing was done with the call for ${seconds} s`;
      this.settle(running, { kind: 'failed', problem, at: undefined });
      this.over(n, running, problem);
    });
  }

  private over(n: number, running: Running, why: string): void {
    this.settle(running, { kind: 'over' });
    if (!this.running.has(n) || this.ended) return;
    this.thread.postMessage({ kind: 'over', n, why });
    running.idle = this.deps.clock.after(AFTERWARDS_MS, () => this.finished(n, { kind: 'over' }));
  }

  private finished(n: number, outcome: Outcome): void {
    const running = this.running.get(n);
    if (!running) return;
    this.running.delete(n);
    this.settle(running, outcome);
    this.leaveIfIdle();
  }

  private settle(running: Running, outcome: Outcome): void {
    running.idle?.cancel();
    running.outcome?.(outcome);
    running.outcome = undefined;
  }

  private tick(): void {
    if (this.ended) return;
    if (this.missed >= MISSED) return this.end('it did not answer for 5 s: a loop without end');
    this.missed++;
    this.thread.postMessage({ kind: 'ping' });
    this.ticking = this.deps.clock.after(PING_MS, () => this.tick());
  }

  private leaveIfIdle(): void {
    if (this.retired && !this.ended && this.running.size === 0) void this.close();
  }

  /** `exit` follows. */
  private end(problem: string): void {
    this.problem ??= problem;
    void this.thread.terminate();
  }

  private exited(why: string): void {
    const expected = this.ended;
    this.ended = true;
    this.ticking?.cancel();
    for (const n of [...this.running.keys()]) this.finished(n, { kind: 'failed', problem: why, at: undefined });
    for (const resolve of this.judged.values()) resolve({ problem: why, at: undefined });
    if (!expected && this.said && !this.retired) this.deps.gone(why);
    else if (!expected && this.said) this.deps.log.error({ why }, 'a program that was replaced ended before its last call');
  }
}
