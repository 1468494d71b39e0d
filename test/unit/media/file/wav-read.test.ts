import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { loadWav, readWav, WavError, type Wav } from '../../../../media/file/wav';
import { chunk, pcm16, wavBytes, type WavParts } from '../support/wav-bytes';
import { need } from '../../../support/peers';

const readBytes = (bytes: Buffer): Promise<Wav> => readWav(async (position, length) => bytes.subarray(position, position + length), bytes.length);
const read = async (parts: WavParts): Promise<number[]> => [...(await readBytes(wavBytes(parts))).pcm];

const float = (...values: number[]): Buffer => Buffer.from(new Float32Array(values).buffer);
const double = (...values: number[]): Buffer => Buffer.from(new Float64Array(values).buffer);

describe('formats', () => {
  it.each<[string, WavParts, number[]]>([
    ['16 bits', { data: pcm16(0, 1, -1, 32767, -32768) }, [0, 1, -1, 32767, -32768]],
    ['8 bits, unsigned', { bits: 8, data: Buffer.from([128, 0, 255, 129]) }, [0, -32768, 32512, 256]],
    ['24 bits, rounded', { bits: 24, data: Buffer.from([0, 0, 0, 0x7f, 0x34, 0x12, 0x80, 0x34, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0x80]) }, [0, 0x1234, 0x1235, 0, 32767, -32768]],
    ['32 bits, rounded', { bits: 32, data: Buffer.from([0xff, 0x7f, 0x34, 0x12, 0, 0x80, 0x34, 0x12, 0xff, 0xff, 0xff, 0x7f]) }, [0x1234, 0x1235, 32767]],
    ['float', { tag: 3, bits: 32, data: float(0, 0.5, -0.5, 1, -1, 7, -7, NaN, Infinity) }, [0, 16384, -16384, 32767, -32768, 32767, -32768, 0, 32767]],
    ['double', { tag: 3, bits: 64, data: double(0.25, -0.25, NaN) }, [8192, -8192, 0]],
    ['µ-law', { tag: 7, bits: 8, data: Buffer.from([0xff, 0x7f, 0x80, 0x00]) }, [0, 0, 32124, -32124]],
    ['A-law', { tag: 6, bits: 8, data: Buffer.from([0xd5, 0x55, 0xaa, 0x2a]) }, [8, -8, 32256, -32256]],
    ['12 bits in 16', { bits: 12, data: pcm16(0x7ff0) }, [0x7ff0]],
    ['24 bits in 32', { bits: 24, blockAlign: 4, data: Buffer.from([0, 0x01, 0x34, 0x12]) }, [0x1234]],
    ['extensible PCM', { extensible: true, data: pcm16(5, 6) }, [5, 6]],
    ['extensible float', { extensible: true, tag: 3, bits: 32, data: float(0.5) }, [16384]],
    ['stereo, averaged', { channels: 2, data: pcm16(100, 200, -100, 100, 32767, 32767) }, [150, 0, 32767]],
    ['six channels', { channels: 6, data: pcm16(6, 6, 6, 6, 6, 0) }, [5]],
    ['half a sample at the end', { data: Buffer.concat([pcm16(1, 2), Buffer.from([7])]) }, [1, 2]],
  ])('%s', async (_name, parts, expected) => {
    // -0 is 0 to whoever hears it.
    expect((await read(parts)).map((value) => value + 0)).toEqual(expected);
  });

  need('sox')('other programs', () => it('as sox writes them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wav-'));
    try {
      const file = join(folder, 'a.wav');
      for (const encoding of [['-e', 'signed', '-b', '24'], ['-e', 'float', '-b', '32'], ['-e', 'mu-law'], ['-e', 'a-law'], ['-e', 'unsigned', '-b', '8']]) {
        const made = spawnSync('sox', ['-n', '-r', '44100', '-c', '2', ...encoding, file, 'synth', '0.1', 'sine', '1000', 'gain', '-6']);
        expect(made.status).toBe(0);
        const { sampleRate, pcm, durationMs } = await loadWav(file);
        expect([sampleRate, pcm.length, durationMs]).toEqual([44100, 4410, 100]);
        const rms = Math.sqrt(pcm.reduce((sum, value) => sum + value * value, 0) / pcm.length);
        expect(rms / 32768).toBeGreaterThan(0.34);
        expect(rms / 32768).toBeLessThan(0.37);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }));
});

