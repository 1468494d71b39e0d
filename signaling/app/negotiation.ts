/**
 * Changing a session that is up: re-INVITE and UPDATE with and without SDP, in both directions (RFC 3261 §14, RFC 3311, RFC 3264 §8).
 *
 *   same o= line as before      a session refresh: answered by ourselves, the other phone is left in peace
 *   another description         passed on as our re-INVITE; its answer becomes ours. Refused: the session stays as it was
 *   re-INVITE without SDP       our offer of what the other phone does, in the 200; the ACK's answer is passed on when it changes anything
 *
 * One negotiation at a time per call: whoever comes second is answered 491 and tries again (§14.1), also when the first is on the other leg.
 */
import { agreedFormats, bridgeAnswer, bridgeOf, bridgeOffer, codecKey, isVoice, parseSdp, pickOffer, sameDescription, SdpError, type AudioSpec, type Direction, type Picked } from '../../media/sdp';
import { abilities } from './abilities';
import { OpenRequest, type Call } from './call';
import { agreementOf, codecsFor } from './call-bridge';
import { mediaAddress, wire } from './call-media';
import type { CallContext } from './context';
import { sendInDialog, type SipRequest, type SipResponder } from './dialogs';
import { guarded, hangup, mediaWork } from './hangup';
import { passedOnDirection } from './hold-music';
import { answerTo, offerTo, type Leg, type Offered } from './leg';
import { refuse, relayedStatus } from './reasons';
import { sdpOf, sdpRefusal } from './sdp-body';

/** RFC 3261 §13.3.1.4: the 2xx is repeated for 64*T1; an ACK that is not here by then does not come any more. */
export const ACK_TIMEOUT_MS = 33_000;

export function onReinvite(ctx: CallContext, call: Call, leg: Leg, req: SipRequest, res: SipResponder): void {
  const open = new OpenRequest(call, res);
  change(ctx, call, leg, req, open, () => offerInAnswer(ctx, call, leg, req, open));
}

export function onUpdate(ctx: CallContext, call: Call, leg: Leg, req: SipRequest, res: SipResponder): void {
  const open = new OpenRequest(call, res);
  // an UPDATE without SDP only says that the phone is still there (RFC 3311 §5.1, RFC 4028)
  change(ctx, call, leg, req, open, () => open.answer(200, 'OK', { headers: contact(leg) }));
}

function change(ctx: CallContext, call: Call, leg: Leg, req: SipRequest, open: OpenRequest, withoutSdp: () => void): void {
  const body = sdpOf(req);
  if ('refusal' in body) {
    open.answer(body.refusal.status, body.refusal.reason, { headers: body.refusal.headers });
    return;
  }
  const refreshOnly = req.method === 'UPDATE' && body.sdp === undefined;
  if (!refreshOnly && (call.negotiating !== undefined || call.state !== 'up')) {
    ctx.counters.glare++;
    open.answer(491, 'Request Pending');
    return;
  }
  try {
    if (body.sdp === undefined) {
      withoutSdp();
      return;
    }
    const offer = pickOffer(parseSdp(body.sdp), call.anchored ? leg.keys.policy : 'off');
    leg.source = sourceOf(req, leg);
    if (leg.heard && sameDescription(leg.heard.session, offer.session)) answerRefresh(ctx, call, leg, offer, open);
    else passOnOffer(ctx, call, leg, offer, open);
  } catch (err) {
    if (!(err instanceof SdpError)) throw err;
    ctx.counters.badSdp++;
    const refusal = sdpRefusal(err);
    open.answer(refusal.status, refusal.reason, { headers: refusal.headers });
  }
}

/** A phone that changed its network may keep the address in its SDP; its signaling comes from elsewhere. */
export function sourceOf(req: SipRequest, leg: Leg): string {
  return req.source === 'network' && req.source_address ? req.source_address.replace(/^::ffff:(?=\d+\.)/i, '') : leg.source;
}

