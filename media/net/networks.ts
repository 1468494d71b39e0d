/** A list of networks (`10.0.0.0/8`, `2001:db8::/32`, single addresses), asked with addresses as the system writes them: no text, no object. */
import { MediaError } from '../errors';
import { familyOf, parseSockAddr, type Family, type SockAddr } from './address';

interface Network {
  family: Family;
  /** Words of a SockAddr and what of them counts, in host order of the words. */
  words: SockAddr;
  masks: Int32Array;
}

/** Where the address begins and ends in a SockAddr, in words. */
const ADDRESS: Record<Family, readonly [number, number]> = { 4: [1, 2], 6: [2, 6] };

export class Networks {
  private readonly networks: Network[];

  /** @throws MediaError 'setting' for an entry that is no network */
  constructor(list: readonly string[]) {
    this.networks = list.map(parseNetwork);
  }

  has(address: SockAddr): boolean {
    const family = familyOf(address);
    const [from, to] = ADDRESS[family];
    for (const { family: theirs, words, masks } of this.networks) {
      if (theirs !== family) continue;
      let difference = 0;
      for (let i = from; i < to; i++) difference |= (address[i]! ^ words[i]!) & masks[i]!;
      if (difference === 0) return true;
    }
    return false;
  }
}

function parseNetwork(text: string): Network {
  const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const words = parseSockAddr(address, 0);
  const family = words && familyOf(words);
  const width = family === 4 ? 32 : 128;
  const prefix = bits === undefined ? width : Number(bits);
  if (!words || !family || prefix > width) throw new MediaError('setting', `“${text}” is not a network; write one as 192.168.0.0/16, 2001:db8::/32 or a single address`);
  const masks = new Int32Array(words.length);
  const octets = new Uint8Array(masks.buffer);
  const at = ADDRESS[family][0] * 4;
  for (let i = 0; i < width / 8; i++) octets[at + i] = 0xff00 >> Math.min(8, Math.max(0, prefix - i * 8));
  return { family, words, masks };
}
