/** A transport that only writes down what was sent and when, and a transaction layer on it with a clock that tests move. */
import { FakeClock } from '../../../support/fake-clock';
import { parseMessage } from '../../../../signaling/engine/wire/parser';
import { SipRequest, SipResponse } from '../../../../signaling/engine/wire/message';
import type { Via } from '../../../../signaling/engine/wire/via';
import { makeResponse } from '../../../../signaling/engine/transport/reply';
import { TransportError, type Flow, type Log, type MessageHandler, type Target, type Transport } from '../../../../signaling/engine/transport/types';
import { StateTable } from '../../../../signaling/engine/transaction/state-table';
import { TransactionLayer } from '../../../../signaling/engine/transaction/transaction-layer';
import type { Admission, ClientHandlers, ServerTransaction, TransactionOptions } from '../../../../signaling/engine/transaction/types';

export const limits = { maxMessageBytes: 65_536, maxHeaders: 200 };

export interface Sent {
  /** Milliseconds since the start of the test. */
  at: number;
  message: SipRequest | SipResponse;
  /** `100`, `200 INVITE`, `ACK` ... for short lists. */
  what: string;
}

export class FakeFlow implements Flow {
  readonly id: string;
  readonly local = { address: '192.0.2.1', port: 5060 };
  readonly remote = { address: '192.0.2.7', port: 5062 };
  readonly sent: Sent[] = [];
  open = true;
  /** The next sends fail with this. */
  broken: TransportError | undefined;
  /** What `doubt` was asked, and when. */
  readonly doubts: Array<{ at: number; onError: (error: TransportError) => void }> = [];
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly clock: FakeClock,
    readonly protocol: 'udp' | 'tcp',
  ) {
    this.id = `${protocol}:test`;
  }

  get reliable(): boolean {
    return this.protocol === 'tcp';
  }

  send(data: Buffer, onError?: (error: TransportError) => void): void {
    const { broken } = this;
    if (broken || !this.open) {
      const error = broken ?? new TransportError('closed', 'closed');
      if (onError) queueMicrotask(() => onError(error));
      return;
    }
    const message = parseMessage(data, limits);
    const what = message instanceof SipRequest ? message.method : `${message.status} ${message.cseq.method}`;
    this.sent.push({ at: this.clock.now(), message, what });
  }

  doubt(onError: (error: TransportError) => void): void {
    this.doubts.push({ at: this.clock.now(), onError });
  }

  onClose(fn: () => void): () => void {
    this.listeners.add(fn);
    return () => void this.listeners.delete(fn);
  }

  get watchers(): number {
    return this.listeners.size;
  }

  close(): void {
    this.open = false;
    for (const fn of [...this.listeners]) fn();
  }

  /** Instants at which something went out, in milliseconds. */
  get times(): number[] {
    return this.sent.map((s) => s.at);
  }

  get whats(): string[] {
    return this.sent.map((s) => s.what);
  }

  get last(): SipRequest | SipResponse {
    const sent = this.sent.at(-1);
    if (!sent) throw new Error('nothing was sent');
    return sent.message;
  }
}

export class FakeTransport implements Transport {
  onMessage: MessageHandler = () => undefined;
  flowTo: (target: Target) => Flow | Promise<Flow> = () => this.udp;
  responseFlow: (via: Via, received: Flow) => Flow | Promise<Flow> = (_via, received) => received;

  constructor(private readonly udp: FakeFlow) {}

  sentBy(flow: Flow): { host: string; port: number } {
    return { host: flow.local.address, port: flow.local.port };
  }
}

export interface LogLine {
  level: string;
  message: string;
}

