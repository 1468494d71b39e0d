/**
 * One party whose sound is decoded and made here: the endpoint's packets become frames, frames become its packets.
 *
 *   udp ─► by payload type ─┬─ audio, comfort noise ─► playout (jitter buffer, decode, conceal) ─► pull ─► room
 *                           └─ telephone-event ─► key presses
 *   room ─► push ─► (or what is played to it) ─► sender (encode, packetize) ─► udp
 *                                                RTCP of our own in both directions
 */
import type { AudioSetup, AudioStats } from '../audio-types';
import { type Codec, type CodecName, type SampleRate } from '../frame';
import { DtmfDetector } from '../audio/dtmf-detect';
import { DtmfTone } from '../audio/dtmf-tone';
import type { Endpoint, PacketSink } from '../net/endpoint';
import { clockRates } from '../rtp/clock-rate';
import { mosOf } from '../rtp/e-model';
import { RtcpSession, type RtcpQuality } from '../rtp/rtcp-session';
import type { TelephoneEventReceiver } from '../rtp/telephone-event';
import { rtpMarker, rtpPayloadEnd, rtpPayloadOffset, rtpPayloadType, rtpSequence, rtpSsrc, rtpTimestamp } from '../rtp/view';
import { Heard, Playout } from './playout';
import { Sender } from './sender';

/** What is played to a party: frames at a rate it is told. */
export interface PortPlayer {
  setSampleRate(rate: SampleRate): void;
  /** False: nothing to hear, now or any more. */
  read(out: Int16Array): boolean;
  readonly done: boolean;
  /** Comes to an end without a click. */
  stop(): void;
}

export interface PortDeps {
  codecNamed(name: CodecName): Codec | undefined;
  /** 0 to 1. */
  random(): number;
  /** 0 to 2^32-1, unpredictable. */
  random32(): number;
  /** Unix milliseconds, for sender reports. */
  wallMs(): number;
  /** Who hears an endpoint's key presses (RFC 4733), and tells of them. */
  keysOf(endpoint: Endpoint): TelephoneEventReceiver;
  /** A key was heard as tones. */
  onTone(port: AudioPort, digit: string): void;
  onPlayed(port: AudioPort, player: PortPlayer): void;
}

/** A listener to what a party says, or to what it gets, one frame a tick, at the rate it has just then. */
export type Tap = (frame: Int16Array, rate: SampleRate, sounding: boolean) => void;

const NOT_OURS = 0;
const AUDIO = 1;
const EVENT = 2;
const MAX_REPORT = 1200;

export class AudioPort implements PacketSink {
  undecodable = 0;
  private readonly playout: Playout;
  private readonly sender: Sender;
  private readonly rtcpSession: RtcpSession;
  private readonly eventIn: TelephoneEventReceiver;
  private readonly kinds = new Uint8Array(128);
  private readonly report = new Uint8Array(MAX_REPORT);
  private readonly taps = new Set<Tap>();
  private readonly sentTaps = new Set<Tap>();
  private audio: AudioSetup | undefined;
  private rate: SampleRate = 8000;
  private detector: DtmfDetector | undefined;
  private tone: DtmfTone | undefined;
  /** Heard instead of everything else; heard above it. */
  private player: PortPlayer | undefined;
  private overlay: PortPlayer | undefined;
  /** Replaced; it has a last frame to fade in. */
  private leaving: PortPlayer | undefined;
  /** Of what it hears otherwise: 0 under a player, moving across a frame. */
  private heardGain = 1;
  private silence = new Int16Array(160);
  private mixed = new Int16Array(160);
  private above = new Int16Array(160);
  /** Since when packets were to be expected, and whether their absence was reported. */
  private expectedSince = Infinity;
  private silenceReported = false;
  private closed = false;

  constructor(
    readonly endpoint: Endpoint,
    private readonly deps: PortDeps,
    nowMs: number,
  ) {
    this.playout = new Playout({ sampleRate: 8000, random: () => deps.random() });
    this.sender = new Sender({ send: this.send, random32: () => deps.random32() });
    this.rtcpSession = new RtcpSession({
      ssrc: this.sender.ssrc,
      cname: `${deps.random32().toString(36)}${deps.random32().toString(36)}`,
      clockRate: 8000,
      random: () => deps.random(),
      nowMs,
      ntpMs: () => deps.wallMs(),
    });
    this.eventIn = deps.keysOf(endpoint);
    endpoint.sink = this;
  }

