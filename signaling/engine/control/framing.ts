/**
 * Frames of the control protocol: `<length>#<payload>`, length in ASCII decimal, counted in bytes of UTF-8.
 *
 *     56#c4f2d816-05d9-…|authenticate|cymru|
 *     ^^ bytes of what follows the '#'
 *
 * Frames arrive split and joined in any way. What cannot be a frame (a length that is not a number, is zero, or is beyond
 * the limit) throws: the stream has no point to resynchronise at, so its connection has to be closed.
 */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  constructor(
    readonly code: 'length' | 'too-large',
    message: string,
  ) {
    super(message);
  }
}

const HASH = 0x23;
const ZERO = 0x30;

/** A frame as text; in UTF-8 it has the bytes it says. */
export function frameText(payload: string): string {
  return `${Buffer.byteLength(payload)}#${payload}`;
}

export class FrameReader {
  private chunks: Buffer[] = [];
  private size = 0;
  /** Payload length of the frame being collected; -1 while its length is not read. */
  private expected = -1;
  private readonly digits: number;

  constructor(private maxFrameBytes: number) {
    this.digits = String(Number.MAX_SAFE_INTEGER).length;
  }

  /** Bytes received and not yet part of a delivered frame. */
  get pendingBytes(): number {
    return this.size;
  }

  /** A peer that has proved who it is may send larger frames. */
  setLimit(maxFrameBytes: number): void {
    this.maxFrameBytes = maxFrameBytes;
  }

  /**
   * Adds bytes and hands every complete payload to `deliver`, in order. `deliver` may call setLimit; returning false stops
   * (the connection was closed meanwhile) and drops what is left.
   */
  push(chunk: Buffer, deliver: (payload: string) => boolean | void): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    for (;;) {
      if (this.expected < 0 && !this.readLength()) return;
      if (this.size < this.expected) return;
      const payload = this.take(this.expected).toString('utf8');
      this.expected = -1;
      if (deliver(payload) === false) {
        this.chunks = [];
        this.size = 0;
        return;
      }
    }
  }

  private readLength(): boolean {
    if (this.size === 0) return false;
    const head = this.joined();
    const end = head.subarray(0, this.digits + 1).indexOf(HASH);
    const seen = end < 0 ? Math.min(head.length, this.digits + 1) : end;
    let length = 0;
    for (let i = 0; i < seen; i++) {
      const digit = head[i]! - ZERO;
      if (digit < 0 || digit > 9) throw new FrameError('length', 'a frame starts with its length in decimal digits and "#"');
      length = length * 10 + digit;
    }
    if (length > this.maxFrameBytes) throw new FrameError('too-large', `a frame of ${length} bytes is over the limit of ${this.maxFrameBytes}`);
    if (end < 0) {
      if (seen > this.digits) throw new FrameError('length', 'the length of a frame has too many digits');
      return false;
    }
    if (end === 0 || length === 0) throw new FrameError('length', 'the length of a frame is at least 1');
    this.take(end + 1);
    this.expected = length;
    return true;
  }

  private joined(): Buffer {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks, this.size)];
    return this.chunks[0]!;
  }

  private take(bytes: number): Buffer {
    const all = this.joined();
    this.chunks = bytes < all.length ? [all.subarray(bytes)] : [];
    this.size -= bytes;
    return all.subarray(0, bytes);
  }
}
