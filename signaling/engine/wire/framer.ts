/**
 * Bytes of a stream → messages and keep-alives (RFC 3261 §18.3, RFC 5626 §3.5.1, §4.4.1):
 *
 *     CRLFCRLF                      ping, to be answered with CRLF
 *     CRLF                          pong
 *     start line … empty line       headers, then as many body bytes as Content-Length says; none when it is missing
 *
 * Each byte is looked at once however the stream is cut, and no more than one message (`maxMessageBytes`) is held.
 */
import { isTokenByte, isWs, parseDigits, trimWs } from './chars';
import { excerpt, SipParseError } from './errors';
import { SipRequest } from './message';
import { parseMessage, type WireLimits } from './parser';
import { isAnswerable } from './validate';

export type Framed = { kind: 'message'; data: Buffer } | { kind: 'ping' } | { kind: 'pong' };

const LF = 0x0a;
const CR = 0x0d;
const EMPTY = Buffer.alloc(0);
const FIRST_STORE_BYTES = 512;

export class StreamFramer {
  /** The unfinished message: the first `length` bytes of `store`, which always starts where the message does. */
  private store: Buffer = EMPTY;
  private length = 0;
  /** How far the message has been searched for the end of its headers, and the last LF met; both counted from its start. */
  private scanned = 0;
  private lastLf = -2;
  /** Size of the message; 0 until its headers are complete. */
  private need = 0;
  /** One CRLF was read that may be the first half of a ping; whether it has been reported as a pong already. */
  private halfPing: 'none' | 'unreported' | 'reported' = 'none';
  private failure: SipParseError | undefined;
  private readonly maxHeaderBytes: number;

  constructor(private readonly limits: WireLimits) {
    this.maxHeaderBytes = Math.min(limits.maxHeaderBytes ?? limits.maxMessageBytes, limits.maxMessageBytes);
  }

  /** Bytes held of a message that is not complete. */
  get pendingBytes(): number {
    return this.length;
  }

  /** Why the stream cannot be read on; set when `push` returned what came before the fault. */
  get error(): SipParseError | undefined {
    return this.failure;
  }

  /**
   * What `chunk` completes. Messages are views of `chunk` or of memory given away with them: do not write to `chunk` afterwards.
   * When a fault follows complete messages they are returned, `error` is set, and the next call throws it.
   *
   * A single CRLF is a pong as soon as the chunk ends, and still the first half of a ping if the next chunk starts with another.
   *
   * @throws SipParseError when limits are passed or the bytes cannot be SIP: message borders are lost and the stream has to be
   *   closed. `partial` is there when the request can be answered first.
   */
  push(chunk: Buffer): Framed[] {
    if (this.failure !== undefined) throw this.failure;
    const out: Framed[] = [];
    try {
      this.consume(chunk, out);
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      this.failure = error;
      this.store = EMPTY;
      this.length = 0;
      if (out.length === 0) throw error;
    }
    return out;
  }

  private consume(chunk: Buffer, out: Framed[]): void {
    let data = chunk;
    if (this.length > 0) {
      this.append(chunk);
      data = this.store.subarray(0, this.length);
    }
    let at = 0;
    while (at < data.length) {
      if (this.scanned === 0) {
        at = this.skipLineEnds(data, at, out);
        if (at === data.length || data[at] === CR) break;
        if (!isTokenByte(data[at] as number)) throw new SipParseError('framing', 'The stream holds bytes that cannot start a SIP message.');
      }
      if (this.need === 0 && !this.findHeadEnd(data, at)) break;
      if (data.length - at < this.need) break;
      out.push({ kind: 'message', data: data.subarray(at, at + this.need) });
      at += this.need;
      this.scanned = 0;
      this.lastLf = -2;
      this.need = 0;
    }
    if (this.halfPing === 'unreported') {
      out.push({ kind: 'pong' });
      this.halfPing = 'reported';
    }
    this.retain(data, at);
  }

  /** Between messages: counts CRLFs, in pairs as pings. Stops at the first other byte, at a CR whose LF has not come, or at the end. */
  private skipLineEnds(data: Buffer, from: number, out: Framed[]): number {
    let at = from;
    while (at < data.length) {
      if (data[at] === LF) {
        at++;
        continue;
      }
      if (data[at] !== CR) {
        if (this.halfPing === 'unreported') out.push({ kind: 'pong' });
        this.halfPing = 'none';
        return at;
      }
      if (at + 1 === data.length) return at;
      if (data[at + 1] !== LF) throw new SipParseError('framing', 'The stream holds a CR without LF between messages.');
      at += 2;
      if (this.halfPing === 'none') this.halfPing = 'unreported';
      else {
        out.push({ kind: 'ping' });
        this.halfPing = 'none';
      }
    }
    return at;
  }

