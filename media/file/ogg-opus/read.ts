/** Ogg/Opus files (RFC 7845) to play back: the packets of the first Opus stream in them, and which samples of what they decode to count. */
import { open } from 'node:fs/promises';
import { CONTINUED, pagesOf } from './page';

/** What is wrong with a file, for people. */
export class OggError extends Error {
  override readonly name = 'OggError';
}

export interface OggOpus {
  /** Of the sound in it, 1 to 8. */
  channels: number;
  /** Samples at 48 kHz to be thrown away at the start of what is decoded. */
  preSkip: number;
  /** What to multiply the samples with (§5.1, output gain). */
  gain: number;
  packets: Uint8Array[];
  /** Samples at 48 kHz that count, after `preSkip`; undefined: all of them (the file was cut off). */
  samples: number | undefined;
}

/** What of a decoder is needed here; any of mono will do. */
export interface PacketDecoder {
  readonly sampleRate: number;
  decode(payload: Uint8Array, length: number, out: Int16Array): number;
  close(): void;
}

export interface OggLimits {
  /** Of the file. Default 64 MB, which is some five hours. */
  maxBytes?: number | undefined;
  /** Default 30 minutes. */
  maxMs?: number | undefined;
}

const GRANULE_RATE = 48_000;

/** Errors: OggError with a sentence. Damaged pages are stepped over. */
export function readOggOpus(file: Uint8Array): OggOpus {
  let serial: number | undefined;
  let found: OggOpus | undefined;
  let hasTags = false;
  let rest: Uint8Array | undefined;
  for (const page of pagesOf(file)) {
    if (serial !== undefined && page.serial !== serial) continue;
    for (const [index, piece] of page.pieces.entries()) {
      const goesOn = page.lastGoesOn && index === page.pieces.length - 1;
      let packet: Uint8Array = piece;
      if (index === 0 && page.flags & CONTINUED) {
        // Its beginning was on a page that is damaged.
        if (!rest) continue;
        packet = Buffer.concat([rest, piece]);
      }
      rest = goesOn ? packet : undefined;
      if (goesOn) continue;
      if (!found) {
        const head = identification(packet);
        if (!head) continue;
        serial = page.serial;
        found = head;
      } else if (!hasTags) {
        hasTags = true;
      } else {
        found.packets.push(packet);
      }
    }
    if (found && page.flags & 4 && page.granule >= 0) found.samples = Math.max(0, page.granule - found.preSkip);
  }
  if (!found) throw new OggError('There is no Opus sound in it.');
  return found;
}

/** §5.1; undefined: this is no OpusHead that we know. */
function identification(packet: Uint8Array): OggOpus | undefined {
  const head = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
  if (head.length < 19 || head.toString('latin1', 0, 8) !== 'OpusHead' || head[8]! > 15) return undefined;
  // Several streams in one packet (§5.1.1) are for more than two channels.
  if (head[18] !== 0 || head[9]! < 1 || head[9]! > 2) throw new OggError(`It has ${head[9]} channels; one or two can be played.`);
  return { channels: head[9]!, preSkip: head.readUInt16LE(10), gain: 10 ** (head.readInt16LE(16) / 256 / 20), packets: [], samples: undefined };
}

/** A file as mono PCM at the decoder's rate. Closes the decoder. Errors: OggError; the system's for a file that cannot be read. */
export async function loadOggOpus(path: string, decoder: PacketDecoder, { maxBytes = 64 << 20, maxMs = 30 * 60_000 }: OggLimits = {}): Promise<{ sampleRate: number; pcm: Int16Array; durationMs: number }> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw new OggError(`It has ${Math.ceil(size / 1e6)} MB; at most ${Math.floor(maxBytes / 1e6)} can be played.`);
      return decodeOggOpus(readOggOpus(await file.readFile()), decoder, maxMs);
    } finally {
      await file.close();
    }
  } finally {
    decoder.close();
  }
}

/** All of its sound, mono. Packets that do not decode are left out. Errors: OggError when it lasts longer than `maxMs`. */
export function decodeOggOpus(sound: OggOpus, decoder: PacketDecoder, maxMs = 30 * 60_000): { sampleRate: number; pcm: Int16Array; durationMs: number } {
  const { sampleRate } = decoder;
  const most = (maxMs * sampleRate) / 1000;
  const out = new Int16Array((sampleRate * 120) / 1000);
  const toRate = (granules: number): number => Math.round((granules * sampleRate) / GRANULE_RATE);
  let skip = toRate(sound.preSkip);
  const wanted = sound.samples === undefined ? Infinity : toRate(sound.samples);
  let pcm = new Int16Array(Math.min(most, Math.max(sampleRate, sound.packets.length * (sampleRate / 50))));
  let length = 0;
  for (const packet of sound.packets) {
    const samples = decoder.decode(packet, packet.length, out);
    const from = Math.min(skip, samples);
    skip -= from;
    const some = Math.min(samples - from, wanted - length);
    if (length + some > most) throw new OggError(`It lasts longer than the ${Math.round(maxMs / 60_000)} minutes that can be played.`);
    if (length + some > pcm.length) {
      const grown = new Int16Array(Math.min(most, 2 * pcm.length + some));
      grown.set(pcm);
      pcm = grown;
    }
    for (let i = 0; i < some; i++) pcm[length + i] = sound.gain === 1 ? out[from + i]! : clamp(out[from + i]! * sound.gain);
    length += some;
    if (length >= wanted) break;
  }
  return { sampleRate, pcm: pcm.subarray(0, length), durationMs: (length * 1000) / sampleRate };
}

const clamp = (value: number): number => Math.max(-32_768, Math.min(32_767, Math.round(value)));
