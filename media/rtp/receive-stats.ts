/**
 * What arrived of a stream, and how: RFC 3550 appendix A.1 (sequence numbers), A.3 (loss) and A.8 (jitter).
 *
 * One source at a time: a new SSRC, or a jump in sequence that two packets confirm, begins a new count, and what the old
 * one lost stays in the total. Packets are told apart by their number within the last 64: seen before is a duplicate, not
 * seen is late (reordered), and A.3's "received" counts each once, so duplicates do not hide loss.
 *
 * All fields are 32-bit integers (times in microseconds, modulo 2^32; unsigned words kept signed): V8 keeps those inside the object,
 * where a fraction would be a box of its own in memory for every packet to look up.
 */

const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;
const CYCLE = 0x10000;
const WINDOW = 64;
/** A transit time that changes by more than this is a restarted timestamp, not the network. */
const TIMESTAMP_JUMP_MICROS = 5_000_000;

export class ReceiveStats {
  /** Valid packets, duplicates too. */
  packets = 0;
  late = 0;
  duplicate = 0;
  /** New SSRCs and confirmed jumps after the first. */
  restarts = 0;
  private source = 0;
  private started = false;
  /** Interarrival jitter in sixteenths of a microsecond, as in A.8's code; -1 until two packets of a known clock were compared. */
  private jitter = -1;
  private base = 0;
  private cycles = 0;
  private max = 0;
  private unique = 0;
  private lostBefore = 0;
  private badSequence = -1;
  /** Bit n: packet max-n was seen; n from 0 to 31, and from 32 to 63. */
  private recent = 0;
  private older = 0;
  private timestamp = 0;
  private arrivedAt = 0;
  private clock = 0;

  /** @param clock RTP clock of the payload in Hz; 0 unknown: then jitter is not measured */
  update(sequence: number, timestamp: number, ssrc: number, clock: number, nowMs: number): void {
    const micros = Math.round(nowMs * 1000) | 0;
    this.packets++;
    if ((ssrc | 0) !== this.source || !this.started) {
      if (this.started) this.restarts++;
      this.started = true;
      this.source = ssrc | 0;
      this.restart(sequence, timestamp, clock, micros);
      return;
    }
    const ahead = (sequence - this.max) & 0xffff;
    if (ahead !== 0 && ahead < MAX_DROPOUT) {
      if (sequence < this.max) this.cycles += CYCLE;
      this.max = sequence;
      this.unique++;
      this.advance(ahead);
      this.measure(timestamp, clock, micros);
      this.badSequence = -1;
    } else if (ahead === 0 || ahead > CYCLE - MAX_MISORDER) {
      this.behind(CYCLE - ahead);
    } else if (sequence === this.badSequence) {
      this.restarts++;
      this.restart(sequence, timestamp, clock, micros);
    } else {
      this.badSequence = (sequence + 1) & 0xffff;
    }
  }

  /** A packet `distance` behind the highest; CYCLE is the highest again. */
  private behind(distance: number): void {
    const back = distance % CYCLE;
    const extended = this.cycles + this.max - back;
    if (back < WINDOW) {
      const bit = 1 << (back & 31);
      const seen = back < 32 ? this.recent & bit : this.older & bit;
      if (seen) {
        this.duplicate++;
        return;
      }
      if (back < 32) this.recent |= bit;
      else this.older |= bit;
    }
    this.late++;
    this.unique++;
    if (extended < this.base) this.base = extended; // overtaken by the first packet we saw
  }

  private advance(by: number): void {
    if (by >= WINDOW) {
      this.recent = 1;
      this.older = 0;
    } else if (by >= 32) {
      this.older = by === 32 ? this.recent : this.recent << (by - 32);
      this.recent = 1;
    } else {
      this.older = (this.older << by) | (this.recent >>> (32 - by));
      this.recent = (this.recent << by) | 1;
    }
  }

  private measure(timestamp: number, clock: number, micros: number): void {
    const step = (timestamp - this.timestamp) | 0;
    // Packets of one frame or one telephone-event share a timestamp and say nothing about the network.
    if (step === 0) return;
    if (clock > 0 && clock === this.clock) {
      const d = Math.abs(((micros - this.arrivedAt) | 0) - Math.round((step * 1e6) / clock));
      if (d < TIMESTAMP_JUMP_MICROS) this.jitter = this.jitter < 0 ? d : this.jitter + d - ((this.jitter + 8) >> 4);
    }
    this.timestamp = timestamp | 0;
    this.arrivedAt = micros;
    this.clock = clock;
  }

  private restart(sequence: number, timestamp: number, clock: number, micros: number): void {
    this.lostBefore = this.lost;
    this.base = sequence;
    this.max = sequence;
    this.cycles = 0;
    this.unique = 1;
    this.recent = 1;
    this.older = 0;
    this.badSequence = -1;
    this.timestamp = timestamp | 0;
    this.arrivedAt = micros;
    this.clock = clock;
  }

  /** Expected minus received (A.3), over all sources so far; never below what earlier sources lost. */
  get lost(): number {
    if (this.unique === 0) return this.lostBefore;
    return this.lostBefore + Math.max(0, this.cycles + this.max - this.base + 1 - this.unique);
  }

  /** Of the current source, for its report block (§6.4.1): extended highest sequence number, packets expected, packets received (each once). */
  get highest(): number {
    return this.cycles + this.max;
  }

  get expected(): number {
    return this.unique === 0 ? 0 : this.cycles + this.max - this.base + 1;
  }

  get receivedOnce(): number {
    return this.unique;
  }

  /** In units of the payload's clock; 0 where it is not known. */
  get jitterUnits(): number {
    return this.jitter < 0 ? 0 : Math.round((this.jitter * this.clock) / 16e6);
  }

  get jitterMs(): number | null {
    return this.jitter < 0 ? null : this.jitter / 16_000;
  }

  /** Of the last packet; -1 before the first. */
  get ssrc(): number {
    return this.started ? this.source >>> 0 : -1;
  }
}
