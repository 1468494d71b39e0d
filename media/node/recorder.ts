/**
 * The recorder: one frame a tick into a file, until it is stopped, long enough, silent for long enough, or the disk takes no more.
 *
 *   left, right ─► both in one frame ─► silent? ─► writer ─► disk
 *
 * It never waits for the disk: what the disk has not taken is counted by the writer, and beyond 5 s of that frames are dropped, and counted.
 * The recording is then shorter than the call, but its sides stay together.
 */
import { levelOf } from '../audio/level';
import type { AudioFileWriter } from '../audio-file';
import type { RecordEnd, RecordOptions } from '../audio-types';
import { FRAME_MS, frameSamples } from '../frame';
import { SilenceDetector } from './recorder/silence';

export const DEFAULT_MAX_MS = 4 * 3600_000;
/** More than the disk's hiccups; at 48 kHz in stereo about 1 MB. */
const MAX_PENDING_MS = 5000;
/** Left of the silence that is cut off: the end of a word is soft. */
const KEPT_SILENCE_MS = 200;

export class Recorder {
  /** When it has ended and the file is closed. Never fails. */
  readonly ended: Promise<RecordEnd>;
  /** Frames that the disk was too slow for. */
  dropped = 0;
  private readonly interleaved: Int16Array;
  private readonly silence: SilenceDetector | undefined;
  private resolve!: (end: RecordEnd) => void;
  private stopped = false;
  private takenMs = 0;
  /** In the file. */
  private writtenMs = 0;
  /** In the file, up to the last frame that was not silent; and how long it has been silent since. */
  private soundMs = 0;
  private silentMs = 0;
  private beepAtMs: number;

  /** The writer is the recorder's from now on. */
  constructor(
    private readonly writer: AudioFileWriter,
    private readonly options: RecordOptions,
  ) {
    this.ended = new Promise((resolve) => (this.resolve = resolve));
    this.interleaved = new Int16Array(frameSamples(writer.sampleRate) * writer.channels);
    this.silence = options.silenceMs === undefined ? undefined : new SilenceDetector();
    this.beepAtMs = options.beepEveryMs === undefined ? Infinity : 0;
  }

  /** Taken so far, dropped frames included. */
  get elapsedMs(): number {
    return this.takenMs;
  }

  get done(): boolean {
    return this.stopped;
  }

  /** One frame of 20 ms at the writer's rate; into a file of one channel both sides are added. Without `right` that side is silent. */
  write(left: Int16Array, right?: Int16Array): void {
    if (this.stopped) return;
    if (this.writer.problem !== undefined) return this.stop('failed');
    this.takenMs += FRAME_MS;
    if (this.writer.pendingMs > MAX_PENDING_MS) this.dropped++;
    else {
      this.writer.write(this.together(left, right));
      this.writtenMs += FRAME_MS;
    }
    if (this.silence !== undefined && this.wentSilent(left, right)) return this.stop('silence');
    if (this.takenMs >= (this.options.maxMs ?? DEFAULT_MAX_MS)) this.stop('limit');
  }

  /** Whether it is time for the beep that says that this is recorded; true once for each. The first is due at once. */
  beepDue(): boolean {
    if (this.stopped || this.takenMs < this.beepAtMs) return false;
    this.beepAtMs = this.takenMs + (this.options.beepEveryMs ?? Infinity);
    return true;
  }

  /** Idempotent: the first reason counts. */
  stop(why: RecordEnd['why']): void {
    if (this.stopped) return;
    this.stopped = true;
    if (why === 'silence') this.writer.truncateTo?.(Math.min(this.writtenMs, this.soundMs === 0 ? 0 : this.soundMs + KEPT_SILENCE_MS));
    void this.writer.close().then(({ bytes, durationMs, problem }) => {
      const end: RecordEnd = { why: problem === undefined ? why : 'failed', file: this.options.file, durationMs, bytes };
      this.resolve(problem === undefined ? end : { ...end, problem });
    });
  }

  private together(left: Int16Array, right: Int16Array | undefined): Int16Array {
    const { interleaved } = this;
    if (this.writer.channels === 2) {
      for (let i = 0; i < left.length; i++) {
        interleaved[2 * i] = left[i]!;
        interleaved[2 * i + 1] = right === undefined ? 0 : right[i]!;
      }
      return interleaved;
    }
    if (right === undefined) return left;
    for (let i = 0; i < left.length; i++) {
      const sum = left[i]! + right[i]!;
      interleaved[i] = sum > 32_767 ? 32_767 : sum < -32_768 ? -32_768 : sum;
    }
    return interleaved;
  }

  private wentSilent(left: Int16Array, right: Int16Array | undefined): boolean {
    const level = Math.max(levelOf(left), right === undefined ? -127 : levelOf(right));
    if (this.silence!.hear(level, FRAME_MS)) this.silentMs += FRAME_MS;
    else {
      this.silentMs = 0;
      this.soundMs = this.writtenMs;
    }
    return this.silentMs >= this.options.silenceMs!;
  }
}
