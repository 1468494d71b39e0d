/**
 * Key presses as RTP payloads (RFC 4733 §2.3): the payload, who reads a stream of them, and who makes one.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |     event     |E|R| volume    |          duration             |
 *
 * All packets of an event bear the timestamp of its beginning, the duration grows from packet to packet, and the last is sent three
 * times. So one packet of them all is enough to know the key, and the timestamp tells two presses of one key apart.
 */
import { DTMF_DIGITS, dtmfEvent } from '../dtmf';

export const TELEPHONE_EVENT_BYTES = 4;
const END = 0x80;
const VOLUME = 0x3f;
const MAX_DURATION = 0xffff;
/** How often the end is sent (§2.5.1.4). */
const END_PACKETS = 3;

export const eventOf = (payload: Uint8Array, offset = 0): number => payload[offset]!;
export const eventEnded = (payload: Uint8Array, offset = 0): boolean => (payload[offset + 1]! & END) !== 0;
/** In units of the RTP clock. */
export const eventDuration = (payload: Uint8Array, offset = 0): number => (payload[offset + 2]! << 8) | payload[offset + 3]!;

/** @returns the octets written */
export function writeEvent(out: Uint8Array, event: number, end: boolean, volume: number, duration: number): number {
  out[0] = event;
  out[1] = (end ? END : 0) | (volume & VOLUME);
  out[2] = duration >> 8;
  out[3] = duration & 0xff;
  return TELEPHONE_EVENT_BYTES;
}

export type OnDigit = (digit: string, durationMs: number) => void;

/** Presses that are remembered after they were told, so that stragglers do not tell them again. */
const REMEMBERED = 8;
/** A press of which nothing is heard for so long is over, though its end never came. Senders repeat every 20 to 50 ms. */
const SILENT_MS = 200;

/**
 * One party's key presses. Each is told once, when it is over: its end came (any of the three), the next press began, or nothing more
 * came for 200 ms (`expire`). Allocates nothing.
 */
export class TelephoneEventReceiver {
  /** Presses told. */
  digits = 0;
  /** Packets of events that are no keys: flash, fax and modem tones. */
  otherEvents = 0;
  /** Packets too short to be an event. */
  malformed = 0;
  /** Presses whose end never came. */
  endless = 0;
  private ssrc = 0;
  private started = false;
  private pressed = false;
  private event = 0;
  private timestamp = 0;
  /** Units of segments that are complete, and the longest said of the one that is not (§2.5.1.3). */
  private before = 0;
  private duration = 0;
  private beganMs = 0;
  private lastMs = 0;
  /** The sequence number that the last press ended with. */
  private endSequence = -1;
  private readonly told = new Float64Array(REMEMBERED).fill(-1);
  private toldAt = 0;

  /** @param clockRate RTP clock of the format that the party sends, Hz; may change with a new description */
  constructor(
    public clockRate: number,
    private readonly onDigit: OnDigit,
  ) {
    if (!(clockRate > 0)) throw new RangeError(`a telephone-event needs an RTP clock rate, not ${clockRate}`);
  }

  /** Whether a press is under way, and `expire` has to be called. */
  get pending(): boolean {
    return this.pressed;
  }

