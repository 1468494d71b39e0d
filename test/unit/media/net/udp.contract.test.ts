/** Both ways to the network behind `UdpNet`, in this thread, with real sockets on loopback. */
import { hostOf, parseSockAddr, portOf } from '../../../../media/net/address';
import { FdLedger, sharedLedger } from '../../../../media/net/fd-ledger';
import { openLibc } from '../../../../media/net/libc';
import { openNet } from '../../../../media/net/open';
import { UdpError, type UdpNet } from '../../../../media/net/udp';
import { NativeNet } from '../../../../media/net/udp-native';
import { unless } from '../../../support/peers';
import { claimPorts } from '../../../support/ports';
import { Peer } from '../support/peer';

const noNative = ((libc) => (libc instanceof Error ? libc.message : undefined))(openLibc());
const now = (): number => performance.now();

describe.each(['native', 'dgram'] as const)('%s', (kind) => {
  unless(kind === 'native' ? noNative : undefined)('UDP', () => {
    let net: UdpNet;
    let peer: Peer;
    beforeEach(async () => {
      net = openNet(kind, now).net;
      peer = await Peer.open();
    });
    afterEach(async () => {
      net.close();
      await peer.close();
    });

    const heard = (count: number) => {
      const packets: string[] = [];
      let done: (packets: string[]) => void = () => undefined;
      const all = new Promise<string[]>((resolve) => (done = resolve));
      return {
        all,
        onPacket: (data: Uint8Array, length: number) => {
          packets.push(Buffer.from(data.subarray(0, length)).toString());
          if (packets.length === count) done(packets);
        },
      };
    };

    test('hands over datagrams with their source, empty ones too', async () => {
      const sources: string[] = [];
      const { all, onPacket } = heard(2);
      const socket = await net.bind(4, '127.0.0.1', 0, (data, length, from) => {
        sources.push(`${hostOf(from)}:${portOf(from)}`);
        onPacket(data, length);
      });
      peer.send(Buffer.alloc(0), socket.port);
      peer.send(Buffer.from('after'), socket.port);
      expect(await all).toEqual(['', 'after']);
      expect(sources).toEqual([`127.0.0.1:${peer.port}`, `127.0.0.1:${peer.port}`]);
      expect(net.packets).toBe(2);
    });

    test('runs what is due, between packets and without any, not before its time', async () => {
      const runs: number[] = [];
      const start = now();
      let done: () => void = () => undefined;
      const finished = new Promise<void>((resolve) => (done = resolve));
      const beat = {
        nextAt: start + 20,
        run: (at: number) => {
          runs.push(at - beat.nextAt);
          beat.nextAt = runs.length < 5 ? start + 20 * (runs.length + 1) : Infinity;
          if (runs.length === 5) done();
        },
      };
      const socket = await net.bind(4, '127.0.0.1', 0, () => undefined);
      net.setBeat(beat);
      for (let i = 0; i < 50; i++) peer.send(Buffer.from('in between'), socket.port);
      await finished;
      expect(runs).toHaveLength(5);
      expect(Math.min(...runs)).toBeGreaterThanOrEqual(0);
    });

    test('sends where it was aimed at, memory of its own and memory of others', async () => {
      const socket = await net.bind(4, '127.0.0.1', 0, (data, length) => void socket.send(data, length));
      expect([socket.aimed, socket.send(Buffer.from('nowhere'), 7)]).toEqual([false, false]);
      socket.aim(parseSockAddr('127.0.0.1', peer.port));
      expect(socket.send(Buffer.from('own memory, more than is sent'), 10)).toBe(true);
      expect(await peer.next()).toMatchObject({ data: Buffer.from('own memory'), from: { port: socket.port } });
      peer.send(Buffer.from('echo'), socket.port);
      expect((await peer.next()).data.toString()).toBe('echo');
      socket.aim(undefined);
      expect([socket.aimed, socket.send(Buffer.from('nowhere'), 7), socket.sendErrors]).toEqual([false, false, 0]);
    });

    test('the address aimed at is copied', async () => {
      const socket = await net.bind(4, '127.0.0.1', 0, () => undefined);
      const to = parseSockAddr('127.0.0.1', peer.port)!;
      socket.aim(to);
      to.fill(0);
      socket.send(Buffer.from('x'), 1);
      expect((await peer.next()).data.toString()).toBe('x');
    });

    test('a handler that throws costs its packet, and is told of', async () => {
      const { all, onPacket } = heard(1);
      const socket = await net.bind(4, '127.0.0.1', 0, (data, length) => {
        if (data[0] === 0x21) throw new Error('a fault of ours');
        onPacket(data, length);
      });
      peer.send(Buffer.from('!'), socket.port);
      peer.send(Buffer.from('fine'), socket.port);
      expect(await all).toEqual(['fine']);
      expect(net.faults).toBe(1);
      expect(net.lastFault).toContain('a fault of ours');
    });

    test.each([
      ['in-use', () => ({ address: '127.0.0.1', port: peer.port })],
      ['address', () => ({ address: '192.0.2.77', port: 0 })],
    ])('an address that cannot be bound to is refused: %s', async (code, where) => {
      const { address, port } = where();
      const refused = await net.bind(4, address, port, () => undefined).catch((err: unknown) => err);
      expect(refused).toBeInstanceOf(UdpError);
      expect(refused).toMatchObject({ code, message: expect.stringContaining(`${address}:${port}`) });
    });

    test('IPv6 takes no IPv4', async () => {
      const ports = await claimPorts(2);
      const six = await net.bind(6, '::', ports.first, () => undefined);
      const four = await Peer.open('127.0.0.1', six.port); // the same port, the other family
      await four.close();
      ports.release();
    });

    test('a closed net binds nothing, and closing again does no harm', async () => {
      const ports = await claimPorts(2);
      const socket = await net.bind(4, '127.0.0.1', ports.first, () => undefined);
      net.close();
      net.close();
      socket.close();
      socket.aim(parseSockAddr('127.0.0.1', peer.port));
      expect(socket.send(Buffer.from('x'), 1)).toBe(false);
      const again = await Peer.open('127.0.0.1', socket.port); // the port is free
      await again.close();
      ports.release();
      await expect(net.bind(4, '127.0.0.1', 0, () => undefined)).rejects.toBeInstanceOf(UdpError);
    });
  });
});

unless(noNative)('native sockets under a ledger', () => {
  test('no more than it has places for, and what is closed makes room', async () => {
    const libc = openLibc();
    if (libc instanceof Error) throw libc;
    const net = new NativeNet({ libc, now, ledger: new FdLedger(sharedLedger(4)) }); // two go to the epoll and the bell
    const bind = () => net.bind(4, '127.0.0.1', 0, () => undefined);
    const [first] = [await bind(), await bind()];
    await expect(bind()).rejects.toMatchObject({ code: 'limit' });
    first.close();
    (await bind()).close();
    net.close();
    libc.close(net.bell); // left open for whoever holds the ledger
  });
});
