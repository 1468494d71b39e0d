/** What the machines share: time, the transport below, counters, and the way to call the core without being broken by it. */
import type { Log, Transport } from '../transport/types';
import type { Tokens } from './branch';
import type { TransactionCounters } from './counters';
import type { TimerQueues } from './timer-queue';

export interface Timings {
  readonly t1: number;
  readonly t2: number;
  readonly t4: number;
  /** 64*T1: timers B, F, H, L, M, and J and D on UDP. */
  readonly limit: number;
  /** When timer E of a client on UDP reaches T2 (RFC 4320 §4.1): 3.5 s with the default values. */
  readonly lateProvisional: number;
  readonly maxProceeding: number;
}

export function timings(t1: number, t2: number, t4: number, maxProceeding: number): Timings {
  let late = 0;
  for (let interval = t1; interval < t2; interval *= 2) late += interval;
  return { t1, t2, t4, limit: 64 * t1, lateProvisional: late, maxProceeding };
}

export interface Context {
  readonly transport: Transport;
  readonly timers: TimerQueues;
  readonly timings: Timings;
  readonly tokens: Tokens;
  readonly counters: TransactionCounters;
  readonly log: Log;
}

/** A listener's exception stays the listener's: it is logged and counted, and the machine goes on. */
export function guarded(context: Context, what: string, call: () => void): void {
  try {
    call();
  } catch (error) {
    context.counters.handlerErrors++;
    context.log.error({ err: error }, `A handler of the core threw in ${what}`);
  }
}
