/** The simple packet format, and the port that admits its clients. */
import fc from 'fast-check';
import { parseSockAddr } from '../../../../media/net/address';
import { openLibc } from '../../../../media/net/libc';
import { Networks } from '../../../../media/net/networks';
import { openNet } from '../../../../media/net/open';
import { DEFAULT_ROOM, roomOf, SIMPLE_PACKET_BYTES, simpleReserved, simpleSequence, simpleTimestamp, writeSimpleHeader } from '../../../../media/net/simple-format';
import { SIMPLE_IDLE_MS, SimpleGateway, type SimpleClient, type SimpleGatewayOptions } from '../../../../media/net/simple-gateway';
import { unless } from '../../../support/peers';
import { FakeNet } from '../support/fake-net';
import { Peer } from '../support/peer';

const PORT = 40500;
const ALICE = '192.0.2.1:4000';
const BOB = '192.0.2.2:5000';

function packet(reserved = 0, sequence = 1, timestamp = 0, fill = 0x55): Buffer {
  const data = Buffer.alloc(SIMPLE_PACKET_BYTES, fill);
  data.writeUInt32BE(timestamp, 0);
  data.writeUInt16BE(sequence, 4);
  data.writeUInt16BE(reserved, 6);
  return data;
}

async function open(options: Partial<SimpleGatewayOptions> = {}) {
  const clock = { ms: 0 };
  const net = new FakeNet(() => clock.ms);
  const log: string[] = [];
  const clients: SimpleClient[] = [];
  const gateway = new SimpleGateway({
    net,
    address: '0.0.0.0',
    port: PORT,
    family: 4,
    allow: ['192.0.2.0/24'],
    rooms: [8000, 8010],
    maxPerRoom: 3,
    maxClients: 5,
    maxPerSource: 2,
    maxPacketsPerSecond: 100,
    onJoin: (client) => {
      clients.push(client);
      log.push(`${client.source} joins ${client.room}`);
      client.onPacket = (data, offset, length, sequence, timestamp, nowMs) => log.push(`${client.source} #${sequence} @${timestamp} ${length}×${data[offset]} at ${nowMs}`);
    },
    onLeave: (client, why) => log.push(`${client.source} leaves ${client.room}: ${why}`),
    ...options,
  });
  await gateway.open();
  const say = (from: string, data: Uint8Array = packet()) => net.deliver(PORT, from, data);
  return { clock, net, gateway, log, clients, say };
}

describe('the format', () => {
  test('fields are where the format says', () => {
    const data = Buffer.from('0102030405060708', 'hex');
    expect([simpleTimestamp(data), simpleSequence(data), simpleReserved(data)]).toEqual([0x01020304, 0x0506, 0x0708]);
    expect([roomOf(0), roomOf(8000), roomOf(17)]).toEqual([DEFAULT_ROOM, 8000, 17]);
  });

  test('what is written is read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0xffff }), (timestamp, sequence, reserved) => {
        const data = new Uint8Array(9).fill(0xaa);
        writeSimpleHeader(data, timestamp, sequence, reserved);
        expect([simpleTimestamp(data), simpleSequence(data), simpleReserved(data), data[8]]).toEqual([timestamp, sequence, reserved, 0xaa]);
      }),
    );
  });
});

describe('networks', () => {
  test.each([
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['10.0.0.0/9', '10.127.255.255', true],
    ['10.0.0.0/9', '10.128.0.0', false],
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '::1', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['::1', '::1', true],
    ['::/0', '192.0.2.1', false],
  ])('%s has %s: %s', (network, address, expected) => {
    expect(new Networks(['198.51.100.7', network]).has(parseSockAddr(address, 4711)!)).toBe(expected);
  });

  test.each(['', 'example.com', '192.0.2.0/33', '192.0.2.0/', '192.0.2/24', '::/129', '192.0.2.0/24/1', '192.0.2.0/-1', 'fe80::1%eth0/64'])('“%s” is none', (text) => {
    expect(() => new Networks([text])).toThrow(expect.objectContaining({ code: 'setting', message: expect.stringContaining(`“${text}” is not a network`) }));
  });
});

