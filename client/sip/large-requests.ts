/**
 * Requests that are too large for UDP (RFC 3261 §18.1.1): a datagram beyond the path's MTU comes in pieces, of which one that is lost, or that a
 * firewall does not like, is the loss of all. They go over TCP to the same place; where none is to be had there, over UDP all the same.
 *
 * A connection that breaks while a request of it has not been heard of: the request goes over UDP at once, as TCP would never bring its answer.
 *
 * Via then says TCP, Contact stays what it was: the connection is for this transaction, and everybody reaches us as before. Answers of ours go
 * where RFC 3261 §18.2.2 sends them, however large.
 */
import type { Clock, Timer } from '../clock';
import type { Channel, HostPort, Target } from './channel';
import { cseq, topVia, type MessageHead } from './message-text';
import { sentByKey } from './own-address';
import type { Way } from './ways';

/** "Larger than 1300 bytes and the path MTU is unknown"; here it is. */
export const MAX_UDP_REQUEST_BYTES = 1300;
/** Most places without TCP refuse at once; one that says nothing must not keep a call waiting. */
const PATIENCE_MS = 2_000;
/** For so long a place that refused is not asked again. */
const REFUSED_MS = 10 * 60_000;
const MAX_REMEMBERED = 64;

interface Waiting {
  channel: Channel;
  head: MessageHead;
  /** As it goes over UDP. */
  udp: Way;
}

export class LargeRequests {
  /** Requests over TCP that nothing has been heard of, by branch and method. */
  private readonly waiting = new Map<string, Waiting>();
  /** Until when, by place. */
  private readonly refused = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly connect: (target: Target) => Promise<Channel>,
  ) {}

  /** The way for a request of this text that would go over UDP by `way`; undefined: that way. Never rejects. */
  instead(text: string, way: Way): Promise<Way | undefined> | undefined {
    // What belongs to an INVITE goes where that went (§9.1, §17.1.1.3).
    if (way.sentBy) return undefined;
    const place = way.to ?? way.channel.remote;
    const until = this.refused.get(sentByKey(place.host, place.port));
    if (new TextEncoder().encode(text).length <= MAX_UDP_REQUEST_BYTES || (until !== undefined && this.clock.now() < until)) return undefined;
    return this.stream(place);
  }

  /** It went over `channel` instead of by `udp`. An ACK is never answered. */
  sent(head: MessageHead, channel: Channel, udp: Way): void {
    const key = keyOf(head);
    if (key === undefined || head.method === 'ACK') return;
    this.waiting.delete(key);
    this.waiting.set(key, { channel, head, udp });
    for (const oldest of this.waiting.keys()) {
      if (this.waiting.size <= MAX_REMEMBERED) break;
      this.waiting.delete(oldest);
    }
  }

  /** An answer: whoever sent it has the request. */
  answered(head: MessageHead): void {
    const key = head.status === undefined ? undefined : keyOf(head);
    if (key !== undefined) this.waiting.delete(key);
  }

  /** What is to be sent over UDP now, as `channel` has ended. */
  lost(channel: Channel): Array<{ head: MessageHead; udp: Way }> {
    const left = [...this.waiting].filter(([, one]) => one.channel === channel);
    for (const [key] of left) this.waiting.delete(key);
    return left.map(([, { head, udp }]) => ({ head, udp }));
  }

  clear(): void {
    this.waiting.clear();
  }

  private async stream(place: HostPort): Promise<Way | undefined> {
    let timer: Timer | undefined;
    const late = new Promise<undefined>((resolve) => (timer = this.clock.after(PATIENCE_MS, () => resolve(undefined))));
    const opened = this.connect({ protocol: 'TCP', ...place }).catch(() => undefined);
    const channel = await Promise.race([opened, late]);
    timer?.cancel();
    if (channel) return { channel, to: undefined, local: channel.local };
    this.refused.set(sentByKey(place.host, place.port), this.clock.now() + REFUSED_MS);
    for (const oldest of this.refused.keys()) {
      if (this.refused.size <= MAX_REMEMBERED) break;
      this.refused.delete(oldest);
    }
    return undefined;
  }
}

/** RFC 3261 §17.1.3 */
const keyOf = (head: MessageHead): string | undefined => {
  const branch = topVia(head)?.branch;
  const method = head.method ?? cseq(head)?.method;
  return branch === undefined || method === undefined ? undefined : `${branch} ${method}`;
};
