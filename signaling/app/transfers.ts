/**
 * Transfers (RFC 5589), made here, since both calls of whoever transfers are ours: no REFER is passed on.
 *
 *   blind       REFER 1003           transferee ── new call, through the dial plan ──▶ 1003
 *   attended    REFER with Replaces  transferee ── new call ── whoever the transferor talks to in that dialog
 *   take-over   INVITE with Replaces caller ────── new call ── whoever is at the other end of that dialog (RFC 3891)
 *   pickup      the same, it rings   caller ────── the call that rings there
 */
import type { Picked } from '../../media/sdp';
import type { Arrival, Newcomer } from './arrival';
import { OpenRequest, phoneless, type Call, type Callee } from './call';
import type { CallContext } from './context';
import type { SipRequest, SipResponder } from './dialogs';
import { Displacement, extensionOf, leftBy, type Found } from './displacing';
import type { Refusal } from './exchange';
import { guarded, hangup } from './hangup';
import { bring } from './joining';
import type { Leg } from './leg';
import { contact, cseqOf } from './negotiation';
import type { Pickups } from './pickups';
import { refuse, type CallRefusal } from './reasons';
import { readRefer, readReplaces, type DialogName } from './refer';
import { ReferNotices } from './refer-notices';
import { addressOf } from './text';

/** One call after the other, by REFERs that come by themselves, is no conversation any more. */
export const MAX_TRANSFERS = 20;
/** Once it has heard that it went well, a phone hangs up by itself; one that does not is hung up on. */
const GRACE_MS = 500;
/** A NOTIFY without an answer is not waited for longer. */
const LATEST_MS = 3000;
/** How long a transfer may take beyond the ringing. */
const BEYOND_RINGING_S = 30;

/** What transfers need of all the calls. */
export interface Switchboard {
  find(name: DialogName): Found | undefined;
  /** The call that rings with a dialog of this Call-ID. */
  ringing(callId: string): Call | undefined;
  /** Through the dial plan. Resolves when it rings, or was refused. */
  connect(newcomer: Newcomer, number: string | undefined): Promise<void>;
  begin(newcomer: Newcomer, callee: Callee, offer: Picked | undefined): Call;
  /** False: not one more, and it was told so. */
  welcome(newcomer: Newcomer): boolean;
  refuse(newcomer: Newcomer, refusal: CallRefusal | Refusal): void;
}

/** How whoever transfers hears of it: provisional answers, then one that is final. `sent`: it has heard, or will not. */
export type Notices = Pick<ReferNotices, 'progress' | 'final'>;

/** Where to: a number, or whoever the transferor talks to in another call of its own. */
export type Target = { number: string | undefined } | { found: Found };

export class Transfers {
  constructor(
    private readonly ctx: CallContext,
    private readonly board: Switchboard,
    private readonly pickups: Pick<Pickups, 'may'>,
  ) {}

  /** A REFER of `leg`'s phone in a call between phones. */
  refer(call: Call, leg: Leg, req: SipRequest, res: SipResponder): void {
    const { ctx } = this;
    const open = new OpenRequest(call, res);
    // it would be ours that pays for where they are sent
    if (extensionOf(call, leg).trunk !== undefined) return open.answer(403, 'Calls Are Not Transferred From Outside');
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
    // not 481 to the REFER: that would be the end of its own dialog (RFC 5057 §5.1)
    if (asked.replaces && !found) this.start(call, leg, notices, undefined).answer(481, 'There Is No Such Call');
    else this.transfer(call, leg, found ? { found } : { number: asked.number }, notices);
  }

  /** undefined: nothing speaks against a transfer by `leg`'s phone. */
  cannot(call: Call, leg: Leg): Refusal | undefined {
    if (call.transfers >= MAX_TRANSFERS) return { status: 403, reason: 'Transferred Too Often' };
    if (call.transfer || call.state !== 'up' || !call.other(leg)?.dialog) return { status: 491, reason: 'Request Pending', headers: { 'Retry-After': '5' } };
    return undefined;
  }

  /** `leg`'s phone transfers the other one of its call; see `cannot`. */
  transfer(call: Call, leg: Leg, target: Target, notices: Notices): void {
    const found = 'found' in target ? target.found : undefined;
    const displacement = this.start(call, leg, notices, found);
    const work = async (): Promise<void> => {
      if (!('found' in target)) return this.board.connect(displacement, target.number);
      const { found } = target;
      const other = found.call.other(found.leg);
      if (found.call.state === 'up' && !found.call.service && other?.dialog) {
        if (found.call.transfer) return displacement.answer(491, 'The Other Call Is Being Transferred');
        if (!this.board.welcome(displacement)) return;
        displacement.dialled = other.party;
        return this.join(this.board.begin(displacement, extensionOf(found.call, other), undefined), found, other);
      }
      // a service, or phones that still ring, can be dialled as before; who rings is not called twice
      const dialled = found.call.to.number;
      if (!found.call.service) endReplaced(this.ctx, found, displacement);
      return this.board.connect(displacement, dialled);
    };
    work().catch((err: unknown) => {
      this.ctx.counters.faults++;
      this.ctx.log.error({ error: err instanceof Error ? (err.stack ?? err.message) : String(err) }, 'fault in a transfer');
      if (displacement.call) guarded(this.ctx, displacement.call, 'transfer', () => Promise.reject(err));
      else displacement.answer(500, 'Internal Error');
    });
  }

