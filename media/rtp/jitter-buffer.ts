/**
 * Packets as they come, in the order in which they were sent, on one line of time.
 *
 *   arrival ─► place (sequence, timestamp, SSRC) ─► ring of slots ─► next() ─► decoder
 *                        └─► transit ─► how long packets should wait (`delay-target.ts`)
 *
 * One line of time: sequence numbers and timestamps wrap, restart and change their clock and SSRC, and behind this door none of it is to
 * be seen: numbers are `extended` ones that only grow by what was sent, times are in 1/48 ms (the one unit that 8, 16 and 48 kHz share),
 * and a stream that starts anew goes on where the one before it stopped. Sequences are judged as in RFC 3550 appendix A.1.
 *
 * Nothing here reads a clock; nothing is allocated but a slot's octets when it is first used.
 */
import { DelayTarget, type DelayLimits } from './delay-target';
import { UNITS_PER_MS, UNITS_PER_SECOND } from './media-time';

/** What one read takes. */
export const READ_UNITS = 20 * UNITS_PER_MS;

/** A power of two; 20 ms packets for 2.5 s, 10 ms packets for 1.3 s. */
const SLOTS = 128;
const SLOT_BYTES = 1500;
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;
const FIRST = 1 << 20;

/** Nothing drains from a queue faster than its fastest packet: earlier by more than this after a gap is a timestamp that jumped. */
const TOO_EARLY = 40 * UNITS_PER_MS;
/** And later by more than this is a sender that stood still or began anew. */
const TOO_LATE = 1000 * UNITS_PER_MS;

export const enum SlotKind {
  Empty,
  Audio,
  /** A number that was taken by something that is not audio. */
  Skip,
}

/** A packet in its place. The slot belongs to the buffer and is used again after `take`. */
export interface Slot {
  kind: SlotKind;
  extended: number;
  /** Of its first sample, in 1/48 ms. */
  time: number;
  /** How long it lasts, in 1/48 ms; whoever knows its codec writes this after `insert`. 0: unknown. */
  duration: number;
  /** How much later than the fastest it came, ms. */
  lateMs: number;
  payloadType: number;
  marker: boolean;
  data: Uint8Array;
  length: number;
}

const NO_BYTES = new Uint8Array(0);

export class JitterBuffer {
  /** Came after their turn; dropped because there was no room or to catch up; seen before; restarts of the stream. */
  late = 0;
  discarded = 0;
  duplicate = 0;
  restarts = 0;
  /** The next number to be taken. */
  nextExtended = 0;
  private readonly slots: Slot[] = [];
  private readonly delay: DelayTarget;
  private started = false;
  private source = 0;
  /** RTP clock of the newest packet, Hz; 0 before the first. */
  clockRate = 0;
  private confirm = -1;
  private held = 0;

  private newestExtended = 0;
  private newestSequence = 0;
  private newestTimestamp = 0;
  private newestTime = 0;
  private newestArrival = 0;
  private duration = READ_UNITS;
  private grid = READ_UNITS;

  constructor(limits: DelayLimits) {
    for (let i = 0; i < SLOTS; i++) this.slots.push({ kind: SlotKind.Empty, extended: 0, time: 0, duration: 0, lateMs: 0, payloadType: 0, marker: false, data: NO_BYTES, length: 0 });
    this.delay = new DelayTarget(limits);
  }

  /**
   * A packet of `clockRate` arrived. Its payload is copied. Returns its slot, in which the caller writes `duration`; null when it came too
   * late, twice, too long or out of the blue.
   */
  insert(data: Uint8Array, offset: number, length: number, payloadType: number, sequence: number, timestamp: number, ssrc: number, marker: boolean, clockRate: number, nowMs: number): Slot | null {
    if (length > SLOT_BYTES) {
      this.discarded++;
      return null;
    }
    const slot = this.place(sequence, timestamp, ssrc, clockRate, nowMs, true);
    if (slot === null) return null;
    if (slot.data.length === 0) slot.data = new Uint8Array(SLOT_BYTES);
    slot.kind = SlotKind.Audio;
    slot.payloadType = payloadType;
    slot.marker = marker;
    slot.duration = this.duration;
    slot.length = length;
    const bytes = slot.data;
    for (let i = 0; i < length; i++) bytes[i] = data[offset + i] as number;
    this.held++;
    return slot;
  }

