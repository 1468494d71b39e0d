/**
 * One call: its states, what a person can do with it, and what it tells. How it is said in SIP is in `sip/`: `InviteOut` or `InviteIn` until it
 * is answered, `Session` from then on.
 *
 *   out: calling ─► ringing ─► up ◄─► held ─► ended
 *   in:  incoming ───────────► up
 */
import { errorText } from './error-text';
import { CallHold } from './call-hold';
import type { CallHost } from './call-host';
import { sendDigits, takeInfo } from './call-keys';
import { CallTransfer } from './call-transfer';
import type { Timer } from './clock';
import type { CallEndedBy, CallEvent, Party, PhoneEventOf } from './events';
import { MediaFault, type CallMedia, type CallMediaEvents, type MediaFactory, type Quality } from './media';
import { PhoneError, type Call, type CallInfo, type CallState, type DtmfWay } from './phone-types';
import { sentenceFor } from './sentences';
import { answerEarlyUpdate } from './sip/early-update';
import { reasonIn } from './sip/headers';
import type { InviteIn } from './sip/invite-in';
import { InviteOut, type InviteOutRequest } from './sip/invite-out';
import { Session, statusOf } from './sip/session';
import { SessionTimer } from './sip/session-timer';
import { SilenceWatch } from './silence-watch';
import type { Core } from './sip/sip-js';

interface Ending {
  by: CallEndedBy;
  status?: number | null;
  reason?: string;
  problem?: string | null;
}

export class PhoneCall<M extends CallMedia = CallMedia> implements Call<M> {
  readonly answered: Promise<void>;
  readonly ended: Promise<PhoneEventOf<'ended'>>;
  session: Session | undefined;
  /** The call whose place this one takes. */
  replaces: PhoneCall<M> | undefined;
  /** The call whose far end referred us to this one: about to be hung up, so that it is not put on hold for this one. */
  follows: PhoneCall<M> | undefined;
  readonly timer: SessionTimer;
  private readonly silence: SilenceWatch;
  readonly beganAt: number;
  state: CallState;
  private answeredAt: number | null = null;
  private readonly keeping: CallHold = new CallHold(this);
  private readonly transferring: CallTransfer<M>;
  private out: InviteOut | undefined;
  private incoming: InviteIn | undefined;
  private answering: Promise<void> | undefined;
  private earlySdp: string | undefined;
  private ticker: Timer | undefined;
  private tellAnswered!: (problem?: PhoneError) => void;
  private tellEnded!: (event: PhoneEventOf<'ended'>) => void;

  /** Opens the sound of a call, and makes the call. Errors: what `factory` throws. */
  static async open<M extends CallMedia>(host: CallHost<M>, factory: MediaFactory<M>, id: string, direction: 'in' | 'out', party: Party, remoteHost: string): Promise<PhoneCall<M>> {
    let call: PhoneCall<M> | undefined;
    const tell = (event: CallEvent): void => void (call && call.state !== 'ended' && host.emit(event));
    const events: CallMediaEvents = {
      digit: (digit, durationMs, by) => tell({ event: 'digit', call: id, digit, by, durationMs }),
      silent: (silentMs) => {
        tell(silentMs === null ? { event: 'heard-again', call: id } : { event: 'silent', call: id, silentMs });
        if (call?.isUp) call.silence.heard(silentMs);
      },
      changed: ({ codec, encrypted, direction: way }) => tell({ event: 'media', call: id, codec, encrypted, direction: way }),
    };
    const media = await factory.open({ id, label: `call ${id} with ${party.user || party.uri}`, remoteHost }, events);
    call = new PhoneCall(host, id, direction, party, media);
    return call;
  }

  private constructor(
    private readonly host: CallHost<M>,
    readonly id: string,
    readonly direction: 'in' | 'out',
    private party: Party,
    readonly media: M,
  ) {
    this.state = direction === 'out' ? 'calling' : 'incoming';
    this.beganAt = host.clock.now();
    this.transferring = new CallTransfer(this, host);
    this.answered = new Promise((resolve, reject) => (this.tellAnswered = (problem) => (problem ? reject(problem) : resolve())));
    // Whoever does not ask hears it from the events.
    this.answered.catch(() => undefined);
    this.ended = new Promise((resolve) => (this.tellEnded = resolve));
    this.timer = new SessionTimer(host.clock, host.options.sessionExpiresS, {
      refresh: () => void this.refresh(),
      expired: () => this.giveUp('network', 408, 'the far end does not answer any more', 'SIP;cause=408;text="session expired"'),
    });
    this.silence = new SilenceWatch({
      clock: host.clock,
      excused: () => this.keeping.any,
      ask: async () => this.session?.modify(),
      gone: (problem) => this.giveUp('network', 408, problem, 'SIP;cause=408;text="nothing heard"'),
    });
  }