  /** @param payload what is behind the RTP header, its first octet at `offset`; `length` octets of it */
  onPacket(payload: Uint8Array, offset: number, length: number, timestamp: number, marker: boolean, sequence: number, ssrc: number, nowMs: number): void {
    if (length < TELEPHONE_EVENT_BYTES || offset + TELEPHONE_EVENT_BYTES > payload.length) {
      this.malformed++;
      return;
    }
    const event = payload[offset]!;
    if (event >= DTMF_DIGITS.length) {
      this.otherEvents++;
      return;
    }
    const end = eventEnded(payload, offset);
    const duration = eventDuration(payload, offset);
    if (!this.started || ssrc !== this.ssrc) {
      if (this.pressed) this.finish(-1, true);
      this.started = true;
      this.ssrc = ssrc;
      this.forget();
    }
    if (this.pressed) {
      const ahead = (timestamp - this.timestamp) | 0;
      if (event === this.event && ahead === 0) return this.goOn(end, duration, sequence, nowMs);
      if (event === this.event && ahead === MAX_DURATION && !marker) {
        this.remember(this.event, this.timestamp);
        this.before += MAX_DURATION;
        this.duration = 0;
        this.timestamp = timestamp;
        return this.goOn(end, duration, sequence, nowMs);
      }
    }
    if (this.wasTold(event, timestamp)) {
      // Some senders give every press one timestamp. A beginning that was sent after the end of the press before is another press.
      const newer = ((sequence - this.endSequence) & 0xffff) - 1 < 0x7fff;
      if (this.pressed || !marker || end || this.endSequence < 0 || !newer) return;
    } else if (this.pressed && ((timestamp - this.timestamp) | 0) < 0) {
      // Overtaken by the press that followed. All that is known of it is here, and it comes before that one.
      this.remember(event, timestamp);
      this.tell(event, duration, 0);
      return;
    }
    if (this.pressed) this.finish(-1, true);
    this.pressed = true;
    this.event = event;
    this.timestamp = timestamp;
    this.before = 0;
    this.duration = 0;
    this.beganMs = nowMs;
    this.goOn(end, duration, sequence, nowMs);
  }

  /** Ends a press whose packets stopped coming. To be called now and then while `pending`. */
  expire(nowMs: number): void {
    if (this.pressed && nowMs - this.lastMs >= SILENT_MS) this.finish(-1, true);
  }

  private goOn(end: boolean, duration: number, sequence: number, nowMs: number): void {
    this.lastMs = nowMs;
    if (duration > this.duration) this.duration = duration;
    if (end) this.finish(sequence, false);
  }

  private finish(endSequence: number, endless: boolean): void {
    this.pressed = false;
    this.endSequence = endSequence;
    if (endless) this.endless++;
    this.remember(this.event, this.timestamp);
    this.tell(this.event, this.before + this.duration, this.lastMs - this.beganMs);
  }

  private tell(event: number, units: number, arrivalMs: number): void {
    this.digits++;
    this.onDigit(DTMF_DIGITS[event]!, units > 0 ? Math.round((units * 1000) / this.clockRate) : Math.round(arrivalMs));
  }

  /** Event and timestamp in one number: below 2^36. */
  private remember(event: number, timestamp: number): void {
    this.told[this.toldAt] = event * 0x1_0000_0000 + (timestamp >>> 0);
    this.toldAt = (this.toldAt + 1) % REMEMBERED;
  }

  private wasTold(event: number, timestamp: number): boolean {
    const key = event * 0x1_0000_0000 + (timestamp >>> 0);
    for (let i = 0; i < REMEMBERED; i++) if (this.told[i] === key) return true;
    return false;
  }

  private forget(): void {
    this.told.fill(-1);
    this.endSequence = -1;
  }
}

/** dBm0 below zero, as the payload says it; what phones say. */
const VOLUME_DBM0 = 10;
const MAX_QUEUED = 64;
export const MIN_DIGIT_MS = 40;
export const MAX_DIGIT_MS = 20_000;
export const DEFAULT_DIGIT_MS = 100;

/**
 * Key presses on their way out, one payload for each packet time in which one is due. The port puts the header on:
 *
 *     const bytes = sender.next(payload, timestampOfThisPacketTime);
 *     if (bytes > 0) send(sender.marker, sender.timestamp, payload); else send the audio
 *
 * Timestamps of the audio go on counting under a press. Between two presses `next` gives 0. Allocates nothing after `queue`.
 */
export class TelephoneEventSender {
  /** Of the payload that `next` gave last: it begins a press. */
  marker = false;
  /** Of the payload that `next` gave last: where its press (or segment) began. */
  timestamp = 0;
  /** Presses completed. */
  digits = 0;
  private readonly waiting: Array<{ event: number; ms: number; gapMs: number }> = [];
  /** All in clock units. */
  private readonly step: number;
  private event = -1;
  private total = 0;
  private elapsed = 0;
  private ends = 0;
  private gap = 0;
  private pause = 0;
  /** Units in the segments before this one, and whether this one is full. */
  private before = 0;
  private full = false;