function answerRefresh(ctx: CallContext, call: Call, leg: Leg, offer: Picked, open: OpenRequest): void {
  const other = call.other(leg);
  if (!other?.heard) throw new Error('a session without another side');
  ctx.counters.refreshes++;
  const agreement = agreementOf(other);
  const theirs = call.anchored && agreement ? { stream: other.heard.stream, codecs: agreedFormats(agreement) } : other.heard;
  const answer = answerTo(leg, offer, mediaAddress(leg, other.heard.stream), bridgeAnswer(offer, theirs, codecsFor(ctx), !call.anchored));
  open.answer(200, 'OK', sdpAnswer(leg, answer.text), (err) =>
    guarded(ctx, call, 'refresh', () => {
      if (err) answer.refused();
      else {
        answer.accept();
        rewire(ctx, call);
      }
    }),
  );
}

function passOnOffer(ctx: CallContext, call: Call, leg: Leg, offer: Picked, open: OpenRequest): void {
  const other = call.other(leg);
  if (!other) throw new Error('a session without another side');
  const spec = offerFor(ctx, call, offer, other, offer.stream.direction);
  call.negotiating = leg.side;
  propose(ctx, call, other, spec, offer, (result) => {
    if (typeof result === 'number') {
      call.negotiating = undefined;
      ctx.counters.refusedChanges++;
      open.answer(relayedStatus(result), '');
      return;
    }
    const answer = answerTo(leg, offer, mediaAddress(leg, result.stream), bridgeAnswer(offer, result, codecsFor(ctx), !call.anchored));
    open.answer(200, 'OK', sdpAnswer(leg, answer.text), (err) =>
      guarded(ctx, call, 'answer to a change', () => {
        if (err) {
          // the phone took its offer back while the other one accepted it: tell that one what still holds
          answer.refused();
          tellOther(ctx, call, leg);
          return;
        }
        answer.accept();
        call.negotiating = undefined;
        rewire(ctx, call);
      }),
    );
  });
}

/**
 * Sends `leg`'s phone a re-INVITE. `opposite`: whose session it describes. `done` gets its answer, or the status of its refusal; it is not
 * called when the call ends meanwhile, which a phone without a dialog makes it do.
 */
function propose(ctx: CallContext, call: Call, leg: Leg, spec: AudioSpec, opposite: Picked, done: (result: Picked | number) => void, more: Record<string, string> = {}): void {
  if (!leg.dialog) throw new Error('a change for a leg without a dialog');
  const offered = offerTo(leg, mediaAddress(leg, opposite.stream), spec);
  const headers = { ...abilities, ...contact(leg), ...more, 'Content-Type': 'application/sdp' };
  sendInDialog(leg.dialog, { method: 'INVITE', headers, body: offered.text }, (status, answer, problem) =>
    guarded(ctx, call, 'answer to a re-INVITE', () => {
      if (call.over) return;
      if (status === 0 || status === 481) {
        ctx.log.warn({ call: call.id, phone: leg.party, problem }, 'a phone has lost its call');
        hangup(ctx, call, 'system', refuse('lost-dialog', leg.party));
        return;
      }
      if (status >= 300) {
        offered.refused();
        done(status);
        return;
      }
      const picked = answerTo200(ctx, call, offered, answer?.body);
      if (picked) offered.accept(picked);
      else offered.refused();
      done(picked ?? 488);
    }),
  );
}

function answerTo200(ctx: CallContext, call: Call, offered: Offered, body: string | undefined): Picked | undefined {
  try {
    return offered.read(body ?? '');
  } catch (err) {
    if (!(err instanceof SdpError)) throw err;
    ctx.counters.badSdp++;
    ctx.log.warn({ call: call.id, problem: err.message }, 'unusable answer');
    return undefined;
  }
}

/** A re-INVITE without SDP asks for an offer (RFC 3261 §14.1): what the other phone does, and would like to do (RFC 6337 §5.2.2). */
function offerInAnswer(ctx: CallContext, call: Call, leg: Leg, req: SipRequest, open: OpenRequest): void {
  const other = call.other(leg);
  if (!other?.heard) throw new Error('a session without another side');
  const spec = offerFor(ctx, call, other.heard, leg, other.wants);
  leg.source = sourceOf(req, leg);
  call.negotiating = leg.side;
  const offered = offerTo(leg, mediaAddress(leg, other.heard.stream), spec);
  awaitAnswer(ctx, call, leg, cseqOf(req), offered, () => {
    offered.refused();
    call.negotiating = undefined;
  });
  open.answer(200, 'OK', sdpAnswer(leg, offered.text), (err) => {
    // cancelled: no ACK will come
    if (err) guarded(ctx, call, 'offer in an answer', () => leg.awaited?.ack(undefined));
  });
}

