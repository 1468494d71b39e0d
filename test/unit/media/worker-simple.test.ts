/** Clients of the simple packet format in a worker's rooms, on a clock of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SimpleOptions } from '../../../media/audio-types';
import { decodeUlaw } from '../../../media/codec/g711';
import { loadWav } from '../../../media/file/wav';
import { SimpleDoor } from '../../../media/worker-simple';
import { judge } from '../../support/tone';
import { FakeNet } from './support/fake-net';
import { begun, SIMPLE_PORT, soundWorker, Speaker, until } from './support/sound-worker';

const rules: SimpleOptions = {
  address: '0.0.0.0',
  port: SIMPLE_PORT,
  allow: ['192.0.2.0/24'],
  rooms: [{ number: 8000, room: 'line', near: 'line' }, { number: 77, room: 'other', near: 'line' }],
  maxPerRoom: 10,
  maxClients: 10,
  maxPerSource: 10,
  maxPacketsPerSecond: 1000,
  idleMs: 1000,
};

/** Speaks and hears in the simple format from a port of its own. */
function client(worker: ReturnType<typeof soundWorker>, port: number, hz: number, room = 0) {
  const voice = new Speaker(`c${port}`, port, hz, worker.net);
  const it = { sequence: 65_530, speaking: true, taken: 0, say, samples };
  function say(): void {
    const packet = Buffer.alloc(168);
    packet.writeUInt16BE(it.sequence++ & 0xffff, 4);
    packet.writeUInt16BE(room, 6);
    voice.payload().copy(packet, 8);
    if (it.speaking) worker.net.deliver(SIMPLE_PORT, `192.0.2.77:${port}`, packet);
  }
  function samples(): number[] {
    const sent = worker.net.sent(SIMPLE_PORT).filter(({ to }) => to === `192.0.2.77:${port}`).slice(it.taken);
    it.taken += sent.length;
    return sent.flatMap(({ data }) => {
      expect([data.length, data.readUInt16BE(6)]).toEqual([168, room]);
      const out = new Int16Array(160);
      decodeUlaw(data.subarray(8), 160, out);
      return [...out];
    });
  }
  const hear = () => judge({ rate: 8000, samples: Float32Array.from(samples().slice(800), (value) => value / 32768) });
  worker.speakers.push(it as unknown as Speaker);
  return { ...it, voice: it, hear };
}

const open = (worker: ReturnType<typeof soundWorker>, more: Partial<SimpleOptions> = {}) => worker.ask('openSimple', { options: { ...rules, ...more } });

test('hears a phone and is heard, over the wrap of its numbers; room for others by its field; a room of clients alone lives', async () => {
  const worker = soundWorker();
  await open(worker);
  const [one, two, elsewhere] = [client(worker, 1, 500), client(worker, 2, 700), client(worker, 3, 1500, 77)];
  const phone = await worker.party(900);
  worker.run(100);
  expect((await worker.ask('roomStats', { room: 'line' }))?.members).toHaveLength(2);
  await worker.ask('join', { id: phone.id, room: 'line', settings: {} });
  worker.run(1000);
  const heard = [one.hear(), two.hear(), phone.hear()];
  expect(heard.map((hearing) => [500, 700, 900, 1500].map((hz) => hearing.share(hz) > 0.3))).toEqual([
    [false, true, true, false],
    [true, false, true, false],
    [true, true, false, false],
  ]);
  expect(elsewhere.hear().rms).toBe(0);
  expect(await worker.faults()).toBeNull();
});

test('a room of clients plays and is recorded; both end when the last one leaves', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'offhook-simple-'));
  const file = join(dir, 'room.wav');
  const worker = soundWorker();
  await open(worker);
  const one = client(worker, 1, 500);
  worker.run(100);
  const recorded = worker.ask('record', { target: { room: 'line' }, options: { file, beepEveryMs: 500 } });
  await until(() => begun(file));
  const played = worker.ask('play', { target: { room: 'line' }, what: [{ hz: [1100], ms: 60_000 }], options: {} });
  for (let i = 0; i < 20; i++) await Promise.resolve();
  worker.run(1000);
  expect(one.hear().share(1100)).toBeGreaterThan(0.9);
  one.voice.speaking = false;
  worker.run(1100);
  worker.core.silences();
  expect([(await played).why, (await recorded).why]).toEqual(['released', 'released']);
  expect(worker.simple).toMatchObject([{ kind: 'joined', room: 'line' }, { kind: 'left', why: 'idle' }]);
  expect(worker.net.beat?.nextAt).toBe(Infinity);
  const { pcm, sampleRate } = await loadWav(file);
  const tape = judge({ rate: sampleRate, samples: Float32Array.from(pcm, (value) => value / 32768) });
  expect([tape.share(500) > 0.3, tape.share(1100) > 0.1]).toEqual([true, true]);
  rmSync(dir, { recursive: true });
});

