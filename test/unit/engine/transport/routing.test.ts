/** Which way requests and responses go, and what peers are told of us: RFC 3261 §18.1, §18.2.2, RFC 3581 §4, RFC 5923-like reuse. */
import type { NetworkInterfaceInfo } from 'node:os';
import { TransportLayer } from '../../../../signaling/engine/transport/transport-layer';
import { TransportError, type Flow } from '../../../../signaling/engine/transport/types';
import { FakeClock } from '../../../support/fake-clock';
import { FakeNames } from '../resolve/fake-names';
import { closeAll, hasIPv6, options, quiet, Rig, tcp4, TcpListeningPeer, TcpPeer, udp4, UdpPeer, until, wire } from './support';

afterEach(closeAll);

function face(address: string, cidr: string, internal = false): NetworkInterfaceInfo {
  return { address, cidr, internal, family: address.includes(':') ? 'IPv6' : 'IPv4', netmask: '', mac: '', ...(address.includes(':') ? { scopeid: 0 } : {}) } as NetworkInterfaceInfo;
}

describe('responses', () => {
  test('UDP: to the source address and port, whatever the Via says', async () => {
    const rig = await Rig.start([udp4]);
    const peer = await UdpPeer.open();
    peer.send(options('SIP/2.0/UDP 203.0.113.9:9;maddr=203.0.113.10;branch=z9hG4bK1'), rig.port());
    const { message, flow } = await rig.message();
    (rig.layer.responseFlow(message.topVia, flow) as Flow).send(Buffer.from('answer'));
    expect(await peer.text()).toBe('answer');
  });

  test('TCP: over the connection while it is open, else to the source address and the port of sent-by', async () => {
    const rig = await Rig.start([tcp4]);
    const home = await TcpListeningPeer.open();
    const peer = await TcpPeer.open(rig.port());
    peer.write(options(`SIP/2.0/TCP 203.0.113.9:${home.port};branch=z9hG4bK1`));
    const { message, flow } = await rig.message();
    expect(rig.layer.responseFlow(message.topVia, flow)).toBe(flow);
    peer.socket.destroy();
    await until(() => !flow.open);
    const way = await rig.layer.responseFlow(message.topVia, flow);
    way.send(Buffer.from('answer'));
    await (await home.connection()).has('answer');
  });

  test('TCP: when that cannot be dialled the error says so', async () => {
    const rig = await Rig.start([tcp4]);
    const peer = await TcpPeer.open(rig.port());
    peer.write(options('SIP/2.0/TCP 127.0.0.1:21004;branch=z9hG4bK1'));
    const { message, flow } = await rig.message();
    peer.socket.destroy();
    await until(() => !flow.open);
    await expect(Promise.resolve(rig.layer.responseFlow(message.topVia, flow))).rejects.toMatchObject({ code: 'ECONNREFUSED', port: 21_004 });
  });
});