  get info(): CallInfo {
    const { id, direction, state, party, beganAt, answeredAt } = this;
    const { byFarEnd: heldByFarEnd } = this.keeping;
    const { codec, encrypted } = this.media.state;
    return { id, direction, state, party, heldByFarEnd, muted: this.media.muted ?? false, codec, encrypted, beganAt, answeredAt };
  }

  get isUp(): boolean {
    return this.state === 'up' || this.state === 'held';
  }

  /** Whether Replaces or UPDATE means this call: by the id of its dialog. */
  has(dialogId: string): boolean {
    return this.session?.dialog.id === dialogId || this.incoming?.dialogId === dialogId || (this.out?.dialogs.has(dialogId) ?? false);
  }

  // —— until it is answered ——

  /** Sends the INVITE. Errors: MediaFault; the call has ended then. */
  async dial(request: Omit<InviteOutRequest, 'offer'>): Promise<void> {
    const offer = await this.guarded(this.media.offer('sendrecv'));
    if (this.state === 'ended') throw new PhoneError('closed', 'the call was given up before it was sent');
    this.host.emit({ event: 'calling', call: this.id, to: this.party });
    this.out = new InviteOut(this.host.agent, this.timer, { ...request, offer }, {
      progress: (response, sdp) => void this.onProgress(response, sdp),
      accepted: (dialog, response, sdp) => void this.onAccepted(dialog, response, sdp),
      refused: () => this.otherOffer(),
      failed: (response) => {
        const status = response.statusCode ?? 500;
        const reason = response.reasonPhrase ?? '';
        this.end({ by: this.host.agent.ua.isConnected() || status !== 503 ? 'remote' : 'network', status, reason: reasonIn(response)?.text || reason, problem: sentenceFor(status, reason) });
      },
    });
  }

  private async otherOffer(): Promise<string | undefined> {
    if (this.state === 'ended' || !this.media.otherWay?.()) return undefined;
    try {
      return await this.media.offer('sendrecv');
    } catch (err) {
      this.host.fault(err);
      return undefined;
    }
  }

  /** Whether an answer to this offer can be made. Errors: MediaFault. */
  async check(offer: string): Promise<void> {
    await this.media.check?.(offer);
  }

  /** Rings. `waiting`: during another call. */
  async ring(incoming: InviteIn, waiting: boolean): Promise<void> {
    this.incoming = incoming;
    await incoming.ring(() => this.media.offer('sendrecv'));
    if (this.state !== 'incoming') return;
    this.host.emit({ event: 'incoming', call: this.id, from: this.party, waiting, ...(this.replaces && { replaces: this.replaces.id }) });
  }

  private async onProgress(response: Core.IncomingResponseMessage, sdp: string | undefined): Promise<void> {
    const status = response.statusCode ?? 180;
    this.identify(response, 'to');
    if (sdp !== undefined) await this.takeAnswer(sdp).catch((err) => this.host.fault(err));
    if (this.state !== 'calling' && this.state !== 'ringing') return;
    const before = this.state;
    this.state = 'ringing';
    // 181, 182 and a bare 183 say that something happens, not that it rings.
    if (status === 180 || sdp !== undefined || before === 'calling') this.host.emit({ event: 'ringing', call: this.id, status, earlyMedia: this.earlySdp !== undefined });
  }

  private async onAccepted(dialog: Core.Session, response: Core.IncomingResponseMessage, sdp: string | undefined): Promise<void> {
    this.out = undefined;
    this.establish(dialog, true, true);
    try {
      if (sdp !== undefined) await this.takeAnswer(sdp);
      else if (this.earlySdp === undefined) throw new MediaFault('malformed', 'the far end answered without saying how it wants to speak');
    } catch (err) {
      return this.giveUp('local', 488, err instanceof Error ? err.message : sentenceFor(488), 'SIP;cause=488');
    }
    this.identify(response, 'to');
    if (this.state !== 'ended') this.up();
  }

