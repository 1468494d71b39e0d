/**
 * The verdicts on RFC 4475's torture messages. `accept` means the wire lets the message through; where the RFC wants a refusal from a higher
 * layer (416, 420, 481, 483 …) the note says so. A refusal names our error code, its status, and whether the sender can be answered.
 */
import type { SipParseCode } from '../../../signaling/engine/wire/errors';

export type Verdict = 'accept' | { code: SipParseCode; status: 400 | 505; answerable: boolean };

export interface TortureCase {
  name: string;
  section: string;
  verdict: Verdict;
  note: string;
}

const refuse = (code: SipParseCode, answerable = true, status: 400 | 505 = 400): Verdict => ({ code, status, answerable });

export const TORTURE: readonly TortureCase[] = [
  { name: 'wsinv', section: '3.1.1.1', verdict: 'accept', note: 'folding and white space everywhere' },
  { name: 'intmeth', section: '3.1.1.2', verdict: 'accept', note: 'the whole range of legal characters, NUL in a quoted-pair included' },
  { name: 'esc01', section: '3.1.1.3', verdict: 'accept', note: 'escapes are kept, not undone' },
  { name: 'escnull', section: '3.1.1.4', verdict: 'accept', note: '%00 is text' },
  { name: 'esc02', section: '3.1.1.5', verdict: 'accept', note: '% outside a URI is no escape: the method is not REGISTER' },
  { name: 'lwsdisp', section: '3.1.1.6', verdict: 'accept', note: 'no space between display name and <' },
  { name: 'longreq', section: '3.1.1.7', verdict: 'accept', note: 'long values in every field' },
  { name: 'dblreq', section: '3.1.1.8', verdict: 'accept', note: 'a second request behind the first in one datagram is ignored' },
  { name: 'semiuri', section: '3.1.1.9', verdict: 'accept', note: 'a semicolon in the user part starts no parameter' },
  { name: 'transports', section: '3.1.1.10', verdict: 'accept', note: 'unknown transports in Via' },
  { name: 'mpart01', section: '3.1.1.11', verdict: 'accept', note: 'a binary body' },
  { name: 'unreason', section: '3.1.1.12', verdict: 'accept', note: 'a UTF-8 reason phrase' },
  { name: 'noreason', section: '3.1.1.13', verdict: 'accept', note: 'an empty reason phrase' },
  { name: 'badinv01', section: '3.1.2.1', verdict: refuse('via'), note: 'stray commas and semicolons' },
  { name: 'clerr', section: '3.1.2.2', verdict: refuse('content-length'), note: 'Content-Length beyond the datagram' },
  { name: 'ncl', section: '3.1.2.3', verdict: refuse('content-length'), note: 'a negative Content-Length' },
  { name: 'scalar02', section: '3.1.2.4', verdict: refuse('cseq'), note: 'CSeq beyond 2**32' },
  { name: 'scalarlg', section: '3.1.2.5', verdict: refuse('cseq', false), note: 'the same in a response, which is dropped' },
  { name: 'quotbal', section: '3.1.2.6', verdict: refuse('name-addr'), note: 'a quote that never closes' },
  { name: 'ltgtruri', section: '3.1.2.7', verdict: refuse('uri'), note: 'a Request-URI in <>' },
  { name: 'lwsruri', section: '3.1.2.8', verdict: refuse('start-line'), note: 'a space in the Request-URI' },
  { name: 'lwsstart', section: '3.1.2.9', verdict: refuse('start-line'), note: 'double spaces in the start line' },
  { name: 'trws', section: '3.1.2.10', verdict: refuse('start-line'), note: 'spaces behind the start line' },
  { name: 'escruri', section: '3.1.2.11', verdict: 'accept', note: 'headers in the Request-URI: the RFC allows ignoring them' },
  { name: 'baddate', section: '3.1.2.12', verdict: 'accept', note: 'a Date not in GMT: the RFC allows ignoring it' },
  { name: 'regbadct', section: '3.1.2.13', verdict: refuse('name-addr'), note: 'a Contact with headers and no <>' },
  { name: 'badaspec', section: '3.1.2.14', verdict: 'accept', note: 'spaces inside <>: the RFC allows leniency' },
  { name: 'baddn', section: '3.1.2.15', verdict: 'accept', note: 'a comma in an unquoted display name: the RFC allows leniency' },
  { name: 'badvers', section: '3.1.2.16', verdict: refuse('version', true, 505), note: 'SIP/7.0, in its Via too' },
  { name: 'mismatch01', section: '3.1.2.17', verdict: refuse('method-mismatch'), note: 'CSeq names another method' },
  { name: 'mismatch02', section: '3.1.2.18', verdict: refuse('method-mismatch'), note: 'the same with an unknown method' },
  { name: 'bigcode', section: '3.1.2.19', verdict: refuse('start-line', false), note: 'a status of ten digits' },
  { name: 'badbranch', section: '3.2.1', verdict: 'accept', note: 'a branch that is only the cookie: the transaction layer treats it as none' },
  { name: 'insuf', section: '3.3.1', verdict: refuse('missing-header', false), note: 'no From, To, Call-ID' },
  { name: 'unkscm', section: '3.3.2', verdict: 'accept', note: 'an unknown scheme: 416 by the application' },
  { name: 'novelsc', section: '3.3.3', verdict: 'accept', note: 'a known scheme that is not SIP: 416 by the application' },
  { name: 'unksm2', section: '3.3.4', verdict: 'accept', note: 'other schemes in From, To and Contact: the registrar refuses' },
  { name: 'bext01', section: '3.3.5', verdict: 'accept', note: 'Require of the unknown: 420 by the application' },
  { name: 'invut', section: '3.3.6', verdict: 'accept', note: 'an unknown body type: 415 by the application' },
  { name: 'regaut01', section: '3.3.7', verdict: 'accept', note: 'an unknown Authorization scheme: 401 by the registrar' },
  { name: 'multi01', section: '3.3.8', verdict: refuse('duplicate-header'), note: 'several values where one is allowed' },
  { name: 'mcl01', section: '3.3.9', verdict: refuse('content-length'), note: 'two Content-Lengths' },
  { name: 'bcast', section: '3.3.10', verdict: 'accept', note: 'a response with somebody else\'s Via: the transaction layer drops it' },
  { name: 'zeromf', section: '3.3.11', verdict: 'accept', note: 'Max-Forwards 0: 483 by a proxy' },
  { name: 'cparam01', section: '3.3.12', verdict: 'accept', note: 'the parameter belongs to the Contact header' },
  { name: 'cparam02', section: '3.3.13', verdict: 'accept', note: 'the parameter belongs to the URI' },
  { name: 'regescrt', section: '3.3.14', verdict: 'accept', note: 'an escaped header in a Contact in <>' },
  { name: 'sdp01', section: '3.3.15', verdict: 'accept', note: 'Accept without a type we write: 406 by the application' },
  { name: 'inv2543', section: '3.4.1', verdict: 'accept', note: 'RFC 2543: no branch, no From tag, no Content-Length' },
];
