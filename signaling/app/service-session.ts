/**
 * The caller's session while the system itself is the other end: SDP is answered by us, the sound is made and heard by the media plane.
 *
 *   INVITE, re-INVITE, UPDATE with an offer   answered at once with what the plane can do; hold and codec changes need nobody's consent
 *   without SDP                               our offer in the 200, the answer in the ACK
 *   the same description again                a session refresh: the same answer again
 */
import type { AudioSetup } from '../../media/plane';
import { parseSdp, pickOffer, sameDescription, SdpError, terminate, terminateAnswer, terminateOffer, type AudioSpec, type Picked } from '../../media/sdp';
import { OpenRequest, type Call } from './call';
import { allocate, mediaAddress, setRemote, wire } from './call-media';
import type { CallContext } from './context';
import { sendInDialog, type SipRequest, type SipResponder } from './dialogs';
import { guarded, hangup, mediaWork } from './hangup';
import { answerTo, offerTo, type Answered, type Leg, type Offered } from './leg';
import { ACK_TIMEOUT_MS, contact, cseqOf, sdpAnswer, sourceOf } from './negotiation';
import { refuse } from './reasons';
import { sdpOf, sdpRefusal } from './sdp-body';

/** A port pair for the caller, unless it has one. Errors: `NoMedia`. */
export async function takePort(ctx: CallContext, call: Call): Promise<void> {
  // what was meant to go directly to a phone ends here now
  call.anchored = true;
  if (!call.caller.endpoint) await allocate(ctx, call, call.caller);
}

/** Our answer to an offer, and the sound that goes with it. Errors: `SdpError` 'unacceptable'. */
export function prepareAnswer(ctx: CallContext, leg: Leg, offer: Picked): Answered & { audio: AudioSetup } {
  const { spec, audio } = terminate(offer, ctx.plane);
  return { ...answerTo(leg, offer, mediaAddress(leg, undefined), spec), audio };
}

/** Makes the plane do what was agreed. Only what changed is sent. Errors: what the plane throws. */
export async function applySession(ctx: CallContext, call: Call, audio: AudioSetup): Promise<void> {
  const { caller, callee } = call;
  if (!caller.endpoint) return;
  // put through while the ACK was on its way
  if (!call.service && callee) return wire(ctx, call, callee);
  const work = [setRemote(ctx, caller)];
  const text = JSON.stringify(audio);
  if (text !== call.wiring) {
    const first = call.wiring === undefined;
    call.wiring = text;
    work.push(ctx.plane.setAudio(caller.endpoint.id, audio));
    // a phone that knows no other way presses its keys as tones
    const tones = audio.telephoneEvent === null;
    if (tones || !first) work.push(ctx.plane.detectTones(caller.endpoint.id, tones));
  }
  await Promise.all(work);
}

export interface OurOffer extends Offered {
  readonly spec: AudioSpec;
}

/** For a request without SDP. */
export function prepareOffer(ctx: CallContext, leg: Leg): OurOffer {
  const spec = terminateOffer(ctx.plane, leg.numbers);
  return { ...offerTo(leg, mediaAddress(leg, undefined), spec), spec };
}

/** Waits for the ACK that answers `offered`. `done` hears what was agreed, or undefined: no answer came in time, or none that can be used. */
export function awaitOwnAnswer(ctx: CallContext, call: Call, cseq: number, offered: OurOffer, done: (audio: AudioSetup | undefined) => void): void {
  const { caller: leg } = call;
  const settle = (body: string | undefined) => {
    leg.awaited = undefined;
    timer.cancel();
    call.timers.delete(timer);
    const picked = body === undefined ? undefined : usable(ctx, call, () => offered.read(body));
    if (!picked) offered.refused();
    else offered.accept(picked);
    done(picked && terminateAnswer(picked, offered.spec));
  };
  const timer = ctx.clock.after(ACK_TIMEOUT_MS, () => guarded(ctx, call, 'ACK timeout', () => settle(undefined)));
  call.timers.add(timer);
  leg.awaited = { cseq, ack: settle };
}