  get id(): string {
    return this.endpoint.id;
  }

  /** `expects`: packets ought to come, so that their absence is news. Errors: the name of a codec that is not there, and then nothing has changed. */
  setup(audio: AudioSetup, nowMs: number, expects = audio.receive.length > 0): CodecName | undefined {
    const { codecNamed } = this.deps;
    for (const format of [...audio.receive, ...(audio.send ? [audio.send] : [])]) if (!codecNamed(format.codec)) return format.codec;
    this.audio = audio;
    this.kinds.fill(NOT_OURS);
    const clocks: Record<number, number> = {};
    for (const { payloadType, codec } of audio.receive) {
      this.kinds[payloadType] = AUDIO;
      clocks[payloadType] = codecNamed(codec)!.clockRate;
    }
    const noise = audio.receive.length > 0 ? (audio.comfortNoise?.receive ?? null) : null;
    if (noise !== null) this.kinds[noise] = AUDIO;
    if (audio.receive.length > 0) {
      for (const { payloadType, clockRate } of audio.telephoneEvent?.receive ?? []) {
        this.kinds[payloadType] = EVENT;
        clocks[payloadType] = clockRate;
      }
    }
    this.endpoint.clocks = clockRates(clocks);
    this.playout.setFormats(
      audio.receive.map(({ payloadType, codec, fmtp }) => ({ payloadType, codec: codecNamed(codec)!, clockRate: codecNamed(codec)!.clockRate, fmtp })),
      noise,
    );
    const { send } = audio;
    this.sender.setFormat(send && { codec: codecNamed(send.codec)!, payloadType: send.payloadType, fmtp: send.fmtp, ptimeMs: send.ptimeMs });
    this.sender.setDigits(audio.telephoneEvent?.send ?? null);
    if (send) this.rtcpSession.setStream(this.sender.ssrc, codecNamed(send.codec)!.clockRate);
    if (expects !== this.expectedSince < Infinity) {
      this.expectedSince = expects ? nowMs : Infinity;
      this.silenceReported = false;
    }
    return undefined;
  }

  // — packets —

  rtp(data: Uint8Array, length: number, nowMs: number): void {
    this.silenceReported = false;
    const offset = rtpPayloadOffset(data, length);
    const end = rtpPayloadEnd(data, length);
    const payloadType = rtpPayloadType(data);
    switch (this.kinds[payloadType]) {
      case AUDIO:
        this.playout.insert(data, offset, end - offset, payloadType, rtpSequence(data), rtpTimestamp(data), rtpSsrc(data), rtpMarker(data), nowMs);
        return;
      case EVENT:
        this.playout.skip(rtpSequence(data), rtpTimestamp(data), rtpSsrc(data), nowMs);
        this.eventIn.clockRate = this.endpoint.clocks[payloadType] || 8000;
        this.eventIn.onPacket(data, offset, end - offset, rtpTimestamp(data), rtpMarker(data), rtpSequence(data), rtpSsrc(data), nowMs);
        return;
      default:
        if (this.expectedSince === Infinity) this.endpoint.gated++;
        else this.endpoint.filtered++;
    }
  }

  rtcp(data: Uint8Array, length: number, nowMs: number): void {
    this.silenceReported = false;
    this.rtcpSession.onRtcp(data, length, nowMs);
    const { reported, rttMs } = this.rtcpSession.quality();
    if (reported !== null) this.sender.lossReported(reported.fractionLost, rttMs);
  }

  private readonly send = (data: Uint8Array, length: number, payloadBytes: number, timestamp: number): void => {
    this.endpoint.sendRtp(data, length);
    this.rtcpSession.onRtpSent(payloadBytes, timestamp, this.nowMs);
  };

  // — frames —

  private nowMs = 0;

  get bandwidth(): SampleRate {
    const heard = this.audio?.receive[0] && this.deps.codecNamed(this.audio.receive[0].codec)?.bandwidth;
    const sent = this.sender.active ? this.sender.bandwidth : 8000;
    return heard !== undefined && heard > sent ? heard : sent;
  }

