/**
 * A WAV file that grows: PCM of 16 bits, one or two channels.
 *
 *   write ─► batch (half a second) ─► queue ─► disk: samples at the end, then the header's two sizes
 *
 * Samples first, sizes then: the header never claims more than is there. Killed in between, the file has up to one batch more than its header
 * says, which our reader finds. The sizes go out in one write of 44 octets, so they never disagree.
 *
 * To the disk itself (fdatasync) it is brought when it is closed, not in between: against a killed process the system's cache is enough, and
 * against a power failure half a second of waiting per recording would be the price.
 */
import { systemProblem, type AudioFileEnd, type AudioFileWriter, type GrowingFile } from '../../audio-file';

const HEADER_BYTES = 44;
/** Both sizes are 32 bits; the RIFF size counts 36 octets of header. */
const MAX_DATA_BYTES = 0xffff_ffff - 36;
const BATCH_MS = 500;

export interface WavWriterOptions {
  channels: 1 | 2;
  /** Hz. */
  sampleRate: number;
  /** The most that a file can hold, octets of samples; for tests. */
  maxDataBytes?: number | undefined;
}

export class WavWriter implements AudioFileWriter {
  readonly channels: 1 | 2;
  readonly sampleRate: number;
  problem: string | undefined;
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private readonly frameBytes: number;
  private readonly maxDataBytes: number;
  private batch: Int16Array;
  /** Samples in it. */
  private filled = 0;
  private readonly queue: Int16Array[] = [];
  /** Taken back from the disk, to be filled again. */
  private spare: Int16Array | undefined;
  /** Octets of samples: accepted, and on the disk. */
  private accepted = 0;
  private stored = 0;
  private hasHeader = false;
  private keepMs = Infinity;
  private flushing: Promise<void> | undefined;
  private closing: Promise<AudioFileEnd> | undefined;

  /** The file is new and empty, and the writer's from now on. */
  constructor(
    private readonly file: GrowingFile,
    { channels, sampleRate, maxDataBytes = MAX_DATA_BYTES }: WavWriterOptions,
  ) {
    this.channels = channels;
    this.sampleRate = sampleRate;
    this.frameBytes = 2 * channels;
    this.maxDataBytes = maxDataBytes - (maxDataBytes % this.frameBytes);
    this.batch = new Int16Array(((sampleRate * BATCH_MS) / 1000) * channels);
    writeHeader(this.header, channels, sampleRate);
    this.flush();
  }

  get pendingMs(): number {
    return ((this.accepted - this.stored) / this.frameBytes / this.sampleRate) * 1000;
  }

  write(samples: Int16Array): void {
    if (this.problem !== undefined || this.closing !== undefined) return;
    let at = 0;
    while (at < samples.length) {
      const some = Math.min(samples.length - at, this.batch.length - this.filled);
      for (let i = 0; i < some; i++) this.batch[this.filled + i] = samples[at + i]!;
      at += some;
      this.filled += some;
      this.accepted += some * 2;
      if (this.filled === this.batch.length) this.flush();
    }
  }

  truncateTo(ms: number): void {
    this.keepMs = Math.max(0, ms);
  }

  close(): Promise<AudioFileEnd> {
    this.closing ??= this.finish();
    return this.closing;
  }

  /** What is gathered goes to the disk, after what is under way. */
  private flush(): void {
    if (this.filled > 0) {
      this.queue.push(this.filled === this.batch.length ? this.batch : this.batch.subarray(0, this.filled));
      this.batch = this.spare ?? new Int16Array(this.batch.length);
      this.spare = undefined;
      this.filled = 0;
    }
    this.flushing ??= this.drain().finally(() => (this.flushing = undefined));
  }

  private async drain(): Promise<void> {
    try {
      if (!this.hasHeader) await this.putHeader(0);
      while (this.queue.length > 0) {
        const batch = this.queue[0]!;
        await this.put(batch);
        await this.putHeader(this.stored);
        this.queue.shift();
        if (batch.length === this.batch.length) this.spare = batch;
      }
    } catch (error) {
      this.problem ??= `Nothing more could be recorded: ${systemProblem(error)}.`;
      this.queue.length = 0;
      this.filled = 0;
      this.accepted = this.stored;
      // Some of the last batch may have arrived; a header that was written before needs no new room.
      if (this.hasHeader) await this.putHeader(this.stored).catch(() => undefined);
    }
  }

  private async put(batch: Int16Array): Promise<void> {
    const bytes = new Uint8Array(batch.buffer, batch.byteOffset, batch.byteLength);
    const room = this.maxDataBytes - this.stored;
    const length = Math.min(bytes.length, room);
    let done = 0;
    try {
      while (done < length) {
        const { bytesWritten } = await this.file.write(bytes, done, length - done, HEADER_BYTES + this.stored + done);
        if (bytesWritten === 0) throw new Error('the disk takes nothing more');
        done += bytesWritten;
      }
    } finally {
      this.stored += done - (done % this.frameBytes);
    }
    if (bytes.length > room) throw new Error('a WAV file cannot be larger than 4 GB');
  }

  private async putHeader(dataBytes: number): Promise<void> {
    this.header.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
    this.header.writeUInt32LE(dataBytes, 40);
    const { bytesWritten } = await this.file.write(this.header, 0, HEADER_BYTES, 0);
    if (bytesWritten < HEADER_BYTES) throw new Error('the disk takes nothing more');
    this.hasHeader = true;
  }

  private async finish(): Promise<AudioFileEnd> {
    // What was gathered is handed over; `closing` is set by now, so nothing follows it.
    while (this.filled > 0 || this.flushing !== undefined) {
      if (this.filled > 0) this.flush();
      await this.flushing;
    }
    const keep = Math.min(this.stored, Math.round((this.keepMs / 1000) * this.sampleRate) * this.frameBytes);
    try {
      if (keep < this.stored) await this.putHeader(keep);
      this.stored = this.accepted = keep;
      // Half a sample frame, and what was cut off.
      if (this.hasHeader) await this.file.truncate(HEADER_BYTES + keep);
      await this.file.datasync();
    } catch (error) {
      this.problem ??= `The recording may not be whole: ${systemProblem(error)}.`;
    }
    await this.file.close().catch((error) => (this.problem ??= `The recording may not be whole: ${systemProblem(error)}.`));
    return { bytes: this.hasHeader ? HEADER_BYTES + keep : 0, durationMs: (keep / this.frameBytes / this.sampleRate) * 1000, problem: this.problem };
  }
}

function writeHeader(header: Buffer, channels: number, sampleRate: number): void {
  header.write('RIFF', 0, 'latin1');
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
}
