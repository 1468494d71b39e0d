/**
 * The transaction layer (RFC 3261 §17): matches every message to its transaction, absorbs what is repeated, and repeats what is not
 * answered. The machines are in ist.ts, nist.ts, ict.ts and nict.ts; this file only routes.
 *
 *     transport ─► onMessage ─┬─ response ─► client machine ─► handlers   (or onStrayResponse)
 *                             ├─ ACK ──────► INVITE server machine        (or onAck)
 *                             ├─ CANCEL ───► 200 by us, onCancel          (or 481 by us)
 *                             └─ request ──► server machine, absorbed     (or new: onRequest)
 */
import { systemRandom, type Clock, type Random } from '../../clock';
import { BusyMap } from '../busy-map';
import { SipRequest, type SipResponse } from '../wire/message';
import { ownCopy } from '../wire/own-copy';
import { serialize } from '../wire/serialize';
import { makeResponse, statelessTag } from '../transport/reply';
import { TransportError, type Flow, type Log, type Transport } from '../transport/types';
import { Tokens } from './branch';
import { addVia, buildCancel } from './client-requests';
import { ClientTransactionHandle, type ClientMachine, type ClientOwner, type Incoming } from './client-machine';
import { guarded, timings, type Context } from './context';
import { TransactionCounters, type TransactionStats } from './counters';
import { InviteClientMachine } from './ict';
import { InviteServerMachine } from './ist';
import { clientKey, clientKeyOf, serverKey } from './keys';
import { NonInviteClientMachine } from './nict';
import { NonInviteServerMachine } from './nist';
import type { ServerMachine } from './server-machine';
import { TimerQueues } from './timer-queue';
import {
  T1,
  T2,
  T4,
  TransactionError,
  type Admission,
  type ClientHandlers,
  type ClientTransaction,
  type Destination,
  type SentRequest,
  type ServerTransaction,
  type TransactionOptions,
} from './types';

const HOUR_MS = 3_600_000;

export class TransactionLayer {
  /** A new request; never an ACK or a CANCEL. */
  onRequest: (transaction: ServerTransaction, request: SipRequest, flow: Flow, receivedBytes: number) => void = () => undefined;
  /**
   * A CANCEL for an INVITE that has no final response yet. It is answered already; the INVITE's 487 is the core's (RFC 3261 §9.2).
   * A CANCEL that comes after the final response is answered 200 and counted, and changes nothing.
   */
  onCancel: (invite: ServerTransaction, cancel: SipRequest) => unknown = () => undefined;
  /** An ACK to a 2xx, or to nothing we know, each time it arrives. */
  onAck: (ack: SipRequest, flow: Flow, receivedBytes: number) => void = () => undefined;
  /** A 2xx to an INVITE that no client transaction takes: a fork's, or one that came after timer M. The core ends what it does not know. */
  onStrayResponse: (response: SipResponse, flow: Flow, receivedBytes: number) => void = () => undefined;

  private readonly server = new BusyMap<ServerMachine>();
  private readonly client = new BusyMap<ClientMachine>();
  private readonly counters = new TransactionCounters();
  private readonly context: Context;
  private readonly admission: Admission | undefined;
  private readonly maxTransactions: number;
  private readonly retryAfter: string;
  private closed = false;

  constructor(
    private readonly transport: Transport,
    options: TransactionOptions,
    deps: { clock: Clock; random?: Random | undefined; log: Log; admission?: Admission | undefined },
  ) {
    this.admission = deps.admission;
    this.maxTransactions = options.maxTransactions ?? 200_000;
    this.retryAfter = String(options.retryAfterSeconds ?? 5);
    this.context = {
      transport,
      timers: new TimerQueues(deps.clock, (error) => {
        this.counters.internalErrors++;
        deps.log.error({ err: error }, 'A timer of a transaction failed');
      }),
      timings: timings(options.t1 ?? T1, options.t2 ?? T2, options.t4 ?? T4, options.maxProceedingMs ?? HOUR_MS),
      tokens: new Tokens(deps.random ?? systemRandom),
      counters: this.counters,
      log: deps.log,
    };
    transport.onMessage = (message, flow, bytes) => {
      if (this.closed) return;
      if (message instanceof SipRequest) this.receiveRequest(message, flow, bytes);
      else this.receiveResponse({ response: message, flow, bytes });
    };
  }

