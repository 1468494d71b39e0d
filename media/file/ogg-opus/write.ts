/**
 * An Ogg/Opus file (RFC 7845) that grows:
 *
 *   write ─► 20 ms ─► encoder ─► page (one second) ─► queue ─► disk, at the end
 *
 * A page holds whole packets and its own checksum, so whatever was appended plays, however the writing ended; nothing is ever written over.
 * The last page says where the sound really ends (§4.4), which a file that was cut off in between lacks: it plays to its last page.
 */
import { systemProblem, type AudioFileEnd, type AudioFileWriter, type GrowingFile } from '../../audio-file';
import { FIRST_PAGE, LAST_PAGE, PageBuilder } from './page';

/** Makes the packets: `codec/opus.ts` has one. */
export interface PacketEncoder {
  readonly channels: 1 | 2;
  /** Hz. */
  readonly sampleRate: number;
  /** Samples per channel of a packet. */
  readonly frameSamples: number;
  /** Samples at 48 kHz to be thrown away at the start of what is decoded. */
  readonly preSkip: number;
  /** Octets written to `out`; negative: it failed. */
  encode(interleaved: Int16Array, out: Uint8Array): number;
  close(): void;
}

export interface OggOpusWriterOptions {
  /** The writer's from now on. */
  encoder: PacketEncoder;
  /** Tells streams apart that are put together later; any number of 32 bits. */
  serial: number;
}

/** Granule positions count at 48 kHz, whatever the sound had before (§4). */
const GRANULE_RATE = 48_000;
const PAGE_GRANULES = GRANULE_RATE;
const LARGEST_PACKET = 1500;
/** A frame that could not be encoded: 20 ms of nothing (RFC 6716: CELT, fullband, 20 ms, one empty frame). */
const NOTHING = new Uint8Array([0xf8]);

export class OggOpusWriter implements AudioFileWriter {
  readonly channels: 1 | 2;
  readonly sampleRate: number;
  problem: string | undefined;
  /** Frames that the encoder refused, and that are silent in the file. */
  failedFrames = 0;
  private readonly encoder: PacketEncoder;
  private readonly pages: PageBuilder;
  private readonly frame: Int16Array;
  private filled = 0;
  private readonly packet = new Uint8Array(LARGEST_PACKET);
  /** Samples per channel that were written. */
  private samples = 0;
  /** Granules in packets so far, and of those on finished pages. */
  private granule = 0;
  private paged = 0;
  private readonly queue: Array<{ page: Uint8Array; granule: number }> = [];
  /** On the disk. */
  private bytes = 0;
  private stored = 0;
  private flushing: Promise<void> | undefined;
  private closing: Promise<AudioFileEnd> | undefined;

  /** The file is new and empty, and the writer's from now on. */
  constructor(
    private readonly file: GrowingFile,
    { encoder, serial }: OggOpusWriterOptions,
  ) {
    this.encoder = encoder;
    this.channels = encoder.channels;
    this.sampleRate = encoder.sampleRate;
    this.frame = new Int16Array(encoder.frameSamples * encoder.channels);
    this.pages = new PageBuilder(serial >>> 0);
    // §3: two headers, each a page of its own, and no sound on either.
    const head = identification(encoder);
    this.pages.add(head, head.length);
    this.queue.push({ page: this.pages.finish(0, FIRST_PAGE), granule: 0 });
    const tags = comments();
    this.pages.add(tags, tags.length);
    this.queue.push({ page: this.pages.finish(0), granule: 0 });
    this.flush();
  }

  get pendingMs(): number {
    if (this.problem !== undefined) return 0;
    return Math.max(0, (this.samples / this.sampleRate) * 1000 - (this.stored * 1000) / GRANULE_RATE);
  }

