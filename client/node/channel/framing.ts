/**
 * Bytes of a stream → SIP messages and keep-alives (RFC 3261 §7.5, §18.3; RFC 5626 §3.5.1).
 *
 *     CRLFCRLF between messages     a ping of the far end
 *     CRLF                          a pong, or the first half of a ping
 *     start line … empty line       then as many bytes as Content-Length (`l`) says
 *
 * Each byte is looked at once, however the stream was cut, and at most one message is held.
 */

export interface FramingEvents {
  message(text: string): void;
  ping(): void;
  pong(): void;
}

/** What follows cannot be told apart any more: the connection has to be closed. The message is a sentence's end: 'it sent …'. */
export class FramingError extends Error {}

export const MAX_HEAD_BYTES = 64 * 1024;
export const MAX_BODY_BYTES = 1024 * 1024;

const CR = 0x0d;
const LF = 0x0a;
const CRLF = Buffer.from('\r\n');
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const EMPTY = Buffer.alloc(0);
/** A start line begins with a method or 'SIP/': a token (§25.1). */
const TOKEN = /^[A-Za-z0-9.!%*_+`'~/-]$/;

export class StreamFraming {
  private chunks: Buffer[] = [];
  private held = 0;
  /** The unfinished message in one piece is only made when there is something new to find in it. */
  private scanned = 0;
  /** Bytes of the whole message; 0: its head is not complete. */
  private need = 0;
  private halfPing = false;

  constructor(private readonly events: FramingEvents) {}

  /** Bytes held of a message that is not complete. */
  get pending(): number {
    return this.held;
  }

  /** @throws FramingError */
  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.held += chunk.length;
    if (this.need > this.held) return;
    let data = this.joined();
    for (;;) {
      if (this.need === 0 && this.scanned === 0) data = this.skipLineEnds(data);
      if (data.length === 0 || (this.need === 0 && !this.findHead(data)) || data.length < this.need) break;
      const text = data.toString('utf8', 0, this.need);
      data = data.subarray(this.need);
      this.need = 0;
      this.scanned = 0;
      this.events.message(text);
    }
    this.chunks = data.length > 0 ? [data] : [];
    this.held = data.length;
  }

  private joined(): Buffer {
    return this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks);
  }

  private skipLineEnds(data: Buffer): Buffer {
    let at = 0;
    let alone = false;
    while (at + 1 < data.length && data[at] === CR && data[at + 1] === LF) {
      at += 2;
      if (this.halfPing) this.events.ping();
      this.halfPing = !this.halfPing;
      alone = this.halfPing;
    }
    // One by itself is a pong; should its other half come later after all, it is answered, too.
    if (alone) this.events.pong();
    if (at === data.length) return EMPTY;
    const rest = data.subarray(at);
    if (rest[0] === CR && rest.length === 1) return rest;
    this.halfPing = false;
    if (!TOKEN.test(String.fromCharCode(rest[0] as number))) throw new FramingError('it sent bytes that cannot be SIP');
    return rest;
  }

  /** True when the headers are complete; sets `need`. */
  private findHead(data: Buffer): boolean {
    if (data[0] === CR) return false;
    // The end of the headers may straddle what was searched before.
    const from = Math.max(0, this.scanned - 3);
    const end = data.indexOf(END_OF_HEAD, from);
    if (from === 0) checkStartLine(data);
    if (end < 0 || end > MAX_HEAD_BYTES) {
      if (data.length > MAX_HEAD_BYTES) throw new FramingError(`it sent a message whose headers are longer than ${MAX_HEAD_BYTES} bytes`);
      this.scanned = data.length;
      return false;
    }
    this.need = end + 4 + contentLength(data.toString('latin1', 0, end + 2));
    return true;
  }
}

function checkStartLine(data: Buffer): void {
  const end = data.indexOf(CRLF);
  if (end < 0) {
    if (data.length > 4096) throw new FramingError('it sent bytes that cannot be SIP');
    return;
  }
  if (!/^(SIP\/2\.0 \d{3}|\S+ \S+ SIP\/2\.0$)/.test(data.toString('latin1', 0, Math.min(end, 4096)))) throw new FramingError('it sent bytes that cannot be SIP');
}

/** §20.14; over a stream it has to be there (§18.3), and where it is not, there is no body. `head` ends with CRLF. */
function contentLength(head: string): number {
  const lengths = [...head.matchAll(/\r\n(?:content-length|l)[ \t]*:[ \t]*(?:\r\n[ \t]+)?([^\r\n]*)/gi)].map((match) => (match[1] as string).trim());
  const [first] = lengths;
  if (first === undefined) return 0;
  // Two that differ would let one message be read as another.
  if (lengths.some((one) => one !== first) || !/^\d{1,9}$/.test(first)) throw new FramingError('it sent a message without a readable Content-Length');
  const length = Number(first);
  if (length > MAX_BODY_BYTES) throw new FramingError(`it sent a message whose body is longer than ${MAX_BODY_BYTES} bytes`);
  return length;
}
