/**
 * The phone's core, shared by the terminal phone and the web phone: one account, its registration, its calls, its messages and what it watches.
 *
 *   ┌ SoftPhone ──────────────────────────────────────────────┐
 *   │ Registration   PhoneCall × n   Watching                  │
 *   │      └────────────┴── Agent (sip.js) ── Way ── channel   │
 *   └──────────────────────────────────────────────────────────┘
 */
import { errorText } from './error-text';
import { PhoneCall } from './call';
import type { CallHost } from './call-host';
import type { Timer } from './clock';
import type { Party, PhoneEvent, PhoneEventName, PhoneEventOf } from './events';
import { takeInvite } from './incoming';
import { Listeners } from './listeners';
import type { CallMedia } from './media';
import { sendMessage, takeMessage } from './messages';
import { PhoneError, type Call, type DialOptions, type Phone, type PhoneOptions, type Surroundings } from './phone-types';
import { Registration } from './registration';
import { Agent } from './sip/agent';
import { openWay } from './sip/open-way';
import { dialled, partyIn } from './sip/party';
import { follow } from './sip/follow-referral';
import type { Core } from './sip/sip-js';
import type { MakeWay, Way } from './sip/way';
import { Watching } from './watching';

/** Makes a phone that has not done anything yet: `register()` or `connect()` comes next. */
export const createPhone = <M extends CallMedia>(options: PhoneOptions, surroundings: Surroundings<M>): Phone<M> => new SoftPhone(options, surroundings, openWay);

/** How long a call waits for others to be put on hold, ms. */
const holdPatienceMs = 2000;

const defaults = { dtmf: 'auto', sessionExpiresS: 1800, followTransfers: true, maxCalls: 8, qualityMs: 1000, expiresS: 300, userAgent: 'Offhook' } as const;

export class SoftPhone<M extends CallMedia> implements Phone<M>, CallHost<M> {
  doNotDisturb: boolean;
  readonly agent: Agent;
  readonly options;
  private readonly way: Way;
  private readonly registration: Registration;
  private readonly watching: Watching;
  private readonly listeners = new Listeners();
  readonly live: Array<PhoneCall<M>> = [];
  private front: PhoneCall<M> | undefined;
  private nextId = 1;
  /** Calls whose sound is being opened: they count, too. */
  private opening = 0;
  private started: Promise<void> | undefined;
  private closing: Promise<void> | undefined;
  private lost = false;
  /** Why there is none just now. */
  private wayProblem: string | undefined;

  constructor(
    private readonly settings: PhoneOptions,
    private readonly surroundings: Surroundings<M>,
    makeWay: MakeWay,
  ) {
    const { account } = settings;
    const { sip, openChannel: open, clock, chance, trace } = surroundings;
    this.options = {
      dtmf: settings.dtmf ?? defaults.dtmf,
      sessionExpiresS: settings.sessionExpiresS ?? defaults.sessionExpiresS,
      qualityMs: settings.qualityMs ?? defaults.qualityMs,
    };
    this.doNotDisturb = settings.doNotDisturb ?? false;
    this.way = makeWay(sip, { target: account.server, open, clock, chance, trace, connected: (detail) => this.onConnected(detail), disconnected: (detail) => this.onDisconnected(detail) });
    // One for all requests: it counts how often each nonce was used.
    const authentication = this.way.authentication?.({ authUser: account.authUser ?? account.user, password: account.password ?? '', chance });
    const { user, domain, displayName, authUser, password } = account;
    const { transportConstructor, transportOptions, viaHost } = this.way;
    this.agent = new Agent(
      sip,
      {
        user, domain, displayName, authUser, password, viaHost, transportConstructor, transportOptions,
        userAgent: settings.userAgent ?? defaults.userAgent,
        authentication: authentication && (() => authentication),
      },
      {
        invite: (request) => void this.takeInvite(request),
        message: (request) => this.received(request),
        notify: (request) => this.watching.unsolicited(request),
        update: (dialogId, request) => this.onUpdate(dialogId, request),
        fault: (err) => this.fault(err),
      },
    );
    const emit = (event: PhoneEvent): void => this.emit(event);
    this.registration = new Registration(this.agent, clock, chance, { user, domain, expiresS: account.expiresS ?? defaults.expiresS }, emit, () => this.onRenewed());
    this.watching = new Watching(this.agent, clock, chance, emit);
  }

  get account() {
    return this.settings.account;
  }

  get clock() {
    return this.surroundings.clock;
  }

  get chance() {
    return this.surroundings.chance;
  }

