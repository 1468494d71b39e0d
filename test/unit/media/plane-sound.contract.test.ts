/** Sound made in the plane, as its callers hear it: real sockets on loopback, real worker threads, both ways to the network. Judged by frequency. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMediaPlane, type DigitEvent, type MediaPlane, type TalkingEvent } from '../../../media/plane';
import { DtmfTone } from '../../../media/audio/dtmf-tone';
import type { CodecName } from '../../../media/frame';
import { openLibc } from '../../../media/net/libc';
import { unless } from '../../support/peers';
import { claimPorts, type PortBlock } from '../../support/ports';
import { judge, writeTone } from '../../support/tone';
import { readWav } from '../../support/wav';
import { SimplePeer } from './support/simple-peer';
import { setupOf, TonePeer } from './support/tone-peer';
import { workerSpawner } from './support/worker';

const noNative = ((libc) => (libc instanceof Error ? libc.message : undefined))(openLibc());
const CODECS: CodecName[] = ['PCMU', 'PCMA', 'G722', 'opus'];

describe.each(['native', 'dgram'] as const)('%s', (backend) => {
  unless(backend === 'native' ? noNative : undefined)('sound', () => {
    let ports: PortBlock;
    let plane: MediaPlane;
    let dir: string;
    let peers: TonePeer[] = [];
    let endpoints: string[] = [];
    const digits: DigitEvent[] = [];
    const talking: TalkingEvent[] = [];

    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'offhook-sound-'));
      ports = await claimPorts(64);
      plane = await createMediaPlane(
        { portMin: ports.first, portMax: ports.last, workers: 1, bind4: '127.0.0.1', bind6: null, drainMs: 0, silenceMs: 0, backend },
        { spawn: workerSpawner().spawn },
      );
      plane.on('digit', (event) => digits.push(event));
      plane.on('talking', (event) => talking.push(event));
    });
    afterAll(async () => {
      await plane.close();
      ports.release();
      rmSync(dir, { recursive: true });
    });
    afterEach(async () => {
      await Promise.all(endpoints.map((id) => plane.release(id)));
      for (const peer of peers) peer.close();
      peers = [];
      endpoints = [];
      digits.length = talking.length = 0;
    });

    /** A party that speaks, with an endpoint that makes its sound. */
    async function party(session: string, codec: CodecName, hz: number, more: Parameters<typeof setupOf>[1] = {}, near?: string) {
      const peer = await TonePeer.open(codec, hz);
      peers.push(peer);
      const { id, rtpPort } = await plane.allocate({ session, family: 4, label: `${codec} ${hz}`, near });
      endpoints.push(id);
      await plane.setRemote(id, { address: '127.0.0.1', port: peer.port });
      await plane.setAudio(id, setupOf(codec, more));
      peer.speak(rtpPort);
      return { peer, id };
    }

    test('has all its codecs here', () => {
      expect([...plane.codecs].sort()).toEqual([...CODECS].sort());
    });

    test.each(CODECS)('%s in a call with each of the codecs: both hear each other', async (one) => {
      const calls = await Promise.all(
        CODECS.map(async (other) => {
          const session = `${one}-${other}`;
          const call = { other, a: await party(session, one, 700), b: await party(session, other, 1100) };
          await plane.join(call.a.id, session);
          await plane.join(call.b.id, session);
          return call;
        }),
      );
      await Promise.all(calls.flatMap(({ a, b }) => [a.peer.listen(0.3), b.peer.listen(0.3)]));
      await Promise.all(
        calls.map(async ({ other, a, b }) => {
          const [atA, atB] = await Promise.all([a.peer.hear(), b.peer.hear()]);
          expect(Math.abs(atA.dominantHz - 1100)).toBeLessThan(11);
          expect(Math.abs(atB.dominantHz - 700)).toBeLessThan(7);
          expect([other, atA.share(1100) > 0.95, atB.share(700) > 0.95, atA.share(700) < 0.01, atB.share(1100) < 0.01]).toEqual([other, true, true, true, true]);
          expect([a.peer.missing, b.peer.missing]).toEqual([0, 0]);
          expect(await plane.describe(a.id)).toMatch(new RegExp(`^udp\\(:\\d+\\) -> jitter\\(\\d+ms\\) -> ${one}( -> resample\\(\\d+->\\d+\\))? -> mix\\(\\d+, 2 in\\) -> ${other} -> udp\\(:\\d+\\)$`));
        }),
      );
    });

    test('in a room of three of different codecs each hears exactly the other two', async () => {
      const tones = [500, 800, 1300];
      const parties = await Promise.all(tones.map((hz, i) => party('room', CODECS[i + 1]!, hz)));
      for (const { id } of parties) await plane.join(id, 'room');
      await Promise.all(parties.map(({ peer }) => peer.listen(0.4)));
      const heard = await Promise.all(parties.map(({ peer }) => peer.hear()));
      heard.forEach((hearing, i) => {
        const shares = tones.map((hz) => hearing.share(hz));
        shares.forEach((share, j) => (i === j ? expect(share).toBeLessThan(0.01) : expect(share).toBeGreaterThan(0.35)));
      });
      expect((await plane.roomStats('room'))?.members.map(({ level }) => level > -30)).toEqual([true, true, true]);
      expect(new Set(talking.filter((event) => event.talking).map(({ id }) => id))).toEqual(new Set(parties.map(({ id }) => id)));
      await plane.leave(parties[2]!.id);
      await Promise.all(parties.map(({ peer }) => peer.listen(0.2)));
      const left = await parties[0]!.peer.hear();
      expect([left.share(800) > 0.95, left.share(1300) < 0.01]).toEqual([true, true]);
    });

    test('a party alone hears silence, itself when it asks to, and what is played to it instead', async () => {
      const a = await party('alone', 'PCMU', 600);
      await a.peer.listen(0.2);
      expect((await a.peer.hear(0.5)).rms).toBe(0);
      await plane.join(a.id, 'echo', { echo: true });
      await a.peer.listen(0.3);
      expect((await a.peer.hear(0.5)).share(600)).toBeGreaterThan(0.95);
      const played = plane.play({ endpoint: a.id }, [{ hz: [1000], ms: 700 }, { silenceMs: 100 }]);
      await a.peer.listen(0.15);
      const hearing = await a.peer.hear(0.4);
      expect([hearing.share(1000) > 0.95, hearing.share(600) < 0.02]).toEqual([true, true]);
      expect(await played).toMatchObject({ why: 'finished', playedMs: 800 });
      await a.peer.listen(0.2);
      expect((await a.peer.hear(0.4)).share(600)).toBeGreaterThan(0.95);
    });

    test('plays files, one after the other and in a loop, until told to stop; refuses what is none', async () => {
      const [one, two, none] = ['one.wav', 'two.wav', 'none.wav'].map((name) => join(dir, `${backend}-${name}`)) as [string, string, string];
      writeTone(one, 900, 0.5, 16_000);
      writeTone(two, 1500, 0.5, 44_100);
      writeFileSync(none, 'this is no sound');
      const a = await party('files', 'G722', 0);
      const playing = plane.play({ endpoint: a.id }, [{ file: one }, { file: two }], { loop: true });
      await a.peer.listen(0.1);
      const hearing = await a.peer.hear(2);
      expect([hearing.share(900) > 0.35, hearing.share(1500) > 0.35, hearing.share(900) + hearing.share(1500) > 0.9]).toEqual([true, true, true]);
      await plane.stopPlaying({ endpoint: a.id });
      expect((await playing).why).toBe('stopped');
      expect(await plane.play({ endpoint: a.id }, [{ file: none }])).toMatchObject({ why: 'failed', problem: expect.stringContaining(none) });
      expect(await plane.play({ endpoint: a.id }, [{ file: join(dir, 'missing.wav') }])).toMatchObject({ why: 'failed', problem: expect.stringContaining('missing.wav') });
    });

    test('a later play replaces the first; one that is over is heard above it; release ends them', async () => {
      const a = await party('replace', 'PCMA', 0);
      const first = plane.play({ endpoint: a.id }, [{ hz: [400], ms: 60_000 }]);
      const second = plane.play({ endpoint: a.id }, [{ hz: [1000], ms: 60_000 }]);
      expect((await first).why).toBe('replaced');
      const above = plane.play({ endpoint: a.id }, [{ hz: [2000], ms: 60_000 }], { over: true });
      await a.peer.listen(0.2);
      const hearing = await a.peer.hear(0.6);
      expect([hearing.share(1000) > 0.3, hearing.share(2000) > 0.3, hearing.share(400) < 0.01]).toEqual([true, true, true]);
      await plane.release(a.id);
      expect([(await second).why, (await above).why]).toEqual(['released', 'released']);
    });

    test('what is played to a room is heard by all in it', async () => {
      const [a, b] = [await party('announce', 'PCMU', 0), await party('announce', 'G722', 0)];
      for (const { id } of [a, b]) await plane.join(id, 'announce');
      const played = plane.play({ room: 'announce' }, [{ hz: [1200], ms: 1200 }]);
      await Promise.all([a.peer.listen(0.15), b.peer.listen(0.15)]);
      const heard = await Promise.all([a.peer.hear(0.5), b.peer.hear(0.5)]);
      for (const hearing of heard) expect(hearing.share(1200)).toBeGreaterThan(0.95);
      expect((await played).why).toBe('finished');
      expect(await plane.play({ room: 'nobody' }, [{ hz: [1], ms: 1 }])).toMatchObject({ why: 'released' });
    });

    test('muted and deaf', async () => {
      const [a, b] = [await party('quiet', 'PCMU', 700), await party('quiet', 'PCMU', 1100)];
      await plane.join(a.id, 'quiet', { muted: true });
      await plane.join(b.id, 'quiet');
      await b.peer.listen(0.2);
      expect((await b.peer.hear(0.5)).rms).toBe(0);
      expect((await a.peer.hear(0.5)).share(1100)).toBeGreaterThan(0.95);
      await plane.join(a.id, 'quiet', { deaf: true });
      await b.peer.listen(0.3);
      await a.peer.listen(0.3);
      expect((await b.peer.hear(0.5)).share(700)).toBeGreaterThan(0.95);
      expect((await a.peer.hear(0.5)).rms).toBe(0);
    });

    test('records one party, both sides of a call one to a channel, a relayed call, and a room', async () => {
      const [a, b] = [await party('tape', 'PCMU', 700), await party('tape', 'G722', 1100)];
      for (const { id } of [a, b]) await plane.join(id, 'tape');
      const file = (name: string) => join(dir, `${backend}-${name}`);
      const voice = plane.record({ endpoint: a.id }, { file: file('voice.wav'), maxMs: 600 });
      const call = plane.record({ between: [a.id, b.id] }, { file: file('call.wav') });
      const room = plane.record({ room: 'tape' }, { file: file('room.wav') });
      expect(await voice).toMatchObject({ why: 'limit', durationMs: 600 });
      await a.peer.listen(0.7);
      await plane.stopRecording(file('call.wav'));
      expect((await call).why).toBe('stopped');
      await plane.stopRecording(file('room.wav'));
      expect((await room).durationMs).toBeGreaterThan(600);
      expect(judge(readWav(file('voice.wav'))).share(700)).toBeGreaterThan(0.9);
      const { left, right } = stereo(file('call.wav'));
      expect([left.share(700) > 0.9, right.share(1100) > 0.9]).toEqual([true, true]);
      await expect(plane.record({ endpoint: a.id }, { file: file('room.wav') })).rejects.toMatchObject({ code: 'file-exists' });
      const all = judge(readWav(file('room.wav')));
      expect([all.share(700) > 0.35, all.share(1100) > 0.35]).toEqual([true, true]);

      const formats = [{ codec: 'PCMU' as const, payloadType: 0 }];
      const [c, d] = [await party('relayed', 'PCMU', 500), await party('relayed', 'PCMU', 900)];
      await plane.connect(c.id, d.id, { aToB: { flow: true, formats }, bToA: { flow: true, formats } });
      const relayed = plane.record({ between: [c.id, d.id] }, { file: file('relayed.wav'), maxMs: 1000 });
      expect((await relayed).why).toBe('limit');
      const tape = stereo(file('relayed.wav'));
      expect([tape.left.share(500) > 0.9, tape.right.share(900) > 0.9]).toEqual([true, true]);
      expect((await c.peer.hear(0.3)).share(900)).toBeGreaterThan(0.9);
    });

    test('key presses: heard as events and as tones, passed on in the way the other takes, sent on demand', async () => {
      const a = await party('keys', 'PCMU', 0);
      const b = await party('keys', 'G722', 0, { telephoneEvent: null });
      await plane.join(a.id, 'keys', { passDigits: true });
      await plane.join(b.id, 'keys', { passDigits: true });
      await b.peer.listen(0.2);
      for (let i = 1; i <= 5; i++) a.peer.send(101, Uint8Array.of(5, i === 5 ? 0x8a : 0x0a, (i * 160) >> 8, (i * 160) & 0xff), 70_000, i === 1);
      const tone = await b.peer.hear(0.5);
      expect(digits).toMatchObject([{ id: a.id, session: 'keys', digit: '5', by: 'rfc4733' }]);
      expect([tone.share(770) > 0.25, tone.share(1336) > 0.4, tone.share(770) + tone.share(1336) > 0.8]).toEqual([true, true, true]);

      await plane.sendDigits(a.id, '7#');
      const deadline = performance.now() + 3000;
      while (!a.peer.payloadTypes.has(101) && performance.now() < deadline) await a.peer.listen(0.1);
      expect(a.peer.payloadTypes).toEqual(new Set([0, 101]));
      await expect(plane.sendDigits(a.id, '7x')).rejects.toMatchObject({ code: 'setting' });

      const d = await party('tones', 'PCMA', 0, { telephoneEvent: null });
      await plane.detectTones(d.id, true);
      digits.length = 0;
      d.peer.sing(dualTone('9', 0.12));
      while (digits.length === 0) await d.peer.listen(0.1);
      expect(digits).toMatchObject([{ id: d.id, digit: '9', by: 'in-band' }]);
    });

    test('a client of the simple packet format and a phone hear each other; it goes when told to, and when idle', async () => {
      const events: string[] = [];
      plane.on('simple', ({ kind, id, room, why }) => events.push(`${kind} ${room} ${why ?? id}`));
      const rules = { address: '127.0.0.1', port: 0, allow: ['127.0.0.0/8'], maxPerRoom: 10, maxClients: 10, maxPerSource: 5, maxPacketsPerSecond: 200, idleMs: 1500 };
      const port = await plane.openSimple({ ...rules, rooms: [{ number: 8000, room: '8000', near: 'room:8000' }] });
      const phone = await party('simple', 'G722', 700, {}, 'room:8000');
      await plane.join(phone.id, '8000');
      const client = await SimplePeer.open(1100);
      peers.push(client as unknown as TonePeer);
      client.speak(port);
      await phone.peer.listen(0.5);
      expect((await phone.peer.hear(0.6)).share(1100)).toBeGreaterThan(0.9);
      expect((await client.hear(0.6)).share(700)).toBeGreaterThan(0.9);
      const id = events[0]!.split(' ')[2]!;
      expect(events).toEqual([`joined 8000 ${id}`]);
      expect((await plane.roomStats('8000'))?.members.map((member) => member.id).sort()).toEqual([phone.id, id].sort());
      expect(await plane.setSimple(id, { muted: true })).toBe(true);
      await phone.peer.listen(0.3);
      expect((await phone.peer.hear(0.4)).rms).toBe(0);
      client.stop();
      while (events.length < 2) await phone.peer.listen(0.1);
      expect(events[1]).toBe('left 8000 idle');
      expect(await plane.setSimple(id, null)).toBe(false);
      expect(await plane.simpleStats()).toMatchObject({ clients: 0, joined: 1, left: { idle: 1 } });
      await plane.closeSimple();
      expect(await plane.simpleStats()).toBeUndefined();
    });

    test('a codec that changes in a call keeps the stream going; hold stops it, and back', async () => {
      const [a, b] = [await party('change', 'PCMU', 700), await party('change', 'PCMU', 1100)];
      for (const { id } of [a, b]) await plane.join(id, 'change');
      await a.peer.listen(0.3);
      const before = a.peer.received;
      await plane.setAudio(a.id, setupOf('PCMU', { send: null, receive: [] }));
      await b.peer.listen(0.3);
      const held = a.peer.received;
      expect((await b.peer.hear(0.4)).rms).toBe(0);
      expect(a.peer.received - held).toBeLessThanOrEqual(1);
      expect(before).toBeGreaterThan(0);
      await plane.setAudio(a.id, setupOf('PCMU'));
      await a.peer.listen(0.2);
      expect((await a.peer.hear(0.4)).share(1100)).toBeGreaterThan(0.95);
      expect(a.peer.sources.size).toBe(1);
    });

    test('from relay to sound and back again', async () => {
      const [a, b] = [await party('back', 'PCMU', 700), await party('back', 'PCMU', 1100)];
      const open = { aToB: { flow: true }, bToA: { flow: true } };
      await plane.connect(a.id, b.id, open);
      await a.peer.listen(0.2);
      expect(await plane.describe(a.id)).toContain('relay');
      expect((await a.peer.hear(0.4)).share(1100)).toBeGreaterThan(0.95);
      await plane.setAudio(b.id, setupOf('PCMU', { receive: [] }));
      const music = plane.play({ endpoint: b.id }, [{ hz: [1800], ms: 60_000 }]);
      await b.peer.listen(0.2);
      const held = a.peer.received;
      expect((await b.peer.hear(0.4)).share(1800)).toBeGreaterThan(0.95);
      expect(a.peer.received - held).toBeLessThanOrEqual(1);
      await plane.connect(a.id, b.id, open);
      expect((await music).why).toBe('released');
      await b.peer.listen(0.2);
      expect((await b.peer.hear(0.4)).share(700)).toBeGreaterThan(0.95);
    });

    test('says what was wrong: a codec that is not there, sound before setAudio, rooms apart', async () => {
      const { id } = await plane.allocate({ session: 'errors', family: 4, label: 'x' });
      endpoints.push(id);
      await expect(plane.join(id, 'errors')).rejects.toMatchObject({ code: 'no-audio' });
      await expect(plane.detectTones(id, true)).rejects.toMatchObject({ code: 'no-audio' });
      await expect(plane.setAudio(id, { ...setupOf('PCMU'), send: { codec: 'speex' as CodecName, payloadType: 99, ptimeMs: 20 } })).rejects.toMatchObject({ code: 'no-codec' });
      await expect(plane.setCrypto(id, { send: { suite: 'AES_CM_128_HMAC_SHA1_80', keySalt: 'short' }, receive: { suite: 'AES_CM_128_HMAC_SHA1_80', keySalt: 'short' } })).rejects.toMatchObject({ code: 'bad-key' });
      expect(await plane.roomStats('errors')).toBeUndefined();
    });
  });
});

/** A key as a telephone's two tones, at 8 kHz. */
function dualTone(digit: string, seconds: number): Int16Array {
  const tone = new DtmfTone(8000);
  tone.queue(digit, seconds * 1000);
  const out = new Int16Array(Math.round(seconds * 8000) + 800);
  tone.read(out);
  return out;
}

/** Both channels of a recording. */
function stereo(file: string) {
  const data = readFileSync(file);
  expect(data.readUInt16LE(22)).toBe(2);
  const rate = data.readUInt32LE(24);
  const frames = (data.length - 44) / 4;
  const side = (offset: number) => judge({ samples: Float32Array.from({ length: frames }, (_, i) => data.readInt16LE(44 + i * 4 + offset) / 32768), rate });
  return { left: side(0), right: side(2) };
}
