/**
 * Calling a phone and having it as the one leg of a call: a service talks to it as to any caller, or it is connected to a number (click to dial).
 *
 *   originate('1001', handler)   1001's phones ring ── the first that answers ──▶ handler(call), a ServiceCall
 *   originate('1001', '1002')    the same, then 1002 through the dial plan, which sees 1001 calling
 *
 * It is a call like others: it counts, is listed, recorded and drained; `from` is whose phone it is, `to` what it talks to.
 */
import { otherProfile, terminateAnswer } from '../../media/sdp';
import { OffhookError } from '../errors';
import { shown } from '../tenants';
import { abilities } from './abilities';
import type { Newcomer } from './arrival';
import { autoAnswer } from './auto-answer';
import type { Binding } from './binding';
import { phoneless, type Call, type Callee, type PendingInvite } from './call';
import { allocate, NoMedia, releaseLeg } from './call-media';
import type { CallContext } from './context';
import { endDialog, sendInvite, type Dialog, type Outgoing } from './dialogs';
import type { Hop } from './diversion';
import type { Feature, Handler, Party } from './feature';
import { ownHost } from './flow';
import { endLateAnswer, guarded, hangup, mediaWork } from './hangup';
import { listen } from './in-dialog';
import { newLeg, type Leg } from './leg';
import { answeredElsewhere, bestCause, causeOf, endsAll, reasonHeader, refuse, type CallRefusal, type Cause } from './reasons';
import type { DisplaceBoard } from './displacing';
import { applySession, prepareOffer, usable, type OurOffer } from './service-session';
import { addressOf, nameAddr } from './text';
import { wayBack } from './way-back';

export interface OriginateOptions {
  /** The service's name, for records and views. Default: `originate`. */
  service?: string | undefined;
  /** Who has asked for it, for records and views: a number, the name of a token. */
  by?: string | undefined;
  /** Who seems to call, on the phone's display. Default: the number it will be connected to, else the service. */
  shows?: Party | undefined;
  /** Asks the phone to answer by itself, in all ways that phones know. Default: no. */
  autoAnswer?: boolean | undefined;
  /** More header fields of the INVITEs. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Where its media is to be (see `Call.near`): `room:NUMBER` for one that will join a room. */
  near?: string | undefined;
  /** Default: `call.ringSeconds`. */
  ringSeconds?: number | undefined;
  /** See `Feature.silence`. */
  silence?: Feature['silence'] | undefined;
  /** Aborted: it stops ringing, or the call ends. */
  signal?: AbortSignal | undefined;
}

export interface Originated {
  /** Of the call. */
  readonly id: string;
  /** Undefined: a phone has answered. Else why none has; the call is over then. Never rejects. */
  readonly answered: Promise<CallRefusal | undefined>;
  /** It stops ringing, or the call ends. */
  end(): void;
}

/**
 * Rings `number`'s phones; who answers is `then`'s, a handler or a number to be connected to. Resolves when they are being called.
 * Errors: `store.not-found` (no such extension), `call.no-phone`, `call.no-number`, `call.not-taken` (too many calls, shutting down).
 */
export async function originate(ctx: CallContext, board: Board, number: string, then: Handler | string, options: OriginateOptions = {}): Promise<Originated> {
  const extension = await ctx.directory.find(number);
  if (!extension) throw new OffhookError('store.not-found', { number: shown(number) });
  const bindings = ctx.locations.lookup(number);
  if (bindings.length === 0) throw new OffhookError('call.no-phone', { number: shown(number) });
  const plan = typeof then === 'string' ? await towards(ctx, extension, then, options) : { handler: then, to: phoneless(options.shows?.number ?? '', options.service ?? null), ...options };
  const origin = new Origin(ctx, board, extension, plan, bindings);
  origin.dialled = plan.to.number;
  if (!board.welcome(origin)) throw new OffhookError('call.not-taken', { reason: origin.refused });
  return origin.begin();
}

interface Plan extends OriginateOptions {
  handler: Handler;
  to: Callee;
}

/** Connected to a number: the callee's phone shows who answered ours, ours shows the number. */
async function towards(ctx: CallContext, from: Callee, number: string, options: OriginateOptions): Promise<Plan> {
  const path: Hop[] = [];
  const to = await ctx.destination(from.number, number, path);
  if (to.kind === 'nobody' && !to.callee) throw new OffhookError('call.no-number', { number: shown(number) });
  const name = to.kind === 'service' ? to.feature.name : (path[0]?.from.name ?? null);
  const near = to.kind === 'service' ? to.near : undefined;
  const handler: Handler = async (call) => {
    const cause = await call.transferTo(number, { asDialled: true });
    await call.play([{ tone: cause === 'busy' ? 'busy' : 'reorder', ms: 3000 }]);
    call.hangup(refuse(cause, number));
  };
  return { ...options, shows: options.shows ?? { number, name }, near: options.near ?? near, handler, to: phoneless(number, name) };
}