  setRate(rate: SampleRate): void {
    if (rate === this.rate) return;
    this.rate = rate;
    this.playout.setSampleRate(rate);
    this.sender.setRate(rate);
    this.player?.setSampleRate(rate);
    this.overlay?.setSampleRate(rate);
    this.leaving?.setSampleRate(rate);
    this.above = new Int16Array(rate / 50);
    this.silence = new Int16Array(rate / 50);
    this.mixed = new Int16Array(rate / 50);
    if (this.detector) this.detector = new DtmfDetector(rate);
    this.tone?.setSampleRate(rate);
  }

  /** What the party said in the next 20 ms. */
  pull(out: Int16Array, nowMs: number): boolean {
    this.nowMs = nowMs;
    if (this.eventIn.pending) this.eventIn.expire(nowMs);
    const sounding = this.playout.read(out, nowMs) !== Heard.Silence;
    if (this.detector !== undefined) {
      const digit = this.detector.process(out);
      if (digit !== '') this.deps.onTone(this, digit);
    }
    if (this.taps.size > 0) for (const tap of this.taps) tap(out, this.rate, sounding);
    return sounding;
  }

  /** What the party is to hear; undefined: only what is played to it. */
  push(pcm: Int16Array | undefined, skipped: number): void {
    if (skipped > 0) this.sender.pause(skipped);
    let frame = pcm ?? this.silence;
    if (this.player !== undefined || this.heardGain < 1 || this.leaving !== undefined) frame = this.playInstead(frame);
    if (this.overlay !== undefined) frame = this.playAbove(this.overlay, frame);
    if (this.tone !== undefined) frame = this.pressed(this.tone);
    if (this.sentTaps.size > 0) for (const tap of this.sentTaps) tap(frame, this.rate, frame !== this.silence);
    this.sender.write(frame);
    if (this.rtcpSession.due() <= this.nowMs) this.sendReport();
  }

  /** What is heard otherwise goes down within a frame when a player begins, and comes back when it has ended. */
  private playInstead(heard: Int16Array): Int16Array {
    const { mixed, above, player, leaving } = this;
    const to = player === undefined ? 1 : 0;
    const step = (to - this.heardGain) / mixed.length;
    if (to === 0 && step === 0) mixed.fill(0);
    else for (let i = 0; i < mixed.length; i++) mixed[i] = heard[i]! * (this.heardGain + step * i);
    this.heardGain = to;
    if (player?.read(above)) add(mixed, above);
    if (leaving?.read(above)) add(mixed, above);
    this.leaving = undefined;
    if (player?.done) {
      this.player = undefined;
      this.deps.onPlayed(this, player);
    }
    return mixed;
  }

  private playAbove(overlay: PortPlayer, heard: Int16Array): Int16Array {
    const { mixed, above } = this;
    if (heard !== mixed) mixed.set(heard);
    if (overlay.read(above)) add(mixed, above);
    if (overlay.done) {
      this.overlay = undefined;
      this.deps.onPlayed(this, overlay);
    }
    return mixed;
  }

  /** A key press as tones takes the place of everything else, so that whoever decodes it is not confused by voices. */
  private pressed(tone: DtmfTone): Int16Array {
    tone.read(this.mixed);
    if (tone.finished) this.tone = undefined;
    return this.mixed;
  }

  /** Instead of what it hears otherwise, or above it. Returns the players that this ends. */
  play(source: PortPlayer, over: boolean): PortPlayer[] {
    const before = over ? this.overlay : this.player;
    if (before) {
      before.stop();
      this.leaving = before;
    }
    source.setSampleRate(this.rate);
    if (over) this.overlay = source;
    else this.player = source;
    return before ? [before] : [];
  }

  /** They fade; returns which. */
  stopPlaying(): PortPlayer[] {
    const ended = [this.player, this.overlay].filter((player) => player !== undefined);
    for (const player of ended) player.stop();
    return ended;
  }

  /** Whether key presses go to the party as events (RFC 4733). */
  get takesEvents(): boolean {
    return this.sender.takesDigits;
  }