describe('where the sound is', () => {
  const sound = pcm16(1, 2, 3, 4);
  const list = chunk('LIST', Buffer.from('INFOISFT\x05\0\0\0abcde'));
  it.each<[string, WavParts, number[]]>([
    ['other chunks before it, one of odd length', { before: [chunk('bext', Buffer.alloc(603, 0x41)), list], data: sound }, [1, 2, 3, 4]],
    ['chunks behind it', { data: sound, behind: [list] }, [1, 2, 3, 4]],
    ['a chunk behind it that is cut off', { data: sound, behind: [list.subarray(0, 12)] }, [1, 2, 3, 4]],
    ['an ID3v1 tag behind it', { data: sound, behind: [Buffer.from('TAG'.padEnd(128, 'x'))] }, [1, 2, 3, 4]],
    ['left by a crash: size 0', { data: sound, claims: 0 }, [1, 2, 3, 4]],
    ['left by a crash: size unknown', { data: sound, claims: 0xffffffff }, [1, 2, 3, 4]],
    ['left by a crash: more than there is', { data: sound, claims: 400 }, [1, 2, 3, 4]],
    ['left by a crash: less than there is', { data: sound, claims: 2 }, [1, 2, 3, 4]],
    ['none, and a chunk behind it', { claims: 0, behind: [list] }, []],
    ['none', {}, []],
    ['RF64', { riff: 'RF64', before: [chunk('ds64', Buffer.concat([Buffer.alloc(8), Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(12)]))], data: pcm16(1, 2), claims: 0xffffffff, behind: [list] }, [1, 2]],
  ])('%s', async (_name, parts, expected) => {
    expect(await read(parts)).toEqual(expected);
  });

  it('knows how long it is', async () => {
    expect(await readBytes(wavBytes({ rate: 16000, data: Buffer.alloc(3200) }))).toMatchObject({ sampleRate: 16000, durationMs: 100 });
  });
});

