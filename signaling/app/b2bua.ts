/**
 * Two dialogs made one call: what the callee's phone answered becomes our answer to the caller, and the relay is wired between the two.
 *
 *   caller ──INVITE, offer──▶ │ ──INVITE, our offer──▶ phone
 *   caller ◀─200, our answer─ │ ◀────200, answer────── phone
 *
 * Without an offer in the caller's INVITE the phone gets one of ours, the caller gets what the phone accepted as an offer in the 200, and
 * its ACK brings the answer.
 */
import { bridgeAnswer, bridgeOffer, SdpError, type Picked } from '../../media/sdp';
import type { Call, Fork } from './call';
import { codecsFor } from './call-bridge';
import { mediaAddress, wire } from './call-media';
import type { CallContext } from './context';
import type { Dialog } from './dialogs';
import { endLateAnswer, guarded, hangup, mediaWork } from './hangup';
import { listen } from './in-dialog';
import { answerTo, offerTo, type Leg, type Offered } from './leg';
import { awaitAnswer } from './negotiation';
import { reasonHeader, refuse } from './reasons';

/** A phone's description, fitting the offer it answers. */
export interface PhoneAnswer {
  offer: Offered;
  picked: Picked;
}

/** undefined when it cannot be used; that is counted and logged. */
export function answerOf(ctx: CallContext, call: Call, fork: Fork, body: string | undefined): PhoneAnswer | undefined {
  const { offer } = fork;
  try {
    if (!offer) return undefined;
    return { offer, picked: offer.read(body ?? '') };
  } catch (err) {
    if (!(err instanceof SdpError)) throw err;
    ctx.counters.badSdp++;
    ctx.log.warn({ call: call.id, to: call.to.number, problem: err.message }, 'unusable answer');
    return undefined;
  }
}

/**
 * Lets the caller hear what the phone plays before it answers (RFC 3960 §3). Returns our answer for the provisional response; undefined when
 * the description is of no use, or the caller made no offer that could be answered.
 */
export function earlyAnswer(ctx: CallContext, call: Call, fork: Fork, body: string): string | undefined {
  const offer = call.invite?.offer;
  const answer = offer && answerOf(ctx, call, fork, body);
  if (!answer) return undefined;
  answer.offer.accept(answer.picked);
  const text = answerCaller(ctx, call, offer, answer.picked);
  if (call.anchored) mediaWork(ctx, call, wire(ctx, call, fork.leg));
  return text;
}

/** Our answer to the caller's offer; from now on it holds. */
function answerCaller(ctx: CallContext, call: Call, offer: Picked, from: Picked): string {
  const spec = bridgeAnswer(offer, from, codecsFor(ctx), !call.anchored);
  const answer = answerTo(call.caller, offer, mediaAddress(call.caller, from.stream), spec);
  answer.accept();
  return answer.text;
}

/** The callee's phone has answered: so do we. Media is wired while the 200 is on its way. */
export function connectPhones(ctx: CallContext, call: Call, callee: Leg, answer: PhoneAnswer): void {
  const { caller, invite } = call;
  // from here on the final answer is on its way, and the end of the call does not send another
  call.invite = undefined;
  answer.offer.accept(answer.picked);
  listen(ctx, call, callee);
  if (!invite) {
    putThrough(ctx, call, callee);
    return;
  }

  let sdp: string;
  let offered: Offered | undefined;
  if (invite.offer) {
    sdp = answerCaller(ctx, call, invite.offer, answer.picked);
    if (call.anchored) mediaWork(ctx, call, wire(ctx, call, callee));
  } else {
    const spec = { ...bridgeOffer(answer.picked, caller.numbers, call.anchored ? codecsFor(ctx) : []), direction: callee.wants };
    offered = offerTo(caller, mediaAddress(caller, answer.picked.stream), spec);
    sdp = offered.text;
  }
  invite.answer(sdp, {
    established: (dialog, cseq) => guarded(ctx, call, 'answer to the caller', () => established(ctx, call, dialog, cseq, offered)),
    failed: (problem) =>
      guarded(ctx, call, 'answer to the caller', () => {
        ctx.log.debug({ call: call.id, problem }, 'the caller was gone when the phone answered');
        offered?.refused();
        hangup(ctx, call, 'caller', refuse('cancelled', call.from.number));
      }),
  });
}

/** The caller talks to a service that has rung this phone for it; the service leaves. */
function putThrough(ctx: CallContext, call: Call, callee: Leg): void {
  if (!call.service || !call.caller.dialog) throw new Error('the caller has had its final answer');
  call.advance('connect');
  call.service.putThrough();
  if (call.anchored) mediaWork(ctx, call, wire(ctx, call, callee));
}

function established(ctx: CallContext, call: Call, dialog: Dialog, cseq: number, offered: Offered | undefined): void {
  const { caller } = call;
  caller.dialog = dialog;
  call.known(caller, dialog.sip.callId);
  if (call.over) {
    caller.over = true;
    endLateAnswer(ctx, dialog, reasonHeader(refuse('hung-up', call.to.number)));
    return;
  }
  listen(ctx, call, caller);
  call.advance('connect');
  call.answeredAt = ctx.clock.now();
  ctx.onAnswered(call);
  if (!offered) return;
  // until the ACK there is no session that could be changed
  call.negotiating = 'caller';
  awaitAnswer(ctx, call, caller, cseq, offered, () => hangup(ctx, call, 'system', refuse('no-answer-in-ack', call.from.number)));
}
