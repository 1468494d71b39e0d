/**
 * A core on a real transaction layer, a fake clock and a network of scripted peers: what one of them is sent it has at once, and what
 * it says arrives at once.
 */
import { Core } from '../../../../signaling/engine/core/core';
import { defaultCoreOptions, type CoreOptions } from '../../../../signaling/engine/core/options';
import type { Envelope } from '../../../../signaling/engine/core/app';
import { parseAppMessage, type AppResponse } from '../../../../signaling/engine/core/app-message';
import type { CallRecord } from '../../../../signaling/engine/core/call-record';
import type { CoreTransport } from '../../../../signaling/engine/core/context';
import type { Registered } from '../../../../signaling/engine/core/next-hop';
import type { ProxyListener, ProxySpec } from '../../../../signaling/engine/core/proxy/spec';
import { silentLog } from '../../../../signaling/engine/log';
import { makeResponse } from '../../../../signaling/engine/transport/reply';
import { TransportError, type Flow, type MessageHandler, type Target, type Transport } from '../../../../signaling/engine/transport/types';
import { FailOver } from '../../../../signaling/engine/transaction/fail-over';
import { Headers } from '../../../../signaling/engine/wire/headers';
import { SipRequest, SipResponse } from '../../../../signaling/engine/wire/message';
import { parseMessage } from '../../../../signaling/engine/wire/parser';
import { FakeClock } from '../../../support/fake-clock';
import { FakeApp } from '../core/fakes';

const limits = { maxMessageBytes: 65_535, maxHeaders: 100 };

/** Somebody on the network, and the flow to them. */
export class Party implements Flow {
  readonly id: string;
  readonly local = { address: '192.0.2.1', port: 5060 };
  readonly remote: { address: string; port: number };
  open = true;
  /** What they are sent is lost. */
  deaf = false;
  readonly heard: Array<SipRequest | SipResponse> = [];
  /** Where else the name leads that this one was found by (RFC 3263 §4.3). */
  next?: (restMs?: number) => Promise<Flow>;
  /** Called for each request they get. */
  onRequest: (request: SipRequest) => void = () => undefined;

  constructor(
    private readonly bench: ProxyBench,
    readonly protocol: 'udp' | 'tcp',
    address: string,
    port: number,
  ) {
    this.remote = { address, port };
    this.id = `${protocol}:${address}:${port}`;
  }

  get reliable(): boolean {
    return this.protocol === 'tcp';
  }

  send(data: Buffer, onError?: (error: TransportError) => void): void {
    if (!this.open) {
      queueMicrotask(() => onError?.(new TransportError('closed', 'closed')));
      return;
    }
    if (this.deaf) return;
    const message = parseMessage(data, limits);
    this.heard.push(message);
    if (message instanceof SipRequest) this.onRequest(message);
  }

  onClose(): () => void {
    return () => undefined;
  }

  // --- what they do --------------------------------------------------------------------------------------------------

  say(message: SipRequest | SipResponse): void {
    this.bench.transport.onMessage(message.clone(), this, 300);
  }

  /** Answers the newest request with that method, or the one given. */
  answer(status: number, options: { to?: SipRequest; tag?: string; lines?: Array<[string, string]>; body?: string } = {}): SipResponse {
    const request = options.to ?? this.newest((message) => message instanceof SipRequest && message.method !== 'ACK' && message.method !== 'CANCEL');
    const response = makeResponse(request as SipRequest, status, status === 100 ? undefined : (options.tag ?? `tag${this.remote.port}`));
    for (const route of request.headers.getAll('record-route')) response.headers.append('Record-Route', route);
    for (const [name, value] of options.lines ?? []) response.headers.append(name, value);
    response.body = Buffer.from(options.body ?? '');
    this.say(response);
    return response;
  }

  /** Methods of the requests and statuses of the responses they were sent, in order. */
  get whats(): string[] {
    return this.heard.map((message) => (message instanceof SipRequest ? message.method : String(message.status)));
  }

