/**
 * The transaction layer for targets that are more than one place (RFC 3263 §4.3) and requests that are more than a datagram (RFC 3261
 * §18.1.1). To the core it is one transaction; below, each place gets one of its own, with a new branch:
 *
 *     place ─┬─ large ── TCP ── refused ── UDP ─┬─ 503, no answer, no way ── the next place ── … ── told to the core
 *            └─ else ────────────────────── UDP ─┘
 *
 * Once the far end has said more than 100, or the core has cancelled, nothing is tried elsewhere: somebody's phone may be ringing.
 */
import type { Clock, Random } from '../../clock';
import { startLine, type SipRequest } from '../wire/message';
import type { Flow, Log, Transport } from '../transport/types';
import { moveContact, restOf, sizeOf } from './elsewhere';
import { TransactionLayer } from './transaction-layer';
import type { Admission, ClientHandlers, ClientState, ClientTransaction, Destination, TransactionOptions } from './types';

export interface FailOverOptions extends TransactionOptions {
  /** Requests above this many bytes leave UDP where they can; 0: never. Default 1300. */
  largeRequestBytes?: number | undefined;
}

export class FailOver extends TransactionLayer {
  private readonly large: number;

  constructor(
    private readonly below: Transport,
    options: FailOverOptions,
    deps: { clock: Clock; random?: Random | undefined; log: Log; admission?: Admission | undefined },
  ) {
    super(below, options, deps);
    this.large = options.largeRequestBytes ?? 1_300;
  }

  override request(request: SipRequest, to: Destination, handlers: ClientHandlers, mark?: string): ClientTransaction {
    if (!('send' in to)) return super.request(request, to, handlers, mark);
    // measured only where it matters: a flow that is one connection, or one place, takes it as it is
    const large = (to.next ?? to.larger) !== undefined && this.large > 0 && sizeOf(request) > this.large;
    if (!to.next && !large) return super.request(request, to, handlers, mark);
    const attempts = new Attempts(request, handlers, (flow, own) => super.request(request, flow, own, mark), this.below, large);
    attempts.start(to);
    return attempts;
  }
}

type Send = (flow: Flow, handlers: ClientHandlers) => ClientTransaction;

/** One request on its way through the places it may go to. */
class Attempts implements ClientTransaction {
  /** See `ClientTransaction`. */
  connecting: Promise<void> | undefined;
  private current: ClientTransaction | undefined;
  private cancelling: Iterable<{ name: string; value: string }> | undefined;
  /** Who the request says we are; it has to be put right for a flow with another local address. */
  private told: { host: string; port: number; flow: Flow } | undefined;

  constructor(
    readonly request: SipRequest,
    private readonly handlers: ClientHandlers,
    private readonly send: Send,
    private readonly transport: Transport,
    /** Leaves UDP where it can. */
    private readonly large: boolean,
  ) {}

  get id(): string {
    return this.current?.id ?? 'c0';
  }

  get flow(): Flow | undefined {
    return this.current?.flow;
  }

  get state(): ClientState {
    return this.current?.state ?? 'connecting';
  }

  cancel(extra: Iterable<{ name: string; value: string }> = []): boolean {
    this.cancelling ??= extra;
    return this.current?.cancel(extra) ?? true;
  }

  /** @throws SipParseError when the request cannot be written */
  start(place: Flow): void {
    this.told = { ...this.transport.sentBy(place), flow: place };
    this.enter(place);
  }

  /** @throws as `start` */
  private enter(place: Flow): void {
    const way = (this.large ? place.larger?.() : undefined) ?? place;
    if (!(way instanceof Promise)) this.go(way, place);
    else {
      // What cannot be written is refused now, as without dialling: later there is nobody to catch it.
      startLine(this.request);
      this.connecting = way.then(
        (better) => this.later(() => this.go(better, place)),
        () => this.later(() => this.go(place, place)),
      );
    }
  }

  private later(go: () => void): void {
    try {
      go();
    } catch (error) {
      this.handlers.onTransportError(error as Parameters<ClientHandlers['onTransportError']>[0]);
    }
  }

  /** `flow` leads to `place`, which knows the next one. */
  private go(flow: Flow, place: Flow): void {
    if (this.told && this.told.flow !== flow) {
      const now = { ...this.transport.sentBy(flow), flow };
      if (this.handlers.onMove) this.handlers.onMove(this.request, flow);
      else moveContact(this.request, this.told, now);
      this.told = now;
    }
    let heard = false;
    /** Goes on elsewhere if that is allowed; otherwise, or when there is nowhere, the core is told. */
    const failed = (tell: () => void, restMs?: number): void => {
      if (heard || this.cancelling || !place.next) {
        tell();
        return;
      }
      this.current = undefined;
      place.next(restMs).then((other) => {
        if (this.cancelling) return tell();
        this.request.headers.removeFirst('via');
        this.later(() => this.enter(other));
      }, tell);
    };
    const superseded = (): boolean => this.current !== transaction;
    const transaction: ClientTransaction = this.send(flow, {
      onResponse: (response, from, bytes, again) => {
        const tell = (): void => this.handlers.onResponse(response, from, bytes, again);
        if (response.status === 503 && !again) failed(tell, restOf(response));
        else {
          heard ||= response.status > 100;
          tell();
        }
      },
      onTimeout: () => failed(() => this.handlers.onTimeout()),
      onTransportError: (error) => failed(() => this.handlers.onTransportError(error)),
      ...(this.handlers.onLateSuccess ? { onLateSuccess: this.handlers.onLateSuccess.bind(this.handlers) } : {}),
      onTerminated: () => {
        if (!superseded()) this.handlers.onTerminated?.();
      },
    });
    this.current = transaction;
    if (this.cancelling) transaction.cancel(this.cancelling);
  }
}
