/**
 * Where a WebSocket's bytes (RFC 6455 §5.2) stand: between two messages, or within one. Only borders are looked at; what is wrong with a
 * frame is for the library to find.
 */

/** First two bytes, eight of a length, four of a mask. */
const MOST_HEADER = 14;
const FIN = 0x80;
const MASKED = 0x80;
/** Opcodes from here on are control frames, which may stand among the fragments of a message (§5.4). */
const CONTROL = 0x8;

export class FrameBorders {
  private readonly header = Buffer.alloc(MOST_HEADER);
  private known = 0;
  /** Of the payload of a frame whose header is known. */
  private left = 0;
  private fragments = false;

  /** Whether a frame, or a message in fragments, has begun and not ended. */
  get within(): boolean {
    return this.known > 0 || this.fragments;
  }

  /** Whether there was a border between messages in it. */
  push(chunk: Buffer): boolean {
    let border = false;
    for (let at = 0; at < chunk.length; ) {
      if (this.left > 0) {
        const taken = Math.min(this.left, chunk.length - at);
        at += taken;
        this.left -= taken;
      } else {
        this.header[this.known++] = chunk[at++] ?? 0;
        if (this.known < this.headerBytes()) continue;
        this.left = this.payloadBytes();
      }
      if (this.left > 0) continue;
      this.known = 0;
      const first = this.header[0] ?? 0;
      if ((first & 0x0f) < CONTROL) this.fragments = (first & FIN) === 0;
      border ||= !this.fragments;
    }
    return border;
  }

  private headerBytes(): number {
    if (this.known < 2) return 2;
    const second = this.header[1] ?? 0;
    const length = second & 0x7f;
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + ((second & MASKED) === 0 ? 0 : 4);
  }

  private payloadBytes(): number {
    const length = (this.header[1] ?? 0) & 0x7f;
    if (length === 127) return Number(this.header.readBigUInt64BE(2));
    return length === 126 ? this.header.readUInt16BE(2) : length;
  }
}
