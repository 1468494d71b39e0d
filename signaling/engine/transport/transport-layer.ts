/**
 * The transport layer (RFC 3261 §18): opens the listening points, turns bytes into checked messages, finds the flow a request or a
 * response goes over, remembers the connections that registrations came over, and keeps all of it within limits.
 *
 *     socket ─► framing ─► parse ─► stamp Via ─► validate ─► onMessage
 *                            └────────┴─ 400, 413, 505 ◄────────┘
 */
import { BlockList, isIP } from 'node:net';
import type { Clock, Timer } from '../../clock';
import { StreamFramer } from '../wire/framer';
import { parseMessage, SipParseError, validateRequest, validateResponse } from '../wire/parser';
import { SipRequest, type SipResponse } from '../wire/message';
import { serialize } from '../wire/serialize';
import type { Via } from '../wire/via';
import { Connections } from './connections';
import { TransportCounters, type TransportStats } from './counters';
import { FlowRouter, type Lookup } from './flow-router';
import { FlowTable } from './flow-table';
import { familyOf, isWildcard, type Host, type Listen, type Listener } from './listener';
import { LocalAddresses, type Interfaces, type Probe } from './local-address';
import { openListeners } from './open-listeners';
import { protocols } from './protocols';
import { makeResponse, statelessTag } from './reply';
import { StreamFlow } from './stream-flow';
import { listenTcp } from './tcp';
import {
  defaultTransportLimits,
  TransportError,
  type Endpoint,
  type Flow,
  type ListeningPoint,
  type Log,
  type MessageHandler,
  type Protocol,
  type Target,
  type Transport,
  type TransportLimits,
  type TransportOptions,
} from './types';
import { listenUdp } from './udp';
import { localPortIsClosed } from './udp-refusal';
import { stampVia } from './via-stamp';

const SWEEP_MS = 1_000;
/** Checks of doubtful UDP ports at the same time; those beyond are not made. */
const MAX_CHECKS = 16;

/** A further transport is a file and a row. */
const listenOn: Readonly<Record<Protocol, Listen>> = { udp: listenUdp, tcp: listenTcp };

export interface TransportDeps {
  clock: Clock;
  log: Log;
  /** Host name → addresses; default the system's resolver. */
  lookup?: Lookup | undefined;
  /** For tests: what `os.networkInterfaces` and the routing table say. */
  interfaces?: Interfaces | undefined;
  probe?: Probe | undefined;
  localPortIsClosed?: ((remote: Endpoint) => Promise<boolean>) | undefined;
}

export class TransportLayer implements Transport {
  onMessage: MessageHandler = () => undefined;

  private readonly limits: TransportLimits;
  private readonly counters = new TransportCounters();
  private readonly connections: Connections;
  private readonly remembered: FlowTable;
  private readonly addresses: LocalAddresses;
  private readonly localNets = new BlockList();
  private readonly host: Host;
  private readonly router: FlowRouter;
  private listeners: Listener[] = [];
  private checks = 0;
  private sweeper: Timer | undefined;
  private state: 'new' | 'open' | 'closed' = 'new';

  constructor(
    private readonly options: TransportOptions,
    private readonly deps: TransportDeps,
  ) {
    const { clock, log } = deps;
    this.limits = { ...defaultTransportLimits, ...options.limits };
    this.connections = new Connections(this.limits, this.counters);
    this.remembered = new FlowTable(clock, this.limits.maxRememberedFlows);
    this.addresses = new LocalAddresses(clock, deps.interfaces, deps.probe);
    this.router = new FlowRouter({
      listeners: () => (this.state === 'open' ? this.listeners : []),
      connections: this.connections,
      addresses: this.addresses,
      limits: this.limits,
      counters: this.counters,
      lookup: deps.lookup,
    });
    this.localNets.addSubnet('127.0.0.0', 8, 'ipv4');
    this.localNets.addAddress('::1', 'ipv6');
    for (const net of options.localNets ?? []) addNet(this.localNets, net);
    this.host = {
      clock,
      log,
      limits: this.limits,
      counters: this.counters,
      newFramer: () => new StreamFramer(options.wire),
      receive: (data, flow) => this.receive(data, flow),
      unreadable: (error, flow) => this.reject(error, flow),
      isClosedPort: (remote) => this.isClosedPort(remote),
      admit: (source) => this.state === 'open' && this.connections.admit(source),
      opened: (flow) => this.opened(flow),
      closed: (flow) => this.connections.delete(flow),
    };
  }

