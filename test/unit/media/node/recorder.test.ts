import type { AudioFileEnd, AudioFileWriter } from '../../../../media/audio-file';
import type { RecordOptions } from '../../../../media/audio-types';
import { Recorder } from '../../../../media/node/recorder';

class FakeWriter implements AudioFileWriter {
  readonly sampleRate = 8000;
  readonly samples: number[] = [];
  problem: string | undefined;
  pendingMs = 0;
  keptMs: number | undefined;
  closed = 0;
  constructor(readonly channels: 1 | 2 = 1) {}
  write(samples: Int16Array): void {
    this.samples.push(...samples);
  }
  truncateTo(ms: number): void {
    this.keptMs = ms;
  }
  async close(): Promise<AudioFileEnd> {
    this.closed++;
    const durationMs = Math.min(this.keptMs ?? Infinity, this.samples.length / this.channels / 8);
    return { bytes: 44 + durationMs * 16, durationMs, problem: this.problem };
  }
}

const recorder = (writer: FakeWriter, options: Partial<RecordOptions> = {}): Recorder => new Recorder(writer, { file: '/r/a.wav', ...options });
const flat = (value: number): Int16Array => new Int16Array(160).fill(value);
/** Noise or a tone of a level, dBov. */
function frames(level: number, ms: number, seed = 1): Int16Array[] {
  let state = seed;
  const amplitude = 32_768 * 10 ** (level / 20) * Math.sqrt(3);
  return Array.from({ length: ms / 20 }, () => Int16Array.from({ length: 160 }, () => Math.round((((state = (state * 16_807) % 2_147_483_647) / 2_147_483_647) * 2 - 1) * amplitude)));
}

it('writes two sides, or both in one', async () => {
  const stereo = new FakeWriter(2);
  const r = recorder(stereo);
  r.write(flat(1), flat(2));
  r.write(flat(3));
  expect(stereo.samples.slice(0, 4)).toEqual([1, 2, 1, 2]);
  expect(stereo.samples.slice(320, 324)).toEqual([3, 0, 3, 0]);
  r.stop('stopped');
  r.stop('released');
  r.write(flat(9), flat(9));
  expect(await r.ended).toEqual({ why: 'stopped', file: '/r/a.wav', durationMs: 40, bytes: 684 });
  expect([stereo.closed, stereo.samples.length]).toEqual([1, 640]);

  const mono = new FakeWriter(1);
  const both = recorder(mono);
  both.write(flat(20_000), flat(20_000));
  both.write(flat(-20_000), flat(-20_000));
  both.write(flat(5));
  expect([mono.samples[0], mono.samples[160], mono.samples[320]]).toEqual([32_767, -32_768, 5]);
});

it('ends by itself after maxMs', async () => {
  const writer = new FakeWriter();
  const r = recorder(writer, { maxMs: 1000 });
  for (let i = 0; i < 100; i++) r.write(flat(1000));
  expect(r.done).toBe(true);
  expect(await r.ended).toMatchObject({ why: 'limit', durationMs: 1000 });
});

describe('silence', () => {
  const run = async (parts: Int16Array[][], silenceMs = 2000): Promise<{ why: string; durationMs: number; takenMs: number }> => {
    const writer = new FakeWriter();
    const r = recorder(writer, { silenceMs });
    for (const frame of parts.flat()) r.write(frame);
    const takenMs = r.elapsedMs;
    r.stop('stopped');
    return { ...(await r.ended), takenMs };
  };

  it('ends it, and is cut off but for the end of the last word', async () => {
    expect(await run([frames(-20, 3000), frames(-70, 5000)])).toMatchObject({ why: 'silence', durationMs: 3200, takenMs: 5000 });
  });
  it('of a noisy line is silence, too', async () => {
    expect(await run([frames(-46, 200), frames(-18, 3000), frames(-46, 6000)])).toMatchObject({ why: 'silence', takenMs: 5200 });
  });
  it('from the beginning leaves nothing', async () => {
    expect(await run([frames(-80, 5000)])).toMatchObject({ why: 'silence', durationMs: 0 });
  });
  it('between words does not end it', async () => {
    expect(await run([frames(-20, 1000), frames(-80, 1900), frames(-20, 1000), frames(-80, 1900), frames(-20, 500)])).toMatchObject({ why: 'stopped', durationMs: 6300 });
  });
  it('is not what a steady tone is, however long', async () => {
    expect(await run([frames(-30, 60_000)])).toMatchObject({ why: 'stopped', durationMs: 60_000 });
  });
  it('is when both sides are silent', async () => {
    const writer = new FakeWriter(2);
    const r = recorder(writer, { silenceMs: 1000 });
    frames(-20, 3000).forEach((frame) => r.write(flat(0), frame));
    expect(r.done).toBe(false);
    for (let i = 0; i < 50; i++) r.write(flat(0), flat(0));
    expect(await r.ended).toMatchObject({ why: 'silence', durationMs: 3200 });
  });
});

it('drops frames when the disk is 5 s behind, counts them, and goes on', async () => {
  const writer = new FakeWriter();
  const r = recorder(writer);
  r.write(flat(1));
  writer.pendingMs = 5001;
  for (let i = 0; i < 10; i++) r.write(flat(2));
  writer.pendingMs = 0;
  r.write(flat(3));
  expect([r.dropped, r.elapsedMs]).toEqual([10, 240]);
  expect(writer.samples).toEqual([...flat(1), ...flat(3)]);
});

it('ends when the disk takes no more', async () => {
  const writer = new FakeWriter();
  const r = recorder(writer);
  r.write(flat(1));
  writer.problem = 'Nothing more could be recorded: the disk is full.';
  r.write(flat(2));
  expect(r.done).toBe(true);
  expect(await r.ended).toEqual({ why: 'failed', file: '/r/a.wav', durationMs: 20, bytes: 364, problem: 'Nothing more could be recorded: the disk is full.' });
});

it('says when the beep is due', () => {
  const r = recorder(new FakeWriter(), { beepEveryMs: 100 });
  const due: boolean[] = [];
  for (let i = 0; i < 12; i++) {
    due.push(r.beepDue());
    r.write(flat(1));
  }
  expect(due.flatMap((value, i) => (value ? [i] : []))).toEqual([0, 5, 10]);
  r.stop('stopped');
  expect(r.beepDue()).toBe(false);
  expect(recorder(new FakeWriter()).beepDue()).toBe(false);
});
