/**
 * Why calls end: one table from our causes to what a caller is told (status line, Reason header of RFC 3326 with Q.850 causes, see
 * RFC 6432), and the choice among what several phones answered (RFC 3261 §16.7).
 */

interface Row {
  /** SIP status while the call is not answered (RFC 3261 §21). */
  status: number;
  /** ITU-T Q.850 cause. */
  q850: number;
  /** `{who}` is the number meant. */
  text: string;
}

const table = {
  'hung-up': { status: 480, q850: 16, text: '{who} hung up' },
  cancelled: { status: 487, q850: 16, text: '{who} gave up' },
  busy: { status: 486, q850: 17, text: '{who} is busy' },
  'busy-everywhere': { status: 600, q850: 17, text: '{who} is busy everywhere' },
  'own-number': { status: 486, q850: 17, text: 'you are calling your own number {who}' },
  'do-not-disturb': { status: 480, q850: 17, text: '{who} does not want to be disturbed' },
  'forwarding-loop': { status: 480, q850: 25, text: 'calls to {who} are forwarded in a circle' },
  'no-answer': { status: 408, q850: 19, text: '{who} does not answer' },
  'not-registered': { status: 480, q850: 20, text: '{who} has no phone registered' },
  unreachable: { status: 480, q850: 20, text: '{who} cannot be reached' },
  declined: { status: 603, q850: 21, text: '{who} declined the call' },
  refused: { status: 403, q850: 21, text: 'the phone of {who} refused the call' },
  'unknown-number': { status: 404, q850: 1, text: 'there is no number {who}' },
  'no-number': { status: 484, q850: 28, text: 'no valid number was dialled' },
  'no-codec': { status: 488, q850: 88, text: 'no audio format in common with {who}' },
  'bad-answer': { status: 488, q850: 88, text: 'the phone of {who} sent an unusable session description' },
  'no-ports': { status: 503, q850: 34, text: 'no media port is free' },
  'no-address': { status: 500, q850: 41, text: 'this server has no address that {who} could send audio to' },
  'too-many-calls': { status: 503, q850: 42, text: 'too many calls at the moment' },
  'over-limit': { status: 503, q850: 34, text: 'no more calls to {who} at the moment' },
  'budget-used': { status: 503, q850: 31, text: 'what calls may cost today is used up' },
  'not-permitted': { status: 403, q850: 57, text: 'calls to {who} are not permitted' },
  'no-trunk': { status: 503, q850: 38, text: 'no way to {who} at the moment' },
  'shutting-down': { status: 503, q850: 41, text: 'the server is shutting down' },
  'media-failed': { status: 500, q850: 41, text: 'the media relay failed' },
  'no-media': { status: 500, q850: 31, text: 'no media for {who} s' },
  'no-answer-in-ack': { status: 500, q850: 111, text: 'the ACK of {who} had no usable session description' },
  'service-over': { status: 480, q850: 16, text: '{who} has ended the call' },
  transferred: { status: 480, q850: 16, text: '{who}' },
  'nothing-rings': { status: 404, q850: 1, text: 'nothing rings at {who}' },
  'not-yours': { status: 403, q850: 21, text: 'the call to {who} is not yours to take' },
  'no-slot': { status: 486, q850: 17, text: 'all parking slots are taken' },
  'slot-taken': { status: 486, q850: 17, text: 'somebody is parked at {who} already' },
  'nobody-parked': { status: 404, q850: 1, text: 'nobody is parked at {who}' },
  taken: { status: 486, q850: 26, text: 'somebody else has taken the call to {who}' },
  'engine-lost': { status: 500, q850: 41, text: 'the connection to the SIP engine was lost' },
  'lost-dialog': { status: 500, q850: 31, text: 'the phone of {who} lost the call' },
  'ended-by-engine': { status: 500, q850: 31, text: '{who}' },
  'by-program': { status: 603, q850: 21, text: '{who}' },
  failed: { status: 500, q850: 41, text: 'internal error' },
} as const satisfies Record<string, Row>;

