/** A core on a fake clock, between a transaction layer and an application that only take notes. */
import { Core } from '../../../../signaling/engine/core/core';
import { defaultCoreOptions, type CoreOptions } from '../../../../signaling/engine/core/options';
import type { App, AppRouter, Refused, RequestDelivery, ResponseDelivery, Sent } from '../../../../signaling/engine/core/app';
import { parseAppMessage, type AppRequest, type AppResponse } from '../../../../signaling/engine/core/app-message';
import type { CoreTransport, Transactions } from '../../../../signaling/engine/core/context';
import type { Registered } from '../../../../signaling/engine/core/next-hop';
import { silentLog } from '../../../../signaling/engine/log';
import { TransactionError, type ClientHandlers, type ClientTransaction, type ServerTransaction } from '../../../../signaling/engine/transaction/types';
import type { Flow, Protocol, Target, TransportError } from '../../../../signaling/engine/transport/types';
import { SipRequest, SipResponse } from '../../../../signaling/engine/wire/message';
import { parseMessage } from '../../../../signaling/engine/wire/parser';
import { FakeClock } from '../../../support/fake-clock';

const limits = { maxMessageBytes: 65_535, maxHeaders: 100 };

export class FakeFlow implements Flow {
  readonly id: string;
  readonly reliable: boolean;
  readonly local = { address: '192.0.2.1', port: 5060 };
  readonly remote: { address: string; port: number };
  open = true;
  readonly sent: string[] = [];

  constructor(
    readonly protocol: Protocol,
    address: string,
    port: number,
  ) {
    this.reliable = protocol !== 'udp';
    this.remote = { address, port };
    this.id = `${protocol}:${address}:${port}`;
  }

  send(data: Buffer): void {
    this.sent.push(data.toString());
  }

  onClose(): () => void {
    return () => undefined;
  }
}

export class FakeServerTransaction implements ServerTransaction {
  readonly responses: SipResponse[] = [];
  repeats = 0;
  onTerminated = undefined;
  onTransportError = undefined;
  localTag = 'ourtag';

  constructor(
    readonly id: string,
    readonly request: SipRequest,
    readonly flow: Flow,
  ) {}

  get invite(): boolean {
    return this.request.method === 'INVITE';
  }

  get state(): ServerTransaction['state'] {
    const status = this.responses.at(-1)?.status ?? 0;
    return status < 200 ? 'proceeding' : status < 300 && this.invite ? 'accepted' : 'completed';
  }

  respond(response: SipResponse): boolean {
    if (this.state !== 'proceeding') throw new TransactionError('final-already-sent', 'twice');
    this.responses.push(response);
    return true;
  }

  repeat(): boolean {
    this.repeats++;
    return true;
  }

  acknowledged(): void {
    this.repeats = -1;
  }

  get statuses(): number[] {
    return this.responses.map((response) => response.status);
  }
}

export class FakeClientTransaction implements ClientTransaction {
  readonly state = 'calling';
  cancelled = false;

  constructor(
    readonly id: string,
    readonly request: SipRequest,
    readonly flow: FakeFlow,
    readonly handlers: ClientHandlers,
  ) {}

  cancel(): boolean {
    this.cancelled = true;
    return true;
  }

  /** The peer answers; `lines` are extra header lines. */
  answer(status: number, options: { tag?: string; lines?: string[]; body?: string; again?: boolean; flow?: FakeFlow } = {}): void {
    const { headers } = this.request;
    const text = [
      `SIP/2.0 ${status} Whatever`,
      'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours',
      `From: ${headers.get('from')}`,
      `To: ${headers.get('to')}${headers.get('to')!.includes('tag=') || status === 100 ? '' : `;tag=${options.tag ?? 'theirs'}`}`,
      `Call-ID: ${headers.get('call-id')}`,
      `CSeq: ${headers.get('cseq')}`,
      ...(options.lines ?? []),
      '',
      options.body ?? '',
    ].join('\r\n');
    this.handlers.onResponse(parseMessage(Buffer.from(text), limits, { contentLength: 'ignore' }) as SipResponse, options.flow ?? this.flow, text.length, options.again ?? false);
  }
}

