/**
 * One target of a proxied request: its client transaction and the clocks that run beside it (RFC 3261 §16.6 steps 7 to 11, §16.8).
 *
 *     connecting ─ flow ─▶ sent ─ anything ─▶ heard of ─ final response, time-out, failure, given up ─▶ settled
 *
 * Settled means: its answer is known to the response context. A settled INVITE may still be answered with a 2xx, by a target that was
 * given up or by one behind it after all the others had refused; those are passed on until the transaction below ends.
 */
import type { Timer } from '../../../clock';
import type { ClientTransaction } from '../../transaction/types';
import type { Flow } from '../../transport/types';
import type { SipRequest, SipResponse } from '../../wire/message';
import { SipParseError } from '../../wire/errors';
import type { Envelope } from '../app';
import type { CoreContext } from '../context';
import { made, received } from '../envelope';
import { failureStatus } from '../next-hop';
import { wayTo } from './flows';
import type { ProxyTarget } from './targets';

/** Header fields for a CANCEL. */
export type Extra = ReadonlyArray<{ name: string; value: string }>;

export interface BranchDeps {
  context: CoreContext;
  /** The request as this target gets it, without our Via. @throws SipParseError */
  copyFor(target: ProxyTarget, flow: Flow, breadth: number): SipRequest;
  /** The copy goes by another flow than it was made for. */
  moved?: ((copy: SipRequest, to: Flow) => void) | undefined;
  /** This branch's part; see breadth.ts. */
  breadth: number;
  /** See marks.ts. */
  mark: string;
  /** A final response made here. */
  make(status: number): SipResponse;
  provisionalTimeoutMs?: number | undefined;
  finalTimeoutMs?: number | undefined;
}

export interface BranchEvents {
  /** The copy is on its way. */
  sent(copy: SipRequest): void;
  /** 101 to 199, of a branch that is still wanted. */
  provisional(response: SipResponse, from: Flow): void;
  /** A 2xx; to an INVITE there may be several (`again`), and some after `settled`. */
  success(response: SipResponse, from: Flow, envelope: Envelope, again: boolean): void;
  /** Once, unless a 2xx comes first. */
  settled(response: SipResponse, envelope: Envelope): void;
}

export class Branch {
  /** Something came back: a CANCEL can reach it. */
  heard = false;
  settled = false;
  private transaction: ClientTransaction | undefined;
  private answered = false;
  private cancelled = false;
  private provisionalTimer: Timer | undefined;
  private finalTimer: Timer | undefined;
  private timerC: Timer | undefined;
  private protocol = 'udp';

  constructor(
    private readonly target: ProxyTarget,
    private readonly invite: boolean,
    private readonly deps: BranchDeps,
    private readonly events: BranchEvents,
  ) {}

  start(): void {
    const { transport } = this.deps.context;
    let way: Flow | Promise<Flow>;
    try {
      way = wayTo(this.target, transport);
    } catch (error) {
      this.fail(error as Error);
      return;
    }
    const { provisionalTimeoutMs, finalTimeoutMs } = this.deps;
    const { clock } = this.deps.context;
    // They run from here, not from the connection: a target that cannot be dialled is one that says nothing.
    if (provisionalTimeoutMs !== undefined) this.provisionalTimer = clock.after(provisionalTimeoutMs, () => this.giveUp(408));
    if (finalTimeoutMs !== undefined) this.finalTimer = clock.after(finalTimeoutMs, () => this.giveUp(408));
    if (way instanceof Promise) {
      way.then(
        (flow) => this.send(flow),
        (error: Error) => this.fail(error),
      );
    } else this.send(way);
  }

  /** Nobody waits for it any more: CANCEL as soon as that can be sent (§9.1); what it then answers settles it. */
  cancel(extra: Extra = []): void {
    if (this.settled || this.cancelled) return;
    this.cancelled = true;
    // From here on the transaction below watches the clock.
    this.stopTimers();
    if (this.transaction) this.transaction.cancel(extra);
    else this.settle(this.deps.make(487), made(this.protocol));
  }

  /** Settled here and now with a response made for it, and cancelled. */
  giveUp(status: number): void {
    if (this.settled) return;
    if (!this.cancelled) this.transaction?.cancel();
    this.cancelled = true;
    this.settle(this.deps.make(status), made(this.protocol));
  }

  private send(flow: Flow): void {
    if (this.settled) return;
    this.protocol = flow.protocol;
    try {
      this.transaction = this.deps.context.transactions.request(
        this.deps.copyFor(this.target, flow, this.deps.breadth),
        flow,
        {
          onResponse: (response, from, bytes) => this.onResponse(response, from, received(from, bytes)),
          onTimeout: () => this.settle(this.deps.make(this.cancelled ? 487 : 408), made(this.protocol)),
          onTransportError: (error) => this.fail(error),
          onMove: (copy, to) => {
            this.protocol = to.protocol;
            this.deps.moved?.(copy, to);
          },
          // Somebody behind a target that had refused has answered: its call is as good as any.
          ...(this.invite ? { onLateSuccess: (response, from, bytes) => this.onResponse(response, from, received(from, bytes)) } : {}),
        },
        this.deps.mark,
      );
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      this.fail(error);
      return;
    }
    if (this.invite) this.restartTimerC();
    this.events.sent(this.transaction.request);
  }

  private onResponse(response: SipResponse, from: Flow, envelope: Envelope): void {
    this.heard = true;
    this.provisionalTimer?.cancel();
    const { status } = response;
    if (status < 200) {
      if (status === 100 || this.settled || this.cancelled) return;
      if (this.invite) this.restartTimerC();
      this.events.provisional(response, from);
    } else if (status < 300) {
      this.settled = true;
      this.stopTimers();
      this.events.success(response, from, envelope, this.answered);
      this.answered = true;
    } else this.settle(response, envelope);
  }

  /** §16.8: not a target that is called for ever. Refreshed by every provisional response but 100. */
  private restartTimerC(): void {
    const { clock, options } = this.deps.context;
    this.timerC?.cancel();
    this.timerC = clock.after(options.timerCMs, () => {
      this.deps.context.count('timerC');
      this.giveUp(408);
    });
  }

  /** §16.9: as if the target had answered so. */
  private fail(error: Error): void {
    if (this.settled) return;
    this.deps.context.log.debug({ error: error.message, target: this.target.uri }, 'a target could not be reached');
    this.settle(this.deps.make(this.cancelled ? 487 : this.target.only === undefined ? failureStatus(error) : 430), made(this.protocol));
  }

  private settle(response: SipResponse, envelope: Envelope): void {
    if (this.settled) return;
    this.settled = true;
    this.stopTimers();
    this.events.settled(response, envelope);
  }

  private stopTimers(): void {
    this.provisionalTimer?.cancel();
    this.finalTimer?.cancel();
    this.timerC?.cancel();
  }
}
