/**
 * Two endpoints that agree on a codec: what one receives, the other sends, undecoded and uncopied; at most the payload type
 * in the second octet is rewritten on the way.
 *
 *   udp(:40012) <-> relay <-> udp(:40014)
 *
 * Key presses (RFC 4733) are read while they pass. Presses of our own are put into the stream: its numbering moves up by as many packets, for
 * good, so that nobody misses any.
 */
import type { AudioFormat } from '../audio-types';
import type { Endpoint, PacketSink } from '../net/endpoint';
import { clockRates, PAYLOAD_TYPES } from '../rtp/clock-rate';
import { TELEPHONE_EVENT_BYTES, TelephoneEventSender, type TelephoneEventReceiver } from '../rtp/telephone-event';
import { RTP_HEADER_BYTES, rtpMarker, rtpPayloadEnd, rtpPayloadOffset, rtpSequence, rtpSsrc, rtpTimestamp, setRtpPayloadType, setRtpSequence, setUint32 } from '../rtp/view';

export interface RelayDirection {
  /** False gates RTP in this direction (hold). RTCP passes all the same: RFC 3264 §8.4 keeps it going while media rests. */
  flow: boolean;
  /** Payload type as received → as sent; absent: unchanged; -1: drop. */
  payloadMap?: Record<number, number> | undefined;
  /** Payload type as received → RTP clock in Hz, for the types that RFC 3551 leaves to the session. Only jitter depends on it. */
  clockRates?: Record<number, number> | undefined;
  /** Payload type as received → RTP clock, of telephone-events (RFC 4733) that are to be told as 'digit' events while they pass. */
  telephoneEvents?: Record<number, number> | undefined;
  /** The telephone-event of the party that this direction leads to, for key presses of our own; absent: it takes none. */
  sendEvents?: { payloadType: number; clockRate: number } | undefined;
  /** What the payload types mean as received, for whoever records the party while it is relayed. */
  formats?: readonly AudioFormat[] | undefined;
}

export interface RelayDeps {
  /**
   * Who hears an endpoint's key presses: always the same, so that a press that is under way while the call is wired anew is told once.
   * Whoever made it calls its `expire` now and then.
   */
  keysOf(endpoint: Endpoint): TelephoneEventReceiver;
  /** Where the stream to an endpoint is: always the same, so that its numbers go on when another relay sends it. */
  positionOf(endpoint: Endpoint): StreamPosition;
  /** 0 to 2^32-1, unpredictable. */
  random32(): number;
}

/** Of the stream that is relayed to an endpoint. */
export class StreamPosition {
  /** Packets of our own that were put in, modulo 2^16. */
  inserted = 0;
  /** Of the last packet passed on, which a press of ours follows. */
  passed = false;
  sequence = 0;
  timestamp = 0;
  ssrc = 0;
  passedAt = 0;
  clock = 8000;
}

class Direction implements PacketSink {
  flow = false;
  /** Since when packets were to be expected, and whether their absence was reported. */
  expectedSince = Infinity;
  silenceReported = false;
  private map: Int16Array | undefined;
  /** Payload types of key presses, by number. */
  private events: Uint8Array | undefined;
  private receiver: TelephoneEventReceiver | undefined;
  private sendEvents: RelayDirection['sendEvents'];
  private press: Press | undefined;
  private readonly at: StreamPosition;
  /** The timestamp of the press that is being sent. */
  private pressTimestamp = 0;

  constructor(
    readonly from: Endpoint,
    readonly to: Endpoint,
    private readonly deps: RelayDeps,
  ) {
    this.at = deps.positionOf(to);
  }

  apply(wiring: RelayDirection, nowMs: number): void {
    if (wiring.flow !== this.flow) {
      this.expectedSince = wiring.flow ? nowMs : Infinity;
      this.silenceReported = false;
    }
    this.flow = wiring.flow;
    const entries = Object.entries(wiring.payloadMap ?? {}).filter(([as, to]) => Number(as) !== to);
    this.map = entries.length ? Int16Array.from({ length: PAYLOAD_TYPES }, (_, i) => i) : undefined;
    for (const [as, to] of entries) this.map![Number(as)] = to;
    this.from.clocks = clockRates(wiring.clockRates);
    this.from.sink = this;
    this.setEvents(wiring.sendEvents);
    const events = Object.entries(wiring.telephoneEvents ?? {});
    this.events = events.length ? new Uint8Array(PAYLOAD_TYPES) : undefined;
    for (const [payloadType, clock] of events) {
      this.events![Number(payloadType)] = 1;
      this.receiver = this.deps.keysOf(this.from);
      if (clock > 0) this.receiver.clockRate = clock;
    }
  }

