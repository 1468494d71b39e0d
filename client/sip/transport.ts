/**
 * sip.js's transport over our channels (RFC 3261 §18): one that comes back by itself.
 *
 *     sip.js ◄─► SipTransport ─┬─ MessagePath   what becomes of a message on its way
 *                              └─ Connection    the channel to the server: opened, kept alive, opened again
 *
 *     Disconnected ──connect()──► Connecting ──► Connected ──disconnect()──► Disconnecting ──► Disconnected
 *          ▲  └──── back-off ──────►  │               │
 *          └────────── lost ──────────┴───────────────┘
 *
 * sip.js wants a loss told and never hidden: it is told (`onDisconnect` with an error), and afterwards, from a timer, connected anew (`onConnect`).
 */
import type { Chance, Clock } from '../clock';
import { errorText } from '../error-text';
import type { Channel, HostPort, OpenChannel, Protocol, Target } from './channel';
import { Connection, type Loss } from './connection';
import { Emitter } from './emitter';
import { MessagePath } from './message-path';
import type { Emitter as SipEmitter, Transport, TransportState } from './sip-js';

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

type State = 'Connecting' | 'Connected' | 'Disconnecting' | 'Disconnected';

export class SipTransport implements Transport {
  onConnect: (() => void) | undefined;
  onDisconnect: ((error?: Error) => void) | undefined;
  onMessage: ((message: string) => void) | undefined;

  private readonly states = new Emitter<TransportState>();
  private readonly connection: Connection;
  private readonly path: MessagePath;
  private current: State = 'Disconnected';
  private notifying = false;

  /** As sip.js calls it; its own logger is not used, ours may be in the options. */
  constructor(
    _logger: unknown,
    private readonly options: TransportOptions,
  ) {
    const { target, open, clock, chance, trace } = options;
    this.connection = new Connection({
      target,
      open,
      clock,
      chance,
      opening: () => this.transition('Connecting'),
      opened: (channel) => this.opened(channel),
      lost: (loss) => this.lost(loss),
      message: (channel, text, from) => this.path.received(channel, text, from),
      pinged: () => this.path.ping(),
    });
    this.path = new MessagePath({
      target,
      open,
      clock,
      trace,
      main: () => this.connection.channel,
      deliver: (text) => this.onMessage?.(text),
      warn: (text) => this.warn(text),
    });
  }

  get protocol(): Protocol {
    return this.connection.channel?.protocol ?? this.options.target?.protocol ?? 'UDP';
  }

  get state(): TransportState {
    return this.current as TransportState;
  }

  get stateChange(): SipEmitter<TransportState> {
    return this.states;
  }

  get localAddress(): HostPort | undefined {
    return this.connection.channel?.local;
  }

  /** undefined: not connected, or there is no server. */
  get remoteAddress(): HostPort | undefined {
    return this.options.target ? this.connection.channel?.remote : undefined;
  }

  /** Messages repeated, repetitions absorbed (UDP). */
  get repetitions(): { repeated: number; absorbed: number } {
    return this.path.repetitions;
  }

  isConnected(): boolean {
    return this.current === 'Connected';
  }

  /** Resolves when connected; rejects with a sentence for people when this attempt failed: others follow until `disconnect()`. */
  connect(): Promise<void> {
    this.refuseLoop('connect');
    return this.connection.open();
  }

  disconnect(): Promise<void> {
    this.refuseLoop('disconnect');
    const told = this.connection.isWanted;
    this.connection.close();
    this.path.close();
    if (this.current !== 'Disconnected') {
      this.transition('Disconnecting');
      this.transition('Disconnected');
    }
    if (told) this.tell({ event: 'disconnected', problem: null, retryMs: null, lasting: false });
    return Promise.resolve();
  }

  dispose(): Promise<void> {
    return this.disconnect();
  }

  /** The network has changed: what was open is closed and opened anew at once, from whatever address we have now. */
  replaceChannel(): void {
    if (!this.connection.isWanted) return;
    this.path.dropOthers();
    this.connection.replace();
  }

  /** Resolves when the message was handed to a channel, which is not yet a word about its arrival. Rejects with a sentence for people. */
  send(text: string): Promise<void> {
    return this.path.send(text);
  }

  private opened(channel: Channel): void {
    const { protocol, local, remote } = channel;
    this.path.mainOpened(channel);
    this.transition('Connected');
    this.tell({ event: 'connected', protocol, local, remote });
  }

  private lost({ problem, retryMs, lasting }: Loss): void {
    this.transition('Disconnected', new Error(problem));
    this.tell({ event: 'disconnected', problem, retryMs, lasting });
  }

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

  private warn(text: string): void {
    this.options.logger?.warn(text);
  }
}
