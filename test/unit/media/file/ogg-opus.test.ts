import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { GrowingFile } from '../../../../media/audio-file';
import { openOpus } from '../../../../media/codec/opus';
import { decodeOggOpus, loadOggOpus, OggError, OggOpusWriter, openOggOpus, readOggOpus } from '../../../../media/file/ogg-opus';
import { pageChecksum, PageBuilder, pagesOf } from '../../../../media/file/ogg-opus/page';
import { need } from '../../../support/peers';

const RATE = 16_000;
const { codec, fileEncoder } = openOpus();
const SERIAL = 0xcafe1234;

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'ogg-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Two tones, one on each side, interleaved. */
function tones(ms: number, channels: 1 | 2 = 2): Int16Array {
  return Int16Array.from({ length: ((RATE * ms) / 1000) * channels }, (_, i) => {
    const t = Math.floor(i / channels) / RATE;
    return 8000 * Math.sin(2 * Math.PI * (i % channels ? 1000 : 440) * t);
  });
}

/** A file in memory that does everything in its own time. */
class MemoryFile implements GrowingFile {
  bytes = Buffer.alloc(0);
  readonly states: Buffer[] = [];
  room = Infinity;
  atOnce = Infinity;

  async write(data: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }> {
    await new Promise((resolve) => setImmediate(resolve));
    const some = Math.min(length, this.atOnce, this.room - position);
    if (some <= 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const after = Buffer.alloc(Math.max(this.bytes.length, position + some));
    this.bytes.copy(after);
    after.set(data.subarray(offset, offset + some), position);
    this.bytes = after;
    this.states.push(after);
    return { bytesWritten: some };
  }

  async truncate(length: number): Promise<void> {
    this.bytes = this.bytes.subarray(0, length);
  }

  async datasync(): Promise<void> {}
  async close(): Promise<void> {}
}

const encoder = (channels: 1 | 2 = 2) => fileEncoder({ sampleRate: RATE, channels });
const writer = (file: GrowingFile, channels: 1 | 2 = 2): OggOpusWriter => new OggOpusWriter(file, { encoder: encoder(channels), serial: SERIAL });

/** Milliseconds that play. */
function plays(bytes: Uint8Array): number {
  const decoder = codec.decoder({ sampleRate: RATE });
  const { durationMs } = decodeOggOpus(readOggOpus(bytes), decoder);
  decoder.close();
  return durationMs;
}

function share(pcm: Int16Array, hz: number): number {
  let [re, im, all] = [0, 0, 0];
  pcm.forEach((value, i) => {
    re += value * Math.cos((2 * Math.PI * hz * i) / RATE);
    im += value * Math.sin((2 * Math.PI * hz * i) / RATE);
    all += value * value;
  });
  return (2 * (re * re + im * im)) / (pcm.length * all);
}

test('the checksum is the one of the RFC, and finds every single bit that changed', () => {
  // POSIX's cksum of these nine digits is 0x765e7680; it differs by turning all bits over at the end.
  expect(pageChecksum(Buffer.from('123456789'), 0, 9)).toBe(~0x765e7680 >>> 0);
  const page = new PageBuilder(1).finish(0, 4);
  expect([...pagesOf(page)]).toHaveLength(1);
  for (let bit = 0; bit < page.length * 8; bit++) {
    const damaged = Uint8Array.from(page);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    expect([...pagesOf(damaged)]).toHaveLength(0);
  }
});

test('packets of all sizes come back from pages as they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1500 }), { minLength: 1, maxLength: 60 }), (sizes) => {
      const builder = new PageBuilder(7);
      const pages: Uint8Array[] = [];
      const packets = sizes.map((size, i) => new Uint8Array(size).fill(i));
      for (const packet of packets) {
        if (!builder.fits(packet.length)) pages.push(builder.finish(0));
        builder.add(packet, packet.length);
      }
      pages.push(builder.finish(0));
      const found = [...pagesOf(Buffer.concat(pages))].flatMap((page) => page.pieces);
      expect(found.map((p) => Buffer.from(p))).toEqual(packets.map((p) => Buffer.from(p)));
    }),
    { numRuns: 50 },
  );
});

