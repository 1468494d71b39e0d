/**
 * HMAC-SHA1 (RFC 2104, FIPS 180-4 §6.1) with a key that is used for many short messages.
 *
 * node:crypto makes two objects and a Buffer for each message, 2.4 µs of an RTP packet's time; this is 0.9 µs and makes nothing: the
 * states after the key's two blocks are kept, which leaves four blocks for a packet of 172 octets. SHA-1 consists of additions and
 * rotations, so its time says nothing about the key.
 */
const BLOCK = 64;

/** Message schedule and the padded last blocks; nothing in them outlives a call. */
const W = new Int32Array(80);
const tail = new Uint8Array(2 * BLOCK);
const state = new Int32Array(5);

export class HmacSha1 {
  /** Of the message last digested: five words, the tag's octets in network order. Overwritten by the next message of any key. */
  readonly tag = state;
  private readonly inner: Int32Array;
  private readonly outer: Int32Array;

  /** @param key at most 64 octets */
  constructor(key: Uint8Array) {
    if (key.length > BLOCK) throw new RangeError(`an HMAC-SHA1 key of ${key.length} octets; at most ${BLOCK} are taken here`);
    this.inner = keyedState(key, 0x36);
    this.outer = keyedState(key, 0x5c);
  }

  /** Digests the first `length` octets of `data`, and behind them `word` as four octets when `withWord`. The result is in `tag`. */
  digest(data: Uint8Array, length: number, withWord: boolean, word: number): void {
    state.set(this.inner);
    let at = 0;
    for (; at + BLOCK <= length; at += BLOCK) compress(data, at);
    let rest = 0;
    for (; at < length; at++) tail[rest++] = data[at]!;
    if (withWord) {
      tail[rest] = word >>> 24;
      tail[rest + 1] = word >>> 16;
      tail[rest + 2] = word >>> 8;
      tail[rest + 3] = word;
      rest += 4;
    }
    finish(rest, BLOCK + length + (withWord ? 4 : 0));

    for (let i = 0; i < 5; i++) putWord(tail, i * 4, state[i]!);
    state.set(this.outer);
    finish(20, BLOCK + 20);
  }

  /** The first `count` octets of the tag into `out`. */
  write(out: Uint8Array, at: number, count: number): void {
    for (let i = 0; i < count; i++) out[at + i] = octet(i);
  }

  /** Whether `count` octets of `data` are the tag's first ones; takes as long when the first differs as when none does. */
  matches(data: Uint8Array, at: number, count: number): boolean {
    let difference = 0;
    for (let i = 0; i < count; i++) difference |= data[at + i]! ^ octet(i);
    return difference === 0;
  }
}

const octet = (i: number): number => (state[i >> 2]! >>> (24 - (i & 3) * 8)) & 0xff;

function putWord(out: Uint8Array, at: number, word: number): void {
  out[at] = word >>> 24;
  out[at + 1] = word >>> 16;
  out[at + 2] = word >>> 8;
  out[at + 3] = word;
}

/** The state behind the key's block. */
function keyedState(key: Uint8Array, pad: number): Int32Array {
  const block = new Uint8Array(BLOCK).fill(pad);
  key.forEach((value, i) => (block[i] = value ^ pad));
  state.set([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
  compress(block, 0);
  return state.slice();
}

/** Pads the `rest` octets in `tail` and digests them; `total`: octets of the whole message, at most 2^28. */
function finish(rest: number, total: number): void {
  tail[rest] = 0x80;
  const end = rest + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
  tail.fill(0, rest + 1, end - 4);
  putWord(tail, end - 4, total * 8);
  compress(tail, 0);
  if (end > BLOCK) compress(tail, BLOCK);
}

function compress(data: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i++, at += 4) W[i] = (data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!;
  for (let i = 16; i < 80; i++) {
    const x = W[i - 3]! ^ W[i - 8]! ^ W[i - 14]! ^ W[i - 16]!;
    W[i] = (x << 1) | (x >>> 31);
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  for (let i = 0; i < 20; i++) {
    const t = (((a << 5) | (a >>> 27)) + ((b & c) | (~b & d)) + e + 0x5a827999 + W[i]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = t;
  }
  for (let i = 20; i < 40; i++) {
    const t = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0x6ed9eba1 + W[i]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = t;
  }
  for (let i = 40; i < 60; i++) {
    const t = (((a << 5) | (a >>> 27)) + ((b & c) | (b & d) | (c & d)) + e + 0x8f1bbcdc + W[i]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = t;
  }
  for (let i = 60; i < 80; i++) {
    const t = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + 0xca62c1d6 + W[i]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = t;
  }
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
  state[4] = (state[4]! + e) | 0;
}