  get registered(): boolean {
    return this.registration.registered;
  }

  get calls(): ReadonlyArray<Call<M>> {
    return [...this.live];
  }

  get active(): Call<M> | undefined {
    return this.front?.state === 'up' ? this.front : undefined;
  }

  on<N extends PhoneEventName>(name: N, listener: (event: PhoneEventOf<N>) => void): () => void;
  on(name: '*', listener: (event: PhoneEvent) => void): () => void;
  on(name: string, listener: (event: never) => void): () => void {
    return this.listeners.on(name, listener);
  }

  emit(event: PhoneEvent): void {
    this.listeners.emit(event);
  }

  // —— the way and the registration ——

  async register({ timeoutMs = 10_000 }: { timeoutMs?: number } = {}): Promise<void> {
    if (!this.account.server) throw new PhoneError('wrong-state', 'this phone has no server to register at');
    this.open();
    let stopWaiting = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      const timer = this.clock.after(timeoutMs, () => reject(new PhoneError('timeout', this.wayProblem ?? `the server at ${this.account.server?.host} does not answer: check its address, and that it runs`)));
      stopWaiting = () => timer.cancel();
    });
    try {
      await Promise.race([this.registration.start(), late]);
    } finally {
      stopWaiting();
    }
  }

  async connect(): Promise<void> {
    this.open();
    await this.started;
  }

  private open(): void {
    if (this.closing) throw new PhoneError('closed', 'the phone is closed');
    this.started ??= this.agent.ua.start().catch((err: unknown) => {
      this.started = undefined;
      throw new PhoneError('not-connected', errorText(err));
    });
    // The transport goes on trying by itself; whoever waits for `connect()` is told.
    this.started.catch(() => undefined);
  }

  networkChanged(): void {
    if (this.started && !this.closing) this.way.replace();
  }

  private onConnected(detail: { protocol: string; local: string | null; remote: string }): void {
    this.wayProblem = undefined;
    this.emit({ event: 'connected', ...detail });
    if (this.closing) return;
    this.registration.now();
    // Where nothing is registered, nothing else says that the far ends may be told where we are now.
    if (!this.registration.wanted) this.moved();
    if (!this.registration.wanted) this.watching.begin();
  }

  private onDisconnected({ lasting, ...detail }: { problem: string; retryMs: number | null; lasting: boolean }): void {
    this.lost = true;
    this.wayProblem = detail.problem;
    this.registration.interrupted();
    this.agent.wayLost();
    if (!this.closing) this.emit({ event: 'disconnected', ...detail });
    if (lasting) this.registration.hopeless(detail.problem);
  }

  private onRenewed(): void {
    this.watching.voicemailOf(this.account);
    this.moved();
    this.watching.begin();
  }

  /** After the way was lost and came back: every call that is up tells its far end our new Contact. */
  private moved(): void {
    if (!this.lost) return;
    this.lost = false;
    for (const call of this.live) void call.refresh();
    // A server that was started anew knows nothing of them.
    this.watching.again();
  }

  // —— calls ——

  async dial(to: string, { holdOthers = true }: DialOptions = {}): Promise<PhoneCall<M>> {
    const { uri, party } = dialled(this.agent.sip, to, this.account.domain);
    return this.call(uri, party, [], holdOthers);
  }

  /** `headers`: besides those of every INVITE. `prepare`: before it is sent off, so that nothing is missed. */
  async call(target: Core.URI, party: Party, headers: string[], holdOthers: boolean, prepare?: (call: PhoneCall<M>) => void): Promise<PhoneCall<M>> {
    if (this.closing) throw new PhoneError('closed', 'the phone is closed');
    this.mustBeConnected();
    if (this.full) throw new PhoneError('too-many', `there are ${this.live.length} calls already: end one of them first`);
    const call = await this.openCall('out', party, this.account.server?.host ?? target.host);
    prepare?.(call);
    if (holdOthers) await this.toFront(call);
    await call.dial({ target, headers });
    return call;
  }

  private mustBeConnected(): void {
    if (!this.agent.ua.isConnected()) throw new PhoneError('not-connected', 'the phone has no connection just now: try again when it has');
  }

  /** Calls that come in are refused with 486. */
  get busy(): boolean {
    return this.doNotDisturb || this.full;
  }

  private get full(): boolean {
    return this.live.length + this.opening >= (this.settings.maxCalls ?? defaults.maxCalls);
  }

  /** Opens the sound of a call. Errors: PhoneError. */
  async openCall(direction: 'in' | 'out', party: Party, remoteHost: string): Promise<PhoneCall<M>> {
    this.opening += 1;
    try {
      const call = await PhoneCall.open(this, this.surroundings.media, String(this.nextId++), direction, party, remoteHost);
      this.live.push(call);
      if (this.closing) await call.hangUp();
      return call;
    } catch (err) {
      throw err instanceof PhoneError ? err : new PhoneError('media', errorText(err));
    } finally {
      this.opening -= 1;
    }
  }

  async toFront(call: PhoneCall<M>): Promise<void> {
    if (call.state === 'ended') return;
    this.front = call;
    // What rings is not heard; what is dialled is (early media).
    if (call.state !== 'incoming' && call.state !== 'held') call.media.setActive(true);
    const others = this.live.filter((other) => other !== call && other.state === 'up' && other !== call.replaces && other !== call.follows);
    if (others.length === 0) return;
    const held = Promise.all(
      others.map(async (other) => {
        other.media.setActive(false);
        await other.hold().catch((err: unknown) => other.state !== 'ended' && this.emit({ event: 'warning', problem: `call ${other.id} could not be put on hold: ${errorText(err)}` }));
      }),
    );
    // A far end that does not answer must not keep the next call waiting; it does not hear us any more in any case.
    let patience: Timer | undefined;
    await Promise.race([held, new Promise<void>((resolve) => (patience = this.clock.after(holdPatienceMs, resolve)))]);
    patience?.cancel();
  }

  ended(call: PhoneCall<M>): void {
    const at = this.live.indexOf(call);
    if (at >= 0) this.live.splice(at, 1);
    if (this.front === call) this.front = undefined;
  }

  private async takeInvite(request: Core.IncomingInviteRequest): Promise<void> {
    if (this.closing) return void request.reject({ statusCode: 480 });
    await takeInvite(this, request, this.settings.autoAnswerMs).catch((err) => this.fault(err));
  }

  private onUpdate(dialogId: string, request: Core.UserAgentServer): void {
    const call = this.live.find((one) => one.has(dialogId));
    if (call) void call.update(request).catch((err) => this.fault(err));
    else request.reject({ statusCode: 481 });
  }

  identify(message: Core.IncomingMessage, own: 'from' | 'to'): Party {
    return partyIn(this.agent.sip, message, this.account.server !== undefined, own);
  }

  referTo(to: string): string {
    return `<${dialled(this.agent.sip, to, this.account.domain).uri.toString()}>`;
  }

  /** Behind a server its address leads to the far end; its Contact may be reachable for nobody but the server. */
  referToCall(other: PhoneCall<M>): string {
    const dialog = other.session!.dialog;
    const target = this.account.server ? other.info.party.uri : dialog.remoteTarget.toString();
    const replaces = `${dialog.callId};to-tag=${dialog.remoteTag};from-tag=${dialog.localTag}`;
    return `<${target}?Replaces=${encodeURIComponent(replaces)}>`;
  }

  referred(call: PhoneCall<M>, request: Core.IncomingReferRequest): void {
    follow(this, call, request, this.settings.followTransfers ?? defaults.followTransfers);
  }

  // —— messages and what is watched ——

  async message(to: string, text: string): Promise<void> {
    const { uri } = dialled(this.agent.sip, to, this.account.domain);
    this.mustBeConnected();
    return sendMessage(this, String(this.nextId++), to, uri, text);
  }

  received(request: Core.IncomingMessageRequest): void {
    takeMessage(this, request);
  }

  watch(who: string): void {
    const { uri } = dialled(this.agent.sip, who, this.account.domain);
    this.watching.watch(who, uri);
  }

  unwatch(who: string): void {
    this.watching.unwatch(who);
  }

  fault(err: unknown): void {
    if (!this.closing) this.emit({ event: 'warning', problem: errorText(err) });
  }

  // —— the end ——

  close({ graceMs = 2000 }: { graceMs?: number } = {}): Promise<void> {
    return (this.closing ??= this.shutDown(graceMs));
  }

  private async shutDown(graceMs: number): Promise<void> {
    const calls = Promise.all([...this.live].map((call) => call.hangUp()));
    this.watching.stop();
    const said = Promise.all([calls, this.registration.stop(), this.agent.settled()]);
    await new Promise<void>((resolve) => {
      const timer = this.clock.after(graceMs, resolve);
      const over = (): void => {
        timer.cancel();
        resolve();
      };
      said.then(over, over);
    });
    await this.agent.close().catch(() => undefined);
  }
}
