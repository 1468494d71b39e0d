/**
 * The program of `offhook serve --app FILE`: the door for the phone system.
 *
 *   file ─ compile ─▶ thread ─ says what it is ─▶ in use ─┬ file changed, SIGHUP: a new one is loaded, and takes its place if it can; calls stay where they are
 *                                                        └ it ends by itself: again, after 1, 2, 4 … 60 s; calls go on without it
 */
import type { Clock, Timer } from '../clock';
import { every } from '../every';
import type { Logger } from '../log';
import type { NewCall } from './index';
import { Instance, type Outcome, type ProgramCall, type ProgramThread } from './instance';
import type { CheckedVerdict } from './operations';
import type { CompileAnswer, Compiled, Fault, Loaded } from './protocol';

export type { Outcome, ProgramCall };
export type { CheckedVerdict };
export type { Operation, Sounds } from './operations';

/** The program cannot be used; the message is a sentence with file and line. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
}

export interface AppProgramDeps {
  clock: Clock;
  log: Logger;
  /** Never rejects. */
  compile(entry: string): Promise<CompileAnswer>;
  spawn(compiled: Compiled): ProgramThread;
  /** Another text when the file has changed; the same while it is not there. */
  stamp(path: string): string;
}

export interface AppProgramCounters {
  /** Handlers that had a call; those that failed, for whatever reason. */
  handled: number;
  failed: number;
  /** Calls that the hook was asked about; those it failed or was too late for. */
  judged: number;
  unjudged: number;
  /** Times that it ended by itself; changes that were taken over, and that could not be. */
  restarts: number;
  reloads: number;
  refusedReloads: number;
}

const LOOK_MS = 500;
const HOOK_MS = 2000;
const LONGEST_PAUSE_MS = 60_000;
/** Versions at once: each has calls, or is the newest. */
const MAX_VERSIONS = 10;

export class AppProgram {
  readonly counters: AppProgramCounters = { handled: 0, failed: 0, judged: 0, unjudged: 0, restarts: 0, reloads: 0, refusedReloads: 0 };
  /** Another number when other routes may be in force. */
  version = 0;
  private current: Instance | undefined;
  private readonly instances = new Set<Instance>();
  private compiled: Compiled | undefined;
  private said: Loaded | undefined;
  private stamps = '';
  private seen = '';
  private watched: readonly string[];
  private looking: Timer | undefined;
  private restarting: Timer | undefined;
  private pauseMs = 0;
  private startedAt = 0;
  private reloading: Promise<string | undefined> | undefined;
  private again = false;
  /** Of what was brought last, and of what is in force: what takes longer to load than what came after it is too late. */
  private turn = 0;
  private inForce = 0;
  private closed = false;

  private constructor(
    readonly file: string,
    private readonly deps: AppProgramDeps,
  ) {
    this.watched = [file];
  }

  /** `file`: absolute. Errors: `ProgramError`, with nothing left running. */
  static async start(file: string, deps: AppProgramDeps): Promise<AppProgram> {
    const program = new AppProgram(file, deps);
    const problem = await program.loadFromFile();
    if (problem !== undefined) {
      await program.close();
      throw new ProgramError(problem);
    }
    program.looking = every(deps.clock, LOOK_MS, () => program.look());
    return program;
  }

  /** What is in force, also while it is being started again. */
  get settings(): Loaded {
    if (!this.said) throw new Error('the program was not loaded');
    return this.said;
  }

  serves(tenant: string): boolean {
    const { tenants } = this.settings;
    return tenants === 'all' || tenants.includes(tenant);
  }

  /** Never rejects. */
  async run(pattern: string, call: ProgramCall): Promise<Outcome> {
    this.counters.handled++;
    const outcome: Outcome = this.current ? await this.current.run(pattern, call) : { kind: 'failed', problem: 'the program is being started again', at: undefined };
    if (outcome.kind === 'failed') {
      this.counters.failed++;
      this.deps.log.error({ call: call.info.id, route: pattern, at: outcome.at, problem: outcome.problem }, 'a handler of the program failed; its call goes on without it');
    }
    return outcome;
  }

  /** What the hook says of a new call; undefined: nothing, in time. Never rejects. */
  async judge(call: NewCall): Promise<CheckedVerdict | undefined> {
    if (!this.current || this.settings.hooks.length === 0 || !this.serves(call.tenant)) return undefined;
    this.counters.judged++;
    try {
      const verdict = await this.current.judge(call, HOOK_MS);
      if (verdict !== 'late') return verdict;
      this.deps.log.warn({ from: call.caller.number, to: call.dialled }, `the hook onCall said nothing within ${HOOK_MS / 1000} s; the call goes on without it`);
    } catch (err) {
      const { problem, at } = err as Fault;
      this.deps.log.error({ from: call.caller.number, to: call.dialled, problem, at }, 'the hook onCall failed; the call goes on without it');
    }
    this.counters.unjudged++;
    return undefined;
  }

