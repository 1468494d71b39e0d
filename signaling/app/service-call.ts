/**
 * A call that a feature has: `ServiceCall` over a Call with one leg.
 *
 * Everything a feature awaits goes through `within`, which rejects with `CallOver` in the very turn in which the call ends, whatever the
 * plane or a timer would have said later. What the feature holds (endpoint, timers, readers of keys) is given back there, so that nothing
 * depends on the feature's good manners.
 */
import type { MemberSettings, Playable, PlayEnd, RecordEnd } from '../../media/plane';
import { SdpError } from '../../media/sdp';
import type { Timer } from '../clock';
import { shown } from '../tenants';
import type { Call, Fork, Serving } from './call';
import { NoMedia } from './call-media';
import type { CallContext } from './context';
import { meant, type Destination } from './destination';
import type { Hop } from './diversion';
import { Digits } from './digits';
import type { Dialog } from './dialogs';
import { CallOver, type Colleagues, type Feature, type Gathered, type GatherOptions, type Party, type ServiceCall, type ServicePlayOptions, type ServiceRecordOptions, type TransferOptions } from './feature';
import { endLateAnswer, guarded, hangup } from './hangup';
import { listen } from './in-dialog';
import { bestCause, reasonHeader, refuse, type CallRefusal, type Cause } from './reasons';
import { inTime, type RingPlan } from './ring-plan';
import { ring } from './ringing';
import { answerRinging, takePhoneOf } from './service-joins';
import { Silence } from './silence';
import { applySession, awaitOwnAnswer, prepareAnswer, prepareOffer, takePort, type OurOffer } from './service-session';

const FIRST_MS = 8000;
const BETWEEN_MS = 3000;
/** For a feature that has not answered: as long as proxies let a call ring (RFC 3261 §16.6 step 11). */
const UNANSWERED_MS = 180_000;

export class ServedCall implements ServiceCall, Serving {
  readonly name: string;
  readonly caller: Party;
  readonly dialled: string;
  readonly ended: Promise<string>;
  private readonly digits: Digits;
  private readonly controller = new AbortController();
  private readonly pending = new Set<(why: CallOver) => void>();
  private readonly timers = new Set<Timer>();
  private endedBecause: (why: string) => void = () => undefined;
  private why: string | undefined;
  /** The session description that the caller has had in a 183. */
  private earlySdp: string | undefined;
  private answering: Promise<void> | undefined;
  /** Who wants to know how a transfer goes. */
  private told: TransferOptions | undefined;
  private transfer: ((refusal: CallRefusal) => void) | undefined;
  private readonly silence: Silence;
  private isAnswered: () => void;

  constructor(
    private readonly ctx: CallContext,
    private readonly call: Call,
    feature: Pick<Feature, 'name' | 'silence'>,
  ) {
    this.name = feature.name;
    this.caller = { number: call.from.number, name: call.from.name };
    this.dialled = call.to.number;
    this.digits = new Digits(ctx.clock);
    this.silence = new Silence(ctx, call, feature.silence);
    this.ended = new Promise((resolve) => (this.endedBecause = resolve));
    call.service = this;
    call.servedBy ??= feature.name;
    call.whenOver.push(() => this.finish('hung up'));
    this.isAnswered = () => undefined;
    if (this.answered) return;
    const timer = ctx.clock.after(UNANSWERED_MS, () => guarded(ctx, call, 'unanswered service', () => this.hangup(refuse('no-answer', this.dialled))));
    this.timers.add(timer);
    this.isAnswered = () => {
      timer.cancel();
      this.timers.delete(timer);
    };
  }

  get id(): string {
    return this.call.id;
  }

  get answered(): boolean {
    return this.call.answeredAt !== undefined;
  }

  get transferredBy(): string | undefined {
    return this.call.transferredBy;
  }