test.each([
  [0, 1],
  [7, 1],
  [1000, 1],
  [2350, 2],
] as const)('%i ms on %i channels are as long when they are read', async (ms, channels) => {
  const path = join(folder, 'a', 'call.opus');
  const file = await openOggOpus(path, { encoder: encoder(channels), serial: SERIAL });
  const sound = tones(ms, channels);
  // In pieces that are no frames.
  for (let at = 0; at < sound.length; at += 222) file.write(sound.subarray(at, at + 222));
  const end = await file.close();
  expect(end).toMatchObject({ durationMs: ms, problem: undefined });
  expect(await file.close()).toBe(end);
  expect(file.failedFrames).toBe(0);
  expect(readFileSync(path).length).toBe(end.bytes);
  const { pcm, durationMs, sampleRate } = await loadOggOpus(path, codec.decoder({ sampleRate: RATE }));
  expect({ durationMs, sampleRate }).toEqual({ durationMs: ms, sampleRate: RATE });
  if (ms >= 1000) expect(share(pcm.subarray(1600), 440)).toBeGreaterThan(channels === 1 ? 0.95 : 0.4);
});

test('the file is two headers and pages of a second, the last of which says so', async () => {
  const file = new MemoryFile();
  const recording = writer(file);
  recording.write(tones(3210));
  await recording.close();
  const pages = [...pagesOf(file.bytes)];
  expect(pages.map((p) => p.flags)).toEqual([2, 0, 0, 0, 0, 4]);
  expect(pages.map((p) => p.granule)).toEqual([0, 0, 48_000, 96_000, 144_000, 48 * 3210 + 312]);
  expect(pages.map((p) => p.pieces.length)).toEqual([1, 1, 50, 50, 50, 11]);
  const [head, tags] = [Buffer.from(pages[0]!.pieces[0]!), Buffer.from(pages[1]!.pieces[0]!)];
  expect(head.toString('hex')).toBe(Buffer.from('OpusHead').toString('hex') + '01' + '02' + '3801' + '803e0000' + '0000' + '00');
  expect(tags.toString('latin1')).toBe('OpusTags\x07\0\0\0Offhook\0\0\0\0');
  expect(pages.every((p) => p.serial === SERIAL && !p.lastGoesOn)).toBe(true);
});

