/**
 * sip.js's transport over our channels (RFC 3261 §18): where each message goes, our address in it, challenges that sip.js can read, repetitions
 * over UDP (`udp-transactions.ts`), keep-alive (RFC 5626 §4.4.1), and a connection that comes back by itself.
 *
 *     sip.js ─► addressOut ─► way (which channel, where to; too large for UDP: TCP) ─► [udp transactions] ─► channel
 *     sip.js ◄─ addressIn, stampVia, challengesIn ◄─ [udp transactions] ◄─ channel
 *
 *     Disconnected ──connect()──► Connecting ──► Connected ──disconnect()──► Disconnecting ──► Disconnected
 *          ▲  └──── back-off ──────►  │               │
 *          └────────── lost ──────────┴───────────────┘
 *
 * sip.js wants a loss told and never hidden: it is told (`onDisconnect` with an error), and afterwards, from a timer, connected anew (`onConnect`).
 */
import { BackOff } from '../back-off';
import type { Chance, Clock, Timer } from '../clock';
import { errorText } from '../error-text';
import { challengesIn } from './challenges';
import { LastingProblem, type Channel, type HostPort, type OpenChannel, type Protocol, type Target } from './channel';
import { Emitter } from './emitter';
import { LargeRequests } from './large-requests';
import { applyEdits, readHead, topVia, type MessageHead } from './message-text';
import { addressIn, addressOut, sentByKey, stampVia, type ContactMemory, type SentBy } from './own-address';
import type { Emitter as SipEmitter, Transport, TransportState } from './sip-js';
import { UdpTransactions } from './udp-transactions';
import { Ways, type Way } from './ways';

export { PLACEHOLDER_HOST } from './own-address';

export type TransportNews =
  | { event: 'connected'; protocol: Protocol; local: HostPort | undefined; remote: HostPort }
  /** `problem` for people; null: asked for. `retryMs`: until the next try; null: there is none. `lasting`: as of LastingProblem. */
  | { event: 'disconnected'; problem: string | null; retryMs: number | null; lasting: boolean };

export interface TransportOptions {
  /** The server; undefined: none, each request goes to whoever it names, over UDP unless its URI says otherwise. */
  target: Target | undefined;
  open: OpenChannel;
  clock: Clock;
  chance: Chance;
  logger?: { warn(text: string): void } | undefined;
  /** Every message as it is on the wire. */
  trace?: ((line: { out: boolean; text: string }) => void) | undefined;
  onState?: ((news: TransportNews) => void) | undefined;
}

/** Nobody waits longer for the next try. */
const LAST_RETRY_MS = 30_000;
/** How long one attempt to connect may take. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** RFC 5626 §4.4.1: pings at 25 to 30 s; whoever does not answer within 10 s is gone. */
const PING_MIN_MS = 25_000;
const PING_SPREAD_MS = 5_000;
const PONG_WITHIN_MS = 10_000;
/** The first ping comes early, to learn whether this server answers them at all. */
const FIRST_PING_MS = 1_000;
/** Own sent-by values that answers may still name: those of connections that were replaced. */
const MAX_SENT_BY = 32;

type State = 'Connecting' | 'Connected' | 'Disconnecting' | 'Disconnected';

export class SipTransport implements Transport {
  onConnect: (() => void) | undefined;
  onDisconnect: ((error?: Error) => void) | undefined;
  onMessage: ((message: string) => void) | undefined;

  private readonly states = new Emitter<TransportState>();
  private readonly transactions: UdpTransactions;
  private readonly backOff: BackOff;
  private readonly ways: Ways;
  private readonly large: LargeRequests;
  private readonly ours = new Set<string>();
  private readonly contact: ContactMemory = { transport: undefined };
  private current: State = 'Disconnected';
  private channel: Channel | undefined;
  /** Whether connections that are lost are to be made again. */
  private wanted = false;
  private notifying = false;
  private connecting: Promise<void> | undefined;
  private attempt: AbortController | undefined;
  private retry: Timer | undefined;
  private nextPing: Timer | undefined;
  private pongDue: Timer | undefined;
  /** Whether the server is known to answer pings; servers that never do are not taken for dead. */
  private answersPings = false;

