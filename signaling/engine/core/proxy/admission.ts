/** What a request has to pass before it is sent on (RFC 3261 §16.3 steps 3 to 5, RFC 5393 §4.2 and §5). Pure. */
import type { SipRequest } from '../../wire/message';
import { parseDigits } from '../../wire/chars';
import type { CoreCounter } from '../counters';
import { MAX_BREADTH } from './breadth';
import { hasLooped } from './marks';

export interface Rejection {
  status: number;
  headers: Array<[string, string]>;
  counter: CoreCounter;
  /** For the application that asked. */
  words: string;
}

/** @param mark of this request; see marks.ts */
export function rejection(request: SipRequest, mark: string): Rejection | undefined {
  if (hopsLeft(request) === 0) {
    return { status: 483, headers: [], counter: 'tooManyHops', words: 'Rejected with 483 Too Many Hops due to Max-Forwards value of 0' };
  }
  if (hasLooped(request, mark)) {
    return { status: 482, headers: [], counter: 'loops', words: 'Rejected with 482 Loop Detected: the request has been proxied here before' };
  }
  const wanted = request.headers.getList('proxy-require');
  if (wanted.length > 0) {
    const list = wanted.join(', ');
    return { status: 420, headers: [['Unsupported', list]], counter: 'badExtensions', words: `Rejected with 420 Bad Extension due to Proxy-Require: ${list}` };
  }
  return undefined;
}

/**
 * RFC 5393 §5.3.3: more branches at once than the request may have.
 *
 * @param free what it may have (breadth.ts)
 * @param wanted how many it is to have
 */
export function breadthRejection(free: number, wanted: number): Rejection | undefined {
  if (Number.isNaN(free)) return { status: 400, headers: [], counter: 'refusedCommands', words: `Rejected with 400 Bad Request: ${MAX_BREADTH} is not a number` };
  if (free >= wanted) return undefined;
  return { status: 440, headers: [], counter: 'tooBroad', words: `Rejected with 440 Max-Breadth Exceeded: ${wanted} at once are more than the ${free} it may have` };
}

/** Undefined: no limit was given. */
export function hopsLeft(request: SipRequest): number | undefined {
  return parseDigits(request.headers.get('max-forwards') ?? '', Number.MAX_SAFE_INTEGER);
}