  /** A number that is no audio (RFC 4733 events share the sequence and keep the timestamp of their beginning). */
  skip(sequence: number, timestamp: number, ssrc: number, nowMs: number): void {
    if (!this.started) return;
    const slot = this.place(sequence, timestamp, ssrc, this.clockRate, nowMs, false);
    if (slot === null) return;
    slot.kind = SlotKind.Skip;
    slot.duration = 0;
    slot.length = 0;
    this.held++;
  }

  /** How long the newest packet lasts, once its codec was asked: what follows is expected in such steps. */
  lasts(slot: Slot, duration: number): void {
    slot.duration = duration;
    if (duration === this.duration || duration <= 0) return;
    this.duration = duration;
    this.grid = commonDivisor(duration, READ_UNITS);
  }

  /** The first packet there is, in the order of sending, from `nextExtended` on; null: none. */
  next(): Slot | null {
    if (this.held === 0) return null;
    for (let extended = this.nextExtended; extended <= this.newestExtended; extended++) {
      const slot = this.slots[extended & (SLOTS - 1)] as Slot;
      if (slot.kind !== SlotKind.Empty && slot.extended === extended) return slot;
    }
    return null;
  }

  /** Done with `slot` and with every number before it. */
  take(slot: Slot): void {
    slot.kind = SlotKind.Empty;
    this.held--;
    this.nextExtended = slot.extended + 1;
  }

  /** The reader had run dry when `slot` came, though it is played. The target shall know. */
  starvedFor(slot: Slot): void {
    this.delay.waitedFor(slot.lateMs);
  }

  /** Throws away what begins before `time`, as far as anything is left after it. Returns how many packets. */
  dropBefore(time: number): number {
    let dropped = 0;
    for (let slot = this.next(); slot !== null && slot.time < time && slot.extended < this.newestExtended; slot = this.next()) {
      if (slot.kind === SlotKind.Audio) dropped++;
      this.take(slot);
    }
    this.discarded += dropped;
    return dropped;
  }

  /**
   * The latest media time with which a read at `tickMs` may begin if packets as late as the target shall be in time for all reads that
   * follow. Reads take 20 ms, so what matters is where in a read packets begin: at best with it (20 ms packets: any one place in the read
   * does; of 10 ms packets a second one is needed as well; of 30 ms packets one begins in the middle of every other read).
   */
  latestStart(tickMs: number, reserveMs: number): number {
    const limit = tickMs * UNITS_PER_MS - this.delay.base - (this.delay.ms + reserveMs) * UNITS_PER_MS - (READ_UNITS - this.grid);
    const behind = (this.newestTime - limit) % this.grid;
    return behind === 0 ? limit : behind > 0 ? limit - (this.grid - behind) : limit + behind;
  }

  /** How long the fastest packets shall wait, ms. */
  get targetMs(): number {
    return this.delay.ms;
  }

  /** What a decoder that recovers from the next packet wants the target to be raised by, ms. */
  set extraMs(ms: number) {
    this.delay.extraMs = ms;
  }

  /** How long a packet that came without delay waits when a read at `tickMs` begins with media time `time`, ms. */
  delayMs(time: number, tickMs: number): number {
    return tickMs - (this.delay.base + time) / UNITS_PER_MS;
  }

  /** Of the newest packet, ms. */
  get durationMs(): number {
    return this.duration / UNITS_PER_MS;
  }

  /** Packets that wait. */
  get size(): number {
    return this.held;
  }

  /** When the newest packet came, ms; meaningless before the first. */
  get lastArrivalMs(): number {
    return this.newestArrival;
  }

  /** Lets go of what waits; what is known of the network stays. */
  clear(): void {
    for (const slot of this.slots) slot.kind = SlotKind.Empty;
    this.held = 0;
    this.nextExtended = this.newestExtended + 1;
  }

  /** The slot for a packet, or null when it has none. */
  private place(sequence: number, timestamp: number, ssrc: number, clockRate: number, nowMs: number, audio: boolean): Slot | null {
    if (!this.started) {
      this.started = true;
      this.newestExtended = FIRST - 1;
      this.nextExtended = FIRST;
      this.begin(sequence, timestamp, ssrc, clockRate, 0, 1, nowMs);
    } else if ((ssrc | 0) !== this.source) {
      this.goOn(sequence, timestamp, ssrc, clockRate, 1, nowMs);
    } else {
      const step = ((sequence - this.newestSequence) << 16) >> 16;
      if (step <= 0 && step > -MAX_MISORDER) return this.placeBehind(step, timestamp, clockRate, nowMs, audio);
      if (step > 0 && step < MAX_DROPOUT) {
        this.confirm = -1;
        if (!this.forward(step, sequence, timestamp, clockRate, nowMs, audio)) this.goOn(sequence, timestamp, ssrc, clockRate, step, nowMs);
      } else if (sequence === this.confirm) {
        this.goOn(sequence, timestamp, ssrc, clockRate, 1, nowMs);
      } else {
        // One number out of the blue is not believed (RFC 3550 A.1); the one after it would confirm it.
        this.confirm = (sequence + 1) & 0xffff;
        this.discarded++;
        return null;
      }
    }
    return this.occupy(this.newestExtended, this.newestTime);
  }

