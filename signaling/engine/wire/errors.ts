/**
 * The one way this folder fails: `SipParseError`, with the status a server answers (RFC 3261 §8.2, §18.3, §21.4).
 */
import type { SipRequest } from './message';

export const sipParseCodes = [
  'start-line',
  'version',
  'header',
  'control-character',
  'incomplete',
  'too-large',
  'too-many-headers',
  'content-length',
  'missing-header',
  'duplicate-header',
  'method-mismatch',
  'cseq',
  'max-forwards',
  'uri',
  'name-addr',
  'via',
  'framing',
] as const;
export type SipParseCode = (typeof sipParseCodes)[number];

const STATUS: Partial<Record<SipParseCode, number>> = { version: 505, 'too-large': 413 };

export class SipParseError extends Error {
  readonly code: SipParseCode;
  /** What a request that fails like this is answered with: 400, 413 or 505. */
  readonly status: number;
  /** The request as far as it could be read; present when it holds what a response has to copy (RFC 3261 §8.2.6.2). */
  partial?: SipRequest;

  /** @param message a sentence a person can act on; it may travel in a Reason or Warning, so it never quotes more than a few characters of input */
  constructor(code: SipParseCode, message: string, partial?: SipRequest) {
    super(message);
    this.name = 'SipParseError';
    this.code = code;
    this.status = STATUS[code] ?? 400;
    if (partial !== undefined) this.partial = partial;
  }

  /** Adds the request that can be answered. Not a second error: making one costs a stack trace, and bad messages come in floods. */
  about(request: SipRequest | undefined): this {
    if (request !== undefined) this.partial = request;
    return this;
  }
}

/** A piece of input for an error sentence: short, without control characters. */
export function excerpt(text: string): string {
  let out = '';
  const length = Math.min(text.length, 40);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    out += code < 0x20 || code === 0x7f ? '?' : text[i];
  }
  return text.length > length ? `"${out}…"` : `"${out}"`;
}
