/** The seam between the transaction layer (RFC 3261 §17) and the transaction user above it (RFC 3261 §5: "TU"), which is the engine's core. */
import type { SipRequest, SipResponse } from '../wire/message';
import type { Flow, Target, TransportError } from '../transport/types';

/** RFC 3261 §17.1.1.1, §17.1.2.2, §17.2.1: milliseconds. */
export const T1 = 500;
export const T2 = 4_000;
export const T4 = 5_000;

export interface TransactionOptions {
  t1?: number | undefined;
  t2?: number | undefined;
  t4?: number | undefined;
  /** Transactions of both sides, those that only absorb retransmissions included. Above it new requests get 503 without state. */
  maxTransactions?: number | undefined;
  /** Seconds named in that 503. */
  retryAfterSeconds?: number | undefined;
  /** An INVITE transaction that nothing has happened to for this long is given up (milliseconds): against leaks, not a SIP timer. */
  maxProceedingMs?: number | undefined;
}

export type ServerState = 'trying' | 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated';
export type ClientState = 'connecting' | 'calling' | 'trying' | 'proceeding' | 'completed' | 'accepted' | 'terminated';

export interface ServerTransaction {
  /** Unique in the process. */
  readonly id: string;
  readonly request: SipRequest;
  /** The flow the request came over. */
  readonly flow: Flow;
  readonly invite: boolean;
  readonly state: ServerState;
  /**
   * The To tag of our responses to this request: the one the first response with a tag carried, else one made on first use.
   * The layer's own answers (200 to a CANCEL) use it too (RFC 3261 §9.2: same tag).
   */
  readonly localTag: string;
  /**
   * Sends a response, complete with Via, From, To, Call-ID and CSeq (see `makeResponse`).
   * - false: held back on purpose (RFC 4320 §4.1, §4.2: a provisional to a non-INVITE other than a late 100; a 408 to a non-INVITE,
   *   which also ends the transaction) and counted.
   * - A 2xx may be given again while `accepted` (RFC 6026 §7.1); `repeat` is cheaper.
   * - Throws `TransactionError` when a final response was already sent.
   */
  respond(response: SipResponse): boolean;
  /** INVITE in `accepted`: sends the 2xx again, as bytes kept. False when there is nothing to repeat any more. */
  repeat(): boolean;
  /** INVITE in `accepted`: the ACK has come, the bytes of the 2xx can go. */
  acknowledged(): void;
  onTerminated: (() => void) | undefined;
  /** A response could not be delivered (RFC 3261 §17.2.4). The transaction stays. */
  onTransportError: ((error: TransportError) => void) | undefined;
}

export interface ClientHandlers {
  /**
   * Provisional responses (100 included; UDP may repeat them) and the final one.
   * `again`: INVITE only, a further 2xx after the first: a retransmission of it (same To tag: send the ACK again)
   * or one from another branch of a fork (other To tag) (RFC 6026 §7.2).
   */
  onResponse(response: SipResponse, flow: Flow, receivedBytes: number, again: boolean): void;
  /**
   * INVITE only: a 2xx behind another final response of the same branch, from somebody further down who has answered all the same. While
   * the transaction is there, which is then 64*T1 over streams, too. Absent: it is a stray one.
   */
  onLateSuccess?(response: SipResponse, flow: Flow, receivedBytes: number): void;
  /** Timer B or F (RFC 3261 §17.1.1.2, §17.1.2.2), or no final response within 64*T1 of our CANCEL (§9.1). */
  onTimeout(): void;
  onTransportError(error: TransportError): void;
  /**
   * The request is about to leave by another flow than the one it was given with (its size, fail-over), without our Via so far: what it says
   * of us is made to fit. Absent: it is our own request, and its Contact is all that has to.
   */
  onMove?(request: SipRequest, to: Flow): void;
  onTerminated?(): void;
}

export interface ClientTransaction {
  readonly id: string;
  /** As sent. It has its Via once `flow` is there: at once unless the target had to be resolved or dialled. */
  readonly request: SipRequest;
  readonly flow: Flow | undefined;
  readonly state: ClientState;
  /** There when the request was not sent at once, because a better way than its flow is being dialled: resolves when it has been, or has failed. */
  readonly connecting?: Promise<void> | undefined;
  /**
   * INVITE only. Sends CANCEL now, or as soon as a provisional response has come (RFC 3261 §9.1); never after a final one.
   * Its own response is not reported; the INVITE's is. `extra`: header fields to add (Reason ...). False: nothing left to cancel.
   */
  cancel(extra?: Iterable<{ name: string; value: string }>): boolean;
}

/** A request that went out without a transaction: the ACK to a 2xx. `flow.send(data)` repeats it. */
export interface SentRequest {
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly data: Buffer;
}

export type Destination = Target | Flow;

/** Whether there is room for a new request. */
export interface Admission {
  /**
   * Asked about each request that would make a transaction, ACK and CANCEL not; never about one that has its transaction already.
   *
   * @param key of the transaction it would make: a repetition has the same
   * @returns seconds for Retry-After (RFC 3261 §20.33) when it is turned away
   */
  refuses(request: SipRequest, key: string): number | undefined;
}

export class TransactionError extends Error {
  override readonly name = 'TransactionError';

  constructor(
    readonly code: 'final-already-sent' | 'terminated' | 'illegal-move' | 'bad-request',
    message: string,
  ) {
    super(message);
  }
}