class FakeTransactions implements Transactions {
  onRequest: Transactions['onRequest'] = () => undefined;
  onCancel: Transactions['onCancel'] = () => undefined;
  onAck: Transactions['onAck'] = () => undefined;
  onStrayResponse: Transactions['onStrayResponse'] = () => undefined;
  readonly sent: FakeClientTransaction[] = [];
  readonly direct: Array<{ request: SipRequest; flow: FakeFlow }> = [];
  private count = 0;

  request(request: SipRequest, destination: Target | Flow, handlers: ClientHandlers): ClientTransaction {
    request.headers.prepend('Via', 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours');
    const transaction = new FakeClientTransaction(`c${++this.count}`, request, destination as FakeFlow, handlers);
    this.sent.push(transaction);
    return transaction;
  }

  sendDirect(request: SipRequest, flow: Flow): { request: SipRequest; flow: Flow; data: Buffer } {
    this.direct.push({ request, flow: flow as FakeFlow });
    return { request, flow, data: Buffer.from(`${request.method} ${request.cseq.seq}`) };
  }
}

export class FakeApp implements App {
  readonly requests: RequestDelivery[] = [];
  readonly responses: ResponseDelivery[] = [];
  /** The order things were told in: `>INVITE`, `180`, `echo`. */
  readonly story: string[] = [];

  constructor(readonly name: string) {}

  deliverRequest(delivery: RequestDelivery): void {
    this.requests.push(delivery);
    this.story.push(`>${delivery.message.method}`);
  }

  deliverResponse(delivery: ResponseDelivery): void {
    this.responses.push(delivery);
    this.story.push(String(delivery.message.status));
  }

  get last(): RequestDelivery {
    const delivery = this.requests.at(-1);
    if (!delivery) throw new Error('nothing was delivered');
    return delivery;
  }
}

export class CoreUnderTest {
  readonly clock = new FakeClock();
  readonly transactions = new FakeTransactions();
  readonly app = new FakeApp('app');
  /** Who is asked; undefined: nobody. */
  router: App | undefined = this.app;
  readonly registered = new Map<string, Registered>();
  readonly remembered: Array<[string, number]> = [];
  /** What flowTo answers; default: a UDP flow, at once. */
  flowTo: (target: Target) => Flow | Promise<Flow> = (target) => new FakeFlow(target.protocol ?? 'udp', target.host, target.port ?? 5060);
  readonly targets: Target[] = [];
  readonly core: Core;
  private serial = 0;

  constructor(options: Partial<CoreOptions> = {}) {
    const transport: CoreTransport = {
      flowTo: (target) => {
        this.targets.push(target);
        return this.flowTo(target);
      },
      registered: (key) => this.registered.get(key),
      protocols: () => ['udp', 'tcp'],
      isOwn: (host, port) => host === '192.0.2.1' && port === 5060,
      sentBy: () => ({ host: '192.0.2.1', port: 5060 }),
      defaultSentBy: () => ({ host: '192.0.2.1', port: 5060 }),
      register: (key, _flow, expiresMs) => void this.remembered.push([key, expiresMs]),
      flowNamed: () => undefined,
    };
    const apps: AppRouter = { pick: () => this.router };
    // xorshift32: repeatable, and long enough that no identifier comes twice in a run
    let random = 0x9e3779b9;
    const nextByte = (): number => {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      return random & 0xff;
    };
    this.core = new Core(
      { ...defaultCoreOptions, ...options },
      {
        clock: this.clock,
        random: (bytes) => Buffer.from(Array.from({ length: bytes }, nextByte)),
        log: silentLog,
        transactions: this.transactions,
        transport,
        apps,
      },
    );
  }

  // --- the network ---------------------------------------------------------------------------------------------------

  /** A request arrives: `head` is the start line's beginning, `lines` replace or add headers by name. */
  receive(method: string, lines: Record<string, string | undefined> = {}, options: { flow?: FakeFlow; body?: string } = {}): FakeServerTransaction {
    const request = this.makeRequest(method, lines, options.body);
    const transaction = new FakeServerTransaction(`s${++this.serial}`, request, options.flow ?? new FakeFlow('udp', '198.51.100.7', 5062));
    this.transactions.onRequest(transaction, request, transaction.flow, 300);
    return transaction;
  }

