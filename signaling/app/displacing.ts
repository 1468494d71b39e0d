/**
 * Taking a phone out of a call that is up and connecting it elsewhere: to a number, through the dial plan, or to a service.
 *
 *   former call:  other one ⇄ phone          or   service ⇄ phone
 *   new call:                 phone ⇄ whoever has the number, or another service
 *
 * The phone stays where it is, with ring-back, until it has agreed to the new call (`moving`): if nobody answers there, all is as it was. It is
 * like a caller whose INVITE came without an offer: our offer goes out when somebody has answered, here as a re-INVITE.
 */
import { OffhookError } from '../errors';
import type { Newcomer } from './arrival';
import { phoneless, type Call, type Callee, type PendingInvite, type Transferring } from './call';
import type { CallContext } from './context';
import type { CallSrf } from './dialogs';
import type { Hop } from './diversion';
import type { Feature, Handler } from './feature';
import { guarded, hangup } from './hangup';
import { movedLeg, type Leg, type Side } from './leg';
import { move } from './moving';
import { rewire } from './negotiation';
import { refuse } from './reasons';
import type { Random } from '../clock';

/** A leg of a call; the leg may be one without a dialog yet, whose INVITE it names. */
export interface Found {
  call: Call;
  leg: Leg;
}

/** Who hears how it goes on. */
export interface Witness {
  /** A provisional answer there. */
  progress(status: number): void;
  /** It has failed: everything is as it was. */
  failed(status: number, reason: string): void;
  /** The phone is in `call` now. Whoever is left in the former call is this one's business: `over`, or `leave`. */
  succeeded(call: Call): void;
}

export interface About {
  /** Who has asked for it, for records. */
  transferredBy?: string | undefined;
  /** The extension that has asked for it. Its permissions count. */
  payer?: string | undefined;
  /** See `Call`. */
  referredBy?: string | undefined;
  /** The id of a call that ends when it has come about: whoever asked talked there to where the phone goes. */
  replaces?: string | undefined;
}

/** The phone as somebody who wants to be connected. */
export class Displacement implements Newcomer, Transferring {
  dialled = '';
  readonly path: Hop[] = [];
  readonly anchored = true;
  call: Call | undefined;
  cancelled = false;
  onCancel: () => void = () => undefined;
  readonly by: Side;
  readonly caller: Callee;
  readonly transferredBy: string | undefined;
  readonly payer: string | undefined;
  readonly referredBy: string | undefined;
  readonly replaces: string | undefined;
  readonly transfers: number;
  private readonly moved: Leg;
  private settled = false;

  constructor(
    private readonly ctx: CallContext,
    private readonly from: Found,
    about: About,
    private readonly witness: Witness,
  ) {
    const { call, leg } = from;
    this.by = leg.side === 'caller' ? 'callee' : 'caller';
    this.caller = extensionOf(call, leg);
    this.transferredBy = about.transferredBy;
    this.payer = about.payer;
    this.referredBy = about.referredBy;
    this.replaces = about.replaces;
    this.transfers = call.transfers + 1;
    this.moved = movedLeg(leg, 'caller', ctx.random, call.service !== undefined);
  }

  start(): void {
    const { call } = this.from;
    call.transfer = this;
    call.whenOver.push(() => this.formerOver());
    rewire(this.ctx, call);
  }

  leg(_random: Random): Leg {
    return this.moved;
  }

  offer(): undefined {
    return undefined;
  }

  pending(_srf: CallSrf, call: Call): PendingInvite {
    const { ctx, from, moved } = this;
    // the last word, when there was none before: the target has hung up in the very moment
    call.whenOver.push(() => this.answer(480, 'The Call Ended'));
    return {
      offer: undefined,
      get: () => undefined,
      progress: (status) => this.witness.progress(status),
      refuse: ({ status, reason }) => this.answer(status, reason),
      answer: (offer, on) =>
        move(ctx, {
          from: from.call,
          old: from.leg,
          moved,
          offer,
          to: call.to,
          wanted: () => !call.over,
          came: (dialog, body) => {
            on.established(dialog, 0);
            // to our offer in an answer, the ACK would bring it
            guarded(ctx, call, 'answer to a re-INVITE', () => moved.awaited?.ack(body));
            this.settled = true;
            from.call.transfer = undefined;
            this.witness.succeeded(call);
          },
          stays: (status) => {
            this.answer(status === 487 ? 480 : status, 'The Transferred Phone Refused');
            on.failed(`the phone that was transferred answered ${status}`);
          },
        }),
    };
  }

