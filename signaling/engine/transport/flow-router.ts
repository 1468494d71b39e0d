/**
 * The way a request takes (RFC 3261 §18.1.1): a connection that is there, a socket that fits, a connection to be dialled.
 */
import { lookup as dnsLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { peerKey, type Connections } from './connections';
import type { TransportCounters } from './counters';
import { codeOf, familyOf, isWildcard, type Listener } from './listener';
import type { LocalAddresses } from './local-address';
import { protocols } from './protocols';
import { TransportError, type Endpoint, type Flow, type Protocol, type Target, type TransportLimits } from './types';

/** Host name → addresses. */
export type Lookup = (host: string) => Promise<readonly { address: string; family: number }[]>;

export interface FlowRouterParts {
  /** Empty when nothing may be sent. */
  listeners: () => readonly Listener[];
  connections: Connections;
  addresses: LocalAddresses;
  limits: TransportLimits;
  counters: TransportCounters;
  /** Default: the system's resolver. */
  lookup: Lookup | undefined;
}

export class FlowRouter {
  private readonly dialling = new Map<string, Promise<Flow>>();

  constructor(private readonly parts: FlowRouterParts) {}

  flowTo(target: Target): Flow | Promise<Flow> {
    const host = target.host.startsWith('[') ? target.host.slice(1, -1) : target.host;
    if (isIP(host.split('%')[0] ?? '') !== 0) return this.flowToAddress(target, host);
    return this.resolve(target, host);
  }

  private async resolve(target: Target, host: string): Promise<Flow> {
    const lookup = this.parts.lookup ?? ((name: string) => dnsLookup(name, { all: true }));
    let found: readonly { address: string; family: number }[];
    try {
      found = await lookup(host);
    } catch (error) {
      throw new TransportError(codeOf(error), `The name ${host} leads to no address: ${error instanceof Error ? error.message : String(error)}`, target.protocol, host, target.port);
    }
    const usable = found.find(({ address }) => this.listenerFor(target.protocol, address) !== undefined);
    if (!usable) throw noTransport(target, host);
    return this.flowToAddress(target, usable.address);
  }

  private flowToAddress(target: Target, address: string): Flow | Promise<Flow> {
    const port = target.port ?? protocols[target.protocol ?? 'udp'].defaultPort;
    if (!(port > 0 && port < 65_536)) return Promise.reject(new TransportError('bad-port', `Port ${port} of ${target.host} cannot be sent to`));
    const existing = this.connected(target.protocol, address, port);
    if (existing) return existing;
    const listener = this.listenerFor(target.protocol, address);
    if (!listener) return Promise.reject(noTransport(target, address));
    const remote: Endpoint = { address, port };
    const asked = isWildcard(listener.address) ? this.parts.addresses.learn(address) : undefined;
    if (!protocols[listener.protocol].reliable) return asked ? asked.then(() => listener.open(remote)) : listener.open(remote);
    return this.dial(listener, remote);
  }

  /** A stream that is up is used even when the protocol was left open: UDP could not reach such a peer better. */
  private connected(protocol: Protocol | undefined, address: string, port: number): Flow | undefined {
    for (const name of protocol ? [protocol] : streams) {
      const flow = this.parts.connections.find(name, address, port);
      if (flow?.open) return flow;
    }
    return undefined;
  }

  private dial(listener: Listener, remote: Endpoint): Promise<Flow> {
    const key = peerKey(listener.protocol, remote.address, remote.port);
    const open = this.dialling.get(key);
    if (open) return open;
    if (this.parts.connections.full(this.dialling.size)) {
      this.parts.counters.dialFailures++;
      return Promise.reject(new TransportError('limit', `No more than ${this.parts.limits.maxConnections} connections may be open`, listener.protocol, remote.address, remote.port));
    }
    const dialled = Promise.resolve(listener.open(remote)).finally(() => this.dialling.delete(key));
    this.dialling.set(key, dialled);
    return dialled;
  }

  /** Of the sockets that fit: the one whose address the peer will see anyway, else one bound to all addresses, else any. */
  private listenerFor(protocol: Protocol | undefined, address: string): Listener | undefined {
    const family = familyOf(address);
    const fitting = this.parts.listeners().filter((l) => l.family === family && l.protocol === (protocol ?? 'udp'));
    if (fitting.length === 0 && protocol === undefined) return this.parts.listeners().find((l) => l.family === family);
    if (fitting.length < 2) return fitting[0];
    const local = this.parts.addresses.towards(address);
    return fitting.find((l) => l.address === local) ?? fitting.find((l) => isWildcard(l.address)) ?? fitting[0];
  }
}

const streams = (Object.keys(protocols) as Protocol[]).filter((name) => protocols[name].reliable);

function noTransport(target: Target, address: string): TransportError {
  const what = `${target.protocol ?? 'any protocol'} over IPv${familyOf(address)}`;
  return new TransportError('no-transport', `Nothing listens for ${what}, so ${target.host} cannot be reached`, target.protocol, address, target.port);
}
