/**
 * A call: two legs (one, while the system itself is the other end), its state, and what has to be given back when it ends. Nothing happens
 * here; what can be done with a call is functions over it (`ringing`, `bridging`, `negotiation`, `service`, `in-dialog`, `hangup`).
 *
 *   routing ──ring──▶ ringing ──answer──▶ answering ──connect──▶ up
 *      └────────────────┴───────end────────────┴─────────────────┴──▶ ended
 *
 * A service answers from `routing` or, when no phone did, from `ringing`; putting its caller through goes from `up` to `ringing` and on.
 */
import type { Picked } from '../../media/sdp';
import type { Timer } from '../clock';
import type { Extension } from '../store/store';
import type { Binding } from './binding';
import type { Dialog, Outgoing, SipResponder } from './dialogs';
import type { Hop } from './diversion';
import { CallLegs } from './call-legs';
import type { Leg, Offered, Side } from './leg';
import type { CallRefusal, Cause } from './reasons';
import type { Line, RingPlan, Stage } from './ring-plan';

export type CallState = 'routing' | 'ringing' | 'answering' | 'up' | 'ended';
export type CallEvent = 'ring' | 'answer' | 'connect' | 'return' | 'divert' | 'end';

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
  { from: 'routing', on: 'answer', to: 'answering', why: 'a service answers' },
  { from: 'up', on: 'ring', to: 'ringing', why: 'a service puts its caller through to an extension' },
  { from: 'ringing', on: 'divert', to: 'routing', why: 'nobody took it, and whoever was called has it forwarded; or a phone of another call did not come' },
  { from: 'ringing', on: 'return', to: 'up', why: 'nobody answered a caller who was put through: back to the service' },
  { from: 'answering', on: 'connect', to: 'up', why: 'our 200 went out to the caller (§13.3.1.4)' },
  { from: 'routing', on: 'end', to: 'ended', why: 'nobody to call, no media port, or CANCEL (§9.2)' },
  { from: 'ringing', on: 'end', to: 'ended', why: 'all phones failed, nobody answered in time, or CANCEL' },
  { from: 'answering', on: 'end', to: 'ended', why: 'BYE or CANCEL in the same moment' },
  { from: 'up', on: 'end', to: 'ended', why: 'BYE (§15)' },
];

export class IllegalMove extends Error {
  override readonly name = 'IllegalMove';
}

/** What the caller waits with for a final answer: its INVITE, or, of one who is transferred, the call that it is still in. */
export interface PendingInvite {
  /** Undefined when it came without SDP. */
  readonly offer: Picked | undefined;
  /** A header that the callee may be shown. */
  get(name: string): string | undefined;
  progress(status: number, sdp: string | undefined): void;
  /** Exactly one of both is called. The CSeq number is that of the ACK, for an answer which carries our offer. */
  answer(sdp: string, on: { established(dialog: Dialog, cseq: number): void; failed(problem: string): void }): void;
  refuse(refusal: CallRefusal): void;
}

/** A transfer of one of the two to somewhere else, from the REFER until it has come about or failed. */
export interface Transferring {
  /** Whose leg it is that goes. */
  readonly by: Side;
  /** The transferor has hung up; the other one stays until the transfer has come to its end. */
  abandoned(): void;
}

/** A dialog that is, or was, part of a call: by its Call-ID messages are found in captures and ladders. */
export interface CallDialog {
  readonly side: Side;
  /** The number whose phone it is. */
  readonly party: string;
  readonly callId: string;
}

/** One phone that is called. */
export interface Fork {
  readonly leg: Leg;
  /** Whose it is. */
  readonly callee: Callee;
  readonly binding: Binding;
  /** The trunk it is at the other end of. */
  readonly line?: Line | undefined;
  /** Our offer to it; undefined until a media port is there. */
  offer: Offered | undefined;
  /** Undefined until its INVITE is out. */
  outgoing: Outgoing | undefined;
  rang: boolean;
  /** Why it is out of the race; undefined while it is in, or has won. */
  ended: Cause | undefined;
}

/** What somebody without a part in the conversation hears. */
export type Tune = 'music' | 'ringback';

/** Who is called, or calls. */
export type Callee = Omit<Extension, 'ha1' | 'createdAt'> & {
  /** It is no phone's: a service was dialled. */
  phoneless?: true;
  /** Its phone is somewhere outside, at the other end of this trunk. It may not do what extensions may. */
  trunk?: string | undefined;
};

/** The other end of a call that no phone is. */
export const phoneless = (number: string, name: string | null): Callee => ({ number, name, media: 'anchored', srtp: 'off', recording: 'never', phoneless: true });

