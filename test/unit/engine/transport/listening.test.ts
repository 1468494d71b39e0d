/** Listening points: addresses, ports, what happens when one cannot be opened. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { openListeners } from '../../../../signaling/engine/transport/open-listeners';
import type { Listener } from '../../../../signaling/engine/transport/listener';
import { TransportError, type ListenSpec } from '../../../../signaling/engine/transport/types';
import { claimPorts, type PortBlock } from '../../../support/ports';
import { closeAll, hasIPv6, options, Rig, tcp4, TcpPeer, udp4, UdpPeer } from './support';

let claimed: PortBlock | undefined;

/** A number that is ours for UDP and TCP, and not one that the system gives to others in between. */
async function ownPort(): Promise<number> {
  claimed = await claimPorts(1);
  return claimed.first;
}

afterEach(async () => {
  await closeAll();
  claimed?.release();
  claimed = undefined;
});

describe('listening', () => {
  test('UDP and TCP with port 0 on one address get the same number, and it is reported', async () => {
    const rig = await Rig.start([udp4, tcp4]);
    expect(rig.points.map((p) => p.protocol)).toEqual(['udp', 'tcp']);
    expect(rig.port(0)).toBeGreaterThan(0);
    expect(rig.port(1)).toBe(rig.port(0));
    expect(rig.layer.listening()).toEqual(rig.points);
  });

  test('IPv4 and IPv6 side by side, wildcard included', async () => {
    if (!hasIPv6()) return;
    const rig = await Rig.start([udp4, tcp4, { ...udp4, address: '::1' }, { ...tcp4, address: '::1' }]);
    expect(rig.points.map((p) => p.address)).toEqual(['127.0.0.1', '127.0.0.1', '::1', '::1']);
    const six = await UdpPeer.open('::1');
    six.send(options(`SIP/2.0/UDP [::1]:${six.port};branch=z9hG4bK1`), rig.port(2), '::1');
    const { flow } = await rig.message();
    expect(flow.remote).toMatchObject({ address: '::1', port: six.port });
    const stream = await TcpPeer.open(rig.port(3), '::1');
    stream.write(options('SIP/2.0/TCP [::1];branch=z9hG4bK2'));
    await rig.message(1);
    const both = await Rig.start([{ ...udp4, address: '0.0.0.0' }, { ...udp4, address: '::' }]);
    expect(both.points).toHaveLength(2);
  });

  test(':: by itself is all addresses, IPv4 among them, under one number and as themselves', async () => {
    if (!hasIPv6()) return;
    const rig = await Rig.start([{ ...udp4, address: '::' }, { ...tcp4, address: '::' }]);
    expect(rig.points.map(({ protocol, address }) => `${protocol} ${address}`)).toEqual(['udp ::', 'udp 0.0.0.0', 'tcp ::', 'tcp 0.0.0.0']);
    expect(new Set(rig.points.map(({ port }) => port)).size).toBe(1);
    for (const [index, host] of ['127.0.0.1', '::1'].entries()) {
      const peer = await TcpPeer.open(rig.port(), host);
      peer.write(options(`SIP/2.0/TCP phone.invalid;branch=z9hG4bK${index}`));
      const { flow, message } = await rig.message(index);
      expect(message.topVia.received).toBe(host);
      expect(rig.layer.sentBy(flow).host).toBe(index === 0 ? '127.0.0.1' : '[::1]');
    }
  });

  test('what runs over TCP has numbers of its own', async () => {
    const rig = await Rig.start([udp4, tcp4, { ...tcp4, protocol: 'ws' }]);
    expect(rig.port(1)).toBe(rig.port(0));
    expect(rig.port(2)).not.toBe(rig.port(0));
  });

  test('TLS without a certificate is refused by name', async () => {
    const rig = new Rig([{ ...tcp4, protocol: 'tls' }]);
    await expect(rig.layer.start()).rejects.toMatchObject({ name: 'TransportError', about: 'certificates', message: 'TLS and WSS need a certificate and its key.' });
  });

  test.each(['udp', 'tcp'] as const)('a taken %s port is a sentence that names protocol, address and port, and nothing stays open', async (protocol) => {
    const port = await ownPort();
    await Rig.start([{ ...udp4, protocol, port }]);
    const first: ListenSpec = { protocol: protocol === 'udp' ? 'tcp' : 'udp', address: '127.0.0.1', port };
    const rig = new Rig([first, { ...udp4, protocol, port }]);
    const error = await rig.layer.start().then(() => undefined, (e: unknown) => e);
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({
      code: 'EADDRINUSE',
      protocol,
      address: '127.0.0.1',
      port,
      message: `Cannot listen on ${protocol} 127.0.0.1:${port}: another program has it open (EADDRINUSE)`,
    });
    const again = await Rig.start([first]);
    expect(again.port()).toBe(port);
  });

  test('an address of another machine is a sentence too', async () => {
    const rig = new Rig([{ protocol: 'udp', address: '192.0.2.77', port: 21_001 }]);
    await expect(rig.layer.start()).rejects.toMatchObject({ code: 'EADDRNOTAVAIL', message: expect.stringContaining('the address is not one of this machine') });
  });

  test('starts once', async () => {
    const rig = await Rig.start([udp4]);
    await expect(rig.layer.start()).rejects.toMatchObject({ code: 'closed' });
  });

  test('close ends connections and frees the ports, twice is once', async () => {
    const port = await ownPort();
    const rig = await Rig.start([{ ...udp4, port }, { ...tcp4, port }]);
    const peer = await TcpPeer.open(port);
    peer.write(options('SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1'));
    const { flow } = await rig.message();
    await Promise.all([rig.layer.close(), rig.layer.close()]);
    await peer.end();
    expect(flow.open).toBe(false);
    expect(rig.stats.connections).toBe(0);
    expect(rig.clock.waiting).toBe(0);
    const again = await Rig.start([{ ...udp4, port }, { ...tcp4, port }]);
    expect(again.points).toHaveLength(2);
  });

  test('a UDP port opened without sharing stays ours alone', async () => {
    const rig = await Rig.start([udp4]);
    const thief = createSocket({ type: 'udp4', reuseAddr: true });
    thief.bind(rig.port(), '127.0.0.1');
    const [error] = (await once(thief, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('EADDRINUSE');
    thief.close();
  });
});

describe('one number for several listening points', () => {
  const fake = (taken: Set<number>) => {
    let next = 100;
    const closed: string[] = [];
    const listen = (spec: ListenSpec): Promise<Listener> => {
      const port = spec.port === 0 ? next++ : spec.port;
      if (spec.protocol === 'tcp' && taken.has(port)) {
        return Promise.reject(new TransportError('EADDRINUSE', 'taken', spec.protocol, spec.address, port));
      }
      return Promise.resolve({
        protocol: spec.protocol,
        address: spec.address,
        family: 4,
        port,
        open: () => Promise.reject(new Error('not here')),
        close: () => {
          closed.push(`${spec.protocol} ${port}`);
          return Promise.resolve();
        },
      });
    };
    return { listen, closed };
  };

  test('another number is tried when the one given is taken for the second', async () => {
    const { listen, closed } = fake(new Set([100, 101]));
    const listeners = await openListeners([udp4, tcp4], listen);
    expect(listeners.map((l) => l.port)).toEqual([102, 102]);
    expect(closed).toEqual(['udp 100', 'udp 101']);
  });

  test('it is given up after ten numbers', async () => {
    const { listen, closed } = fake(new Set(Array.from({ length: 50 }, (_, i) => 100 + i)));
    await expect(openListeners([udp4, tcp4], listen)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(closed).toHaveLength(10);
  });

  test('a number that was asked for is not tried twice', async () => {
    const { listen, closed } = fake(new Set([5060]));
    await expect(openListeners([{ ...udp4, port: 5060 }, { ...tcp4, port: 5060 }], listen)).rejects.toMatchObject({ port: 5060 });
    expect(closed).toEqual(['udp 5060']);
  });

  test('other addresses have their own number', async () => {
    const { listen } = fake(new Set());
    const listeners = await openListeners([udp4, { ...udp4, address: '127.0.0.2' }, tcp4], listen);
    expect(listeners.map((l) => l.port)).toEqual([100, 101, 100]);
  });
});
