/**
 * Ringing phones, stage by stage (`ring-plan`), those of a stage at once (RFC 3261 §16.7 without the proxy: each phone gets an INVITE of our own).
 * The first 2xx wins; when none comes, the caller is told the most that is known.
 */
import { bridgeOffer, otherProfile, ownOffer, type AudioSpec } from '../../media/sdp';
import { shown } from '../tenants';
import { answerOf, connectPhones, earlyAnswer } from './b2bua';
import { autoAnswer } from './auto-answer';
import type { Binding } from './binding';
import type { Call, Callee, Fork } from './call';
import { codecsFor } from './call-bridge';
import { allocate, mediaAddress, NoMedia, releaseLeg } from './call-media';
import type { CallContext } from './context';
import { endDialog, sendInvite, type Dialog, type SipAnswer } from './dialogs';
import { diversionHeaders } from './diversion';
import { ownHost } from './flow';
import { abilities } from './abilities';
import { cancelOthers, endLateAnswer, guarded, hangup } from './hangup';
import { newLeg, offerTo, type Leg } from './leg';
import { answeredElsewhere, bestCause, causeOf, endsAll, reasonHeader, refuse, type Cause } from './reasons';
import type { Line, RingPlan, Stage, Way } from './ring-plan';
import { addressOf, isPrintable, nameAddr } from './text';
import { wayBack } from './way-back';

/** Headers of the caller's INVITE that the callee gets to see. */
const passedOn = ['Subject', 'Priority'];

export async function ring(ctx: CallContext, call: Call, plan: RingPlan): Promise<void> {
  call.plan = plan;
  // what was agreed with one phone need not fit the next
  if (!plan.plain) call.anchored = true;
  await begin(ctx, call, plan);
}

/** The next stage that rings anything; when there is none, nobody answered. */
async function begin(ctx: CallContext, call: Call, plan: RingPlan): Promise<void> {
  const stage = nextOf(ctx, call, plan);
  if (!stage) return nobody(ctx, call);
  const fresh = stage.ways.map((way) => forkFor(ctx, call, way));
  call.forks = call.forks.length === 0 ? fresh : [...call.forks, ...fresh];
  if (call.anchored && !(await takePorts(ctx, call, fresh))) return;
  // one that rang on has answered meanwhile, or the caller has gone
  for (const fork of fresh) if (fork.ended !== undefined) releaseLeg(ctx, call, fork.leg);
  if (call.over || call.plan !== plan) return;
  if (call.state !== 'ringing') call.advance('ring');
  ctx.onChanged(call);
  for (const fork of fresh) if (call.plan === plan && fork.ended === undefined) invite(ctx, call, fork);
  if (call.over || call.plan !== plan) return;
  call.stage = stage;
  call.ringTimer = ctx.clock.after((stage.seconds ?? ctx.settings.ringSeconds) * 1000, () => guarded(ctx, call, 'ring timeout', () => begin(ctx, call, plan)));
  settle(ctx, call);
}

/** Whoever is not kept stops ringing. */
function nextOf(ctx: CallContext, call: Call, plan: RingPlan): Stage | undefined {
  call.ringTimer?.cancel();
  call.stage = undefined;
  for (;;) {
    const stage = plan.next();
    // what is told to those who rang until the end depends on all of them
    if (!stage) return undefined;
    for (const fork of call.forks) if (fork.ended === undefined && !stage.keeps?.(fork.callee)) drop(ctx, call, fork, silentFor(fork), reasonHeader(refuse(silentFor(fork), fork.callee.number)));
    if (stage.ways.length > 0 || call.forks.some(({ ended }) => ended === undefined)) return stage;
  }
}

function forkFor(ctx: CallContext, call: Call, { callee, binding, line }: Way): Fork {
  if (!call.rung.includes(callee.number)) {
    call.rung.push(callee.number);
    call.joined(callee.number);
  }
  const leg = calleeLeg(ctx, callee, binding);
  call.legs.begin(leg, binding.userAgent);
  return { leg, callee, binding, line, offer: undefined, outgoing: undefined, rang: false, ended: line?.take() };
}

