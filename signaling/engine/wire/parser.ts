/**
 * Bytes → message (RFC 3261 §7, §18.3, §25). The header block is walked once as bytes (its end, control characters, bytes above
 * ASCII), decoded once, and cut at line ends:
 *
 *     INVITE sip:1002@host SIP/2.0 CRLF     start line
 *     Via: SIP/2.0/UDP … CRLF               headers; compact names expanded, folded lines joined
 *     CRLF
 *     v=0 …                                 body: Content-Length bytes, never decoded
 *
 * Bare LF is taken for CRLF. What is wrong is remembered and reading goes on, so that a bad request can be answered rather than dropped.
 */
import { isUtf8 } from 'node:buffer';
import { controlsAreQuoted, hasControls, isToken, isWs, parseDigits, sliceTrimmed, trimWs } from './chars';
import { excerpt, SipParseError } from './errors';
import { headerName } from './header-names';
import { Headers } from './headers';
import { SipRequest, SipResponse } from './message';
import { isAnswerable } from './validate';

export { SipParseError, type SipParseCode } from './errors';
export { validateRequest, validateResponse } from './validate';

export interface WireLimits {
  /** Largest message in bytes, headers and body. */
  maxMessageBytes: number;
  /** Most header lines. */
  maxHeaders: number;
  /** Largest header block in bytes; `maxMessageBytes` when absent. */
  maxHeaderBytes?: number;
}

export interface ParseOptions {
  /**
   * 'ignore': everything after the blank line is the body, whatever Content-Length says. For frames of the control protocol, which know
   * their own length, while drachtio-srf counts characters instead of bytes.
   */
  contentLength?: 'ignore';
}

/**
 * One complete message: a datagram, a framed piece of a stream, or the SIP part of a control frame. The body is a view of `data`.
 *
 * @throws SipParseError, with `partial` when it is a request that can be answered
 */
export function parseMessage(data: Buffer, limits: WireLimits, options?: ParseOptions): SipRequest | SipResponse {
  let start = 0;
  while (data[start] === 0x0d || data[start] === 0x0a) start++;

  const maxHeaderBytes = Math.min(limits.maxHeaderBytes ?? limits.maxMessageBytes, limits.maxMessageBytes);
  const stop = Math.min(data.length, start + maxHeaderBytes);
  let bodyStart = -1;
  let lastLf = -2;
  let beyondAscii = false;
  let controls = false;
  for (let i = start; i < stop; i++) {
    const byte = data[i] as number;
    if (byte >= 0x20 && byte < 0x7f) continue;
    if (byte === 0x0a) {
      if (i - lastLf === 1 || (i - lastLf === 2 && data[i - 1] === 0x0d)) {
        bodyStart = i + 1;
        break;
      }
      lastLf = i;
    } else if (byte >= 0x80) beyondAscii = true;
    else if (byte === 0x0d ? data[i + 1] !== 0x0a : byte !== 0x09) controls = true;
  }

  const headEnd = lastLf < 0 ? stop : lastLf + 1;
  const head = new Head(decode(data, start, headEnd, beyondAscii), controls, limits.maxHeaders, options?.contentLength !== 'ignore');
  if (head.text === '') throw new SipParseError('start-line', 'The message is empty.');
  if (data.length - start > limits.maxMessageBytes || (bodyStart < 0 && stop < data.length)) {
    head.problem = new SipParseError('too-large', `The message is larger than ${bodyStart < 0 ? `${maxHeaderBytes} bytes of headers` : `${limits.maxMessageBytes} bytes`}.`);
  } else if (bodyStart < 0) {
    head.problem = new SipParseError('incomplete', 'The message ends before the empty line that closes its headers.');
  }
  head.readLines();

  const message = head.message;
  if (message === undefined) throw head.problem ?? new SipParseError('start-line', 'The start line cannot be read.');
  if (bodyStart >= 0 && head.problem === undefined) {
    const available = data.length - bodyStart;
    const length = head.contentLength ?? available;
    if (length > available) {
      head.fail('content-length', `Content-Length says ${length} bytes, but only ${available} follow the headers.`);
    } else if (length > 0) message.body = data.subarray(bodyStart, bodyStart + length);
  }
  if (head.problem !== undefined) {
    throw message instanceof SipRequest && isAnswerable(message) ? head.problem.about(message) : head.problem;
  }
  return message;
}

/**
 * UTF-8 (RFC 3261 §7.3.1). Bytes that are not are read as Latin-1, which old phones send in display names: nothing is lost, and the text
 * leaves as UTF-8.
 */
function decode(data: Buffer, start: number, end: number, beyondAscii: boolean): string {
  if (!beyondAscii) return data.toString('latin1', start, end);
  return isUtf8(data.subarray(start, end)) ? data.toString('utf8', start, end) : data.toString('latin1', start, end);
}

/** The header block while it is read. */
class Head {
  message: SipRequest | SipResponse | undefined;
  contentLength: number | undefined;
  /** The first thing found wrong. */
  problem: SipParseError | undefined;
  private readonly headers = new Headers();

  constructor(
    readonly text: string,
    private readonly controls: boolean,
    private readonly maxHeaders: number,
    private readonly heedContentLength: boolean,
  ) {}

  fail(code: SipParseError['code'], sentence: string): void {
    this.problem ??= new SipParseError(code, sentence);
  }