  get requests(): SipRequest[] {
    return this.heard.filter((message): message is SipRequest => message instanceof SipRequest);
  }

  get responses(): SipResponse[] {
    return this.heard.filter((message): message is SipResponse => message instanceof SipResponse);
  }

  /** Final responses. */
  get finals(): number[] {
    return this.responses.map(({ status }) => status).filter((status) => status >= 200);
  }

  get lastRequest(): SipRequest {
    return this.newest((message) => message instanceof SipRequest) as SipRequest;
  }

  get lastResponse(): SipResponse {
    return this.newest((message) => message instanceof SipResponse) as SipResponse;
  }

  private newest(fits: (message: SipRequest | SipResponse) => boolean): SipRequest | SipResponse {
    const found = this.heard.filter(fits).at(-1);
    if (!found) throw new Error(`${this.id} has heard of no such thing: ${this.whats.join(' ')}`);
    return found;
  }
}

/** What the application was told about one proxy command. */
export class Told implements ProxyListener {
  readonly story: string[] = [];
  readonly envelopes: Envelope[] = [];
  readonly responses: SipResponse[] = [];

  refused(reason: string): void {
    this.story.push(`refused: ${reason}`);
  }

  started(): void {
    this.story.push('started');
  }

  response(response: SipResponse, envelope: Envelope): void {
    this.story.push(String(response.status));
    this.responses.push(response);
    this.envelopes.push(envelope);
  }

  done(): void {
    this.story.push('done');
  }
}

const spec: ProxySpec = { destinations: [], remain: false, followRedirects: false, simultaneous: false, headers: new Headers() };

export class ProxyBench {
  readonly clock = new FakeClock();
  readonly app = new FakeApp('app');
  readonly registered = new Map<string, Registered>();
  readonly remembered: Array<[string, number]> = [];
  readonly transport: Transport = {
    onMessage: (() => undefined) as MessageHandler,
    flowTo: (target) => this.flowTo(target),
    responseFlow: (_via, received) => received,
    sentBy: () => ({ host: '192.0.2.1', port: 5060 }),
  };
  readonly records: CallRecord[] = [];
  readonly layer: FailOver;
  readonly core: Core;
  /** Where dialling fails, or takes its time. */
  readonly dials = new Map<string, () => Promise<Flow>>();
  private readonly parties = new Map<string, Party>();
  private serial = 0;

  constructor(options: Partial<CoreOptions> = {}) {
    let random = 0x9e3779b9;
    const nextByte = (): number => {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      return random & 0xff;
    };
    const deps = { clock: this.clock, random: (bytes: number) => Buffer.from(Array.from({ length: bytes }, nextByte)), log: silentLog };
    this.layer = new FailOver(this.transport, {}, deps);
    const transport: CoreTransport = {
      ...this.transport,
      flowTo: (target) => this.flowTo(target),
      registered: (key) => this.registered.get(key),
      protocols: () => ['udp', 'tcp', 'tls'],
      isOwn: (host, port) => host === '192.0.2.1' && port === 5060,
      defaultSentBy: () => ({ host: '192.0.2.1', port: 5060 }),
      register: (key, _flow, expiresMs) => void this.remembered.push([key, expiresMs]),
      flowNamed: (id) => [...this.parties.values()].find((party) => party.id === id && party.open),
    };
    this.core = new Core({ ...defaultCoreOptions, ...options }, { ...deps, transactions: this.layer, transport, apps: { pick: () => this.app, record: (record) => void this.records.push(record) } });
  }

  /** A phone or server; the same one each time it is asked for. */
  party(port: number, protocol: 'udp' | 'tcp' = 'udp', address = '198.51.100.9'): Party {
    const key = `${protocol}:${address}:${port}`;
    const known = this.parties.get(key);
    if (known) return known;
    const party = new Party(this, protocol, address, port);
    this.parties.set(key, party);
    return party;
  }

