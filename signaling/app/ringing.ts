/**
 * Ringing every phone of the callee at once (RFC 3261 §16.7 without the proxy: each phone gets an INVITE of our own). The first 2xx wins;
 * when none comes, the caller is told the most that is known.
 */
import { bridgeOffer, otherProfile, ownOffer, type AudioSpec } from '../../media/sdp';
import { answerOf, connectPhones, earlyAnswer } from './b2bua';
import type { Binding } from './binding';
import type { Call, Fork } from './call';
import { codecsFor } from './call-bridge';
import { allocate, mediaAddress, NoMedia, releaseLeg } from './call-media';
import type { CallContext } from './context';
import { endDialog, sendInvite, type Dialog } from './dialogs';
import { diversionHeaders } from './diversion';
import { ownHost } from './flow';
import { abilities } from './abilities';
import { cancelOthers, endLateAnswer, guarded, hangup } from './hangup';
import { newLeg, offerTo, type Leg } from './leg';
import { answeredElsewhere, bestCause, causeOf, endsAll, reasonHeader, refuse, type Cause } from './reasons';
import { addressOf, isPrintable, nameAddr } from './text';
import { wayBack } from './way-back';

/** Headers of the caller's INVITE that the callee gets to see. */
const passedOn = ['Subject', 'Priority'];

export async function ring(ctx: CallContext, call: Call, bindings: readonly Binding[]): Promise<void> {
  call.forks = bindings.map((binding) => ({
    leg: calleeLeg(ctx, call, binding),
    binding,
    offer: undefined,
    outgoing: undefined,
    rang: false,
    ended: undefined,
  }));
  if (call.anchored && !(await takePorts(ctx, call))) return;
  if (call.over) return;
  call.advance('ring');
  for (const fork of call.forks) if (!call.over && fork.ended === undefined) invite(ctx, call, fork);
  settle(ctx, call);
  if (call.state === 'ringing') call.ringTimer = ctx.clock.after((call.to.diversion?.ringSeconds ?? ctx.settings.ringSeconds) * 1000, () => guarded(ctx, call, 'ring timeout', () => giveUp(ctx, call)));
}

function calleeLeg(ctx: CallContext, { to }: Call, { source }: Binding): Leg {
  const leg = newLeg('callee', to.number, source.address, ctx.random, to.srtp);
  if (to.srtp === 'optional') leg.keys.profile = ctx.srtpHabits.profileFor(to.number, source.address);
  return leg;
}

/** Port pairs for the caller and every phone, all asked for at once. False: the call cannot be made and was ended. */
async function takePorts(ctx: CallContext, call: Call): Promise<boolean> {
  let problem: Cause | undefined;
  // one who is put through by a service has its port
  const caller = (call.caller.endpoint ? Promise.resolve() : allocate(ctx, call, call.caller)).catch((err) => {
    problem = mediaCause(ctx, call, err);
  });
  const forks = call.forks.map((fork) =>
    allocate(ctx, call, fork.leg).catch((err) => {
      fork.ended = mediaCause(ctx, call, err);
    }),
  );
  await Promise.all([caller, ...forks]);
  if (problem) hangup(ctx, call, 'system', refuse(problem, call.from.number));
  return !problem;
}

function mediaCause(ctx: CallContext, call: Call, err: unknown): Cause {
  ctx.log.warn({ call: call.id, error: String(err) }, 'no media for a phone');
  return err instanceof NoMedia ? err.refusal : 'media-failed';
}

function invite(ctx: CallContext, call: Call, fork: Fork): void {
  const { leg, binding } = fork;
  fork.offer = offerTo(leg, mediaAddress(leg, call.caller.heard?.stream), offerFor(ctx, call, fork));
  fork.outgoing = sendInvite(
    ctx.srf,
    {
      uri: binding.uri,
      proxy: wayBack(binding, ctx.reach),
      sdp: fork.offer.text,
      headers: { ...inviteHeaders(call), ...diversionHeaders(call.path, call.to.number, ownHost(ctx.reach, leg.source) ?? 'localhost') },
    },
    {
      sent: (callId) => call.known(leg, callId),
      provisional: (status, body) => guarded(ctx, call, 'provisional answer', () => provisional(ctx, call, fork, status, body)),
      answered: (dialog, body) => guarded(ctx, call, 'answer', () => answered(ctx, call, fork, dialog, body)),
      failed: (status, problem) => guarded(ctx, call, 'refusal', () => failed(ctx, call, fork, status, problem)),
    },
  );
}

export function offerFor(ctx: CallContext, call: Call, fork: Pick<Fork, 'leg'>): AudioSpec {
  const { invite: pending, caller } = call;
  // one who talks to us already, and is put through or transferred: what it has agreed to with us
  const offer = pending?.offer ?? (caller.heard && { ...caller.heard, codecs: caller.told });
  return offer ? bridgeOffer(offer, fork.leg.numbers, call.anchored ? codecsFor(ctx) : []) : { codecs: ownOffer, direction: 'sendrecv' };
}

