/**
 * Whatever the network brings: random and mutated datagrams (RTP, RTCP, telephone-events, SRTP, the simple format) thrown at every port of a
 * worker in which everything runs at once (ports of all codecs, a room, relays, SRTP, recordings, players), while it is told to change its
 * mind. Nothing may throw, the call beside it hears its tone, and the counters tell. The same datagrams in each run.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AudioSetup, SrtpKeys } from '../../media/audio-types';
import type { EndpointStats } from '../../media/net/endpoint';
import { SrtpSession } from '../../media/net/srtp/session';
import { seeded } from '../unit/media/port/line';
import { rtp, senderReport } from '../unit/media/support/packets';
import { begun, SIMPLE_PORT, soundWorker, until, type Speaker } from '../unit/media/support/sound-worker';
import { setupOf } from '../unit/media/support/tone-peer';

/** Of 20 ms. FC_SEED: a number goes looking for others, as in the property tests. */
const ROUNDS = 600;
const SEED = Number(process.env.FC_SEED) || 20261122;
const EVERYTHING: AudioSetup = {
  send: { codec: 'G722', payloadType: 9, ptimeMs: 20 },
  receive: [
    { codec: 'PCMU', payloadType: 0 },
    { codec: 'PCMA', payloadType: 8 },
    { codec: 'G722', payloadType: 9 },
    { codec: 'opus', payloadType: 111 },
  ],
  telephoneEvent: { send: { payloadType: 101, clockRate: 8000 }, receive: [{ payloadType: 101, clockRate: 8000 }, { payloadType: 102, clockRate: 48_000 }] },
  comfortNoise: { send: null, receive: 13 },
};
const key = (fill: number) => ({ suite: 'AES_CM_128_HMAC_SHA1_80' as const, keySalt: Buffer.alloc(30, fill).toString('base64') });
const KEYS: SrtpKeys = { send: key(1), receive: key(2) };
const TYPES = [0, 8, 9, 13, 101, 102, 111, 77];
const formats = EVERYTHING.receive;
const WIRING = { flow: true, formats, payloadMap: { 77: -1, 8: 0 }, telephoneEvents: { 101: 8000, 102: 48_000 }, sendEvents: { payloadType: 101, clockRate: 8000 } };

function datagrams(random: () => number) {
  const int = (n: number): number => Math.floor(random() * n);
  const bytes = (n: number): Buffer => Buffer.from(Array.from({ length: n }, () => int(256)));
  const peer = new SrtpSession({ send: KEYS.receive, receive: KEYS.send });
  let sequence = 0;
  const voice = (): Buffer =>
    rtp({
      payloadType: TYPES[int(TYPES.length)]!,
      marker: int(8) === 0,
      sequence: int(20) === 0 ? int(65_536) : sequence++,
      timestamp: int(20) === 0 ? int(2 ** 32) : sequence * 160,
      ssrc: int(30) === 0 ? int(2 ** 32) : 5,
      payload: bytes([0, 1, 2, 4, 4, 33, 80, 160, 160, 160, 480, 1490, 1800][int(13)]!),
    });
  const event = (): Buffer => rtp({ payloadType: 101 + int(2), marker: int(3) === 0, sequence: sequence++, timestamp: (sequence >> 3) * 1280, ssrc: 5, payload: Buffer.from([int(20), int(256), int(256), int(256)]) });
  const report = (): Buffer => {
    const blocks = Array.from({ length: int(4) }, () => ({ ssrc: int(2 ** 32), fraction: int(256), lost: int(2 ** 23), lsr: int(2 ** 32), dlsr: int(2 ** 32) }));
    const first = senderReport(5, [int(2 ** 32), int(2 ** 32)], blocks);
    const more = bytes(8 + 4 * int(20));
    more[0] = 0x80 | int(32);
    more[1] = 200 + int(8);
    more.writeUInt16BE(more.length / 4 - 1, 2);
    return int(2) ? Buffer.concat([first, more]) : first;
  };
  const secret = (): Buffer => {
    const plain = voice();
    if (plain.length > 1500) return plain;
    const room = Buffer.concat([plain, Buffer.alloc(64)]);
    const length = peer.protectRtp(room, plain.length);
    return length < 0 ? plain : room.subarray(0, length);
  };
  const simple = (): Buffer => {
    const packet = bytes(168);
    packet.writeUInt16BE(int(3) === 0 ? int(65_536) : 0, 6);
    return packet;
  };
  const kinds = [voice, voice, voice, event, report, secret, simple, () => bytes(int(2000))];
  const mutate = (data: Buffer): Buffer => {
    switch (int(6)) {
      case 0:
        return data.subarray(0, int(data.length + 1));
      case 1:
        for (let i = int(4); i >= 0 && data.length > 0; i--) data[int(data.length)]! ^= 1 << int(8);
        return data;
      case 2:
        if (data.length > 0) data[0] = 0x80 | int(64); // padding, extension, CSRC
        return data;
      default:
        return data;
    }
  };
  return { int, next: (): Buffer => mutate(kinds[int(kinds.length)]!()) };
}

