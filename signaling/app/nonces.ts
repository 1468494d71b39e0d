/**
 * Digest nonces that expire, belong to the source they were given to, and cannot be used twice (RFC 7616 §5.4, §5.12).
 *
 *   nonce = base64url( time (6 bytes, ms) | number (6 bytes) | HMAC-SHA256 of both and the source, first 12 bytes )
 *
 * Handing one out keeps nothing in memory, so unauthenticated requests cost none. Only a nonce that proved a password
 * gets a record: the highest nonce count and which of the 32 before it came (requests sent at once may overtake each
 * other). The table is bounded. When a record has to go, the watermark rises to its number: a nonce numbered below the
 * watermark and without a record is stale for ever, so an evicted nonce cannot be played again.
 *
 * The source is part of the nonce so that only somebody who received our challenge can answer it: a sender of forged
 * source addresses can neither try passwords nor have others locked out for him.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../clock';

export interface NonceOptions {
  /** How long a nonce is good for. */
  lifetimeMs: number;
  /** Records of used nonces. */
  max: number;
}

export type NonceVerdict = 'ok' | 'stale' | 'replay';

/** A nonce whose origin is proved. */
export interface NonceTicket {
  readonly number: number;
  readonly expiresAt: number;
}

interface Used {
  expiresAt: number;
  /** Highest count seen; Infinity when the nonce was used without counting, which is good for one request. */
  highest: number;
  /** Bit i: count `highest - i` was seen. */
  seen: number;
}

const headBytes = 12;
const macBytes = 12;
const window = 32;
const nonceLength = Math.ceil(((headBytes + macBytes) * 4) / 3);

export class Nonces {
  private readonly secret: Buffer;
  private readonly used = new Map<number, Used>();
  private next = 1;
  private watermark = 0;
  private evicted = 0;

  constructor(
    private readonly options: NonceOptions,
    private readonly deps: { clock: Clock; random: Random },
  ) {
    this.secret = deps.random(32);
  }

  /** A new nonce for `source`: 32 characters of base64url. */
  issue(source: string): string {
    const head = Buffer.allocUnsafe(headBytes + macBytes);
    head.writeUIntBE(Math.floor(this.deps.clock.now()), 0, 6);
    head.writeUIntBE(this.next++, 6, 6);
    this.mac(head, source).copy(head, headBytes, 0, macBytes);
    return head.toString('base64url');
  }

  /** The nonce's ticket when it is ours, was given to `source` and is in time. */
  open(nonce: string, source: string): NonceTicket | undefined {
    if (nonce.length !== nonceLength) return undefined;
    const bytes = Buffer.from(nonce, 'base64url');
    if (bytes.length !== headBytes + macBytes) return undefined;
    if (!timingSafeEqual(this.mac(bytes, source).subarray(0, macBytes), bytes.subarray(headBytes))) return undefined;
    const expiresAt = bytes.readUIntBE(0, 6) + this.options.lifetimeMs;
    return expiresAt > this.deps.clock.now() ? { number: bytes.readUIntBE(6, 6), expiresAt } : undefined;
  }

  /** Whether the nonce may be used with this count (or without any). Changes nothing. */
  check(ticket: NonceTicket, nc: number | undefined): NonceVerdict {
    const used = this.used.get(ticket.number);
    if (!used) return ticket.number > this.watermark ? 'ok' : 'stale';
    return isNew(used, nc) ? 'ok' : 'replay';
  }

  /** Like `check`, and notes that the nonce (and count) is used. Call it once the password is proved. */
  accept(ticket: NonceTicket, nc: number | undefined): NonceVerdict {
    const verdict = this.check(ticket, nc);
    if (verdict !== 'ok') return verdict;
    const used = this.used.get(ticket.number);
    if (used) note(used, nc as number);
    else this.keep(ticket.number, { expiresAt: ticket.expiresAt, highest: nc ?? Infinity, seen: 1 });
    return 'ok';
  }

  stats(): { used: number; issued: number; evicted: number } {
    return { used: this.used.size, issued: this.next - 1, evicted: this.evicted };
  }

  private mac(bytes: Buffer, source: string): Buffer {
    return createHmac('sha256', this.secret).update(bytes.subarray(0, headBytes)).update(source).digest();
  }

  private keep(number: number, used: Used): void {
    const now = this.deps.clock.now();
    // in order of first use, which is nearly the order of expiry: what is left behind goes one lifetime later
    for (const [old, { expiresAt }] of this.used) {
      if (expiresAt > now) break;
      this.used.delete(old);
    }
    while (this.used.size > 0 && this.used.size >= this.options.max) {
      const oldest = this.used.keys().next().value as number;
      this.used.delete(oldest);
      this.watermark = Math.max(this.watermark, oldest);
      this.evicted++;
    }
    this.used.set(number, used);
  }
}

function isNew(used: Used, nc: number | undefined): boolean {
  if (nc === undefined) return false;
  if (nc > used.highest) return true;
  const behind = used.highest - nc;
  return behind < window && ((used.seen >>> behind) & 1) === 0;
}

function note(used: Used, nc: number): void {
  if (nc > used.highest) {
    const ahead = nc - used.highest;
    used.seen = ahead >= window ? 1 : (used.seen << ahead) | 1;
    used.highest = nc;
  } else {
    used.seen |= 1 << (used.highest - nc);
  }
}
