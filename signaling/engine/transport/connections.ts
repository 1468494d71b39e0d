/** The connections that are up: found by peer address for reuse (RFC 3261 §18, RFC 5923), counted against the limits. */
import type { TransportCounters } from './counters';
import { familyOf } from './listener';
import type { ConnectionFlow } from './connection-flow';
import type { Protocol, TransportLimits } from './types';

export class Connections {
  private readonly flows = new Set<ConnectionFlow>();
  /** By protocol and peer; of several the newest. */
  private readonly byPeer = new Map<string, ConnectionFlow>();
  /** By protocol, the peer's address and the port it says it listens on; and the key by flow. */
  private readonly byAlias = new Map<string, ConnectionFlow>();
  private readonly aliases = new Map<ConnectionFlow, string>();
  /** Sockets that were let in, whatever became of them, and connections of our own. */
  private accepted = 0;
  private dialled = 0;
  private readonly perSource = new Map<string, number>();

  constructor(
    private readonly limits: TransportLimits,
    private readonly counters: TransportCounters,
  ) {}

  get size(): number {
    return this.flows.size;
  }

  full(dialling = 0): boolean {
    return this.accepted + this.dialled + dialling >= this.limits.maxConnections;
  }

  /** Counts a socket from this address in, or says that it may not come in. */
  admit(source: string): boolean {
    if (this.full()) {
      this.counters.refusedTotal++;
      return false;
    }
    const key = sourceKey(source);
    const before = this.perSource.get(key) ?? 0;
    if (before >= this.limits.maxConnectionsPerSource) {
      this.counters.refusedPerSource++;
      return false;
    }
    this.perSource.set(key, before + 1);
    this.accepted++;
    return true;
  }

  left(source: string): void {
    this.accepted--;
    const key = sourceKey(source);
    const left = (this.perSource.get(key) ?? 1) - 1;
    if (left > 0) this.perSource.set(key, left);
    else this.perSource.delete(key);
  }

  add(flow: ConnectionFlow): void {
    this.flows.add(flow);
    if (!flow.accepted) this.dialled++;
    this.byPeer.set(peerKey(flow.protocol, flow.remote.address, flow.remote.port), flow);
  }

  delete(flow: ConnectionFlow): void {
    if (!this.flows.delete(flow)) return;
    if (!flow.accepted) this.dialled--;
    const peer = peerKey(flow.protocol, flow.remote.address, flow.remote.port);
    if (this.byPeer.get(peer) === flow) this.byPeer.delete(peer);
    const alias = this.aliases.get(flow);
    this.aliases.delete(flow);
    if (alias !== undefined && this.byAlias.get(alias) === flow) this.byAlias.delete(alias);
  }

  /** The peer listens on that port, too: requests to it may go over this connection (RFC 5923 §8.1). One port a connection. */
  alias(flow: ConnectionFlow, port: number): void {
    if (!this.flows.has(flow) || this.aliases.has(flow)) return;
    const key = peerKey(flow.protocol, flow.remote.address, port);
    this.aliases.set(flow, key);
    this.byAlias.set(key, flow);
    this.counters.aliases++;
  }

  find(protocol: Protocol, address: string, port: number): ConnectionFlow | undefined {
    const key = peerKey(protocol, address, port);
    return this.byPeer.get(key) ?? this.byAlias.get(key);
  }

  named(id: string): ConnectionFlow | undefined {
    const [, protocol, address = '', port] = /^(\w+):(.+):(\d+)#\d+$/.exec(id) ?? [];
    if (protocol === undefined) return undefined;
    const newest = this.byPeer.get(peerKey(protocol as Protocol, address, Number(port)));
    // A peer may use one port for connections to several of ours.
    return newest === undefined || newest.id === id ? newest : [...this.flows].find((flow) => flow.id === id);
  }

  byProtocol(): Partial<Record<Protocol, number>> {
    const out: Partial<Record<Protocol, number>> = {};
    for (const { protocol } of this.flows) out[protocol] = (out[protocol] ?? 0) + 1;
    return out;
  }

  [Symbol.iterator](): Iterator<ConnectionFlow> {
    return [...this.flows][Symbol.iterator]();
  }
}

export function peerKey(protocol: Protocol, address: string, port: number): string {
  return `${protocol} ${address} ${port}`;
}

/** One IPv6 host has a whole /64 to come from. */
export function sourceKey(address: string): string {
  if (familyOf(address) === 4) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':');
    while (groups.length + last.length < 8) groups.push('0');
    groups.push(...last);
  }
  return groups.slice(0, 4).join(':');
}
