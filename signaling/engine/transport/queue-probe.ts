/**
 * How long a datagram waits before we read it. Nothing tells: it waits in the kernel, and whatever of ours is looked at is on time. So now and then
 * one is sent to ourselves, which has to wait behind the others.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../clock';

/** A probe that has not come back for so long is lost: the socket's buffer was full. */
const LOST_MS = 2_000;
/** Four random bytes that nobody else knows, behind a zero: no SIP message and no STUN begins with it and is as short. */
const TOKEN_BYTES = 4;

export class QueueProbe {
  private readonly datagram = Buffer.concat([Buffer.alloc(1), randomBytes(TOKEN_BYTES)]);
  private sentAt: number | undefined;
  private last = 0;

  constructor(
    private readonly clock: Clock,
    private readonly send: (datagram: Buffer) => void,
  ) {}

  /** Milliseconds that the last probe waited, or one has been waiting. Asking sends the next one. */
  waited(): number {
    const now = this.clock.now();
    const waiting = this.sentAt === undefined ? 0 : now - this.sentAt;
    if (this.sentAt === undefined || waiting >= LOST_MS) {
      this.sentAt = now;
      this.send(this.datagram);
    }
    return Math.max(this.last, waiting);
  }

  /** True: this was the probe. */
  takes(data: Buffer): boolean {
    if (data.length !== this.datagram.length || !this.datagram.equals(data)) return false;
    if (this.sentAt !== undefined) this.last = this.clock.now() - this.sentAt;
    this.sentAt = undefined;
    return true;
  }
}
