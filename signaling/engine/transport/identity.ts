/** Who we are to others: what a peer is told in Via and Contact, which addresses are ours. */
import { isIP } from 'node:net';
import { familyOf, isWildcard, type Listener } from './listener';
import type { LocalAddresses } from './local-address';
import { networkList } from './networks';
import type { Flow } from './types';

export class Identity {
  private readonly near: (address: string) => boolean;

  /** @throws TransportError code 'bad-net' */
  constructor(
    private readonly listeners: () => readonly Listener[],
    private readonly addresses: LocalAddresses,
    private readonly external: string | undefined,
    localNets: readonly string[] = [],
  ) {
    this.near = networkList(['127.0.0.0/8', '::1', ...localNets]);
  }

  /** Host (IPv6 in brackets) and port for Via and Contact. */
  sentBy(flow: Flow): { host: string; port: number } {
    const peer = flow.remote.address;
    const local = isWildcard(flow.local.address) ? this.addresses.towards(peer) : flow.local.address;
    const address = this.external !== undefined && !this.isLocalNet(peer) ? this.external : (local.split('%')[0] ?? local);
    return { host: isIP(address) === 6 ? `[${address}]` : address, port: this.listeningPort(flow) };
  }

  /** Our end of a flow as its packets have it, as far as that is known: a socket bound to all addresses says none. */
  localAddress({ local, remote }: Pick<Flow, 'local' | 'remote'>): string {
    return isWildcard(local.address) ? this.addresses.towards(remote.address) : local.address;
  }

  /** Whether a request to there would come back to us. */
  isOwn(host: string, port: number): boolean {
    const address = host === 'localhost' ? '127.0.0.1' : host.startsWith('[') ? host.slice(1, -1) : host;
    return this.listeners().some(
      (l) => l.port === port && (l.address === address || this.external === address || (isWildcard(l.address) && l.family === familyOf(address) && this.addresses.isOwn(address))),
    );
  }

  /** Whether the peer reaches our own addresses directly. */
  isLocalNet(address: string): boolean {
    return this.near(address);
  }

  /** Where the peer can open a flow to us: for a connection we dialled that is not its own, passing, port. */
  private listeningPort(flow: Flow): number {
    const { address, port } = flow.local;
    const same = this.listeners().filter((l) => l.protocol === flow.protocol && l.family === familyOf(address));
    if (same.some((l) => l.port === port)) return port;
    return (same.find((l) => l.address === address) ?? same.find((l) => isWildcard(l.address)) ?? same[0])?.port ?? port;
  }
}
