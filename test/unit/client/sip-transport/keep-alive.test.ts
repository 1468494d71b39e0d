/** When a server is pinged, and when its silence means something. */
import type { Channel, Protocol } from '../../../../client/sip/channel';
import { KeepAlive } from '../../../../client/sip/keep-alive';
import { FakeClock } from '../../../support/fake-clock';

function set(protocol: Protocol, onPing: () => void = () => undefined) {
  const clock = new FakeClock();
  const seen = { pings: 0, pinged: 0, silent: 0 };
  const keepAlive: KeepAlive = new KeepAlive({
    clock,
    chance: () => 0.5,
    pinged: () => void seen.pinged++,
    silent: () => {
      seen.silent++;
      keepAlive.stop();
    },
  });
  const channel: Channel = {
    protocol,
    reliable: protocol !== 'UDP',
    local: undefined,
    remote: { host: '10.0.0.2', port: 5060 },
    send: () => undefined,
    ping: () => {
      seen.pings++;
      onPing();
    },
    close: () => undefined,
  };
  return { clock, seen, keepAlive, channel };
}

test.each<[Protocol, number]>([
  ['UDP', 27_500],
  ['TCP', 1_000],
  ['WSS', 1_000],
])('over %s the first ping comes after %d ms, further ones every 25 to 30 s, and others are kept open with it', (protocol, firstMs) => {
  const { clock, seen, keepAlive, channel } = set(protocol);
  keepAlive.start(channel);
  clock.advance(firstMs - 1);
  expect(seen.pings).toBe(0);
  clock.advance(1);
  keepAlive.ponged();
  expect(seen).toEqual({ pings: 1, pinged: 1, silent: 0 });
  clock.advance(27_499);
  expect(seen.pings).toBe(1);
  clock.advance(1);
  expect(seen).toEqual({ pings: 2, pinged: 2, silent: 0 });
});

test.each<[string, Protocol, boolean, boolean]>([
  ['a stream that has answered before', 'TCP', true, true],
  ['a stream that never has', 'TCP', false, false],
  ['a WebSocket, which always answers', 'WS', false, true],
  ['UDP, where nothing is answered', 'UDP', true, false],
])('silence of %s', (_, protocol, answered, isDead) => {
  const { clock, seen, keepAlive, channel } = set(protocol);
  keepAlive.start(channel);
  if (answered) keepAlive.ponged();
  clock.advance(10_999);
  expect(seen.silent).toBe(0);
  clock.advance(60_000);
  expect(seen.silent).toBe(isDead ? 1 : 0);
});

test('an answer in time is an answer, and each ping has 10 s of its own', () => {
  const { clock, seen, keepAlive, channel } = set('WS');
  keepAlive.start(channel);
  clock.advance(1_000);
  for (let ping = 1; ping <= 5; ping++) {
    expect(seen.pings).toBe(ping);
    clock.advance(9_999);
    keepAlive.ponged();
    clock.advance(27_500 - 9_999);
  }
  expect(seen.silent).toBe(0);
  clock.advance(10_000);
  expect(seen.silent).toBe(1);
});

test('whoever stops is not pinged, not told, and leaves no timer', () => {
  const { clock, seen, keepAlive, channel } = set('WS');
  keepAlive.start(channel);
  clock.advance(1_000);
  keepAlive.stop();
  expect(clock.waiting).toBe(0);
  clock.advance(120_000);
  expect(seen).toEqual({ pings: 1, pinged: 1, silent: 0 });
});

test('another channel begins anew: what the one before answered is not held against it', () => {
  const { clock, seen, keepAlive, channel } = set('TCP');
  keepAlive.start(channel);
  keepAlive.ponged();
  keepAlive.start({ ...channel, ping: () => undefined });
  clock.advance(120_000);
  expect(seen).toMatchObject({ pings: 0, silent: 0 });
});

test('a ping that finds the channel gone is the last', () => {
  const { clock, seen, keepAlive, channel } = set('TCP', () => keepAlive.stop());
  keepAlive.start(channel);
  clock.advance(1_000);
  expect([seen.pings, clock.waiting]).toEqual([1, 0]);
});