  /**
   * Starts a client transaction. The request is taken over: our Via goes on top of it. Handlers are never called before this returns.
   *
   * @param mark of token characters: what a proxy knows its own Via by when the request comes back (RFC 5393 §4.2)
   * @throws SipParseError when the request cannot be written (a header with a line break ...)
   */
  request(request: SipRequest, to: Destination, handlers: ClientHandlers, mark?: string): ClientTransaction {
    if (request.method === 'ACK' || request.method === 'CANCEL') {
      throw new TransactionError('bad-request', `${request.method} has no client transaction of its own: use sendDirect, or cancel() of the INVITE's`);
    }
    const unique = this.context.tokens.branch();
    return this.start(request, mark === undefined ? unique : `${unique}.${mark}`, to, handlers, false);
  }

  /** Sends a request without a transaction: the ACK to a 2xx (RFC 3261 §13.2.2.4). Our Via goes on top of it. */
  sendDirect(request: SipRequest, to: Flow, onError?: (error: TransportError) => void): SentRequest;
  sendDirect(request: SipRequest, to: Destination, onError?: (error: TransportError) => void): SentRequest | Promise<SentRequest>;
  sendDirect(request: SipRequest, to: Destination, onError?: (error: TransportError) => void): SentRequest | Promise<SentRequest> {
    const send = (flow: Flow): SentRequest => {
      addVia(request, flow, this.transport, this.context.tokens.branch());
      const data = serialize(request);
      flow.send(data, onError);
      return { request, flow, data };
    };
    if (isFlow(to)) return send(to);
    const way = this.transport.flowTo(to);
    return way instanceof Promise ? way.then(send) : send(way);
  }

  stats(): TransactionStats {
    return { ...structuredClone(this.counters), server: this.server.size, client: this.client.size, timers: this.context.timers.size };
  }

  /** Forgets everything without a word to the core: it closes first. */
  close(): void {
    this.closed = true;
    this.context.timers.close();
    this.server.clear();
    this.client.clear();
  }

  private receiveRequest(request: SipRequest, flow: Flow, bytes: number): void {
    if (request.method === 'ACK') {
      this.receiveAck(request, flow, bytes);
      return;
    }
    const key = serverKey(request);
    const known = this.server.get(key);
    if (known) {
      known.retransmission();
      return;
    }
    if (request.method === 'CANCEL') {
      this.receiveCancel(request, flow, key);
      return;
    }
    const full = this.full();
    const wait = full ? this.retryAfter : this.admission?.refuses(request, key);
    if (wait !== undefined) {
      if (full) this.counters.overload++;
      this.answerStateless(request, flow, 503, String(wait));
      return;
    }
    this.counters.requestsReceived++;
    const own = ownCopy(key);
    const machine =
      request.method === 'INVITE'
        ? new InviteServerMachine(this.context, own, flow, request, this.forgetServer, this.passAckUp)
        : new NonInviteServerMachine(this.context, own, flow, request, this.forgetServer);
    this.server.set(own, machine);
    const { handle } = machine;
    if (handle) guarded(this.context, 'onRequest', () => this.onRequest(handle, request, flow, bytes));
  }

  private receiveAck(ack: SipRequest, flow: Flow, bytes: number): void {
    const machine = this.server.get(serverKey(ack, 'INVITE'));
    if (machine instanceof InviteServerMachine) machine.ack(ack, flow);
    else this.passAckUp(ack, flow, bytes);
  }

  private readonly passAckUp = (ack: SipRequest, flow: Flow, bytes = 0): void => {
    this.counters.acksPassedUp++;
    guarded(this.context, 'onAck', () => this.onAck(ack, flow, bytes));
  };