  private flowTo(target: Target): Flow | Promise<Flow> {
    const party = this.party(target.port ?? 5060, target.protocol === 'tcp' ? 'tcp' : 'udp', target.host);
    return this.dials.get(party.id)?.() ?? party;
  }

  get caller(): Party {
    return this.party(5062, 'udp', '198.51.100.7');
  }

  request(method: string, lines: Record<string, string | undefined> = {}, options: { uri?: string; body?: string } = {}): SipRequest {
    const headers: Record<string, string | undefined> = {
      Via: `SIP/2.0/UDP 198.51.100.7:5062;rport=5062;branch=z9hG4bK-${++this.serial}`,
      'Max-Forwards': '70',
      From: '<sip:alice@example.com>;tag=alice1',
      To: '<sip:bob@example.com>',
      'Call-ID': 'call1',
      CSeq: `1 ${method}`,
      Contact: '<sip:alice@198.51.100.7:5062>',
      ...lines,
    };
    const text = [
      `${method} ${options.uri ?? 'sip:bob@example.com'} SIP/2.0`,
      ...Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`])),
      '',
      options.body ?? '',
    ].join('\r\n');
    return parseMessage(Buffer.from(text), limits, { contentLength: 'ignore' }) as SipRequest;
  }

  /** The caller sends it, and the application has it sent on. */
  proxied(request: SipRequest, destinations: number[] | string[], more: Partial<ProxySpec> = {}, from = this.caller): Told {
    from.say(request);
    return this.proxy(destinations, more);
  }

  proxy(destinations: number[] | string[], more: Partial<ProxySpec> = {}, transactionId = this.app.last.transactionId): Told {
    const told = new Told();
    const uris = destinations.map((one) => (typeof one === 'number' ? `sip:x@198.51.100.9:${one}` : one));
    this.core.proxy(this.app, transactionId, { ...spec, destinations: uris, ...more }, told);
    return told;
  }

  /** The application answers what it was asked last. */
  respond(status: number, transactionId = this.app.last.transactionId): void {
    this.core.respond(this.app, transactionId, parseAppMessage(`SIP/2.0 ${status} Said\r\n\r\n`) as AppResponse, () => undefined);
  }

  /** The caller's CANCEL of that INVITE. */
  cancel(invite: SipRequest, lines: Array<[string, string]> = []): void {
    const cancel = new SipRequest('CANCEL', invite.uri);
    for (const { key, name, value } of invite.headers) if (['via', 'from', 'to', 'call-id', 'max-forwards'].includes(key)) cancel.headers.append(name, value);
    cancel.headers.append('CSeq', `${invite.cseq.seq} CANCEL`);
    for (const [name, value] of lines) cancel.headers.append(name, value);
    this.caller.say(cancel);
  }

  /** The caller acknowledges a final response other than 2xx. */
  ack(invite: SipRequest): void {
    const response = this.caller.responses.filter((one) => one.status >= 300).at(-1);
    if (!response) return;
    const ack = new SipRequest('ACK', invite.uri);
    for (const { key, name, value } of invite.headers) if (['via', 'from', 'call-id', 'max-forwards'].includes(key)) ack.headers.append(name, value);
    ack.headers.append('To', response.headers.get('to')!);
    ack.headers.append('CSeq', `${invite.cseq.seq} ACK`);
    this.caller.say(ack);
  }

  /** Nothing is open, nothing waits: after all the times of the transactions. */
  expectNothingLeft(): void {
    this.clock.advance(200_000);
    const { client, server, timers } = this.layer.stats();
    expect({ client, server, timers }).toEqual({ client: 0, server: 0, timers: 0 });
    expect(this.core.stats()).toMatchObject({ incoming: 0, outgoing: 0, proxying: 0, dialogs: 0 });
    expect(this.layer.stats()).toMatchObject({ handlerErrors: 0, internalErrors: 0 });
    // The timer queues of the transaction layer wake once for what was cancelled long ago.
    this.clock.advance(3_600_000);
    expect(this.clock.waiting).toBe(0);
  }
}

export async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
