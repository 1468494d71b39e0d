import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAudioFile, type GrowingFile } from '../../../../media/audio-file';
import { loadWav, readWav, WavWriter } from '../../../../media/file/wav';
import { Child } from '../../../support/child';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'wav-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const counting = (from: number, length: number): Int16Array => Int16Array.from({ length }, (_, i) => from + i);

/** What its header claims, which must be there: octets of samples. */
function claimed(bytes: Buffer): number {
  expect(bytes.toString('latin1', 0, 4) + bytes.toString('latin1', 8, 16) + bytes.toString('latin1', 36, 40)).toBe('RIFFWAVEfmt data');
  const data = bytes.readUInt32LE(40);
  expect(bytes.readUInt32LE(4)).toBe(36 + data);
  expect(44 + data).toBeLessThanOrEqual(bytes.length);
  return data;
}

/** A file in memory that does things in its own time, and remembers what it looked like after every step. */
class SlowFile implements GrowingFile {
  bytes = Buffer.alloc(0);
  readonly states: Buffer[] = [];
  /** Octets of samples that there is room for. */
  room = Infinity;
  /** At most so many at a time. */
  atOnce = Infinity;
  failure: Error | undefined;
  synced = 0;
  closed = 0;
  private gate: Promise<void> = Promise.resolve();
  private open: () => void = () => undefined;

  stall(): void {
    this.gate = new Promise((resolve) => (this.open = resolve));
  }

  goOn(): void {
    this.open();
    this.gate = Promise.resolve();
  }