  answer(status: number, reason: string): void {
    if (this.settled) return;
    this.settled = true;
    const { ctx, from } = this;
    const { call } = from;
    if (call.over) return;
    call.transfer = undefined;
    this.witness.failed(status, reason);
    const other = call.other(from.leg);
    if (other?.over) hangup(ctx, call, this.by, refuse('hung-up', other.party));
    else rewire(ctx, call);
  }

  /** The other one has hung up; RFC 5589 §6.1 lets it do so as soon as it has its 202. */
  abandoned(): void {
    this.ctx.log.debug({ call: this.from.call.id }, 'a transferor did not wait for the end');
  }

  /** The phone itself has hung up, or all is lost. */
  private formerOver(): void {
    if (this.settled) return;
    this.settled = true;
    this.cancelled = true;
    this.onCancel();
    this.witness.failed(487, 'The Phone Has Hung Up');
  }
}

/** Whose phone it is. */
export const extensionOf = (call: Call, leg: Leg): Callee => (leg.side === 'caller' ? call.from : call.to);

/** Ends the call from which somebody was taken away. `why`: for whoever is left in it. */
export function leftBy(ctx: CallContext, call: Call, by: Side, why: string, to: string): void {
  call.transferredTo = to;
  hangup(ctx, call, by, refuse('transferred', why));
}

/** What is needed of whoever keeps the calls. */
export interface DisplaceBoard {
  /** Through the dial plan. Resolves when it rings, or was refused. */
  connect(newcomer: Newcomer, number: string | undefined): Promise<void>;
  begin(newcomer: Newcomer, callee: Callee, offer: undefined): Call;
  /** False: not one more, and it was told so. */
  welcome(newcomer: Newcomer): boolean;
}

/** Where to: a number, or a service that is not in the dial plan. */
export type Place = string | { /** What records have for `to`. */ number: string; service: string; handler: Handler; silence?: Feature['silence'] | undefined; /** See `Call.near`. */ near?: string | undefined };

/**
 * Takes `found`'s phone out of its call, which ends when that has come about unless `keep` is set (then the other one is alone in it). Resolves with the
 * phone's new call. Errors: `call.not-so` when it is not up or being changed, `call.not-moved` when nobody answered or the phone refused.
 */
export function displace(ctx: CallContext, board: DisplaceBoard, found: Found, to: Place, about: About & { keep?: boolean } = {}): Promise<Call> {
  const { call, leg } = found;
  const problem = immovable(found);
  if (problem !== undefined) return Promise.reject(new OffhookError('call.not-so', { reason: problem }));
  return new Promise<Call>((resolve, reject) => {
    const displacement = new Displacement(ctx, found, about, {
      progress: () => undefined,
      failed: (status, reason) => reject(new OffhookError('call.not-moved', { reason: `${status} ${reason}` })),
      succeeded: (now) => {
        if (about.keep) call.negotiating = undefined;
        else leftBy(ctx, call, displacement.by, `${leg.party} was connected to ${now.to.number}`, now.to.number);
        resolve(now);
      },
    });
    displacement.start();
    const go = async (): Promise<void> => {
      if (typeof to === 'string') return board.connect(displacement, to);
      displacement.dialled = to.number;
      if (!board.welcome(displacement)) return;
      const next = board.begin(displacement, phoneless(to.number, to.service), undefined);
      next.near = to.near;
      ctx.serve(next, { name: to.service, ...(to.silence && { silence: to.silence }) }, to.handler);
    };
    go().catch((err: unknown) => {
      ctx.counters.faults++;
      ctx.log.error({ call: call.id, error: err instanceof Error ? (err.stack ?? err.message) : String(err) }, 'fault while a phone was moved');
      if (displacement.call) hangup(ctx, displacement.call, 'system', refuse('failed', ''));
      displacement.answer(500, 'Internal Error');
    });
  });
}

/** Why a phone cannot be taken out of its call at the moment; undefined: it can. */
export function immovable({ call, leg }: Found): string | undefined {
  if (!leg.dialog || leg.over || call.state !== 'up') return 'it is not up';
  if (call.transfer) return 'one of the two is being transferred';
  return undefined;
}
