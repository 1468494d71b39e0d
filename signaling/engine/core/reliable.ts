/**
 * Reliable provisional responses, our side sending (RFC 3262 §3): numbered with RSeq, one at a time, sent again until its PRACK comes.
 * A 2xx waits while an unacknowledged one carries a session description.
 */
import type { Clock, Timer } from '../../clock';
import type { SipRequest, SipResponse } from '../wire/message';

interface Waiting {
  rseq: number;
  response: SipResponse;
}

export class ReliableSender {
  private rseq: number;
  private readonly queue: Waiting[] = [];
  private heldAnswer: (() => void) | undefined;
  private timer: Timer | undefined;
  private interval = 0;
  private deadline = 0;

  constructor(
    private readonly clock: Clock,
    private readonly t1: number,
    firstRSeq: number,
    /** CSeq number of the INVITE. */
    private readonly seq: number,
    private readonly events: { transmit(response: SipResponse): void; repeated(): void; unacknowledged(): void },
  ) {
    this.rseq = firstRSeq;
  }

  /** Numbers the response and sends it, or queues it behind one that has no PRACK yet. */
  send(response: SipResponse): void {
    const rseq = this.rseq++;
    response.headers.append('RSeq', String(rseq));
    this.queue.push({ rseq, response });
    if (this.queue.length === 1) this.transmitFirst();
  }

  /** Runs `answer` now, or when no session description waits for its PRACK any more. */
  beforeAnswer(answer: () => void): void {
    if (this.queue.some((waiting) => waiting.response.body.length > 0)) this.heldAnswer = answer;
    else answer();
  }

  /** False: it acknowledges nothing we sent (RFC 3262 §3: 481). */
  acknowledge(prack: SipRequest): boolean {
    const rack = /^(\d+)\s+(\d+)\s+INVITE$/.exec(prack.headers.get('rack') ?? '');
    const first = this.queue[0];
    if (!rack || !first || Number(rack[1]) !== first.rseq || Number(rack[2]) !== this.seq) return false;
    this.timer?.cancel();
    this.queue.shift();
    if (this.queue.length > 0) this.transmitFirst();
    const answer = this.heldAnswer;
    if (answer && this.queue.every((waiting) => waiting.response.body.length === 0)) {
      this.heldAnswer = undefined;
      answer();
    }
    return true;
  }

  stop(): void {
    this.timer?.cancel();
    this.queue.length = 0;
    this.heldAnswer = undefined;
  }

  private transmitFirst(): void {
    this.interval = this.t1;
    this.deadline = this.clock.now() + 64 * this.t1;
    this.events.transmit(this.queue[0]!.response);
    this.timer = this.clock.after(this.interval, () => this.tick());
  }

  private tick(): void {
    const first = this.queue[0];
    if (!first) return;
    if (this.clock.now() >= this.deadline) {
      this.stop();
      this.events.unacknowledged();
      return;
    }
    this.events.repeated();
    this.events.transmit(first.response);
    this.interval *= 2;
    this.timer = this.clock.after(Math.min(this.interval, this.deadline - this.clock.now()), () => this.tick());
  }
}

/** Whether a message's Supported or Require names an option (RFC 3261 §19.2). */
export function namesOption(message: SipRequest | SipResponse, header: 'supported' | 'require', option: string): boolean {
  return message.headers.getList(header).some((one) => one.toLowerCase() === option);
}
