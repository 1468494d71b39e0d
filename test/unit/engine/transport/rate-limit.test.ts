/** Requests a second per source: buckets on a fake clock, then what becomes of requests that are too many. */
import { RateLimit } from '../../../../signaling/engine/transport/rate-limit';
import { networkList } from '../../../../signaling/engine/transport/networks';
import { FakeClock } from '../../../support/fake-clock';
import { closeAll, options, Rig, tcp4, TcpPeer, udp4, UdpPeer, until } from './support';

afterEach(closeAll);

const nobody = networkList([]);

function passed(limit: RateLimit, source: string, asked: number): number {
  return Array.from({ length: asked }, () => limit.allows(source)).filter(Boolean).length;
}

describe('buckets', () => {
  test('two seconds’ worth at once, then the rate', () => {
    const clock = new FakeClock();
    const limit = new RateLimit(clock, 10, nobody);
    expect(passed(limit, '192.0.2.1', 50)).toBe(20);
    clock.advance(500);
    expect(passed(limit, '192.0.2.1', 50)).toBe(5);
    clock.advance(60_000);
    expect(passed(limit, '192.0.2.1', 50)).toBe(20);
  });

  test('sources do not share; the addresses of one IPv6 network do', () => {
    const limit = new RateLimit(new FakeClock(), 1, nobody);
    expect(passed(limit, '192.0.2.1', 5)).toBe(2);
    expect(passed(limit, '192.0.2.2', 5)).toBe(2);
    expect(passed(limit, '2001:db8:1:2::1', 5)).toBe(2);
    expect(passed(limit, '2001:db8:1:2::2', 5)).toBe(0);
    expect(passed(limit, '2001:db8:1:3::1', 5)).toBe(2);
  });

  test('0 is no limit; exempt networks are not counted', () => {
    expect(passed(new RateLimit(new FakeClock(), 0, nobody), '192.0.2.1', 1_000)).toBe(1_000);
    const limit = new RateLimit(new FakeClock(), 1, networkList(['192.0.2.0/24', '2001:db8::/32']));
    expect(passed(limit, '192.0.2.1', 100)).toBe(100);
    expect(passed(limit, '2001:db8::1', 100)).toBe(100);
    expect(passed(limit, '198.51.100.1', 100)).toBe(2);
  });

  test('the table is bounded, and forgets those that have been quiet first', () => {
    const clock = new FakeClock();
    const limit = new RateLimit(clock, 1, nobody);
    passed(limit, '203.0.113.1', 5);
    for (let n = 0; n < 19_999; n++) limit.allows(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
    expect(limit.size).toBe(20_000);
    clock.advance(1_000);
    // All but the busy one have full buckets again.
    limit.allows('203.0.113.2');
    expect(limit.size).toBe(2);
    expect(passed(limit, '203.0.113.1', 5)).toBe(1);
  });
});

describe('requests that are too many', () => {
  const limits = { maxRequestsPerSecond: 1 };
  const message = (transport: string, n: number): string => options(`SIP/2.0/${transport} 127.0.0.1;branch=z9hG4bK${n}`);

  test('UDP: dropped and counted; responses are not counted at all', async () => {
    const rig = await Rig.start([udp4], { limits });
    const peer = await UdpPeer.open();
    const response = message('UDP', 9).replace(/^.*\r\n/, 'SIP/2.0 200 OK\r\n');
    for (let n = 0; n < 5; n++) peer.send(response, rig.port());
    for (let n = 0; n < 5; n++) peer.send(message('UDP', n), rig.port());
    await until(() => rig.stats.messagesReceived === 10);
    expect(rig.received).toHaveLength(7);
    expect(rig.stats.rateLimited).toBe(3);
    expect(peer.got).toHaveLength(0);
  });

  test('streams: 503 with Retry-After, and the connection stays; an ACK gets none', async () => {
    const rig = await Rig.start([tcp4], { limits });
    const peer = await TcpPeer.open(rig.port());
    const ack = message('TCP', 8).replaceAll('OPTIONS', 'ACK');
    peer.write(message('TCP', 1) + message('TCP', 2) + message('TCP', 3) + ack);
    await peer.has('SIP/2.0 503 ');
    await peer.has('Retry-After: 1\r\n');
    await until(() => rig.stats.rateLimited === 2);
    rig.clock.advance(1_000);
    peer.write(message('TCP', 4));
    await rig.message(2);
    expect(rig.received.map((r) => r.message.topVia.branch)).toEqual(['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK4']);
    expect(peer.data.match(/SIP\/2\.0 503/g)).toHaveLength(1);
    expect(peer.closed).toBe(false);
  });

  test('exempt networks', async () => {
    const rig = await Rig.start([udp4], { limits, unlimitedNets: ['127.0.0.0/8'] });
    const peer = await UdpPeer.open();
    for (let n = 0; n < 20; n++) peer.send(message('UDP', n), rig.port());
    await rig.message(19);
    expect(rig.stats.rateLimited).toBe(0);
  });
});
