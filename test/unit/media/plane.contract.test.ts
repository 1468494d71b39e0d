/**
 * The plane as its callers see it, with real sockets on loopback and real worker threads, the same for both ways to the
 * network. Nothing is timed: a test waits for the packet or the counter that has to come.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createMediaPlane, type EndpointStats, type MediaPlane, type MediaPlaneOptions } from '../../../media/plane';
import { openLibc } from '../../../media/net/libc';
import { unless } from '../../support/peers';
import { claimPorts, type PortBlock } from '../../support/ports';
import { receiverReport, rtp, senderReport } from './support/packets';
import { Peer } from './support/peer';
import { workerSpawner } from './support/worker';

const OPEN = { aToB: { flow: true }, bToA: { flow: true } };
const noNative = ((libc) => (libc instanceof Error ? libc.message : undefined))(openLibc());

describe.each(['native', 'dgram'] as const)('%s', (backend) => {
  unless(backend === 'native' ? noNative : undefined)('media plane', () => {
    let ports: PortBlock;
    let plane: MediaPlane;
    let peers: Peer[] = [];
    const { spawn, workers } = workerSpawner();

    const start = (options: Partial<MediaPlaneOptions> = {}, deps: { now?: () => number } = {}): Promise<MediaPlane> =>
      createMediaPlane(
        { portMin: ports.first, portMax: ports.last, workers: 1, bind4: '127.0.0.1', bind6: null, drainMs: 0, silenceMs: 0, backend, ...options },
        { spawn, ...deps },
      );

    beforeAll(async () => {
      ports = await claimPorts(32);
      plane = await start();
    });
    afterAll(async () => {
      await plane.close();
      ports.release();
    });
    afterEach(async () => {
      await Promise.all(peers.map((peer) => peer.close()));
      peers = [];
    });

    async function peer(address?: string): Promise<Peer> {
      const opened = await Peer.open(address);
      peers.push(opened);
      return opened;
    }

    async function counted(id: string, reached: (stats: EndpointStats) => boolean, on = plane): Promise<EndpointStats> {
      for (;;) {
        const stats = await on.stats(id);
        if (reached(stats)) return stats;
        await sleep(5);
      }
    }

    /** Two phones and the endpoints between them, wired through. */
    async function call(session: string, on = plane, family: 4 | 6 = 4) {
      const host = family === 4 ? '127.0.0.1' : '::1';
      const [alice, bob] = [await peer(host), await peer(host)];
      const [a, b] = await Promise.all([on.allocate({ session, family, label: 'alice' }), on.allocate({ session, family, label: 'bob' })]);
      await on.setRemote(a.id, { address: host, port: alice.port });
      await on.setRemote(b.id, { address: host, port: bob.port });
      await on.connect(a.id, b.id, OPEN);
      return { alice, bob, a, b, end: () => Promise.all([on.release(a.id), on.release(b.id)]) };
    }

    test('telephone tones of a country that is not known are refused by name', async () => {
      await expect(start({ toneCountry: 'xx' })).rejects.toMatchObject({ code: 'setting', message: expect.stringContaining("'xx'") });
    });

    test('says which way to the network it uses', async () => {
      expect((await plane.load()).backend).toBe(backend);
    });

    test('relays both ways, between the ports it gave out', async () => {
      const { alice, bob, a, b, end } = await call('both-ways');
      expect(a.rtpPort % 2).toBe(0);
      expect(a.rtcpPort).toBe(a.rtpPort + 1);
      const there = rtp({ sequence: 5, payload: 'from alice' });
      const back = rtp({ sequence: 9, payload: 'from bob', payloadType: 8, marker: true });
      alice.send(there, a.rtpPort);
      expect(await bob.next()).toMatchObject({ data: there, from: { port: b.rtpPort } });
      bob.send(back, b.rtpPort);
      expect(await alice.next()).toMatchObject({ data: back, from: { port: a.rtpPort } });
      expect(await plane.describe(a.id)).toBe(`udp(:${a.rtpPort}) <-> relay <-> udp(:${b.rtpPort})`);
      const [stats] = await end();
      expect(stats).toMatchObject({ received: { packets: 1, bytes: there.length }, sent: { packets: 1, bytes: back.length }, latch: 'locked', latched: `127.0.0.1:${alice.port}` });
    });

    test('a burst arrives whole and in order', async () => {
      const { alice, bob, a, end } = await call('burst');
      for (let i = 0; i < 100; i++) alice.send(rtp({ sequence: i, timestamp: i * 160 }), a.rtpPort);
      const heard: number[] = [];
      while (heard.length < 100) heard.push((await bob.next()).data.readUInt16BE(2));
      expect(heard).toEqual(Array.from({ length: 100 }, (_, i) => i));
      const [stats] = await end();
      expect(stats).toMatchObject({ received: { packets: 100 }, lost: 0, late: 0, duplicate: 0 });
    });

    test('a stream too fast to wake up for each packet arrives whole and in order', async () => {
      const { alice, bob, a, end } = await call('torrent');
      const [total, ahead] = [3000, 50];
      for (let i = 0; i < ahead; i++) alice.send(rtp({ sequence: i, timestamp: i * 160 }), a.rtpPort);
      for (let i = 0; i < total; i++) {
        const { data } = await bob.next();
        if (data.readUInt16BE(2) !== i) throw new Error(`packet ${data.readUInt16BE(2)} came instead of ${i}`);
        if (i + ahead < total) alice.send(rtp({ sequence: i + ahead, timestamp: (i + ahead) * 160 }), a.rtpPort);
      }
      const [stats] = await end();
      expect(stats).toMatchObject({ received: { packets: total }, lost: 0, late: 0, duplicate: 0 });
    });

    test('loss, reordering, duplicates and wrap are counted as they come', async () => {
      const { alice, bob, a, end } = await call('counters');
      const order = [65534, 65535, 65537, 65536, 65536, 65540];
      for (const sequence of order) {
        alice.send(rtp({ sequence }), a.rtpPort);
        await bob.next();
      }
      const [stats] = await end();
      expect(stats).toMatchObject({ received: { packets: 6 }, lost: 2, late: 1, duplicate: 1 });
    });

    test('a phone behind a NAT is answered where it sends from; a stranger after it is not heard', async () => {
      const { alice, bob, a, b, end } = await call('nat');
      await plane.setRemote(a.id, { address: '127.0.0.99', port: 9999 }, { relatch: true });
      alice.send(rtp({ payload: 'through the NAT' }), a.rtpPort);
      await bob.next();
      bob.send(rtp({ payload: 'answer' }), b.rtpPort);
      expect((await alice.next()).data.subarray(12).toString()).toBe('answer');
      const mallory = await peer();
      mallory.send(rtp({ sequence: 2, payload: 'bleed' }), a.rtpPort);
      await counted(a.id, (stats) => stats.foreign === 1);
      alice.send(rtp({ sequence: 3, payload: 'still me' }), a.rtpPort);
      expect((await bob.next()).data.subarray(12).toString()).toBe('still me');
      const [stats] = await end();
      expect(stats).toMatchObject({ foreign: 1, latched: `127.0.0.1:${alice.port}`, remote: '127.0.0.99:9999' });
      expect(mallory.pending).toBe(0);
    });

    test('a locked source is left for another only by relatch', async () => {
      const { alice, bob, a, b, end } = await call('moved');
      alice.send(rtp(), a.rtpPort);
      await bob.next();
      const moved = await peer();
      await plane.setRemote(a.id, { address: '127.0.0.1', port: moved.port });
      moved.send(rtp({ sequence: 2 }), a.rtpPort);
      await counted(a.id, (stats) => stats.foreign === 1);
      await plane.setRemote(a.id, { address: '127.0.0.1', port: moved.port }, { relatch: true });
      bob.send(rtp({ payload: 'to the SDP address' }), b.rtpPort);
      expect((await moved.next()).data.subarray(12).toString()).toBe('to the SDP address');
      moved.send(rtp({ sequence: 3, payload: 'moved' }), a.rtpPort);
      expect((await bob.next()).data.subarray(12).toString()).toBe('moved');
      expect(alice.pending).toBe(0);
      await end();
    });

    test('payload types are rewritten, a gated direction is silent, and both can change in the call', async () => {
      const { alice, bob, a, b, end } = await call('wiring');
      await plane.connect(a.id, b.id, { aToB: { flow: true, payloadMap: { 96: 111 } }, bToA: { flow: false } });
      alice.send(rtp({ payloadType: 96, marker: true }), a.rtpPort);
      expect((await bob.next()).data[1]).toBe(0x80 | 111);
      bob.send(rtp(), b.rtpPort);
      await counted(b.id, (stats) => stats.gated === 1);
      await plane.connect(a.id, b.id, OPEN);
      bob.send(rtp({ sequence: 2, payload: 'resumed' }), b.rtpPort);
      expect((await alice.next()).data.subarray(12).toString()).toBe('resumed');
      alice.send(rtp({ payloadType: 96, sequence: 2 }), a.rtpPort);
      expect((await bob.next()).data[1]).toBe(96);
      await end();
    });

    test('RTCP passes and is read', async () => {
      const { bob, a, b, end } = await call('rtcp');
      const [aliceRtcp, bobRtcp] = [await peer(), await peer()];
      await plane.setRemote(a.id, { address: '127.0.0.1', port: 9, rtcpPort: aliceRtcp.port });
      await plane.setRemote(b.id, { address: '127.0.0.1', port: bob.port, rtcpPort: bobRtcp.port });
      const report = senderReport(0xaa, [0, 0x00050000]);
      aliceRtcp.send(report, a.rtcpPort);
      expect((await bobRtcp.next()).data).toEqual(report);
      const answer = receiverReport(0xbb, [{ ssrc: 0xaa, lsr: 5, fraction: 64, lost: 10, jitter: 16 }]);
      bobRtcp.send(answer, b.rtcpPort);
      expect((await aliceRtcp.next()).data).toEqual(answer);
      const [, stats] = await end();
      expect(stats!.rtcp).toMatchObject({ received: 1, sent: 1, lastReport: { ssrc: 0xaa, fractionLost: 0.25, cumulativeLost: 10, jitter: 16, rttMs: expect.any(Number) } });
    });

    test('what is no media is counted and harms nothing', async () => {
      const { alice, bob, a, end } = await call('malformed');
      for (const data of [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(11, 0x80), Buffer.alloc(3000, 0), Buffer.alloc(20_000, 0x80)]) alice.send(data, a.rtpPort);
      await counted(a.id, (stats) => stats.malformed === 5);
      alice.send(rtp({ payload: 'fine' }), a.rtpPort);
      expect((await bob.next()).data.subarray(12).toString()).toBe('fine');
      const [stats] = await end();
      expect(stats).toMatchObject({ received: { packets: 1 }, malformed: 5 });
    });

    test('before anybody said where the other is, packets are counted and wait for nobody', async () => {
      const alice = await peer();
      const [a, b] = [await plane.allocate({ session: 'early', family: 4, label: 'a' }), await plane.allocate({ session: 'early', family: 4, label: 'b' })];
      await plane.connect(a.id, b.id, OPEN);
      alice.send(rtp(), a.rtpPort);
      await counted(b.id, (stats) => stats.noRemote === 1);
      expect(await plane.release(a.id)).toMatchObject({ latch: 'tentative', remote: null, latched: `127.0.0.1:${alice.port}` });
      await plane.release(b.id);
    });

    test('a system that refuses to send is counted', async () => {
      const { alice, a, b, end } = await call('refused');
      await plane.setRemote(b.id, { address: '255.255.255.255', port: 9 }, { relatch: true }); // no broadcast without asking for it
      alice.send(rtp(), a.rtpPort);
      await counted(b.id, (stats) => stats.sendErrors === 1);
      await end();
    });

    test('IPv6', async () => {
      const six = await start({ bind6: '::1' });
      const { alice, bob, a, b, end } = await call('six', six, 6);
      alice.send(rtp({ payload: 'over six' }), a.rtpPort);
      expect(await bob.next()).toMatchObject({ from: { port: b.rtpPort, address: '::1' } });
      bob.send(rtp({ payload: 'back' }), b.rtpPort);
      expect((await alice.next()).data.subarray(12).toString()).toBe('back');
      const [stats] = await end();
      expect(stats).toMatchObject({ latched: `[::1]:${alice.port}`, latch: 'locked' });
      await expect(six.setRemote(b.id, { address: '127.0.0.1', port: 5 })).rejects.toMatchObject({ code: 'unknown-endpoint' });
      await six.close();
    });

    test('IPv6 that is switched off, and an address of the other family, are refused', async () => {
      await expect(plane.allocate({ session: 'x', family: 6, label: 'x' })).rejects.toMatchObject({ code: 'bad-address' });
      const a = await plane.allocate({ session: 'x', family: 4, label: 'x' });
      await expect(plane.setRemote(a.id, { address: '::1', port: 5 })).rejects.toMatchObject({ code: 'bad-address' });
      await plane.release(a.id);
    });

    test('a release is idempotent, its counters survive, and the endpoint is gone', async () => {
      const { alice, bob, a, end } = await call('release');
      alice.send(rtp(), a.rtpPort);
      await bob.next();
      const first = await plane.release(a.id);
      expect(first.received.packets).toBe(1);
      expect(await plane.release(a.id)).toEqual(first);
      await expect(plane.stats(a.id)).rejects.toMatchObject({ code: 'unknown-endpoint', message: expect.stringContaining('released') });
      await expect(plane.release('e999999')).rejects.toMatchObject({ code: 'unknown-endpoint' });
      await expect(plane.release('nonsense')).rejects.toMatchObject({ code: 'unknown-endpoint' });
      await end();
    });

    test('endpoints of different sessions, and one with itself, are not connected', async () => {
      const [a, b] = [await plane.allocate({ session: 'one', family: 4, label: 'a' }), await plane.allocate({ session: 'two', family: 4, label: 'b' })];
      await expect(plane.connect(a.id, b.id, OPEN)).rejects.toMatchObject({ code: 'other-session' });
      await expect(plane.connect(a.id, a.id, OPEN)).rejects.toMatchObject({ code: 'other-session' });
      await Promise.all([plane.release(a.id), plane.release(b.id)]);
    });

    test.each([[{ 200: 1 }], [{ 1: 128 }], [{ 1: -2 }], [{ 1: 0.5 }]])('payload types that are none are refused: %j', async (payloadMap) => {
      const { a, b, end } = await call('bad-map');
      await expect(plane.connect(a.id, b.id, { aToB: { flow: true, payloadMap }, bToA: { flow: true } })).rejects.toMatchObject({ code: 'setting' });
      await end();
    });

    test('a range that is used up says so, and a released pair comes back when it has rested', async () => {
      const clock = { ms: 0 };
      const small = await start({ portMax: ports.first + 3, drainMs: 5000 }, { now: () => clock.ms });
      const one = await small.allocate({ session: 's', family: 4, label: '1' });
      const two = await small.allocate({ session: 's', family: 4, label: '2' });
      expect(new Set([one.rtpPort, two.rtpPort])).toEqual(new Set([ports.first, ports.first + 2]));
      await expect(small.allocate({ session: 's', family: 4, label: '3' })).rejects.toMatchObject({ code: 'no-ports', message: expect.stringContaining('media.portMin') });
      await small.release(one.id);
      clock.ms = 4999;
      await expect(small.allocate({ session: 's', family: 4, label: '3' })).rejects.toMatchObject({ code: 'no-ports' });
      expect((await small.load()).ports).toEqual({ total: 2, inUse: 1, draining: 1, free: 0 });
      clock.ms = 5000;
      expect((await small.allocate({ session: 's', family: 4, label: '3' })).rtpPort).toBe(one.rtpPort);
      await small.close();
    });

    test('a port that another program has is passed over', async () => {
      const other = await Peer.open('127.0.0.1', ports.first + 1);
      peers.push(other);
      const small = await start({ portMax: ports.first + 3, drainMs: 1e6 });
      expect((await small.allocate({ session: 's', family: 4, label: 'a' })).rtpPort).toBe(ports.first + 2);
      await expect(small.allocate({ session: 's', family: 4, label: 'b' })).rejects.toMatchObject({ code: 'no-ports' });
      expect(await small.load()).toMatchObject({ portsTaken: 1, endpoints: 1 });
      await small.close();
    });

    test('a silent party is told of, once, by endpoint and session', async () => {
      const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const watching = await start({ silenceMs: 40 });
      const events: Array<{ id: string; session: string }> = [];
      watching.on('silent', () => {
        throw new Error('a listener that fails');
      });
      const silenced = new Promise<void>((resolve) => {
        watching.on('silent', (event) => {
          events.push(event);
          if (events.length === 2) resolve();
        });
      });
      const { a, b, end } = await call('quiet', watching);
      await silenced;
      expect(events.map(({ id, session }) => [id, session]).sort()).toEqual([[a.id, 'quiet'], [b.id, 'quiet']].sort());
      expect(warning).toHaveBeenCalledWith(expect.stringContaining('a listener that fails'), 'MediaListenerWarning');
      warning.mockRestore();
      await end();
      await watching.close();
    });

    test('a worker that dies is told of, its ports are free, and another takes its place', async () => {
      const small = await start({ portMax: ports.first + 3 });
      const lost = new Promise<string[]>((resolve) => small.on('worker-lost', (event) => resolve(event.sessions)));
      const [a, b] = [await small.allocate({ session: 'doomed', family: 4, label: 'a' }), await small.allocate({ session: 'doomed', family: 4, label: 'b' })];
      await workers.at(-1)!.terminate();
      expect(await lost).toEqual(['doomed']);
      await expect(small.stats(a.id)).rejects.toMatchObject({ code: 'worker-lost' });
      expect(await small.release(a.id)).toMatchObject({ received: { packets: 0 } });
      const again = await until(() => small.allocate({ session: 'next', family: 4, label: 'a' }));
      expect([a.rtpPort, b.rtpPort]).toContain(again.rtpPort);
      expect((await small.load()).workersLost).toBe(1);
      expect(await small.load()).toMatchObject({ endpoints: 1, sessions: 1, portsTaken: 0 });
      await small.close();
    });

    test('what is under way when a worker dies is refused, not left hanging', async () => {
      const doomed = await start();
      const a = await doomed.allocate({ session: 's', family: 4, label: 'a' });
      const ended = workers.at(-1)!.terminate();
      await expect(Promise.all(Array.from({ length: 20 }, () => doomed.stats(a.id)))).rejects.toMatchObject({ code: 'worker-lost' });
      await ended;
      await doomed.close();
    });

    test('sessions are spread over the workers, each whole in one', async () => {
      const two = await start({ workers: 2 });
      for (const session of ['x', 'y', 'x', 'y']) await two.allocate({ session, family: 4, label: session });
      expect((await two.load()).workers.map((worker) => worker.endpoints)).toEqual([2, 2]);
      await two.close();
    });

    test('an address that this machine does not have is refused at the start', async () => {
      await expect(start({ bind4: '192.0.2.123' })).rejects.toMatchObject({ code: 'setting', message: expect.stringContaining('192.0.2.123') });
    });

    test('a closed plane refuses, closing twice is closing once, and a release after it does no harm', async () => {
      const closing = await start();
      const a = await closing.allocate({ session: 's', family: 4, label: 'a' });
      const under = closing.stats(a.id);
      await Promise.all([closing.close(), closing.close()]);
      await closing.close();
      await under.catch((err: unknown) => expect(err).toMatchObject({ code: 'closed' }));
      await expect(closing.allocate({ session: 's', family: 4, label: 'b' })).rejects.toMatchObject({ code: 'closed' });
      await expect(closing.setRemote(a.id, null)).rejects.toMatchObject({ code: 'closed' });
      await expect(closing.load()).rejects.toMatchObject({ code: 'closed' });
      expect((await closing.release(a.id)).received.packets).toBe(0);
    });
  });
});

test.each([
  [20000, 20000, 'no pair'],
  [20010, 20001, 'no pair'],
  [0, 100, '1 to 65535'],
  [20000, 70000, '1 to 65535'],
  [20000.5, 20010, '1 to 65535'],
])('a range of %d to %d is refused by name', async (portMin, portMax, says) => {
  const { spawn, workers } = workerSpawner();
  const options = { portMin, portMax, workers: 1, bind4: '127.0.0.1', bind6: null, drainMs: 0, silenceMs: 0 };
  await expect(createMediaPlane(options, { spawn })).rejects.toMatchObject({ code: 'setting', message: expect.stringContaining(says) });
  expect(workers).toEqual([]);
});

/** Tries until it is not refused. */
async function until<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await sleep(5);
    }
  }
}
