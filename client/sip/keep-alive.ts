/**
 * Pings that keep the way through a NAT open, and that notice when nobody is there any more (RFC 5626 §4.4.1).
 *
 * Not every server answers them: one that never has is not taken for dead when it is silent.
 */
import type { Chance, Clock, Timer } from '../clock';
import type { Channel } from './channel';

/** Pings at 25 to 30 s; whoever does not answer within 10 s is gone. */
const PING_MIN_MS = 25_000;
const PING_SPREAD_MS = 5_000;
const PONG_WITHIN_MS = 10_000;
/** The first ping comes early, to learn whether this server answers them at all. */
const FIRST_PING_MS = 1_000;

export interface KeepAliveOptions {
  clock: Clock;
  chance: Chance;
  /** The channel was just pinged: the time for whatever else is to be kept open. */
  pinged(): void;
  /** A server that has answered before does not any more. */
  silent(): void;
}

export class KeepAlive {
  private channel: Channel | undefined;
  private nextPing: Timer | undefined;
  private pongDue: Timer | undefined;
  /** Whether the server is known to answer pings. */
  private answers = false;

  constructor(private readonly options: KeepAliveOptions) {}

  /** Of this channel, and of no other, until `stop`. */
  start(channel: Channel): void {
    this.stop();
    this.channel = channel;
    // RFC 6455 §5.5.3: a WebSocket's far end always answers.
    this.answers = channel.protocol === 'WS' || channel.protocol === 'WSS';
    this.schedule(channel.reliable ? FIRST_PING_MS : this.interval());
  }

  ponged(): void {
    this.answers = true;
    this.pongDue?.cancel();
    this.pongDue = undefined;
  }

  /** Idempotent. */
  stop(): void {
    this.channel = undefined;
    this.nextPing?.cancel();
    this.pongDue?.cancel();
    this.nextPing = undefined;
    this.pongDue = undefined;
  }

  private interval(): number {
    return PING_MIN_MS + this.options.chance() * PING_SPREAD_MS;
  }

  private schedule(ms: number): void {
    this.nextPing = this.options.clock.after(ms, () => this.ping());
  }

  private ping(): void {
    const { channel } = this;
    if (!channel) return;
    channel.ping();
    this.options.pinged();
    // The ping itself may have found out that the channel is gone.
    if (this.channel !== channel) return;
    if (channel.reliable && this.answers) {
      this.pongDue = this.options.clock.after(PONG_WITHIN_MS, () => {
        this.pongDue = undefined;
        this.options.silent();
      });
    }
    this.schedule(this.interval());
  }
}
