/**
 * The transport layer (RFC 3261 §18): opens the listening points, has bytes turned into checked messages (intake.ts), finds the flow a
 * request or a response goes over (flow-router.ts), remembers the connections that registrations came over, and keeps all of it within
 * limits.
 */
import type { Timer } from '../../clock';
import { CachedNames } from '../resolve/cache';
import { systemNames } from '../resolve/system-names';
import { StreamFramer } from '../wire/framer';
import { SipRequest, type SipResponse } from '../wire/message';
import type { ViaView } from '../wire/via';
import { CertificateError, Certificates } from './certificates';
import { CertificateWatch } from './certificate-watch';
import { ConnectionFlow } from './connection-flow';
import { Connections } from './connections';
import { TransportCounters, type TransportStats } from './counters';
import { FlowRouter } from './flow-router';
import { FlowTable } from './flow-table';
import { Identity } from './identity';
import { Intake } from './intake';
import { isWildcard, type Host, type Listener } from './listener';
import { LocalAddresses } from './local-address';
import { networkList } from './networks';
import { listenOn } from './listen-on';
import { openListeners } from './open-listeners';
import { protocols } from './protocols';
import { RateLimit } from './rate-limit';
import { tlsDialers } from './stream';
import type { TransportDeps } from './transport-deps';
import { defaultTransportLimits, TransportError, type Flow, type ListeningPoint, type MessageHandler, type Protocol, type Target, type Transport, type TransportLimits, type TransportOptions } from './types';
import { boundedChecks, localPortIsClosed } from './udp-refusal';

const SWEEP_MS = 1_000;

export type { TransportDeps };

export class TransportLayer implements Transport {
  onMessage: MessageHandler = () => undefined;

  private readonly limits: TransportLimits;
  private readonly counters = new TransportCounters();
  private readonly connections: Connections;
  private readonly remembered: FlowTable;
  private readonly addresses: LocalAddresses;
  private readonly identity: Identity;
  private readonly intake: Intake;
  private readonly rate: RateLimit;
  private readonly router: FlowRouter;
  private readonly host: Host;
  private certificates: Certificates | undefined;
  private watch: CertificateWatch | undefined;
  private listeners: Listener[] = [];
  /** They, and what can be dialled without being listened for. */
  private ways: readonly Listener[] = [];
  private sweeper: Timer | undefined;
  private state: 'new' | 'open' | 'closed' = 'new';

  constructor(
    private readonly options: TransportOptions,
    private readonly deps: TransportDeps,
  ) {
    const { clock, log } = deps;
    const { counters } = this;
    this.limits = { ...defaultTransportLimits, ...options.limits };
    this.connections = new Connections(this.limits, counters);
    this.remembered = new FlowTable(clock, this.limits.maxRememberedFlows, counters);
    this.addresses = new LocalAddresses(clock, deps.interfaces, deps.probe);
    this.identity = new Identity(() => this.listeners, this.addresses, options.external, options.localNets);
    this.rate = new RateLimit(clock, this.limits.maxRequestsPerSecond, networkList(options.unlimitedNets ?? []));
    this.intake = new Intake({ wire: options.wire, rate: this.rate, counters, log, tap: deps.tap, seen: (message, flow) => this.seen(message, flow), handler: () => this.onMessage });
    this.router = new FlowRouter({
      clock,
      listeners: () => (this.state === 'open' ? this.ways : []),
      connections: this.connections,
      addresses: this.addresses,
      limits: this.limits,
      counters,
      names: deps.names ?? new CachedNames(systemNames(options.dnsServers), clock),
      chance: deps.chance ?? Math.random,
    });
    this.host = this.makeHost();
  }

  /**
   * Opens every listening point, in the order given, or none.
   *
   * @throws TransportError naming protocol, address, port and the system's code (EADDRINUSE ...); CertificateError naming the file
   */
  async start(): Promise<ListeningPoint[]> {
    if (this.state !== 'new') throw new TransportError('closed', 'The transport layer was started before');
    if (this.options.tls) this.certificates = new Certificates(this.options.tls);
    this.state = 'open';
    this.listeners = await openListeners(this.options.listen, (spec) => listenOn[spec.protocol](spec, this.host));
    this.ways = this.certificates ? [...this.listeners, ...tlsDialers(this.listeners, this.host, this.certificates)] : this.listeners;
    if (this.certificates) this.watch = new CertificateWatch(this.certificates, { clock: this.deps.clock, log: this.deps.log, counters: this.counters });
    await this.addresses.start(new Set(this.listeners.filter((l) => isWildcard(l.address)).map((l) => l.family)));
    return this.listening();
  }

  listening(): ListeningPoint[] {
    const { external } = this.options;
    return this.listeners.map(({ protocol, address, port }) => ({ protocol, address, port, ...(external === undefined ? {} : { external }) }));
  }

  /** What requests can be sent over. */
  protocols(): Protocol[] {
    return [...new Set(this.ways.map(({ protocol }) => protocol))];
  }

  /** Milliseconds that datagrams wait before they are read, where they wait longest. */
  waited(): number {
    return this.listeners.reduce((most, listener) => Math.max(most, listener.waited?.() ?? 0), 0);
  }