  /** Answers of early dialogs and the last one: the same again says nothing new; of another branch, it counts instead (RFC 6337 §3.1). */
  private async takeAnswer(sdp: string): Promise<void> {
    if (this.earlySdp === sdp) return;
    await this.media.accept(sdp);
    this.earlySdp = sdp;
  }

  /** Asked again while it is being done: the same. */
  answer(): Promise<void> {
    if (this.state !== 'incoming') this.answering = undefined;
    return (this.answering ??= this.takeCall());
  }

  private async takeCall(): Promise<void> {
    const { incoming } = this;
    if (this.state !== 'incoming' || !incoming) throw new PhoneError('wrong-state', this.direction === 'in' ? 'the call is not ringing any more' : 'only a call that comes in can be answered');
    await this.host.toFront(this);
    const session = this.timer.answer(incoming.request.message);
    const headers = 'status' in session ? [] : session.headers;
    let accepted: Awaited<ReturnType<InviteIn['accept']>>;
    try {
      accepted = await incoming.accept(() => (incoming.offer === undefined ? this.media.offer('sendrecv') : this.media.answer(incoming.offer, 'sendrecv')), headers);
    } catch (err) {
      const status = statusOf(err);
      incoming.reject(status);
      this.end({ by: 'local', status, reason: 'media', problem: err instanceof Error ? err.message : sentenceFor(status) });
      throw new PhoneError('media', err instanceof MediaFault ? err.message : sentenceFor(status), status);
    }
    if (!accepted) throw new PhoneError('wrong-state', 'the caller gave up');
    this.establish(accepted.dialog, false, false, accepted.offered);
    this.up();
    this.replaces?.replacedBy();
  }

  async reject(status = 486): Promise<void> {
    if (this.state !== 'incoming') throw new PhoneError('wrong-state', 'only a call that rings here can be rejected');
    if (!Number.isInteger(status) || status < 400 || status > 699) throw new PhoneError('wrong-state', `a call is rejected with a status from 400 to 699, not ${status}`);
    this.incoming?.reject(status);
    this.end({ by: 'local', status, reason: 'rejected' });
  }

  /** The caller gave up, or the call never came about. */
  cancelled(reason: string, elsewhere: boolean, status = 487): void {
    this.end({ by: 'remote', status, reason: reason || (elsewhere ? 'answered elsewhere' : 'cancelled'), problem: status === 487 ? null : sentenceFor(status) });
  }

  // —— while it is up ——

  private establish(dialog: Core.Session, weCalled: boolean, acked: boolean, offered = false): void {
    const { host } = this;
    this.session = new Session(host, dialog, this.media, this.timer, () => this.keeping.wanted, {
      negotiated: (by) => this.keeping.negotiated(by),
      identity: (message) => this.identify(message, 'statusCode' in message ? 'to' : 'from'),
      info: (request) => takeInfo(this, request),
      message: (request) => host.received(request),
      notify: (request) => this.transferring.notify(request),
      refer: (request) => host.referred(this, request),
      bye: (reason) => this.end({ by: 'remote', reason }),
      gone: (status, problem) => this.end({ by: 'network', status, problem }),
      fault: (err) => host.fault(err),
    }, weCalled, acked, offered);
  }

  private up(): void {
    this.state = 'up';
    this.answeredAt = this.host.clock.now();
    const { codec, encrypted } = this.media.state;
    this.host.emit({ event: 'answered', call: this.id, with: this.party, codec, encrypted, afterMs: Math.round(this.answeredAt - this.beganAt) });
    this.keeping.negotiated('remote');
    this.tellAnswered();
    void this.host.toFront(this);
    this.tick();
  }

  hold(): Promise<void> {
    return this.keeping.hold();
  }

  resume(): Promise<void> {
    return this.keeping.resume();
  }

  /** A session timer, or a new address of ours: the far end is told with the same description. Never rejects. */
  async refresh(): Promise<void> {
    if (!this.isUp) return;
    await this.session?.modify().catch((err) => this.isUp && this.host.fault(err));
  }