test('a client comes with its first packet, which is heard', async () => {
  const { clock, gateway, log, say } = await open();
  say(ALICE, packet(0, 7, 1234, 9));
  clock.ms = 20;
  say(ALICE, packet(0, 8, 1394, 10));
  expect(log).toEqual(['192.0.2.1:4000 joins 8000', '192.0.2.1:4000 #7 @1234 160×9 at 0', '192.0.2.1:4000 #8 @1394 160×10 at 20']);
  expect(gateway.stats()).toMatchObject({ clients: 1, joined: 1, received: 2 });
  expect(gateway.describe()).toBe('simple(:40500, 1 client)');
});

test('each gets its own stream: sequence, samples, the room as it wrote it', async () => {
  const { net, gateway, clients, say } = await open();
  say(ALICE, packet(0));
  say(BOB, packet(8010));
  const sound = new Uint8Array(200).fill(3);
  clients[0]!.send(sound, 160);
  clients[1]!.send(sound, 160);
  clients[0]!.send(sound, 160);
  clients[0]!.send(sound, 159);
  clients[0]!.send(sound.subarray(0, 100), 160);
  expect(net.sent(PORT)).toEqual([
    { to: ALICE, data: packet(0, 0, 0, 3) },
    { to: BOB, data: packet(8010, 0, 0, 3) },
    { to: ALICE, data: packet(0, 1, 160, 3) },
  ]);
  expect(gateway.stats()).toMatchObject({ sent: 3, sendErrors: 0 });
});

test('our sequence number wraps', async () => {
  const { net, clients, say } = await open();
  say(ALICE);
  const sound = new Uint8Array(160);
  for (let i = 0; i <= 65536; i++) clients[0]!.send(sound, 160);
  expect(net.sent(PORT).slice(-2).map(({ data }) => [simpleSequence(data), simpleTimestamp(data)])).toEqual([[65535, 65535 * 160], [0, 65536 * 160]]);
});

test('whoever is not let in is counted by why', async () => {
  const { gateway, log, say } = await open();
  say('198.51.100.1:4000');
  say(ALICE, packet(8001));
  say(ALICE, packet().subarray(0, 167));
  say(ALICE, Buffer.concat([packet(), Buffer.alloc(1)]));
  say(ALICE, new Uint8Array(0));
  expect(log).toEqual([]);
  expect(gateway.stats()).toMatchObject({ clients: 0, received: 0, dropped: { size: 3, notAllowed: 1, unknownRoom: 1, full: 0, rate: 0, closed: 0 } });
});

test.each([
  ['a room', { maxClients: 99, maxPerSource: 99 }, 3],
  ['all rooms', { maxPerRoom: 99, maxPerSource: 99 }, 5],
  ['a source', { maxPerRoom: 99, maxClients: 99 }, 2],
])('%s has room for so many', async (_, options, limit) => {
  const { gateway, say, clock } = await open(options);
  for (let port = 1; port <= 9; port++) say(`192.0.2.1:${port}`);
  expect(gateway.stats()).toMatchObject({ clients: limit, received: limit, dropped: { full: 9 - limit } });
  clock.ms = SIMPLE_IDLE_MS;
  gateway.sweep(clock.ms);
  for (let port = 1; port <= 9; port++) say(`192.0.2.1:${port}`);
  expect(gateway.stats()).toMatchObject({ clients: limit, received: 2 * limit, left: { idle: limit } });
});

test('packets of one source beyond the rate are dropped, of all its clients together; others are not touched', async () => {
  const { clock, gateway, say } = await open({ maxPacketsPerSecond: 100 });
  say(BOB);
  for (let i = 0; i < 1000; i++, clock.ms += 5) say(i % 2 ? '192.0.2.1:1' : '192.0.2.1:2'); // 200 a second for five seconds
  say(BOB);
  const { received, dropped } = gateway.stats();
  expect(received + dropped.rate).toBe(1002);
  expect(received).toBeGreaterThan(500);
  expect(received).toBeLessThanOrEqual(2 + 500 + 50 + 2);
});

test('50 packets a second are never too many, however they are bunched within 100 ms', async () => {
  const { clock, gateway, say } = await open({ maxPacketsPerSecond: 60 });
  for (let i = 0; i < 200; i++, clock.ms += 100) for (let n = 0; n < 5; n++) say(ALICE);
  expect(gateway.stats()).toMatchObject({ received: 1000, dropped: { rate: 0 } });
});