  /** An INVITE with Replaces (RFC 3891 §3): its caller takes the place of a leg. */
  async replace(arrival: Arrival, header: string): Promise<void> {
    const { board } = this;
    const refused = (status: number, reason: string): void => board.refuse(arrival, { status, reason });
    const name = readReplaces(header);
    if (!name) return refused(400, 'A Bad Replaces Header');
    const ringing = board.ringing(name.callId);
    if (ringing) return this.pickUp(arrival, ringing);
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
    await this.join(board.begin(arrival, extensionOf(call, other), offer), found, other);
  }

  /** It takes the place of whoever rings (§4, and RFC 4235 for how a phone comes to know of it): as with `**NUMBER`. */
  private async pickUp(arrival: Arrival, ringing: Call): Promise<void> {
    const { ctx, board } = this;
    const { to } = ringing;
    arrival.dialled = to.number;
    if (!(await this.pickups.may(arrival.caller.number, ringing))) return board.refuse(arrival, refuse('not-yours', to.number));
    const offer = arrival.offer();
    if (offer && 'status' in offer) return board.refuse(arrival, offer);
    if (!board.welcome(arrival)) return;
    ctx.serve(board.begin(arrival, phoneless(to.number, 'pickup'), offer), { name: 'pickup' }, async (service) => service.hangup(refuse(await service.pickUp(ringing.id), to.number)));
  }

  private start(call: Call, transferor: Leg, notices: Notices, replaced: Found | undefined): Displacement {
    const { ctx } = this;
    const leg = call.other(transferor);
    if (!leg) throw new Error('a transfer of nobody');
    const about = { transferredBy: transferor.party, payer: transferor.party, referredBy: `<${addressOf(transferor.party, hostOf(transferor))}>`, replaces: replaced?.call.id };
    const displacement = new Displacement(ctx, { call, leg }, about, {
      progress: (status) => notices.progress(status),
      failed: (status, reason) => {
        if (!call.over) notices.final(status, reason, () => undefined);
      },
      succeeded: (now) => {
        if (replaced) endReplaced(ctx, replaced, displacement);
        const through = () => leftBy(ctx, call, transferor.side, `${transferor.party} put ${leg.party} through to ${now.to.number}`, now.to.number);
        call.transferredTo = now.to.number;
        if (transferor.over) return through();
        const after = (ms: number) => call.timers.add(ctx.clock.after(ms, () => guarded(ctx, call, 'end of a transfer', through)));
        after(LATEST_MS);
        const [status, reason] = now.over ? [480, 'The Call Ended'] as const : [200, 'OK'] as const;
        notices.final(status, reason, () => {
          if (!call.over) after(GRACE_MS);
        });
      },
    });
    displacement.start();
    notices.progress(100);
    return displacement;
  }

  /** Makes `call` one of its caller and of `old`, the party that is opposite to `found`, whose call ends then. */
  private async join(call: Call, { call: from, leg: replaced }: Found, old: Leg): Promise<void> {
    const { ctx } = this;
    await bring(ctx, call, { call: from, leg: old }, {
      left: () => leftBy(ctx, from, replaced.side, `${replaced.party} put ${old.party} through to ${call.from.number}`, call.from.number),
      failed: (refusal) => hangup(ctx, call, refusal.cause === 'no-ports' || refusal.cause === 'no-address' || refusal.cause === 'media-failed' ? 'system' : 'callee', refusal),
    });
  }
}

/** The other call of the transferor ends with this one. */
function endReplaced(ctx: CallContext, { call, leg }: Found, { transferredBy, caller }: Displacement): void {
  if (!call.over) leftBy(ctx, call, leg.side, `${transferredBy} put ${caller.number} through`, caller.number);
}

/** The address of ours that this phone talks to. */
const hostOf = ({ dialog }: Leg): string => /@?((?:\[[^\]]*\]|[A-Za-z0-9.-]+)(?::\d+)?)[;>]/.exec(dialog?.local.contact.replace(/^.*sips?:/i, '') ?? '')?.[1] ?? 'localhost';
