/**
 * Transfers (RFC 5589), made here, since both calls of whoever transfers are ours: no REFER is passed on.
 *
 *   blind       REFER 1003           transferee ── new call, through the dial plan ──▶ 1003
 *   attended    REFER with Replaces  transferee ── new call ── whoever the transferor talks to in that dialog
 *   take-over   INVITE with Replaces caller ────── new call ── whoever is at the other end of that dialog (RFC 3891)
 *
 * The transferee stays in its call, with ring-back, until it has agreed to the new one (`moving`): if nobody answers there, all is as it was. It is
 * like a caller whose INVITE came without an offer: our offer goes out when somebody has answered, here as a re-INVITE.
 */
import { SdpError, type Picked } from '../../media/sdp';
import type { Random } from '../clock';
import type { Arrival, Newcomer } from './arrival';
import { connectPhones } from './b2bua';
import { OpenRequest, type Call, type Callee, type PendingInvite, type Transferring } from './call';
import { allocate, mediaAddress, NoMedia } from './call-media';
import type { CallContext } from './context';
import { endDialog, type CallSrf, type SipRequest, type SipResponder } from './dialogs';
import type { Hop } from './diversion';
import type { Refusal } from './exchange';
import { guarded, hangup } from './hangup';
import { movedLeg, offerTo, type Leg, type Side } from './leg';
import { move } from './moving';
import { contact, cseqOf, rewire } from './negotiation';
import { causeOf, reasonHeader, refuse, type CallRefusal } from './reasons';
import { readRefer, readReplaces, type DialogName } from './refer';
import { addressOf } from './text';
import { ReferNotices } from './refer-notices';
import { offerFor } from './ringing';

/** One call after the other, by REFERs that come by themselves, is no conversation any more. */
export const MAX_TRANSFERS = 20;
/** Once it has heard that it went well, a phone hangs up by itself; one that does not is hung up on. */
const GRACE_MS = 500;
/** A NOTIFY without an answer is not waited for longer. */
const LATEST_MS = 3000;
/** How long a transfer may take beyond the ringing. */
const BEYOND_RINGING_S = 30;

/** A leg of a call; the leg may be one without a dialog yet, whose INVITE it names. */
export interface Found {
  call: Call;
  leg: Leg;
}

/** What transfers need of all the calls. */
export interface Switchboard {
  find(name: DialogName): Found | undefined;
  /** Through the dial plan. Resolves when it rings, or was refused. */
  connect(newcomer: Newcomer, number: string | undefined): Promise<void>;
  begin(newcomer: Newcomer, callee: Callee, offer: Picked | undefined): Call;
  /** False: not one more, and it was told so. */
  welcome(newcomer: Newcomer): boolean;
  refuse(newcomer: Newcomer, refusal: CallRefusal | Refusal): void;
}

export class Transfers {
  constructor(
    private readonly ctx: CallContext,
    private readonly board: Switchboard,
  ) {}

  /** A REFER of `leg`'s phone in a call between phones. */
  refer(call: Call, leg: Leg, req: SipRequest, res: SipResponder): void {
    const { ctx } = this;
    const open = new OpenRequest(call, res);
    const asked = readRefer(req);
    const refusal = 'status' in asked ? asked : this.cannot(call, leg);
    if (refusal || 'status' in asked) {
      const { status, reason, headers } = refusal as Refusal;
      open.answer(status, reason, headers && { headers });
      return;
    }
    const { dialog } = leg;
    if (!dialog) throw new Error('a REFER without a dialog');
    const found = asked.replaces && this.board.find(asked.replaces);
    if (found && (found.leg.party !== leg.party || found.call === call)) {
      open.answer(403, 'That Call Is Not Yours to Transfer');
      return;
    }
    open.answer(202, 'Accepted', { headers: { ...contact(leg), ...(!asked.notices && { 'Refer-Sub': 'false', Supported: 'norefersub' }) } });
    const notices = new ReferNotices(dialog, cseqOf(req), ctx.settings.ringSeconds + BEYOND_RINGING_S, asked.notices);
    const transfer = new Transfer(ctx, call, leg, notices);
    transfer.start();
    // not 481 to the REFER: that would be the end of its own dialog (RFC 5057 §5.1)
    if (asked.replaces && !found) transfer.answer(481, 'There Is No Such Call');
    else this.carryOut(transfer, asked.number, found);
  }

