/**
 * What the bytes of a message tell without parsing it (RFC 3261 §7, §25.1), for those who look at every message and may cost nearly nothing:
 * counters, captures, overload control. Nothing here throws, decodes or allocates; bytes that are no message come out as "other" or -1.
 */

/** In the order of the numbers that `methodAt` gives; the last is every other method. */
export const METHODS = ['INVITE', 'ACK', 'BYE', 'CANCEL', 'REGISTER', 'OPTIONS', 'PRACK', 'UPDATE', 'SUBSCRIBE', 'NOTIFY', 'REFER', 'INFO', 'MESSAGE', 'PUBLISH', 'other'] as const;
export type KnownMethod = (typeof METHODS)[number];
export const OTHER_METHOD = METHODS.length - 1;

const NAMES = METHODS.slice(0, OTHER_METHOD).map((name) => Buffer.from(name, 'latin1'));

/** A header field to look for: its name in lower case, and its compact form. */
export interface Field {
  readonly name: Buffer;
  readonly compact: number;
}

function field(name: string, compact = '\0'): Field {
  return { name: Buffer.from(name, 'latin1'), compact: compact.charCodeAt(0) };
}

export const CALL_ID = field('call-id', 'i');
export const CSEQ = field('cseq');
export const TO = field('to', 't');
export const FROM = field('from', 'f');

/** Where the message begins: line ends before it are no part of it (RFC 3261 §7.5). */
export function beginOf(data: Buffer): number {
  let at = 0;
  while (data[at] === 0x0d || data[at] === 0x0a) at++;
  return at;
}

/** Begins with `SIP/`, which no method does. */
export function isResponseAt(data: Buffer, at: number): boolean {
  return data[at + 3] === 0x2f && lower(data[at]) === 0x73 && lower(data[at + 1]) === 0x69 && lower(data[at + 2]) === 0x70;
}

/** The first digit of a response's status, 1 to 6; 0: there is none. */
export function statusClassAt(data: Buffer, at: number): number {
  // "SIP/2.0 " has eight bytes; nobody else's version is counted apart.
  const digit = (data[at + 8] ?? 0) - 0x30;
  return digit >= 1 && digit <= 6 ? digit : 0;
}

/** The method that stands here, followed by a space or the end of its line, as an index of `METHODS`. */
export function methodAt(data: Buffer, at: number): number {
  for (let index = 0; index < NAMES.length; index++) {
    const name = NAMES[index]!;
    if (data[at] === name[0] && data[at + 1] === name[1] && matches(data, at, name)) return index;
  }
  return OTHER_METHOD;
}

function matches(data: Buffer, at: number, name: Buffer): boolean {
  for (let i = 2; i < name.length; i++) if (data[at + i] !== name[i]) return false;
  const behind = data[at + name.length];
  return behind === undefined || behind <= 0x20;
}

/** Where the value of the first header of this name begins, white space passed over; -1: the headers have none. */
export function valueAt(data: Buffer, { name, compact }: Field, from = beginOf(data)): number {
  for (let at = nextLine(data, from); at > 0; at = nextLine(data, at)) {
    const first = lower(data[at]);
    if (first === 0x0d || first === 0x0a) return -1;
    let end = -1;
    if (first === name[0] && isNamed(data, at, name)) end = at + name.length;
    else if (first === compact) end = at + 1;
    if (end < 0) continue;
    end = afterBlanks(data, end);
    if (data[end] === 0x3a) return afterBlanks(data, end + 1);
  }
  return -1;
}

/** Where the line that this index is in ends, white space and CR left out. */
export function lineEnd(data: Buffer, from: number): number {
  let end = from;
  while (end < data.length && data[end] !== 0x0a) end++;
  while (end > from && (data[end - 1] as number) <= 0x20) end--;
  return end;
}

/** The method that a message's CSeq names, as an index of `METHODS`. */
export function cseqMethod(data: Buffer): number {
  let at = valueAt(data, CSEQ);
  if (at < 0) return OTHER_METHOD;
  while ((data[at] ?? 0) >= 0x30 && (data[at] as number) <= 0x39) at++;
  return methodAt(data, afterBlanks(data, at));
}

/** The Call-ID, byte for byte as Latin-1; undefined: there is none. */
export function callIdText(data: Buffer): string | undefined {
  const at = valueAt(data, CALL_ID);
  if (at < 0) return undefined;
  const end = lineEnd(data, at);
  return end > at ? data.toString('latin1', at, end) : undefined;
}

/** The start line, at most `most` bytes of it, as text. */
export function firstLine(data: Buffer, most = 512): string {
  const at = beginOf(data);
  return data.toString('utf8', at, Math.min(lineEnd(data, at), at + most));
}

/** The index behind the next line feed; 0: there is none. */
function nextLine(data: Buffer, from: number): number {
  let at = from;
  while (at < data.length && data[at] !== 0x0a) at++;
  return at + 1 < data.length ? at + 1 : 0;
}

function isNamed(data: Buffer, at: number, name: Buffer): boolean {
  for (let i = 1; i < name.length; i++) if (lower(data[at + i]) !== name[i]) return false;
  return true;
}

function afterBlanks(data: Buffer, from: number): number {
  let at = from;
  while (data[at] === 0x20 || data[at] === 0x09) at++;
  return at;
}

function lower(byte = 0): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