function calleeLeg(ctx: CallContext, { number, srtp }: Callee, { source }: Binding): Leg {
  const leg = newLeg('callee', number, source.address, ctx.random, srtp);
  if (srtp === 'optional') leg.keys.profile = ctx.srtpHabits.profileFor(number, source.address);
  return leg;
}

/** Port pairs for the caller and every phone, all asked for at once. False: the call cannot be made and was ended. */
async function takePorts(ctx: CallContext, call: Call, fresh: readonly Fork[]): Promise<boolean> {
  let problem: Cause | undefined;
  // one who is put through by a service has its port
  const caller = (call.caller.endpoint ? Promise.resolve() : allocate(ctx, call, call.caller)).catch((err) => {
    problem = mediaCause(ctx, call, err);
  });
  const forks = fresh.map((fork) =>
    allocate(ctx, call, fork.leg).catch((err) => {
      fork.ended ??= mediaCause(ctx, call, err);
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

function invite(ctx: CallContext, call: Call, fork: Fork, credentials: Record<string, string> = {}): void {
  const { leg, binding, callee, line } = fork;
  const host = ownHost(ctx.reach, leg.source) ?? 'localhost';
  fork.offer = offerTo(leg, mediaAddress(leg, call.caller.heard?.stream), offerFor(ctx, call, fork));
  fork.outgoing = sendInvite(
    ctx.srf,
    {
      uri: binding.uri,
      proxy: line?.proxy ?? wayBack(binding, ctx.reach),
      sdp: fork.offer.text,
      headers: line
        ? { ...abilities, ...line.headers, ...credentials }
        : { ...inviteHeaders(call, callee), ...diversionHeaders(call.path, callee.number, host), ...(call.autoAnswer && autoAnswer(host)) },
    },
    {
      sent: (callId) => call.known(leg, callId),
      provisional: (status, body) => guarded(ctx, call, 'provisional answer', () => provisional(ctx, call, fork, status, body)),
      answered: (dialog, body) => guarded(ctx, call, 'answer', () => answered(ctx, call, fork, dialog, body)),
      failed: (status, problem, answer) => guarded(ctx, call, 'refusal', () => failed(ctx, call, fork, status, problem, answer)),
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
function inviteHeaders(call: Call, to: Callee): Record<string, string> {
  const { from, plan, invite: pending } = call;
  const headers: Record<string, string> = {
    From: nameAddr(plan?.prefix ? { number: from.number, name: `${plan.prefix}${from.name ?? shown(from.number)}` } : from),
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
  fork.line?.heard(status);
  const news = !fork.rang;
  fork.rang = true;
  call.legs.rang(fork.leg);
  if (call.rangAt === undefined) {
    call.rangAt = ctx.clock.now();
    ctx.onRinging(call);
  } else if (news) ctx.onChanged(call);
  const single = call.plan?.early === true || (call.plan?.plain === true && call.forks.length === 1);
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
    void endDialog(dialog, reasonHeader(refuse('bad-answer', fork.callee.number)));
    out(ctx, call, fork, 'bad-answer');
    return;
  }
  ctx.srtpHabits.learn(fork.callee.number, fork.leg.source, answer.picked);
  call.advance('answer');
  call.ringTimer?.cancel();
  call.plan = undefined;
  if (call.to.number !== fork.callee.number) call.through = call.to.number;
  call.to = fork.callee;
  call.callee = fork.leg;
  fork.leg.dialog = dialog;
  if (fork.line) lineAnswered(ctx, call, fork.line, dialog);
  call.legs.answered(fork.leg);
  cancelOthers(ctx, call, fork.leg);
  connectPhones(ctx, call, fork.leg, answer);
}

/** It costs from now on, until it ends, or what it may cost is used up. */
function lineAnswered(ctx: CallContext, call: Call, line: Line, dialog: Dialog): void {
  dialog.auth = line.credentials;
  call.line = line;
  call.whenOver.push(() => line.over());
  line.answered(() => guarded(ctx, call, 'budget', () => hangup(ctx, call, 'system', refuse('budget-used', ''))));
}

function failed(ctx: CallContext, call: Call, fork: Fork, status: number, problem: string, answer: SipAnswer | undefined): void {
  if (fork.ended !== undefined) return fork.line?.over();
  ctx.log.debug({ call: call.id, to: fork.callee.number, status, problem }, 'a phone refused');
  if (fork.line) {
    const credentials = (status === 401 || status === 407) && answer && call.state === 'ringing' ? fork.line.authorize(answer) : undefined;
    if (credentials) {
      fork.offer?.refused();
      return invite(ctx, call, fork, credentials);
    }
    fork.line.heard(status);
  }
  // the connection it registered over is closed: 410 from drachtio, 430 from RFC 5626 §4.4.2
  else if (status === 410 || status === 430) ctx.locations.forget(fork.binding);
  if (isAboutMedia(status) && call.state === 'ringing' && inviteOtherwise(ctx, call, fork)) return;
  const cause = fork.line && noSuchNumber.has(status) ? 'unknown-number' : causeOf({ status, rang: fork.rang });
  if (endsAll(status) && call.plan?.people) {
    for (const other of call.forks) if (other !== fork && other.ended === undefined && other.callee.number === fork.callee.number) drop(ctx, call, other, cause, answeredElsewhere);
  } else if (endsAll(status)) {
    fork.ended = cause;
    call.legs.ended(fork.leg, cause);
    ctx.unanswered(call, 'callee', refuse(cause, call.to.number));
    return;
  }
  out(ctx, call, fork, cause);
}

/** Said by a network of the number, by a phone of something of its own. */
const noSuchNumber: ReadonlySet<number> = new Set([404, 484, 604]);

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

/** This phone is out of the race; with the last one the next stage begins, or the call ends. */
function out(ctx: CallContext, call: Call, fork: Fork, cause: Cause): void {
  fork.ended = cause;
  fork.line?.over();
  call.legs.ended(fork.leg, cause);
  releaseLeg(ctx, call, fork.leg);
  ctx.onChanged(call);
  if (call.state === 'ringing') settle(ctx, call);
}

/** It is told that it need not ring any more. */
function drop(ctx: CallContext, call: Call, fork: Fork, cause: Cause, reason: string): void {
  fork.ended = cause;
  fork.line?.over();
  call.legs.ended(fork.leg, cause);
  fork.outgoing?.cancel(reason);
  releaseLeg(ctx, call, fork.leg);
  ctx.onChanged(call);
}

function settle(ctx: CallContext, call: Call): void {
  const { plan, stage } = call;
  if (call.over || !plan || !stage || call.forks.some(({ ended }) => ended === undefined)) return;
  if (plan.plain) nobody(ctx, call, 'callee');
  else guarded(ctx, call, 'ringing', () => begin(ctx, call, plan));
}

/** What is said of a phone that has not answered. */
const silentFor = ({ rang }: Fork): Cause => (rang ? 'no-answer' : 'unreachable');

/** What one of several people has said does not hold for the number that they share. */
function ofSeveral(cause: Cause, causes: readonly Cause[]): Cause {
  if (causes.includes('no-answer')) return 'no-answer';
  if (cause === 'busy-everywhere' || cause === 'declined') return 'busy';
  return cause === 'busy' || cause === 'not-registered' ? cause : 'unreachable';
}

/** All have refused, or none has answered in time. */
function nobody(ctx: CallContext, call: Call, by: 'callee' | 'system' = call.forks.some(({ ended }) => ended === undefined) ? 'system' : 'callee'): void {
  if (call.over) return;
  const causes = call.forks.map((fork) => fork.ended ?? silentFor(fork));
  const best = bestCause(causes.length > 0 ? causes : (call.plan?.missed ?? []).map(({ cause }) => cause));
  const refusal = refuse(call.plan?.people ? ofSeveral(best, causes) : best, call.to.number);
  for (const fork of call.forks) if (fork.ended === undefined) drop(ctx, call, fork, silentFor(fork), reasonHeader(refusal));
  if (call.state !== 'ringing') call.advance('ring');
  ctx.unanswered(call, by, refusal);
}
