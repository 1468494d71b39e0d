/** A party on a real socket that sends a tone in any codec, 50 frames a second, and decodes what it hears. */
import { createSocket, type Socket } from 'node:dgram';
import type { AudioSetup } from '../../../../media/audio-types';
import { codecNamed } from '../../../../media/codecs';
import type { CodecName, Decoder, Encoder, SampleRate } from '../../../../media/frame';
import { judge, type Hearing } from '../../../support/tone';

export const PAYLOAD_TYPES: Record<CodecName, number> = { PCMU: 0, PCMA: 8, G722: 9, opus: 111 };

/** The setup of an endpoint that speaks this codec with its party. */
export const setupOf = (codec: CodecName, more: Partial<AudioSetup> = {}): AudioSetup => ({
  send: { codec, payloadType: PAYLOAD_TYPES[codec], ptimeMs: 20 },
  receive: [{ codec, payloadType: PAYLOAD_TYPES[codec] }],
  telephoneEvent: { send: { payloadType: 101, clockRate: 8000 }, receive: [{ payloadType: 101, clockRate: 8000 }] },
  comfortNoise: null,
  ...more,
});

export class TonePeer {
  /** RTP packets that came. */
  received = 0;
  readonly payloadTypes = new Set<number>();
  readonly sources = new Set<number>();
  /** Sequence numbers that never came, between the first and the last. */
  missing = 0;
  private lastSequence = -1;
  private heard: number[] = [];
  private readonly encoder: Encoder;
  private readonly decoder: Decoder;
  private readonly rate: SampleRate;
  private readonly clockRate: number;
  private readonly payloadType: number;
  private sequence = 1000;
  private timestamp = 5000;
  private n = 0;
  private song: Int16Array = new Int16Array(0);
  private timer: NodeJS.Timeout | undefined;
  private target: number | undefined;
  private readonly frame: Int16Array;
  private readonly out = new Int16Array(5760);

  private constructor(
    private readonly socket: Socket,
    readonly port: number,
    codec: CodecName,
    private hz: number,
  ) {
    const found = codecNamed(codec);
    if (!found) throw new Error(`no ${codec} here`);
    // no more than the ear needs: the listening is done by the thread that also has to speak in time
    this.rate = found.rates.includes(16_000) ? 16_000 : 8000;
    this.clockRate = found.clockRate;
    this.payloadType = PAYLOAD_TYPES[codec];
    this.encoder = found.encoder({ sampleRate: this.rate });
    this.decoder = found.decoder({ sampleRate: this.rate });
    this.frame = new Int16Array(this.rate / 50);
    socket.on('message', (data) => this.receive(data));
  }

  /** Hz 0: silence, in packets. */
  static async open(codec: CodecName, hz: number): Promise<TonePeer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new TonePeer(socket, socket.address().port, codec, hz);
  }

  /** Sends to that port from now on, on an absolute grid. */
  speak(port: number): void {
    this.target = port;
    const start = performance.now();
    let frames = 0;
    this.timer = setInterval(() => {
      for (const due = (performance.now() - start) / 20; frames < due; frames++) this.say();
    }, 5);
  }

  /** The tone from now on. */
  change(hz: number): void {
    this.hz = hz;
  }

  /** These samples (at its codec's rate) in place of the tone, once. */
  sing(samples: Int16Array): void {
    this.song = samples;
  }

  private say(): void {
    for (let i = 0; i < this.frame.length; i++) this.frame[i] = this.song[i] ?? Math.round(9000 * Math.sin((2 * Math.PI * this.hz * this.n++) / this.rate));
    this.song = this.song.subarray(this.frame.length);
    const payload = Buffer.alloc(1500);
    const bytes = this.encoder.encode(this.frame, payload);
    this.timestamp = (this.timestamp + this.clockRate / 50) >>> 0;
    this.send(this.payloadType, payload.subarray(0, bytes), this.timestamp, this.n === this.frame.length);
  }

  /** A packet of its stream. */
  send(payloadType: number, payload: Uint8Array, timestamp = this.timestamp, marker = false): void {
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = (marker ? 0x80 : 0) | payloadType;
    header.writeUInt16BE(this.sequence++ & 0xffff, 2);
    header.writeUInt32BE(timestamp, 4);
    header.writeUInt32BE(0x1234, 8);
    this.socket.send(Buffer.concat([header, payload]), this.target!, '127.0.0.1');
  }

  private receive(data: Buffer): void {
    if (data.length < 12 || data[0]! >> 6 !== 2 || (data[1]! >= 192 && data[1]! <= 223)) return;
    this.received++;
    const payloadType = data[1]! & 0x7f;
    this.payloadTypes.add(payloadType);
    this.sources.add(data.readUInt32BE(8));
    const sequence = data.readUInt16BE(2);
    if (this.lastSequence >= 0) this.missing += ((sequence - this.lastSequence) & 0xffff) - 1;
    this.lastSequence = sequence;
    if (payloadType !== this.payloadType) return;
    const samples = this.decoder.decode(data.subarray(12), data.length - 12, this.out);
    for (let i = 0; i < samples; i++) this.heard.push(this.out[i]!);
  }

  get seconds(): number {
    return this.heard.length / this.rate;
  }

  /** Waits until `seconds` more were heard, and returns them. */
  async listen(seconds: number): Promise<{ rate: number; samples: Float32Array }> {
    this.heard = [];
    const wanted = seconds * this.rate;
    const until = performance.now() + seconds * 1000 + 4000;
    while (this.heard.length < wanted) {
      if (performance.now() > until) throw new Error(`heard ${this.seconds.toFixed(2)} s instead of ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return { rate: this.rate, samples: Float32Array.from(this.heard.slice(0, wanted), (value) => value / 32768) };
  }

  /** What it hears in the next seconds, judged. */
  async hear(seconds = 1): Promise<Hearing> {
    return judge(await this.listen(seconds));
  }

  close(): void {
    clearInterval(this.timer);
    this.socket.close();
    this.encoder.close();
    this.decoder.close();
  }
}