  private receiveCancel(cancel: SipRequest, flow: Flow, key: string): void {
    const invite = this.server.get(serverKey(cancel, 'INVITE'));
    if (!invite) {
      this.counters.unmatchedCancels++;
      this.answerStateless(cancel, flow, 481);
      return;
    }
    const answer = makeResponse(cancel, 200, invite.localTag);
    if (this.full()) flow.send(serialize(answer));
    else {
      const own = ownCopy(key);
      const machine = new NonInviteServerMachine(this.context, own, flow, cancel, this.forgetServer);
      this.server.set(own, machine);
      machine.respond(answer);
    }
    const { handle } = invite;
    if (invite.state !== 'proceeding' || !handle) {
      this.counters.lateCancels++;
      return;
    }
    guarded(this.context, 'onCancel', () => this.onCancel(handle, cancel));
  }

  private receiveResponse(incoming: Incoming): void {
    const key = clientKeyOf(incoming.response);
    const machine = key === undefined ? undefined : this.client.get(key);
    if (machine) machine.receive(incoming);
    else this.stray(incoming);
  }

  private stray({ response, flow, bytes }: Incoming): void {
    this.counters.strayResponses++;
    if (response.status < 200 || response.status >= 300 || response.cseq.method !== 'INVITE') return;
    guarded(this.context, 'onStrayResponse', () => this.onStrayResponse(response, flow, bytes));
  }

  private start(request: SipRequest, branch: string, to: Destination, handlers: ClientHandlers, ownVia: boolean): ClientTransaction {
    const key = ownCopy(clientKey(branch, request.method));
    const machine =
      request.method === 'INVITE'
        ? new InviteClientMachine(this.context, this.owner, key, request, handlers)
        : new NonInviteClientMachine(this.context, this.owner, key, request, handlers);
    const handle = new ClientTransactionHandle(machine, request);
    const fail = (error: unknown): void => {
      if (!this.closed && machine.state === 'connecting') machine.transportError(asTransportError(error));
    };
    const begin = (flow: Flow): void => {
      if (this.closed) return;
      machine.connected(flow, request, branch, ownVia);
    };
    // A CANCEL makes room; it is never the one too many.
    if (!ownVia && this.full()) {
      this.counters.overload++;
      queueMicrotask(() => fail(new TransportError('limit', `Over ${this.maxTransactions} transactions: no new request can be sent`)));
      return handle;
    }
    const way = isFlow(to) ? to : this.transport.flowTo(to);
    this.counters.requestsSent++;
    this.client.set(key, machine);
    if (way instanceof Promise) {
      way.then(begin).catch(fail);
      return handle;
    }
    try {
      begin(way);
    } catch (error) {
      this.client.delete(key);
      throw error;
    }
    return handle;
  }

  private readonly owner: ClientOwner = {
    forget: (key) => void this.client.delete(key),
    stray: (incoming) => this.stray(incoming),
    sendCancel: (invite, flow, extra) => {
      const { branch } = invite.topVia;
      if (branch !== undefined) this.start(buildCancel(invite, extra), branch, flow, silent, true);
    },
  };

  private readonly forgetServer = (key: string): void => {
    this.server.delete(key);
  };

  private full(): boolean {
    return this.server.size + this.client.size >= this.maxTransactions;
  }

  private answerStateless(request: SipRequest, flow: Flow, status: number, retryAfter?: string): void {
    const response = makeResponse(request, status, statelessTag(request));
    if (retryAfter !== undefined) response.headers.append('Retry-After', retryAfter);
    flow.send(serialize(response));
  }
}

/** For a CANCEL: what becomes of it shows in its INVITE (RFC 3261 §9.1). */
const silent: ClientHandlers = {
  onResponse: () => undefined,
  onTimeout: () => undefined,
  onTransportError: () => undefined,
};

function isFlow(to: Destination): to is Flow {
  return 'send' in to;
}

function asTransportError(error: unknown): TransportError {
  if (error instanceof TransportError) return error;
  const { code } = error as { code?: unknown };
  return new TransportError(typeof code === 'string' ? code : 'failed', error instanceof Error ? error.message : String(error));
}