  /** An INVITE with Replaces (RFC 3891 §3): its caller takes the place of a leg. */
  async replace(arrival: Arrival, header: string): Promise<void> {
    const { board } = this;
    const refused = (status: number, reason: string): void => board.refuse(arrival, { status, reason });
    const name = readReplaces(header);
    if (!name) return refused(400, 'A Bad Replaces Header');
    const found = board.find(name);
    const other = found?.leg.dialog && found.call.other(found.leg);
    if (!found || !other?.dialog) return refused(481, 'There Is No Such Call');
    const { call, leg } = found;
    arrival.dialled = other.party;
    if (![leg.party, other.party].includes(arrival.caller.number)) return refused(403, 'That Call Is Not Yours to Take Over');
    if (name.earlyOnly) return refused(486, 'The Call Has Been Answered');
    if (call.state !== 'up' || call.service || call.transfer) return refused(491, 'The Call Is Changing at the Moment');
    const offer = arrival.offer();
    if (offer && 'status' in offer) return board.refuse(arrival, offer);
    await this.join(board.begin(arrival, extensionOf(call, other), offer), found);
  }

  /** undefined: nothing speaks against it. */
  private cannot(call: Call, leg: Leg): Refusal | undefined {
    if (call.transfers >= MAX_TRANSFERS) return { status: 403, reason: 'Transferred Too Often' };
    if (call.transfer || call.state !== 'up' || !call.other(leg)?.dialog) return { status: 491, reason: 'Request Pending', headers: { 'Retry-After': '5' } };
    return undefined;
  }

  private carryOut(transfer: Transfer, number: string | undefined, found: Found | undefined): void {
    const work = async (): Promise<void> => {
      if (!found) return this.board.connect(transfer, number);
      const other = found.call.other(found.leg);
      transfer.replaced = found;
      if (found.call.state === 'up' && !found.call.service && other?.dialog) {
        if (found.call.transfer) return transfer.answer(491, 'The Other Call Is Being Transferred');
        if (!this.board.welcome(transfer)) return;
        transfer.dialled = other.party;
        return this.join(this.board.begin(transfer, extensionOf(found.call, other), undefined), found);
      }
      // a service, or phones that still ring, can be dialled as before; who rings is not called twice
      const dialled = found.call.to.number;
      if (!found.call.service) transfer.endReplaced();
      return this.board.connect(transfer, dialled);
    };
    work().catch((err: unknown) => {
      this.ctx.counters.faults++;
      this.ctx.log.error({ error: err instanceof Error ? (err.stack ?? err.message) : String(err) }, 'fault in a transfer');
      if (transfer.call) guarded(this.ctx, transfer.call, 'transfer', () => Promise.reject(err));
      else transfer.answer(500, 'Internal Error');
    });
  }

  /** Makes `call` one of its caller and of the party that is opposite to `found`, whose call ends then. */
  private async join(call: Call, found: Found): Promise<void> {
    const { ctx } = this;
    const { call: from, leg: replaced } = found;
    const old = from.other(replaced);
    if (!old) throw new Error('a call without another side');
    const moved = movedLeg(old, 'callee', ctx.random);
    // whatever was agreed before: the two are brought together here
    call.anchored = true;
    try {
      await Promise.all([allocate(ctx, call, call.caller), allocate(ctx, call, moved)]);
    } catch (err) {
      ctx.log.warn({ call: call.id, error: String(err) }, 'no media for a transfer');
      hangup(ctx, call, 'system', refuse(err instanceof NoMedia ? err.refusal : 'media-failed', call.from.number));
      return;
    }
    if (call.over) return;
    call.advance('ring');
    const offer = offerTo(moved, mediaAddress(moved, undefined), offerFor(ctx, call, { leg: moved }));
    move(ctx, {
      from, old, moved,
      offer: offer.text,
      to: call.from,
      wanted: () => !call.over,
      came: (dialog, body) => {
        moved.dialog = dialog;
        call.known(moved, dialog.sip.callId);
        end(ctx, from, replaced.side, `${replaced.party} put ${old.party} through to ${call.from.number}`, call.from.number);
        guarded(ctx, call, 'answer to a re-INVITE', () => {
          let picked: Picked;
          try {
            picked = offer.read(body ?? '');
          } catch (err) {
            if (!(err instanceof SdpError)) throw err;
            ctx.counters.badSdp++;
            void endDialog(dialog, reasonHeader(refuse('bad-answer', old.party)));
            hangup(ctx, call, 'callee', refuse('bad-answer', old.party));
            return;
          }
          call.advance('answer');
          call.callee = moved;
          connectPhones(ctx, call, moved, { offer, picked });
        });
      },
      stays: (status) => {
        offer.refused();
        hangup(ctx, call, 'callee', refuse(status === 481 ? 'hung-up' : causeOf({ status, rang: true }), old.party));
      },
    });
  }
}

/** Whose phone it is. */
const extensionOf = (call: Call, leg: Leg): Callee => (leg.side === 'caller' ? call.from : call.to);

/** The call from which somebody was taken away. `why`: for whoever is left in it. */
function end(ctx: CallContext, call: Call, by: Side, why: string, to: string): void {
  call.transferredTo = to;
  hangup(ctx, call, by, refuse('transferred', why));
}