test('nothing throws, the call beside it hears its tone, recordings end, and the counters tell', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'offhook-fuzz-'));
  const worker = soundWorker({ silenceMs: 500 });
  const { ask, party, run, net, core } = worker;
  const { int, next } = datagrams(seeded(SEED));
  const [x, y] = (await worker.together('beside', 500, 900)) as [Speaker, Speaker];
  const room = [await party(300), await party(310), await party(320)] as const;
  for (const { id } of room) {
    await ask('setAudio', { id, audio: EVERYTHING });
    await ask('join', { id, room: '8000', settings: { passDigits: true } });
    await ask('detectTones', { id, on: true });
  }
  await ask('setCrypto', { id: room[1].id, keys: KEYS });
  const [a, b, c, d] = [await party(330, null), await party(340, null), await party(350, null), await party(360, null)];
  await ask('setCrypto', { id: d.id, keys: KEYS });
  await ask('connect', { a: a.id, b: b.id, aToB: WIRING, bToA: WIRING });
  await ask('connect', { a: c.id, b: d.id, aToB: WIRING, bToA: WIRING });
  const rules = { address: '0.0.0.0', port: SIMPLE_PORT, allow: ['192.0.2.0/24'], rooms: [{ number: 8000, room: '8000', near: 'x' }], maxPerRoom: 5, maxClients: 8, maxPerSource: 8, maxPacketsPerSecond: 1000, idleMs: 3000 };
  await ask('openSimple', { options: rules });
  const targets = [{ room: '8000' }, { between: [a.id, b.id] }, { between: [c.id, room[0].id] }] as const;
  const tapes = targets.map((target, i) => ({ file: join(dir, `${i}.${i === 0 ? 'ogg' : 'wav'}`), target }));
  const recordings = tapes.map(({ file, target }) => ask('record', { target, options: { file, beepEveryMs: 700 } }));
  await until(() => tapes.every(({ file }) => begun(file)));

  const victims = [...room, a, b, c, d];
  const ends: Array<Promise<unknown>> = [];
  const changes = [
    () => ask('connect', { a: a.id, b: int(2) ? b.id : c.id, aToB: WIRING, bToA: { ...WIRING, flow: int(3) > 0 } }),
    () => ask('setAudio', { id: victims[int(victims.length)]!.id, audio: int(3) ? EVERYTHING : setupOf('PCMU', { send: null, receive: [] }) }),
    () => ask('setAudio', { id: room[int(3)]!.id, audio: { ...EVERYTHING, send: { codec: 'opus', payloadType: 111, ptimeMs: 10 * (1 + int(9)) } } }),
    () => ask('join', { id: room[int(3)]!.id, room: '8000', settings: { passDigits: true, muted: int(2) === 0, gainDb: int(40) - 20 } }),
    () => ask('leave', { id: room[int(3)]!.id }),
    () => void ends.push(ask('play', { target: int(2) ? { room: '8000' } : { endpoint: room[int(3)]!.id }, what: [{ hz: [400 + int(1000)], ms: int(900) }], options: { over: int(2) === 0, loop: int(4) === 0 } })),
    () => ask('stopPlaying', { target: { endpoint: room[int(3)]!.id } }),
    () => ask('sendDigits', { id: victims[int(victims.length)]!.id, digits: '19#D', ms: int(400) }),
    () => ask('setCrypto', { id: victims[int(victims.length)]!.id, keys: int(2) ? KEYS : null }),
    () => ask('setRemote', { id: victims[int(victims.length)]!.id, remote: int(5) ? { address: '192.0.2.9', port: 1 + int(65_535) } : null, relatch: int(2) === 0 }),
  ];
  const refused = new Map<string, number>();
  x.samples();
  y.samples();
  for (let i = 0; i < ROUNDS; i++) {
    for (let n = int(30); n > 0; n--) {
      const data = next();
      const victim = victims[int(victims.length)]!;
      const port = int(12) === 0 ? SIMPLE_PORT : victim.port + (int(5) === 0 ? 1 : 0);
      net.deliver(port, int(10) === 0 ? `203.0.113.${int(256)}:${1 + int(65_535)}` : port === SIMPLE_PORT ? `192.0.2.5:${1 + int(12)}` : victim.address, data);
    }
    if (int(6) === 0) {
      await Promise.resolve(changes[int(changes.length)]!()).catch(({ code }: { code: string }) => refused.set(code, (refused.get(code) ?? 0) + 1));
    }
    run(20);
    if (i % 10 === 0) {
      core.silences();
      core.adapt();
      for (const { id } of victims) await ask('describe', { id });
      await new Promise((resolve) => setImmediate(resolve)); // the disk's turn
    }
  }
  expect(await worker.faults()).toBeNull();
  expect([...refused.keys()].filter((code) => code !== 'no-audio' && code !== 'other-session')).toEqual([]);

  const heard = [x.hear(), y.hear()];
  expect([heard[0]!.share(900) > 0.99, heard[1]!.share(500) > 0.99]).toEqual([true, true]);
  expect([Math.min(x.packets.length, y.packets.length) >= ROUNDS, heard[0]!.silentSpans, heard[1]!.silentSpans]).toEqual([true, [], []]);
  expect(await ask('stats', { id: x.id })).toMatchObject({ malformed: 0, foreign: 0, lost: 0, audio: { undecodable: 0, latePackets: 0 } });

  const stats = (await Promise.all(victims.map(({ id }) => ask('stats', { id })))) as EndpointStats[];
  const sum = (pick: (stats: EndpointStats) => number | undefined): number => stats.reduce((total, one) => total + (pick(one) ?? 0), 0);
  for (const count of [sum((s) => s.malformed), sum((s) => s.foreign), sum((s) => s.filtered), sum((s) => s.srtp?.authFailed), sum((s) => s.audio?.undecodable)]) expect(count).toBeGreaterThan(10);
  const simple = (await ask('simpleStats', {}))!;
  expect([simple.dropped.size > 10, simple.dropped.notAllowed > 0, simple.dropped.unknownRoom > 0, simple.joined > 0]).toEqual([true, true, true, true]);

  for (const { id } of worker.speakers) await ask('release', { id });
  await core.close();
  for (const { why } of await Promise.all(recordings)) expect(why).toBe('released');
  await Promise.all(ends);
  expect(await worker.faults()).toBeNull();
  expect(net.beat?.nextAt).toBe(Infinity);
  rmSync(dir, { recursive: true });
}, 120_000);