describe('requests', () => {
  test('a name is resolved to an address that we have a socket for', async () => {
    const peer = await UdpPeer.open();
    const names = new FakeNames().hasAddress('phone.example', '::1', '127.0.0.1');
    const rig = await Rig.start([udp4], {}, { names });
    const flow = await rig.layer.flowTo({ host: 'phone.example', port: peer.port });
    flow.send(Buffer.from('x'));
    expect(await peer.text()).toBe('x');
    expect(names.asked).toEqual(['A phone.example']);
  });

  test('an address is never asked for', async () => {
    const names = new FakeNames();
    const rig = await Rig.start([udp4], {}, { names });
    for (const host of ['127.0.0.1', '[::1]', 'fe80::1%lo']) await Promise.resolve(rig.layer.flowTo({ host })).catch(() => undefined);
    expect(names.asked).toEqual([]);
  });

  test('a name that does not resolve, or only to what we cannot reach', async () => {
    const names = new FakeNames().hasAddress('six.example', '2001:db8::1');
    const rig = await Rig.start([udp4], {}, { names });
    await expect(Promise.resolve(rig.layer.flowTo({ host: 'nowhere.invalid' }))).rejects.toMatchObject({ name: 'TransportError', code: 'ENOTFOUND' });
    await expect(Promise.resolve(rig.layer.flowTo({ host: 'six.example' }))).rejects.toMatchObject({ code: 'no-transport' });
  });

  test('nothing listens for that protocol, or that family; no such port', async () => {
    const rig = await Rig.start([udp4]);
    await expect(Promise.resolve(rig.layer.flowTo({ protocol: 'tcp', host: '127.0.0.1' }))).rejects.toMatchObject({
      code: 'no-transport',
      message: 'Nothing listens for tcp over IPv4, so 127.0.0.1 cannot be reached',
    });
    await expect(Promise.resolve(rig.layer.flowTo({ host: '[::1]' }))).rejects.toMatchObject({ code: 'no-transport' });
    for (const port of [0, -1, 65_536, Number.NaN]) await expect(Promise.resolve(rig.layer.flowTo({ host: '127.0.0.1', port }))).rejects.toMatchObject({ code: 'bad-port' });
  });

  test('without UDP an open protocol means TCP; the default port is 5060', async () => {
    const far = await TcpListeningPeer.open();
    const rig = await Rig.start([tcp4, udp4]);
    expect((await rig.layer.flowTo({ host: '127.0.0.1' })).remote).toEqual({ address: '127.0.0.1', port: 5060 });
    const only = await Rig.start([tcp4]);
    expect((await only.layer.flowTo({ host: '127.0.0.1', port: far.port })).protocol).toBe('tcp');
  });

  test('IPv6, with and without brackets', async () => {
    if (!hasIPv6()) return;
    const peer = await UdpPeer.open('::1');
    const rig = await Rig.start([udp4, { ...udp4, address: '::1' }]);
    for (const host of ['::1', '[::1]']) (await rig.layer.flowTo({ host, port: peer.port })).send(Buffer.from('x'));
    await peer.text(1);
    expect(peer.got[1]?.from.port).toBe(rig.port(1));
  });

  test('of several sockets the one whose address the peer will see', async () => {
    const rig = await Rig.start([{ ...udp4, address: '127.0.0.2' }, udp4]);
    expect((await rig.layer.flowTo({ host: '127.0.0.1', port: 9 })).local.address).toBe('127.0.0.1');
    const wild = await Rig.start([{ ...udp4, address: '127.0.0.2' }, { ...udp4, address: '0.0.0.0' }], {}, { probe: () => Promise.resolve(undefined) });
    expect((await wild.layer.flowTo({ host: '127.0.0.1', port: 9 })).local.address).toBe('0.0.0.0');
  });
});

