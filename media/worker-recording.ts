/**
 * A recording that runs: frames of one or two parties, or of a room, to a file.
 *
 *   party decoded here ── port's tap ─────────────────────► feed ─┐
 *   party relayed ── endpoint's tap ─► playout of our own ─► feed ─┼─► every 20 ms ─► Recorder ─► file
 *   room ── mix ──────────────────────────────────────────► feed ─┘
 *
 * A party may go from one to the other while it is recorded (hold with music, a codec that changes); the file goes on.
 */
import type { AudioFileWriter } from './audio-file';
import type { AudioFormat, RecordEnd, RecordOptions } from './audio-types';
import { codecNamed } from './codecs';
import { frameSamples, type SampleRate } from './frame';
import { Feed } from './frame-feed';
import type { Metronome, Ticking } from './metronome';
import type { Endpoint, PacketTap } from './net/endpoint';
import { Recorder } from './node/recorder';
import { Playout } from './port/playout';
import type { AudioPort, Tap } from './port/port';
import { rtpMarker, rtpPayloadEnd, rtpPayloadOffset, rtpPayloadType, rtpSequence, rtpSsrc, rtpTimestamp } from './rtp/view';
import type { Room } from './worker-room';

/** Several recordings of one relayed party hear its packets. */
const listeners = new WeakMap<Endpoint, Set<PacketTap>>();

function listenTo(endpoint: Endpoint, listener: PacketTap): void {
  let present = listeners.get(endpoint);
  if (!present) listeners.set(endpoint, (present = new Set()));
  const all = present.add(listener);
  endpoint.tap = (data, length, nowMs) => {
    for (const one of all) one(data, length, nowMs);
  };
}

function unlistenTo(endpoint: Endpoint, listener: PacketTap): void {
  const present = listeners.get(endpoint);
  if (present?.delete(listener) && present.size === 0) endpoint.tap = undefined;
}

/** What a party says, wherever its sound is just now. */
class Ear {
  private port: AudioPort | undefined;
  private playout: Playout | undefined;
  private formats: readonly AudioFormat[] | undefined;
  private readonly frame: Int16Array;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly feed: Feed,
    private readonly rate: SampleRate,
    private readonly deps: Pick<RecordingDeps, 'portOf' | 'formats' | 'random'>,
  ) {
    this.frame = new Int16Array(frameSamples(rate));
  }

  private readonly heard: Tap = (frame, rate) => this.feed.write(frame, rate);

  private readonly packet = (data: Uint8Array, length: number, nowMs: number): void => {
    const { playout } = this;
    if (!playout) return;
    const payloadType = rtpPayloadType(data);
    const offset = rtpPayloadOffset(data, length);
    const end = rtpPayloadEnd(data, length);
    if (!this.formats!.some((format) => format.payloadType === payloadType)) playout.skip(rtpSequence(data), rtpTimestamp(data), rtpSsrc(data), nowMs);
    else playout.insert(data, offset, end - offset, payloadType, rtpSequence(data), rtpTimestamp(data), rtpSsrc(data), rtpMarker(data), nowMs);
  };

  /** Before each frame: is the party where it was? */
  follow(nowMs: number): void {
    const port = this.deps.portOf(this.endpoint);
    if (port !== this.port) {
      this.port?.untap(this.heard);
      this.port = port;
      port?.tap(this.heard);
    }
    if (port) this.stopListening();
    else this.listen(nowMs);
  }

  private listen(nowMs: number): void {
    const formats = this.deps.formats(this.endpoint);
    if (formats !== this.formats) {
      this.formats = formats;
      this.playout ??= new Playout({ sampleRate: this.rate, random: this.deps.random });
      const known = formats.flatMap(({ payloadType, codec, fmtp }) => {
        const found = codecNamed(codec);
        return found ? [{ payloadType, codec: found, clockRate: found.clockRate, fmtp }] : [];
      });
      this.playout.setFormats(known, null);
      listenTo(this.endpoint, this.packet);
    }
    this.playout!.read(this.frame, nowMs);
    this.feed.write(this.frame, this.rate);
  }

  private stopListening(): void {
    unlistenTo(this.endpoint, this.packet);
    this.playout?.close();
    this.playout = undefined;
    this.formats = undefined;
  }

  close(): void {
    this.port?.untap(this.heard);
    this.stopListening();
  }
}

export interface RecordingDeps {
  metronome: Metronome;
  now: () => number;
  random: () => number;
  portOf(endpoint: Endpoint): AudioPort | undefined;
  /** What the payload types of a relayed party mean; the same array as long as that does not change. */
  formats(endpoint: Endpoint): readonly AudioFormat[];
  endpoints: readonly Endpoint[];
  room: Room | undefined;
  options: RecordOptions;
  /** Lets those who are recorded know. */
  beep(): void;
}

/** Narrowband is kept as it is; everything else as 16 kHz. */
export function recordingRate({ endpoints, room, portOf, formats }: RecordingDeps): SampleRate {
  if (room) return room.rate === 8000 ? 8000 : 16000;
  const wide = endpoints.some((endpoint) => {
    const port = portOf(endpoint);
    if (port) return port.bandwidth > 8000;
    return formats(endpoint).some(({ codec }) => (codecNamed(codec)?.bandwidth ?? 8000) > 8000);
  });
  return wide ? 16000 : 8000;
}

export class Recording implements Ticking {
  readonly ended: Promise<RecordEnd>;
  readonly room: Room | undefined;
  readonly file: string;
  private readonly recorder: Recorder;
  private readonly feeds: Feed[];
  private readonly ears: Ear[];

  /** The writer is the recording's from now on. */
  constructor(
    private readonly deps: RecordingDeps,
    writer: AudioFileWriter,
  ) {
    const { endpoints, room, options } = deps;
    this.room = room;
    this.file = options.file;
    const rate = writer.sampleRate as SampleRate;
    this.feeds = Array.from({ length: room ? 1 : endpoints.length }, () => new Feed(rate));
    this.ears = endpoints.map((endpoint, i) => new Ear(endpoint, this.feeds[i]!, rate, deps));
    this.recorder = new Recorder(writer, options);
    room?.listen(this.mixed);
    this.ended = this.recorder.ended.then((end) => {
      this.letGo();
      return end;
    });
    for (const ear of this.ears) ear.follow(deps.now());
    deps.metronome.add(this, deps.now());
  }

  concerns(endpoint: Endpoint): boolean {
    return this.deps.endpoints.includes(endpoint);
  }

  tick(nowMs: number): void {
    for (const ear of this.ears) ear.follow(nowMs);
    const [left, right] = this.feeds;
    this.recorder.write(left!.read(), right?.read());
    if (this.recorder.beepDue()) this.deps.beep();
  }

  private readonly mixed = (pcm: Int16Array, rate: SampleRate): void => this.feeds[0]!.write(pcm, rate);

  stop(why: 'stopped' | 'released'): void {
    this.letGo();
    this.recorder.stop(why);
  }

  private letGo(): void {
    this.deps.metronome.remove(this);
    for (const ear of this.ears) ear.close();
    this.room?.unlisten(this.mixed);
  }
}
