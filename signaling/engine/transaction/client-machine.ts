/**
 * What both client machines have (RFC 3261 §17.1), and the handle that the core holds.
 *
 * As on the server side the machine keeps only what its state can still need: the request (for ACK and CANCEL) and its bytes go with
 * the first response that makes them superfluous.
 */
import type { SipRequest, SipResponse } from '../wire/message';
import { serialize } from '../wire/serialize';
import { TransportError, type Flow } from '../transport/types';
import { addVia } from './client-requests';
import { guarded, type Context } from './context';
import type { EndCause } from './counters';
import type { QueuedTimer } from './timer-queue';
import type { ClientHandlers, ClientState, ClientTransaction } from './types';

export type ClientTimer = 'repeat' | 'end';

/** A response on its way through a machine. */
export interface Incoming {
  readonly response: SipResponse;
  readonly flow: Flow;
  readonly bytes: number;
}

/** What a client machine asks of the layer. */
export interface ClientOwner {
  forget(key: string): void;
  /** A 2xx that no transaction takes. */
  stray(incoming: Incoming): void;
  /** Starts the transaction of a CANCEL. */
  sendCancel(invite: SipRequest, flow: Flow, extra: Iterable<{ name: string; value: string }>): void;
}

export abstract class ClientMachine {
  abstract readonly invite: boolean;
  state: ClientState = 'connecting';
  flow: Flow | undefined;
  /** The request's bytes, while a retransmission can still be due. */
  data: Buffer | undefined;
  interval = 0;
  /** Timer A or E. */
  repeatTimer: QueuedTimer<ClientTimer> | undefined;
  /** Timer B, D, F, K or M; in `proceeding` the limit after a CANCEL or the guard against leaks. */
  endTimer: QueuedTimer<ClientTimer> | undefined;
  private unwatch: (() => void) | undefined;

  constructor(
    readonly context: Context,
    readonly owner: ClientOwner,
    readonly key: string,
    /** Absent once neither ACK nor CANCEL can be made from it any more. */
    public request: SipRequest | undefined,
    public handlers: ClientHandlers,
  ) {}

  abstract begin(): void;
  abstract receive(incoming: Incoming): void;
  abstract onTimer(name: ClientTimer): void;
  abstract transportError(error: TransportError): void;
  abstract cancel(extra: Iterable<{ name: string; value: string }>): boolean;

  /** The way is known: Via, bytes, first transmission. */
  connected(flow: Flow, request: SipRequest, branch: string, ownVia: boolean): void {
    if (!ownVia) addVia(request, flow, this.context.transport, branch);
    this.data = serialize(request);
    this.flow = flow;
    if (flow.reliable) {
      // Bytes that were never sent cannot be answered: those who wait on a connection learn at once that it is gone.
      this.unwatch = flow.onClose(() => this.sendFailed(new TransportError('closed', `The connection to ${flow.remote.address}:${flow.remote.port} was closed`, flow.protocol, flow.remote.address, flow.remote.port)));
    }
    this.begin();
  }

  transmit(): void {
    if (this.data) this.sendBytes(this.data);
  }

  sendBytes(data: Buffer): void {
    this.flow?.send(data, (error) => this.sendFailed(error));
  }

  /** Nothing has come back within T1: perhaps nobody is there. */
  doubt(): void {
    this.flow?.doubt?.((error) => this.sendFailed(error));
  }

  sendFailed(error: TransportError): void {
    this.transportError(error);
  }

  arm(which: ClientTimer, ms: number): void {
    const timer = this.context.timers.start<ClientTimer>(ms, this, which);
    if (which === 'repeat') {
      this.repeatTimer?.cancel();
      this.repeatTimer = timer;
    } else {
      this.endTimer?.cancel();
      this.endTimer = timer;
    }
  }

  stopRepeating(): void {
    this.repeatTimer?.cancel();
    this.repeatTimer = this.data = undefined;
  }

  /** Nothing will be sent any more but ACKs of bytes already made. */
  settle(): void {
    this.stopRepeating();
    this.request = undefined;
    this.unwatch?.();
    this.unwatch = undefined;
  }

  passUp({ response, flow, bytes }: Incoming, again = false): void {
    guarded(this.context, 'onResponse', () => this.handlers.onResponse(response, flow, bytes, again));
  }

  tellTimeout(): void {
    this.context.counters.timeouts++;
    guarded(this.context, 'onTimeout', () => this.handlers.onTimeout());
  }

  tellTransportError(error: TransportError): void {
    this.context.counters.transportErrors++;
    guarded(this.context, 'onTransportError', () => this.handlers.onTransportError(error));
  }

  terminate(cause: EndCause): void {
    this.context.counters.endings[this.invite ? 'inviteClient' : 'client'][cause]++;
    this.settle();
    this.endTimer?.cancel();
    this.endTimer = undefined;
    this.owner.forget(this.key);
    const { handlers } = this;
    this.handlers = deaf;
    if (handlers.onTerminated) guarded(this.context, 'onTerminated', () => handlers.onTerminated?.());
  }
}

const deaf: ClientHandlers = {
  onResponse: () => undefined,
  onTimeout: () => undefined,
  onTransportError: () => undefined,
};

let count = 0;

export class ClientTransactionHandle implements ClientTransaction {
  readonly id = `c${++count}`;

  constructor(
    private readonly machine: ClientMachine,
    readonly request: SipRequest,
  ) {}

  get flow(): Flow | undefined {
    return this.machine.flow;
  }

  get state(): ClientState {
    return this.machine.state;
  }

  cancel(extra: Iterable<{ name: string; value: string }> = []): boolean {
    return this.machine.cancel(extra);
  }
}