  private setEvents(events: RelayDirection['sendEvents']): void {
    this.sendEvents = events;
    if (events && this.press?.follow(events)) return;
    this.press?.close();
    this.press = undefined;
  }

  rtp(data: Uint8Array, length: number, nowMs: number): void {
    this.silenceReported = false;
    if (!this.flow) {
      this.from.gated++;
      return;
    }
    if (this.events !== undefined && this.events[data[1]! & 0x7f] === 1) this.hearEvent(data, length, nowMs);
    if (this.map !== undefined) {
      const payloadType = this.map[data[1]! & 0x7f]!;
      if (payloadType < 0) {
        this.from.filtered++;
        return;
      }
      setRtpPayloadType(data, payloadType);
    }
    if (this.sendEvents !== undefined || this.at.inserted !== 0) this.follow(data, nowMs);
    this.to.sendRtp(data, length, true);
  }

  private hearEvent(data: Uint8Array, length: number, nowMs: number): void {
    const offset = rtpPayloadOffset(data, length);
    const end = rtpPayloadEnd(data, length);
    this.receiver!.onPacket(data, offset, end - offset, rtpTimestamp(data), rtpMarker(data), rtpSequence(data), rtpSsrc(data), nowMs);
  }

  /** Keeps in mind where the stream is, and moves its numbers up by what was put in. */
  private follow(data: Uint8Array, nowMs: number): void {
    const { at } = this;
    if (at.inserted !== 0) setRtpSequence(data, (rtpSequence(data) + at.inserted) & 0xffff);
    const sequence = rtpSequence(data);
    const ssrc = rtpSsrc(data);
    if (at.passed && ssrc === at.ssrc && ((sequence - at.sequence) & 0xffff) > 0x8000) return; // late: not where the stream is
    at.passed = true;
    at.sequence = sequence;
    at.timestamp = rtpTimestamp(data);
    at.ssrc = ssrc;
    at.passedAt = nowMs;
    at.clock = this.from.clocks[data[1]! & 0x7f]! || at.clock;
  }

  /** @returns false: the party at the end of this direction takes no events */
  sendDigits(digits: string, ms: number, metronome: Beats, nowMs: number): boolean {
    if (this.sendEvents === undefined) return false;
    this.press ??= new Press(this.sendEvents, metronome, this.insert);
    this.press.queue(digits, ms, nowMs);
    return true;
  }

  private readonly insert = (packet: Uint8Array, length: number, fresh: boolean, nowMs: number): void => {
    const { at } = this;
    if (!at.passed) {
      // nothing has come yet that it would have to fit
      at.passed = true;
      at.ssrc = this.deps.random32();
      at.passedAt = nowMs;
    }
    if (fresh) this.pressTimestamp = (at.timestamp + Math.round(((nowMs - at.passedAt) * at.clock) / 1000)) >>> 0;
    at.inserted = (at.inserted + 1) & 0xffff;
    at.sequence = (at.sequence + 1) & 0xffff;
    setRtpSequence(packet, at.sequence);
    setUint32(packet, 4, this.pressTimestamp);
    setUint32(packet, 8, at.ssrc);
    this.to.sendRtp(packet, length);
  };

  rtcp(data: Uint8Array, length: number, nowMs: number): void {
    this.silenceReported = false;
    this.to.sendRtcp(data, length, nowMs);
  }

  /** How long the peer has been silent, when that is news; otherwise undefined. */
  newSilence(limitMs: number, nowMs: number): number | undefined {
    if (!this.flow || this.silenceReported) return undefined;
    const silentMs = nowMs - Math.max(this.expectedSince, this.from.lastPacketAt);
    if (silentMs < limitMs) return undefined;
    this.silenceReported = true;
    return silentMs;
  }

  detach(): void {
    this.press?.close();
    if (this.from.sink === this) this.from.sink = undefined;
  }

