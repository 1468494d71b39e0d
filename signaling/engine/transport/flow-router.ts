/**
 * The way a request takes (RFC 3261 §18.1.1, RFC 3263): a connection that is there, a socket that fits, a connection to be dialled; for a
 * name, the first of its places that can be reached.
 */
import { isIP } from 'node:net';
import type { Clock } from '../../clock';
import { FailedPlaces } from '../resolve/failed-places';
import type { Names } from '../resolve/names';
import { findPlaces, type DialProtocol, type Place } from '../resolve/places';
import { peerKey, type Connections } from './connections';
import type { TransportCounters } from './counters';
import { codeOf, familyOf, isWildcard, type Listener } from './listener';
import type { LocalAddresses } from './local-address';
import { protocols } from './protocols';
import { RoutedFlow } from './routed-flow';
import { TcpTakers } from './tcp-takers';
import { TransportError, type Endpoint, type Flow, type Protocol, type Target, type TransportLimits } from './types';
import { UdpFlow } from './udp';

export interface FlowRouterParts {
  clock: Clock;
  /** Empty when nothing may be sent. */
  listeners: () => readonly Listener[];
  connections: Connections;
  addresses: LocalAddresses;
  limits: TransportLimits;
  counters: TransportCounters;
  names: Names;
  /** From 0 to 1: among SRV records of one priority. */
  chance: () => number;
}

export class FlowRouter {
  private readonly dialling = new Map<string, Promise<Flow>>();
  private readonly failed: FailedPlaces;
  private readonly takers: TcpTakers;

  constructor(private readonly parts: FlowRouterParts) {
    this.failed = new FailedPlaces(parts.clock);
    this.takers = new TcpTakers(parts.clock);
  }

  flowTo(target: Target): Flow | Promise<Flow> {
    const host = target.host.startsWith('[') ? target.host.slice(1, -1) : target.host;
    if (isIP(host.split('%')[0] ?? '') !== 0) return this.flowToAddress(target, host);
    return this.resolve(target, host);
  }

  /** A flow by its id, while it is there. One without a connection is there as long as its socket. */
  named(id: string): Flow | undefined {
    const [, udp, address = '', port, local = '', localPort] = /^(udp):(.+):(\d+)@(.+):(\d+)$/.exec(id) ?? [];
    if (udp === undefined) return this.parts.connections.named(id);
    const listener = this.parts.listeners().find((one) => one.protocol === 'udp' && one.address === local && one.port === Number(localPort));
    const flow = listener?.open({ address, port: Number(port) });
    return flow instanceof UdpFlow ? flow : undefined;
  }

  private async resolve(target: Target, host: string): Promise<Flow> {
    const { protocol, port, secure } = target;
    // Nobody dials a WebSocket: its peers are reached by what they registered, or by their address.
    if (protocol !== undefined && !protocols[protocol].dialled) throw noTransport(target, host);
    let places: Place[];
    try {
      places = await findPlaces(
        { host, port, secure, protocol: protocol as DialProtocol | undefined },
        {
          names: this.parts.names,
          protocols: dialled.filter((one) => this.parts.listeners().some((listener) => listener.protocol === one)),
          usable: (one, { address }) => this.listenerFor(one, address) !== undefined,
          chance: this.parts.chance,
        },
      );
    } catch (error) {
      if (codeOf(error) === 'no-transport') throw noTransport(target, host);
      throw new TransportError(codeOf(error), `The name ${host} leads to no address: ${error instanceof Error ? error.message : String(error)}`, protocol, host, port);
    }
    return this.firstOf(this.failed.inOrder(places), target, host);
  }

  /** The first place that can be reached; those behind it are `next` of the flow. */
  private async firstOf(places: readonly Place[], target: Target, host: string, several = places.length > 1): Promise<Flow> {
    let failure: unknown = new TransportError('no-place', `No other server of ${host} is left`, target.protocol, host, target.port);
    for (const [index, place] of places.entries()) {
      try {
        // A protocol that was left open stays open to what a large request needs.
        const flow = await this.flowToAddress({ ...target, port: place.port, ...(place.protocol === 'udp' && target.protocol === undefined ? {} : { protocol: place.protocol }) }, place.address, host);
        if (flow.reliable) this.failed.remove(place);
        if (!several) return flow;
        const rest = places.slice(index + 1);
        return new RoutedFlow(flow, (restMs) => {
          this.failed.add(place, restMs);
          if (rest.length > 0) this.parts.counters.failedOver++;
          return this.firstOf(rest, target, host, true);
        });
      } catch (error) {
        failure = error;
        this.failed.add(place);
      }
    }
    throw failure;
  }