  /** Reads the file again. Resolves with what is wrong with it, which was logged, too; undefined: it is in force. */
  async reload(): Promise<string | undefined> {
    if (this.reloading) {
      this.again = true;
      return this.reloading;
    }
    this.reloading = this.reloadNow();
    const problem = await this.reloading;
    this.reloading = undefined;
    if (!this.again) return problem;
    this.again = false;
    return this.reload();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.looking?.cancel();
    this.restarting?.cancel();
    await Promise.all([...this.instances].map((one) => one.close()));
  }

  private async reloadNow(): Promise<string | undefined> {
    if (this.closed) return undefined;
    const problem = this.instances.size >= MAX_VERSIONS ? `${MAX_VERSIONS} versions of it have calls; it is read again when some of them have ended` : await this.loadFromFile();
    if (problem === undefined) this.counters.reloads++;
    else {
      this.counters.refusedReloads++;
      this.deps.log.error({ problem }, 'the program has changed and cannot be used; the one before stays in force');
    }
    return problem;
  }

  private async loadFromFile(): Promise<string | undefined> {
    const before = this.stamped();
    const answer = await this.deps.compile(this.file);
    this.watched = 'compiled' in answer ? answer.compiled.files : answer.files;
    // as they were before they were read: what has changed meanwhile is seen as a change
    this.stamps = this.watched.length === before.count ? before.text : this.stamped().text;
    this.seen = this.stamps;
    if ('problem' in answer) return answer.problem;
    return this.bring(answer.compiled);
  }

  /** Puts it in the place of what is in force, if it can be loaded. */
  private async bring(compiled: Compiled): Promise<string | undefined> {
    const { clock, log } = this.deps;
    const instance: Instance = new Instance(this.deps.spawn(compiled), { clock, log, gone: (why) => this.gone(instance, why) });
    this.instances.add(instance);
    const turn = ++this.turn;
    try {
      const loaded = await instance.loaded;
      if (turn < this.inForce) {
        this.instances.delete(instance);
        await instance.close();
        return undefined;
      }
      this.inForce = turn;
      const before = this.current;
      this.current = instance;
      this.compiled = compiled;
      this.said = loaded;
      this.version++;
      this.startedAt = clock.now();
      this.restarting?.cancel();
      log.info({ file: this.file, routes: loaded.routes.join(' '), hooks: loaded.hooks.join(' ') }, 'the program is loaded');
      before?.retire();
      for (const one of this.instances) if (one !== instance && one.calls === 0) this.instances.delete(one);
      return undefined;
    } catch (err) {
      this.instances.delete(instance);
      return (err as Error).message;
    }
  }

  private gone(instance: Instance, why: string): void {
    this.instances.delete(instance);
    if (this.closed || instance !== this.current) return;
    const { clock, log } = this.deps;
    this.current = undefined;
    this.counters.restarts++;
    this.pauseMs = clock.now() - this.startedAt > LONGEST_PAUSE_MS || this.pauseMs === 0 ? 1000 : Math.min(LONGEST_PAUSE_MS, this.pauseMs * 2);
    log.error({ why, seconds: this.pauseMs / 1000 }, 'the program has ended by itself, and is started again');
    this.startLater();
  }

  private startLater(): void {
    this.restarting = this.deps.clock.after(this.pauseMs, () => {
      if (this.closed || this.current || !this.compiled) return;
      void this.bring(this.compiled).then((problem) => {
        if (problem === undefined || this.closed || this.current) return;
        this.pauseMs = Math.min(LONGEST_PAUSE_MS, this.pauseMs * 2);
        this.deps.log.error({ problem, seconds: this.pauseMs / 1000 }, 'the program could not be started again');
        this.startLater();
      });
    });
  }

  /** By looking, since watching is not to be had on every file system, and editors put another file in the place of the one they change. */
  private async look(): Promise<void> {
    const now = this.stamped().text;
    // twice the same: nobody is writing just now
    const settled = now === this.seen;
    this.seen = now;
    if (now !== this.stamps && settled) await this.reload();
  }

  private stamped(): { text: string; count: number } {
    return { text: this.watched.map((path) => this.deps.stamp(path)).join('\n'), count: this.watched.length };
  }
}
