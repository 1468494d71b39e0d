/**
 * What a message must hold before a layer above sees it (RFC 3261 §8.1.1, §8.2, §16.3, §18; verdicts of RFC 4475). Old habits that do
 * no harm pass: a missing branch or From tag (RFC 2543), a missing Max-Forwards, a display name without quotes.
 */
import { isToken, parseDigits } from './chars';
import { excerpt, SipParseError } from './errors';
import { splitList } from './headers';
import { parseCSeq, SipRequest, type SipMessage, type SipResponse } from './message';
import { parseNameAddr } from './name-addr';
import { parseUri } from './uri';
import { parseVia } from './via';

/** Headers that appear once: the bit they are remembered by and the name for the sentence. Max-Forwards may be missing. */
const SINGLE: ReadonlyMap<string, { readonly bit: number; readonly name: string }> = new Map([
  ['from', { bit: 1, name: 'From' }],
  ['to', { bit: 2, name: 'To' }],
  ['call-id', { bit: 4, name: 'Call-ID' }],
  ['cseq', { bit: 8, name: 'CSeq' }],
  ['max-forwards', { bit: 16, name: 'Max-Forwards' }],
]);
const MANDATORY_BITS = 1 | 2 | 4 | 8;

/** @throws SipParseError, status 400, with `partial` = the request when a response can be sent */
export function validateRequest(request: SipRequest): void {
  try {
    checkHeaders(request);
    if (request.cseq.method !== request.method) {
      throw new SipParseError('method-mismatch', `The CSeq method ${excerpt(request.cseq.method)} is not the request's method ${excerpt(request.method)}.`);
    }
    const maxForwards = request.headers.get('max-forwards');
    if (maxForwards !== undefined && parseDigits(maxForwards, Number.MAX_SAFE_INTEGER) === undefined) {
      throw new SipParseError('max-forwards', 'Max-Forwards is not a number.');
    }
    parseUri(request.uri);
  } catch (error) {
    throw error instanceof SipParseError && isAnswerable(request) ? error.about(request) : error;
  }
}

/** @throws SipParseError; a response that fails is dropped, nobody answers a response */
export function validateResponse(response: SipResponse): void {
  checkHeaders(response);
  parseCSeq(response.headers.get('cseq') as string);
}

/** One walk over the headers: what is there, what is there twice, and whether each Via and Contact can be read. */
function checkHeaders(message: SipMessage): void {
  let seen = 0;
  let vias = 0;
  for (const { key, value } of message.headers) {
    const single = SINGLE.get(key);
    if (single !== undefined) {
      if ((seen & single.bit) !== 0) throw new SipParseError('duplicate-header', `The message has more than one ${single.name} header.`);
      if (value === '' && key !== 'max-forwards') throw new SipParseError('missing-header', `The ${single.name} header is empty.`);
      seen |= single.bit;
    } else if (key === 'via') {
      const elements = splitList(value);
      // Nothing would be on top, whatever the lines below it say.
      if (elements.length === 0) throw new SipParseError('missing-header', 'A Via header is empty.');
      for (const via of elements) parseVia(via);
      vias++;
    } else if (key === 'contact' && message instanceof SipRequest && value !== '*') {
      for (const contact of splitList(value)) parseNameAddr(contact);
    }
  }
  if (vias === 0) throw new SipParseError('missing-header', 'The message has no Via header.');
  if ((seen & MANDATORY_BITS) !== MANDATORY_BITS) {
    const missing = [...SINGLE.values()].filter(({ bit }) => (bit & MANDATORY_BITS & ~seen) !== 0).map(({ name }) => name);
    throw new SipParseError('missing-header', `The message has no ${missing.join(', ')} header.`);
  }
  checkTag(message.fromTag, 'From');
  checkTag(message.toTag, 'To');
}

function checkTag(tag: string | undefined, name: string): void {
  if (tag !== undefined && !isToken(tag)) throw new SipParseError('name-addr', `The ${name} tag is not a token.`);
}

/** Whether a response can be built for it and sent: Via, From, To, Call-ID and CSeq are copied (RFC 3261 §8.2.6.2). */
export function isAnswerable(request: SipRequest): boolean {
  const { headers } = request;
  if (!headers.has('from') || !headers.has('to') || !headers.has('call-id') || !headers.has('cseq')) return false;
  try {
    return request.topVia.host !== '';
  } catch (error) {
    if (error instanceof SipParseError) return false;
    throw error;
  }
}
