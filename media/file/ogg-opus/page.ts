/**
 * Ogg pages (RFC 3533 §6), each with whole packets only, so that every page can be read without its neighbours:
 *
 *   'OggS' version flags | granule position (8) | serial (4) | page number (4) | CRC (4) | segments | lacing values… | packets…
 *
 * All numbers little-endian.
 */

export const HEADER_BYTES = 27;
const MOST_SEGMENTS = 255;
export const LARGEST_PAGE = HEADER_BYTES + MOST_SEGMENTS + MOST_SEGMENTS * 255;

/** §6, header_type_flag. */
export const CONTINUED = 1;
export const FIRST_PAGE = 2;
export const LAST_PAGE = 4;

/** Polynomial 0x04c11db7, most significant bit first, from 0 (§6, CRC_checksum). */
const CRC = new Uint32Array(256).map((_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit++) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value;
});

/** Of a page whose checksum field counts as zero. */
export function pageChecksum(page: Uint8Array, from: number, to: number): number {
  let crc = 0;
  for (let i = from; i < to; i++) {
    const octet = i >= from + 22 && i < from + 26 ? 0 : page[i]!;
    crc = (crc << 8) ^ CRC[(crc >>> 24) ^ octet]!;
  }
  return crc >>> 0;
}

/** Gathers packets until they are a page. Nothing is allocated per packet. */
export class PageBuilder {
  private readonly lacing = new Uint8Array(MOST_SEGMENTS);
  private readonly body = new Uint8Array(MOST_SEGMENTS * 255);
  private segments = 0;
  private bodyBytes = 0;
  private number = 0;

  constructor(private readonly serial: number) {}

  get isEmpty(): boolean {
    return this.segments === 0;
  }

  /** Whether a packet of `length` still has room. Of an empty page: up to 65,024 octets. */
  fits(length: number): boolean {
    return this.segments + Math.floor(length / 255) + 1 <= MOST_SEGMENTS;
  }

  /** Copied. */
  add(packet: Uint8Array, length: number): void {
    if (!this.fits(length)) throw new RangeError(`A packet of ${length} octets does not fit on this page.`);
    for (let i = 0; i < length; i++) this.body[this.bodyBytes + i] = packet[i]!;
    this.bodyBytes += length;
    let rest = length;
    for (; rest >= 255; rest -= 255) this.lacing[this.segments++] = 255;
    this.lacing[this.segments++] = rest;
  }

  /** The page, and the builder is empty again. `granule`: the stream's position after its last packet. */
  finish(granule: number, flags = 0): Uint8Array {
    const page = new Uint8Array(HEADER_BYTES + this.segments + this.bodyBytes);
    const view = new DataView(page.buffer);
    view.setUint32(0, 0x4f676753);
    page[5] = flags;
    view.setBigUint64(6, BigInt(granule), true);
    view.setUint32(14, this.serial, true);
    view.setUint32(18, this.number++, true);
    page[26] = this.segments;
    page.set(this.lacing.subarray(0, this.segments), HEADER_BYTES);
    page.set(this.body.subarray(0, this.bodyBytes), HEADER_BYTES + this.segments);
    view.setUint32(22, pageChecksum(page, 0, page.length), true);
    this.segments = 0;
    this.bodyBytes = 0;
    return page;
  }
}

export interface Page {
  flags: number;
  serial: number;
  /** After its last packet; -1: no packet ends on it. */
  granule: number;
  /** Its pieces, and whether the last one goes on with the next page (§5). */
  pieces: Uint8Array[];
  lastGoesOn: boolean;
}

/** The pages of a file, in order; what is not one (garbage, a page that was cut off or damaged) is stepped over. */
export function* pagesOf(file: Uint8Array): Generator<Page> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 0;
  while (at + HEADER_BYTES <= file.length) {
    const end = pageEnd(file, view, at);
    if (end === 0) {
      at++;
      continue;
    }
    yield read(file, view, at);
    at = end;
  }
}

/** Where the page that begins at `at` ends; 0: there is none. */
function pageEnd(file: Uint8Array, view: DataView, at: number): number {
  if (view.getUint32(at) !== 0x4f676753 || file[at + 4] !== 0) return 0;
  const segments = file[at + 26]!;
  let end = at + HEADER_BYTES + segments;
  if (end > file.length) return 0;
  for (let i = 0; i < segments; i++) end += file[at + HEADER_BYTES + i]!;
  if (end > file.length || pageChecksum(file, at, end) !== view.getUint32(at + 22, true)) return 0;
  return end;
}

function read(file: Uint8Array, view: DataView, at: number): Page {
  const segments = file[at + 26]!;
  const pieces: Uint8Array[] = [];
  let from = at + HEADER_BYTES + segments;
  let length = 0;
  let octet = 0;
  for (let i = 0; i < segments; i++) {
    octet = file[at + HEADER_BYTES + i]!;
    length += octet;
    if (octet < 255 || i === segments - 1) {
      pieces.push(file.subarray(from, from + length));
      from += length;
      length = 0;
    }
  }
  return {
    flags: file[at + 5]!,
    serial: view.getUint32(at + 14, true),
    granule: Number(view.getBigInt64(at + 6, true)),
    pieces,
    lastGoesOn: octet === 255,
  };
}