test('idle clients leave, and may come again', async () => {
  const { clock, gateway, log, clients, net, say } = await open();
  say(ALICE);
  clock.ms = SIMPLE_IDLE_MS - 1;
  gateway.sweep(clock.ms);
  say(BOB);
  clock.ms++;
  gateway.sweep(clock.ms);
  expect(log.filter((line) => line.includes('leaves'))).toEqual(['192.0.2.1:4000 leaves 8000: idle']);
  clients[0]!.send(new Uint8Array(160), 160);
  clients[0]!.close();
  expect(net.sent(PORT)).toEqual([]);
  say(ALICE);
  expect(gateway.stats()).toMatchObject({ clients: 2, joined: 3, left: { idle: 1, closed: 0 } });
  expect(new Set(clients.map((c) => c.id)).size).toBe(3);
});

test('who is thrown out stays out until it was silent', async () => {
  const { clock, gateway, clients, say } = await open();
  say(ALICE);
  clients[0]!.close();
  clients[0]!.close();
  for (; clock.ms < 15_000; clock.ms += 1000) {
    say(ALICE);
    gateway.sweep(clock.ms);
  }
  expect(gateway.stats()).toMatchObject({ clients: 0, joined: 1, left: { closed: 1, idle: 0 }, dropped: { closed: 15 } });
  clock.ms += SIMPLE_IDLE_MS;
  gateway.sweep(clock.ms);
  say(ALICE);
  expect(gateway.stats()).toMatchObject({ clients: 1, joined: 2 });
});

test('a client that is thrown out as it comes', async () => {
  const { gateway, say } = await open({ onJoin: (client) => client.close(), onLeave: () => undefined });
  say(ALICE);
  expect(gateway.stats()).toMatchObject({ clients: 0, received: 0, joined: 1, left: { closed: 1 } });
});

test('naming another room moves; a room that is closed to it empties', async () => {
  const { gateway, log, say } = await open();
  say(ALICE, packet(0, 1));
  say(ALICE, packet(8000, 2)); // the same room, said otherwise
  say(ALICE, packet(8010, 3));
  say(ALICE, packet(99, 4));
  say(BOB, packet(8010, 1));
  gateway.setRooms([8000]);
  say(BOB, packet(8010, 2));
  expect(log).toEqual([
    '192.0.2.1:4000 joins 8000',
    '192.0.2.1:4000 #1 @0 160×85 at 0',
    '192.0.2.1:4000 #2 @0 160×85 at 0',
    '192.0.2.1:4000 leaves 8000: moved',
    '192.0.2.1:4000 joins 8010',
    '192.0.2.1:4000 #3 @0 160×85 at 0',
    '192.0.2.1:4000 leaves 8010: moved',
    '192.0.2.2:5000 joins 8010',
    '192.0.2.2:5000 #1 @0 160×85 at 0',
    '192.0.2.2:5000 leaves 8010: room-closed',
  ]);
  expect(gateway.stats()).toMatchObject({ clients: 0, dropped: { unknownRoom: 2 } });
});

test('changing rooms is no way around the rate', async () => {
  const { gateway, say } = await open();
  for (let i = 0; i < 200; i++) say(ALICE, packet(i % 2 ? 8010 : 8000));
  expect(gateway.stats().joined).toBeLessThanOrEqual(51);
});