/**
 * Waits for the ACK that answers `offered`, then wires the relay and lets the other phone know when it concerns it. `failed`: none came in
 * time, or nothing useful in it. `call.negotiating` must be set, and is released at the end.
 */
export function awaitAnswer(ctx: CallContext, call: Call, leg: Leg, cseq: number, offered: Offered, failed: () => void): void {
  const settle = (body: string | undefined) => {
    leg.awaited = undefined;
    timer.cancel();
    call.timers.delete(timer);
    const picked = body === undefined ? undefined : answerTo200(ctx, call, offered, body);
    if (!picked) {
      failed();
      return;
    }
    offered.accept(picked);
    rewire(ctx, call);
    if (concerns(ctx, call, leg, call.other(leg))) tellOther(ctx, call, leg);
    else call.negotiating = undefined;
  };
  const timer = ctx.clock.after(ACK_TIMEOUT_MS, () => guarded(ctx, call, 'ACK timeout', () => settle(undefined)));
  call.timers.add(timer);
  leg.awaited = { cseq, ack: settle };
}

export function onAck(leg: Leg, ack: SipRequest): void {
  if (leg.awaited?.cseq === cseqOf(ack)) leg.awaited.ack(ack.body);
}

export const cseqOf = (req: SipRequest): number => Number.parseInt(req.get('CSeq') ?? '', 10);

/** Whether what `leg`'s phone said last differs from what the other one was told of it. */
function concerns(ctx: CallContext, call: Call, leg: Leg, other: Leg | undefined): boolean {
  if (!other?.heard || !leg.heard) return false;
  if (passedOnDirection(ctx, call, leg.agreed) !== other.toldDirection) return true;
  const [mine, theirs] = [agreementOf(leg), agreementOf(other)];
  if (call.anchored && mine && theirs && bridgeOf(mine, theirs, codecsFor(ctx)).kind === 'mix') return false;
  const known = new Set(leg.heard.codecs.map(codecKey));
  const spoken = call.anchored ? other.answer : other.heard.codecs;
  return spoken.filter(isVoice).slice(0, call.anchored ? 1 : undefined).some((codec) => !known.has(codecKey(codec)));
}

/** What `from`'s phone does, as our offer to `to`'s. */
function offerFor(ctx: CallContext, call: Call, from: Picked, to: Leg, direction: Direction): AudioSpec {
  const spec = bridgeOffer(from, to.numbers, call.anchored ? codecsFor(ctx) : []);
  return { ...spec, direction: passedOnDirection(ctx, call, direction) };
}

/** A re-INVITE that tells the other phone how `leg`'s session is now, with `more` header fields. Releases the negotiation, whatever becomes of it. */
export function tellOther(ctx: CallContext, call: Call, leg: Leg, more: Record<string, string> = {}): void {
  const other = call.other(leg);
  if (!other || !leg.heard) throw new Error('a session without another side');
  const done = (result: Picked | number) => {
    call.negotiating = undefined;
    if (typeof result === 'number') ctx.counters.refusedChanges++;
    else rewire(ctx, call);
  };
  call.negotiating = leg.side;
  try {
    propose(ctx, call, other, offerFor(ctx, call, leg.heard, other, leg.agreed), leg.heard, done, more);
  } catch (err) {
    if (!(err instanceof SdpError)) throw err;
    done(488);
  }
}

export function rewire(ctx: CallContext, call: Call): void {
  if (call.anchored && call.callee) mediaWork(ctx, call, wire(ctx, call, call.callee));
}

/** Needed in a 200 to UPDATE (RFC 3311 §5.2), where no engine adds it. */
export const contact = (leg: Leg): Record<string, string> => (leg.dialog ? { Contact: leg.dialog.local.contact } : {});

export const sdpAnswer = (leg: Leg, body: string) => ({ headers: { ...abilities, ...contact(leg), 'Content-Type': 'application/sdp' }, body });
