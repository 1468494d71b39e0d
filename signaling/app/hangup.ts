/**
 * Ending a call, from whatever state and for whatever reason: both phones are told, everything is given back, and it is said why.
 */
import type { Call } from './call';
import { releaseAll, releaseLeg, type MediaReport } from './call-media';
import type { CallContext } from './context';
import { endDialog, type Dialog } from './dialogs';
import type { Leg, Side } from './leg';
import { answeredElsewhere, reasonHeader, refuse, type CallRefusal } from './reasons';

export interface Ending {
  by: Side | 'system';
  refusal: CallRefusal;
  /** What the media did; arrives a moment after the call's end. Never rejected. */
  media: Promise<MediaReport>;
  /** The BYEs are answered or given up; may take half a minute with a phone that is gone. Never rejected. */
  dialogs: Promise<void>;
}

/** Ends `call`. A second time does nothing: the first reason stands. */
export function hangup(ctx: CallContext, call: Call, by: Side | 'system', refusal: CallRefusal): void {
  if (call.over) return;
  call.advance('end');
  call.ringTimer?.cancel();
  for (const timer of call.timers) timer.cancel();
  call.timers.clear();

  // a request inside a dialog that ends meanwhile (RFC 3261 §15.1.2)
  for (const request of [...call.open]) request.answer(487, 'Request Terminated');

  refuseCaller(call, refusal);
  const caller = endLeg(call.caller, refusal);
  for (const fork of call.forks) {
    if (fork.ended === undefined && fork.leg !== call.callee) fork.outgoing?.cancel(reasonHeader(refusal));
    fork.ended ??= 'cancelled';
  }
  const callee = call.callee ? endLeg(call.callee, refusal) : Promise.resolve();

  ctx.onEnded(call, { by, refusal, media: releaseAll(ctx, call), dialogs: Promise.all([caller, callee]).then(() => undefined) });
}

/** The final answer to the caller's INVITE, unless it had one or cancelled (then the engine has answered 487, RFC 3261 §9.2). */
function refuseCaller(call: Call, refusal: CallRefusal): void {
  const invite = call.invite;
  call.invite = undefined;
  if (!invite || refusal.cause === 'cancelled') return;
  invite.refuse(refusal);
}

function endLeg(leg: Leg, refusal: CallRefusal): Promise<void> {
  const { dialog } = leg;
  if (!dialog || leg.over) return Promise.resolve();
  leg.over = true;
  return endDialog(dialog, reasonHeader(refusal));
}

/** The phones that have not won stop ringing. */
export function cancelOthers(ctx: CallContext, call: Call, winner: Leg | undefined, reason: string = answeredElsewhere): void {
  for (const fork of call.forks) {
    if (fork.leg === winner) continue;
    if (fork.ended === undefined) fork.outgoing?.cancel(reason);
    fork.ended ??= 'cancelled';
    fork.line?.over();
    call.legs.ended(fork.leg, fork.ended);
    releaseLeg(ctx, call, fork.leg);
  }
  call.forks = [];
  ctx.onChanged(call);
}

/** A phone answered a call that has been decided otherwise (its 200 crossed our CANCEL): it is told with BYE. */
export function endLateAnswer(ctx: CallContext, dialog: Dialog, reason: string): void {
  ctx.counters.lateAnswers++;
  void endDialog(dialog, reason);
}

/** Runs a reaction to something from outside; a fault in it is logged and ends this call, and nothing else. */
export function guarded(ctx: CallContext, call: Call, what: string, fn: () => void | Promise<void>): void {
  const fault = (err: unknown) => {
    ctx.counters.faults++;
    ctx.log.error({ call: call.id, what, error: err instanceof Error ? (err.stack ?? err.message) : String(err) }, 'fault in a call');
    try {
      hangup(ctx, call, 'system', refuse('failed', ''));
    } catch (second) {
      ctx.log.error({ call: call.id, error: String(second) }, 'a faulty call could not be ended');
    }
  };
  try {
    const done = fn();
    if (done) done.catch(fault);
  } catch (err) {
    fault(err);
  }
}

/** A request of the plane whose failure ends the call. */
export function mediaWork(ctx: CallContext, call: Call, work: Promise<void>): void {
  work.catch((err) => {
    // what was under way when the call ended fails on purpose
    if (call.over) return;
    ctx.counters.mediaErrors++;
    ctx.log.warn({ call: call.id, error: String(err) }, 'the media relay failed');
    guarded(ctx, call, 'media failure', () => hangup(ctx, call, 'system', refuse('media-failed', '')));
  });
}