  /** As sip.js calls it; its own logger is not used, ours may be in the options. */
  constructor(
    _logger: unknown,
    private readonly options: TransportOptions,
  ) {
    this.backOff = new BackOff(options.chance, { firstMs: 500, mostMs: LAST_RETRY_MS });
    this.transactions = new UdpTransactions({ clock: options.clock, send: (text, to) => this.transmit(this.channel, text, to) });
    this.ways = new Ways({
      target: options.target,
      clock: options.clock,
      open: options.open,
      received: (channel, text, from) => this.received(channel, text, from),
      lost: (channel) => this.detourLost(channel),
      warn: (text) => this.warn(text),
    });
    this.large = new LargeRequests(options.clock, (target) => this.ways.stream(target));
  }

  get protocol(): Protocol {
    return this.channel?.protocol ?? this.options.target?.protocol ?? 'UDP';
  }

  get state(): TransportState {
    return this.current as TransportState;
  }

  get stateChange(): SipEmitter<TransportState> {
    return this.states;
  }

  get localAddress(): HostPort | undefined {
    return this.channel?.local;
  }

  /** undefined: not connected, or there is no server. */
  get remoteAddress(): HostPort | undefined {
    return this.options.target ? this.channel?.remote : undefined;
  }

  /** Messages repeated, repetitions absorbed (UDP). */
  get repetitions(): { repeated: number; absorbed: number } {
    return { ...this.transactions.counts };
  }

  isConnected(): boolean {
    return this.current === 'Connected';
  }

  /** Resolves when connected; rejects with a sentence for people when this attempt failed: others follow until `disconnect()`. */
  connect(): Promise<void> {
    this.refuseLoop('connect');
    this.wanted = true;
    if (this.current === 'Connected') return Promise.resolve();
    if (this.current === 'Connecting' && this.connecting) return this.connecting;
    this.retry?.cancel();
    this.retry = undefined;
    return this.start();
  }

  disconnect(): Promise<void> {
    this.refuseLoop('disconnect');
    const told = this.wanted;
    this.wanted = false;
    this.retry?.cancel();
    this.retry = undefined;
    this.attempt?.abort(new Error('it was given up'));
    this.attempt = undefined;
    this.connecting = undefined;
    this.transactions.clear();
    this.large.clear();
    if (this.current === 'Connected' || this.current === 'Connecting') {
      this.dropChannel();
      this.transition('Disconnecting');
    }
    this.ways.close();
    if (this.current === 'Disconnecting') this.transition('Disconnected');
    if (told) this.tell({ event: 'disconnected', problem: null, retryMs: null, lasting: false });
    return Promise.resolve();
  }

  dispose(): Promise<void> {
    return this.disconnect();
  }

  /** The network has changed: what was open is closed and opened anew at once, from whatever address we have now. */
  replaceChannel(): void {
    if (!this.wanted) return;
    this.backOff.reset();
    this.retry?.cancel();
    this.retry = undefined;
    this.attempt?.abort(new Error('the network has changed'));
    this.attempt = undefined;
    this.ways.dropAll();
    this.lost('the network has changed', { retryMs: 0 });
  }

  /** Resolves when the message was handed to the channel, which is not yet a word about its arrival. */
  async send(text: string): Promise<void> {
    const main = this.channel;
    if (this.current !== 'Connected' || !main) throw new Error('There is no connection to send this over.');
    const head = readHead(text);
    if (!head) throw new Error('That is not a SIP message.');
    const found = this.ways.find(head, main);
    // Only what has to be looked up is waited for: everything else keeps its order.
    const way = found instanceof Promise ? await found : found;
    const large = head.method !== undefined && !way.channel.reliable ? this.large.instead(this.written(head, way), way) : undefined;
    const stream = large && (await large);
    if (large && !this.isConnected()) throw new Error('The connection was lost before this could be sent.');
    this.sendBy(stream ?? way, head, way);
    if (stream) this.large.sent(head, stream.channel, way);
  }

