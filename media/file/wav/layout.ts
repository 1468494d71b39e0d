/**
 * Where a WAV file keeps what: its chunks, and what its `fmt ` says (Microsoft and IBM, Multimedia Programming Interface 1.0, 1991;
 * WAVEFORMATEXTENSIBLE, 2001; RF64, EBU Tech 3306).
 *
 *   'RIFF' size 'WAVE' │ 'fmt ' size  tag channels rate … bits │ … │ 'data' size  samples… │ …
 *
 * Sizes are taken as hints: a recorder that was killed leaves 0, 0xFFFFFFFF, or what was true when it last looked. A data chunk is as long as
 * it says when that is possible and either ends the file or has another chunk behind it; else it is the rest of the file.
 */
import { WavError } from './error';

/** Reads from a position; fewer octets than asked for only where the file ends. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>;

export type SampleFormat = 'u8' | 's16' | 's24' | 's32' | 'f32' | 'f64' | 'alaw' | 'ulaw';

export interface WavLayout {
  format: SampleFormat;
  channels: number;
  /** Hz. */
  sampleRate: number;
  /** Octets of one sample of one channel. */
  sampleBytes: number;
  /** Octets: where sound begins, and how much of it there is, whole sample frames only. */
  dataStart: number;
  dataBytes: number;
}

export const MIN_RATE = 4000;
export const MAX_RATE = 192_000;
const MAX_CHANNELS = 8;
/** Chunks before the sound; more is not a file that somebody made to be heard. */
const MAX_CHUNKS = 256;

const PCM = 1;
const IEEE_FLOAT = 3;
const ALAW = 6;
const ULAW = 7;
const EXTENSIBLE = 0xfffe;

/** What else is found under the name of WAV, for the sentence. */
const OTHER_FORMATS: Record<number, string> = { 2: 'Microsoft ADPCM', 0x11: 'IMA ADPCM', 0x31: 'GSM 6.10', 0x40: 'G.721', 0x50: 'MPEG', 0x55: 'MP3', 0x65: 'G.722', 0x161: 'Windows Media' };

const CONVERT = 'convert it to 16-bit PCM';

/** Errors: WavError 'kind' and 'broken', without the name of the file. */
export async function readLayout(read: ReadAt, size: number): Promise<WavLayout> {
  const head = await read(0, 64);
  if (head.length === 0) throw new WavError('kind', 'is empty');
  const id = tag(head, 0);
  if (!(id === 'RIFF' || id === 'RF64' || id === 'BW64') || tag(head, 8) !== 'WAVE') throw new WavError('kind', whatElse(head));

  let format: Omit<WavLayout, 'dataStart' | 'dataBytes'> | undefined;
  let longSize = 0;
  let at = 12;
  for (let chunks = 0; chunks < MAX_CHUNKS; chunks++) {
    const chunk = await read(at, 8);
    if (chunk.length < 8) break;
    const name = tag(chunk, 0);
    const length = chunk.readUInt32LE(4);
    const body = at + 8;
    if (name === 'ds64') longSize = longSizeOf(await read(body, 16));
    if (name === 'fmt ') format = readFormat(await read(body, Math.min(length, 40)));
    if (name === 'data') {
      if (format === undefined) throw new WavError('broken', 'has sound, but does not say in which format: its header is damaged');
      const octets = await soundLength(read, size, body, length === 0xffffffff && longSize > 0 ? longSize : length);
      const frame = format.channels * format.sampleBytes;
      return { ...format, dataStart: body, dataBytes: octets - (octets % frame) };
    }
    at = body + length + (length % 2);
  }
  if (format === undefined) throw new WavError('broken', 'is cut off before its format: there is no sound in it');
  throw new WavError('broken', 'is cut off before its sound begins');
}