  /** Key presses to the party: as events when it takes them, else (or if told so) as tones. */
  sendDigits(digits: string, ms: number, asTones = false): void {
    if (!asTones && this.sender.takesDigits) {
      this.sender.press(digits, ms);
      return;
    }
    this.tone ??= new DtmfTone(this.rate);
    this.tone.queue(digits, ms);
  }

  detectTones(on: boolean): void {
    this.detector = on ? (this.detector ?? new DtmfDetector(this.rate)) : undefined;
  }

  tap(tap: Tap): void {
    this.taps.add(tap);
  }

  untap(tap: Tap): void {
    this.taps.delete(tap);
    this.sentTaps.delete(tap);
  }

  /** Hears what the party gets: what is played to it and its key presses as tones included. */
  tapSent(tap: Tap): void {
    this.sentTaps.add(tap);
  }

  private sendReport(): void {
    const bytes = this.rtcpSession.build(this.report, this.nowMs, this.endpoint.received);
    if (bytes > 0) this.endpoint.sendRtcp(this.report, bytes, this.nowMs);
  }

  /** How long the party has been silent, when that is news; otherwise undefined. */
  newSilence(limitMs: number, nowMs: number): number | undefined {
    if (this.expectedSince === Infinity || this.silenceReported) return undefined;
    const silentMs = nowMs - Math.max(this.expectedSince, this.endpoint.lastPacketAt);
    if (silentMs < limitMs) return undefined;
    this.silenceReported = true;
    return silentMs;
  }

  /** Round trip, and what the party reports of what it hears. */
  get rtcpQuality(): RtcpQuality {
    return this.rtcpSession.quality();
  }

  stats(): AudioStats {
    const playout = this.playout.stats();
    const quality = this.rtcpSession.quality();
    const codec = this.audio?.receive[0]?.codec ?? null;
    const sent = this.audio?.send ?? null;
    const { concealed, decoded, recovered } = playout.frames;
    return {
      codec: { receive: codec, send: this.audio?.send?.codec ?? null },
      playoutDelayMs: playout.playoutDelayMs,
      targetDelayMs: playout.targetDelayMs,
      frames: playout.frames,
      latePackets: playout.latePackets,
      discardedPackets: playout.discardedPackets,
      undecodable: playout.undecodable,
      shortenedMs: playout.shortenedMs,
      stretchedMs: playout.stretchedMs,
      sentDtx: this.sender.dtx,
      mosHeard: codec === null ? null : mosOf({ codec, lost: concealed, received: decoded + recovered, rttMs: quality.rttMs, playoutDelayMs: playout.playoutDelayMs }),
      mosReported: sent === null ? null : this.mosReported(sent.codec, sent.ptimeMs, quality),
      rttMs: quality.rttMs,
    };
  }

  /** What the party says it hears; else reckoned from the loss that it reports, its buffer taken to be as deep as its jitter needs. */
  private mosReported(codec: CodecName, ptimeMs: number, { reported, rttMs }: RtcpQuality): number | null {
    if (reported === null) return null;
    const lost = Math.max(0, reported.cumulativeLost);
    return reported.mos ?? mosOf({ codec, lost, received: Math.max(0, this.sender.packets - lost), rttMs, playoutDelayMs: 20 + 2 * reported.jitterMs, ptimeMs });
  }

  /** `udp(:40012) -> jitter(40ms) -> PCMU` */
  describeIn(): string {
    return `${this.endpoint.describe()} -> ${this.playout.describe()}`;
  }

  /** `opus -> udp(:40012)` */
  describeOut(): string {
    return `${this.sender.describe()} -> ${this.endpoint.describe()}`;
  }

  /** Says goodbye to the far end (RFC 3550 §6.6). Idempotent. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    const bytes = this.rtcpSession.bye(this.report, this.nowMs);
    if (bytes > 0) this.endpoint.sendRtcp(this.report, bytes, this.nowMs);
    this.playout.close();
    this.sender.close();
    if (this.endpoint.sink === this) this.endpoint.sink = undefined;
  }
}

function add(to: Int16Array, frame: Int16Array): void {
  for (let i = 0; i < to.length; i++) to[i] = clip(to[i]! + frame[i]!);
}

const clip = (value: number): number => (value > 32767 ? 32767 : value < -32768 ? -32768 : value);