/** Nothing of the caller's own dialog: the engine makes Call-ID, tags and Contact, and puts its address for `localhost`. */
function inviteHeaders(call: Call): Record<string, string> {
  const { from, to, invite: pending } = call;
  const headers: Record<string, string> = {
    From: nameAddr(from),
    To: `<${addressOf(to.number)}>`,
    ...abilities,
    ...(call.referredBy !== undefined && { 'Referred-By': call.referredBy }),
  };
  for (const name of passedOn) {
    const value = pending?.get(name);
    if (value !== undefined && value.length <= 200 && isPrintable(value)) headers[name] = value;
  }
  return headers;
}

function provisional(ctx: CallContext, call: Call, fork: Fork, status: number, body: string | undefined): void {
  // 199 ends an early dialog (RFC 6228); the caller has none of that fork
  if (call.state !== 'ringing' || fork.ended !== undefined || status <= 100 || status === 199) return;
  fork.rang = true;
  if (call.rangAt === undefined) {
    call.rangAt = ctx.clock.now();
    ctx.onRinging(call);
  }
  const single = call.forks.length === 1;
  const early = single && body ? earlyAnswer(ctx, call, fork, body) : undefined;
  if (early !== undefined) {
    progress(call, status, early);
    return;
  }
  // several phones: whatever they say, the caller hears that it rings
  progress(call, single && [180, 181, 182, 183].includes(status) ? status : 180, undefined);
}

/** Each provisional answer goes to the caller once. */
function progress(call: Call, status: number, body: string | undefined): void {
  const key = `${status} ${body ?? ''}`;
  if (!call.invite || call.progress.has(key)) return;
  call.progress.add(key);
  call.invite.progress(status, body);
}

function answered(ctx: CallContext, call: Call, fork: Fork, dialog: Dialog, body: string | undefined): void {
  if (call.state !== 'ringing' || fork.ended !== undefined) {
    endLateAnswer(ctx, dialog, call.over ? reasonHeader(refuse('cancelled', call.from.number)) : answeredElsewhere);
    return;
  }
  const answer = answerOf(ctx, call, fork, body);
  if (!answer) {
    void endDialog(dialog, reasonHeader(refuse('bad-answer', call.to.number)));
    out(ctx, call, fork, 'bad-answer');
    return;
  }
  ctx.srtpHabits.learn(call.to.number, fork.leg.source, answer.picked);
  call.advance('answer');
  call.ringTimer?.cancel();
  call.callee = fork.leg;
  fork.leg.dialog = dialog;
  cancelOthers(ctx, call, fork.leg);
  connectPhones(ctx, call, fork.leg, answer);
}

function failed(ctx: CallContext, call: Call, fork: Fork, status: number, problem: string): void {
  if (fork.ended !== undefined) return;
  ctx.log.debug({ call: call.id, to: call.to.number, status, problem }, 'a phone refused');
  // the connection it registered over is closed: 410 from drachtio, 430 from RFC 5626 §4.4.2
  if (status === 410 || status === 430) ctx.locations.forget(fork.binding);
  if (isAboutMedia(status) && call.state === 'ringing' && inviteOtherwise(ctx, call, fork)) return;
  const cause = causeOf({ status, rang: fork.rang });
  if (endsAll(status)) {
    fork.ended = cause;
    ctx.unanswered(call, 'callee', refuse(cause, call.to.number));
    return;
  }
  out(ctx, call, fork, cause);
}

const isAboutMedia = (status: number): boolean => status === 488 || status === 606;

/** A phone may know only SRTP, or only plain RTP: it is called once more with what it was not offered before. False: it has had both. */
function inviteOtherwise(ctx: CallContext, call: Call, fork: Fork): boolean {
  const { leg, offer } = fork;
  const profile = call.anchored ? otherProfile(leg.keys) : undefined;
  if (profile === undefined) return false;
  ctx.counters.srtpRetries++;
  offer?.refused();
  leg.keys.profile = profile;
  leg.keys.retried = true;
  invite(ctx, call, fork);
  return true;
}

/** This phone is out of the race; with the last one the call ends. */
function out(ctx: CallContext, call: Call, fork: Fork, cause: Cause): void {
  fork.ended = cause;
  releaseLeg(ctx, call, fork.leg);
  if (call.state === 'ringing') settle(ctx, call);
}

function settle(ctx: CallContext, call: Call): void {
  if (call.over) return;
  const causes = call.forks.flatMap((fork) => fork.ended ?? []);
  if (causes.length === call.forks.length) ctx.unanswered(call, 'callee', refuse(bestCause(causes), call.to.number));
}

function giveUp(ctx: CallContext, call: Call): void {
  if (call.state !== 'ringing') return;
  const causes = call.forks.map((fork) => fork.ended ?? (fork.rang ? 'no-answer' : 'unreachable'));
  ctx.unanswered(call, 'system', refuse(bestCause(causes), call.to.number));
}