describe('what is refused', () => {
  const fmtOnly = wavBytes({ data: pcm16(1) });
  it.each<[string, Buffer, string, RegExp]>([
    ['an empty file', Buffer.alloc(0), 'kind', /^is empty$/],
    ['text', Buffer.from('Dear sir or madam, this is not what you think it is. Yours faithfully'), 'kind', /text/],
    ['MP3', Buffer.from('fffb9064000000000000000000000000', 'hex'), 'kind', /MP3/],
    ['MP3 with ID3', Buffer.from('ID3\x04\0\0\0\0\0\0'), 'kind', /MP3/],
    ['Ogg', Buffer.from('OggS\0\x02'), 'kind', /Ogg/],
    ['FLAC', Buffer.from('fLaC\0\0\0\x22'), 'kind', /FLAC/],
    ['AIFF', Buffer.from('FORM\0\0\0\x22AIFF'), 'kind', /AIFF/],
    ['M4A', Buffer.from('\0\0\0\x20ftypM4A '), 'kind', /MP4/],
    ['AVI', Buffer.from('RIFF\0\0\0\0AVI LIST'), 'kind', /another kind \(AVI \)/],
    ['big-endian WAV', Buffer.from('RIFX\0\0\0\0WAVEfmt '), 'kind', /RIFX/],
    ['a header that was never written', Buffer.concat([Buffer.alloc(44), pcm16(1, 2, 3, 4, 5, 6)]), 'kind', /no header/],
    ['random octets', Buffer.from('8f00aa17c2d4e6f80102030405060708090a', 'hex'), 'kind', /^is not a WAV file$/],
    ['cut off after 8 octets', fmtOnly.subarray(0, 8), 'kind', /cut off/],
    ['cut off before the format', fmtOnly.subarray(0, 12), 'broken', /cut off before its format/],
    ['cut off in the format', fmtOnly.subarray(0, 24), 'broken', /cut off/],
    ['cut off before the sound', fmtOnly.subarray(0, 36), 'broken', /cut off before its sound/],
    ['sound before its format', Buffer.concat([fmtOnly.subarray(0, 12), chunk('data', pcm16(1))]), 'broken', /which format/],
    ['MP3 inside', wavBytes({ tag: 0x55, data: pcm16(1) }), 'kind', /MP3 in it.*convert/],
    ['GSM inside', wavBytes({ tag: 0x31, data: pcm16(1) }), 'kind', /GSM/],
    ['an unknown format', wavBytes({ tag: 0x1234, data: pcm16(1) }), 'kind', /format 4660/],
    ['40 bits', wavBytes({ bits: 40, data: pcm16(1) }), 'kind', /40 bits/],
    ['no bits', wavBytes({ bits: 0, data: pcm16(1) }), 'kind', /0 bits/],
    ['no channels', wavBytes({ channels: 0, data: pcm16(1) }), 'broken', /0 channels/],
    ['9 channels', wavBytes({ channels: 9, data: pcm16(1) }), 'broken', /9 channels/],
    ['a rate of 0', wavBytes({ rate: 0, data: pcm16(1) }), 'broken', /0 samples a second/],
    ['a rate of 4 GHz', wavBytes({ rate: 0xffffffff, data: pcm16(1) }), 'broken', /samples a second/],
    ['half an hour and a second', wavBytes({ rate: 4000, bits: 8, data: Buffer.alloc(4000 * 1801) }), 'size', /too long/],
  ])('%s', async (_name, bytes, code, message) => {
    const error = await readBytes(bytes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(WavError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('whatever the octets: a sound or our own error', async () => {
    const mutated = fc
      .tuple(fc.constantFrom(...['fmt', 'data', 'stereo', 'extensible'].map((_, i) => wavBytes({ channels: 1 + (i & 1), extensible: i === 3, data: pcm16(1, 2, 3, 4, 5, 6) }))), fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 8 }), fc.nat(80))
      .map(([bytes, changes, cut]) => {
        const copy = Buffer.from(bytes);
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
        return copy.subarray(0, copy.length - cut > 0 && cut % 3 === 0 ? copy.length - cut : copy.length);
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))), async (bytes) => {
        try {
          const wav = await readBytes(bytes);
          expect(wav.pcm.length * 1000).toBeCloseTo(wav.durationMs * wav.sampleRate, 3);
        } catch (error) {
          expect(error).toBeInstanceOf(WavError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('files', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'wav-'))));
  afterEach(() => rmSync(folder, { recursive: true }));
  const refused = async (file: string, limits = {}): Promise<string> => {
    const error = await loadWav(file, limits).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(WavError);
    return (error as WavError).message;
  };

  it('are read in slices, and the sound is the same', async () => {
    const samples = Int16Array.from({ length: 400_003 }, (_, i) => ((i * 7919) % 65_536) - 32_768);
    writeFileSync(join(folder, 'a.wav'), wavBytes({ rate: 48000, data: Buffer.from(samples.buffer) }));
    const { pcm } = await loadWav(join(folder, 'a.wav'));
    expect(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).equals(Buffer.from(samples.buffer))).toBe(true);
  });

  it('are named in the sentence that refuses them', async () => {
    expect(await refused(join(folder, 'none.wav'))).toBe(`${folder}/none.wav does not exist.`);
    expect(await refused(folder)).toBe(`${folder} is a folder.`);
    writeFileSync(join(folder, 'empty.wav'), '');
    expect(await refused(join(folder, 'empty.wav'))).toBe(`${folder}/empty.wav is empty.`);
    writeFileSync(join(folder, 'large.wav'), wavBytes({ data: Buffer.alloc(2 << 20) }));
    expect(await refused(join(folder, 'large.wav'), { maxBytes: 1 << 20 })).toMatch(/large.wav is too large \(2.0 MB; at most 1.0 MB can be played\)/);
    expect(await refused(join(folder, 'large.wav'), { maxMs: 60_000 })).toMatch(/too long \(2.2 minutes; at most 1.0 can be played\)/);
  });

  it('that are pipes or devices are not waited for', async () => {
    expect(await refused('/dev/zero')).toBe('/dev/zero is not a file.');
    const made = spawnSync('mkfifo', [join(folder, 'pipe.wav')]);
    if (made.status === 0) expect(await refused(join(folder, 'pipe.wav'))).toMatch(/is not a file/);
  });
});