export function memoryLog(): Log & { lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (_fields: object, message: string) => void lines.push({ level, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

const benches: Bench[] = [];

/** For `afterEach`: no machine met a move that its table does not have. */
export function expectNoDefects(): void {
  for (const bench of benches.splice(0)) expect(bench.layer.stats().internalErrors).toBe(0);
}

export class Bench {
  readonly clock = new FakeClock();
  readonly udp = new FakeFlow(this.clock, 'udp');
  readonly tcp = new FakeFlow(this.clock, 'tcp');
  readonly transport = new FakeTransport(this.udp);
  readonly log = memoryLog();
  readonly layer: TransactionLayer;
  readonly requests: SipRequest[] = [];
  readonly transactions: ServerTransaction[] = [];
  readonly acks: SipRequest[] = [];
  readonly cancels: Array<{ invite: ServerTransaction; cancel: SipRequest }> = [];
  readonly strays: SipResponse[] = [];
  readonly terminated: string[] = [];
  readonly serverErrors: TransportError[] = [];

  constructor(options: TransactionOptions = {}, admission?: Admission) {
    benches.push(this);
    let drawn = 0;
    const random = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 7 + ++drawn * 13) & 255));
    this.layer = new TransactionLayer(this.transport, options, { clock: this.clock, random, log: this.log, admission });
    this.layer.onRequest = (transaction, request) => {
      this.transactions.push(transaction);
      this.requests.push(request);
      transaction.onTerminated = () => this.terminated.push(transaction.request.method);
      transaction.onTransportError = (error) => this.serverErrors.push(error);
    };
    this.layer.onAck = (ack) => void this.acks.push(ack);
    this.layer.onCancel = (invite, cancel) => this.cancels.push({ invite, cancel });
    this.layer.onStrayResponse = (response) => void this.strays.push(response);
  }

  /** The message arrives; a copy, as each datagram is parsed anew. */
  receive(message: SipRequest | SipResponse, flow: Flow = this.udp): void {
    this.transport.onMessage(message.clone(), flow, 100);
  }

  get server(): ServerTransaction {
    const transaction = this.transactions.at(-1);
    if (!transaction) throw new Error('no server transaction');
    return transaction;
  }

  respond(status: number, tag = 'ours'): boolean {
    return this.server.respond(makeResponse(this.server.request, status, tag));
  }
}

export class Recorder implements ClientHandlers {
  readonly responses: Array<{ status: number; again: boolean; tag: string | undefined }> = [];
  readonly errors: TransportError[] = [];
  timeouts = 0;
  terminations = 0;

  onResponse(response: SipResponse, _flow: Flow, _bytes: number, again: boolean): void {
    this.responses.push({ status: response.status, again, tag: response.toTag });
  }

  onTimeout(): void {
    this.timeouts++;
  }

  onTransportError(error: TransportError): void {
    this.errors.push(error);
  }

  onTerminated(): void {
    this.terminations++;
  }

  get statuses(): number[] {
    return this.responses.map((r) => r.status);
  }
}

export interface Shape {
  branch?: string;
  seq?: number;
  callId?: string;
  fromTag?: string;
  toTag?: string;
  via?: string;
  uri?: string;
}

export function request(method: string, shape: Shape = {}): SipRequest {
  const { branch = 'z9hG4bK-1', seq = 7, callId = 'call-1', fromTag = 'theirs', toTag, via, uri = 'sip:1001@192.0.2.1' } = shape;
  const out = new SipRequest(method, uri);
  out.headers.append('Via', via ?? `SIP/2.0/UDP 192.0.2.7:5062;branch=${branch};rport=5062`);
  out.headers.append('From', `<sip:1002@192.0.2.1>;tag=${fromTag}`);
  out.headers.append('To', `<sip:1001@192.0.2.1>${toTag === undefined ? '' : `;tag=${toTag}`}`);
  out.headers.append('Call-ID', callId);
  out.headers.append('CSeq', `${seq} ${method}`);
  out.headers.append('Max-Forwards', '70');
  return out;
}

/** A request of ours, without Via. */
export function outgoing(method: string, shape: Shape = {}): SipRequest {
  const out = request(method, shape);
  out.headers.remove('Via');
  return out;
}

export function answer(to: SipRequest, status: number, tag = 'remote'): SipResponse {
  return makeResponse(to, status, tag);
}

/** Every (state, event) the tables were asked for while a test file ran: the rows that its tests reached. */
export function watchTable<M extends { state: S }, S extends string, E>(table: StateTable<M, S, E>): { missing(): string[] } {
  const seen = new Set<string>();
  const fire = table.fire.bind(table);
  table.fire = ((machine: M, event: keyof E & string, input: never) => {
    const from = machine.state;
    fire(machine, event, input);
    seen.add(`${from} ${event}`);
  }) as typeof table.fire;
  return {
    missing: () => table.rows.flatMap((row) => row.in.map((state) => `${state} ${row.on}`)).filter((pair) => !seen.has(pair)),
  };
}

/** Pairs of state and event that the table does not allow. */
export function illegalPairs<M extends { state: S }, S extends string, E>(table: StateTable<M, S, E>): Array<[S, keyof E & string]> {
  const states = new Set(table.rows.flatMap((row) => [...row.in, ...(row.to === undefined ? [] : [row.to])]));
  const events = new Set(table.rows.map((row) => row.on));
  const legal = new Set(table.rows.flatMap((row) => row.in.map((state) => `${state} ${row.on}`)));
  return [...states].flatMap((state) => [...events].filter((event) => !legal.has(`${state} ${event}`)).map((event) => [state, event] as [S, keyof E & string]));
}

/** Lets promises settle. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