  async update(request: Core.UserAgentServer): Promise<void> {
    if (this.session) await this.session.update(request);
    else {
      await answerEarlyUpdate(this.host.agent, this.media, this.earlySdp !== undefined, request);
      this.identify(request.message, 'from', true);
    }
  }

  sendDigits(digits: string, way: DtmfWay = this.host.options.dtmf): Promise<void> {
    const { media, session } = this;
    const early = this.state === 'ringing' && this.earlySdp !== undefined;
    return sendDigits({ media, session, audible: this.isUp || early, guarded: (work) => this.guarded(work) }, digits, way);
  }

  transfer(to: string): Promise<void> {
    return this.transferring.blind(to);
  }

  transferTo(other: Call<M>): Promise<void> {
    return this.transferring.attended(other, (call): call is PhoneCall<M> => call instanceof PhoneCall);
  }

  emit(event: CallEvent): void {
    this.host.emit(event);
  }

  toFront(): Promise<void> {
    return this.host.toFront(this);
  }

  /** `tell`: no other event says it. */
  private identify(message: Core.IncomingMessage, own: 'from' | 'to', tell = this.isUp): void {
    const told = this.host.identify(message, own);
    if (told.user === '' || (told.uri === this.party.uri && (told.name === this.party.name || told.name === ''))) return;
    // From and To say who began the call, and stay; who is there now is in what the server asserts.
    if (!message.hasHeader('p-asserted-identity') && !message.hasHeader('remote-party-id')) return;
    this.party = told;
    if (tell && this.state !== 'ended') this.host.emit({ event: 'party', call: this.id, with: told });
  }

  quality(): Quality | null {
    return this.isUp ? this.media.quality() : null;
  }

  private tick(): void {
    const { qualityMs } = this.host.options;
    if (qualityMs === 0 || !this.isUp) return;
    this.ticker = this.host.clock.after(qualityMs, () => {
      this.host.emit({ event: 'quality', call: this.id, quality: this.media.quality() });
      this.tick();
    });
  }

  // —— its end ——

  async hangUp(): Promise<void> {
    if (this.state === 'ended') return;
    if (this.state === 'incoming') {
      this.incoming?.reject(486);
      return this.end({ by: 'local', status: 486, reason: 'rejected' });
    }
    if (this.session) this.session.bye();
    else this.out?.cancel();
    this.end({ by: 'local', ...(this.session ? {} : { status: 487, reason: 'cancelled' }) });
  }

  /** We leave a call that goes on without us. */
  leave(reason: string): void {
    if (!this.isUp) return;
    this.session?.bye();
    this.end({ by: 'local', reason });
  }

  /** Another call has taken the place of this one (RFC 3891 §4). */
  private replacedBy(): void {
    if (this.session) this.session.bye('SIP;cause=200;text="replaced"');
    else this.out?.cancel('SIP;cause=200;text="Call completed elsewhere"');
    this.end({ by: 'remote', reason: 'replaced' });
  }

  private giveUp(by: CallEndedBy, status: number, problem: string, reason: string): void {
    this.session?.bye(reason);
    this.end({ by, status, problem });
  }

  /** The one place where a call ends. */
  private end({ by, status = null, reason = '', problem = null }: Ending): void {
    if (this.state === 'ended') return;
    const answered = this.answeredAt !== null;
    const quality = answered ? this.media.quality('call') : null;
    this.state = 'ended';
    this.ticker?.cancel();
    this.timer.stop();
    this.silence.stop();
    this.transferring.callEnded(by === 'remote');
    this.session?.dispose();
    this.media.close();
    const durationMs = answered ? Math.round(this.host.clock.now() - this.answeredAt!) : 0;
    const event: PhoneEventOf<'ended'> = { event: 'ended', call: this.id, by, answered, status, reason, problem, durationMs, quality };
    this.host.ended(this);
    this.host.emit(event);
    this.tellAnswered(answered ? undefined : new PhoneError('refused', problem ?? (by === 'local' ? 'the call was given up' : 'the caller gave up'), status));
    this.tellEnded(event);
  }

  /** What the media throws, as a PhoneError. */
  async guarded<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (err) {
      if (err instanceof PhoneError) throw err;
      const message = errorText(err);
      if (this.answeredAt === null) this.end({ by: 'local', reason: 'media', problem: message });
      throw new PhoneError('media', message);
    }
  }
}