type Board = Pick<DisplaceBoard, 'begin' | 'welcome'>;

/** One phone that is called. */
interface Attempt {
  readonly leg: Leg;
  readonly binding: Binding;
  offer: OurOffer | undefined;
  outgoing: Outgoing | undefined;
  rang: boolean;
  /** Why it is out of the race. */
  ended: Cause | undefined;
}

const refusedBy = ({ rang }: Attempt): Cause => (rang ? 'no-answer' : 'unreachable');

class Origin implements Newcomer {
  dialled = '';
  readonly path: Hop[] = [];
  call: Call | undefined;
  readonly cancelled = false;
  onCancel: () => void = () => undefined;
  /** Why there was no call. */
  refused = '';
  readonly originatedBy: string | undefined;
  private readonly attempts: Attempt[];

  constructor(
    private readonly ctx: CallContext,
    private readonly board: Board,
    readonly caller: Callee,
    private readonly plan: Plan,
    bindings: readonly Binding[],
  ) {
    this.originatedBy = plan.by;
    this.attempts = bindings.map((binding) => ({ leg: this.legFor(binding.source.address), binding, offer: undefined, outgoing: undefined, rang: false, ended: undefined }));
  }

  /** Until a phone has answered it is nobody's. */
  leg(): Leg {
    return newLeg('caller', this.caller.number, '', this.ctx.random, this.caller.srtp);
  }

  offer(): undefined {
    return undefined;
  }

  pending(): PendingInvite {
    return { offer: undefined, get: () => undefined, progress: () => undefined, refuse: () => undefined, answer: () => undefined };
  }

  answer(_status: number, reason: string): void {
    this.refused = reason;
  }

  begin(): Originated {
    const { ctx, plan } = this;
    const call = this.board.begin(this, plan.to, undefined);
    // there is no INVITE that could be answered
    call.invite = undefined;
    call.anchored = true;
    call.near = plan.near;
    call.servedBy = plan.service ?? 'originate';
    const end = (): void => guarded(ctx, call, 'end', () => hangup(ctx, call, 'system', refuse('cancelled', plan.by ?? plan.service ?? 'the server')));
    const answered = new Promise<CallRefusal | undefined>((resolve) => {
      call.whenOver.push((refusal) => {
        plan.signal?.removeEventListener('abort', end);
        for (const attempt of this.attempts) this.drop(call, attempt, reasonHeader(refusal));
        resolve(refusal);
      });
      guarded(ctx, call, 'originate', () => this.ring(call, () => resolve(undefined)));
    });
    if (plan.signal?.aborted) end();
    else plan.signal?.addEventListener('abort', end, { once: true });
    return { id: call.id, answered, end };
  }

  private legFor(address: string): Leg {
    const { ctx, caller } = this;
    const leg = newLeg('caller', caller.number, address, ctx.random, caller.srtp);
    if (caller.srtp === 'optional') leg.keys.profile = ctx.srtpHabits.profileFor(caller.number, leg.source);
    return leg;
  }

  private async ring(call: Call, up: () => void): Promise<void> {
    const { ctx, attempts } = this;
    const port = async (attempt: Attempt): Promise<void> => {
      try {
        await allocate(ctx, call, attempt.leg);
      } catch (err) {
        ctx.log.warn({ call: call.id, error: String(err) }, 'no media for a phone');
        attempt.ended = err instanceof NoMedia ? err.refusal : 'media-failed';
      }
    };
    await Promise.all(attempts.map(port));
    if (call.over) return;
    call.advance('ring');
    call.ringTimer = ctx.clock.after((this.plan.ringSeconds ?? ctx.settings.ringSeconds) * 1000, () => guarded(ctx, call, 'ring timeout', () => this.nobody(call, 'system')));
    for (const attempt of attempts) if (attempt.ended === undefined && call.state === 'ringing') this.invite(call, attempt, up);
    this.settle(call);
  }

  private invite(call: Call, attempt: Attempt, up: () => void): void {
    const { ctx } = this;
    const { leg, binding } = attempt;
    call.legs.begin(leg, binding.userAgent);
    attempt.offer = prepareOffer(ctx, leg);
    attempt.outgoing = sendInvite(
      ctx.srf,
      { uri: binding.uri, proxy: wayBack(binding, ctx.reach), sdp: attempt.offer.text, headers: this.headers(leg) },
      {
        sent: (callId) => call.known(leg, callId),
        provisional: (status) => guarded(ctx, call, 'provisional answer', () => this.rings(call, attempt, status)),
        answered: (dialog, body) => guarded(ctx, call, 'answer', () => this.answers(call, attempt, dialog, body, up)),
        failed: (status, problem) => guarded(ctx, call, 'refusal', () => this.fails(call, attempt, status, problem, up)),
      },
    );
  }