  get replaces(): string | undefined {
    return this.call.replaces;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get over(): boolean {
    return this.why !== undefined;
  }

  get endpointId(): string {
    const id = this.call.wiring === undefined ? undefined : this.call.caller.endpoint?.id;
    if (id === undefined) throw new Error(`${this.name}: early() or answer() comes before anything that is heard`);
    return id;
  }

  early(): Promise<boolean> {
    return this.within(async () => {
      const { invite } = this.call;
      if (this.answered || this.earlySdp !== undefined) return true;
      if (!invite?.offer) return false;
      const sdp = await this.describe(invite.offer);
      this.check();
      this.earlySdp = sdp;
      this.call.invite?.progress(183, sdp);
      return true;
    });
  }

  answer(): Promise<void> {
    return this.within(() => (this.answering ??= this.answered ? Promise.resolve() : this.answerOnce()));
  }

  private async answerOnce(): Promise<void> {
    const { ctx, call } = this;
    const offer = call.invite?.offer;
    let ours: OurOffer | undefined;
    let sdp: string;
    if (offer) sdp = this.earlySdp ?? (await this.describe(offer));
    else {
      await this.port();
      ours = prepareOffer(ctx, call.caller);
      sdp = ours.text;
    }
    this.check();
    const { invite } = call;
    if (!invite) throw new Error('a service answers a call that has had its final answer');
    // from here on the final answer is on its way, and the end of the call does not send another
    call.invite = undefined;
    call.advance('answer');
    await new Promise<void>((resolve) => {
      invite.answer(sdp, {
        established: (dialog, cseq) => guarded(ctx, call, 'answer to the caller', () => this.established(dialog, cseq, ours, resolve)),
        failed: (problem) =>
          guarded(ctx, call, 'answer to the caller', () => {
            ctx.log.debug({ call: call.id, problem }, 'the caller was gone when the service answered');
            ours?.refused();
            hangup(ctx, call, 'caller', refuse('cancelled', call.from.number));
          }),
      });
    });
  }

  private established(dialog: Dialog, cseq: number, ours: OurOffer | undefined, done: () => void): void {
    const { ctx, call } = this;
    call.caller.dialog = dialog;
    call.known(call.caller, dialog.sip.callId);
    if (call.over) {
      call.caller.over = true;
      endLateAnswer(ctx, dialog, reasonHeader(refuse('service-over', this.name)));
      return;
    }
    listen(ctx, call, call.caller);
    call.advance('connect');
    call.answeredAt = ctx.clock.now();
    this.isAnswered();
    ctx.onAnswered(call);
    if (!ours) {
      done();
      return;
    }
    awaitOwnAnswer(ctx, call, cseq, ours, (audio) => {
      if (!audio) hangup(ctx, call, 'system', refuse('no-answer-in-ack', call.from.number));
      else applySession(ctx, call, audio).then(done, (err) => this.mediaFailed(err));
    });
  }

  /** Our answer to the caller's offer, with everything behind it in place. */
  private async describe(offer: Parameters<typeof prepareAnswer>[2]): Promise<string> {
    const { ctx, call } = this;
    await this.port();
    try {
      const answer = prepareAnswer(ctx, call.caller, offer);
      answer.accept();
      await applySession(ctx, call, answer.audio);
      return answer.text;
    } catch (err) {
      if (!(err instanceof SdpError)) throw err;
      ctx.counters.badSdp++;
      ctx.log.debug({ call: call.id, problem: err.message }, 'a service cannot answer this offer');
      hangup(ctx, call, 'system', refuse('no-codec', this.name));
      throw new CallOver('no codec');
    }
  }

  private async port(): Promise<void> {
    const { ctx, call } = this;
    try {
      await takePort(ctx, call);
    } catch (err) {
      if (!(err instanceof NoMedia)) throw err;
      ctx.log.warn({ call: call.id, error: String(err) }, 'no media for a service');
      if (!call.over) hangup(ctx, call, 'system', refuse(err.refusal, call.from.number));
    }
    this.check();
  }

  mediaFailed(err: unknown): void {
    const { ctx, call } = this;
    if (this.over) return;
    ctx.counters.mediaErrors++;
    ctx.log.warn({ call: call.id, error: String(err) }, 'the media relay failed');
    hangup(ctx, call, 'system', refuse('media-failed', ''));
  }

  play(what: readonly Playable[], options: ServicePlayOptions = {}): Promise<PlayEnd> {
    const { interrupt = false, ...rest } = options;
    return this.within(async () => {
      const target = { endpoint: this.endpointId };
      if (what.length === 0) return { why: 'finished', playedMs: 0 };
      if (interrupt && this.digits.any) return { why: 'stopped', playedMs: 0 };
      const playing = this.ctx.plane.play(target, what, rest);
      const unwatch = interrupt ? this.digits.watch(() => this.quietly(this.ctx.plane.stopPlaying(target))) : undefined;
      const end = await playing.finally(unwatch);
      if (end.why === 'failed') {
        this.ctx.counters.promptsFailed++;
        this.ctx.log.warn({ call: this.id, service: this.name, problem: end.problem }, 'a prompt could not be played');
      }
      return end;
    });
  }

  stopPlaying(): Promise<void> {
    return this.within(() => this.ctx.plane.stopPlaying({ endpoint: this.endpointId }));
  }

  say(keys: readonly string[], options?: ServicePlayOptions): Promise<PlayEnd> {
    return this.play(this.prompts(keys), options);
  }

  private prompts(keys: readonly string[]): Playable[] {
    return keys.flatMap((key): Playable[] => {
      const file = this.ctx.prompt(key);
      if (file !== undefined) return [{ file }];
      this.ctx.counters.promptsFailed++;
      this.ctx.log.warn({ call: this.id, service: this.name, prompt: key }, 'there is no such prompt');
      return [];
    });
  }

  pause(ms: number): Promise<void> {
    return this.within(
      () =>
        new Promise((resolve) => {
          const timer = this.ctx.clock.after(ms, () => {
            this.timers.delete(timer);
            resolve();
          });
          this.timers.add(timer);
        }),
    );
  }

  digit(withinMs = FIRST_MS): Promise<string | undefined> {
    return this.within(() => this.digits.take(withinMs));
  }

  async gather(options: GatherOptions): Promise<Gathered> {
    const { max, min = 1, terminators = '#', firstMs = FIRST_MS, betweenMs = BETWEEN_MS, prompt = [], bargeIn = true } = options;
    if (prompt.length > 0) await this.play(prompt, { interrupt: bargeIn });
    if (!bargeIn) this.forgetDigits();
    let digits = '';
    const gathered = (why: Gathered['why'], terminator?: string): Gathered => ({ digits, why: digits.length < min ? 'too-few' : why, terminator });
    while (digits.length < max) {
      const digit = await this.digit(digits === '' ? firstMs : betweenMs);
      if (digit === undefined) return digits === '' ? { digits, why: 'timeout', terminator: undefined } : gathered('timeout');
      if (terminators.includes(digit)) return gathered('terminator', digit);
      digits += digit;
    }
    return gathered('max');
  }

  onDigit(fn: (digit: string) => void): () => void {
    return this.digits.listen(fn);
  }

  forgetDigits(): void {
    this.digits.forget();
  }

  async record({ terminators = '', ...options }: ServiceRecordOptions): Promise<RecordEnd & { terminator: string | undefined }> {
    this.check();
    const { plane } = this.ctx;
    let terminator: string | undefined;
    const recording = plane.record({ endpoint: this.endpointId }, options);
    const unlisten = this.digits.listen((digit) => {
      if (terminator !== undefined || !terminators.includes(digit)) return;
      terminator = digit;
      this.quietly(plane.stopRecording(options.file));
    });
    const end = await recording.finally(unlisten);
    if (end.why === 'failed') this.ctx.log.warn({ call: this.id, service: this.name, file: end.file, problem: end.problem }, 'a recording failed');
    return { ...end, terminator };
  }

  join(room: string, settings?: MemberSettings): Promise<void> {
    return this.within(() => this.ctx.plane.join(this.endpointId, room, settings));
  }

  leave(): Promise<void> {
    return this.within(() => this.ctx.plane.leave(this.endpointId));
  }

  transferTo(target: string | Colleagues, options: TransferOptions = {}): Promise<Cause> {
    return this.within(async () => {
      const { ctx, call } = this;
      if (!this.answered) throw new Error(`${this.name}: answer() comes before transferTo()`);
      if (this.transfer) throw new Error(`${this.name}: two transfers of one call`);
      const path: Hop[] = [];
      const { to: service, path: before } = call;
      let to = await (typeof target === 'string' ? ctx.destination(this.caller.number, target, path, this.dialled, options.past ? this.name : undefined) : ctx.colleagues(call, target));
      for (;;) {
        this.check();
        if (options.signal?.aborted) return 'cancelled';
        if (to.kind !== 'phones') return this.handOver(to, [...before, ...path], options);
        const refusal = await this.ringFor(to, [...before, ...path], options);
        const next = options.asDialled && refusal.cause !== 'cancelled' ? await ctx.instead(call, refusal, path) : undefined;
        call.to = service;
        call.path = before;
        if (!next) return refusal.cause;
        to = next;
      }
    });
  }

  /** The phones of a plan. Resolves when none of them was answered. */
  private async ringFor({ callee, plan }: Extract<Destination, { kind: 'phones' }>, path: readonly Hop[], options: TransferOptions): Promise<CallRefusal> {
    const { ctx, call } = this;
    const refused = new Promise<CallRefusal>((resolve) => (this.transfer = resolve));
    const { hears = 'ringback', seconds, signal } = options;
    // while ports are being taken it has to wait
    const withdraw = (): void => {
      guarded(ctx, call, 'withdrawal', () => {
        if (call.state === 'ringing') ctx.unanswered(call, 'system', refuse('cancelled', this.caller.number));
      });
    };
    signal?.addEventListener('abort', withdraw);
    call.to = callee;
    call.path = path;
    this.told = options;
    call.autoAnswer = options.autoAnswer ?? false;
    if (hears === 'ringback') this.quietly(ctx.plane.play({ endpoint: this.endpointId }, [{ tone: 'ringback' }], { loop: true }));
    await ring(ctx, call, seconds === undefined ? plan : inTime(plan, seconds));
    if (signal?.aborted) withdraw();
    const refusal = await refused;
    signal?.removeEventListener('abort', withdraw);
    this.transfer = undefined;
    if (hears === 'ringback') await ctx.plane.stopPlaying({ endpoint: this.endpointId });
    return refusal;
  }

  /** Services and mailboxes take the caller over; then this throws `CallOver`. Otherwise the cause. */
  private async handOver(to: Exclude<Destination, { kind: 'phones' }>, path: readonly Hop[], { asDialled = false }: TransferOptions): Promise<Cause> {
    const { ctx, call } = this;
    const taken = to.kind === 'nobody' && asDialled ? { ...to, mailbox: to.mailbox ?? meant(path, to.callee) } : to;
    const cause = await ctx.handOver(call, taken, () => {
      this.quietly(ctx.plane.stopPlaying({ endpoint: this.endpointId }));
      call.path = path;
      this.leaves(`handed over to ${taken.kind === 'service' ? taken.feature.name : 'a mailbox'}`);
    });
    return cause ?? 'service-over';
  }

  notPutThrough(refusal: CallRefusal, forks: readonly Fork[], missed: RingPlan['missed'] = []): void {
    const { told } = this;
    this.told = undefined;
    // of several phones of one person the first
    const causes = new Map<string, Cause>();
    for (const { callee, ended } of forks) causes.set(callee.number, bestCause([...(causes.has(callee.number) ? [causes.get(callee.number) as Cause] : []), ended ?? 'cancelled']));
    for (const { number, cause } of missed) causes.set(number, cause);
    for (const [number, cause] of causes) told?.refused?.(number, cause);
    this.transfer?.(refusal);
  }

  putThrough(): void {
    const { call, told } = this;
    told?.answered?.(call.to.number, new Promise((resolve) => call.whenOver.push(() => resolve())));
    // where the two meet in a room, what is played to one of them would go on
    const { endpoint } = call.caller;
    if (endpoint) this.quietly(this.ctx.plane.stopPlaying({ endpoint: endpoint.id }));
    this.leaves(`put through to ${call.to.number}`);
  }

  connectWith(id: string): Promise<Cause> {
    return this.within(() => takePhoneOf(this.ctx, this.call, id));
  }

  async pickUp(id: string): Promise<Cause> {
    await this.answer();
    return this.within(() => answerRinging(this.ctx, this.call, id));
  }

  parked(by: string, slot: string): void {
    this.call.parkedBy = by;
    this.call.to = { ...this.call.to, number: slot };
    this.ctx.onChanged(this.call);
  }

  passBy(to = shown(this.dialled)): Promise<void> {
    return this.within(async () => {
      if (this.answering || this.answered || this.earlySdp !== undefined || this.call.wiring !== undefined) return;
      await this.ctx.passBy(this.call, to, this.name, () => this.leaves('it goes on without this service'));
    });
  }

  private leaves(why: string): void {
    this.call.service = undefined;
    this.finish(why);
  }

  hangup(refusal: CallRefusal = refuse('service-over', this.name)): void {
    if (!this.over) hangup(this.ctx, this.call, 'system', refusal);
  }

  pressed(digit: string): void {
    const before = this.digits.dropped;
    this.digits.push(digit);
    this.ctx.counters.digitsDropped += this.digits.dropped - before;
  }

  silent(silentMs: number): void {
    this.silence.lasts(silentMs);
  }

  private finish(why: string): void {
    if (this.over) return;
    this.why = why;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
    const over = new CallOver(why);
    for (const reject of this.pending) reject(over);
    this.pending.clear();
    this.digits.close();
    this.silence.close();
    this.endedBecause(why);
    this.controller.abort(over);
  }

  private check(): void {
    if (this.why !== undefined) throw new CallOver(this.why);
  }

  /** What a feature awaits. */
  private within<T>(work: () => Promise<T>): Promise<T> {
    const result = new Promise<T>((resolve, reject) => {
      this.check();
      this.pending.add(reject);
      const settled = () => void this.pending.delete(reject);
      work().finally(settled).then(resolve, reject);
    });
    // music that a feature starts and does not await must not end the process when the caller hangs up
    result.catch(() => undefined);
    return result;
  }

  /** Something whose failure matters to nobody but the counter. */
  private quietly(work: Promise<unknown>): void {
    work.catch(() => {
      if (!this.over) this.ctx.counters.mediaErrors++;
    });
  }
}