  flowTo(target: Target): Flow | Promise<Flow> {
    return this.router.flowTo(target);
  }

  responseFlow(topVia: ViaView, received: Flow): Flow | Promise<Flow> {
    // `maddr` is not followed (RFC 3261 §18.2.2 would): it lets anybody aim our answers at somebody else.
    if (received.open || !received.reliable) return received;
    const { protocol } = received;
    // A WebSocket's client cannot be dialled.
    if (!protocols[protocol].dialled) return received;
    return this.router.flowTo({ protocol, host: received.remote.address, port: topVia.port ?? protocols[protocol].defaultPort });
  }

  sentBy(flow: Flow): { host: string; port: number } {
    return this.identity.sentBy(flow);
  }

  localAddress(ends: Pick<Flow, 'local' | 'remote'>): string {
    return this.identity.localAddress(ends);
  }

  /** Whether a request to there would come back to us. */
  isOwn(host: string, port: number): boolean {
    return this.identity.isOwn(host, port);
  }

  /** Whether the peer reaches our own addresses directly. */
  isLocalNet(address: string): boolean {
    return this.identity.isLocalNet(address);
  }

  /** Reads the certificates again; undefined: done. What keeps them from being used is said, and the old ones are kept. */
  reloadCertificates(): string | undefined {
    return this.watch?.reload();
  }

  /** Requests to `key` (`user@host` of the Contact) go over this connection; see `FlowTable.set`. False for UDP flows: they are not remembered. */
  registerFlow(key: string, flow: Flow, expiresMs: number, binding?: string): boolean {
    return flow instanceof ConnectionFlow && this.remembered.set(key, flow, expiresMs, binding);
  }

  /** `preferred`, if it is one of several. Undefined: nothing remembered. A flow with `open` false: the phone's connection has gone and it has not come back. */
  lookupFlow(key: string, preferred?: Flow): Flow | undefined {
    return this.remembered.get(key, preferred);
  }

  /** The flow with this id, while it is there; nothing is dialled. */
  flowNamed(id: string): Flow | undefined {
    return this.router.named(id);
  }

  stats(): TransportStats {
    return {
      ...this.counters,
      malformedByCode: { ...this.counters.malformedByCode },
      connections: this.connections.size,
      connectionsByProtocol: this.connections.byProtocol(),
      rememberedFlows: this.remembered.size,
      halfOpen: this.halfOpen(),
    };
  }

  async close(): Promise<void> {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.sweeper?.cancel();
    this.sweeper = undefined;
    this.watch?.close();
    const closing = this.ways.map((listener) => listener.close());
    for (const flow of this.connections) flow.close('local');
    this.remembered.clear();
    await Promise.all(closing);
  }

  private makeHost(): Host {
    const { options, deps, limits, counters } = this;
    return {
      clock: deps.clock,
      log: deps.log,
      limits,
      counters,
      tap: deps.tap,
      maxMessageBytes: options.wire.maxMessageBytes,
      newFramer: () => new StreamFramer(options.wire),
      certificates: () => {
        if (!this.certificates?.present) throw new CertificateError('certificates', 'TLS and WSS need a certificate and its key.');
        return this.certificates;
      },
      receive: (data, flow) => this.intake.receive(data, flow),
      unreadable: (error, flow) => this.intake.reject(error, flow),
      isClosedPort: boundedChecks(deps.localPortIsClosed ?? localPortIsClosed, (address) => this.addresses.isOwn(address)),
      admit: (source) => {
        if (this.state !== 'open' || !this.connections.admit(source)) return false;
        this.sweepLater();
        return true;
      },
      left: (source) => this.connections.left(source),
      allows: (source) => this.rate.allows(source),
      opened: (flow) => this.opened(flow),
      closed: (flow) => this.connections.delete(flow),
    };
  }

  private seen(message: SipRequest | SipResponse, flow: Flow): void {
    // So that the address we announce in the answer is exact by the time it is made.
    if (isWildcard(flow.local.address)) void this.addresses.learn(flow.remote.address);
    // RFC 5923 §8.1: only a certificate says who may be reached over this connection; without TLS anybody could say anything.
    if (flow.protocol !== 'tls' || !(message instanceof SipRequest) || !(flow instanceof ConnectionFlow)) return;
    const { host, port, params } = message.topVia;
    if (flow.accepted && params.has('alias') && flow.vouchesFor(host)) this.connections.alias(flow, port ?? protocols.tls.defaultPort);
  }

  private opened(flow: ConnectionFlow): void {
    this.connections.add(flow);
    if (this.state === 'closed') flow.destroy('local');
    else this.sweepLater();
  }

  private halfOpen(): number {
    return this.listeners.reduce((sum, listener) => sum + (listener.halfOpen ?? 0), 0);
  }

  private sweepLater(): void {
    this.sweeper ??= this.deps.clock.after(SWEEP_MS, this.sweep);
  }

  private readonly sweep = (): void => {
    this.sweeper = undefined;
    const now = this.deps.clock.now();
    for (const listener of this.listeners) listener.sweep?.(now);
    for (const flow of this.connections) flow.sweep(now);
    if (this.connections.size + this.halfOpen() > 0) this.sweepLater();
  };
}
