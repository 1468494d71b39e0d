/**
 * Latch, then lock: where packets are sent to, and whose packets are taken.
 *
 * SDP says where a peer believes it receives; behind a NAT that is not where its packets come from. So we send to the SDP
 * address until its first valid packet, then to where that came from, and after a while take packets from nowhere else:
 * whoever finds the port later can neither listen nor speak ("RTP bleed").
 *
 *   open ── packet from the SDP address ──────────────────────────────► locked
 *     └──── packet from elsewhere ──► tentative ── windowMs pass ─────► locked
 *                                       └── packet from a better place ► locked or tentative
 *
 * Better, best first: the SDP address and port; the SDP address with another port (a NAT that we share, or none); anywhere
 * else; the place that a re-INVITE just moved away from, whose last packets are still on their way: it is heard, but sent to only
 * once it has spoken for longer than those take. The window runs from the first packet and only while the SDP address is known:
 * before the answer nobody can be told from anybody.
 */
import { emptySockAddr, familyOf, formatSockAddr, isNowhere, sameHost, sameSockAddr, type SockAddr } from './address';

export const LATCH_WINDOW_MS = 3000;

/** Whoever still speaks from the place that SDP moved away from has not moved (a NAT before it). */
const LAST_PACKETS_MS = 500;

export type LatchState = 'open' | 'tentative' | 'locked';

/** Ranks of a source. */
const STALE = 0;
const ELSEWHERE = 1;
const SAME_HOST = 2;
const EXACT = 3;
/** No family has this number. */
const NONE = -1;

export class Latch {
  state: LatchState = 'open';
  /** How often the source was taken over: 1 for most, more when a better place was heard in the window or after a relatch. */
  moves = 0;
  private readonly expected = emptySockAddr();
  private hasExpected = false;
  private readonly source = emptySockAddr();
  private rank = STALE;
  private stale: SockAddr | undefined;
  private lockAt = Infinity;
  /** From when on a stale source is sent to after all; Infinity: it is. */
  private staysAt = Infinity;
  /** The words of a locked IPv4 source, here and not in an array: this is looked at for every packet. NONE: not IPv4, or not locked. */
  private word0 = NONE;
  private word1 = NONE;

  constructor(private readonly windowMs = LATCH_WINDOW_MS) {}

  /** Only the place that a re-INVITE moved away from was heard so far. */
  private get leaving(): boolean {
    return this.state === 'tentative' && this.rank === STALE && this.staysAt < Infinity;
  }

  /** Where to send to; undefined when nothing is known. */
  get target(): SockAddr | undefined {
    // The last packets from the place that was just left say nothing about where to send: two sides that both believed them would be silent for ever.
    if (this.state !== 'open' && !(this.leaving && this.hasExpected)) return this.source;
    return this.hasExpected ? this.expected : undefined;
  }

  /**
   * The SDP address (undefined: none, which also forgets the source). An address that cannot be sent to (0.0.0.0, port 0) counts as
   * none but leaves the source: it is how RFC 2543 phones hold a call.
   */
  expect(address: SockAddr | undefined, nowMs: number): void {
    if (address === undefined) {
      this.hasExpected = false;
      this.stale = undefined;
      this.open();
      return;
    }
    if (isNowhere(address)) {
      this.hasExpected = false;
      return;
    }
    const known = this.hasExpected;
    this.expected.set(address);
    this.hasExpected = true;
    if (this.state !== 'tentative') return;
    this.rank = this.rankOf(this.source);
    if (this.rank === EXACT) this.lock();
    else if (!known) this.lockAt = nowMs + this.windowMs;
  }

  /** Forgets the source. Call before `expect` with the new address, so that packets still coming from the old one rank last. */
  relatch(moved: boolean): void {
    if (this.state !== 'open') this.stale = moved ? this.source.slice() : undefined;
    this.open();
  }

  /** True when the address differs from the one expected so far. */
  wouldMove(address: SockAddr | undefined): boolean {
    return this.hasExpected && address !== undefined && !sameSockAddr(this.expected, address);
  }

  /** Whether a valid packet from there is the peer's. May latch on to it. */
  accept(from: SockAddr, nowMs: number): boolean {
    if (from[0] === this.word0 && from[1] === this.word1) return true;
    return this.consider(from, nowMs);
  }

  /** What `accept` would say, without its consequences: for packets whose authenticity is still to be found out. */
  wouldAccept(from: SockAddr, nowMs: number): boolean {
    if (from[0] === this.word0 && from[1] === this.word1) return true;
    if (this.state === 'open') return true;
    if (sameSockAddr(from, this.source)) return true;
    return this.state === 'tentative' && (nowMs < this.lockAt || this.leaving) && this.rankOf(from) > this.rank;
  }

  private consider(from: SockAddr, nowMs: number): boolean {
    if (this.state !== 'open' && sameSockAddr(from, this.source)) {
      if (this.leaving && nowMs >= this.staysAt) {
        this.staysAt = Infinity;
        this.moves++;
      }
      if (this.state === 'tentative' && nowMs >= this.lockAt) this.lock();
      return true;
    }
    if (this.state === 'locked') return false;
    if (this.state === 'tentative' && nowMs >= this.lockAt && !this.leaving) {
      this.lock();
      return false;
    }
    const rank = this.rankOf(from);
    if (this.state === 'tentative' && rank <= this.rank) return false;
    if (this.state === 'open') this.lockAt = this.hasExpected ? nowMs + this.windowMs : Infinity;
    this.source.set(from);
    this.rank = rank;
    this.staysAt = rank === STALE ? nowMs + LAST_PACKETS_MS : Infinity;
    this.moves++;
    if (rank === EXACT) this.lock();
    else this.state = 'tentative';
    return true;
  }

  private rankOf(from: SockAddr): number {
    if (this.hasExpected && sameSockAddr(from, this.expected)) return EXACT;
    if (this.stale && sameSockAddr(from, this.stale)) return STALE;
    return this.hasExpected && sameHost(from, this.expected) ? SAME_HOST : ELSEWHERE;
  }

  private lock(): void {
    this.state = 'locked';
    this.stale = undefined;
    this.lockAt = Infinity;
    if (familyOf(this.source) !== 4) return;
    this.word0 = this.source[0]!;
    this.word1 = this.source[1]!;
  }

  private open(): void {
    this.state = 'open';
    this.lockAt = Infinity;
    this.word0 = this.word1 = NONE;
  }

  /** The source packets are taken from, as text; null before the first. */
  get latched(): string | null {
    return this.state === 'open' ? null : formatSockAddr(this.source);
  }

  /** The SDP address as text. */
  get announced(): string | null {
    return this.hasExpected ? formatSockAddr(this.expected) : null;
  }
}