test('a wrong key: nothing is heard, everything is counted, and the right one brings it back', async () => {
  const worker = soundWorker();
  const [a, b] = (await worker.together('r', 0, 900)) as [Speaker, Speaker];
  const wrong = new SrtpSession({ send: { ...key(3), keySalt: randomBytes(30).toString('base64') }, receive: KEYS.send });
  const right = new SrtpSession({ send: KEYS.receive, receive: KEYS.send });
  await worker.ask('setCrypto', { id: a.id, keys: KEYS });
  a.speaking = false;
  let [sequence, n] = [1, 0];
  const say = (session: SrtpSession, ms: number): void => {
    for (let t = 0; t < ms; t += 20) {
      a.hz = 700;
      const plain = rtp({ sequence: sequence++, timestamp: 160 * n++, ssrc: 9, payload: a.payload() });
      const room = Buffer.concat([plain, Buffer.alloc(64)]);
      worker.net.deliver(a.port, a.address, room.subarray(0, session.protectRtp(room, plain.length)));
      worker.run(20);
    }
  };
  say(wrong, 1000);
  expect(b.hear().rms).toBe(0);
  expect(await worker.ask('stats', { id: a.id })).toMatchObject({ received: { packets: 0 }, srtp: { authFailed: 50 } });
  say(right, 1000);
  expect(b.hear().share(700)).toBeGreaterThan(0.9);
  expect(await worker.faults()).toBeNull();
});