test('killed at any moment, what was on the disk plays', async () => {
  const file = new MemoryFile();
  file.atOnce = 700;
  const recording = writer(file);
  for (let i = 0; i < 6; i++) {
    recording.write(tones(500));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await recording.close();
  let before = -1;
  for (const state of file.states.filter((s) => s.length > 100)) {
    const ms = plays(state);
    expect(ms).toBeGreaterThanOrEqual(before);
    before = ms;
  }
  expect(before).toBe(3000);
});

test('a full disk: a problem is told once, and what is there plays', async () => {
  const file = new MemoryFile();
  file.room = 9000;
  const recording = writer(file);
  for (let i = 0; i < 8; i++) {
    recording.write(tones(500));
    // The disk is given all the time that it wants.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(recording.problem).toBe('Nothing more could be recorded: the disk is full.');
  expect(recording.pendingMs).toBe(0);
  const end = await recording.close();
  expect(end.problem).toBe('Nothing more could be recorded: the disk is full.');
  expect(end.bytes).toBe(file.bytes.length);
  expect(plays(file.bytes)).toBeCloseTo(end.durationMs);
  expect(end.durationMs).toBeGreaterThan(900);
});

test('what the disk has not taken yet is told', async () => {
  const file = new MemoryFile();
  const recording = writer(file);
  recording.write(tones(1500));
  expect(recording.pendingMs).toBe(1500);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(recording.pendingMs).toBe(500);
  await recording.close();
  expect(recording.pendingMs).toBe(0);
});

test('a frame that cannot be encoded is silence, and counted', async () => {
  const file = new MemoryFile();
  let calls = 0;
  const broken = { ...from(encoder(1)), encode: (pcm: Int16Array, out: Uint8Array) => (++calls % 5 === 0 ? -1 : real.encode(pcm, out)) };
  const real = encoder(1);
  const recording = new OggOpusWriter(file, { encoder: broken, serial: 1 });
  recording.write(tones(1000, 1));
  await recording.close();
  real.close();
  expect(recording.failedFrames).toBe(10);
  expect(plays(file.bytes)).toBe(1000);
});

const from = (made: ReturnType<typeof encoder>) => ({
  channels: made.channels,
  sampleRate: made.sampleRate,
  frameSamples: made.frameSamples,
  preSkip: made.preSkip,
  close: () => made.close(),
});

test('a file that is there already is not touched', async () => {
  const path = join(folder, 'there.opus');
  writeFileSync(path, 'mine');
  await expect(openOggOpus(path, { encoder: encoder(), serial: 1 })).rejects.toMatchObject({ code: 'file-exists' });
  expect(readFileSync(path, 'utf8')).toBe('mine');
});

describe('reading what others made', () => {
  test.each<[string, () => Buffer]>([
    ['nothing', () => Buffer.alloc(0)],
    ['noise', () => Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251))],
    ['a WAV file', () => Buffer.from('RIFF....WAVEfmt ')],
    ['Ogg with something else in it', () => page(Buffer.from('\x01vorbis0000000000000000'))],
  ])('%s is refused with a reason', (_name, bytes) => expect(() => readOggOpus(bytes())).toThrow(OggError));

  test('more channels than two are refused', () => {
    const head = Buffer.alloc(21);
    head.write('OpusHead\x01\x06', 'latin1');
    head[18] = 1;
    expect(() => readOggOpus(page(head))).toThrow('6 channels');
  });

  const page = (packet: Buffer): Buffer => {
    const builder = new PageBuilder(5);
    builder.add(packet, packet.length);
    return Buffer.from(builder.finish(0, 2));
  };

  test('no octets bring the reader out of its way', async () => {
    const file = new MemoryFile();
    const recording = writer(file, 1);
    recording.write(tones(2500, 1));
    await recording.close();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(file.bytes.length - 1), fc.nat(255)), { maxLength: 5 }), fc.nat(4000), (damage, cut) => {
        const bytes = Buffer.from(file.bytes.subarray(0, file.bytes.length - cut));
        for (const [at, value] of damage) if (at < bytes.length) bytes[at] = value;
        try {
          expect(plays(bytes)).toBeLessThanOrEqual(2600);
        } catch (error) {
          expect(error).toBeInstanceOf(OggError);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a packet that goes on over two pages is put together', () => {
    const packet = Buffer.alloc(600, 9);
    const head = Buffer.from('OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0', 'latin1');
    const tags = Buffer.from('OpusTags\0\0\0\0\0\0\0\0', 'latin1');
    const file = Buffer.concat([page(head), page(tags), raw([255, 255], packet.subarray(0, 510), 0, -1), raw([90], packet.subarray(510), 1, 960)]);
    expect(readOggOpus(file).packets.map((p) => Buffer.from(p))).toEqual([packet]);
    // Without its first half it is not there at all.
    expect(readOggOpus(Buffer.concat([page(head), page(tags), raw([90], packet.subarray(510), 1, 960)])).packets).toEqual([]);
  });

  test('too long and too large are refused', async () => {
    const path = join(folder, 'long.opus');
    const file = await openOggOpus(path, { encoder: encoder(1), serial: 1 });
    file.write(tones(2000, 1));
    await file.close();
    const decoder = () => codec.decoder({ sampleRate: RATE });
    await expect(loadOggOpus(path, decoder(), { maxMs: 1000 })).rejects.toThrow('longer');
    await expect(loadOggOpus(path, decoder(), { maxBytes: 100 })).rejects.toThrow('at most');
  });
});

/** A page made by hand, checksum and all. */
function raw(lacing: number[], body: Buffer, flags: number, granule: number): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(27), Buffer.from(lacing), body]);
  bytes.write('OggS', 'latin1');
  bytes[5] = flags;
  bytes.writeBigInt64LE(BigInt(granule), 6);
  bytes.writeUInt32LE(5, 14);
  bytes[26] = lacing.length;
  bytes.writeUInt32LE(pageChecksum(bytes, 0, bytes.length), 22);
  return bytes;
}

need('ffprobe')('others play it', () => test('ffprobe finds the sound and its length, of a cut off file as well', async () => {
  const path = join(folder, 'whole.opus');
  const file = await openOggOpus(path, { encoder: encoder(), serial: SERIAL });
  file.write(tones(3500));
  await file.close();
  const cut = join(folder, 'cut.opus');
  writeFileSync(cut, readFileSync(path).subarray(0, -1000));
  for (const [name, seconds] of [[path, 3.5], [cut, 3]] as const) {
    const { stdout, stderr } = spawnSync('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name,channels,duration', '-of', 'csv=p=0', name], { encoding: 'utf8' });
    const [codecName, channels, duration] = stdout.trim().split(',');
    expect({ codecName, channels, stderr }).toEqual({ codecName: 'opus', channels: '2', stderr: '' });
    // Some versions count the pre-skip in.
    expect(Math.abs(Number(duration) - seconds)).toBeLessThan(0.01);
  }
}));