/** One transfer, from the REFER on: the transferee as somebody who wants to be connected. */
class Transfer implements Newcomer, Transferring {
  dialled = '';
  readonly path: Hop[] = [];
  call: Call | undefined;
  cancelled = false;
  onCancel: () => void = () => undefined;
  /** The other call of the transferor, which ends with this one. */
  replaced: Found | undefined;
  readonly by: Side;
  readonly caller: Callee;
  readonly transferredBy: string;
  readonly referredBy: string;
  readonly transfers: number;
  private readonly transferee: Leg;
  private readonly moved: Leg;
  private settled = false;

  constructor(
    private readonly ctx: CallContext,
    private readonly origin: Call,
    private readonly transferor: Leg,
    private readonly notices: ReferNotices,
  ) {
    const transferee = origin.other(transferor);
    if (!transferee) throw new Error('a transfer of nobody');
    this.transferee = transferee;
    this.by = transferor.side;
    this.caller = extensionOf(origin, transferee);
    this.transferredBy = transferor.party;
    this.referredBy = `<${addressOf(transferor.party, hostOf(transferor))}>`;
    this.transfers = origin.transfers + 1;
    this.moved = movedLeg(transferee, 'caller', ctx.random);
  }

  start(): void {
    const { ctx, origin } = this;
    origin.transfer = this;
    origin.whenOver.push(() => this.originOver());
    rewire(ctx, origin);
    this.notices.progress(100);
  }

  leg(_random: Random): Leg {
    return this.moved;
  }

  offer(): undefined {
    return undefined;
  }

  pending(_srf: CallSrf, call: Call): PendingInvite {
    const { ctx, origin, transferee, moved } = this;
    // the last word, when there was none before: the target has hung up in the very moment
    call.whenOver.push(() => this.answer(480, 'The Call Ended'));
    return {
      offer: undefined,
      get: () => undefined,
      progress: (status) => this.notices.progress(status),
      refuse: ({ status, reason }) => this.answer(status, reason),
      answer: (offer, on) =>
        move(ctx, {
          from: origin,
          old: transferee,
          moved,
          offer,
          to: call.to,
          wanted: () => !call.over,
          came: (dialog, body) => {
            on.established(dialog, 0);
            // to our offer in an answer, the ACK would bring it
            guarded(ctx, call, 'answer to a re-INVITE', () => moved.awaited?.ack(body));
            this.succeeded(call);
          },
          stays: (status) => {
            this.answer(status === 487 ? 480 : status, 'The Transferred Phone Refused');
            on.failed(`the phone that was transferred answered ${status}`);
          },
        }),
    };
  }

  /** It has failed: everything is as it was. */
  answer(status: number, reason: string): void {
    if (this.settled) return;
    this.settled = true;
    const { ctx, origin, transferor } = this;
    if (origin.over) return;
    origin.transfer = undefined;
    this.notices.final(status, reason, () => undefined);
    if (transferor.over) hangup(ctx, origin, this.by, refuse('hung-up', transferor.party));
    else rewire(ctx, origin);
  }

  /** The transferor has hung up; RFC 5589 §6.1 lets it do so as soon as it has its 202. */
  abandoned(): void {
    this.ctx.log.debug({ call: this.origin.id }, 'a transferor did not wait for the end');
  }

  endReplaced(): void {
    const { replaced } = this;
    this.replaced = undefined;
    if (replaced && !replaced.call.over) end(this.ctx, replaced.call, replaced.leg.side, `${this.transferredBy} put ${this.caller.number} through`, this.caller.number);
  }

  private succeeded(call: Call): void {
    this.settled = true;
    const { ctx, origin, transferor, transferee } = this;
    origin.transfer = undefined;
    this.endReplaced();
    const through = () => end(ctx, origin, this.by, `${transferor.party} put ${transferee.party} through to ${call.to.number}`, call.to.number);
    origin.transferredTo = call.to.number;
    if (transferor.over) return through();
    const after = (ms: number) => origin.timers.add(ctx.clock.after(ms, () => guarded(ctx, origin, 'end of a transfer', through)));
    after(LATEST_MS);
    const [status, reason] = call.over ? [480, 'The Call Ended'] as const : [200, 'OK'] as const;
    this.notices.final(status, reason, () => {
      if (!origin.over) after(GRACE_MS);
    });
  }

  /** The transferee has hung up, or all is lost. */
  private originOver(): void {
    if (this.settled) return;
    this.settled = true;
    this.cancelled = true;
    this.onCancel();
  }
}

/** The address of ours that this phone talks to. */
const hostOf = ({ dialog }: Leg): string => /@?((?:\[[^\]]*\]|[A-Za-z0-9.-]+)(?::\d+)?)[;>]/.exec(dialog?.local.contact.replace(/^.*sips?:/i, '') ?? '')?.[1] ?? 'localhost';
