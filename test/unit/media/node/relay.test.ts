import { Endpoint } from '../../../../media/net/endpoint';
import { Relay, StreamPosition, type RelayDirection } from '../../../../media/node/relay';
import { TelephoneEventReceiver } from '../../../../media/rtp/telephone-event';
import { FakeNet } from '../support/fake-net';
import { receiverReport, rtp } from '../support/packets';

const A = '192.0.2.1:4000';
const B = '192.0.2.2:5000';
const open: RelayDirection = { flow: true };
const shut: RelayDirection = { flow: false };

async function pair() {
  const clock = { ms: 0 };
  const net = new FakeNet(() => clock.ms);
  const [a, b] = [new Endpoint('a', 's', 4, 'caller', () => clock.ms), new Endpoint('b', 's', 4, 'callee', () => clock.ms)];
  await a.open(net, '0.0.0.0', 40000);
  await b.open(net, '0.0.0.0', 40010);
  a.setRemote({ address: '192.0.2.1', port: 4000 }, false);
  b.setRemote({ address: '192.0.2.2', port: 5000 }, false);
  const digits: Array<[string, number]> = [];
  const keys = new TelephoneEventReceiver(8000, (digit, ms) => digits.push([digit, ms]));
  const positions = new Map([a, b].map((endpoint) => [endpoint, new StreamPosition()]));
  const make = () => new Relay(a, b, { keysOf: () => keys, positionOf: (endpoint) => positions.get(endpoint)!, random32: () => 7 });
  const relay = make();
  const connect = (aToB: RelayDirection, bToA: RelayDirection) => relay.connect(aToB, bToA, clock.ms);
  return { clock, net, a, b, relay, make, connect, digits, keys };
}

test('what one receives the other sends, octet by octet, from its own port', async () => {
  const { net, connect, a, b } = await pair();
  connect(open, open);
  const there = rtp({ sequence: 77, payload: 'there' });
  const back = rtp({ sequence: 99, payload: 'and back' });
  net.deliver(40000, A, there);
  net.deliver(40010, B, back);
  expect(net.sent(40010)).toEqual([{ to: B, data: there }]);
  expect(net.sent(40000)).toEqual([{ to: A, data: back }]);
  expect([a.stats(), b.stats()]).toMatchObject([
    { received: { packets: 1, bytes: 17 }, sent: { packets: 1, bytes: 20 } },
    { received: { packets: 1, bytes: 20 }, sent: { packets: 1, bytes: 17 } },
  ]);
});

test('payload types are rewritten by the direction’s map: kept, changed, dropped; the marker stays', async () => {
  const { net, connect, a } = await pair();
  connect({ flow: true, payloadMap: { 96: 101, 101: 96, 13: -1, 8: 8 } }, open);
  for (const [sequence, payloadType, marker] of [[1, 96, true], [2, 101, false], [3, 13, false], [4, 8, false], [5, 0, true]] as const) {
    net.deliver(40000, A, rtp({ sequence, payloadType, marker }));
  }
  net.deliver(40010, B, rtp({ payloadType: 96 }));
  expect(net.sent(40010).map(({ data }) => [data[1]! & 0x7f, data[1]! >> 7])).toEqual([[101, 1], [96, 0], [8, 0], [0, 1]]);
  expect(net.sent(40000).map(({ data }) => data[1])).toEqual([96]);
  expect(a.stats()).toMatchObject({ filtered: 1, received: { packets: 5 } });
});

test('a gated direction counts and does not send; the other flows; RTCP passes both', async () => {
  const { net, connect, a, b } = await pair();
  connect(shut, open);
  net.deliver(40000, A, rtp());
  net.deliver(40010, B, rtp());
  net.deliver(40001, '192.0.2.1:4001', receiverReport(1));
  net.deliver(40011, '192.0.2.2:5001', receiverReport(2));
  expect(net.sent(40010)).toEqual([]);
  expect(net.sent(40000)).toHaveLength(1);
  expect(net.sent(40011)).toEqual([{ to: '192.0.2.2:5001', data: receiverReport(1) }]);
  expect(net.sent(40001)).toEqual([{ to: '192.0.2.1:4001', data: receiverReport(2) }]);
  expect([a.stats().gated, b.stats().gated]).toEqual([1, 0]);
  connect(open, open);
  net.deliver(40000, A, rtp({ sequence: 2 }));
  expect(net.sent(40010)).toHaveLength(1);
});

test('multiplexed RTCP of one leaves by the RTCP port of the other', async () => {
  const { net, connect } = await pair();
  connect(open, open);
  net.deliver(40000, A, receiverReport(7));
  expect(net.sent(40011)).toEqual([{ to: '192.0.2.2:5001', data: receiverReport(7) }]);
});

