/**
 * One trunk as it is at the moment: where it is, whether it answers, whether we are registered there.
 *
 *   look up ─▶ REGISTER ─ 401 ─▶ REGISTER with the answer ─ 200 ─▶ again at 80 % of its time
 *                 └ silence, 5xx ─▶ the next host; after the last one again in a while, each time longer
 *   OPTIONS every so often: whatever is answered, it is there; two silences, and it is not
 */
import type { Clock, Random, Timer } from '../../clock';
import type { Logger } from '../../log';
import type { ValueOf } from '../../settings/values';
import type { SipAnswer } from '../dialogs';
import { uriHost } from '../flow';
import { contains, hostAndPort, networks, type Resolver } from './addresses';
import { answerChallenge, isStale } from './digest';

export type TrunkSettings = ValueOf<'trunk'>;

export type PeerState = 'starting' | 'up' | 'down' | 'refused';

export interface TrunkView {
  name: string;
  /** `refused`: it does not accept our password, or our account. */
  state: PeerState;
  registered: boolean;
  /** Unix milliseconds of the last change of state. */
  since: number;
  host: string;
  /** What went wrong last, in a sentence; null: nothing since it is up. */
  problem: string | null;
  /** Of the last answer to a request of ours. */
  latencyMs: number | null;
}

/** The part of drachtio-srf that is used here. */
export interface PeerSrf {
  request(
    uri: string,
    options: { method: string; proxy?: string; headers: Record<string, string> },
    sent: (err: unknown, request?: { on(event: 'response', fn: (answer: SipAnswer) => void): unknown }) => void,
  ): unknown;
}

export interface PeerDeps {
  srf: PeerSrf;
  resolver: Resolver;
  clock: Clock;
  random: Random;
  log: Logger;
  changed(view: TrunkView): void;
}

/** Timer F is 32 s (RFC 3261 §17.1.2); a provider that takes so long is not used meanwhile. */
const PATIENCE_MS = 5000;
const LOOK_UP_MS = 60_000;
const FIRST_AGAIN_MS = 5000;
const LAST_AGAIN_MS = 300_000;
/** A refused password does not become right by itself. */
const REFUSED_AGAIN_MS = 300_000;
const GOODBYE_MS = 1500;
const MISSES = 2;

interface Reply {
  /** 0: none came. */
  status: number;
  answer: SipAnswer | undefined;
}

export class Peer {
  private state: PeerState = 'starting';
  private since: number;
  private problem: string | null = null;
  private latencyMs: number | null = null;
  private host = 0;
  private addressesOf: readonly string[][] = [];
  private sources = networks([]);
  private registered = false;
  private failures = 0;
  private misses = 0;
  private callId: string | undefined;
  private cseq = 0;
  private readonly timers = new Map<'register' | 'health' | 'look-up', Timer>();
  private closed = false;

  constructor(
    readonly settings: TrunkSettings,
    private readonly deps: PeerDeps,
  ) {
    this.since = deps.clock.wall().getTime();
  }

  start(): void {
    void this.run(async () => {
      await this.lookUp();
      if (this.closed) return;
      if (this.settings.register) void this.run(() => this.register());
      else if (this.settings.healthSeconds === 0) this.become(this.address === undefined ? 'down' : 'up', this.address === undefined ? this.unknown() : null);
      if (this.settings.healthSeconds > 0) void this.run(() => this.ask());
    });
  }

  /** Whether calls can go over it now. */
  get usable(): boolean {
    return this.state === 'up' && this.address !== undefined;
  }

  /** An address of the host in use, for whoever has to choose one of ours that it can reach. */
  get address(): string | undefined {
    return this.addressesOf[this.host]?.[0];
  }

  /** Whether what comes from this address is from it. */
  owns(address: string): boolean {
    return contains(this.sources, address);
  }

  /** Where requests to it go. */
  get proxy(): string {
    const { host, port } = hostAndPort(this.settings.hosts[this.host] as string);
    return `sip:${uriHost(host)}${port === undefined ? '' : `:${port}`};transport=${this.settings.transport}`;
  }

  /** The domain of our account there. */
  get domain(): string {
    return this.settings.domain ?? (this.settings.hosts[0] as string);
  }

