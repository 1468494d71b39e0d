/** Recordings of a worker, on a clock of its own and with real files. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadWav } from '../../../media/file/wav';
import { judge } from '../../support/tone';
import { begun, soundWorker as newWorker, until, type Speaker } from './support/sound-worker';
import { setupOf } from './support/tone-peer';

const formats = [{ codec: 'PCMU' as const, payloadType: 0 }];
const RELAY = { aToB: { flow: true, formats }, bToA: { flow: true, formats } };
let dir: string;
let files = 0;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), 'offhook-recording-'))));
afterAll(() => rmSync(dir, { recursive: true }));
const workers: Array<ReturnType<typeof newWorker>> = [];
afterEach(() => Promise.all(workers.splice(0).map(({ core }) => core.close())));
const soundWorker = (): ReturnType<typeof newWorker> => {
  const worker = newWorker();
  workers.push(worker);
  return worker;
};
const newFile = (): string => join(dir, `${++files}.wav`);

const heard = async (file: string) => {
  const { pcm, sampleRate } = await loadWav(file);
  return { ms: (pcm.length * 1000) / sampleRate, ...judge({ rate: sampleRate, samples: Float32Array.from(pcm, (value) => value / 32768) }) };
};

/** The file is there, and frames go to it. */
async function recording(worker: ReturnType<typeof newWorker>, target: Parameters<typeof worker.ask<'record'>>[1]['target'], more = {}) {
  const file = newFile();
  const ended = worker.ask('record', { target, options: { file, ...more } });
  await until(() => begun(file));
  return { file, ended };
}

test('a party goes from sound to relay to hold and back while it is recorded: the file goes on, at its pace', async () => {
  const worker = soundWorker();
  const { together, run, ask, faults } = worker;
  const [a, b] = (await together('r', 500, 900)) as [Speaker, Speaker];
  const { file, ended } = await recording(worker, { endpoint: a.id });
  run(1000);
  await ask('connect', { a: a.id, b: b.id, ...RELAY });
  run(1000);
  await ask('setAudio', { id: a.id, audio: setupOf('PCMU', { send: null, receive: [] }) });
  run(1000);
  await ask('connect', { a: a.id, b: b.id, ...RELAY });
  run(1000);
  await ask('stopRecording', { file });
  expect(await ended).toMatchObject({ why: 'stopped', durationMs: 4000 });
  const tape = await heard(file);
  expect([tape.share(500) > 0.9, tape.secondsOf(500) > 2.7, tape.secondsOf(500) < 3.3, await faults()]).toEqual([true, true, true, null]);
});

test('two recordings of one relayed party: one that ends leaves the other its packets', async () => {
  const worker = soundWorker();
  const { party, run, ask } = worker;
  const [a, b] = [await party(500, null), await party(900, null)];
  await ask('connect', { a: a.id, b: b.id, ...RELAY });
  const first = await recording(worker, { endpoint: a.id });
  const second = await recording(worker, { between: [a.id, b.id] });
  run(1000);
  await ask('stopRecording', { file: second.file });
  run(1000);
  await ask('stopRecording', { file: first.file });
  for (const [{ durationMs }, ms] of [[await first.ended, 2000], [await second.ended, 1000]] as const) expect(Math.abs(durationMs - ms)).toBeLessThanOrEqual(20);
  expect([(await heard(first.file)).secondsOf(500) > 1.8, (await heard(second.file)).share(500) > 0.3, (await heard(second.file)).share(900) > 0.3]).toEqual([true, true, true]);
});

test('stopped, or its party released, its room empty or its worker closed, while the file is being made: it ends at once', async () => {
  const { together, ask, core } = soundWorker();
  const [a, b, c] = (await together('r', 500, 900, 700)) as [Speaker, Speaker, Speaker];
  await ask('leave', { id: c.id });
  await ask('join', { id: c.id, room: 'other', settings: {} });
  const [one, two, three, four] = [newFile(), newFile(), newFile(), newFile()] as const;
  const stopped = ask('record', { target: { endpoint: a.id }, options: { file: one } });
  const stopping = ask('stopRecording', { file: one });
  const released = ask('record', { target: { between: [a.id, b.id] }, options: { file: two } });
  const emptied = ask('record', { target: { room: 'other' }, options: { file: three } });
  await ask('release', { id: b.id });
  await ask('leave', { id: c.id });
  await stopping;
  expect((await stopped).why).toBe('stopped');
  const closed = ask('record', { target: { endpoint: a.id }, options: { file: four } });
  await core.close();
  const ends = await Promise.all([released, emptied, closed]);
  expect(ends.map(({ why, durationMs }) => [why, durationMs])).toEqual([['released', 0], ['released', 0], ['released', 0]]);
  for (const file of [one, two, three, four]) expect((await heard(file)).ms).toBe(0);
  await ask('stopRecording', { file: one }); // long over
});

