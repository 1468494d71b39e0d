/**
 * The way a request came, which is the way back to the phone behind a NAT or on a connection of its own (RFC 3581,
 * RFC 5626 §5.3): protocol, source address, source port.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { IncomingRequest } from './exchange';
import { detached } from './text';

export interface Flow {
  /** Lower case: `udp`, `tcp`, … */
  readonly protocol: string;
  /** Without brackets. */
  readonly address: string;
  readonly port: number;
}

/** The flow a request came over. Its strings do not keep the request's text in memory. */
export function flowOf(req: IncomingRequest): Flow {
  return { protocol: detached(req.protocol.toLowerCase()), address: detached(bare(req.source_address)), port: Number(req.source_port) };
}

export function sameFlow(a: Flow, b: Flow): boolean {
  return a.port === b.port && a.address === b.address && a.protocol === b.protocol;
}

/** An address as a URI has it (RFC 3261 §25.1): IPv6 in brackets. */
export const uriHost = (address: string): string => (isIPv6(address) ? `[${address}]` : address);

/** Our address as a peer reaches us, as a URI has it; undefined: we have none for it. */
export function ownHost(reach: { addressFor(peer: string, family: 4 | 6): string | undefined }, peer: string): string | undefined {
  const address = reach.addressFor(peer, isIPv6(peer) ? 6 : 4);
  return address === undefined ? undefined : uriHost(address);
}

/** `udp:192.0.2.7:5060`, `tcp:[2001:db8::1]:5060`: how a flow is stored. */
export function formatFlow(flow: Flow): string {
  return `${flow.protocol}:${uriHost(flow.address)}:${flow.port}`;
}

/** The reverse of `formatFlow`; undefined when the text is no flow. */
export function parseFlow(text: string): Flow | undefined {
  const match = /^([a-z]+):(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const port = Number(match[4]);
  return port > 0 && port < 65536 ? { protocol: match[1] as string, address: (match[2] ?? match[3]) as string, port } : undefined;
}

/**
 * What counts as one source when failures are counted and nonces are bound: an IPv4 address, or the /64 network of an
 * IPv6 address, since a host owns a whole one and may change its address within it at will.
 */
export function sourceKey(address: string): string {
  const plain = bare(address);
  if (isIPv4(plain)) return plain;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped) return mapped;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = (plain.split('%')[0] as string).toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    const width = after.length + (after.at(-1)?.includes('.') ? 1 : 0);
    while (groups.length + width < 8) groups.push('0');
    groups.push(...after);
  }
  return `${groups
    .slice(0, 4)
    .map((g) => g.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}

function bare(address: string): string {
  return address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address;
}
