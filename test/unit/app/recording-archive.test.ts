/** Files and rows of recorded calls: what a killed server left, what is too old, what the disk or the store refuses. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { RecordingArchive, type RecordingSettings } from '../../../signaling/app/recording-archive';
import { openStore, type Recording, type Store } from '../../../signaling/store/store';
import { FakeClock } from '../../support/fake-clock';
import { tone } from '../../support/tone';
import { writeWav } from '../../support/wav';
import { FakeLog } from './call-fakes';

const DAY = 24 * 3600_000;
const NOW = Date.UTC(2026, 10, 23, 13, 15, 3);

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'offhook-archive-'));
  store = await openStore({ dataDir: folder });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const defaults: RecordingSettings = { format: 'wav', beepSeconds: 0, keepDays: 0, maxMinutes: 240 };
const clock = () => new FakeClock(NOW);
function archive(settings: Partial<RecordingSettings> = {}, more: { clock?: FakeClock; hasOpus?: boolean; timeZone?: string; store?: Pick<Store, 'recordings'> } = {}) {
  const log = new FakeLog();
  const made = new RecordingArchive({ folder, settings: { ...defaults, ...settings }, timeZone: more.timeZone ?? 'UTC', store: more.store ?? store, clock: more.clock ?? clock(), log, hasOpus: () => more.hasOpus ?? true });
  return { archive: made, log };
}

const CALL = { id: '8c1f0e2a77d4', from: '1001', to: '1002' };
const row = (id: string, more: Partial<Recording> = {}): Recording => ({
  id, callId: id, from: '1001', to: '1002', startedAt: NOW, durationMs: 0, file: `recordings/2026/11/20/${id}.wav`, bytes: 0, state: 'recording', problem: null, ...more,
});
function put(file: string, seconds = 1): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeWav(join(folder, file), { samples: tone(400, seconds, 8000), rate: 8000 });
}
const rows = () => store.recordings.list();

describe('a recording', () => {
  it.each([
    ['UTC', 'wav', true, 1, 'recordings/2026/11/23/131503-1001-1002-8c1f0e2a77d4.wav'],
    ['Europe/Berlin', 'wav', true, 1, 'recordings/2026/11/23/141503-1001-1002-8c1f0e2a77d4.wav'],
    ['Asia/Tokyo', 'ogg', true, 2, 'recordings/2026/11/23/221503-1001-1002-8c1f0e2a77d4-2.ogg'],
    ['Pacific/Auckland', 'ogg', false, 1, 'recordings/2026/11/24/021503-1001-1002-8c1f0e2a77d4.wav'],
  ] as const)('in %s as %s (Opus: %s), piece %s: %s', (timeZone, format, hasOpus, piece, file) => {
    const entry = archive({ format }, { timeZone, hasOpus }).archive.begin(CALL, piece);
    expect([entry.file, entry.path]).toEqual([file, join(folder, file)]);
  });

  it('says once that there is no Opus', () => {
    const { archive: a, log } = archive({ format: 'ogg' }, { hasOpus: false });
    a.begin(CALL, 1);
    a.begin(CALL, 2);
    expect(log.lines.map(({ message }) => message)).toEqual(['recording.format is ogg, but there is no Opus on this machine: WAV files are written instead']);
  });

  it('leads nowhere else, whatever the numbers are', () => {
    expect(archive().archive.begin({ id: 'x', from: '../../etc', to: '*97/\0' }, 1).file).toBe('recordings/2026/11/23/131503-______etc-_97__-x.wav');
  });

  it('has a row from its beginning to its end', async () => {
    const { archive: a } = archive();
    const entry = a.begin(CALL, 1);
    await new Promise(setImmediate);
    expect(await rows()).toEqual([{ ...row(CALL.id), file: entry.file }]);
    await entry.ended({ why: 'released', file: entry.path, durationMs: 2000.7, bytes: 64_044 });
    expect(await rows()).toMatchObject([{ state: 'done', durationMs: 2000, bytes: 64_044, problem: null }]);
    expect(a.counters).toEqual({ recorded: 1, recordingsFailed: 0, recordingsUnlisted: 0 });
  });

  it('of a full disk keeps what there was, and says why', async () => {
    const { archive: a, log } = archive();
    const entry = a.begin(CALL, 1);
    await entry.ended({ why: 'failed', file: entry.path, durationMs: 1000, bytes: 32_044, problem: 'Nothing more could be recorded: the disk is full.' });
    expect(await rows()).toMatchObject([{ state: 'failed', durationMs: 1000, problem: 'Nothing more could be recorded: the disk is full.' }]);
    expect(log.of('a recording failed')).toEqual([expect.objectContaining({ problem: 'Nothing more could be recorded: the disk is full.' })]);
    expect(a.counters.recordingsFailed).toBe(1);
  });

  it('whose recorder is gone is measured', async () => {
    const entry = archive().archive.begin(CALL, 1);
    put(entry.file, 3);
    await entry.failed('The media worker is gone.');
    expect(await rows()).toMatchObject([{ state: 'failed', durationMs: 3000, bytes: 48_044, problem: 'The media worker is gone.' }]);
  });

  it('is noted down at its end when it could not be at its beginning', async () => {
    let broken = true;
    const recordings = { ...store.recordings, add: async (one: Recording) => (broken ? Promise.reject(new Error('locked')) : store.recordings.add(one)) };
    const { archive: a, log } = archive({}, { store: { recordings } });
    const entry = a.begin(CALL, 1);
    await new Promise(setImmediate);
    broken = false;
    await entry.ended({ why: 'stopped', file: entry.path, durationMs: 5, bytes: 5 });
    expect(await rows()).toMatchObject([{ id: CALL.id, state: 'done', durationMs: 5 }]);
    expect(log.of('a recording could not be noted down yet')).toHaveLength(1);
  });

  it('that cannot be noted down at all costs nothing but that', async () => {
    const recordings = { ...store.recordings, end: () => Promise.reject(new Error('locked')) };
    const { archive: a, log } = archive({}, { store: { recordings } });
    const entry = a.begin(CALL, 1);
    await entry.ended({ why: 'stopped', file: entry.path, durationMs: 5, bytes: 5 });
    expect([a.counters.recordingsUnlisted, log.of('what became of a recording could not be noted down').length]).toEqual([1, 1]);
  });
});

describe('at the start', () => {
  it('what a killed server left is measured and marked', async () => {
    put(row('aaa').file, 2.5);
    for (const one of [row('aaa'), row('bbb'), row('ccc'), row('ddd', { state: 'done', durationMs: 7 })]) await store.recordings.add(one);
    writeFileSync(join(folder, row('ccc').file), 'nothing that could be heard');
    const { archive: a } = archive();
    await a.start();
    a.close();
    expect((await rows()).map(({ id, state, durationMs, problem }) => [id, state, durationMs, problem])).toEqual([
      ['ddd', 'done', 7, null],
      ['ccc', 'failed', 0, expect.stringMatching(/ccc\.wav is not a WAV file but text/)],
      ['bbb', 'failed', 0, `${join(folder, row('bbb').file)} is not there.`],
      ['aaa', 'done', 2500, null],
    ]);
    expect(a.counters.recordingsFailed).toBe(2);
  });

  it('and each day what is too old is removed, with the folders that it leaves empty', async () => {
    const old = row('old', { state: 'done', startedAt: NOW - 10 * DAY - 1, file: 'recordings/2026/10/13/old.wav' });
    const younger = row('younger', { state: 'failed', startedAt: NOW - 9 * DAY, file: 'recordings/2026/11/14/younger.wav' });
    const young = row('young', { state: 'done', startedAt: NOW - 1, file: 'recordings/2026/11/23/young.wav' });
    for (const one of [old, younger, young]) {
      put(one.file);
      await store.recordings.add(one);
    }
    const time = clock();
    const { archive: a } = archive({ keepDays: 10 }, { clock: time });
    await a.start();
    expect((await rows()).map(({ id }) => id)).toEqual(['young', 'younger']);
    expect(readdirSync(join(folder, 'recordings/2026'))).toEqual(['11']);
    time.advance(2 * DAY);
    for (let i = 0; i < 100 && existsSync(join(folder, younger.file)); i++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(readdirSync(join(folder, 'recordings/2026/11'))).toEqual(['23']);
    a.close();
    expect(time.waiting).toBe(0);
  });

  it('never, unless it was asked for', async () => {
    await store.recordings.add(row('old', { state: 'done', startedAt: 0 }));
    const { archive: a } = archive();
    await a.start();
    a.close();
    expect(await rows()).toHaveLength(1);
  });

  it('a file that cannot be removed keeps its row, and the others go', async () => {
    await store.recordings.add(row('stays', { state: 'done', startedAt: 0, file: 'recordings/2026/11/20/stays.wav' }));
    await store.recordings.add(row('goes', { state: 'done', startedAt: 1 }));
    // a folder in its place
    mkdirSync(join(folder, 'recordings/2026/11/20/stays.wav'), { recursive: true });
    const { archive: a, log } = archive({ keepDays: 1 });
    await a.start();
    a.close();
    expect((await rows()).map(({ id }) => id)).toEqual(['stays']);
    expect(statSync(join(folder, 'recordings/2026/11/20/stays.wav')).isDirectory()).toBe(true);
    expect(log.of('an old recording could not be removed')).toHaveLength(1);
  });
});
