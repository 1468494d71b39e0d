/**
 * IP address and port as the system writes them: a sockaddr_in or sockaddr_in6, held as seven 32-bit words, so that two sources
 * are compared by comparing integers and a destination is handed to the system as it is.
 *
 *   IPv4:  family|port  address  -        -        -        -      -
 *   IPv6:  family|port  flow     address  address  address  address scope
 *
 * Words are little-endian, port and address inside them in network order.
 */
import { isIPv4, isIPv6 } from 'node:net';

export type Family = 4 | 6;

/** See the top of this file; 28 bytes. */
export type SockAddr = Int32Array;

const AF_INET = 2;
const AF_INET6 = 10;
const WORDS = 7;

export function emptySockAddr(): SockAddr {
  // Over its own ArrayBuffer: small typed arrays live inside the garbage-collected heap, where the system must not write.
  return new Int32Array(new ArrayBuffer(WORDS * 4));
}

/** What the system is told: sizeof(struct sockaddr_in) or sizeof(struct sockaddr_in6). */
export const sockAddrBytes = (family: Family): number => (family === 4 ? 16 : 28);

export const familyOf = (address: SockAddr): Family => ((address[0]! & 0xffff) === AF_INET ? 4 : 6);

/** Same family, address and port. */
export function sameSockAddr(a: SockAddr, b: SockAddr): boolean {
  return a[0] === b[0] && sameHost(a, b);
}

/** Same family and address, whatever the port. */
export function sameHost(a: SockAddr, b: SockAddr): boolean {
  if ((a[0]! & 0xffff) === AF_INET) return (b[0]! & 0xffff) === AF_INET && a[1] === b[1];
  return (b[0]! & 0xffff) === AF_INET6 && a[2] === b[2] && a[3] === b[3] && a[4] === b[4] && a[5] === b[5];
}

/**
 * Writes address and port into `out`.
 * @returns false, with `out` unchanged, when the text is not an IP address of either family (a name, a zone) or the port is none
 */
export function writeSockAddr(out: SockAddr, address: string, port: number): boolean {
  if (!Number.isInteger(port) || port < 0 || port > 65535) return false;
  const v4 = isIPv4(address);
  if (!v4 && (!isIPv6(address) || address.includes('%'))) return false;
  out.fill(0);
  out[0] = (v4 ? AF_INET : AF_INET6) | ((port & 0xff) << 24) | ((port >> 8) << 16);
  const bytes = new Uint8Array(out.buffer, out.byteOffset);
  if (v4) address.split('.').forEach((part, i) => (bytes[4 + i] = Number(part)));
  else ipv6Groups(address).forEach((group, i) => bytes.set([group >> 8, group & 0xff], 8 + i * 2));
  return true;
}

export function parseSockAddr(address: string, port: number): SockAddr | undefined {
  const out = emptySockAddr();
  return writeSockAddr(out, address, port) ? out : undefined;
}

/** The eight groups of a valid IPv6 address. */
function ipv6Groups(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text = dotted
    ? `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`
    : address;
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part ? part.split(':').map((g) => parseInt(g, 16)) : []);
  const before = groups(head);
  if (tail === undefined) return before;
  const after = groups(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

export function portOf(address: SockAddr): number {
  const word = address[0]! >>> 16;
  return ((word & 0xff) << 8) | (word >> 8);
}

/** The address alone: '192.0.2.1', '2001:db8::1'. */
export function hostOf(address: SockAddr): string {
  const bytes = new Uint8Array(address.buffer, address.byteOffset);
  if (familyOf(address) === 4) return bytes.subarray(4, 8).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[8 + i * 2]! << 8) | bytes[9 + i * 2]!);
  // RFC 5952 §4.2: the longest run of two or more zero groups is written "::", the first of equals.
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > best.length) best = { at: i, length: end - i };
    i = Math.max(i, end);
  }
  const text = (from: number, to: number) => groups.slice(from, to).map((g) => g.toString(16)).join(':');
  return best.at < 0 ? text(0, 8) : `${text(0, best.at)}::${text(best.at + best.length, 8)}`;
}

/** '192.0.2.1:4000', '[2001:db8::1]:4000'. */
export function formatSockAddr(address: SockAddr): string {
  const host = hostOf(address);
  return familyOf(address) === 4 ? `${host}:${portOf(address)}` : `[${host}]:${portOf(address)}`;
}

/** 0.0.0.0 or ::, or port 0: nothing can be sent there (RFC 2543's hold). */
export function isNowhere(address: SockAddr): boolean {
  if (portOf(address) === 0) return true;
  if (familyOf(address) === 4) return address[1] === 0;
  return address[2] === 0 && address[3] === 0 && address[4] === 0 && address[5] === 0;
}
