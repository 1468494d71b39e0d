/** What goes on in a program's thread: handlers have calls, the hook is asked, and whatever is thrown is told to the server and ends no other call. */
import { CallOver, type App } from './index';
import type { Fault, FromProgram, ToProgram } from './protocol';
import { RemoteCall } from './remote-call';

export class Runner {
  private readonly calls = new Map<number, RemoteCall>();

  constructor(
    private readonly app: App,
    private readonly post: (message: FromProgram) => void,
    private readonly faultOf: (thrown: unknown) => Fault,
  ) {}

  receive(message: ToProgram): void {
    switch (message.kind) {
      case 'ping':
        return this.post({ kind: 'pong' });
      case 'call':
        return void this.handle(message);
      case 'answer':
        return this.calls.get(message.n)?.answers(message.ask, message.value);
      case 'refused':
        return this.calls.get(message.n)?.refuses(message.ask, message.problem);
      case 'over':
        return this.calls.get(message.n)?.ends(message.why);
      case 'judge':
        return void this.judge(message);
    }
  }

  private async handle({ n, pattern, info }: Extract<ToProgram, { kind: 'call' }>): Promise<void> {
    const call = new RemoteCall(info, (ask, operation) => this.post({ kind: 'ask', n, ask, operation }));
    this.calls.set(n, call);
    try {
      await this.app.routes?.[pattern]?.(call);
      this.post({ kind: 'done', n });
    } catch (err) {
      if (err instanceof CallOver && call.over) this.post({ kind: 'done', n });
      else this.post({ kind: 'failed', n, ...this.faultOf(err) });
    } finally {
      this.calls.delete(n);
    }
  }

  private async judge({ n, call }: Extract<ToProgram, { kind: 'judge' }>): Promise<void> {
    try {
      this.post({ kind: 'verdict', n, verdict: (await this.app.onCall?.(call)) ?? undefined });
    } catch (err) {
      this.post({ kind: 'unjudged', n, ...this.faultOf(err) });
    }
  }
}
