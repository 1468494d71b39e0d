/**
 * A captured SIP message as a HEP3 datagram, for HOMER and what else understands EEP ("Extensible Encapsulation Protocol", revision 3):
 *
 *     "HEP3"  length of it all (2)  chunk …          chunk: vendor (2)  type (2)  length with these six bytes (2)  value
 *
 * All numbers in network order, all chunks of the generic vendor (0):
 *
 *     1 address family (1: 2 or 10)   2 IP protocol (1)      3, 4 source and destination, IPv4 (4)    5, 6 the same, IPv6 (16)
 *     7, 8 their ports (2)            9 seconds (4)          10 microseconds (4)                      11 what it is: 1 is SIP (1)
 *     12 who captured it (4)          14 key                 15 the message                           17 what belongs together: the Call-ID
 */
import { isIPv6 } from 'node:net';

export interface HepEnd {
  /** IP literal; a zone (`%eth0`) is left out. */
  readonly address: string;
  readonly port: number;
}

export interface HepPacket {
  source: HepEnd;
  destination: HepEnd;
  /** Over UDP; else over TCP, whatever TCP carried in between. */
  datagram: boolean;
  /** Milliseconds since 1970, with fractions. */
  at: number;
  captureId: number;
  /** Undefined: no such chunk. */
  key: Buffer | undefined;
  /** Latin-1 as `callIdText` gives it; undefined: no such chunk. */
  callId: string | undefined;
  payload: Buffer;
}

/** What the length field can say. */
const MOST_BYTES = 65_535;
const MAGIC = 0x48455033;
const HEADER = 6;
const CHUNK = 6;
const FAMILY = { 4: 2, 6: 10 } as const;
const UDP = 17;
const TCP = 6;
const SIP = 1;

/** Undefined: it is too long for HEP3. */
export function encodeHep(packet: HepPacket): Buffer | undefined {
  const { source, destination, key, callId, payload } = packet;
  const six = isIPv6(bare(source.address));
  const addressBytes = six ? 16 : 4;
  const numbers = 8 * CHUNK + 1 + 1 + 2 + 2 + 4 + 4 + 1 + 4;
  const addresses = 2 * (CHUNK + addressBytes);
  const length = HEADER + numbers + addresses + (key ? CHUNK + key.length : 0) + (callId === undefined ? 0 : CHUNK + callId.length) + CHUNK + payload.length;
  if (length > MOST_BYTES) return undefined;
  const out = Buffer.allocUnsafe(length);
  out.writeUInt32BE(MAGIC, 0);
  out.writeUInt16BE(length, 4);
  let at = HEADER;
  const chunk = (type: number, bytes: number): number => {
    out.writeUInt16BE(0, at);
    out.writeUInt16BE(type, at + 2);
    out.writeUInt16BE(CHUNK + bytes, at + 4);
    const value = at + CHUNK;
    at = value + bytes;
    return value;
  };
  out[chunk(1, 1)] = six ? FAMILY[6] : FAMILY[4];
  out[chunk(2, 1)] = packet.datagram ? UDP : TCP;
  writeAddress(out, chunk(six ? 5 : 3, addressBytes), source.address, six);
  writeAddress(out, chunk(six ? 6 : 4, addressBytes), destination.address, six);
  out.writeUInt16BE(source.port & 0xffff, chunk(7, 2));
  out.writeUInt16BE(destination.port & 0xffff, chunk(8, 2));
  const micros = Math.round(packet.at * 1000);
  out.writeUInt32BE(Math.floor(micros / 1e6) >>> 0, chunk(9, 4));
  out.writeUInt32BE(micros % 1e6, chunk(10, 4));
  out[chunk(11, 1)] = SIP;
  out.writeUInt32BE(packet.captureId >>> 0, chunk(12, 4));
  if (key) key.copy(out, chunk(14, key.length));
  payload.copy(out, chunk(15, payload.length));
  if (callId !== undefined) out.write(callId, chunk(17, callId.length), 'latin1');
  return out;
}

function writeAddress(out: Buffer, at: number, address: string, six: boolean): void {
  if (!six) {
    let value = at;
    for (const part of address.split('.')) out[value++] = Number(part);
    return;
  }
  groupsOf(bare(address)).forEach((group, index) => out.writeUInt16BE(group, at + 2 * index));
}

/** The eight groups of an IPv6 address (RFC 4291 §2.2). An IPv4 end of the pair is written as IPv4-mapped. */
function groupsOf(address: string): number[] {
  const text = address.includes('.') ? withHexEnd(address) : address;
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16) & 0xffff));
  if (tail === undefined) return [...groups(head), 0, 0, 0, 0, 0, 0, 0, 0].slice(0, 8);
  const [before, after] = [groups(head), groups(tail)];
  return [...before, ...new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after].slice(0, 8);
}

function withHexEnd(address: string): string {
  const colon = address.lastIndexOf(':');
  const [a = 0, b = 0, c = 0, d = 0] = address.slice(colon + 1).split('.').map(Number);
  const end = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  return colon < 0 ? `::ffff:${end}` : `${address.slice(0, colon + 1)}${end}`;
}

function bare(address: string): string {
  const zone = address.indexOf('%');
  return zone < 0 ? address : address.slice(0, zone);
}
