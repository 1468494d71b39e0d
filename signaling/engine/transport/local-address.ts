/**
 * Which of our addresses a peer sees, when the socket is bound to all of them (0.0.0.0, ::).
 *
 * Node does not tell to which address a datagram was sent, so the routing table is asked instead: `connect` on a UDP socket sends
 * nothing and fixes the source address that packets to that peer have. The answer is kept for a minute per peer, in a bounded table.
 * Peers on a network of our own, and we ourselves, are told apart without a socket.
 */
import { createSocket } from 'node:dgram';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import type { Clock } from '../../clock';
import { familyOf } from './listener';

export type Interfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>;
/** The source address of packets to `peer`; undefined when there is no route. */
export type Probe = (peer: string) => Promise<string | undefined>;

const KEEP_MS = 60_000;
const INTERFACES_KEEP_MS = 10_000;
const NO_INTERFACES_KEEP_MS = 200;
const MAX_PEERS = 4_096;
const MAX_PROBES = 32;
/** Documentation addresses (RFC 5737, RFC 3849): they stand for "somewhere else" and are never sent to. */
const ELSEWHERE = { 4: '192.0.2.1', 6: '2001:db8::1' } as const;

interface Known {
  address: string;
  until: number;
}

interface Subnet {
  address: string;
  prefix: number;
  net: BlockList;
  internal: boolean;
}

export class LocalAddresses {
  private readonly peers = new Map<string, Known>();
  private readonly probing = new Map<string, Promise<void>>();
  private subnets: Subnet[] = [];
  private subnetsUntil = -1;

  constructor(
    private readonly clock: Clock,
    private readonly interfaces: Interfaces = networkInterfaces,
    private readonly probe: Probe = probeRoute,
  ) {}

  /** Best knowledge at once; `learn` makes it exact. */
  towards(peer: string): string {
    const family = familyOf(peer);
    const known = this.fresh(peer) ?? this.onLink(peer) ?? this.fresh(ELSEWHERE[family]);
    if (known !== undefined) return known;
    return this.outward(family)[0]?.address ?? (family === 6 ? '::1' : '127.0.0.1');
  }

  /** Whether packets to this address never leave the machine. */
  isOwn(address: string): boolean {
    if (address.startsWith('127.') || address === '::1') return true;
    return this.current().some((subnet) => subnet.address === address);
  }

  /** Asks the routing table about a peer that nothing is known of. Undefined: known already, or too many questions open. */
  learn(peer: string): Promise<void> | undefined {
    if (this.fresh(peer) !== undefined) return undefined;
    const open = this.probing.get(peer);
    if (open) return open;
    const near = this.onLink(peer);
    // With one address there is nothing to choose, and strangers cannot make us open sockets.
    if (near !== undefined || this.outward(familyOf(peer)).length < 2) {
      this.keep(peer, near ?? this.towards(peer));
      return undefined;
    }
    if (this.probing.size >= MAX_PROBES) return undefined;
    const asked = this.probe(peer)
      .then((address) => this.keep(peer, address ?? this.towards(peer)))
      .finally(() => this.probing.delete(peer));
    this.probing.set(peer, asked);
    return asked;
  }

  /** The address towards everywhere else, for the first peers. */
  async start(families: ReadonlySet<4 | 6>): Promise<void> {
    await Promise.all([...families].map((family) => this.learn(ELSEWHERE[family])));
  }

  /** On our own host: the very address (packets to ourselves come from it); on a network of ours: our address there. */
  private onLink(peer: string): string | undefined {
    const family = familyOf(peer);
    if (family === 4 && peer.startsWith('127.')) return '127.0.0.1';
    if (peer === '::1') return '::1';
    const bare = peer.split('%')[0] ?? peer;
    if (isIP(bare) === 0) return undefined;
    let best: Subnet | undefined;
    for (const subnet of this.current()) {
      if (familyOf(subnet.address) !== family) continue;
      if (subnet.address === bare) return bare;
      if (subnet.net.check(bare, family === 6 ? 'ipv6' : 'ipv4') && (!best || subnet.prefix > best.prefix)) best = subnet;
    }
    return best?.address;
  }

  /** Our addresses that packets to other machines can come from. */
  private outward(family: 4 | 6): Subnet[] {
    return this.current().filter(({ address, internal }) => !internal && familyOf(address) === family && !address.startsWith('fe80:'));
  }

  private current(): Subnet[] {
    const now = this.clock.now();
    if (now < this.subnetsUntil) return this.subnets;
    this.subnets = [];
    for (const addresses of Object.values(this.interfaces())) {
      for (const { address, cidr, internal } of addresses ?? []) {
        const prefix = Number(cidr?.split('/')[1]);
        if (!Number.isInteger(prefix)) continue;
        const net = new BlockList();
        net.addSubnet(address, prefix, familyOf(address) === 6 ? 'ipv6' : 'ipv4');
        this.subnets.push({ address, prefix, net, internal });
      }
    }
    // the network of a server that is up before it is not missed for long
    this.subnetsUntil = now + (this.subnets.some(({ internal }) => !internal) ? INTERFACES_KEEP_MS : NO_INTERFACES_KEEP_MS);
    return this.subnets;
  }

  private fresh(peer: string): string | undefined {
    const known = this.peers.get(peer);
    return known && known.until > this.clock.now() ? known.address : undefined;
  }

  private keep(peer: string, address: string): void {
    // Oldest first out; asking again is cheap.
    this.peers.delete(peer);
    if (this.peers.size >= MAX_PEERS) this.peers.delete(this.peers.keys().next().value as string);
    this.peers.set(peer, { address, until: this.clock.now() + KEEP_MS });
  }
}

function probeRoute(peer: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(familyOf(peer) === 6 ? 'udp6' : 'udp4');
    const done = (address?: string): void => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => done());
    socket.connect(9, peer, (error?: Error) => done(error ? undefined : socket.address().address));
  });
}
