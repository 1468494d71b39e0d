/**
 * Registration (RFC 3261 §10), kept: sent, renewed before it runs out, tried again after what may pass, given up only where trying again is
 * of no use.
 *
 *   idle ─► asking ─► registered ─(before it runs out)─► asking
 *              └─ 423: longer, at once · 503 and most others: later · 401, 403 with a password given: given up
 */
import { BackOff } from './back-off';
import type { Chance, Clock, Timer } from './clock';
import type { RegistrationEvent } from './events';
import { PhoneError } from './phone-types';
import { registrationSentence } from './sentences';
import { allow, type Agent } from './sip/agent';
import { header, parameters, seconds } from './sip/headers';
import { nameAddr, splitList } from './sip/party';
import type { Core } from './sip/sip-js';

export interface RegistrationOptions {
  expiresS: number;
  user: string;
  /** The registrar's domain. */
  domain: string;
}

/** What a registrar may ask for at most when it says that a registration is too short, s. */
const mostExpiresS = 86_400 * 30;
/**
 * Over UDP nothing tells that a server was started anew and has forgotten us, unless something was sent while it was away: renewed so often, we
 * cannot be called for a minute at most. Over a stream its end tells.
 */
const mostUdpRenewS = 60;
/** Answers after which asking again by itself is of no use. */
const final = new Set([401, 403, 404, 407, 405, 416, 420, 604]);

export class Registration {
  registered = false;
  /** Whether it is asked for, and was not refused for good. */
  wanted = false;
  private timer: Timer | undefined;
  private request: Core.OutgoingRegisterRequest | undefined;
  private readonly backOff: BackOff;
  private askedAt: number | undefined;
  private callId: string | undefined;
  private fromTag: string | undefined;
  private cseq = 0;
  private expiresS: number;
  private readonly firsts: Array<{ resolve: () => void; reject: (problem: PhoneError) => void }> = [];

  constructor(
    private readonly agent: Agent,
    private readonly clock: Clock,
    private readonly chance: Chance,
    private readonly options: RegistrationOptions,
    private readonly emit: (event: RegistrationEvent) => void,
    /** Each time it was renewed. */
    private readonly renewed: () => void,
  ) {
    this.backOff = new BackOff(chance, { firstMs: 1000, mostMs: 60_000 });
    this.expiresS = options.expiresS;
  }

  /** Begins, or asks again after it was given up. Resolves when registered; rejects when it is refused for good. */
  start(): Promise<void> {
    if (this.registered) return Promise.resolve();
    this.askedAt ??= this.clock.now();
    this.wanted = true;
    const first = new Promise<void>((resolve, reject) => this.firsts.push({ resolve, reject }));
    this.now();
    return first;
  }

  /** The way is there (again), or leads elsewhere: registers at once. */
  now(): void {
    if (this.wanted && !this.request && this.agent.ua.isConnected()) this.send();
  }

  /** There is no way, and will be none until somebody changes something: whoever waits is told. It stays wanted. */
  hopeless(problem: string): void {
    for (const first of this.firsts.splice(0)) first.reject(new PhoneError('not-connected', problem));
  }

  /** The way is gone: what was sent will not be answered. */
  interrupted(): void {
    this.request = undefined;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Takes the registration back. Resolves when that was answered, or cannot be. */
  async stop(): Promise<void> {
    // What is under way may have been done before this is.
    const registered = this.registered || this.request !== undefined;
    this.wanted = false;
    this.timer?.cancel();
    this.timer = undefined;
    this.request = undefined;
    for (const first of this.firsts.splice(0)) first.reject(new PhoneError('closed', 'the phone was closed'));
    if (!registered) return;
    this.registered = false;
    if (this.agent.ua.isConnected()) {
      await new Promise<void>((resolve) => this.agent.core.register(this.message(0), { onAccept: () => resolve(), onReject: () => resolve(), onRedirect: () => resolve() }));
    }
    this.emit({ event: 'unregistered' });
  }

  private message(expiresS: number): Core.OutgoingRequestMessage {
    const { agent, options } = this;
    const target = agent.sip.UserAgent.makeURI(`sip:${options.domain}`);
    if (!target) throw new Error(`no registrar: ${options.domain}`);
    // One Call-ID and rising CSeq for all registrations of this phone (§10.2).
    const again = this.callId === undefined ? {} : { callId: this.callId, fromTag: this.fromTag!, cseq: this.cseq + 1 };
    const message = agent.request('REGISTER', target, [`${agent.contact};expires=${expiresS}`, `Expires: ${expiresS}`, allow], undefined, { to: agent.aor, optionTags: ['path'], ...again });
    this.callId = message.callId;
    this.fromTag = message.fromTag;
    this.cseq = message.cseq;
    return message;
  }

  private send(): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (!this.registered) this.emit({ event: 'registering' });
    const message = this.message(this.expiresS);
    const mine = (then: (response: Core.IncomingResponseMessage) => void) => (response: Core.IncomingResponse): void => {
      this.cseq = Math.max(this.cseq, message.cseq);
      if (this.request !== request || !this.wanted) return;
      this.request = undefined;
      then(response.message);
    };
    const failed = mine((response) => this.onFailure(response));
    const request = this.agent.core.register(message, { onAccept: mine((response) => this.onAccept(response)), onReject: failed, onRedirect: failed });
    this.request = request;
  }