  /**
   * Opens every listening point, in the order given, or none.
   *
   * @throws TransportError naming protocol, address, port and the system's code (EADDRINUSE ...)
   */
  async start(): Promise<ListeningPoint[]> {
    if (this.state !== 'new') throw new TransportError('closed', 'The transport layer was started before');
    this.state = 'open';
    this.listeners = await openListeners(this.options.listen, (spec) => listenOn[spec.protocol](spec, this.host));
    await this.addresses.start(new Set(this.listeners.filter((l) => isWildcard(l.address)).map((l) => l.family)));
    return this.listening();
  }

  listening(): ListeningPoint[] {
    const { external } = this.options;
    return this.listeners.map(({ protocol, address, port }) => ({ protocol, address, port, ...(external === undefined ? {} : { external }) }));
  }

  flowTo(target: Target): Flow | Promise<Flow> {
    return this.router.flowTo(target);
  }

  responseFlow(topVia: Via, received: Flow): Flow | Promise<Flow> {
    // `maddr` is not followed (RFC 3261 §18.2.2 would): it lets anybody aim our answers at somebody else.
    if (received.open || !received.reliable) return received;
    const { protocol } = received;
    return this.router.flowTo({ protocol, host: received.remote.address, port: topVia.port ?? protocols[protocol].defaultPort });
  }

  sentBy(flow: Flow): { host: string; port: number } {
    const peer = flow.remote.address;
    const local = isWildcard(flow.local.address) ? this.addresses.towards(peer) : flow.local.address;
    const { external } = this.options;
    const address = external !== undefined && !this.isLocalNet(peer) ? external : local;
    return { host: isIP(address) === 6 ? `[${address}]` : address, port: this.listeningPort(flow) };
  }

  /** Whether a request to there would come back to us. */
  isOwn(host: string, port: number): boolean {
    const address = host === 'localhost' ? '127.0.0.1' : host.startsWith('[') ? host.slice(1, -1) : host;
    return this.listeners.some(
      (l) => l.port === port && (l.address === address || this.options.external === address || (isWildcard(l.address) && l.family === familyOf(address) && this.addresses.isOwn(address))),
    );
  }

  /** Whether the peer reaches our own addresses directly. */
  isLocalNet(address: string): boolean {
    const bare = address.split('%')[0] ?? address;
    return this.localNets.check(bare, familyOf(bare) === 6 ? 'ipv6' : 'ipv4');
  }

  /**
   * Remembers that requests to `key` (`user@host` of the Contact) go over this connection for `expiresMs`; zero or less forgets.
   * UDP flows are not remembered. False: not remembered, the table is full.
   */
  registerFlow(key: string, flow: Flow, expiresMs: number): boolean {
    if (!(flow instanceof StreamFlow)) return false;
    const kept = this.remembered.set(key, flow, expiresMs);
    if (!kept) this.counters.flowsNotRemembered++;
    return kept;
  }

  /** Undefined: nothing remembered. A flow with `open` false: the phone's connection has gone and it has not come back. */
  lookupFlow(key: string): Flow | undefined {
    return this.remembered.get(key);
  }

  stats(): TransportStats {
    return {
      ...this.counters,
      connections: this.connections.size,
      connectionsByProtocol: this.connections.byProtocol(),
      rememberedFlows: this.remembered.size,
    };
  }