test('ends: the limit, the room that empties, the endpoint that is released; nobody ticks or listens afterwards', async () => {
  const worker = soundWorker();
  const { together, run, ask, net } = worker;
  const [a, b] = (await together('r', 500, 900)) as [Speaker, Speaker];
  const limit = await recording(worker, { endpoint: a.id }, { maxMs: 400 });
  const room = await recording(worker, { room: 'r' });
  const call = await recording(worker, { between: [a.id, b.id] });
  run(1000);
  expect(await limit.ended).toMatchObject({ why: 'limit', durationMs: 400 });
  await ask('release', { id: a.id });
  expect(await call.ended).toMatchObject({ why: 'released', durationMs: 1000 });
  run(500);
  await ask('release', { id: b.id });
  expect(await room.ended).toMatchObject({ why: 'released', durationMs: 1500 });
  expect(net.beat?.nextAt).toBe(Infinity);
  const tape = await heard(room.file);
  expect([tape.secondsOf(500) > 0.4, tape.share(900) > 0.3]).toEqual([true, true]);
  expect(await ask('record', { target: { room: 'r' }, options: { file: newFile() } })).toMatchObject({ why: 'released' });
});

test('what cannot be made is refused by its reason, and leaves nothing behind', async () => {
  const worker = soundWorker();
  const { together, ask, run, faults } = worker;
  const [a] = (await together('r', 500, 900)) as [Speaker];
  const { file } = await recording(worker, { endpoint: a.id });
  await expect(ask('record', { target: { endpoint: a.id }, options: { file } })).rejects.toMatchObject({ code: 'file-exists' });
  await expect(ask('record', { target: { endpoint: a.id }, options: { file: join(file, 'x.wav') } })).rejects.toMatchObject({ code: 'bad-file' });
  await expect(ask('record', { target: { endpoint: a.id }, options: { file: join(dir, 'x.mp3') } })).rejects.toMatchObject({ code: 'bad-file' });
  expect(readdirSync(dir)).not.toContain('x.mp3');
  run(600);
  expect([a.hear().share(900) > 0.95, await faults()]).toEqual([true, null]);
});

test('a party that changes rooms again and again does not leave its side of the tape behind', async () => {
  const worker = soundWorker();
  const { together, run, ask } = worker;
  const [a, b] = (await together('r0', 500, 500)) as [Speaker, Speaker];
  const { file, ended } = await recording(worker, { endpoint: a.id });
  const from = worker.clock.ms;
  for (let i = 1; i <= 12; i++) {
    run(100);
    for (const { id } of [a, b]) await ask('join', { id, room: `r${i}`, settings: {} });
  }
  // in pieces, for the disk has no clock of ours
  const inPieces = async (pieces: number) => {
    for (let i = 0; i < pieces; i++) {
      run(500);
      await until(() => statSync(file).size > 16 * (worker.clock.ms - from - 1500));
    }
  };
  await inPieces(20);
  a.speaking = false;
  const silentFrom = worker.clock.ms;
  await inPieces(6);
  await ask('stopRecording', { file });
  const { durationMs } = await ended;
  const tape = await heard(file);
  expect(durationMs).toBeGreaterThan(14_000);
  const ended500 = (durationMs - (worker.clock.ms - silentFrom)) / 1000;
  const silence = tape.silentSpans.at(-1)!;
  // the jitter buffer's delay and what it conceals, and not the quarter of a second that twelve rooms had left in the queue
  expect(silence.from - ended500).toBeGreaterThan(0);
  expect(silence.from - ended500).toBeLessThan(0.18);
});

test('the beep is heard by who is recorded, and ends with them', async () => {
  const worker = soundWorker();
  const { together, run, ask, faults } = worker;
  const [a, b] = (await together('r', 0, 0)) as [Speaker, Speaker];
  await recording(worker, { between: [a.id, b.id] }, { beepEveryMs: 300 });
  for (let i = 0; i < 10; i++) {
    run(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect([a.hear().dominantHz > 0, b.hear().dominantHz > 0]).toEqual([true, true]);
  await ask('release', { id: a.id });
  run(1000);
  expect(await faults()).toBeNull();
});