  private onAccept(response: Core.IncomingResponseMessage): void {
    this.backOff.reset();
    const expiresS = this.granted(response);
    const tookMs = this.askedAt === undefined ? undefined : Math.round(this.clock.now() - this.askedAt);
    this.askedAt = undefined;
    this.registered = true;
    // Early enough for a lost request or two: a tenth of the time, at least 5 s, before it runs out; short ones at half.
    const renewS = Math.max(expiresS / 2, expiresS - Math.max(5, expiresS * 0.1));
    this.later(Math.min(renewS, this.agent.ua.transport.protocol === 'UDP' ? mostUdpRenewS : Infinity) * 1000);
    this.emit({ event: 'registered', aor: `sip:${this.options.user}@${this.options.domain}`, expiresS, ...(tookMs !== undefined && { tookMs }) });
    for (const first of this.firsts.splice(0)) first.resolve();
    this.renewed();
  }

  /** For how long: of our Contact in the answer, else Expires, else what was asked for (§10.2.4). */
  private granted(response: Core.IncomingResponseMessage): number {
    const own = this.agent.core.configuration.contact.uri;
    const found = response.getHeaders('contact').flatMap(splitList).flatMap((contact) => nameAddr(this.agent.sip, contact) ?? []);
    const ours = found.find(({ uri }) => uri.user === own.user && uri.host === own.host) ?? (found.length === 1 ? found[0] : undefined);
    const s = seconds(parameters(`contact${ours?.parameters ?? ''}`).params.get('expires')) ?? seconds(header(response, 'expires')) ?? this.expiresS;
    return Math.max(1, s);
  }

  private onFailure(response: Core.IncomingResponseMessage): void {
    const status = response.statusCode ?? 500;
    const longerS = status === 423 ? seconds(header(response, 'min-expires')) : undefined;
    if (longerS !== undefined && longerS > this.expiresS && longerS <= mostExpiresS) {
      this.expiresS = longerS;
      return this.send();
    }
    const wasRegistered = this.registered;
    this.registered = false;
    // Somebody who is not known any more may be known again; whoever was just let in with this password will be again.
    const isFinal = final.has(status) && !wasRegistered;
    const retryMs = isFinal ? null : this.retryMs(response);
    const problem = registrationSentence(this.options.domain, status, response.reasonPhrase);
    if (isFinal) this.wanted = false;
    else this.later(retryMs!);
    this.emit({ event: 'registration-failed', status, problem, final: isFinal, retryMs });
    if (isFinal) for (const first of this.firsts.splice(0)) first.reject(new PhoneError('registration-refused', problem, status));
  }

  private retryMs(response: Core.IncomingResponseMessage): number {
    const askedS = seconds(header(response, 'retry-after'));
    const jittered = this.backOff.next();
    // What the server asks for is the least (§20.33), within reason.
    return Math.round(askedS === undefined ? jittered : Math.min(askedS, 3600) * 1000 + this.chance() * 1000);
  }

  private later(ms: number): void {
    this.timer?.cancel();
    this.timer = this.clock.after(ms, () => {
      this.timer = undefined;
      this.now();
    });
  }
}