  /** @param clockRate RTP clock of the telephone-event format, Hz @param packetMs how often `next` is called */
  constructor(
    private readonly clockRate: number,
    packetMs = 20,
  ) {
    this.step = Math.round((clockRate * packetMs) / 1000);
    if (!(this.step > 0 && this.step < MAX_DURATION)) throw new RangeError(`no telephone-events of ${packetMs} ms at ${clockRate} Hz`);
  }

  /**
   * Appends presses.
   * @param digits 0-9 * # A-D
   * @param ms of each, 40 to 20,000 @param gapMs the pause after each, at least 40
   * @returns false, and nothing was queued: more than 64 would wait
   * @throws RangeError for what is not a key
   */
  queue(digits: string, ms = DEFAULT_DIGIT_MS, gapMs = DEFAULT_DIGIT_MS): boolean {
    for (const digit of digits) if (dtmfEvent(digit) < 0) throw new RangeError(`"${digit}" is not a key: 0-9, *, # and A-D are`);
    if (this.waiting.length + digits.length > MAX_QUEUED) return false;
    const press = { ms: Math.min(MAX_DIGIT_MS, Math.max(MIN_DIGIT_MS, ms)), gapMs: Math.max(MIN_DIGIT_MS, gapMs) };
    for (const digit of digits) this.waiting.push({ event: dtmfEvent(digit), ...press });
    return true;
  }

  /** Whether a press is under way: its packets take the place of the audio's. */
  get pressing(): boolean {
    return this.event >= 0;
  }

  /** Nothing is under way, waits or has to be paused for: `next` need not be asked. */
  get idle(): boolean {
    return this.event < 0 && this.waiting.length === 0 && this.pause <= 0;
  }

  /** Forgets what waits; a press under way ends in order. */
  cancel(): void {
    this.waiting.length = 0;
    if (this.event >= 0) this.total = Math.min(this.total, this.elapsed);
  }

  /**
   * The payload of this packet time.
   * @param timestamp RTP timestamp of the audio that this packet time would carry
   * @returns octets written to `out`; 0: none is due
   */
  next(out: Uint8Array, timestamp: number): number {
    const { step } = this;
    this.marker = this.event < 0 && this.begin(timestamp);
    if (this.event < 0) return 0;
    if (this.full) {
      this.full = false;
      this.before += MAX_DURATION;
      this.timestamp = (this.timestamp + MAX_DURATION) >>> 0;
    }
    if (this.ends === 0) this.elapsed += step;
    const inSegment = this.elapsed - this.before;
    if (inSegment > MAX_DURATION) {
      this.full = true; // §2.5.1.3: the next segment goes on where this one ends, without an end and without a marker
      return writeEvent(out, this.event, false, VOLUME_DBM0, MAX_DURATION);
    }
    const end = this.elapsed >= this.total;
    if (end && ++this.ends === END_PACKETS) {
      this.digits++;
      // The ends that were sent again were pause already.
      this.pause = this.gap - (END_PACKETS - 1) * step;
      const bytes = writeEvent(out, this.event, true, VOLUME_DBM0, inSegment);
      this.event = -1;
      return bytes;
    }
    return writeEvent(out, this.event, end, VOLUME_DBM0, inSegment);
  }

  private begin(timestamp: number): boolean {
    if (this.pause > 0) {
      this.pause -= this.step;
      if (this.pause >= 0) return false;
    }
    const press = this.waiting.shift();
    if (press === undefined) return false;
    this.event = press.event;
    this.total = Math.ceil((press.ms * this.clockRate) / 1000);
    this.gap = Math.ceil((press.gapMs * this.clockRate) / 1000);
    this.timestamp = timestamp >>> 0;
    this.elapsed = this.before = this.ends = 0;
    this.full = false;
    return true;
  }
}