  private headers(leg: Leg): Record<string, string> {
    const { ctx, caller, plan } = this;
    const shows = plan.shows ?? { number: 'anonymous', name: plan.service ?? null };
    return {
      From: nameAddr(shows),
      To: `<${addressOf(caller.number)}>`,
      ...abilities,
      ...(plan.autoAnswer && autoAnswer(ownHost(ctx.reach, leg.source) ?? 'localhost')),
      ...plan.headers,
    };
  }

  private rings(call: Call, attempt: Attempt, status: number): void {
    if (call.state !== 'ringing' || attempt.ended !== undefined || status <= 100) return;
    attempt.rang = true;
    call.legs.rang(attempt.leg);
    if (call.rangAt !== undefined) return;
    call.rangAt = this.ctx.clock.now();
    this.ctx.onRinging(call);
  }

  private answers(call: Call, attempt: Attempt, dialog: Dialog, body: string | undefined, up: () => void): void {
    const { ctx, plan } = this;
    const { leg, offer } = attempt;
    if (call.state !== 'ringing' || attempt.ended !== undefined || !offer) {
      endLateAnswer(ctx, dialog, call.over ? reasonHeader(refuse('cancelled', shown(call.to.number))) : answeredElsewhere);
      return;
    }
    const picked = usable(ctx, call, () => offer.read(body ?? ''));
    if (!picked) {
      void endDialog(dialog, reasonHeader(refuse('bad-answer', leg.party)));
      this.out(call, attempt, 'bad-answer');
      return;
    }
    ctx.srtpHabits.learn(leg.party, leg.source, picked);
    call.ringTimer?.cancel();
    for (const other of this.attempts) if (other !== attempt) this.drop(call, other, answeredElsewhere);
    attempt.ended = undefined;
    attempt.outgoing = undefined;
    call.advance('answer');
    offer.accept(picked);
    call.caller = leg;
    leg.dialog = dialog;
    call.known(leg, dialog.sip.callId);
    call.advance('connect');
    call.answeredAt = ctx.clock.now();
    listen(ctx, call, leg);
    const ready = applySession(ctx, call, terminateAnswer(picked, offer.spec));
    mediaWork(ctx, call, ready);
    this.ctx.serve(call, { name: call.servedBy ?? 'originate', ...(plan.silence && { silence: plan.silence }) }, async (service) => {
      await ready;
      await plan.handler(service);
    });
    ctx.onAnswered(call);
    up();
  }

  private fails(call: Call, attempt: Attempt, status: number, problem: string, up: () => void): void {
    if (attempt.ended !== undefined) return;
    const { ctx } = this;
    const { leg, binding } = attempt;
    ctx.log.debug({ call: call.id, to: leg.party, status, problem }, 'a phone refused');
    // its connection is closed, see `ringing`
    if (status === 410 || status === 430) ctx.locations.forget(binding);
    const profile = status === 488 || status === 606 ? otherProfile(leg.keys) : undefined;
    if (profile !== undefined && call.state === 'ringing') {
      ctx.counters.srtpRetries++;
      attempt.offer?.refused();
      leg.keys.profile = profile;
      leg.keys.retried = true;
      this.invite(call, attempt, up);
      return;
    }
    const cause = causeOf({ status, rang: attempt.rang });
    if (endsAll(status) && call.state === 'ringing') hangup(ctx, call, 'caller', refuse(cause, leg.party));
    else this.out(call, attempt, cause);
  }

  private out(call: Call, attempt: Attempt, cause: Cause): void {
    attempt.ended = cause;
    releaseLeg(this.ctx, call, attempt.leg);
    if (call.state === 'ringing') this.settle(call);
  }

  private drop(call: Call, attempt: Attempt, reason: string): void {
    if (attempt.leg === call.caller) return;
    if (attempt.ended === undefined) attempt.outgoing?.cancel(reason);
    attempt.ended ??= 'cancelled';
    releaseLeg(this.ctx, call, attempt.leg);
  }

  /** With the last phone the call ends. */
  private settle(call: Call): void {
    if (!call.over && this.attempts.every(({ ended }) => ended !== undefined)) this.nobody(call, 'caller');
  }

  private nobody(call: Call, by: 'caller' | 'system'): void {
    if (call.state !== 'ringing') return;
    hangup(this.ctx, call, by, refuse(bestCause(this.attempts.map((attempt) => attempt.ended ?? refusedBy(attempt))), shown(this.caller.number)));
  }
}
