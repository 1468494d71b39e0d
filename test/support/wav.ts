/**
 * WAV files as phones write and read them: 16-bit mono PCM out; in, whatever a recording looks like while it is still being
 * written. libsndfile (baresip) writes the header first with the length of that moment, mediastreamer (Linphone) leaves a
 * hole of 44 bytes until the call ends. So the length fields are a hint: the file's own length decides.
 */
import { readFileSync, writeFileSync } from 'node:fs';

export interface Recording {
  /** −1 … 1; the first channel when there are several */
  samples: Float32Array;
  /** Hz */
  rate: number;
}

const HEADER_BYTES = 44;

/** @param length in samples: the recording is repeated until there are so many; default: once */
export function writeWav(file: string, { samples, rate }: Recording, length = samples.length): void {
  const once = Int16Array.from(samples, (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32767));
  const pcm = new Int16Array(length);
  for (let at = 0; at < length; at += once.length) pcm.set(once.subarray(0, length - at), at);
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(HEADER_BYTES + pcm.byteLength - 8, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20); // PCM
  header.writeUInt16LE(1, 22); // channels
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(pcm.byteLength, 40);
  writeFileSync(file, Buffer.concat([header, Buffer.from(pcm.buffer)]));
}

/**
 * @param rateWithoutHeader the rate to assume while the header is still a hole
 * @throws Error when the file is a WAV of another kind than 16-bit PCM
 */
export function readWav(file: string, rateWithoutHeader?: number): Recording {
  return parseWav(readFileSync(file), rateWithoutHeader);
}

export function parseWav(data: Buffer, rateWithoutHeader?: number, channel = 0): Recording {
  if (data.toString('latin1', 0, 4) !== 'RIFF' || data.toString('latin1', 8, 12) !== 'WAVE') {
    const unwritten = data.subarray(0, HEADER_BYTES).every((byte) => byte === 0);
    if (unwritten && rateWithoutHeader !== undefined) return { samples: pcm16(data.subarray(HEADER_BYTES), 1), rate: rateWithoutHeader };
    throw new Error(`not a WAV file: starts with ${data.toString('hex', 0, 12)}`);
  }
  let rate = rateWithoutHeader ?? 0;
  let channels = 1;
  for (let at = 12; at + 8 <= data.length; ) {
    const id = data.toString('latin1', at, at + 4);
    const size = data.readUInt32LE(at + 4);
    const body = data.subarray(at + 8);
    if (id === 'fmt ') {
      const format = body.readUInt16LE(0);
      const bits = body.readUInt16LE(14);
      if ((format !== 1 && format !== 0xfffe) || bits !== 16) throw new Error(`WAV format ${format} with ${bits} bits; only 16-bit PCM is read`);
      channels = body.readUInt16LE(2);
      rate = body.readUInt32LE(4);
    } else if (id === 'data') {
      // An unfinished file says less than it holds (0, or the length when the header was written): what is there counts,
      // unless a chunk behind the data proves the length true.
      const finished = size > 0 && size <= body.length && (size === body.length || isChunk(body.subarray(size + (size % 2))));
      return { samples: pcm16(finished ? body.subarray(0, size) : body, channels, channel), rate };
    }
    at += 8 + size + (size % 2);
  }
  return { samples: new Float32Array(0), rate };
}

/** Both sides of a recorded call. */
export function readStereo(file: string): { left: Recording; right: Recording } {
  const data = readFileSync(file);
  if (data.readUInt16LE(22) !== 2) throw new Error(`${file} has ${data.readUInt16LE(22)} channels`);
  return { left: parseWav(data), right: parseWav(data, undefined, 1) };
}

/** One piece after the other. */
export function joined(parts: Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function isChunk(data: Buffer): boolean {
  return data.length >= 8 && /^[\x20-\x7e]{4}$/.test(data.toString('latin1', 0, 4)) && data.readUInt32LE(4) <= data.length - 8;
}

function pcm16(data: Buffer, channels: number, channel = 0): Float32Array {
  const frames = Math.floor(data.length / (2 * channels));
  const samples = new Float32Array(frames);
  for (let i = 0; i < frames; i++) samples[i] = data.readInt16LE((i * channels + channel) * 2) / 32768;
  return samples;
}
