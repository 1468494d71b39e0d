/** An INVITE before it is a call, and what it offers. */
import { parseSdp, pickOffer, SdpError, type Picked, type SessionDescription, type SrtpPolicy } from '../../media/sdp';
import type { Random } from '../clock';
import type { Call, Callee, PendingInvite } from './call';
import { answerInvite, type CallSrf, type SipRequest, type SipResponder } from './dialogs';
import type { Hop } from './diversion';
import type { Refusal } from './exchange';
import { abilities } from './abilities';
import { OpenRequest } from './call';
import { newLeg, type Leg } from './leg';
import { cseqOf } from './negotiation';
import { refusalHeaders } from './reasons';
import { sdpOf, sdpRefusal } from './sdp-body';

/** Who wants to be connected to a number, before there is a call of it: the sender of an INVITE, or somebody who is transferred. */
export interface Newcomer {
  readonly caller: Callee;
  dialled: string;
  call: Call | undefined;
  readonly cancelled: boolean;
  onCancel: () => void;
  /** Of its INVITE. */
  readonly callId?: string | undefined;
  readonly userAgent?: string | undefined;
  /** See `Call`. */
  readonly originatedBy?: string | undefined;
  readonly transferredBy?: string | undefined;
  /** Whose permissions count; default: those of the caller. */
  readonly payer?: string | undefined;
  readonly referredBy?: string | undefined;
  readonly replaces?: string | undefined;
  readonly transfers?: number;
  /** Its media has to pass through us. */
  readonly anchored?: boolean;
  /** Whose settings have sent it on. */
  readonly path: Hop[];
  /** Its side of the call. */
  leg(random: Random): Leg;
  /** What it offers; undefined: nothing. */
  offer(): Picked | Refusal | undefined;
  pending(srf: CallSrf, call: Call, offer: Picked | undefined): PendingInvite;
  answer(status: number, reason: string, headers: Record<string, string>): void;
}

/** An INVITE from the moment it is here. CANCEL may come at any time, also while the directory is asked. */
export class Arrival implements Newcomer {
  dialled = '';
  readonly path: Hop[] = [];
  call: Call | undefined;
  cancelled = false;
  onCancel: () => void = () => undefined;
  /** What its body says; set once it has been read. */
  session: SessionDescription | undefined;
  private answered = false;

  constructor(
    readonly req: SipRequest,
    readonly res: SipResponder,
    public caller: Callee,
  ) {
    req.on('cancel', () => {
      this.cancelled = true;
      this.onCancel();
    });
  }

  get callId(): string | undefined {
    return this.req.get('Call-ID');
  }

  get userAgent(): string | undefined {
    return this.req.get('User-Agent');
  }

  leg(random: Random): Leg {
    return newLeg('caller', this.caller.number, this.req.source_address, random, this.caller.srtp);
  }

  offer(): Picked | Refusal | undefined {
    return this.session && offerIn(this.session, this.caller.srtp);
  }

  pending(srf: CallSrf, call: Call, offer: Picked | undefined): PendingInvite {
    const { req, res } = this;
    return {
      offer,
      get: (name) => req.get(name),
      progress: (status, body) => res.send(status, '', body === undefined ? { headers: {} } : { headers: { 'Content-Type': 'application/sdp' }, body }),
      answer: (sdp, on) => answerInvite(srf, req, res, { sdp, headers: { ...abilities } }, { established: (dialog) => on.established(dialog, cseqOf(req)), failed: on.failed }),
      refuse: (refusal) => new OpenRequest(call, res).answer(refusal.status, refusal.reason, { headers: refusalHeaders(refusal) }),
    };
  }

  answer(status: number, reason: string, headers: Record<string, string>): void {
    if (this.answered) return;
    this.answered = true;
    this.res.send(status, reason, { headers });
  }
}

/** What the INVITE offers; undefined when it has no SDP. */
export function sessionOf(req: SipRequest): SessionDescription | Refusal | undefined {
  const body = sdpOf(req);
  if ('refusal' in body) return body.refusal;
  return body.sdp === undefined ? undefined : orRefusal(() => parseSdp(body.sdp as string));
}

/** `srtp`: the policy of the extension it is from. */
export const offerIn = (session: SessionDescription, srtp: SrtpPolicy): Picked | Refusal => orRefusal(() => pickOffer(session, srtp));

function orRefusal<T>(fn: () => T): T | Refusal {
  try {
    return fn();
  } catch (err) {
    if (err instanceof SdpError) return sdpRefusal(err);
    throw err;
  }
}
