/**
 * A phone in a service's call from which nothing comes any more: the end of the call, or the phone is asked (OPTIONS in the dialog), and the call
 * goes on while it answers. One that is muted may send nothing for an hour; one that lost its network does not answer.
 */
import type { Timer } from '../clock';
import type { Call } from './call';
import type { CallContext } from './context';
import { sendInDialog } from './dialogs';
import type { Feature } from './feature';
import { guarded, hangup } from './hangup';
import { refuse } from './reasons';

export class Silence {
  private asking = false;
  private closed = false;
  private timer: Timer | undefined;

  constructor(
    private readonly ctx: CallContext,
    private readonly call: Call,
    private readonly means: Feature['silence'],
  ) {}

  /** Nothing has come for so long. */
  lasts(silentMs: number): void {
    if (this.means !== 'asks') return this.end(silentMs);
    if (this.asking) return;
    this.asking = true;
    this.ask(silentMs);
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
  }

  private ask(everyMs: number): void {
    const { ctx, call } = this;
    if (!call.caller.dialog || call.over) return;
    sendInDialog(call.caller.dialog, { method: 'OPTIONS' }, (status) =>
      guarded(ctx, call, 'answer to OPTIONS', () => {
        if (this.closed) return;
        if (status === 0 || status === 408 || status === 481) return this.end(everyMs);
        this.timer = ctx.clock.after(everyMs, () => guarded(ctx, call, 'OPTIONS', () => this.ask(everyMs)));
      }),
    );
  }

  private end(silentMs: number): void {
    this.ctx.counters.silent++;
    hangup(this.ctx, this.call, 'system', refuse('no-media', String(Math.round(silentMs / 1000))));
  }
}