  /** Searches on for the empty line; sets `need` and returns true when the headers that start at `at` are complete. */
  private findHeadEnd(data: Buffer, at: number): boolean {
    const stop = Math.min(data.length, at + this.maxHeaderBytes);
    for (let i = at + this.scanned; i < stop; i++) {
      if (data[i] !== LF) continue;
      const position = i - at;
      const gap = position - this.lastLf;
      if (gap === 1 || (gap === 2 && data[i - 1] === CR)) {
        this.measure(data.subarray(at, i + 1));
        return true;
      }
      if (this.lastLf < 0) checkStartLine(data.toString('latin1', at, i));
      this.lastLf = position;
    }
    this.scanned = stop - at;
    if (this.scanned === this.maxHeaderBytes) {
      throw new SipParseError('too-large', `The headers are larger than ${this.maxHeaderBytes} bytes.`, this.partialOf(data.subarray(at, stop)));
    }
    return false;
  }

  private measure(head: Buffer): void {
    let length: number;
    try {
      length = contentLengthOf(head);
    } catch (error) {
      throw error instanceof SipParseError ? error.about(this.partialOf(head)) : error;
    }
    if (head.length + length > this.limits.maxMessageBytes) {
      throw new SipParseError('too-large', `The message is larger than ${this.limits.maxMessageBytes} bytes.`, this.partialOf(head));
    }
    this.scanned = head.length;
    this.need = head.length + length;
  }

  /** The request in a header block whose frame is lost, so that it can be answered before the stream is closed. */
  private partialOf(head: Buffer): SipRequest | undefined {
    try {
      const message = parseMessage(head, this.limits, { contentLength: 'ignore' });
      return message instanceof SipRequest && isAnswerable(message) ? message : undefined;
    } catch (error) {
      if (error instanceof SipParseError) return error.partial;
      throw error;
    }
  }

  /** Doubling, so that a message that comes byte by byte costs linear time. */
  private append(chunk: Buffer): void {
    const total = this.length + chunk.length;
    if (total > this.store.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(total, this.store.length * 2, FIRST_STORE_BYTES));
      this.store.copy(grown, 0, 0, this.length);
      this.store = grown;
    }
    chunk.copy(this.store, this.length);
    this.length = total;
  }

  /** Keeps what follows `at` for the next chunk: copied, because a view would hold the chunk and the messages given away. */
  private retain(data: Buffer, at: number): void {
    const rest = data.length - at;
    if (rest > 0 && at === 0 && this.length > 0) return;
    this.store = EMPTY;
    this.length = 0;
    if (rest > 0) this.append(data.subarray(at));
  }
}

/** Tells another protocol (HTTP, a port scan) from SIP at its first line, rather than collecting it up to the limit. */
function checkStartLine(line: string): void {
  if (!/^SIP\/|[ \t]SIP\//i.test(line)) throw new SipParseError('framing', `The stream does not carry SIP: its first line is ${excerpt(line.trimEnd())}.`);
}

/** Content-Length of a complete header block, 0 when it is missing. @throws SipParseError 'content-length' */
function contentLengthOf(head: Buffer): number {
  let length: number | undefined;
  for (let at = 0; at < head.length; ) {
    const first = (head[at] as number) | 0x20;
    let lineEnd = head.indexOf(LF, at);
    if (first === 0x63 || first === 0x6c) {
      while (isWs(head[lineEnd + 1] ?? 0)) lineEnd = head.indexOf(LF, lineEnd + 1);
      const value = /^(?:content-length|l)[ \t]*:(.*)$/is.exec(head.toString('latin1', at, lineEnd))?.[1];
      if (value !== undefined) {
        const digits = parseDigits(trimWs(value.replace(/\r?\n|\r$/g, ' ')), Number.MAX_SAFE_INTEGER);
        if (digits === undefined) throw new SipParseError('content-length', `Content-Length ${excerpt(trimWs(value))} is not a number.`);
        if (length !== undefined && length !== digits) throw new SipParseError('content-length', 'The message has two different Content-Length headers.');
        length = digits;
      }
    }
    at = lineEnd + 1;
  }
  return length ?? 0;
}
