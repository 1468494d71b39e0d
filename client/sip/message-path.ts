/**
 * What becomes of a message between sip.js and the network: where it goes, our address in it, challenges that sip.js can read, repetitions over UDP.
 *
 *     sip.js ─► address out ─► way (which channel, where to; too large for UDP: TCP) ─► [udp transactions] ─► channel
 *     sip.js ◄─ address in, Via stamped, challenges in ◄─ [udp transactions] ◄─ channel
 */
import type { Clock } from '../clock';
import { errorText } from '../error-text';
import { challengesIn } from './challenges';
import type { Channel, HostPort, OpenChannel, Target } from './channel';
import { LargeRequests } from './large-requests';
import { applyEdits, readHead, topVia, type MessageHead } from './message-text';
import { OwnAddress, stampVia, type SentBy } from './own-address';
import { UdpTransactions } from './udp-transactions';
import { Ways, type Way } from './ways';

export interface MessagePathOptions {
  /** The server; undefined: none, each request goes to whoever it names, over UDP unless its URI says otherwise. */
  target: Target | undefined;
  open: OpenChannel;
  clock: Clock;
  /** The channel to the server, or for whoever is called; undefined: there is none just now, and nothing passes. */
  main(): Channel | undefined;
  /** A message as sip.js takes it. */
  deliver(text: string): void;
  warn(text: string): void;
  /** Every message as it is on the wire. */
  trace?: ((line: { out: boolean; text: string }) => void) | undefined;
}

export class MessagePath {
  private readonly transactions: UdpTransactions;
  private readonly ways: Ways;
  private readonly large: LargeRequests;
  private readonly own = new OwnAddress();

  constructor(private readonly options: MessagePathOptions) {
    const { target, clock, open } = options;
    this.transactions = new UdpTransactions({ clock, send: (text, to) => this.transmit(options.main(), text, to) });
    this.ways = new Ways({
      target,
      clock,
      open,
      received: (channel, text, from) => this.received(channel, text, from),
      lost: (channel) => this.detourLost(channel),
      warn: (text) => options.warn(text),
    });
    this.large = new LargeRequests(clock, (place) => this.ways.stream(place));
  }

  /** Messages repeated, repetitions absorbed (UDP). */
  get repetitions(): { repeated: number; absorbed: number } {
    return { ...this.transactions.counts };
  }

  /** `main` is another channel from now on. */
  mainOpened({ local }: Channel): void {
    if (local) this.own.use(local);
  }

  /** Resolves when the message was handed to a channel, which is not yet a word about its arrival. Rejects with a sentence for people. */
  async send(text: string): Promise<void> {
    const main = this.options.main();
    if (!main) throw new Error('There is no connection to send this over.');
    const head = readHead(text);
    if (!head) throw new Error('That is not a SIP message.');
    const found = this.ways.find(head, main);
    // Only what has to be looked up is waited for: everything else keeps its order.
    const way = found instanceof Promise ? await found : found;
    const large = head.method !== undefined && !way.channel.reliable ? this.large.instead(this.written(head, way), way) : undefined;
    const stream = large && (await large);
    if (large && !this.options.main()) throw new Error('The connection was lost before this could be sent.');
    this.sendBy(stream ?? way, head, way);
    if (stream) this.large.sent(head, stream.channel, way);
  }

  /** Something came over `channel`. */
  received(channel: Channel, text: string, from: HostPort | undefined): void {
    const { warn, main, deliver, trace } = this.options;
    trace?.({ out: false, text });
    const head = readHead(text);
    if (!head) {
      warn('Something that is no SIP message was dropped.');
      return;
    }
    if (!channel.reliable && !this.transactions.incoming(head)) return;
    this.large.answered(head);
    const edits = [...this.own.in(head), ...challengesIn(head)];
    const via = head.method === undefined ? undefined : topVia(head);
    if (via) {
      edits.push(stampVia(text, via, from ?? channel.remote));
      this.ways.cameOver(via, channel);
    }
    // sip.js takes nothing while it believes to be disconnected (its state machine says so), which lasts as long as this loop turn at most.
    if (!main()) return;
    try {
      deliver(applyEdits(text, edits));
    } catch (error) {
      // What one message does must not take the connection with it.
      warn(`A message could not be dealt with: ${errorText(error)}`);
    }
  }

  /** Keeps open what leads to others than the server. */
  ping(): void {
    this.ways.ping();
  }

  /** The network has changed: what led to others than the server leads nowhere any more. */
  dropOthers(): void {
    this.ways.dropAll();
  }

  /** Nothing is repeated or waited for any more, and what led to others than the server is closed. What is sent later finds its way again. */
  close(): void {
    this.transactions.clear();
    this.large.clear();
    this.ways.close();
  }

  /** Without a connection to the server it is lost; the agent is told of that. */
  private detourLost(channel: Channel): void {
    for (const { head, udp } of this.large.lost(channel)) if (udp.channel === this.options.main()) this.sendBy(udp, head, udp);
  }

  /** As it goes by `way`; `reached`: how we are reached, for the Contact. */
  private written(head: MessageHead, way: Way, reached = way): string {
    return applyEdits(head.text, this.own.out(head, sentByOf(way), { protocol: reached.channel.protocol, address: reached.local }));
  }

  private sendBy(way: Way, head: MessageHead, reached: Way): void {
    const sentBy = sentByOf(way);
    if (sentBy.address) this.own.use(sentBy.address);
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
}

/** What the Via says. */
const sentByOf = (way: Way): SentBy => way.sentBy ?? { protocol: way.channel.protocol, address: way.local };