function readFormat(body: Buffer): Omit<WavLayout, 'dataStart' | 'dataBytes'> {
  if (body.length < 16) throw new WavError('broken', 'is cut off in its format: there is no sound in it');
  let kind = body.readUInt16LE(0);
  const channels = body.readUInt16LE(2);
  const sampleRate = body.readUInt32LE(4);
  const blockAlign = body.readUInt16LE(12);
  const bits = body.readUInt16LE(14);
  // The first two octets of the sub-format's GUID are the tag it would have had.
  if (kind === EXTENSIBLE && body.length >= 26) kind = body.readUInt16LE(24);
  if (channels < 1 || channels > MAX_CHANNELS) throw new WavError('broken', `has ${channels} channels; one or two are meant to be heard: mix it down`);
  if (sampleRate < MIN_RATE || sampleRate > MAX_RATE) throw new WavError('broken', `has ${sampleRate} samples a second; 4,000 to 192,000 can be played`);
  // 12 bits in 16, 20 in 24 and so on: the block says how wide a sample is, its bits are the upper ones.
  const told = blockAlign > 0 && blockAlign % channels === 0 ? blockAlign / channels : 0;
  const sampleBytes = told >= Math.ceil(bits / 8) && told <= 8 ? told : Math.ceil(bits / 8);
  const format = sampleFormat(kind, sampleBytes);
  if (format === undefined) {
    const name = OTHER_FORMATS[kind] ?? (kind === PCM || kind === IEEE_FLOAT || kind === ALAW || kind === ULAW ? `${bits} bits a sample` : `format ${kind}`);
    throw new WavError('kind', `is a WAV file with ${name} in it, which cannot be played: ${CONVERT}`);
  }
  return { format, channels, sampleRate, sampleBytes };
}

function sampleFormat(kind: number, sampleBytes: number): SampleFormat | undefined {
  if (kind === PCM) return ({ 1: 'u8', 2: 's16', 3: 's24', 4: 's32' } as const)[sampleBytes as 1];
  if (kind === IEEE_FLOAT) return ({ 4: 'f32', 8: 'f64' } as const)[sampleBytes as 4];
  if (kind === ALAW && sampleBytes === 1) return 'alaw';
  if (kind === ULAW && sampleBytes === 1) return 'ulaw';
  return undefined;
}

/** RF64: the data chunk's 64-bit size; 0 when it is not there. */
function longSizeOf(ds64: Buffer): number {
  return ds64.length < 16 ? 0 : Number(ds64.readBigUInt64LE(8));
}

async function soundLength(read: ReadAt, size: number, start: number, claimed: number): Promise<number> {
  const rest = Math.max(0, size - start);
  if (claimed > rest) return rest;
  const end = claimed + (claimed % 2);
  if (end >= rest) return claimed;
  return (await isTrailer(read, start + end, size)) ? claimed : rest;
}

/** Whether what begins here is something else than sound: a chunk that fits, one that is known, an ID3v1 tag. */
async function isTrailer(read: ReadAt, at: number, size: number): Promise<boolean> {
  const next = await read(at, 8);
  if (size - at === 128 && next.toString('latin1', 0, 3) === 'TAG') return true;
  if (next.length < 8) return false;
  const name = tag(next, 0);
  if (/^(LIST|fact|cue |bext|JUNK|smpl|inst|id3 |ID3 |iXML|_PMX|PEAK|acid|afsp|PAD )$/.test(name)) return true;
  return /^[A-Za-z][A-Za-z0-9_ ]{3}$/.test(name) && next.readUInt32LE(4) <= size - at - 8;
}

function whatElse(head: Buffer): string {
  const start = head.toString('latin1');
  const is = (name: string): string => `is not a WAV file but ${name}: ${CONVERT} WAV`;
  if (/^(RIFF|RF64)/.test(start)) return head.length < 12 ? 'is cut off in its first line: there is no sound in it' : is(`a RIFF file of another kind (${tag(head, 8).replace(/[^ -~]/g, '?')})`);
  if (start.startsWith('RIFX')) return is('one with its octets the other way round (RIFX)');
  if (start.startsWith('ID3') || (head[0] === 0xff && (head[1]! & 0xe0) === 0xe0)) return is('an MP3');
  if (start.startsWith('OggS')) return is('an Ogg file');
  if (start.startsWith('fLaC')) return is('a FLAC file');
  if (start.startsWith('FORM')) return is('an AIFF file');
  if (start.startsWith('.snd')) return is('an AU file');
  if (start.slice(4, 8) === 'ftyp') return is('an MP4 or M4A file');
  if (start.startsWith('PK\x03\x04')) return 'is not a WAV file but a ZIP archive: unpack it';
  if (head.subarray(0, 12).every((octet) => octet === 0)) return 'has no header: its recorder ended before it wrote one, or the disk lost it';
  if (/^[\x09\x0a\x0d\x20-\x7e\x80-\xff]+$/.test(start)) return 'is not a WAV file but text';
  return 'is not a WAV file';
}

const tag = (data: Buffer, at: number): string => data.toString('latin1', at, at + 4);