test.each<[string, RelayDirection, RelayDirection]>([
  ['udp(:40000) <-> relay <-> udp(:40010)', open, open],
  ['udp(:40000) -> relay -> udp(:40010)', open, shut],
  ['udp(:40000) <- relay <- udp(:40010)', shut, open],
  ['udp(:40000) -- relay -- udp(:40010)', shut, shut],
  ['udp(:40000) <-> relay(-> 13>drop 96>101) <-> udp(:40010)', { flow: true, payloadMap: { 96: 101, 13: -1, 0: 0 } }, open],
  ['udp(:40000) <-> relay(-> 96>101, <- 101>96) <-> udp(:40010)', { flow: true, payloadMap: { 96: 101 } }, { flow: true, payloadMap: { 101: 96 } }],
])('it says of itself: %s', async (sentence, aToB, bToA) => {
  const { relay, connect } = await pair();
  connect(aToB, bToA);
  expect(relay.describe()).toBe(sentence);
});

test('a closed relay leaves its endpoints without a way on', async () => {
  const { net, relay, connect, a } = await pair();
  connect(open, open);
  relay.close();
  net.deliver(40000, A, rtp());
  expect(net.sent(40010)).toEqual([]);
  expect(a.stats().gated).toBe(1);
});

describe('silence', () => {
  const LIMIT = 1000;

  async function watched(aToB: RelayDirection, bToA: RelayDirection) {
    const all = await pair();
    all.connect(aToB, bToA);
    const look = (ms: number) => {
      all.clock.ms = ms;
      return all.relay.silences(LIMIT, ms).map(({ endpoint, silentMs }) => `${endpoint.id} ${silentMs}`);
    };
    return { ...all, look };
  }

  test('is told of once, for each party that ought to send', async () => {
    const { look } = await watched(open, open);
    expect(look(999)).toEqual([]);
    expect(look(1000)).toEqual(['a 1000', 'b 1000']);
    expect(look(9000)).toEqual([]);
  });

  test('is judged by absolute time: a late look misses nothing', async () => {
    const { look, net, clock } = await watched(open, open);
    clock.ms = 500;
    net.deliver(40000, A, rtp());
    expect(look(60_000)).toEqual(['a 59500', 'b 60000']);
  });

  test('is broken by RTP and by RTCP, and can be told of again', async () => {
    const { look, net, clock } = await watched(open, open);
    look(1000);
    clock.ms = 2000;
    net.deliver(40000, A, rtp());
    net.deliver(40011, '192.0.2.2:5001', receiverReport(2));
    expect(look(2999)).toEqual([]);
    expect(look(3000)).toEqual(['a 1000', 'b 1000']);
  });

  test('is not broken by strangers or by what is no media', async () => {
    const { look, net, clock } = await watched(open, shut);
    net.deliver(40000, A, rtp());
    clock.ms = 900;
    net.deliver(40000, '203.0.113.1:9', rtp({ sequence: 2 }));
    net.deliver(40000, A, Buffer.from('keepalive'));
    expect(look(1000)).toEqual(['a 1000']);
  });

  test('is not expected to end where the direction is gated', async () => {
    const { look } = await watched(open, shut);
    expect(look(5000)).toEqual(['a 5000']);
    const held = await watched(shut, shut);
    expect(held.look(5000)).toEqual([]);
  });

  test('starts anew when a direction is opened again, not when it merely stays open', async () => {
    const { look, connect, clock } = await watched(shut, open);
    clock.ms = 10_000;
    connect(open, open);
    expect(look(10_500)).toEqual(['b 10500']);
    connect(open, open);
    expect(look(11_000)).toEqual(['a 1000']);
  });
});

const event = (digit: number, end: boolean, duration: number): Uint8Array => Uint8Array.of(digit, end ? 0x8a : 0x0a, duration >> 8, duration & 0xff);

test('key presses are told once while they pass, renumbered like everything else', async () => {
  const { net, connect, digits } = await pair();
  connect({ flow: true, payloadMap: { 101: 97 }, telephoneEvents: { 101: 8000 } }, open);
  for (let i = 1; i <= 3; i++) net.deliver(40000, A, rtp({ sequence: i, timestamp: 800, payloadType: 101, payload: event(11, i === 3, i * 160), marker: i === 1 }));
  net.deliver(40000, A, rtp({ sequence: 4, timestamp: 800, payloadType: 101, payload: event(11, true, 480) }));
  expect(digits).toEqual([['#', 60]]);
  expect(net.sent(40010).map(({ data }) => data[1]! & 0x7f)).toEqual([97, 97, 97, 97]);
});