test('hostile input: all is counted once, the limits hold, nothing throws', async () => {
  const sources = fc.tuple(fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3', '198.51.100.1'), fc.integer({ min: 1, max: 6 }));
  const data = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.uint8Array({ minLength: SIMPLE_PACKET_BYTES, maxLength: SIMPLE_PACKET_BYTES }),
    fc.tuple(fc.constantFrom(0, 8000, 8010, 1), fc.integer({ min: 0, max: 65535 })).map(([room, sequence]) => new Uint8Array(packet(room, sequence))),
  );
  const steps = fc.array(fc.tuple(sources, data, fc.integer({ min: 0, max: 4000 }), fc.constantFrom('', '', '', 'sweep', 'close')), { maxLength: 120 });
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const { clock, gateway, clients, say } = await open();
      const inside = (): SimpleClient[] => clients.filter((c) => c.onPacket !== undefined);
      for (const [[host, port], bytes, ms, then] of list) {
        clock.ms += ms;
        say(`${host}:${port}`, bytes);
        if (then === 'sweep') gateway.sweep(clock.ms);
        if (then === 'close') inside()[0]?.close();
        expect(gateway.stats().clients).toBe(inside().length);
        expect(inside().length).toBeLessThanOrEqual(5);
        for (const room of [8000, 8010]) expect(inside().filter((c) => c.room === room).length).toBeLessThanOrEqual(3);
        for (const source of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) expect(inside().filter((c) => c.source.startsWith(`${source}:`)).length).toBeLessThanOrEqual(2);
      }
      const { received, dropped, joined, left } = gateway.stats();
      expect(received + Object.values(dropped).reduce((a, b) => a + b)).toBe(list.length);
      gateway.close();
      expect(Object.values(gateway.stats().left).reduce((a, b) => a + b)).toBe(joined);
      expect(Object.values(left).reduce((a, b) => a + b)).toBeLessThanOrEqual(joined);
      expect(gateway.stats().clients).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('a wrong network is refused with a sentence; a port that is taken, too', async () => {
  await expect(open({ allow: ['the neighbours'] })).rejects.toThrow('“the neighbours” is not a network');
  const { net } = await open();
  net.taken.add(PORT);
  await expect(open({ net })).rejects.toThrow('taken by another program');
});

test('closing: all leave, the port is free, nothing more is heard; again it is nothing', async () => {
  const { net, gateway, log, clients, say } = await open();
  say(ALICE);
  gateway.close();
  gateway.close();
  clients[0]!.send(new Uint8Array(160), 160);
  say(ALICE);
  expect(log.at(-1)).toBe('192.0.2.1:4000 leaves 8000: ended');
  expect([net.sockets.get(PORT)!.closed, net.sent(PORT)]).toEqual([true, []]);
  const late = new SimpleGateway({ net, address: '0.0.0.0', port: 40600, family: 4, allow: [], rooms: [], maxPerRoom: 1, maxClients: 1, maxPerSource: 1, maxPacketsPerSecond: 1, onJoin: () => undefined, onLeave: () => undefined });
  const opening = late.open();
  late.close();
  await opening;
  expect([net.sockets.get(40600)!.closed, late.port]).toEqual([true, 0]);
});

const noNative = ((libc) => (libc instanceof Error ? libc.message : undefined))(openLibc());

describe.each(['native', 'dgram'] as const)('over %s sockets', (kind) => {
  unless(kind === 'native' ? noNative : undefined)('the gateway', () => {
    test.each([
      [4, '127.0.0.1', ['127.0.0.0/8']],
      [6, '::1', ['::1']],
    ] as const)('two clients hear each other, IPv%d', async (family, address, allow) => {
      const now = (): number => performance.now();
      const { net } = openNet(kind, now);
      const clients: SimpleClient[] = [];
      const gateway = new SimpleGateway({
        net, address, port: 0, family, allow, rooms: [8000], maxPerRoom: 9, maxClients: 9, maxPerSource: 9, maxPacketsPerSecond: 200,
        onJoin: (client) => {
          clients.push(client);
          client.onPacket = (data, offset, length) => clients.forEach((other) => other !== client && other.send(data.subarray(offset, offset + length), length));
        },
        onLeave: () => undefined,
      });
      await gateway.open();
      const [one, two] = [await Peer.open(address), await Peer.open(address)];
      one.send(packet(0, 1, 0, 1), gateway.port);
      two.send(packet(0, 1, 0, 2), gateway.port);
      expect((await one.next()).data).toEqual(packet(0, 0, 0, 2));
      one.send(packet(0, 2, 160, 3), gateway.port);
      two.send(packet(0, 2, 160, 4), gateway.port);
      expect((await two.next()).data).toEqual(packet(0, 0, 0, 3));
      expect((await one.next()).data).toEqual(packet(0, 1, 160, 4));
      gateway.close();
      net.close();
      await Promise.all([one.close(), two.close()]);
    });
  });
});
