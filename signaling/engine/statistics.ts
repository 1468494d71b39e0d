/** What the layers counted of messages, repetitions and timers, put together as a person asks for it. */
import type { CoreStats } from './core/core';
import type { TrafficCounts } from './observe/traffic';
import type { Endings, TimersFired, TransactionStats } from './transaction/counters';
import type { TransportStats } from './transport/counters';
import type { SipParseCode } from './wire/errors';

export interface TrafficStats {
  /** By direction, transport and method; requests, and responses by class. */
  messages: TrafficCounts;
  /** Messages sent again, and requests received again that the application was spared. */
  retransmissions: {
    requestsSent: number;
    /** By a server transaction; then those of the core: 2xx to INVITE, reliable provisionals, ACKs to a repeated 2xx. */
    responsesSent: number;
    answersSent: number;
    provisionalsSent: number;
    acksSent: number;
    requestsReceived: number;
  };
  /** That ran out, by letter (RFC 3261 table 4, RFC 6026). */
  timersFired: TimersFired & { C: number };
  /** By kind and cause; see transaction/counters.ts. */
  transactionsEnded: Endings;
  /** By what was wrong; see wire/errors.ts. */
  parseErrors: Record<SipParseCode, number>;
}

export function trafficStats(messages: TrafficCounts, transport: TransportStats, transactions: TransactionStats, core: CoreStats): TrafficStats {
  return {
    messages,
    retransmissions: {
      requestsSent: transactions.requestsRepeated,
      responsesSent: transactions.responsesRepeated,
      answersSent: core.counters.answersRepeated,
      provisionalsSent: core.counters.reliableRepeated,
      acksSent: core.counters.acksRepeated,
      requestsReceived: transactions.absorbed,
    },
    timersFired: { ...transactions.timersFired, C: core.counters.timerC },
    transactionsEnded: transactions.endings,
    parseErrors: transport.malformedByCode,
  };
}
