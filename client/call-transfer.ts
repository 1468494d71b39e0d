/** Transfers that we ask for (RFC 5589): the call is held, its far end referred to somebody else, and the call ended once it speaks there. */
import type { PhoneCall } from './call';
import type { CallHost } from './call-host';
import type { CallMedia } from './media';
import { PhoneError, type Call } from './phone-types';
import { isRefer, TransferOut } from './sip/refer';
import type { Core } from './sip/sip-js';

export class CallTransfer<M extends CallMedia> {
  private running: TransferOut | undefined;

  constructor(
    private readonly call: PhoneCall<M>,
    private readonly host: CallHost<M>,
  ) {}

  /** Resolves when the far end said that it speaks with `to`. Errors: PhoneError. */
  async blind(to: string): Promise<void> {
    await this.refer(this.host.referTo(to), to);
  }

  /** Errors: PhoneError. */
  async attended(other: Call<M>, known: (call: Call<M>) => call is PhoneCall<M>): Promise<void> {
    if (!known(other) || other === this.call || !other.isUp) throw new PhoneError('wrong-state', 'a call can be joined with another one that is up');
    await this.refer(this.host.referToCall(other), other.info.party.uri);
    await other.hangUp();
  }

  notify(request: Core.IncomingNotifyRequest): void {
    if (isRefer(request.message) && this.running) this.running.notify(request);
    else request.accept();
  }

  callEnded(byFarEnd: boolean): void {
    this.running?.callEnded(byFarEnd);
  }

  private async refer(referTo: string, to: string): Promise<void> {
    const { call, host } = this;
    const { session } = call;
    if (!call.isUp || !session) throw new PhoneError('wrong-state', 'a call can be transferred once it is up');
    if (this.running) throw new PhoneError('wrong-state', 'the call is being transferred already');
    const tell = (state: 'asked' | 'trying' | 'done' | 'failed', status: number, reason: string): void => host.emit({ event: 'transfer', call: call.id, to, status, reason, state });
    // RFC 5589 §6: the far end hears nothing of us meanwhile; a phone that does not hold can be transferred all the same.
    await call.hold().catch(() => undefined);
    if (!call.isUp) throw new PhoneError('wrong-state', 'the call ended before it was transferred');
    let last = { status: 0, reason: '' };
    tell('asked', 0, '');
    const transfer = new TransferOut(host.agent, host.clock, session.dialog, referTo, (status, reason) => {
      last = { status, reason };
      if (status < 200) tell('trying', status, reason);
    });
    this.running = transfer;
    try {
      await transfer.done;
    } catch (err) {
      tell('failed', (err instanceof PhoneError ? err.status : null) ?? 0, err instanceof Error ? err.message : '');
      throw err;
    } finally {
      this.running = undefined;
    }
    tell('done', last.status, last.reason);
    call.leave('transferred');
  }
}