  view(): TrunkView {
    const { settings, state, registered, since, problem, latencyMs } = this;
    return { name: settings.name, state, registered, since, host: settings.hosts[this.host] as string, problem, latencyMs };
  }

  /** A call over it heard nothing, or that it is not there: the next one need not find out again. */
  missed(): void {
    if (this.settings.healthSeconds > 0) this.soon('health', 0, () => this.ask());
    else if (this.settings.hosts.length > 1) this.nextHost();
  }

  /** Idempotent. Takes our registration back, and does not wait long for that. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const timer of this.timers.values()) timer.cancel();
    this.timers.clear();
    if (!this.registered) return;
    this.registered = false;
    let enough: () => void = () => undefined;
    const late = new Promise<void>((resolve) => (enough = resolve));
    const timer = this.deps.clock.after(GOODBYE_MS, () => enough());
    await Promise.race([late, this.exchange('REGISTER', 0)]);
    timer.cancel();
  }

  private async lookUp(): Promise<void> {
    const { hosts, transport, sources } = this.settings;
    this.addressesOf = await Promise.all(hosts.map((one) => this.deps.resolver.addresses(hostAndPort(one).host, transport)));
    this.sources = networks([...this.addressesOf.flat(), ...sources]);
    if (!this.closed) this.soon('look-up', LOOK_UP_MS, () => this.lookUp());
  }

  // --- registration ---------------------------------------------------------------------------------------------------

  private async register(expires = this.settings.expires): Promise<void> {
    const { status, answer } = await this.exchange('REGISTER', expires);
    if (this.closed) return;
    if (status === 423) {
      const least = Number(answer?.get('Min-Expires'));
      if (least > expires && least <= 86_400) return this.register(least);
    }
    if (status >= 200 && status < 300) {
      this.failures = 0;
      this.registered = true;
      this.become('up', null);
      const granted = grantedIn(answer, expires);
      this.soon('register', Math.max(granted * 800, Math.min(granted * 500, 5000)), () => this.register());
      return;
    }
    this.registered = false;
    if (status === 401 || status === 403 || status === 407 || status === 404) {
      this.become('refused', status === 404 ? `${this.where} does not know the account ${this.settings.username}` : `${this.where} does not accept our user name and password (${status})`);
      this.soon('register', this.jittered(REFUSED_AGAIN_MS), () => this.register());
      return;
    }
    this.failures++;
    this.become('down', status === 0 ? `${this.where} does not answer` : `${this.where} answered our registration ${status}`);
    this.nextHost();
    // the others are asked at once, all of them again in a while
    const round = Math.floor(this.failures / this.settings.hosts.length);
    const wait = this.failures % this.settings.hosts.length === 0 ? Math.min(LAST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** (round - 1)) : 0;
    this.soon('register', this.jittered(wait), () => this.register());
  }

  private jittered(ms: number): number {
    return ms * (0.8 + (0.4 * this.deps.random(2).readUInt16BE()) / 65_536);
  }

  // --- health ---------------------------------------------------------------------------------------------------------

  private async ask(): Promise<void> {
    const { status } = await this.exchange('OPTIONS', undefined);
    if (this.closed) return;
    this.soon('health', this.settings.healthSeconds * 1000, () => this.ask());
    if (status !== 0 && status !== 408 && status !== 503) {
      this.misses = 0;
      if (!this.settings.register) this.become('up', null);
      return;
    }
    if (++this.misses < MISSES && this.state === 'up') {
      this.soon('health', 1000, () => this.ask());
      return;
    }
    this.misses = 0;
    const wasUp = this.state === 'up';
    this.registered = false;
    this.become('down', status === 0 ? (this.address === undefined ? this.unknown() : `${this.where} does not answer`) : `${this.where} answered ${status}`);
    this.nextHost();
    if (wasUp && this.settings.register) void this.run(() => this.register());
    // the next one may be there
    else if (!this.settings.register && this.host !== 0) this.soon('health', 0, () => this.ask());
  }

  private nextHost(): void {
    this.host = (this.host + 1) % this.settings.hosts.length;
  }

  // --- requests -------------------------------------------------------------------------------------------------------

  /** One request, and once more with what it is challenged for. `expires`: of a registration. Never rejects. */
  private async exchange(method: 'REGISTER' | 'OPTIONS', expires: number | undefined): Promise<Reply> {
    const { username, authUsername, password } = this.settings;
    const { host, port } = hostAndPort(this.domain);
    const domain = `${uriHost(host)}${port === undefined ? '' : `:${port}`}`;
    const uri = `sip:${domain}`;
    const self = `<sip:${username ?? 'offhook'}@${domain}>`;
    const about: Record<string, string> =
      method === 'REGISTER' ? { To: self, Contact: `<sip:${username}@localhost;transport=${this.settings.transport}>`, Expires: String(expires) } : { To: `<${uri}>` };
    const first = await this.send(uri, { method, headers: { From: self, ...about, ...this.numbered(method) } });
    const header = first.status === 401 ? 'WWW-Authenticate' : first.status === 407 ? 'Proxy-Authenticate' : undefined;
    const challenge = header && first.answer?.get(header);
    if (header === undefined || challenge === undefined || password === undefined || username === undefined) return first;
    const credentials = answerChallenge(challenge, method, uri, { username: authUsername ?? username, password }, this.deps.random);
    if (credentials === undefined) return first;
    const again = (text: string): Promise<Reply> =>
      this.send(uri, { method, headers: { From: self, ...about, ...this.numbered(method), [first.status === 401 ? 'Authorization' : 'Proxy-Authorization']: text } });
    const second = await again(credentials);
    const fresh = second.answer?.get(header);
    if (second.status !== first.status || fresh === undefined || !isStale(fresh)) return second;
    return again(answerChallenge(fresh, method, uri, { username: authUsername ?? username, password }, this.deps.random) ?? credentials);
  }