  /** Without a connection to the server it is lost; the agent is told of that. */
  private detourLost(channel: Channel): void {
    for (const { head, udp } of this.large.lost(channel)) if (this.isConnected() && udp.channel === this.channel) this.sendBy(udp, head, udp);
  }

  /** As it goes by `way`; `reached`: how we are reached, for the Contact. */
  private written(head: MessageHead, way: Way, reached = way): string {
    return applyEdits(head.text, addressOut(head, sentByOf(way), { protocol: reached.channel.protocol, address: reached.local }, this.contact));
  }

  private sendBy(way: Way, head: MessageHead, reached: Way): void {
    const sentBy = sentByOf(way);
    if (sentBy.address) this.remember(sentBy.address);
    const text = this.written(head, way, reached);
    if (head.method === 'INVITE') this.ways.remember(head, { ...way, sentBy });
    if (way.channel.reliable) {
      this.transmit(way.channel, text, undefined);
      return;
    }
    const final = readHead(text);
    if (final) this.transactions.outgoing(final, text, way.to);
  }

  private transmit(channel: Channel | undefined, text: string, to: HostPort | undefined): void {
    if (!channel) return;
    this.options.trace?.({ out: true, text });
    channel.send(text, to);
  }

  private received(channel: Channel, text: string, from: HostPort | undefined): void {
    this.options.trace?.({ out: false, text });
    const head = readHead(text);
    if (!head) {
      this.warn('Something that is no SIP message was dropped.');
      return;
    }
    if (!channel.reliable && !this.transactions.incoming(head)) return;
    this.large.answered(head);
    const edits = [...addressIn(head, this.ours, this.contact), ...challengesIn(head)];
    const via = head.method === undefined ? undefined : topVia(head);
    if (via) {
      edits.push(stampVia(text, via, from ?? channel.remote));
      this.ways.cameOver(via, channel);
    }
    // sip.js takes nothing while it believes to be disconnected (its state machine says so), which lasts as long as this loop turn at most.
    if (this.current !== 'Connected') return;
    try {
      this.onMessage?.(applyEdits(text, edits));
    } catch (error) {
      // What one message does must not take the connection with it.
      this.warn(`A message could not be dealt with: ${errorText(error)}`);
    }
  }

  // Connecting