  write(samples: Int16Array): void {
    if (this.problem !== undefined || this.closing !== undefined) return;
    let at = 0;
    while (at < samples.length) {
      const some = Math.min(samples.length - at, this.frame.length - this.filled);
      for (let i = 0; i < some; i++) this.frame[this.filled + i] = samples[at + i]!;
      at += some;
      this.filled += some;
      this.samples += some / this.channels;
      if (this.filled === this.frame.length) this.encodeFrame();
    }
  }

  close(): Promise<AudioFileEnd> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private encodeFrame(): void {
    let length = this.encoder.encode(this.frame, this.packet);
    if (length <= 0) {
      this.failedFrames++;
      this.packet.set(NOTHING);
      length = NOTHING.length;
    }
    this.filled = 0;
    if (!this.pages.fits(length)) this.endPage();
    this.pages.add(this.packet, length);
    this.granule += (this.encoder.frameSamples * GRANULE_RATE) / this.sampleRate;
    if (this.granule - this.paged >= PAGE_GRANULES) this.endPage();
  }

  private endPage(): void {
    this.queue.push({ page: this.pages.finish(this.granule), granule: this.granule });
    this.paged = this.granule;
    this.flush();
  }

  private flush(): void {
    this.flushing ??= this.drain().finally(() => (this.flushing = undefined));
  }

  private async drain(): Promise<void> {
    try {
      while (this.queue.length > 0) {
        const { page, granule } = this.queue[0]!;
        await this.append(page);
        this.bytes += page.length;
        this.stored = granule;
        this.queue.shift();
      }
    } catch (error) {
      this.problem ??= `Nothing more could be recorded: ${systemProblem(error)}.`;
      this.queue.length = 0;
    }
  }

  private async append(page: Uint8Array): Promise<void> {
    let done = 0;
    while (done < page.length) {
      const { bytesWritten } = await this.file.write(page, done, page.length - done, this.bytes + done);
      if (bytesWritten === 0) throw new Error('the disk takes nothing more');
      done += bytesWritten;
    }
  }

  private async finish(): Promise<AudioFileEnd> {
    const end = Math.round((this.samples * GRANULE_RATE) / this.sampleRate) + this.encoder.preSkip;
    if (this.problem === undefined) {
      // Silence behind it, until the encoder has put out all that it holds back; a page for the end there must be in any case.
      do {
        this.frame.fill(0, this.filled);
        this.encodeFrame();
      } while (this.granule < end);
      // The last frame may just have ended a page.
      if (this.pages.isEmpty) {
        this.frame.fill(0);
        this.encodeFrame();
      }
      this.queue.push({ page: this.pages.finish(end, LAST_PAGE), granule: end });
      this.flush();
    }
    this.encoder.close();
    while (this.flushing !== undefined) await this.flushing;
    try {
      // What of a page did not fit.
      await this.file.truncate(this.bytes);
      await this.file.datasync();
    } catch (error) {
      this.problem ??= `The recording may not be whole: ${systemProblem(error)}.`;
    }
    await this.file.close().catch((error) => (this.problem ??= `The recording may not be whole: ${systemProblem(error)}.`));
    const played = Math.max(0, Math.min(this.stored, end) - this.encoder.preSkip);
    this.samples = Math.min(this.samples, (played * this.sampleRate) / GRANULE_RATE);
    this.stored = Infinity;
    return { bytes: this.bytes, durationMs: (played * 1000) / GRANULE_RATE, problem: this.problem };
  }
}

/** §5.1 */
function identification({ channels, preSkip, sampleRate }: PacketEncoder): Uint8Array {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0, 'latin1');
  head[8] = 1;
  head[9] = channels;
  head.writeUInt16LE(preSkip, 10);
  head.writeUInt32LE(sampleRate, 12);
  return head;
}

/** §5.2 */
function comments(): Uint8Array {
  const vendor = Buffer.from('Offhook', 'utf8');
  const tags = Buffer.alloc(8 + 4 + vendor.length + 4);
  tags.write('OpusTags', 0, 'latin1');
  tags.writeUInt32LE(vendor.length, 8);
  vendor.copy(tags, 12);
  return tags;
}
