/**
 * STUN on the SIP port (RFC 5389, RFC 5626 §3.5.2, §8): a binding request is answered with where it came from, which keeps a NAT's binding
 * open and tells the client when that has changed. SIP begins with a letter, STUN with two zero bits (§8).
 *
 *      0                   1                   2                   3
 *     |0 0|     message type          |         message length        |
 *     |                     magic cookie 2112A442                     |
 *     |                 transaction id, 12 bytes                      |
 *     |      attribute type           |      attribute length         |  value, padded to 4 bytes …
 */
import { isIPv6 } from 'node:net';
import type { Endpoint } from './types';

const HEADER_BYTES = 20;
const COOKIE = 0x2112a442;
const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
const XOR_MAPPED_ADDRESS = 0x0020;
const ERROR_CODE = 0x0009;
const UNKNOWN_ATTRIBUTES = 0x000a;
/** Attributes below this have to be understood (§15). */
const OPTIONAL_FROM = 0x8000;
/** Those a binding request may hold that ask nothing of us: USERNAME, MESSAGE-INTEGRITY, REALM and NONCE are for servers that ask for credentials. */
const UNDERSTOOD = new Set([0x0006, 0x0008, 0x0014, 0x0015]);

export function isStun(data: Buffer): boolean {
  return data.length >= HEADER_BYTES && (data[0] as number) < 0x40 && data.readUInt32BE(4) === COOKIE;
}

/** The answer to a binding request; undefined for anything else (indications, responses, what is damaged), which gets none (§7.3). */
export function answerStun(data: Buffer, from: Endpoint): Buffer | undefined {
  if (!isStun(data) || data.readUInt16BE(0) !== BINDING_REQUEST) return undefined;
  const unknown = unknownAttributes(data);
  if (unknown === undefined) return undefined;
  if (unknown.length === 0) return message(BINDING_SUCCESS, data, attribute(XOR_MAPPED_ADDRESS, xorMappedAddress(from, data.subarray(4, HEADER_BYTES))));
  const reason = Buffer.from('\0\0\x04\x14Unknown Attribute', 'latin1');
  const types = Buffer.alloc(unknown.length * 2);
  for (const [index, type] of unknown.entries()) types.writeUInt16BE(type, index * 2);
  return message(BINDING_ERROR, data, Buffer.concat([attribute(ERROR_CODE, reason), attribute(UNKNOWN_ATTRIBUTES, types)]));
}

/** Undefined: the lengths do not fit together. */
function unknownAttributes(data: Buffer): number[] | undefined {
  if (data.readUInt16BE(2) !== data.length - HEADER_BYTES || data.length % 4 !== 0) return undefined;
  const unknown: number[] = [];
  for (let at = HEADER_BYTES; at < data.length; ) {
    const type = data.readUInt16BE(at);
    const end = at + 4 + data.readUInt16BE(at + 2);
    if (end > data.length) return undefined;
    if (type < OPTIONAL_FROM && !UNDERSTOOD.has(type)) unknown.push(type);
    at = end + ((4 - (end % 4)) % 4);
  }
  return unknown;
}

/** §15.2: port and address, each XORed with the cookie, IPv6 with cookie and transaction id. */
function xorMappedAddress({ address, port }: Endpoint, mask: Buffer): Buffer {
  const bytes = bytesOf(address.split('%')[0] ?? address);
  const value = Buffer.alloc(4 + bytes.length);
  value[1] = bytes.length === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  for (const [index, byte] of bytes.entries()) value[4 + index] = byte ^ (mask[index] as number);
  return value;
}

function bytesOf(address: string): number[] {
  if (!isIPv6(address)) return address.split('.').map(Number);
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
}

function attribute(type: number, value: Buffer): Buffer {
  const out = Buffer.alloc(4 + value.length + ((4 - (value.length % 4)) % 4));
  out.writeUInt16BE(type, 0);
  out.writeUInt16BE(value.length, 2);
  value.copy(out, 4);
  return out;
}

function message(type: number, request: Buffer, attributes: Buffer): Buffer {
  const head = Buffer.from(request.subarray(0, HEADER_BYTES));
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(attributes.length, 2);
  return Buffer.concat([head, attributes]);
}
