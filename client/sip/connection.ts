/**
 * The connection to the server, for as long as it is wanted: opened, kept alive (`keep-alive.ts`), and when it is lost, opened anew after a
 * pause that grows (`back-off.ts`).
 *
 *     (nothing) ──open()──► opening ──► channel ──lost──► waiting ──back-off──► opening …
 *         ▲                    │           │                 │
 *         └───── close() ──────┴───────────┴─────────────────┘
 */
import { BackOff } from '../back-off';
import type { Chance, Clock, Timer } from '../clock';
import { errorText } from '../error-text';
import { LastingProblem, type Channel, type HostPort, type OpenChannel, type Target } from './channel';
import { KeepAlive } from './keep-alive';

/** Nobody waits longer for the next try. */
const LAST_RETRY_MS = 30_000;
const FIRST_RETRY_MS = 500;
/** How long one attempt to connect may take. */
export const CONNECT_TIMEOUT_MS = 10_000;

export interface Loss {
  /** For people. */
  problem: string;
  /** Until the next try. */
  retryMs: number;
  /** As of LastingProblem. */
  lasting: boolean;
}

export interface ConnectionOptions {
  /** The server; undefined: none, the channel is for whoever is called. */
  target: Target | undefined;
  open: OpenChannel;
  clock: Clock;
  chance: Chance;
  opening(): void;
  opened(channel: Channel): void;
  /** The channel, or the attempt to have one, failed; it is tried again. */
  lost(loss: Loss): void;
  message(channel: Channel, text: string, from: HostPort | undefined): void;
  /** The server was pinged: the time to keep open whatever else there is. */
  pinged(): void;
}

export class Connection {
  private readonly backOff: BackOff;
  private readonly keepAlive: KeepAlive;
  private present: Channel | undefined;
  private wanted = false;
  private work: Promise<void> | undefined;
  private attempt: AbortController | undefined;
  private retry: Timer | undefined;

  constructor(private readonly options: ConnectionOptions) {
    const { clock, chance } = options;
    this.backOff = new BackOff(chance, { firstMs: FIRST_RETRY_MS, mostMs: LAST_RETRY_MS });
    this.keepAlive = new KeepAlive({ clock, chance, pinged: () => options.pinged(), silent: () => this.lose('the server has stopped answering') });
  }

  /** undefined: there is none just now. */
  get channel(): Channel | undefined {
    return this.present;
  }

  /** Whether it is to be there: one that is lost is made again. */
  get isWanted(): boolean {
    return this.wanted;
  }

  /** Resolves when connected; rejects with a sentence for people when this attempt failed: others follow until `close()`. */
  open(): Promise<void> {
    this.wanted = true;
    if (this.present) return Promise.resolve();
    if (this.work) return this.work;
    this.stopWaiting();
    return this.start();
  }

  /** Idempotent. Nothing is told of it. */
  close(): void {
    this.wanted = false;
    this.stopWaiting();
    this.giveUp('it was given up');
    this.dropChannel();
  }

  /** The network has changed: what was open is closed and opened anew at once, from whatever address we have now. */
  replace(): void {
    if (!this.wanted) return;
    this.backOff.reset();
    this.stopWaiting();
    this.giveUp('the network has changed');
    this.lose('the network has changed', { retryMs: 0 });
  }

  private start(): Promise<void> {
    this.options.opening();
    const attempt = new AbortController();
    this.attempt = attempt;
    const late = this.options.clock.after(CONNECT_TIMEOUT_MS, () => attempt.abort(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} seconds`)));
    const work = this.openChannel(attempt).finally(() => late.cancel());
    this.work = work;
    return work;
  }

  private async openChannel(attempt: AbortController): Promise<void> {
    let channel: Channel | undefined;
    let early: string | undefined;
    const isPresent = (): boolean => channel !== undefined && this.present === channel;
    try {
      channel = await this.options.open(
        this.options.target ?? { protocol: 'UDP', host: '' },
        {
          message: (text, from) => {
            if (!channel || !isPresent()) return;
            this.backOff.reset();
            this.options.message(channel, text, from);
          },
          pong: () => {
            if (!isPresent()) return;
            this.backOff.reset();
            this.keepAlive.ponged();
          },
          closed: (problem) => {
            early = problem;
            if (isPresent()) this.lose(problem);
          },
        },
        attempt.signal,
      );
      if (early !== undefined) throw new Error(early);
    } catch (error) {
      const problem = errorText(error);
      // Given up or replaced: whoever did so has seen to the rest.
      if (this.attempt === attempt) {
        this.attempt = undefined;
        this.lose(problem, { lasting: error instanceof LastingProblem });
      }
      throw new Error(problem);
    }
    if (this.attempt !== attempt) {
      channel.close();
      throw new Error('The connection is not wanted any more.');
    }
    this.attempt = undefined;
    this.present = channel;
    this.keepAlive.start(channel);
    this.options.opened(channel);
  }

  /** The channel, or the attempt to have one, failed: told, and tried again later. */
  private lose(problem: string, { retryMs = Math.round(Math.min(LAST_RETRY_MS, this.backOff.next())), lasting = false }: { retryMs?: number; lasting?: boolean } = {}): void {
    this.work = undefined;
    this.dropChannel();
    this.stopWaiting();
    this.retry = this.options.clock.after(retryMs, () => {
      this.retry = undefined;
      // Its failure is told by `lose` again.
      this.start().catch(() => undefined);
    });
    this.options.lost({ problem, retryMs, lasting });
  }

  private giveUp(why: string): void {
    this.attempt?.abort(new Error(why));
    this.attempt = undefined;
    this.work = undefined;
  }

  private stopWaiting(): void {
    this.retry?.cancel();
    this.retry = undefined;
  }

  private dropChannel(): void {
    this.keepAlive.stop();
    this.present?.close();
    this.present = undefined;
  }
}