describe('what peers are told (sent-by)', () => {
  const interfaces = () => ({ lo: [face('127.0.0.1', '127.0.0.1/8', true)], eth0: [face('192.168.7.2', '192.168.7.2/24')], vpn: [face('10.8.0.5', '10.8.0.5/16')] });
  const routes: Record<string, string> = { '192.0.2.1': '192.168.7.2', '198.51.100.1': '10.8.0.5' };
  const probe = (peer: string) => Promise.resolve(routes[peer]);
  const wild = { ...udp4, address: '0.0.0.0' };
  const tell = async (rig: Rig, host: string): Promise<string> => rig.layer.sentBy(await rig.layer.flowTo({ host, port: 9 })).host;

  test('bound to all addresses: the one on the peer’s network, else the one its route leaves from', async () => {
    const rig = await Rig.start([wild], {}, { interfaces, probe });
    expect(await tell(rig, '127.0.0.1')).toBe('127.0.0.1');
    expect(await tell(rig, '192.168.7.9')).toBe('192.168.7.2');
    expect(await tell(rig, '192.168.7.2')).toBe('192.168.7.2');
    expect(await tell(rig, '10.8.99.1')).toBe('10.8.0.5');
    expect(await tell(rig, '198.51.100.1')).toBe('10.8.0.5');
    expect(await tell(rig, '203.0.113.1')).toBe('192.168.7.2');
  });

  test('bound to one address: that', async () => {
    const rig = await Rig.start([udp4], {}, { interfaces, probe });
    expect(await tell(rig, '192.168.7.9')).toBe('127.0.0.1');
  });

  test('the external address for peers outside the local networks', async () => {
    const rig = await Rig.start([wild], { external: '203.0.113.50', localNets: ['192.168.0.0/16', '10.8.0.1'] }, { interfaces, probe });
    expect(await tell(rig, '203.0.113.1')).toBe('203.0.113.50');
    expect(await tell(rig, '192.168.7.9')).toBe('192.168.7.2');
    expect(await tell(rig, '10.8.0.1')).toBe('10.8.0.5');
    expect(await tell(rig, '10.8.0.9')).toBe('203.0.113.50');
    expect(await tell(rig, '127.0.0.1')).toBe('127.0.0.1');
    expect(rig.points).toEqual([{ protocol: 'udp', address: '0.0.0.0', port: rig.port(), external: '203.0.113.50' }]);
    expect(rig.layer.isLocalNet('192.168.1.1')).toBe(true);
    expect(rig.layer.isLocalNet('8.8.8.8')).toBe(false);
    expect(rig.layer.isLocalNet('::1')).toBe(true);
  });

  test('IPv6 stands in brackets', async () => {
    if (!hasIPv6()) return;
    const rig = await Rig.start([{ ...udp4, address: '::1' }], { external: '2001:db8::5' });
    expect(await tell(rig, '::1')).toBe('[::1]');
    expect(await tell(rig, '2001:db8::9')).toBe('[2001:db8::5]');
  });

  test('which requests would come back to us', async () => {
    const rig = await Rig.start([wild], { external: '203.0.113.50' }, { interfaces, probe });
    for (const host of ['127.0.0.1', '127.0.0.7', 'localhost', '192.168.7.2', '203.0.113.50']) expect(rig.layer.isOwn(host, rig.port())).toBe(true);
    for (const host of ['192.168.7.9', 'phone.example', '::1', '[::1]']) expect(rig.layer.isOwn(host, rig.port())).toBe(false);
    expect(rig.layer.isOwn('127.0.0.1', rig.port() + 1)).toBe(false);
    const bound = await Rig.start([udp4], {}, { interfaces, probe });
    expect(bound.layer.isOwn('127.0.0.1', bound.port())).toBe(true);
    expect(bound.layer.isOwn('192.168.7.2', bound.port())).toBe(false);
  });

  test('a network that is none is refused at once', () => {
    for (const net of ['home', '10.0.0.0/33', '10.0.0.0/x', 'fe80::/129', '10.0.0.0/']) {
      expect(() => new TransportLayer({ listen: [], wire, localNets: [net] }, { clock: new FakeClock(), log: quiet })).toThrow(TransportError);
    }
  });
});

