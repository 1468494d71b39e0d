/** A call as a handler has it, in the program's thread: everything is asked of the server, and throws `CallOver` when the call is over. */
import { CallOver, type AppCall, type Gathered, type GatherOptions, type Party, type Played, type PlayOptions, type Recorded, type RecordOptions, type Sound, type TransferOptions } from './index';
import type { CallInfo } from './protocol';

interface Waiting {
  resolve(value: unknown): void;
  reject(err: Error): void;
  /** Is answered also when the call is over. */
  outlives: boolean;
  /** Made where the program asked: its stack says where. */
  at: Error;
}

export class RemoteCall implements AppCall {
  readonly id: string;
  readonly caller: Party;
  readonly dialled: string;
  readonly tenant: string;
  readonly transferredBy: string | undefined;
  private isAnswered: boolean;
  private readonly controller = new AbortController();
  private readonly waiting = new Map<number, Waiting>();
  private asked = 0;
  private why: string | undefined;

  constructor(
    { id, caller, dialled, tenant, transferredBy, answered }: CallInfo,
    private readonly post: (ask: number, operation: object) => void,
  ) {
    [this.id, this.caller, this.dialled, this.tenant, this.transferredBy] = [id, caller, dialled, tenant, transferredBy];
    this.isAnswered = answered;
  }

  get answered(): boolean {
    return this.isAnswered;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get over(): boolean {
    return this.why !== undefined;
  }

  early = (): Promise<boolean> => this.ask({ op: 'early' }) as Promise<boolean>;
  answer = async (): Promise<void> => {
    await this.ask({ op: 'answer' });
    this.isAnswered = true;
  };
  play = (what: Sound | readonly Sound[], options: PlayOptions = {}): Promise<Played> => this.ask({ op: 'play', what, options }) as Promise<Played>;
  stopPlaying = (): Promise<void> => this.ask({ op: 'stopPlaying' }) as Promise<void>;
  pause = (seconds: number): Promise<void> => this.ask({ op: 'pause', seconds }) as Promise<void>;
  digit = (within?: number): Promise<string | undefined> => this.ask({ op: 'digit', within }) as Promise<string | undefined>;
  gather = (options: GatherOptions): Promise<Gathered> => this.ask({ op: 'gather', options }) as Promise<Gathered>;
  forgetDigits = (): Promise<void> => this.ask({ op: 'forgetDigits' }) as Promise<void>;
  record = (options: RecordOptions = {}): Promise<Recorded> => this.ask({ op: 'record', options }, true) as Promise<Recorded>;
  transfer = (to: string | readonly string[], options: TransferOptions = {}): Promise<string> => this.ask({ op: 'transfer', to, options }) as Promise<string>;
  hangup = (status?: number, reason?: string): Promise<void> => this.ask({ op: 'hangup', status, reason }) as Promise<void>;

  private ask(operation: object, outlives = false): Promise<unknown> {
    const at = new Error();
    const answer = new Promise<unknown>((resolve, reject) => {
      if (this.why !== undefined) throw new CallOver(this.why);
      const ask = ++this.asked;
      this.post(ask, operation);
      this.waiting.set(ask, { resolve, reject, outlives, at });
    });
    // music that is started and not awaited is no fault when the caller hangs up
    answer.catch(() => undefined);
    return answer;
  }

  answers(ask: number, value: unknown): void {
    this.take(ask)?.resolve(value);
  }

  refuses(ask: number, problem: string): void {
    const waiting = this.take(ask);
    if (!waiting) return;
    const error = new Error(problem);
    error.stack = `Error: ${problem}\n${(waiting.at.stack ?? '').split('\n').slice(1).join('\n')}`;
    waiting.reject(error);
  }

  ends(why: string): void {
    if (this.why !== undefined) return;
    this.why = why;
    const over = new CallOver(why);
    for (const [ask, { outlives, reject }] of this.waiting) {
      if (outlives) continue;
      this.waiting.delete(ask);
      reject(over);
    }
    this.controller.abort(over);
  }

  private take(ask: number): Waiting | undefined {
    const waiting = this.waiting.get(ask);
    this.waiting.delete(ask);
    return waiting;
  }
}
