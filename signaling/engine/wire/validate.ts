/**
 * What a message must hold before a layer above sees it (RFC 3261 §8.1.1, §8.2, §16.3, §18; verdicts of RFC 4475). Old habits that do
 * no harm pass: a missing branch or From tag (RFC 2543), a missing Max-Forwards, a display name without quotes.
 */
import { isToken, parseDigits } from './chars';
import { SipParseError } from './errors';
import { parseCSeq, type SipMessage, type SipRequest, type SipResponse } from './message';
import { parseNameAddr } from './name-addr';
import { parseUri } from './uri';
import { parseVia } from './via';

const MANDATORY = ['From', 'To', 'Call-ID', 'CSeq'] as const;
const SINGLE = ['From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards'] as const;

/** @throws SipParseError, status 400, with `partial` = the request when a response can be sent */
export function validateRequest(request: SipRequest): void {
  try {
    checkCommon(request);
    const cseq = request.cseq;
    if (cseq.method !== request.method) {
      throw new SipParseError('method-mismatch', `The CSeq method ${cseq.method} is not the request's method ${request.method}.`);
    }
    const maxForwards = request.headers.get('max-forwards');
    if (maxForwards !== undefined && parseDigits(maxForwards, Number.MAX_SAFE_INTEGER) === undefined) {
      throw new SipParseError('max-forwards', 'Max-Forwards is not a number.');
    }
    parseUri(request.uri);
    for (const contact of request.headers.getList('contact')) if (contact !== '*') parseNameAddr(contact);
  } catch (error) {
    throw error instanceof SipParseError && isAnswerable(request) ? error.about(request) : error;
  }
}

/** @throws SipParseError; a response that fails is dropped, nobody answers a response */
export function validateResponse(response: SipResponse): void {
  checkCommon(response);
}

function checkCommon(message: SipMessage): void {
  const { headers } = message;
  const vias = headers.getList('via');
  if (vias.length === 0) throw new SipParseError('missing-header', 'The message has no Via header.');
  for (const via of vias) parseVia(via);
  for (const name of MANDATORY) {
    const value = headers.get(name);
    if (value === undefined || value === '') throw new SipParseError('missing-header', `The message has no ${name} header.`);
  }
  for (const name of SINGLE) {
    if (headers.getAll(name).length > 1) throw new SipParseError('duplicate-header', `The message has more than one ${name} header.`);
  }
  checkTag(message.fromTag, 'From');
  checkTag(message.toTag, 'To');
  parseCSeq(headers.get('cseq') as string);
}

function checkTag(tag: string | undefined, name: string): void {
  if (tag !== undefined && !isToken(tag)) throw new SipParseError('name-addr', `The ${name} tag is not a token.`);
}

/** Whether a response can be built for it and sent: Via, From, To, Call-ID and CSeq are copied (RFC 3261 §8.2.6.2). */
export function isAnswerable(request: SipRequest): boolean {
  if (!MANDATORY.every((name) => request.headers.has(name))) return false;
  try {
    return request.topVia.host !== '';
  } catch (error) {
    if (error instanceof SipParseError) return false;
    throw error;
  }
}