  get mapText(): string {
    return [...(this.map ?? [])].map((to, as) => (to === as ? '' : `${as}>${to < 0 ? 'drop' : to}`)).filter(Boolean).join(' ');
  }
}

/** Who calls every 20 ms. */
export interface Beats {
  add(member: { tick(nowMs: number): void }, nowMs: number): void;
  remove(member: { tick(nowMs: number): void }): void;
}

/** Key presses of our own on their way into a relayed stream. */
class Press {
  private readonly sender: TelephoneEventSender;
  private readonly packet = new Uint8Array(RTP_HEADER_BYTES + TELEPHONE_EVENT_BYTES);
  private readonly payload = this.packet.subarray(RTP_HEADER_BYTES);

  constructor(
    private event: { payloadType: number; clockRate: number },
    private readonly beats: Beats,
    private readonly send: (packet: Uint8Array, length: number, fresh: boolean, nowMs: number) => void,
  ) {
    this.sender = new TelephoneEventSender(event.clockRate);
    this.packet[0] = 0x80;
  }

  /** The party's payload type from now on. False: with another clock, what waits cannot go on. */
  follow(event: { payloadType: number; clockRate: number }): boolean {
    if (event.clockRate !== this.event.clockRate) return false;
    this.event = event;
    return true;
  }

  queue(digits: string, ms: number, nowMs: number): void {
    this.sender.queue(digits, ms);
    this.beats.add(this, nowMs);
  }

  tick(nowMs: number): void {
    const bytes = this.sender.next(this.payload, 0);
    if (bytes > 0) {
      this.packet[1] = (this.sender.marker ? 0x80 : 0) | this.event.payloadType;
      this.send(this.packet, RTP_HEADER_BYTES + bytes, this.sender.marker, nowMs);
    }
    if (this.sender.idle) this.beats.remove(this);
  }

  close(): void {
    this.beats.remove(this);
  }
}

export interface Silence {
  endpoint: Endpoint;
  silentMs: number;
}

const NOBODY: Silence[] = [];

export class Relay {
  private readonly forward: Direction;
  private readonly backward: Direction;

  constructor(
    readonly a: Endpoint,
    readonly b: Endpoint,
    deps: RelayDeps,
  ) {
    this.forward = new Direction(a, b, deps);
    this.backward = new Direction(b, a, deps);
  }

  joins(a: Endpoint, b: Endpoint): boolean {
    return this.a === a && this.b === b;
  }

  connect(aToB: RelayDirection, bToA: RelayDirection, nowMs: number): void {
    this.forward.apply(aToB, nowMs);
    this.backward.apply(bToA, nowMs);
  }

  /** Presses keys towards one of the two. @returns false: it takes no events (RFC 4733) */
  sendDigits(to: Endpoint, digits: string, ms: number, beats: Beats, nowMs: number): boolean {
    return (to === this.b ? this.forward : this.backward).sendDigits(digits, ms, beats, nowMs);
  }

  /**
   * Endpoints that ought to send and have not for `limitMs`, each once per silence. An endpoint ought to send when its own
   * direction flows: one that was put on hold, or that only listens, owes nothing.
   */
  silences(limitMs: number, nowMs: number): Silence[] {
    const a = this.forward.newSilence(limitMs, nowMs);
    const b = this.backward.newSilence(limitMs, nowMs);
    if (a === undefined && b === undefined) return NOBODY;
    const told: Silence[] = [];
    if (a !== undefined) told.push({ endpoint: this.a, silentMs: a });
    if (b !== undefined) told.push({ endpoint: this.b, silentMs: b });
    return told;
  }

  close(): void {
    this.forward.detach();
    this.backward.detach();
  }

  /** `udp(:40012) -> relay(101>96) -> udp(:40014)`; an arrow for each direction that flows, `--` when none does. */
  describe(): string {
    const arrow = this.forward.flow ? (this.backward.flow ? '<->' : '->') : this.backward.flow ? '<-' : '--';
    const maps = [this.forward.mapText, this.backward.mapText];
    const map = maps[0] || maps[1] ? `(${[maps[0] && `-> ${maps[0]}`, maps[1] && `<- ${maps[1]}`].filter(Boolean).join(', ')})` : '';
    return `${this.a.describe()} ${arrow} relay${map} ${arrow} ${this.b.describe()}`;
  }
}
