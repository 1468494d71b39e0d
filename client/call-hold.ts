/** Who keeps whom waiting in a call that is up (RFC 3264 §8.4): we the far end by offering `sendonly`, the far end us by what it offers. */
import type { CallEvent } from './events';
import type { CallMedia, Direction } from './media';
import { PhoneError, type CallState } from './phone-types';
import type { Session } from './sip/session';

/** What holding needs of the call. */
export interface HoldableCall {
  readonly id: string;
  readonly media: CallMedia;
  readonly session: Session | undefined;
  readonly isUp: boolean;
  state: CallState;
  emit(event: CallEvent): void;
  /** Other calls that are up are put on hold; resolves when that is so. */
  toFront(): Promise<void>;
  /** What `work` throws, as a PhoneError. */
  guarded<T>(work: Promise<T>): Promise<T>;
}

export class CallHold {
  /** What we want; the call's state says what was agreed. */
  private ours = false;
  private theirs = false;

  constructor(private readonly call: HoldableCall) {}

  get byFarEnd(): boolean {
    return this.theirs;
  }

  /** What we offer. */
  get wanted(): Direction {
    return this.ours ? 'sendonly' : 'sendrecv';
  }

  /** Whether either side keeps the other one waiting, or is about to. */
  get any(): boolean {
    return this.ours || this.theirs;
  }

  /** Idempotent. Errors: PhoneError; the call is as before then. */
  async hold(): Promise<void> {
    const { call } = this;
    if (call.state === 'held' || (call.isUp && this.ours)) return;
    await this.change(true);
  }

  /** Idempotent. Errors: as of `hold`. */
  async resume(): Promise<void> {
    const { call } = this;
    if (call.state === 'up' && !this.ours) return void (await call.toFront());
    if (call.isUp) await call.toFront();
    await this.change(false);
  }

  /** What goes which way was agreed anew. `by`: who asked. */
  negotiated(by: 'local' | 'remote'): void {
    const { id, media } = this.call;
    const { direction } = media.state;
    // We may not send: the far end does not listen to us.
    const held = direction === 'recvonly' || direction === 'inactive';
    if (held === this.theirs) return;
    this.theirs = held;
    if (by === 'remote' || held) this.call.emit({ event: held ? 'held' : 'resumed', call: id, by: 'remote' });
  }

  private async change(onHold: boolean): Promise<void> {
    const { call } = this;
    const { session } = call;
    if (!session || !call.isUp) throw new PhoneError('wrong-state', `a call that is not up cannot be ${onHold ? 'held' : 'resumed'}`);
    this.ours = onHold;
    if (onHold) call.media.setActive(false);
    try {
      await call.guarded(session.modify());
    } catch (err) {
      if (this.ours === onHold) this.ours = !onHold;
      if (onHold && call.state === 'up') call.media.setActive(true);
      throw err;
    }
    if (!call.isUp || this.ours !== onHold) return;
    call.state = onHold ? 'held' : 'up';
    call.emit({ event: onHold ? 'held' : 'resumed', call: call.id, by: 'local' });
    if (!onHold) void call.toFront();
  }
}
