/**
 * The beat of everything that makes sound: every 20 ms, reckoned from one start and never from "now plus 20".
 *
 *   time ──┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬──►
 *   slot   0   1   2   3   4   5   6   7   8   9   0         2 ms each
 *          a,b     c               d                a,b       who ticks when
 *
 * Work is spread over ten slots, so that two hundred calls are not all encoded in the same millisecond while packets wait. After a stall the
 * missed ticks are run one after the other, up to `CATCH_UP` of them; what is older is left out, and whoever ticks is told how many,
 * since the clocks of its packets have gone on.
 */
import { FRAME_MS } from './frame';

export interface Ticking {
  /** @param skipped ticks that were left out before this one */
  tick(nowMs: number, skipped: number): void;
}

/** What the network's loop is to do besides packets. */
export interface Beat {
  /** When `run` is due next; Infinity: nothing to do. */
  readonly nextAt: number;
  run(nowMs: number): void;
}

const SLOTS = 10;
const SLOT_MS = FRAME_MS / SLOTS;
const CATCH_UP = 5;

interface Slot {
  members: Ticking[];
  weight: number;
  /** Number of the next tick of this slot. */
  next: number;
}

export class Metronome implements Beat {
  ticks = 0;
  /** Ticks that began more than one frame after their time. */
  late = 0;
  skipped = 0;
  /** Of the latest since `takeWorst`, ms. */
  private worst = 0;
  faults = 0;
  nextAt = Infinity;
  private readonly slots: Slot[] = Array.from({ length: SLOTS }, () => ({ members: [], weight: 0, next: 0 }));
  private readonly places = new Map<Ticking, { slot: Slot; weight: number }>();

  constructor(
    private readonly startMs: number,
    /** Hears of what a member threw; the others tick on. */
    private readonly onFault: (err: unknown) => void,
  ) {}

  /** Ticks from now on, in the slot with the least to do. `weight`: in any unit that all members share. Adding again changes nothing. */
  add(member: Ticking, nowMs: number, weight = 1): void {
    if (this.places.has(member)) return;
    let slot = this.slots[0]!;
    for (const other of this.slots) if (other.weight < slot.weight) slot = other;
    if (slot.members.length === 0) slot.next = this.tickAfter(slot, nowMs);
    slot.members.push(member);
    slot.weight += weight;
    this.places.set(member, { slot, weight });
    this.aim();
  }

  /** Its work has changed: whoever comes next is placed by it. */
  weigh(member: Ticking, weight: number): void {
    const place = this.places.get(member);
    if (!place) return;
    place.slot.weight += weight - place.weight;
    place.weight = weight;
  }

  remove(member: Ticking): void {
    const place = this.places.get(member);
    if (!place) return;
    this.places.delete(member);
    place.slot.weight -= place.weight;
    // a new list, since the old one may be being walked
    place.slot.members = place.slot.members.filter((other) => other !== member);
    this.aim();
  }

  private timeOf(slot: Slot, tick: number): number {
    return this.startMs + this.slots.indexOf(slot) * SLOT_MS + tick * FRAME_MS;
  }

  private tickAfter(slot: Slot, nowMs: number): number {
    return Math.ceil((nowMs - this.timeOf(slot, 0)) / FRAME_MS);
  }

  private aim(): void {
    let next = Infinity;
    for (let i = 0; i < SLOTS; i++) {
      const slot = this.slots[i]!;
      if (slot.members.length === 0) continue;
      const at = this.startMs + i * SLOT_MS + slot.next * FRAME_MS;
      if (at < next) next = at;
    }
    this.nextAt = next;
  }

  run(nowMs: number): void {
    while (this.nextAt <= nowMs) {
      for (let i = 0; i < SLOTS; i++) {
        const slot = this.slots[i]!;
        if (slot.members.length === 0) continue;
        const at = this.startMs + i * SLOT_MS + slot.next * FRAME_MS;
        if (at === this.nextAt) this.beat(slot, nowMs - at, nowMs);
      }
      this.aim();
    }
  }

  private beat(slot: Slot, lateMs: number, nowMs: number): void {
    const missed = Math.floor(lateMs / FRAME_MS);
    const skipped = missed > CATCH_UP ? missed - CATCH_UP : 0;
    slot.next += skipped + 1;
    const { members } = slot;
    if (lateMs > FRAME_MS) this.late += members.length;
    if (lateMs > this.worst) this.worst = lateMs;
    this.skipped += skipped * members.length;
    this.ticks += members.length;
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      if (members !== slot.members && !this.places.has(member)) continue; // removed by one before it
      try {
        member.tick(nowMs, skipped);
      } catch (err) {
        this.faults++;
        this.onFault(err);
      }
    }
  }

  get members(): number {
    return this.places.size;
  }

  /** How late the latest tick began since this was last asked, ms. */
  takeWorst(): number {
    const { worst } = this;
    this.worst = 0;
    return worst;
  }
}
