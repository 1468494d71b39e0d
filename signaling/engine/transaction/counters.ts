/** What the transaction layer counts: every degraded path has its number. */

/** Timers that ran out, by their letters (RFC 3261 table 4, RFC 6026); what a reliable transport makes zero is no timer. C is the proxy's. */
export class TimersFired {
  A = 0;
  B = 0;
  D = 0;
  E = 0;
  F = 0;
  G = 0;
  H = 0;
  I = 0;
  J = 0;
  K = 0;
  L = 0;
  M = 0;
}

export type MachineKind = 'inviteServer' | 'server' | 'inviteClient' | 'client';
/**
 * Why a transaction ended: it had its final response (and, an INVITE server's failure, its ACK); that ACK never came; no response came; a 408
 * that is not sent (RFC 4320); the way there broke; nothing happened for too long.
 */
export const endCauses = ['done', 'unacknowledged', 'timedOut', 'heldBack', 'broken', 'abandoned'] as const;
export type EndCause = (typeof endCauses)[number];
export type Endings = Record<MachineKind, Record<EndCause, number>>;

export function noEndings(): Endings {
  const none = (): Record<EndCause, number> => ({ done: 0, unacknowledged: 0, timedOut: 0, heldBack: 0, broken: 0, abandoned: 0 });
  return { inviteServer: none(), server: none(), inviteClient: none(), client: none() };
}

export class TransactionCounters {
  /** New server transactions. */
  requestsReceived = 0;
  /** New client transactions. */
  requestsSent = 0;
  /** Retransmitted requests that did not reach the core. */
  absorbed = 0;
  /** Responses sent again, for a retransmitted request or by timer G. */
  responsesRepeated = 0;
  /** Requests sent again by timers A and E. */
  requestsRepeated = 0;
  /** Timers B, F and the limit after a CANCEL. */
  timeouts = 0;
  /** Timer H: a final response to an INVITE that nobody acknowledged. */
  unacknowledged = 0;
  /** Transactions given up because nothing ended them. */
  abandoned = 0;
  /** New requests refused with 503 and client transactions refused because of `maxTransactions`. */
  overload = 0;
  strayResponses = 0;
  /** ACKs passed up: to a 2xx, or to nothing the core knows. */
  acksPassedUp = 0;
  lateCancels = 0;
  unmatchedCancels = 0;
  /** RFC 4320 §4.1. */
  provisionalsHeldBack = 0;
  /** RFC 4320 §4.2. */
  timeoutsHeldBack = 0;
  transportErrors = 0;
  /** Exceptions thrown by the core's handlers. */
  handlerErrors = 0;
  /** Defects of ours: a move that its table does not have, met by a timer. */
  internalErrors = 0;
  readonly timersFired = new TimersFired();
  readonly endings = noEndings();
}

export type TransactionStats = Readonly<TransactionCounters> & {
  /** Transactions held now. */
  readonly server: number;
  readonly client: number;
  readonly timers: number;
};