  /** `name`: what led to the address, which is what a certificate has to be for. */
  private flowToAddress(target: Target, address: string, name = address): Flow | Promise<Flow> {
    const { secure } = target;
    const protocol = target.protocol ?? (secure ? 'tls' : undefined);
    const port = target.port ?? protocols[protocol ?? 'udp'].defaultPort;
    if (!(port > 0 && port < 65_536)) return Promise.reject(new TransportError('bad-port', `Port ${port} of ${target.host} cannot be sent to`));
    const existing = this.connected(protocol, address, port, name, secure === true);
    if (existing) return existing;
    const listener = this.listenerFor(protocol, address);
    if (!listener) return Promise.reject(noTransport(target, address));
    const remote: Endpoint = { address, port };
    const asked = isWildcard(listener.address) ? this.parts.addresses.learn(address) : undefined;
    if (protocols[listener.protocol].reliable) return this.dial(listener, remote, name);
    const open = (): Flow | Promise<Flow> => {
      const flow = listener.open(remote);
      if (protocol === undefined && flow instanceof UdpFlow) flow.overTcp = this.overTcp;
      return flow;
    };
    return asked ? asked.then(open) : open();
  }

  /** TCP to a peer whose protocol was left open, unless it has refused of late. */
  private readonly overTcp = (remote: Endpoint): Flow | Promise<Flow> | undefined => {
    const listener = this.listenerFor('tcp', remote.address);
    if (!listener || listener.protocol !== 'tcp' || !this.takers.mayTake(remote)) return undefined;
    return this.connected('tcp', remote.address, remote.port, remote.address, false) ?? this.takers.ask(remote, this.dial(listener, remote, remote.address));
  };

  /** A stream that is up is used even when the protocol was left open: UDP could not reach such a peer better. */
  private connected(protocol: Protocol | undefined, address: string, port: number, name: string, secure: boolean): Flow | undefined {
    for (const one of protocol ? (alike[protocol] ?? [protocol]) : streams) {
      if (secure && !protocols[one].secure) continue;
      const flow = this.parts.connections.find(one, address, port);
      // An address is what it says it is: only a name has to be proved (RFC 5923 §9.1).
      if (flow?.open && (isIP(name) !== 0 || flow.vouchesFor(name))) return flow;
    }
    return undefined;
  }

  private dial(listener: Listener, remote: Endpoint, name: string): Promise<Flow> {
    const key = `${peerKey(listener.protocol, remote.address, remote.port)} ${protocols[listener.protocol].secure ? name : ''}`;
    const open = this.dialling.get(key);
    if (open) return open;
    if (this.parts.connections.full(this.dialling.size)) {
      this.parts.counters.dialFailures++;
      return Promise.reject(new TransportError('limit', `No more than ${this.parts.limits.maxConnections} connections may be open`, listener.protocol, remote.address, remote.port));
    }
    const dialled = Promise.resolve(listener.open(remote, name)).finally(() => this.dialling.delete(key));
    this.dialling.set(key, dialled);
    return dialled;
  }

  /** Of the sockets that fit: the one whose address the peer will see anyway, else one bound to all addresses, else any. */
  private listenerFor(protocol: Protocol | undefined, address: string): Listener | undefined {
    const family = familyOf(address);
    const ours = this.parts.listeners().filter((l) => l.family === family);
    const fitting = ours.filter((l) => l.protocol === (protocol ?? 'udp'));
    if (fitting.length === 0 && protocol === undefined) return ours.find((l) => protocols[l.protocol].dialled && !protocols[l.protocol].secure);
    if (fitting.length < 2) return fitting[0];
    const local = this.parts.addresses.towards(address);
    return fitting.find((l) => l.address === local) ?? fitting.find((l) => isWildcard(l.address)) ?? fitting[0];
  }
}

/** In the order in which they are offered to a name that leaves it open (RFC 3263 §4.1). */
const dialled: readonly DialProtocol[] = ['udp', 'tcp', 'tls'];
const streams = (Object.keys(protocols) as Protocol[]).filter((name) => protocols[name].reliable);
/** drachtio's frames say `tcp` for WebSockets, URIs say `ws` for both kinds. */
const alike: Partial<Record<Protocol, readonly Protocol[]>> = { tcp: ['tcp', 'ws', 'wss'], ws: ['ws', 'wss'] };

function noTransport(target: Target, address: string): TransportError {
  const what = `${target.protocol ?? (target.secure ? 'tls' : 'any protocol')}${isIP(address) === 0 ? '' : ` over IPv${familyOf(address)}`}`;
  return new TransportError('no-transport', `Nothing listens for ${what}, so ${target.host} cannot be reached`, target.protocol, address, target.port);
}
