/** The stream connections that are up: found by peer address for reuse (RFC 3261 §18), counted against the limits. */
import type { TransportCounters } from './counters';
import { familyOf } from './listener';
import type { StreamFlow } from './stream-flow';
import type { Protocol, TransportLimits } from './types';

export class Connections {
  private readonly flows = new Set<StreamFlow>();
  /** By protocol and peer; of several the newest. */
  private readonly byPeer = new Map<string, StreamFlow>();
  private readonly perSource = new Map<string, number>();

  constructor(
    private readonly limits: TransportLimits,
    private readonly counters: TransportCounters,
  ) {}

  get size(): number {
    return this.flows.size;
  }

  full(dialling = 0): boolean {
    return this.flows.size + dialling >= this.limits.maxConnections;
  }

  /** Whether a connection from this address may be accepted. */
  admit(source: string): boolean {
    if (this.full()) {
      this.counters.refusedTotal++;
      return false;
    }
    if ((this.perSource.get(sourceKey(source)) ?? 0) >= this.limits.maxConnectionsPerSource) {
      this.counters.refusedPerSource++;
      return false;
    }
    return true;
  }

  add(flow: StreamFlow): void {
    this.flows.add(flow);
    this.byPeer.set(peerKey(flow.protocol, flow.remote.address, flow.remote.port), flow);
    if (flow.accepted) {
      const key = sourceKey(flow.remote.address);
      this.perSource.set(key, (this.perSource.get(key) ?? 0) + 1);
    }
  }

  delete(flow: StreamFlow): void {
    if (!this.flows.delete(flow)) return;
    const peer = peerKey(flow.protocol, flow.remote.address, flow.remote.port);
    if (this.byPeer.get(peer) === flow) this.byPeer.delete(peer);
    if (flow.accepted) {
      const key = sourceKey(flow.remote.address);
      const left = (this.perSource.get(key) ?? 1) - 1;
      if (left > 0) this.perSource.set(key, left);
      else this.perSource.delete(key);
    }
  }

  find(protocol: Protocol, address: string, port: number): StreamFlow | undefined {
    return this.byPeer.get(peerKey(protocol, address, port));
  }

  byProtocol(): Partial<Record<Protocol, number>> {
    const out: Partial<Record<Protocol, number>> = {};
    for (const { protocol } of this.flows) out[protocol] = (out[protocol] ?? 0) + 1;
    return out;
  }

  [Symbol.iterator](): Iterator<StreamFlow> {
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