test('in a wideband room it hears all, too; muted it is not heard; thrown out it is gone', async () => {
  const worker = soundWorker();
  await open(worker);
  const one = client(worker, 1, 500);
  const [a, b] = [await worker.party(900), await worker.party(1300)];
  for (const { id } of [a, b]) {
    await worker.ask('setAudio', { id, audio: { send: { codec: 'PCMU', payloadType: 0, ptimeMs: 20 }, receive: [{ codec: 'G722', payloadType: 9 }, { codec: 'PCMU', payloadType: 0 }], telephoneEvent: null, comfortNoise: null } });
    await worker.ask('join', { id, room: 'line', settings: {} });
  }
  worker.run(1000);
  expect((await worker.ask('roomStats', { room: 'line' }))?.rate).toBe(16_000);
  expect([one.hear().share(900) > 0.35, a.hear().share(500) > 0.35]).toEqual([true, true]);
  const { id } = worker.simple[0]!;
  expect(await worker.ask('setSimple', { id, settings: { muted: true } })).toBe(true);
  worker.run(200);
  a.samples();
  worker.run(600);
  expect(a.hear().share(500)).toBeLessThan(0.01);
  expect([await worker.ask('setSimple', { id, settings: null }), await worker.ask('setSimple', { id, settings: null })]).toEqual([true, false]);
  expect((await worker.ask('roomStats', { room: 'line' }))?.members).toHaveLength(2);
  expect(worker.simple.at(-1)).toMatchObject({ kind: 'left', why: 'closed' });
});

test('opened again: other rooms put out who is in none of them, other rules put out all', async () => {
  const worker = soundWorker();
  await open(worker);
  client(worker, 1, 500);
  client(worker, 2, 700, 77);
  worker.run(40);
  await open(worker, { rooms: rules.rooms.slice(0, 1) });
  expect(worker.simple.map(({ kind, room, why }) => [kind, room, why])).toEqual([['joined', 'line', undefined], ['joined', 'other', undefined], ['left', 'other', 'room-closed']]);
  await open(worker, { maxPerRoom: 5 });
  expect(worker.simple.at(-1)).toMatchObject({ kind: 'left', room: 'line', why: 'ended' });
  await worker.ask('closeSimple', {});
  expect(await worker.ask('simpleStats', {})).toBeUndefined();
});

test('opened twice at once there is one door; closed while it is being opened there is none', async () => {
  const net = new FakeNet(() => 0);
  const opened: number[] = [];
  const bind = net.bind.bind(net);
  net.bind = async (...args) => {
    await new Promise((resolve) => setImmediate(resolve));
    opened.push(args[2]);
    return bind(...args);
  };
  const door = new SimpleDoor(net, { enter: () => undefined, exit: () => undefined }, Math.random, () => undefined);
  await Promise.all([door.open(rules), door.open(rules), door.open({ ...rules, port: 5002 })]);
  expect(opened).toEqual([SIMPLE_PORT, 5002]);
  expect([net.sockets.get(SIMPLE_PORT)!.closed, net.sockets.get(5002)!.closed]).toEqual([true, false]);
  const opening = door.open({ ...rules, port: 5004 });
  door.close();
  await opening.catch(() => undefined);
  expect([net.sockets.get(5002)!.closed, net.sockets.get(5004)?.closed ?? true, door.stats()]).toEqual([true, true, undefined]);
  net.taken.add(5006);
  await expect(door.open({ ...rules, port: 5006 })).rejects.toThrow();
  expect(await door.open(rules)).toBe(SIMPLE_PORT); // a refusal is not for ever
});