test('a press whose end is lost is told when time has passed', async () => {
  const { net, connect, digits, keys } = await pair();
  connect({ flow: true, telephoneEvents: { 101: 8000 } }, open);
  net.deliver(40000, A, rtp({ sequence: 1, payloadType: 101, payload: event(5, false, 800), marker: true }));
  keys.expire(100);
  expect(digits).toEqual([]);
  keys.expire(1000);
  expect(digits).toEqual([['5', 100]]);
});

test('presses of our own go into the stream, and its numbers move up for good', async () => {
  const { net, connect, relay, make, b, a } = await pair();
  connect({ flow: true, sendEvents: { payloadType: 99, clockRate: 8000 } }, open);
  const members = new Set<{ tick(nowMs: number): void }>();
  const beats = { add: (member: { tick(nowMs: number): void }) => void members.add(member), remove: (member: { tick(nowMs: number): void }) => void members.delete(member) };
  net.deliver(40000, A, rtp({ sequence: 65_534, timestamp: 1000, ssrc: 77 }));
  expect(relay.sendDigits(a, '1', 60, beats, 0)).toBe(false);
  expect(relay.sendDigits(b, '1', 60, beats, 0)).toBe(true);
  for (let at = 20; members.size > 0; at += 20) for (const member of [...members]) member.tick(at);
  net.deliver(40000, A, rtp({ sequence: 65_535, timestamp: 1160, ssrc: 77 }));
  // also when the party takes no more presses, and when another relay takes over: SRTP would refuse a number that was used before
  connect({ flow: true }, open);
  net.deliver(40000, A, rtp({ sequence: 0, timestamp: 1320, ssrc: 77 }));
  relay.close();
  make().connect({ flow: true, sendEvents: { payloadType: 99, clockRate: 8000 } }, open, 200);
  net.deliver(40000, A, rtp({ sequence: 1, timestamp: 1480, ssrc: 77 }));
  const sent = net.sent(40010).map(({ data }) => data);
  const sequences = sent.map((data) => data.readUInt16BE(2));
  expect(sequences).toEqual(sequences.map((_, i) => (65_534 + i) & 0xffff));
  const presses = sent.filter((data) => (data[1]! & 0x7f) === 99);
  expect(presses.length).toBe(5); // 20, 40 ms and three ends
  expect(presses.map((data) => data[1]! >> 7)).toEqual([1, 0, 0, 0, 0]);
  expect(new Set(presses.map((data) => data.readUInt32BE(8)))).toEqual(new Set([77]));
  expect(new Set(presses.map((data) => data.readUInt32BE(4))).size).toBe(1);
  expect(presses.map((data) => data[13]! >> 7)).toEqual([0, 0, 1, 1, 1]);
});

test('a press under way while another relay takes over is told once; a changed clock is followed', async () => {
  const { net, connect, relay, make, digits } = await pair();
  connect({ flow: true, telephoneEvents: { 101: 8000 } }, open);
  net.deliver(40000, A, rtp({ sequence: 1, timestamp: 800, payloadType: 101, payload: event(5, false, 160), marker: true }));
  net.deliver(40000, A, rtp({ sequence: 2, timestamp: 800, payloadType: 101, payload: event(5, true, 480) }));
  relay.close();
  const next = make();
  next.connect({ flow: true, telephoneEvents: { 101: 48_000 } }, open, 0);
  net.deliver(40000, A, rtp({ sequence: 3, timestamp: 800, payloadType: 101, payload: event(5, true, 480) }));
  net.deliver(40000, A, rtp({ sequence: 4, timestamp: 9600, payloadType: 101, payload: event(6, true, 4800), marker: true }));
  expect(digits).toEqual([['5', 60], ['6', 100]]);
});

test('presses that wait follow a payload type that changes, and end where the party takes none any more', async () => {
  const { net, connect, relay, b } = await pair();
  connect({ flow: true, sendEvents: { payloadType: 99, clockRate: 8000 } }, open);
  const members = new Set<{ tick(nowMs: number): void }>();
  const beats = { add: (member: { tick(nowMs: number): void }) => void members.add(member), remove: (member: { tick(nowMs: number): void }) => void members.delete(member) };
  relay.sendDigits(b, '12', 60, beats, 0);
  const beat = (at: number) => [...members].forEach((member) => member.tick(at));
  beat(20);
  connect({ flow: true, sendEvents: { payloadType: 96, clockRate: 8000 } }, open);
  beat(40);
  expect(net.sent(40010).map(({ data }) => data[1]! & 0x7f)).toEqual([99, 96]);
  connect({ flow: true }, open);
  expect([members.size, relay.sendDigits(b, '1', 60, beats, 60)]).toEqual([0, false]);
});