export type Cause = keyof typeof table;

/** What is told to a phone whose call is not, or no longer, possible. */
export interface CallRefusal {
  cause: Cause;
  status: number;
  /** For the status line and the Reason header: printable ASCII, at most 80 characters. */
  reason: string;
  q850: number;
}

/** `who` replaces {who}: a number, seconds or a sentence, depending on the row. */
export function refuse(cause: Cause, who: string): CallRefusal {
  const { status, q850, text } = table[cause];
  return { cause, status, q850, reason: plain(text.replace('{who}', () => withoutTenants(who))) };
}

/** Numbers as they are dialled, in a number or a sentence: whose tenant it is concerns no phone. */
const withoutTenants = (text: string): string => text.replace(/(?<=\d)@[a-z0-9.-]+/g, '');

/** Fit for a status line and for a quoted string, whoever wrote it. */
const plain = (text: string): string => text.replace(/[^\x20-\x7e]|["\\]/g, '?').slice(0, 80);

export const reasonHeader = (refusal: CallRefusal): string => `Q.850;cause=${refusal.q850};text="${refusal.reason}"`;

/** On the CANCEL to phones that rang along: without it they list a missed call. */
export const answeredElsewhere = 'SIP;cause=200;text="Call completed elsewhere"';

/** Headers of a refused INVITE. */
export function refusalHeaders(refusal: CallRefusal): Record<string, string> {
  return { Reason: reasonHeader(refusal), ...(refusal.status === 503 && { 'Retry-After': '5' }) };
}

/** How one phone's ringing ended. */
export interface ForkEnd {
  /** Its final status; 0 when the request never left us. */
  status: number;
  /** Whether it rang before. */
  rang: boolean;
}

/** What a phone's final answer means to the caller. A redirect (3xx) is not followed: a phone must not send our callers anywhere it likes. */
export function causeOf({ status, rang }: ForkEnd): Cause {
  switch (status) {
    case 486:
      return 'busy';
    case 600:
      return 'busy-everywhere';
    case 603:
    case 607:
    case 608:
      return 'declined';
    case 488:
    case 415:
    case 606:
      return 'no-codec';
    case 403:
      return 'refused';
    case 408:
      // 408 without ringing comes from the transaction: nobody was there
      return rang ? 'no-answer' : 'unreachable';
    default:
      return 'unreachable';
  }
}

/** Decides for the whole call; the other phones stop ringing (RFC 3261 §16.7 step 5). */
export const endsAll = (status: number): boolean => status >= 600;

/**
 * RFC 3261 §16.7 step 6: a 6xx goes first; within a class the choice is ours, and the answer that tells the caller most about the person
 * wins over one that is about a device.
 */
const informative: readonly Cause[] = ['busy-everywhere', 'declined', 'busy', 'no-answer', 'no-codec', 'bad-answer', 'refused', 'unknown-number', 'no-address', 'no-ports', 'over-limit'];

export function bestCause(causes: readonly Cause[]): Cause {
  return informative.find((cause) => causes.includes(cause)) ?? causes[0] ?? 'unreachable';
}

/** Failures that mean the same to the party that asked as to us. */
const relayed = new Set([400, 403, 404, 405, 406, 413, 415, 416, 420, 480, 481, 486, 487, 488, 489, 491, 493, 500, 501, 503, 504, 513, 580, 600, 603, 606]);

/**
 * What the party that sent a re-INVITE, UPDATE, INFO or MESSAGE is told about the other party's answer. 408 would make it drop its own
 * dialog (RFC 3261 §12.2.1.2), which is still good; a challenge or a redirect is not for it; the rest becomes its class's x00 (§8.1.3.2).
 */
export function relayedStatus(status: number): number {
  if (status === 200 || status === 202) return status;
  if (status >= 200 && status < 300) return 200;
  if (status === 408) return 504;
  if (status === 401 || status === 407 || status < 400) return 500;
  if (relayed.has(status)) return status;
  return status < 500 ? 400 : status < 600 ? 500 : 600;
}