  /** In sequence. False: its timestamp cannot be of the same line. */
  private forward(step: number, sequence: number, timestamp: number, clockRate: number, nowMs: number, audio: boolean): boolean {
    if (!audio) {
      // An event's timestamp says when it began, which tells nothing about this packet's way.
      this.newestExtended += step;
      this.newestSequence = sequence;
      return true;
    }
    if (clockRate !== this.clockRate) return false;
    const ahead = ((timestamp - this.newestTimestamp) | 0) * (UNITS_PER_SECOND / clockRate);
    if (ahead <= 0) return false;
    const time = this.newestTime + ahead;
    const transit = nowMs * UNITS_PER_MS - time;
    if (transit < this.delay.base - TOO_EARLY && ahead > step * this.duration + READ_UNITS) return false;
    if (transit > this.delay.base + TOO_LATE) return false;
    this.newestExtended += step;
    this.newestSequence = sequence;
    this.newestTimestamp = timestamp;
    this.newestTime = time;
    this.newestArrival = nowMs;
    this.delay.measure(transit, nowMs, false);
    return true;
  }

  private placeBehind(step: number, timestamp: number, clockRate: number, nowMs: number, audio: boolean): Slot | null {
    const extended = this.newestExtended + step;
    const slot = this.slots[extended & (SLOTS - 1)] as Slot;
    if (slot.kind !== SlotKind.Empty && slot.extended === extended) {
      this.duplicate++;
      return null;
    }
    const behind = ((timestamp - this.newestTimestamp) | 0) * (UNITS_PER_SECOND / this.clockRate);
    // What was taken and what was given up look alike here; only the latter is late, but both are of no use any more.
    const late = extended < this.nextExtended;
    if (late && slot.extended === extended) {
      this.duplicate++;
      return null;
    }
    if (audio && (behind >= 0 || clockRate !== this.clockRate)) {
      this.discarded++;
      return null;
    }
    const time = this.newestTime + (audio ? behind : step * this.duration);
    if (audio) this.delay.measure(nowMs * UNITS_PER_MS - time, nowMs, late);
    if (late) {
      if (audio) this.late++;
      return null;
    }
    return this.occupy(extended, time);
  }

  private occupy(extended: number, time: number): Slot {
    const slot = this.slots[extended & (SLOTS - 1)] as Slot;
    if (slot.kind !== SlotKind.Empty) {
      // The ring is full: nobody reads, or everything came at once.
      if (slot.kind === SlotKind.Audio) this.discarded++;
      this.held--;
    }
    if (this.nextExtended <= extended - SLOTS) this.nextExtended = extended - SLOTS + 1;
    slot.extended = extended;
    slot.time = time;
    slot.lateMs = this.delay.lateMs;
    return slot;
  }

  /** Another stream, or the same one begun anew: it goes on after the newest packet, at once or as long after it as it came. */
  private goOn(sequence: number, timestamp: number, ssrc: number, clockRate: number, step: number, nowMs: number): void {
    this.restarts++;
    const contiguous = step * this.duration;
    const waited = Math.round((nowMs - this.newestArrival) * UNITS_PER_MS);
    const after = waited > contiguous + 100 * UNITS_PER_MS ? waited : contiguous;
    this.begin(sequence, timestamp, ssrc, clockRate, this.newestTime + after, step, nowMs);
  }

  private begin(sequence: number, timestamp: number, ssrc: number, clockRate: number, time: number, step: number, nowMs: number): void {
    this.source = ssrc | 0;
    this.clockRate = clockRate;
    this.confirm = -1;
    this.newestExtended += step;
    this.newestSequence = sequence;
    this.newestTimestamp = timestamp;
    this.newestTime = time;
    this.newestArrival = nowMs;
    this.delay.begin(nowMs * UNITS_PER_MS - time, nowMs);
  }
}

function commonDivisor(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return x;
}
