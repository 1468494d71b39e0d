/** What becomes of sound when a worker dies, and when there are two of them: real threads and sockets. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMediaPlane, type MediaPlane, type SimpleEvent } from '../../../media/plane';
import { claimPorts, type PortBlock } from '../../support/ports';
import { SimplePeer } from './support/simple-peer';
import { setupOf, TonePeer } from './support/tone-peer';
import { workerSpawner } from './support/worker';

let ports: PortBlock;
let dir: string;
let plane: MediaPlane;
let peers: Array<{ close(): void }> = [];
let spawner = workerSpawner();

const start = async (workers: number): Promise<void> => {
  spawner = workerSpawner();
  plane = await createMediaPlane({ portMin: ports.first, portMax: ports.last, workers, bind4: '127.0.0.1', bind6: null, drainMs: 0, silenceMs: 0 }, { spawn: spawner.spawn });
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'offhook-loss-'));
  ports = await claimPorts(32);
});
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.close();
  await plane.close();
});
afterAll(() => {
  ports.release();
  rmSync(dir, { recursive: true });
});

async function party(session: string, hz: number, near?: string) {
  const peer = await TonePeer.open('PCMU', hz);
  peers.push(peer);
  const { id, rtpPort } = await plane.allocate({ session, family: 4, label: session, near });
  await plane.setRemote(id, { address: '127.0.0.1', port: peer.port });
  await plane.setAudio(id, setupOf('PCMU'));
  peer.speak(rtpPort);
  return { id, peer };
}

async function until(so: () => unknown): Promise<void> {
  while (!(await so())) await sleep(10);
}

const rules = { address: '127.0.0.1', port: 0, allow: ['127.0.0.0/8'], maxPerRoom: 10, maxClients: 10, maxPerSource: 5, maxPacketsPerSecond: 200, idleMs: 5000 };

test('a worker that dies ends what is played and recorded, in words; the recording is as long as what was written', async () => {
  await start(1);
  const [a, b] = [await party('call', 700), await party('call', 1100)];
  for (const { id } of [a, b]) await plane.join(id, 'call');
  const file = join(dir, 'broken.wav');
  const recorded = plane.record({ between: [a.id, b.id] }, { file });
  const plays = [
    plane.play({ endpoint: a.id }, [{ hz: [500], ms: 60_000 }]),
    plane.play({ endpoint: b.id }, [{ hz: [500], ms: 60_000 }], { over: true }),
    plane.play({ room: 'call' }, [{ hz: [500], ms: 60_000 }]),
  ];
  await until(() => existsSync(file) && statSync(file).size > 20_000);
  await spawner.workers[0]!.terminate();
  expect((await Promise.all(plays)).map(({ why, problem }) => [why, typeof problem])).toEqual([['released', 'string'], ['released', 'string'], ['released', 'string']]);
  const end = await recorded;
  expect(end).toMatchObject({ why: 'failed', file, bytes: statSync(file).size, problem: expect.stringContaining('worker') });
  expect(end.durationMs).toBeGreaterThan(500);
  await expect(plane.play({ endpoint: a.id }, [])).rejects.toMatchObject({ code: 'worker-lost' });
  await expect(plane.record({ endpoint: a.id }, { file: join(dir, 'never.wav') })).rejects.toMatchObject({ code: 'worker-lost' });
  await plane.stopRecording(file);
  expect(await plane.roomStats('call')).toBeUndefined();
  expect((await plane.play({ room: 'call' }, [])).why).toBe('released');
  // the next worker takes the same names
  await until(async () => (await plane.load()).workers.length === 1);
  const [c, d] = [await party('call', 700), await party('call', 1100)];
  for (const { id } of [c, d]) await plane.join(id, 'call');
  await c.peer.listen(0.3);
  expect((await c.peer.hear(0.4)).share(1100)).toBeGreaterThan(0.9);
});

test('a recording of which nothing is there is refused by the reason', async () => {
  await start(1);
  const a = await party('call', 700);
  const file = join(dir, 'none', 'deep.wav');
  const recorded = plane.record({ endpoint: a.id }, { file }).then(() => 'ended', (err: { code: string }) => err.code);
  await spawner.workers[0]!.terminate();
  expect(['worker-lost', 'ended']).toContain(await recorded); // it may have been quicker
});

test('closing the plane ends what is played and recorded', async () => {
  await start(2);
  const a = await party('call', 700);
  const file = join(dir, 'closed.wav');
  const recorded = plane.record({ endpoint: a.id }, { file });
  const played = plane.play({ endpoint: a.id }, [{ hz: [500], ms: 60_000 }]);
  await until(() => existsSync(file));
  await plane.close();
  expect([(await played).why, (await recorded).why]).toEqual(['released', 'released']);
  await expect(plane.setAudio(a.id, setupOf('PCMU'))).rejects.toMatchObject({ code: 'closed' });
});

test('two workers: a room is in one of them, who was allocated elsewhere is refused, and an empty one may be in another next', async () => {
  await start(2);
  const [a, b] = [await party('one', 700), await party('two', 1100)];
  await plane.join(a.id, 'room');
  await expect(plane.join(b.id, 'room')).rejects.toMatchObject({ code: 'other-session' });
  await expect(plane.record({ between: [a.id, b.id] }, { file: join(dir, 'apart.wav') })).rejects.toMatchObject({ code: 'other-session' });
  await expect(plane.connect(a.id, b.id, { aToB: { flow: true }, bToA: { flow: true } })).rejects.toMatchObject({ code: 'other-session' });
  const c = await party('three', 900, 'one');
  await plane.join(c.id, 'room');
  await c.peer.listen(0.3);
  expect((await c.peer.hear(0.4)).share(700)).toBeGreaterThan(0.9);
  await plane.release(a.id);
  await plane.leave(c.id);
  await plane.join(b.id, 'room');
  expect((await plane.roomStats('room'))?.members.map(({ id }) => id)).toEqual([b.id]);
  expect((await plane.load()).workers.map(({ endpoints }) => endpoints)).toEqual([1, 1]);
  // two at once in two workers: one of them is refused
  const joins = await Promise.allSettled([plane.join(b.id, 'race'), plane.join(c.id, 'race')]);
  expect(joins.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('the death of one of two workers is nothing to the calls in the other', async () => {
  await start(2);
  const calls = [];
  for (const session of ['one', 'two']) {
    const call = [await party(session, 700), await party(session, 1100)] as const;
    for (const { id } of call) await plane.join(id, session);
    calls.push(call);
  }
  const lost: string[] = [];
  plane.on('worker-lost', ({ sessions }) => lost.push(...sessions));
  await calls[0]![0].peer.listen(0.2);
  await spawner.workers[0]!.terminate();
  await until(() => lost.length > 0);
  const other = calls[lost[0] === 'one' ? 1 : 0]!;
  expect(lost).toHaveLength(1);
  await other[0].peer.listen(0.2);
  expect((await other[0].peer.hear(0.5)).share(1100)).toBeGreaterThan(0.9);
  expect((await plane.load()).workersLost).toBe(1);
});

test('clients of the simple packet format leave with their worker, and find the door at the same port, by the members who came before', async () => {
  await start(2);
  const events: SimpleEvent[] = [];
  plane.on('simple', (event) => events.push(event));
  const port = await plane.openSimple({ ...rules, rooms: [{ number: 8000, room: '8000', near: 'line' }] });
  const phone = await party('phone', 700, 'line');
  await plane.join(phone.id, '8000');
  const client = await SimplePeer.open(1100);
  peers.push(client);
  client.speak(port);
  await until(() => events.length === 1);
  const before = spawner.workers.length;
  const lost = new Promise((resolve) => plane.on('worker-lost', resolve));
  const home = (await plane.roomStats('8000'))!.members.length;
  expect(home).toBe(2);
  // whichever of the two it was
  const loads = (await plane.load()).workers.map(({ endpoints }) => endpoints);
  await spawner.workers[loads.indexOf(1)]!.terminate();
  await lost;
  // a member is placed at once, in the worker that is left; the door has to follow it there
  const next = await party('next', 900, 'line');
  await plane.join(next.id, '8000');
  expect(events[1]).toMatchObject({ kind: 'left', why: 'worker-lost' });
  await until(() => events.length >= 3);
  expect(events[2]).toMatchObject({ kind: 'joined', room: '8000' });
  expect((await plane.roomStats('8000'))?.members).toHaveLength(2);
  await next.peer.listen(0.2);
  expect((await next.peer.hear(0.4)).share(1100)).toBeGreaterThan(0.9);
  expect(spawner.workers.length).toBeGreaterThanOrEqual(before);
});

test('what cannot be sent is refused before it comes to a worker', async () => {
  await start(1);
  const { id } = await plane.allocate({ session: 's', family: 4, label: 'x' });
  const pcmu = setupOf('PCMU');
  const wrong = [
    setupOf('PCMU', { send: { codec: 'PCMU', payloadType: 128, ptimeMs: 20 } }),
    setupOf('PCMU', { receive: [{ codec: 'PCMU', payloadType: -1 }] }),
    setupOf('PCMU', { send: { codec: 'PCMU', payloadType: 0, ptimeMs: 0 } }),
    setupOf('PCMU', { send: { codec: 'PCMU', payloadType: 0, ptimeMs: NaN } }),
    setupOf('PCMU', { telephoneEvent: { send: { payloadType: 101, clockRate: 0 }, receive: [] } }),
    setupOf('PCMU', { comfortNoise: { send: 1.5, receive: null } }),
  ];
  for (const audio of wrong) await expect(plane.setAudio(id, audio)).rejects.toMatchObject({ code: 'setting' });
  await plane.setAudio(id, pcmu);
});
