/** What is missing or full: the call goes on, and whoever asked is told why. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { GrowingFile } from '../../../media/audio-file';
import { createMediaPlane } from '../../../media/plane';
import { claimPorts } from '../../support/ports';
import { soundWorker, type Speaker } from './support/sound-worker';
import { setupOf, TonePeer } from './support/tone-peer';

/** Octets that the disk below still takes. */
const disk = { room: 0 };
jest.mock('../../../media/audio-file', () => ({
  ...jest.requireActual<object>('../../../media/audio-file'),
  createAudioFile: async (): Promise<GrowingFile> => ({
    write: async (_data, _offset, length, position) => {
      if (position + length > disk.room) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      return { bytesWritten: length };
    },
    truncate: async () => undefined,
    datasync: async () => undefined,
    close: async () => undefined,
  }),
}));

/** A worker in whose thread none of Opus's packages can be had. */
const WITHOUT_OPUS = `
const Module = require('node:module');
const gone = (name) => name.startsWith('@discordjs/opus') || name.startsWith('opusscript');
for (const name of ['_load', '_resolveFilename']) {
  const original = Module[name];
  Module[name] = function (request, ...rest) {
    if (gone(request)) throw new Error(request + ' is not there');
    return original.call(this, request, ...rest);
  };
}
require(${JSON.stringify(join(__dirname, 'support', 'ts-worker.cjs'))});
`;

test('without Opus there are the other codecs, and Opus is refused by its name', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'offhook-without-'));
  const script = join(dir, 'worker.cjs');
  writeFileSync(script, WITHOUT_OPUS);
  const ports = await claimPorts(16);
  const plane = await createMediaPlane(
    { portMin: ports.first, portMax: ports.last, workers: 1, bind4: '127.0.0.1', bind6: null, drainMs: 0, silenceMs: 0 },
    { spawn: (options) => new Worker(script, options) },
  );
  const peers: TonePeer[] = [];
  const party = async (hz: number) => {
    const peer = await TonePeer.open('PCMU', hz);
    peers.push(peer);
    const { id, rtpPort } = await plane.allocate({ session: 's', family: 4, label: 'x' });
    await plane.setRemote(id, { address: '127.0.0.1', port: peer.port });
    await plane.setAudio(id, setupOf('PCMU'));
    peer.speak(rtpPort);
    await plane.join(id, 's');
    return { id, peer };
  };
  try {
    expect([[...plane.codecs].sort(), plane.opusRecovers]).toEqual([['G722', 'PCMA', 'PCMU'], false]);
    const [a, b] = [await party(700), await party(1100)];
    await expect(plane.setAudio(a.id, setupOf('opus'))).rejects.toMatchObject({ code: 'no-codec', message: expect.stringContaining('opus') });
    await expect(plane.record({ endpoint: a.id }, { file: join(dir, 'x.ogg') })).rejects.toMatchObject({ code: 'no-codec', message: expect.stringContaining('Opus') });
    await plane.setAudio(b.id, setupOf('PCMU'));
    await a.peer.listen(0.3);
    expect((await a.peer.hear(0.4)).share(1100)).toBeGreaterThan(0.9);
  } finally {
    for (const peer of peers) peer.close();
    await plane.close();
    ports.release();
    rmSync(dir, { recursive: true });
  }
});

test('a disk that is full, at once or in the middle: the recording ends and says so, the call and the other recording go on', async () => {
  const worker = soundWorker();
  const { together, run, ask, faults, core } = worker;
  const [a, b] = (await together('r', 500, 900)) as [Speaker, Speaker];
  const turns = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  disk.room = 0;
  const none = ask('record', { target: { room: 'r' }, options: { file: '/nowhere/none.wav' } });
  await turns();
  disk.room = 44 + 3 * 8000;
  const some = ask('record', { target: { endpoint: a.id }, options: { file: '/nowhere/some.wav' } });
  const ogg = ask('record', { target: { endpoint: a.id }, options: { file: '/nowhere/some.ogg' } });
  await turns();
  a.samples();
  for (let i = 0; i < 10; i++) {
    run(500);
    await turns();
  }
  expect(await none).toMatchObject({ why: 'failed', durationMs: 0, problem: expect.stringContaining('the disk is full') });
  expect(await some).toMatchObject({ why: 'failed', durationMs: 1500, bytes: disk.room, problem: expect.stringContaining('the disk is full') });
  expect([a.hear().share(900) > 0.95, b.hear().share(500) > 0.95, await faults()]).toEqual([true, true, null]);
  await ask('stopRecording', { file: '/nowhere/some.ogg' });
  expect(await ogg).toMatchObject({ file: '/nowhere/some.ogg' });
  await core.close();
});
