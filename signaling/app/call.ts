/**
 * A call: two legs, its state, and what has to be given back when it ends. Nothing happens here; what can be done with a call is functions
 * over it (`ringing`, `bridging`, `negotiation`, `in-dialog`, `hangup`).
 *
 *   routing ──ring──▶ ringing ──answer──▶ answering ──connect──▶ up
 *      └────────────────┴───────end────────────┴─────────────────┴──▶ ended
 */
import type { Picked } from '../../media/sdp';
import type { Timer } from '../clock';
import type { Extension } from '../store/store';
import type { Binding } from './binding';
import type { Outgoing, SipRequest, SipResponder } from './dialogs';
import type { Leg, Offered, Side } from './leg';
import type { Cause } from './reasons';

export type CallState = 'routing' | 'ringing' | 'answering' | 'up' | 'ended';
export type CallEvent = 'ring' | 'answer' | 'connect' | 'end';

interface Move {
  from: CallState;
  on: CallEvent;
  to: CallState;
  /** What makes it happen. */
  why: string;
}

export const moves: readonly Move[] = [
  { from: 'routing', on: 'ring', to: 'ringing', why: 'INVITEs are out to the phones of the callee' },
  { from: 'ringing', on: 'answer', to: 'answering', why: 'the first 2xx of a phone (RFC 3261 §13.2.2.4); the others are cancelled' },
  { from: 'answering', on: 'connect', to: 'up', why: 'our 200 went out to the caller (§13.3.1.4)' },
  { from: 'routing', on: 'end', to: 'ended', why: 'nobody to call, no media port, or CANCEL (§9.2)' },
  { from: 'ringing', on: 'end', to: 'ended', why: 'all phones failed, nobody answered in time, or CANCEL' },
  { from: 'answering', on: 'end', to: 'ended', why: 'BYE or CANCEL in the same moment' },
  { from: 'up', on: 'end', to: 'ended', why: 'BYE (§15)' },
];

export class IllegalMove extends Error {
  override readonly name = 'IllegalMove';
}

/** The caller's INVITE until it has a final answer. */
export interface PendingInvite {
  req: SipRequest;
  res: SipResponder;
  /** Undefined when it came without SDP. */
  offer: Picked | undefined;
}

/** One phone of the callee, while it rings. */
export interface Fork {
  readonly leg: Leg;
  readonly binding: Binding;
  /** Our offer to it; undefined until a media port is there. */
  offer: Offered | undefined;
  /** Undefined until its INVITE is out. */
  outgoing: Outgoing | undefined;
  rang: boolean;
  /** Why it is out of the race; undefined while it is in, or has won. */
  ended: Cause | undefined;
}

export class Call {
  state: CallState = 'routing';
  /** False when media goes directly between the phones. */
  anchored = true;
  invite: PendingInvite | undefined;
  callee: Leg | undefined;
  forks: Fork[] = [];
  /** Provisional answers that the caller has had, each as status and description. */
  readonly progress = new Set<string>();
  ringTimer: Timer | undefined;
  /** Of the exchange of ACKs under way. */
  readonly timers = new Set<Timer>();
  /** Port pairs held in the media plane. */
  readonly endpoints = new Set<string>();
  /** Requests inside the dialogs that wait for the other side's answer; the call's end answers them. */
  readonly open = new Set<OpenRequest>();
  /** The leg whose offer is being negotiated; another one meanwhile is glare (RFC 3261 §14.1). */
  negotiating: Side | undefined;
  /** What the plane was last told, to spare it the same again. */
  wiring: string | undefined;
  answeredAt: number | undefined;
  rangAt: number | undefined;
  /** For whoever keeps something until the call ends. */
  onOver: (() => void) | undefined;

  constructor(
    /** Ours; shown to nobody outside. */
    readonly id: string,
    readonly from: Extension,
    readonly to: Extension,
    readonly caller: Leg,
    /** On Clock.now(). */
    readonly startedAt: number,
    readonly startedWall: Date,
  ) {}

  get over(): boolean {
    return this.state === 'ended';
  }

  /** Errors: `IllegalMove`, a fault of ours. */
  advance(on: CallEvent): void {
    const move = moves.find((m) => m.from === this.state && m.on === on);
    if (!move) throw new IllegalMove(`a call cannot ${on} while it is ${this.state}`);
    this.state = move.to;
  }

  /** The other leg, once there is one with a dialog. */
  other(leg: Leg): Leg | undefined {
    return leg === this.caller ? this.callee : this.caller;
  }
}

/** A request that gets exactly one final answer from us. */
export class OpenRequest {
  private done = false;

  constructor(
    private readonly call: Call,
    private readonly res: SipResponder,
  ) {
    call.open.add(this);
  }

  /** `sent` hears when the engine has sent the answer, or why not (e.g. the request was cancelled). */
  answer(status: number, reason: string, options: { headers?: Record<string, string>; body?: string } = {}, sent?: (err: unknown) => void): void {
    if (this.done) return;
    this.done = true;
    this.call.open.delete(this);
    try {
      if (sent) this.res.send(status, reason, options, sent);
      else this.res.send(status, reason, options);
    } catch (err) {
      // srf throws when its connection is gone; then nobody waits for this answer any more
      sent?.(err);
    }
  }
}
