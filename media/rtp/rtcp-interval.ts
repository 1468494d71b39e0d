/**
 * When the next report is due (RFC 3550 §6.3, appendix A.7), for a session of two.
 *
 * Nobody knows how many parties the far end speaks for, so the general rule stays: 5 % of the session's bandwidth, never more often than every
 * 5 s (half of that at first), drawn between half and one and a half times, and drawn anew when the time has come (reconsideration), for which
 * the division by e - 3/2 makes up.
 */

const MINIMUM_MS = 5000;
const COMPENSATION = Math.E - 1.5;
const RTCP_SHARE = 0.05;
const SENDER_SHARE = 0.25;
/** UDP and IPv4 headers, which count. */
const LOWER_LAYERS = 28;
const FIRST_PACKET = 100;

export class RtcpInterval {
  private initial = true;
  private lastMs: number;
  private nextMs: number;
  private members = 1;
  private averageBytes = FIRST_PACKET + LOWER_LAYERS;
  private senders = 0;
  private weSend = false;

  /** @param bandwidthBps of the session's RTP in both directions */
  constructor(
    private readonly random: () => number,
    private readonly bandwidthBps: number,
    nowMs: number,
  ) {
    this.lastMs = nowMs;
    this.nextMs = nowMs + this.draw();
  }

  get dueMs(): number {
    return this.nextMs;
  }

  /** Who is there: the peer once it was heard of; who of the two sent since two reports ago. */
  population(peer: boolean, peerSends: boolean, weSend: boolean): void {
    this.members = peer ? 2 : 1;
    this.senders = (peerSends ? 1 : 0) + (weSend ? 1 : 0);
    this.weSend = weSend;
  }

  /** Any RTCP packet, sent or received. */
  sized(bytes: number): void {
    this.averageBytes += (bytes + LOWER_LAYERS - this.averageBytes) / 16;
  }

  /** The time has come: whether to send. If not, `dueMs` is later now (§6.3.6). */
  reconsider(nowMs: number): boolean {
    if (nowMs < this.nextMs) return false;
    const next = this.lastMs + this.draw();
    if (next <= nowMs) return true;
    this.nextMs = next;
    return false;
  }

  sent(nowMs: number): void {
    this.lastMs = nowMs;
    this.initial = false;
    this.nextMs = nowMs + this.draw();
  }

  /** The peer has left (§6.3.4, reverse reconsideration): what remains of the wait shrinks with the membership. */
  left(nowMs: number): void {
    if (this.members < 2) return;
    this.nextMs = nowMs + (this.nextMs - nowMs) / 2;
    this.lastMs = nowMs - (nowMs - this.lastMs) / 2;
    this.members = 1;
    this.senders = this.weSend ? 1 : 0;
  }

  stop(): void {
    this.nextMs = Infinity;
  }

  /** A.7's rtcp_interval, ms. */
  private draw(): number {
    let bytesPerMs = (this.bandwidthBps * RTCP_SHARE) / 8000;
    let n = this.members;
    if (this.senders <= n * SENDER_SHARE) {
      bytesPerMs *= this.weSend ? SENDER_SHARE : 1 - SENDER_SHARE;
      n = this.weSend ? this.senders : n - this.senders;
    }
    const interval = Math.max((this.averageBytes * n) / bytesPerMs, this.initial ? MINIMUM_MS / 2 : MINIMUM_MS);
    return (interval * (this.random() + 0.5)) / COMPENSATION;
  }
}
