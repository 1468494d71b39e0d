/**
 * A SIP request or response as the layers above hold it (RFC 3261 §7): start line, headers, body. Structured views (From, To, CSeq, Via)
 * are parsed when first asked for and again when the header they came from has changed; they are only for reading.
 */
import { hasControls, isToken, isWs, parseDigits, skipWs } from './chars';
import { SipParseError, excerpt } from './errors';
import { Headers, splitList } from './headers';
import { parseNameAddr, type NameAddrView } from './name-addr';
import { formatVia, parseVia, type ViaView } from './via';

export const EMPTY_BODY: Buffer = Buffer.alloc(0);

export interface CSeq {
  readonly seq: number;
  readonly method: string;
}

/** The value a structured view was made from, and the view. */
interface Cached<T> {
  readonly text: string;
  readonly value: T;
}

export abstract class SipMessage {
  headers: Headers;
  body: Buffer;
  private cachedFrom?: Cached<NameAddrView>;
  private cachedTo?: Cached<NameAddrView>;
  private cachedVia?: Cached<ViaView>;
  private cachedCSeq?: Cached<CSeq>;

  protected constructor(headers: Headers, body: Buffer) {
    this.headers = headers;
    this.body = body;
  }

  abstract clone(): SipMessage;

  /** @throws SipParseError 'missing-header' */
  get callId(): string {
    return this.required('call-id', 'Call-ID');
  }

  /** @throws SipParseError 'missing-header' | 'cseq' */
  get cseq(): CSeq {
    const text = this.required('cseq', 'CSeq');
    if (this.cachedCSeq?.text !== text) this.cachedCSeq = { text, value: parseCSeq(text) };
    return this.cachedCSeq.value;
  }

  /** @throws SipParseError 'missing-header' | 'name-addr' */
  get from(): NameAddrView {
    const text = this.required('from', 'From');
    if (this.cachedFrom?.text !== text) this.cachedFrom = { text, value: parseNameAddr(text) };
    return this.cachedFrom.value;
  }

  /** @throws SipParseError 'missing-header' | 'name-addr' */
  get to(): NameAddrView {
    const text = this.required('to', 'To');
    if (this.cachedTo?.text !== text) this.cachedTo = { text, value: parseNameAddr(text) };
    return this.cachedTo.value;
  }

  /** An empty tag counts as none. @throws as `from` */
  get fromTag(): string | undefined {
    return this.from.params.get('tag') || undefined;
  }

  /** @throws as `to` */
  get toTag(): string | undefined {
    return this.to.params.get('tag') || undefined;
  }

  /** The topmost Via; written with `setTopVia`. @throws SipParseError 'missing-header' | 'via' */
  get topVia(): ViaView {
    const text = this.required('via', 'Via');
    if (this.cachedVia?.text !== text) this.cachedVia = { text, value: parseVia(splitList(text)[0] ?? '') };
    return this.cachedVia.value;
  }

  /**
   * Replaces the topmost Via, also when it shares its line with others.
   *
   * @param text what `via` says, as it is to be written
   */
  setTopVia(via: ViaView, text: string = formatVia(via)): void {
    const line = this.headers.get('via');
    const whole = line?.includes(',') ? [text, ...splitList(line).slice(1)].join(', ') : text;
    this.headers.setFirst('Via', whole);
    this.cachedVia = { text: whole, value: via };
  }

  /** Removes the topmost Via, also when it shares its line with others (a response on its way back, RFC 3261 §16.7 step 3). */
  removeTopVia(): void {
    const line = this.headers.get('via');
    if (line === undefined) return;
    const below = splitList(line).slice(1);
    if (below.length === 0) this.headers.removeFirst('via');
    else this.headers.setFirst('Via', below.join(', '));
  }

  /** Content-Length as the header says; undefined when it is missing or no number. `body.length` is the truth. */
  contentLength(): number | undefined {
    const text = this.headers.get('content-length');
    return text === undefined ? undefined : parseDigits(text, Number.MAX_SAFE_INTEGER);
  }

  private required(key: string, name: string): string {
    const value = this.headers.get(key);
    if (value === undefined || value === '') throw new SipParseError('missing-header', `The message has no ${name} header.`);
    return value;
  }
}

export class SipRequest extends SipMessage {
  method: string;
  /** The Request-URI as written. */
  uri: string;

  constructor(method: string, uri: string, headers: Headers = new Headers(), body: Buffer = EMPTY_BODY) {
    super(headers, body);
    this.method = method;
    this.uri = uri;
  }

  /** Its headers can be changed without changing this one; the body's bytes are shared. */
  override clone(): SipRequest {
    return new SipRequest(this.method, this.uri, this.headers.clone(), this.body);
  }
}

export class SipResponse extends SipMessage {
  /** 100 to 699. */
  status: number;
  reason: string;

  constructor(status: number, reason: string, headers: Headers = new Headers(), body: Buffer = EMPTY_BODY) {
    super(headers, body);
    this.status = status;
    this.reason = reason;
  }

  override clone(): SipResponse {
    return new SipResponse(this.status, this.reason, this.headers.clone(), this.body);
  }
}

/**
 * The start line without its line end. The guard against start-line injection: a reason phrase or URI made from user input cannot
 * start a header.
 *
 * @throws SipParseError 'start-line'
 */
export function startLine(message: SipRequest | SipResponse): string {
  if (message instanceof SipRequest) {
    if (!isToken(message.method)) throw new SipParseError('start-line', `The method ${excerpt(message.method)} is not a token.`);
    if (message.uri === '' || message.uri.includes(' ') || hasControls(message.uri) || message.uri.includes('\t')) {
      throw new SipParseError('start-line', `The Request-URI ${excerpt(message.uri)} is empty or holds white space or control characters.`);
    }
    return `${message.method} ${message.uri} SIP/2.0`;
  }
  if (!(message.status >= 100 && message.status <= 699 && Number.isInteger(message.status))) {
    throw new SipParseError('start-line', `The status ${message.status} is not between 100 and 699.`);
  }
  if (hasControls(message.reason)) throw new SipParseError('start-line', `The reason phrase ${excerpt(message.reason)} holds control characters.`);
  return `SIP/2.0 ${message.status} ${message.reason}`;
}

/** CSeq = 1*DIGIT LWS Method (RFC 3261 §20.16), the number below 2**32. @throws SipParseError 'cseq' */
export function parseCSeq(text: string): CSeq {
  let i = skipWs(text, 0);
  const start = i;
  while (i < text.length && !isWs(text.charCodeAt(i))) i++;
  const seq = parseDigits(text.slice(start, i), 0xffffffff);
  const method = text.slice(skipWs(text, i));
  if (seq === undefined) throw new SipParseError('cseq', `The CSeq ${excerpt(text)} does not start with a number below 2**32.`);
  if (!isToken(method)) throw new SipParseError('cseq', `The CSeq ${excerpt(text)} does not end with a method.`);
  return { seq, method };
}