/** What a call knows of the service that has it. */
export interface Serving {
  /** The feature's. */
  readonly name: string;
  /** A key was pressed. */
  pressed(digit: string): void;
  /** No media for so long. */
  silent(silentMs: number): void;
  /** The phones of whom the caller was put through to refused, or did not answer. */
  notPutThrough(refusal: CallRefusal, forks: readonly Fork[], missed: RingPlan['missed']): void;
  /** Somebody did: the call is a bridged one from now on. */
  putThrough(): void;
}

export class Call {
  state: CallState = 'routing';
  /** False when media goes directly between the phones. */
  anchored = true;
  invite: PendingInvite | undefined;
  callee: Leg | undefined;
  forks: Fork[] = [];
  /** While it rings: who will, and the part of it that does; undefined while that is being prepared. */
  plan: RingPlan | undefined;
  stage: Stage | undefined;
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
  /** Who hears music, since the other one holds, or ring-back, since it is being transferred. */
  music: Side | undefined;
  tune: Tune | undefined;
  transfer: Transferring | undefined;
  /** Who has had the system call the caller (`originate`). */
  originatedBy: string | undefined;
  /** Whoever parked the caller, or had parked the one it talks to. */
  parkedBy: string | undefined;
  /** Who answered it in the place of whom it rang at. */
  pickedUpBy: string | undefined;
  /** The number of whoever brought the two together by a transfer. */
  transferredBy: string | undefined;
  /** The same as a Referred-By header (RFC 3892), for the phones that are called; ours, whatever the REFER claimed. */
  referredBy: string | undefined;
  /** The id of a call that ends when this one has come about by a transfer. */
  replaces: string | undefined;
  /** Whose settings sent it on before it came to `to`. */
  path: readonly Hop[] = [];
  /** The number that was rung for when somebody else's phone answered: a group, a queue, an extension that is to be found elsewhere. */
  through: string | undefined;
  /** The way out that it has taken. */
  line: Line | undefined;
  /** Numbers that have, or had, a part in it. */
  readonly parties = new Set<string>();
  /** Hears of each of them. */
  joined: (number: string) => void = () => undefined;
  /** Whose phones rang, or were to, in this order. */
  readonly rung: string[] = [];
  /** To whom one of the two was transferred away. */
  transferredTo: string | undefined;
  /** Transfers that led to this call, one after the other. */
  transfers = 0;
  /** Its sound has been turned into another codec. */
  mixed = false;
  /** What the two are to hear besides each other, so that their sound cannot just be relayed. */
  readonly aloud = new Set<string>();
  /** Whom the other one is not to hear. */
  readonly muted = new Set<Side>();
  /** How often something was played into it from outside. */
  plays = 0;
  /** The numbers of those who have listened to it. */
  readonly watchedBy: string[] = [];
  /** Files of its recordings, relative to the data folder. */
  readonly recordings: string[] = [];
  /** The service that is the other end; undefined in a call between phones. */
  service: Serving | undefined;
  /** Services that it went to, each from the one before. */
  handovers = 0;
  /** The name of the service that had it first, for the record. */
  servedBy: string | undefined;
  /** Phones that are rung are asked to answer by themselves. */
  autoAnswer = false;
  /** Endpoints that will meet those of other calls are allocated near this word; undefined: by themselves. */
  near: string | undefined;
  /** In the order they came; phones that only rang included. */
  readonly dialogs: CallDialog[] = [];
  /** What its record will say of them. */
  readonly legs: CallLegs;
  /** For whoever keeps something until the call ends. */
  readonly whenOver: Array<(why: CallRefusal) => void> = [];

  constructor(
    /** Ours; shown to nobody outside. */
    readonly id: string,
    readonly from: Callee,
    /** Changes when a service puts its caller through, when the call is forwarded, and when somebody else's phone answers. */
    public to: Callee,
    /** Changes when the phone that we have called answers (`originate`). */
    public caller: Leg,
    /** On Clock.now(). */
    readonly startedAt: number,
    readonly startedWall: Date,
    now: () => number = () => startedAt,
  ) {
    this.legs = new CallLegs(now);
  }

  get over(): boolean {
    return this.state === 'ended';
  }

  /** Errors: `IllegalMove`, a fault of ours. */
  advance(on: CallEvent): void {
    const move = moves.find((m) => m.from === this.state && m.on === on);
    if (!move) throw new IllegalMove(`a call cannot ${on} while it is ${this.state}`);
    this.state = move.to;
  }

  /** Remembers which dialog this phone has, or had, with us; undefined: that is not known. */
  known(leg: Leg, callId: string | undefined): void {
    const { side, party } = leg;
    if (!this.parties.has(party)) this.joined(party);
    if (callId !== undefined) this.legs.dialog(leg, callId);
    if (callId !== undefined && !this.dialogs.some((one) => one.callId === callId && one.side === side)) this.dialogs.push({ side, party, callId });
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