  async close(): Promise<void> {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.sweeper?.cancel();
    this.sweeper = undefined;
    const closing = this.listeners.map((listener) => listener.close());
    for (const flow of this.connections) flow.close('local');
    this.remembered.clear();
    await Promise.all(closing);
  }

  private receive(data: Buffer, flow: Flow): void {
    const { counters } = this;
    counters.messagesReceived++;
    counters.bytesReceived += data.length;
    let message: SipRequest | SipResponse;
    try {
      message = parseMessage(data, this.options.wire);
      if (message instanceof SipRequest) {
        stampVia(message, flow.remote);
        validateRequest(message);
      } else validateResponse(message);
    } catch (error) {
      if (error instanceof SipParseError) this.reject(error, flow);
      else {
        counters.internalErrors++;
        this.deps.log.error({ err: error, flow: flow.id }, 'A message could not be read');
      }
      return;
    }
    // So that the address we announce in the answer is exact by the time it is made.
    if (isWildcard(flow.local.address)) void this.addresses.learn(flow.remote.address);
    try {
      this.onMessage(message, flow, data.length);
    } catch (error) {
      counters.handlerErrors++;
      this.deps.log.error({ err: error, flow: flow.id }, 'A message could not be handled');
    }
  }

  /** Answers what can be answered (RFC 3261 §8.2, §21.4); nobody answers an ACK or a response. */
  private reject(error: SipParseError, flow: Flow): void {
    const { counters } = this;
    counters.malformed++;
    this.deps.log.debug({ flow: flow.id, code: error.code }, `A message was not understood: ${error.message}`);
    const request = error.partial;
    if (!request || request.method === 'ACK') return;
    try {
      stampVia(request, flow.remote);
      flow.send(serialize(makeResponse(request, error.status, statelessTag(request))));
      counters.malformedAnswered++;
    } catch (problem) {
      this.deps.log.debug({ err: problem, flow: flow.id }, 'A message that was not understood could not be answered either');
    }
  }

  private async isClosedPort(remote: Endpoint): Promise<boolean> {
    if (this.checks >= MAX_CHECKS || !this.addresses.isOwn(remote.address)) return false;
    this.checks++;
    try {
      return await (this.deps.localPortIsClosed ?? localPortIsClosed)(remote);
    } finally {
      this.checks--;
    }
  }

  /** Where the peer can open a flow to us: for a connection we dialled that is not its own, passing, port. */
  private listeningPort(flow: Flow): number {
    const { address, port } = flow.local;
    const same = this.listeners.filter((l) => l.protocol === flow.protocol && l.family === familyOf(address));
    if (same.some((l) => l.port === port)) return port;
    return (same.find((l) => l.address === address) ?? same.find((l) => isWildcard(l.address)) ?? same[0])?.port ?? port;
  }

  private opened(flow: StreamFlow): void {
    this.connections.add(flow);
    if (this.state === 'closed') {
      flow.destroy('local');
      return;
    }
    this.sweeper ??= this.deps.clock.after(SWEEP_MS, this.sweep);
  }

  private readonly sweep = (): void => {
    this.sweeper = undefined;
    const now = this.deps.clock.now();
    for (const flow of this.connections) flow.sweep(now);
    if (this.connections.size > 0) this.sweeper = this.deps.clock.after(SWEEP_MS, this.sweep);
  };
}

/** @throws TransportError code 'bad-net' */
function addNet(list: BlockList, net: string): void {
  const [address = '', bits] = net.split('/');
  const version = isIP(address);
  const prefix = bits === undefined ? (version === 6 ? 128 : 32) : /^\d+$/.test(bits) ? Number(bits) : Number.NaN;
  if (version === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > (version === 6 ? 128 : 32)) {
    throw new TransportError('bad-net', `${net} is not a network like 192.168.0.0/16`);
  }
  list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4');
}