  /** All registrations of one run have the same Call-ID (RFC 3261 §10.2). */
  private numbered(method: string): Record<string, string> {
    if (method !== 'REGISTER') return {};
    this.callId ??= this.deps.random(12).toString('hex');
    return { 'Call-ID': this.callId, CSeq: `${++this.cseq} REGISTER` };
  }

  private send(uri: string, { method, headers }: { method: string; headers: Record<string, string> }): Promise<Reply> {
    const { srf, clock } = this.deps;
    return new Promise((resolve) => {
      const from = clock.now();
      const none: Reply = { status: 0, answer: undefined };
      const timer = clock.after(PATIENCE_MS, () => resolve(none));
      const done = (reply: Reply): void => {
        timer.cancel();
        resolve(reply);
      };
      try {
        srf.request(uri, { method, proxy: this.proxy, headers }, (err, request) => {
          if (err || !request) return done(none);
          request.on('response', (answer) => {
            if (answer.status < 200) return;
            this.latencyMs = Math.round(clock.now() - from);
            done({ status: answer.status, answer });
          });
        });
      } catch {
        // srf throws when its connection is gone
        done(none);
      }
    });
  }

  // --- state ----------------------------------------------------------------------------------------------------------

  private get where(): string {
    return this.settings.hosts[this.host] as string;
  }

  private unknown(): string {
    return `${this.where} is not known to the name servers`;
  }

  private become(state: PeerState, problem: string | null): void {
    const news = state !== this.state;
    this.problem = problem;
    if (!news) return;
    this.state = state;
    this.since = this.deps.clock.wall().getTime();
    const fields = { trunk: this.settings.name, host: this.where };
    if (state === 'up') this.deps.log.info(fields, this.settings.register ? 'registered with the provider' : 'the trunk answers');
    else this.deps.log.warn({ ...fields, problem }, 'the trunk cannot be used');
    this.deps.changed(this.view());
  }

  private soon(what: 'register' | 'health' | 'look-up', ms: number, work: () => Promise<void>): void {
    this.timers.get(what)?.cancel();
    if (this.closed) return;
    this.timers.set(what, this.deps.clock.after(ms, () => void this.run(work)));
  }

  private async run(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (err) {
      this.deps.log.error({ trunk: this.settings.name, error: String(err) }, 'a trunk met a fault');
    }
  }
}

/** Seconds; what the answer's Contact says, or its Expires, or what was asked for. */
function grantedIn(answer: SipAnswer | undefined, asked: number): number {
  const contact = /;\s*expires\s*=\s*"?(\d+)/i.exec(answer?.get('Contact') ?? '')?.[1];
  const seconds = Number(contact ?? answer?.get('Expires') ?? asked);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, asked) : asked;
}