  async write(data: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }> {
    await this.gate;
    if (this.failure && position > 0) throw this.failure;
    const some = Math.min(length, this.atOnce, 44 + this.room - position);
    if (some <= 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    const next = Buffer.alloc(Math.max(this.bytes.length, position + some));
    this.bytes.copy(next);
    next.set(data.subarray(offset, offset + some), position);
    this.bytes = next;
    this.states.push(next);
    return { bytesWritten: some };
  }
  async truncate(length: number): Promise<void> {
    this.bytes = this.bytes.subarray(0, length);
    this.states.push(this.bytes);
  }
  async datasync(): Promise<void> {
    this.synced++;
  }
  async close(): Promise<void> {
    this.closed++;
  }
}

const soundOf = async (bytes: Buffer): Promise<Int16Array> => (await readWav(async (at, length) => bytes.subarray(at, at + length), bytes.length)).pcm;

describe('a WAV file that is written', () => {
  it('is what sox and we read', async () => {
    const path = join(folder, 'new/folder/a.wav');
    const writer = new WavWriter(await createAudioFile(path), { channels: 2, sampleRate: 16000 });
    for (let i = 0; i < 120; i++) writer.write(counting(0, 640));
    expect(await writer.close()).toEqual({ bytes: 44 + 120 * 1280, durationMs: 2400, problem: undefined });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(claimed(readFileSync(path))).toBe(120 * 1280);
    const { sampleRate, durationMs } = await loadWav(path);
    expect([sampleRate, durationMs]).toEqual([16000, 2400]);
    const told = spawnSync('soxi', ['-r', '-c', '-s', path]);
    if (told.status === 0) expect(String(told.stdout).trim()).toBe('38400');
  });

  it('is never one that was there before', async () => {
    const path = join(folder, 'a.wav');
    writeFileSync(path, 'mine');
    await expect(createAudioFile(path)).rejects.toMatchObject({ code: 'file-exists' });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    await expect(createAudioFile(join(path, 'b.wav'))).rejects.toMatchObject({ code: 'bad-file' });
    mkdirSync(join(folder, 'c.wav'));
    await expect(createAudioFile(join(folder, 'c.wav'))).rejects.toMatchObject({ code: 'file-exists' });
  });

  it('copies what it is given, in frames of any size', async () => {
    const file = new SlowFile();
    const writer = new WavWriter(file, { channels: 1, sampleRate: 8000 });
    const frame = new Int16Array(16_001);
    for (let i = 0, n = 0; n < 30_000; i++) {
      const length = [160, 1, 4321, 0, 16_001][i % 5]!;
      for (let k = 0; k < length; k++) frame[k] = n++;
      writer.write(frame.subarray(0, length));
      frame.fill(99);
    }
    const { durationMs } = await writer.close();
    expect(await soundOf(file.bytes)).toEqual(counting(0, durationMs * 8));
    expect(file.synced).toBe(1);
    expect(file.closed).toBe(1);
  });

  it('is whole after every step, however small the steps', async () => {
    const file = new SlowFile();
    file.atOnce = 1001;
    const writer = new WavWriter(file, { channels: 2, sampleRate: 8000 });
    for (let i = 0; i < 100; i++) writer.write(counting(i * 320, 320));
    writer.truncateTo(1500);
    await writer.close();
    expect(file.states.length).toBeGreaterThan(60);
    let most = 0;
    for (const state of file.states) {
      most = Math.max(most, claimed(state));
      const pcm = await soundOf(state);
      // Left and right count up: (4k + 4k+1) / 2, rounded.
      expect(pcm.findIndex((value, i) => Math.abs(value - (2 * i + 0.5)) >= 1)).toBe(-1);
    }
    expect(most).toBe(100 * 640);
    expect(claimed(file.bytes)).toBe(1500 * 32);
    expect(file.bytes.length).toBe(44 + 1500 * 32);
  });

  it('says what the disk has not taken yet, and takes it in order', async () => {
    const file = new SlowFile();
    file.stall();
    const writer = new WavWriter(file, { channels: 1, sampleRate: 8000 });
    for (let i = 0; i < 150; i++) writer.write(counting(i * 160, 160));
    expect(writer.pendingMs).toBe(3000);
    file.goOn();
    const end = await writer.close();
    expect(end.durationMs).toBe(3000);
    expect(writer.pendingMs).toBe(0);
    expect(await soundOf(file.bytes)).toEqual(counting(0, 24_000));
    expect(await writer.close()).toBe(end);
  });

  it('ends at a full disk, with all that found room', async () => {
    const file = new SlowFile();
    file.room = 20_003;
    file.atOnce = 3000;
    const writer = new WavWriter(file, { channels: 2, sampleRate: 8000 });
    for (let i = 0; i < 100; i++) writer.write(counting(i * 320, 320));
    const end = await writer.close();
    expect(end).toEqual({ bytes: 44 + 20_000, durationMs: 625, problem: 'Nothing more could be recorded: the disk is full.' });
    expect(claimed(file.bytes)).toBe(20_000);
    expect(file.bytes.length).toBe(20_044);
    expect(file.closed).toBe(1);
  });

  it('says once what happened, and ignores what comes after', async () => {
    const file = new SlowFile();
    const writer = new WavWriter(file, { channels: 1, sampleRate: 8000 });
    for (let i = 0; i < 50; i++) writer.write(counting(0, 160));
    file.failure = Object.assign(new Error('i/o error, read'), { code: 'EIO' });
    for (let i = 0; i < 50; i++) writer.write(counting(0, 160));
    const end = await writer.close();
    expect(end.problem).toBe('Nothing more could be recorded: the disk reports a failure.');
    const states = file.states.length;
    writer.write(counting(0, 16_000));
    await new Promise(setImmediate);
    expect(file.states.length).toBe(states);
    expect(writer.pendingMs).toBe(0);
  });

  it('has no room even for its header', async () => {
    const file = new SlowFile();
    file.room = -44;
    const writer = new WavWriter(file, { channels: 1, sampleRate: 8000 });
    writer.write(counting(0, 160));
    expect(await writer.close()).toMatchObject({ bytes: 0, durationMs: 0, problem: expect.stringMatching(/disk is full/) });
  });

  it('ends where its sizes end', async () => {
    const file = new SlowFile();
    const writer = new WavWriter(file, { channels: 1, sampleRate: 8000, maxDataBytes: 10_001 });
    for (let i = 0; i < 100; i++) writer.write(counting(i * 160, 160));
    expect(await writer.close()).toMatchObject({ bytes: 10_044, problem: expect.stringMatching(/4 GB/) });
    expect(await soundOf(file.bytes)).toEqual(counting(0, 5000));
  });
});

describe('a recorder that is killed', () => {
  const CHILD = join(__dirname, '../support/recording-child.cjs');

  it.each([1, 400, 1950, 5000])('leaves a file that plays (frame %d)', async (frame) => {
    const path = join(folder, 'a.wav');
    const child = new Child('recorder', process.execPath, [CHILD, path]);
    const reached = (): number => Math.max(0, ...child.output.split('\n').filter(Boolean).map(Number));
    await child.waitFor(/\n/, 15_000);
    while (reached() < frame) await child.waitFor(/\n/, 15_000, child.output.length);
    const told = reached();
    await child.stop('SIGKILL');
    const bytes = readFileSync(path);
    const inHeader = claimed(bytes);
    const { pcm } = await loadWav(path);
    // What was waiting in memory is lost: batches of half a second, two seconds at most here.
    expect(pcm.length).toBeGreaterThanOrEqual((told - 150) * 160);
    expect(pcm.length * 4).toBeGreaterThanOrEqual(inHeader);
    // Left counts up, right counts down: together silence. Their own samples:
    for (let i = 0; i < pcm.length; i++) if (bytes.readInt16LE(44 + i * 4) !== (i << 16) >> 16 || bytes.readInt16LE(46 + i * 4) !== (-i << 16) >> 16) throw new Error(`sample ${i} is wrong`);
  });

  const namespaces = spawnSync('unshare', ['-m', 'true']).status === 0;
  (namespaces ? it : it.skip)('a real full disk: what was written plays' + (namespaces ? '' : ' [skipped: no file system may be mounted here]'), async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const script = 'mount -t tmpfs -o size=64k none "$1" && "$2" "$3" "$1/a.wav" 200 && cp "$1/a.wav" "$4"';
    const child = new Child('recorder', 'unshare', ['-m', 'sh', '-c', script, 'sh', disk, process.execPath, CHILD, join(folder, 'copy.wav')]);
    expect(await child.waitExit(20_000)).toMatchObject({ code: 0 });
    const end = JSON.parse(/end (.*)/.exec(child.output)![1]!) as { why: string; bytes: number; durationMs: number; problem: string };
    expect(end).toMatchObject({ why: 'failed', problem: 'Nothing more could be recorded: the disk is full.' });
    const { durationMs } = await loadWav(join(folder, 'copy.wav'));
    expect(durationMs).toBe(end.durationMs);
    expect(end.bytes).toBe(statSync(join(folder, 'copy.wav')).size);
    // 64 KB of 8 kHz in stereo are two seconds.
    expect(durationMs).toBeGreaterThan(1500);
    expect(durationMs).toBeLessThan(2100);
  });
});