describe('remembered flows', () => {
  test('found until they expire; a newer one replaces; zero removes; a closed one is still told', async () => {
    const rig = await Rig.start([tcp4, udp4]);
    const peers = [await TcpPeer.open(rig.port()), await TcpPeer.open(rig.port())];
    for (const [n, peer] of peers.entries()) {
      peer.write(options(`SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK${n}`));
      await rig.message(n);
    }
    const [first, second] = rig.received.map((r) => r.flow) as [Flow, Flow];
    expect(rig.layer.registerFlow('alice@x.invalid', first, 60_000)).toBe(true);
    expect(rig.layer.lookupFlow('alice@x.invalid')).toBe(first);
    expect(rig.layer.lookupFlow('bob@x.invalid')).toBeUndefined();
    rig.layer.registerFlow('alice@x.invalid', second, 60_000);
    expect(rig.layer.lookupFlow('alice@x.invalid')).toBe(second);
    peers[1]?.socket.destroy();
    await until(() => !second.open);
    expect(rig.layer.lookupFlow('alice@x.invalid')).toBe(second);
    rig.clock.advance(60_000);
    expect(rig.layer.lookupFlow('alice@x.invalid')).toBeUndefined();
    rig.layer.registerFlow('alice@x.invalid', first, 60_000);
    rig.layer.registerFlow('alice@x.invalid', first, 0);
    expect(rig.layer.lookupFlow('alice@x.invalid')).toBeUndefined();
    expect(rig.stats.rememberedFlows).toBe(0);
    const udp = await rig.layer.flowTo({ protocol: 'udp', host: '127.0.0.1', port: 9 });
    expect(rig.layer.registerFlow('alice@x.invalid', udp, 60_000)).toBe(false);
  });

  test('several flows of one phone, each under its binding: the newest that is open, or the one that is preferred', async () => {
    const rig = await Rig.start([tcp4], { limits: { maxRememberedFlows: 3 } });
    const peers = [await TcpPeer.open(rig.port()), await TcpPeer.open(rig.port())];
    for (const [n, peer] of peers.entries()) {
      peer.write(options(`SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK${n}`));
      await rig.message(n);
    }
    const [first, second] = rig.received.map((r) => r.flow) as [Flow, Flow];
    rig.layer.registerFlow('alice@x.invalid', first, 60_000, 'phone 1');
    rig.layer.registerFlow('alice@x.invalid', second, 30_000, 'phone 2');
    expect(rig.stats.rememberedFlows).toBe(2);
    expect(rig.layer.lookupFlow('alice@x.invalid')).toBe(second);
    expect(rig.layer.lookupFlow('alice@x.invalid', first)).toBe(first);
    rig.layer.registerFlow('alice@x.invalid', first, 60_000, 'phone 1');
    expect(rig.layer.lookupFlow('alice@x.invalid')).toBe(first);
    expect(rig.stats.rememberedFlows).toBe(2);
    expect([rig.layer.flowNamed(first.id), rig.layer.flowNamed(second.id)]).toEqual([first, second]);
    peers[0]?.socket.destroy();
    await until(() => !first.open);
    expect(rig.layer.flowNamed(first.id)).toBeUndefined();
    expect(rig.layer.lookupFlow('alice@x.invalid', first)).toBe(second);
    rig.clock.advance(30_000);
    expect(rig.layer.lookupFlow('alice@x.invalid')).toBe(first);
    rig.layer.registerFlow('alice@x.invalid', second, 0, 'phone 2');
    expect(rig.layer.lookupFlow('alice@x.invalid')).toBe(first);
    rig.layer.registerFlow('alice@x.invalid', second, 0, 'phone 1');
    expect(rig.stats.rememberedFlows).toBe(0);
    for (let n = 1; n <= 20; n++) rig.layer.registerFlow('b@x.invalid', second, 60_000, `phone ${n}`);
    expect(rig.stats).toMatchObject({ rememberedFlows: 3, flowsNotRemembered: 17 });
  });

  test('a datagram flow is found by its id as long as its socket is there, a made-up one never', async () => {
    const rig = await Rig.start([udp4, tcp4]);
    const flow = await rig.layer.flowTo({ protocol: 'udp', host: '127.0.0.1', port: 9 });
    expect(rig.layer.flowNamed(flow.id)).toMatchObject({ id: flow.id, remote: { address: '127.0.0.1', port: 9 } });
    for (const id of ['', 'udp:127.0.0.1:9', `udp:127.0.0.1:9@127.0.0.2:${rig.port()}`, 'tcp:127.0.0.1:9#1']) expect(rig.layer.flowNamed(id)).toBeUndefined();
  });

  test('bounded: a full table refuses new names, keeps known ones, and makes room by expiry', async () => {
    const rig = await Rig.start([tcp4], { limits: { maxRememberedFlows: 2 } });
    const peer = await TcpPeer.open(rig.port());
    peer.write(options('SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1'));
    const { flow } = await rig.message();
    expect(rig.layer.registerFlow('a@x', flow, 10_000)).toBe(true);
    expect(rig.layer.registerFlow('b@x', flow, 60_000)).toBe(true);
    expect(rig.layer.registerFlow('c@x', flow, 60_000)).toBe(false);
    expect(rig.layer.registerFlow('b@x', flow, 60_000)).toBe(true);
    expect(rig.stats).toMatchObject({ rememberedFlows: 2, flowsNotRemembered: 1 });
    rig.clock.advance(10_000);
    expect(rig.layer.registerFlow('c@x', flow, 60_000)).toBe(true);
    expect(rig.stats.rememberedFlows).toBe(2);
  });
});