  private start(): Promise<void> {
    this.transition('Connecting');
    const attempt = new AbortController();
    this.attempt = attempt;
    const late = this.options.clock.after(CONNECT_TIMEOUT_MS, () => attempt.abort(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} seconds`)));
    const work = this.open(attempt).finally(() => late.cancel());
    this.connecting = work;
    return work;
  }

  private async open(attempt: AbortController): Promise<void> {
    let channel: Channel | undefined;
    let early: string | undefined;
    try {
      channel = await this.options.open(
        this.options.target ?? { protocol: 'UDP', host: '' },
        {
          message: (text, from) => {
            if (!channel || this.channel !== channel) return;
            this.backOff.reset();
            this.received(channel, text, from);
          },
          pong: () => this.ponged(channel),
          closed: (problem) => {
            early = problem;
            if (channel && this.channel === channel) this.lost(problem);
          },
        },
        attempt.signal,
      );
      if (early !== undefined) throw new Error(early);
    } catch (error) {
      const problem = errorText(error);
      // Given up by disconnect() or replaced: whoever did so has seen to the state.
      if (this.attempt === attempt) {
        this.attempt = undefined;
        this.lost(problem, { lasting: error instanceof LastingProblem });
      }
      throw new Error(problem);
    }
    if (this.attempt !== attempt) {
      channel.close();
      throw new Error('The connection is not wanted any more.');
    }
    this.attempt = undefined;
    this.channel = channel;
    if (channel.local) this.remember(channel.local);
    this.answersPings = channel.protocol === 'WS' || channel.protocol === 'WSS';
    this.schedulePing(channel, channel.reliable ? FIRST_PING_MS : this.pingInterval());
    this.transition('Connected');
    this.tell({ event: 'connected', protocol: channel.protocol, local: channel.local, remote: channel.remote });
  }

  /** The connection, or the attempt to make one, failed: told, and tried again later. */
  private lost(problem: string, { retryMs = Math.round(Math.min(LAST_RETRY_MS, this.backOff.next())), lasting = false }: { retryMs?: number; lasting?: boolean } = {}): void {
    this.connecting = undefined;
    this.dropChannel();
    this.transition('Disconnected', new Error(problem));
    if (!this.wanted) return;
    this.retry?.cancel();
    this.retry = this.options.clock.after(retryMs, () => {
      this.retry = undefined;
      // Its failure is told by `lost` again.
      this.start().catch(() => undefined);
    });
    this.tell({ event: 'disconnected', problem, retryMs, lasting });
  }

  private dropChannel(): void {
    this.nextPing?.cancel();
    this.pongDue?.cancel();
    this.nextPing = undefined;
    this.pongDue = undefined;
    this.channel?.close();
    this.channel = undefined;
  }

  // Keep-alive

  private pingInterval(): number {
    return PING_MIN_MS + this.options.chance() * PING_SPREAD_MS;
  }

  private schedulePing(channel: Channel, ms: number): void {
    this.nextPing = this.options.clock.after(ms, () => {
      if (this.channel !== channel) return;
      channel.ping();
      this.ways.ping();
      if (this.channel !== channel) return;
      if (channel.reliable && this.answersPings) {
        this.pongDue ??= this.options.clock.after(PONG_WITHIN_MS, () => {
          this.pongDue = undefined;
          if (this.channel === channel) this.lost('the server has stopped answering');
        });
      }
      this.schedulePing(channel, this.pingInterval());
    });
  }

  private ponged(channel: Channel | undefined): void {
    if (!channel || this.channel !== channel) return;
    this.answersPings = true;
    this.backOff.reset();
    this.pongDue?.cancel();
    this.pongDue = undefined;
  }

  // Telling

  private transition(to: State, error?: Error): void {
    const from = this.current;
    if (from === to) return;
    this.current = to;
    this.notifying = true;
    try {
      this.states.emit(to as TransportState);
      if (to === 'Connected') this.onConnect?.();
      else if (from === 'Connected') this.onDisconnect?.(error);
    } catch (problem) {
      this.warn(`A listener failed: ${errorText(problem)}`);
    } finally {
      this.notifying = false;
    }
  }

  /** sip.js's rule: whoever is told of a state must not ask for another one before it returns. */
  private refuseLoop(what: string): void {
    if (this.notifying) throw new Error(`${what}() was called while a change of state was being told; call it afterwards.`);
  }

  private tell(news: TransportNews): void {
    try {
      this.options.onState?.(news);
    } catch (error) {
      this.warn(`A listener failed: ${errorText(error)}`);
    }
  }

  private remember(address: HostPort): void {
    const key = sentByKey(address.host, address.port);
    this.ours.delete(key);
    this.ours.add(key);
    for (const oldest of this.ours) {
      if (this.ours.size <= MAX_SENT_BY) break;
      this.ours.delete(oldest);
    }
  }

  private warn(text: string): void {
    this.options.logger?.warn(text);
  }
}

/** What the Via says. */
const sentByOf = (way: Way): SentBy => way.sentBy ?? { protocol: way.channel.protocol, address: way.local };
