/**
 * One party's sound on its way out: frames of PCM in, RTP packets of whatever was negotiated out (RFC 3550 §5.1, RFC 3551 §4.1).
 *
 *   frame (20 ms) ─► resample ─► packet time (10 to 60 ms) ─► encode ─► header ─► endpoint
 *                                         key presses in its place (RFC 4733) ─┘
 *
 * The timestamp counts time, not packets: it goes on while nothing is sent (hold, DTX, a skipped tick), and the packet after the pause
 * carries the marker. The SSRC stays, unless the RTP clock changes (RFC 7160 §4.1 advises a new one).
 */
import { frameSamples, type Codec, type Encoder, type SampleRate } from '../frame';
import { Resampler } from '../audio/resample';
import { TelephoneEventSender } from '../rtp/telephone-event';
import { RTP_HEADER_BYTES, setUint32 } from '../rtp/view';

export interface SendFormat {
  codec: Codec;
  payloadType: number;
  fmtp?: string | undefined;
  ptimeMs: number;
}

export interface SenderOptions {
  /** Sends a finished packet; the data may be reused when it returns. */
  send: (data: Uint8Array, length: number, payloadBytes: number, timestamp: number) => void;
  /** 0 to 2^32-1, unpredictable. */
  random32: () => number;
}

const LARGEST_PAYLOAD = 1500;
const MARKER = 0x80;
const SMOOTH_MS = 5;
/** Longer than the resampler's filter. */
const PRIME_MS = 10;
/** While nobody said what will be sent. */
const FIRST_CLOCK = 8000;
const NO_SAMPLES = new Int16Array(0);

export class Sender {
  packets = 0;
  /** Packets that the encoder found not worth sending. */
  dtx = 0;
  ssrc: number;
  private sequence: number;
  private timestamp: number;
  private format: SendFormat | null = null;
  private encoder: Encoder | undefined;
  private resampler: Resampler | undefined;
  /** Of the frames that come in. */
  private rate: SampleRate = 8000;
  private resampled = NO_SAMPLES;
  /** What is waiting to become a packet: `filled` samples at the encoder's rate. */
  private pending = NO_SAMPLES;
  private filled = 0;
  /** RTP clock of the format, or of the last one while there is none, Hz. 0: there was none yet. */
  private clockRate = 0;
  private timestampStep = 0;
  /** The last sample that was taken in; how far the first one after a change of rate is from it, and for how many samples that is made up for. */
  private last = 0;
  private joint = false;
  private offset = 0;
  private offsetLeft = 0;
  private marker = true;
  private loss = 0;
  private rttMs: number | null = null;
  /** Key presses on their way, and the payload type that says so; undefined: the party takes none. */
  private digits: { sender: TelephoneEventSender; payloadType: number; clockRate: number; ptimeMs: number } | undefined;
  private readonly packet = new Uint8Array(RTP_HEADER_BYTES + LARGEST_PAYLOAD);
  private readonly payload = this.packet.subarray(RTP_HEADER_BYTES);

  constructor(private readonly options: SenderOptions) {
    this.ssrc = options.random32();
    this.sequence = options.random32() & 0xffff;
    this.timestamp = options.random32();
    this.packet[0] = 0x80;
  }

  /** null: nothing is sent; time goes on. A packet time that the codec does not have becomes the nearest that it has. */
  setFormat(wanted: SendFormat | null): void {
    const before = this.format;
    const format = wanted && { ...wanted, ptimeMs: nearestPtime(wanted.codec.ptimes, wanted.ptimeMs) };
    if (before && format && before.codec === format.codec && before.payloadType === format.payloadType && before.fmtp === format.fmtp && before.ptimeMs === format.ptimeMs) return;
    this.dropPending();
    this.format = format;
    this.encoder?.close();
    this.encoder = undefined;
    this.marker = true;
    if (!format) return;
    const { clockRate } = format.codec;
    // also when it was silent in between: the clock that counts is that of the packets before
    if (this.clockRate !== 0 && this.clockRate !== clockRate && this.packets > 0) this.ssrc = this.options.random32();
    this.clockRate = clockRate;
    this.timestampStep = (clockRate * format.ptimeMs) / 1000;
    if (!before) this.last = 0;
    this.fit();
  }

  /** What did not become a packet is not sent, but its time has passed. */
  private dropPending(): void {
    if (this.filled > 0 && this.encoder !== undefined) this.timestamp = (this.timestamp + Math.round((this.filled * this.clockRate) / this.encoder.sampleRate)) >>> 0;
    this.filled = 0;
  }

  /** Key presses as RFC 4733 events from now on; null: not at all. To be said after `setFormat`. What waits to be sent is kept when nothing changes. */
  setDigits(event: { payloadType: number; clockRate: number } | null): void {
    const before = this.digits;
    const ptimeMs = this.format?.ptimeMs ?? before?.ptimeMs ?? 20; // while nothing is sent, what waits is kept
    if (event && before && event.payloadType === before.payloadType && event.clockRate === before.clockRate && ptimeMs === before.ptimeMs) return;
    this.digits = event ? { ...event, ptimeMs, sender: new TelephoneEventSender(event.clockRate, ptimeMs) } : undefined;
  }

  /** False: the party takes no events, or more wait than anybody presses. */
  press(digits: string, ms: number): boolean {
    return this.digits?.sender.queue(digits, ms) ?? false;
  }

  get takesDigits(): boolean {
    return this.digits !== undefined && this.format !== null;
  }

  /** PCM rate of the frames from now on. */
  setRate(rate: SampleRate): void {
    if (rate === this.rate) return;
    this.rate = rate;
    if (this.format) this.fit();
  }

