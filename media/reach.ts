/**
 * Which of our addresses a phone can send its media to.
 *
 *   on this machine (loopback)            our loopback address
 *   on a network we have an interface on  that interface's address; the longest prefix wins
 *   inside `localNets`, but routed        the interface address nearest to it (most leading bits in common)
 *   outside                               `external`, when configured; else our nearest address
 */
import { BlockList, isIP } from 'node:net';
import type { Family } from './sdp';

/** As `os.networkInterfaces()` lists them, flattened. */
export interface InterfaceAddress {
  address: string;
  /** `192.0.2.7/24` */
  cidr: string | null;
  internal: boolean;
}

export interface ReachSettings {
  /** The address that phones outside are told, e.g. the router's; null when there is none. */
  external: string | null;
  /** Networks (`10.0.0.0/8`) from which our own addresses are reachable. */
  localNets: readonly string[];
}

export class Reach {
  private readonly local = new BlockList();

  /** `interfaces` is asked each time: addresses come and go on a laptop. Errors: a `localNets` entry that is no network. */
  constructor(
    private readonly settings: ReachSettings,
    private readonly interfaces: () => readonly InterfaceAddress[],
  ) {
    for (const net of settings.localNets) {
      const [address = '', bits] = net.split('/');
      const family = isIP(address);
      const width = family === 4 ? 32 : 128;
      const prefix = bits === undefined ? width : Number(bits);
      if (family === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > width) throw new RangeError(`“${net}” is not a network`);
      this.local.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
    }
  }

  /**
   * The address to write into the description for a peer whose signaling comes from `peer`, in the given family.
   * When the peer's own address is of the other family nothing is known about its place, and the outermost of our addresses is taken.
   * undefined: we have no address of that family.
   */
  addressFor(peer: string, family: Family): string | undefined {
    const place = plain(peer);
    const mine = this.interfaces().filter((i) => isIP(i.address) === family && !i.address.includes('%') && !isLinkLocal6(i.address));
    if (isIP(place) !== family) return this.outermost(mine, family);
    if (isLoopback(place)) return mine.find((i) => i.internal)?.address;

    const outside = mine.filter((i) => !i.internal);
    const want = toBits(place, family);
    const onLink = outside.map((i) => ({ i, prefix: prefixLength(i.cidr) })).filter(({ i, prefix }) => prefix > 0 && common(toBits(i.address, family), want, family) >= prefix);
    const best = onLink.sort((a, b) => b.prefix - a.prefix)[0];
    if (best) return best.i.address;

    const external = this.external(family);
    if (external && !this.local.check(place, family === 4 ? 'ipv4' : 'ipv6')) return external;
    return nearest(outside, want, family) ?? external;
  }

  /** Whether that address is on this machine or in one of `localNets`: nothing stands between it and us. */
  isLocal(peer: string): boolean {
    const place = plain(peer);
    const family = isIP(place);
    return isLoopback(place) || (family !== 0 && this.local.check(place, family === 4 ? 'ipv4' : 'ipv6'));
  }

  private outermost(mine: readonly InterfaceAddress[], family: Family): string | undefined {
    return this.external(family) ?? mine.find((i) => !i.internal)?.address ?? mine[0]?.address;
  }

  private external(family: Family): string | undefined {
    const { external } = this.settings;
    return external !== null && isIP(external) === family ? external : undefined;
  }
}

/** `::ffff:192.0.2.1` is an IPv4 peer on a dual-stack socket; brackets and zones are not part of the address. */
function plain(address: string): string {
  return address.replace(/^\[|\]$/g, '').replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
}

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');
/** A link-local address needs a zone, which SDP cannot carry. */
const isLinkLocal6 = (address: string): boolean => /^fe[89ab][0-9a-f]:/i.test(address);

function nearest(addresses: readonly InterfaceAddress[], want: bigint, family: Family): string | undefined {
  const score = (i: InterfaceAddress) => common(toBits(i.address, family), want, family);
  return [...addresses].sort((a, b) => score(b) - score(a))[0]?.address;
}

const prefixLength = (cidr: string | null): number => Number(cidr?.split('/')[1] ?? 0);

/** Leading bits that two addresses of one family share. */
function common(a: bigint, b: bigint, family: Family): number {
  const width = family === 4 ? 32 : 128;
  const difference = a ^ b;
  return difference === 0n ? width : width - difference.toString(2).length;
}

function toBits(address: string, family: Family): bigint {
  if (family === 4) return BigInt(address.split('.').reduce((value, byte) => value * 256 + Number(byte), 0));
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').flatMap(hexGroups));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = new Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0);
  return [...left, ...zeros, ...right].reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** The last group of an IPv6 address may be written as an IPv4 address. */
function hexGroups(group: string): number[] {
  if (!group.includes('.')) return [Number.parseInt(group, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}
