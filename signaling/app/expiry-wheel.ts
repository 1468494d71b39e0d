/**
 * One timer for any number of deadlines: a wheel of one-second slots, each a doubly linked list that runs through the
 * entries themselves.
 *
 *   slot   0 · 1 · 2 → [a] ⇄ [b] · 3 · … · 4095 ↩        hand moves one slot a second
 *
 * A refresh moves an entry in constant time and leaves nothing behind, which a heap with lazy deletion would (a phone
 * that refreshes every minute for an hour leaves sixty dead entries). A deadline beyond one turn stays in its slot for
 * another. An entry is due up to one second late; who needs it exact compares `expiresAt`.
 */
import type { Clock, Timer } from '../clock';

/** What the wheel keeps in an entry; only the wheel writes it. `slot` is -1 while the entry is in no wheel. */
export interface WheelLink<T> {
  slot: number;
  previous: T | undefined;
  next: T | undefined;
}

export interface WheelEntry<T> extends WheelLink<T> {
  /** On Clock.now(). Must not change while the entry is in the wheel. */
  readonly expiresAt: number;
}

const tickMs = 1000;
const slots = 4096;

export class ExpiryWheel<T extends WheelEntry<T>> {
  private readonly heads: Array<T | undefined> = new Array<T | undefined>(slots).fill(undefined);
  private timer: Timer | undefined;
  private hand = 0;
  private count = 0;
  private closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly onExpired: (entry: T) => void,
  ) {}

  get size(): number {
    return this.count;
  }

  add(entry: T): void {
    if (this.count++ === 0) this.hand = this.ticks();
    const slot = Math.max(Math.ceil(entry.expiresAt / tickMs), this.hand + 1) % slots;
    const head = this.heads[slot];
    entry.slot = slot;
    entry.previous = undefined;
    entry.next = head;
    if (head) head.previous = entry;
    this.heads[slot] = entry;
    this.wind();
  }

  /** Takes an entry out; nothing happens when it is not in. */
  remove(entry: T): void {
    if (entry.slot < 0) return;
    if (entry.previous) entry.previous.next = entry.next;
    else this.heads[entry.slot] = entry.next;
    if (entry.next) entry.next.previous = entry.previous;
    entry.previous = entry.next = undefined;
    entry.slot = -1;
    this.count--;
  }

  /** Nothing expires any more. */
  close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Sets the timer to the next full second, so that nothing is late by more than one. */
  private wind(): void {
    if (this.closed || this.timer) return;
    const now = this.clock.now();
    this.timer = this.clock.after(Math.ceil((Math.floor(now / tickMs) + 1) * tickMs - now), this.turn);
  }

  private ticks(): number {
    return Math.floor(this.clock.now() / tickMs);
  }

  private readonly turn = (): void => {
    this.timer = undefined;
    const now = this.clock.now();
    const until = this.ticks();
    // after a long stall one full turn sees every slot
    if (until - this.hand > slots) this.hand = until - slots;
    while (this.hand < until) {
      const slot = ++this.hand % slots;
      for (const entry of this.due(slot, now)) {
        // what was told before may have taken this one out
        if (entry.slot !== slot) continue;
        this.remove(entry);
        this.onExpired(entry);
      }
    }
    if (this.count > 0) this.wind();
  };

  private due(slot: number, now: number): T[] {
    const due: T[] = [];
    for (let entry = this.heads[slot]; entry; entry = entry.next) if (entry.expiresAt <= now) due.push(entry);
    return due;
  }
}