  /** An encoder for the rate that comes in, or for the nearest it has, with a resampler before it. */
  private fit(): void {
    const format = this.format!;
    const { rates } = format.codec;
    const rate = rates.find((r) => r >= this.rate) ?? rates[rates.length - 1]!;
    if (this.encoder?.sampleRate !== rate) {
      this.dropPending();
      this.encoder?.close();
      this.encoder = format.codec.encoder({ sampleRate: rate, fmtp: format.fmtp });
      this.encoder.lossReported(this.loss, this.rttMs);
      this.pending = new Int16Array((rate * format.ptimeMs) / 1000);
    }
    this.joint = true;
    this.resampler = rate === this.rate ? undefined : new Resampler(this.rate, rate);
    this.resampled = this.resampler ? new Int16Array(frameSamples(rate)) : NO_SAMPLES;
  }

  /** Whether anything is to be sent: if not, nobody needs to make sound for it. */
  get active(): boolean {
    return this.format !== null;
  }

  /** What of the rate that comes in would be of use. */
  get bandwidth(): SampleRate {
    return this.format?.codec.bandwidth ?? 8000;
  }

  /** One frame at the rate of `setRate`. */
  write(pcm: Int16Array): void {
    if (this.format === null || this.encoder === undefined) {
      this.pause(1);
      return;
    }
    let frame = pcm;
    if (this.resampler !== undefined) {
      if (this.joint) this.prime(this.resampler, pcm[0]!);
      this.resampler.process(pcm, pcm.length, this.resampled);
      frame = this.resampled;
    }
    if (this.joint) this.meet(frame[0]!);
    const { pending } = this;
    for (let at = 0; at < frame.length; ) {
      const n = Math.min(pending.length - this.filled, frame.length - at);
      if (this.offsetLeft > 0) for (let i = 0; i < n; i++) pending[this.filled + i] = this.smooth(frame[at + i]!);
      else for (let i = 0; i < n; i++) pending[this.filled + i] = frame[at + i]!;
      this.filled += n;
      at += n;
      if (this.filled === pending.length) {
        this.flush();
        this.filled = 0;
      }
    }
    this.last = frame[frame.length - 1]!;
  }

  /** A filter that begins with the first sample and not with silence, out of which that would come as an edge. */
  private prime(resampler: Resampler, first: number): void {
    const before = new Int16Array((this.rate * PRIME_MS) / 1000).fill(first);
    resampler.process(before, before.length, this.resampled);
  }

  /** The rate changed, and with it the delay on the way here: what comes now does not follow from what was there, and would click. */
  private meet(first: number): void {
    this.joint = false;
    this.offset = this.last - first;
    this.offsetLeft = Math.round((this.encoder!.sampleRate * SMOOTH_MS) / 1000);
  }

  private smooth(sample: number): number {
    if (this.offsetLeft <= 0) return sample;
    const value = sample + this.offset * (0.5 - 0.5 * Math.cos((Math.PI * this.offsetLeft--) / ((this.encoder!.sampleRate * SMOOTH_MS) / 1000)));
    return value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : Math.round(value);
  }

  private flush(): void {
    const { digits } = this;
    if (digits !== undefined && !digits.sender.idle) {
      const bytes = digits.sender.next(this.payload, this.timestamp);
      if (bytes > 0) {
        this.emit(digits.payloadType, digits.sender.marker, digits.sender.timestamp, bytes);
        this.marker = true;
      }
      if (bytes > 0 || digits.sender.pressing) {
        this.timestamp = (this.timestamp + this.timestampStep) >>> 0;
        return;
      }
    }
    const bytes = this.encoder!.encode(this.pending, this.payload);
    if (bytes > 0) this.emit(this.format!.payloadType, this.marker, this.timestamp, bytes);
    else this.dtx++;
    this.marker = bytes === 0;
    this.timestamp = (this.timestamp + this.timestampStep) >>> 0;
  }

  private emit(payloadType: number, marker: boolean, timestamp: number, payloadBytes: number): void {
    const { packet } = this;
    this.sequence = (this.sequence + 1) & 0xffff;
    packet[1] = (marker ? MARKER : 0) | payloadType;
    packet[2] = this.sequence >> 8;
    packet[3] = this.sequence & 0xff;
    setUint32(packet, 4, timestamp);
    setUint32(packet, 8, this.ssrc);
    this.packets++;
    this.options.send(packet, RTP_HEADER_BYTES + payloadBytes, payloadBytes, timestamp);
  }

  /** Frames for which nothing is written: time goes on. */
  pause(frames: number): void {
    this.timestamp = (this.timestamp + frames * frameSamples(this.clockRate || FIRST_CLOCK)) >>> 0;
    this.marker = true;
  }

  /** As the far end reports it: 0 to 1, and ms where that is known. */
  lossReported(fraction: number, rttMs: number | null): void {
    this.loss = fraction;
    this.rttMs = rttMs;
    this.encoder?.lossReported(fraction, rttMs);
  }

  describe(): string {
    return this.format ? `${this.format.codec.name}${this.format.ptimeMs === 20 ? '' : `(${this.format.ptimeMs}ms)`}` : 'silent';
  }

  close(): void {
    this.encoder?.close();
    this.encoder = undefined;
    this.format = null;
  }
}

function nearestPtime(ptimes: readonly number[], wanted: number): number {
  let best = ptimes[0]!;
  for (const ptime of ptimes) if (Math.abs(ptime - wanted) < Math.abs(best - wanted)) best = ptime;
  return best;
}