  makeRequest(method: string, lines: Record<string, string | undefined> = {}, body = ''): SipRequest {
    const headers: Record<string, string | undefined> = {
      Via: `SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK${++this.serial}`,
      From: '<sip:alice@example.com>;tag=alice1',
      To: '<sip:bob@example.com>',
      'Call-ID': 'call1',
      CSeq: `1 ${method}`,
      Contact: '<sip:alice@198.51.100.7:5062>',
      ...lines,
    };
    const text = [`${method} sip:bob@192.0.2.1 SIP/2.0`, ...Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`])), '', body].join('\r\n');
    return parseMessage(Buffer.from(text), limits, { contentLength: 'ignore' }) as SipRequest;
  }

  cancel(invite: FakeServerTransaction): void {
    this.transactions.onCancel(invite, this.makeRequest('CANCEL', { 'Call-ID': invite.request.callId }));
  }

  /** A request in the dialog that `invite` made (we are called). */
  inDialog(invite: FakeServerTransaction, method: string, seq: number, lines: Record<string, string | undefined> = {}, options: { flow?: FakeFlow; body?: string } = {}): FakeServerTransaction {
    return this.receive(method, { ...this.inside(invite), CSeq: `${seq} ${method}`, ...lines }, options);
  }

  ack(invite: FakeServerTransaction, seq = invite.request.cseq.seq, body = ''): void {
    this.transactions.onAck(this.makeRequest('ACK', { ...this.inside(invite), CSeq: `${seq} ACK` }, body), invite.flow, 200);
  }

  private inside(invite: FakeServerTransaction): Record<string, string> {
    return { To: '<sip:bob@example.com>;tag=ourtag', 'Call-ID': invite.request.callId };
  }

  // --- the application -----------------------------------------------------------------------------------------------

  respond(status: number, lines: string[] = [], body = '', transactionId = this.app.last.transactionId): Sent | Refused {
    const message = parseAppMessage([`SIP/2.0 ${status} Said`, ...lines, '', body].join('\r\n')) as AppResponse;
    return this.outcome((reply) => this.core.respond(this.app, transactionId, message, reply));
  }

  request(method: string, uri: string, lines: string[] = [], body = '', routeUrl = ''): Sent | Refused {
    const message = parseAppMessage([`${method} ${uri} SIP/2.0`, ...lines, '', body].join('\r\n')) as AppRequest;
    return this.outcome((reply) => this.core.request(this.app, message, routeUrl, reply));
  }

  requestInDialog(dialogId: string, method: string, lines: string[] = [], body = '', routeUrl = ''): Sent | Refused {
    const message = parseAppMessage([`${method} sip:placeholder SIP/2.0`, ...lines, '', body].join('\r\n')) as AppRequest;
    return this.outcome((reply) => this.core.requestInDialog(this.app, dialogId, message, routeUrl, reply));
  }

  /** `{ ok: false, reason: 'no answer yet' }` while the command has not been answered. */
  private outcome(command: (reply: (outcome: Sent | Refused) => void) => void): Sent | Refused {
    let outcome: Sent | Refused = { ok: false, reason: 'no answer yet' };
    command((given) => {
      outcome = given;
      this.app.story.push('echo');
    });
    return outcome;
  }

  get lastSent(): FakeClientTransaction {
    const sent = this.transactions.sent.at(-1);
    if (!sent) throw new Error('nothing was sent');
    return sent;
  }

  get methodsSent(): string[] {
    return this.transactions.sent.map((transaction) => transaction.request.method);
  }

  /** A call from the network that the application has answered. */
  answered(lines: Record<string, string | undefined> = {}, responseLines: string[] = [], options: { flow?: FakeFlow; body?: string } = {}): FakeServerTransaction {
    const invite = this.receive('INVITE', lines, { body: 'v=0\r\noffer', ...options });
    this.respond(200, responseLines, 'v=0\r\nanswer');
    this.ack(invite);
    return invite;
  }

  static readonly dialogId = 'call1;from-tag=alice1';
}

export const unreachable = (): Promise<Flow> => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) as unknown as TransportError);