  readLines(): void {
    const text = this.text;
    let lineEnd = endOfLine(text, 0);
    this.readStartLine(text.slice(0, withoutCr(text, 0, lineEnd)));
    if (this.message === undefined) return;
    let at = lineEnd + 1;
    if (isWs(text.charCodeAt(at))) this.fail('header', 'A continuation line follows the start line, which cannot be folded.');
    let count = 0;
    while (at < text.length) {
      lineEnd = endOfLine(text, at);
      const start = at;
      const end = withoutCr(text, at, lineEnd);
      at = lineEnd + 1;
      if (++count > this.maxHeaders) {
        this.fail('too-many-headers', `The message has more than ${this.maxHeaders} header lines.`);
        return;
      }
      if (isWs(text.charCodeAt(at))) {
        // Folding (§7.3.1) ends where a line starts with something else.
        const pieces = [sliceTrimmed(text, start, end)];
        while (isWs(text.charCodeAt(at))) {
          lineEnd = endOfLine(text, at);
          const piece = sliceTrimmed(text, at, withoutCr(text, at, lineEnd));
          if (piece !== '') pieces.push(piece);
          at = lineEnd + 1;
        }
        const line = pieces.join(' ');
        this.readHeader(line, 0, line.length);
      } else this.readHeader(text, start, end);
    }
  }

  private readHeader(text: string, start: number, end: number): void {
    const colon = text.indexOf(':', start);
    if (colon < 0 || colon >= end) {
      this.fail('header', `The header line ${excerpt(text.slice(start, end))} has no colon.`);
      return;
    }
    let nameEnd = colon;
    while (nameEnd > start && isWs(text.charCodeAt(nameEnd - 1))) nameEnd--;
    const header = headerName(text.slice(start, nameEnd));
    if (header === undefined) {
      this.fail('header', `The header name ${excerpt(text.slice(start, nameEnd))} is not a token.`);
      return;
    }
    const value = sliceTrimmed(text, colon + 1, end);
    if (this.controls && hasControls(value) && !controlsAreQuoted(value)) {
      this.fail('control-character', `The ${header.name} header holds a control character.`);
      return;
    }
    if (header.key === 'content-length' && this.heedContentLength) this.readContentLength(value);
    this.headers.pushChecked({ key: header.key, name: header.name, value });
  }

  private readContentLength(value: string): void {
    const length = parseDigits(value, Number.MAX_SAFE_INTEGER);
    if (length === undefined) this.fail('content-length', `Content-Length ${excerpt(value)} is not a number.`);
    else if (this.contentLength !== undefined && this.contentLength !== length) {
      this.fail('content-length', 'The message has two different Content-Length headers.');
    } else this.contentLength = length;
  }

  private readStartLine(line: string): void {
    if (this.controls && hasControls(line)) this.fail('control-character', 'The start line holds a control character.');
    if (/^SIP\//i.test(line)) this.readStatusLine(line);
    else this.readRequestLine(line);
  }

  /** Status-Line = SIP-Version SP Status-Code SP Reason-Phrase (§7.2); the second SP is missing from some senders. */
  private readStatusLine(line: string): void {
    const match = /^SIP\/(\d+)\.(\d+) (\d{3})(?: (.*))?$/is.exec(line);
    const status = Number(match?.[3]);
    if (match === null || !(status >= 100 && status <= 699)) {
      this.fail('start-line', `The status line ${excerpt(line)} is not "SIP/2.0", a status from 100 to 699 and a reason.`);
      return;
    }
    if (Number(match[1]) !== 2 || Number(match[2]) !== 0) this.fail('version', `The version in ${excerpt(line)} is not SIP/2.0.`);
    this.message = new SipResponse(status, match[4] ?? '', this.headers);
  }

  /** Request-Line = Method SP Request-URI SP SIP-Version (§7.1). */
  private readRequestLine(line: string): void {
    const first = line.indexOf(' ');
    const last = line.lastIndexOf(' ');
    const method = line.slice(0, Math.max(first, 0));
    const uri = line.slice(first + 1, Math.max(last, first + 1));
    const version = line.slice(last + 1);
    if (version === 'SIP/2.0' && isToken(method) && uri !== '' && !uri.includes(' ') && !uri.includes('\t')) {
      this.message = new SipRequest(method, uri, this.headers);
      return;
    }
    const foreign = /^SIP\/(\d+)\.(\d+)$/i.exec(version);
    if (foreign === null || !isToken(method) || uri === '' || /[ \t]/.test(uri)) {
      this.fail('start-line', `The start line ${excerpt(line)} is not a method, a Request-URI and "SIP/2.0", with one space between.`);
    } else if (Number(foreign[1]) !== 2 || Number(foreign[2]) !== 0) {
      this.fail('version', `The version ${excerpt(version)} is not SIP/2.0.`);
    }
    // Enough of a request to be answered when the word SIP is there at all.
    if (isToken(method) && /\sSIP\//i.test(line)) this.message = new SipRequest(method, trimWs(uri), this.headers);
  }
}

function endOfLine(text: string, at: number): number {
  const lf = text.indexOf('\n', at);
  return lf < 0 ? text.length : lf;
}

function withoutCr(text: string, start: number, lineEnd: number): number {
  return lineEnd > start && text.charCodeAt(lineEnd - 1) === 0x0d ? lineEnd - 1 : lineEnd;
}
