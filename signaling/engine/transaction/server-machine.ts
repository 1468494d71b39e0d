/**
 * What both server machines have (RFC 3261 §17.2), and the handle that the core holds.
 *
 * The machine outlives the request by 32 s only to absorb retransmissions, thousands at a time under load; so it never holds the
 * request: the handle does, and the machine lets go of the handle at the final response.
 */
import type { SipRequest, SipResponse } from '../wire/message';
import type { ViaView } from '../wire/via';
import { serialize } from '../wire/serialize';
import type { Flow, TransportError } from '../transport/types';
import { guarded, type Context } from './context';
import type { EndCause } from './counters';
import type { QueuedTimer } from './timer-queue';
import { TransactionError, type ServerState, type ServerTransaction } from './types';

export type ServerTimer = 'repeat' | 'end' | 'late-provisional';

export abstract class ServerMachine {
  abstract readonly invite: boolean;
  state: ServerState;
  /** The last response, as sent. */
  last: Buffer | undefined;
  /** Absent once a final response has been sent. */
  handle: ServerTransactionHandle | undefined;
  /** Timer G; for a non-INVITE the wait for the late 100. */
  repeatTimer: QueuedTimer<ServerTimer> | undefined;
  /** Timer H, I, J or L; before a final response the guard against leaks. */
  endTimer: QueuedTimer<ServerTimer> | undefined;
  interval = 0;
  onTerminated: (() => void) | undefined;
  onTransportError: ((error: TransportError) => void) | undefined;
  private tag: string | undefined;
  /** Only for streams: where to dial when the connection is gone by the time of the response (§18.2.2). */
  private readonly via: ViaView | undefined;

  constructor(
    readonly context: Context,
    readonly key: string,
    readonly flow: Flow,
    request: SipRequest,
    initial: ServerState,
    private readonly forget: (key: string) => void,
  ) {
    this.state = initial;
    this.via = flow.reliable ? request.topVia : undefined;
    this.handle = new ServerTransactionHandle(this, request);
  }

  abstract respond(response: SipResponse): boolean;
  abstract onTimer(name: ServerTimer): void;
  /** The same request once more. */
  abstract retransmission(): void;
  abstract transportError(error: TransportError): void;

  get localTag(): string {
    return (this.tag ??= this.context.tokens.next());
  }

  /** Serializes a response that may go out now, and remembers its To tag while a CANCEL can still need it. */
  protected prepare(response: SipResponse): Buffer {
    if (this.tag === undefined && response.status < 200) this.tag = response.toTag;
    return serialize(response);
  }

  protected refuseAfterFinal(): never {
    if (this.state === 'terminated') throw new TransactionError('terminated', 'The transaction has ended: no response can be sent any more');
    throw new TransactionError('final-already-sent', 'A final response was already sent in this transaction');
  }

  send(data: Buffer): void {
    const { flow } = this;
    if (flow.open || this.via === undefined) {
      flow.send(data, (error) => this.sendFailed(error));
      return;
    }
    const failed = (error: TransportError): void => this.sendFailed(error);
    const way = this.context.transport.responseFlow(this.via, flow);
    if (way instanceof Promise) way.then((other) => other.send(data, failed), failed);
    else way.send(data, failed);
  }

  private sendFailed(error: TransportError): void {
    this.context.counters.transportErrors++;
    this.transportError(error);
  }

  reportTransportError(error: TransportError): void {
    const listener = this.onTransportError;
    if (listener) guarded(this.context, 'onTransportError', () => listener(error));
  }

  terminate(cause: EndCause): void {
    this.context.counters.endings[this.invite ? 'inviteServer' : 'server'][cause]++;
    this.repeatTimer?.cancel();
    this.endTimer?.cancel();
    this.repeatTimer = this.endTimer = undefined;
    this.last = undefined;
    this.handle = undefined;
    this.forget(this.key);
    const listener = this.onTerminated;
    // onTransportError stays: over a stream the machine ends before the kernel has said what became of the last response.
    this.onTerminated = undefined;
    if (listener) guarded(this.context, 'onTerminated', listener);
  }
}

let count = 0;

export class ServerTransactionHandle implements ServerTransaction {
  readonly id = `s${++count}`;

  constructor(
    private readonly machine: ServerMachine,
    readonly request: SipRequest,
  ) {}

  get flow(): Flow {
    return this.machine.flow;
  }

  get invite(): boolean {
    return this.machine.invite;
  }

  get state(): ServerState {
    return this.machine.state;
  }

  get localTag(): string {
    return this.machine.localTag;
  }

  respond(response: SipResponse): boolean {
    return this.machine.respond(response);
  }

  repeat(): boolean {
    const { machine } = this;
    if (machine.state !== 'accepted' || machine.last === undefined) return false;
    machine.context.counters.responsesRepeated++;
    machine.send(machine.last);
    return true;
  }

  acknowledged(): void {
    if (this.machine.state === 'accepted') this.machine.last = undefined;
  }

  get onTerminated(): (() => void) | undefined {
    return this.machine.onTerminated;
  }

  set onTerminated(listener: (() => void) | undefined) {
    this.machine.onTerminated = listener;
  }

  get onTransportError(): ((error: TransportError) => void) | undefined {
    return this.machine.onTransportError;
  }

  set onTransportError(listener: ((error: TransportError) => void) | undefined) {
    this.machine.onTransportError = listener;
  }
}