export function usable<T>(ctx: CallContext, call: Call, fn: () => T): T | undefined {
  try {
    return fn();
  } catch (err) {
    if (!(err instanceof SdpError)) throw err;
    ctx.counters.badSdp++;
    ctx.log.warn({ call: call.id, problem: err.message }, 'unusable answer');
    return undefined;
  }
}

/** A re-INVITE of ours that says again how things are: the caller had agreed to go elsewhere, where nobody is any more. */
export function describeAnew(ctx: CallContext, call: Call): void {
  const { caller: leg } = call;
  if (!leg.dialog) throw new Error('a caller without a dialog');
  const offered = prepareOffer(ctx, leg);
  call.negotiating = leg.side;
  sendInDialog(leg.dialog, { method: 'INVITE', headers: sdpAnswer(leg, '').headers, body: offered.text }, (status, answer) =>
    guarded(ctx, call, 'answer to a re-INVITE', () => {
      call.negotiating = undefined;
      if (call.over) return;
      if (status === 0 || status === 481) return hangup(ctx, call, 'system', refuse('lost-dialog', leg.party));
      const picked = status < 300 ? usable(ctx, call, () => offered.read(answer?.body ?? '')) : undefined;
      if (!picked) return offered.refused();
      offered.accept(picked);
      mediaWork(ctx, call, applySession(ctx, call, terminateAnswer(picked, offered.spec)));
    }),
  );
}

/** re-INVITE and UPDATE of a caller who talks to a service. */
export function changeWithService(ctx: CallContext, call: Call, leg: Leg, req: SipRequest, res: SipResponder): void {
  const open = new OpenRequest(call, res);
  const body = sdpOf(req);
  if ('refusal' in body) {
    open.answer(body.refusal.status, body.refusal.reason, { headers: body.refusal.headers });
    return;
  }
  if (req.method === 'UPDATE' && body.sdp === undefined) {
    open.answer(200, 'OK', { headers: contact(leg) });
    return;
  }
  // the ACK to our offer is still to come (RFC 3261 §14.2), or the answer to our re-INVITE
  if (leg.awaited || call.negotiating !== undefined) {
    ctx.counters.glare++;
    open.answer(491, 'Request Pending');
    return;
  }
  leg.source = sourceOf(req, leg);
  if (body.sdp === undefined) {
    offerInAnswer(ctx, call, leg, req, open);
    return;
  }
  try {
    answerChange(ctx, call, leg, pickOffer(parseSdp(body.sdp), leg.keys.policy), open);
  } catch (err) {
    if (!(err instanceof SdpError)) throw err;
    ctx.counters.badSdp++;
    const refusal = sdpRefusal(err);
    open.answer(refusal.status, refusal.reason, { headers: refusal.headers });
  }
}

function answerChange(ctx: CallContext, call: Call, leg: Leg, offer: Picked, open: OpenRequest): void {
  if (leg.heard && sameDescription(leg.heard.session, offer.session)) ctx.counters.refreshes++;
  const answer = prepareAnswer(ctx, leg, offer);
  open.answer(200, 'OK', sdpAnswer(leg, answer.text), (err) =>
    guarded(ctx, call, 'answer to a change', () => {
      if (err) {
        answer.refused();
        return;
      }
      answer.accept();
      mediaWork(ctx, call, applySession(ctx, call, answer.audio));
    }),
  );
}

function offerInAnswer(ctx: CallContext, call: Call, leg: Leg, req: SipRequest, open: OpenRequest): void {
  const offered = prepareOffer(ctx, leg);
  awaitOwnAnswer(ctx, call, cseqOf(req), offered, (audio) => {
    // without an answer the session stays as it was (RFC 3261 §14.1)
    if (audio) mediaWork(ctx, call, applySession(ctx, call, audio));
  });
  open.answer(200, 'OK', sdpAnswer(leg, offered.text), (err) => {
    // cancelled: no ACK will come
    if (err) guarded(ctx, call, 'offer in an answer', () => leg.awaited?.ack(undefined));
  });
}
