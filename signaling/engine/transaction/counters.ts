/** What the transaction layer counts: every degraded path has its number. */
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
}

export type TransactionStats = Readonly<TransactionCounters> & {
  /** Transactions held now. */
  readonly server: number;
  readonly client: number;
  readonly timers: number;
};
