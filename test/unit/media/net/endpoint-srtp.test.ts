/** An endpoint whose party speaks SRTP: what reaches the sink, what moves the latch, what is counted; and two of them over real sockets. */
import { createHash } from 'node:crypto';
import type { SrtpKey, SrtpKeys, SrtpSuite } from '../../../../media/audio-types';
import { Endpoint, OLD_KEY_MS } from '../../../../media/net/endpoint';
import { openLibc } from '../../../../media/net/libc';
import { openNet } from '../../../../media/net/open';
import { SrtpSession } from '../../../../media/net/srtp/session';
import { MAX_TRAILER, SUITES } from '../../../../media/net/srtp/suites';
import { Relay, StreamPosition } from '../../../../media/node/relay';
import { TelephoneEventReceiver } from '../../../../media/rtp/telephone-event';
import { unless } from '../../../support/peers';
import { claimPorts } from '../../../support/ports';
import { FakeNet } from '../support/fake-net';
import { receiverReport, rtp, senderReport } from '../support/packets';
import { Peer } from '../support/peer';

const SUITE = 'AES_CM_128_HMAC_SHA1_80';
const SDP = { address: '192.0.2.1', port: 4000 };
const FROM = '192.0.2.1:4000';
const FROM_RTCP = '192.0.2.1:4001';
const ELSEWHERE = '198.51.100.7:2222';

function key(name: string, suite: SrtpSuite = SUITE): SrtpKey {
  const { key: bytes, salt } = SUITES[suite];
  return { suite, keySalt: createHash('sha512').update(name).digest().subarray(0, bytes + salt).toString('base64') };
}
const ours: SrtpKeys = { send: key('us'), receive: key('phone') };
const theirs = ({ send, receive }: SrtpKeys): SrtpSession => new SrtpSession({ send: receive, receive: send });

function apply(session: SrtpSession, way: 'protectRtp' | 'unprotectRtp' | 'protectRtcp' | 'unprotectRtcp', packet: Uint8Array): Buffer {
  const data = new Uint8Array(packet.length + MAX_TRAILER);
  data.set(packet);
  const length = session[way](data, packet.length);
  if (length < 0) throw new Error(`${way} refused: ${length}`);
  return Buffer.from(data.subarray(0, length));
}

async function open(keys: SrtpKeys | null = ours) {
  const clock = { ms: 1000 };
  const net = new FakeNet(() => clock.ms);
  const endpoint = new Endpoint('e1', 's', 4, 'caller', () => clock.ms);
  await endpoint.open(net, '0.0.0.0', 40000);
  const heard: string[] = [];
  endpoint.sink = {
    rtp: (data, length) => heard.push(Buffer.from(data.subarray(12, length)).toString()),
    rtcp: (_data, length) => heard.push(`rtcp ${length}`),
  };
  endpoint.setRemote(SDP, false);
  endpoint.setCrypto(keys);
  const phone = theirs(ours);
  const say = (sequence: number, payload: string, from = FROM, by = phone) => net.deliver(40000, from, apply(by, 'protectRtp', rtp({ sequence, payload })));
  return { clock, net, endpoint, heard, phone, say };
}

test('what comes is decrypted, what goes is encrypted, RTCP as well', async () => {
  const { net, endpoint, heard, phone, say } = await open();
  say(1, 'hello');
  net.deliver(40001, FROM_RTCP, apply(phone, 'protectRtcp', receiverReport(1)));
  expect(heard).toEqual(['hello', 'rtcp 8']);
  const packet = rtp({ payload: 'good day' });
  endpoint.sendRtp(packet, packet.length);
  endpoint.sendRtcp(senderReport(5), 28, 0);
  expect(apply(phone, 'unprotectRtp', net.sent(40000)[0]!.data)).toEqual(packet);
  expect(apply(phone, 'unprotectRtcp', net.sent(40001)[0]!.data)).toEqual(senderReport(5));
  expect(endpoint.stats()).toMatchObject({
    received: { packets: 1, bytes: 27 },
    sent: { packets: 1, bytes: 30 },
    rtcp: { received: 1, sent: 1 },
    srtp: { suite: SUITE, authFailed: 0, replayed: 0, refused: 0 },
  });
  expect(endpoint.describe()).toBe('srtp(:40000)');
});

test('a payload sent to several parties stays as it is, unless its owner gives it away', async () => {
  const [one, two] = [await open(), await open({ send: key('other'), receive: key('x') })];
  const room = new Uint8Array(100);
  const packet = rtp({ payload: 'for all' });
  room.set(packet);
  for (const { endpoint } of [one, two]) endpoint.sendRtp(room, packet.length);
  one.endpoint.sendRtcp(receiverReport(3), 8, 0);
  expect(Buffer.from(room.subarray(0, packet.length))).toEqual(packet);
  expect(room.subarray(packet.length)).toEqual(new Uint8Array(100 - packet.length));
  expect(apply(one.phone, 'unprotectRtp', one.net.sent(40000)[0]!.data)).toEqual(packet);
  two.endpoint.sendRtp(room, packet.length); // the same number again
  expect(two.endpoint.stats()).toMatchObject({ sent: { packets: 1 }, srtp: { refused: 1 } });
  room[3] = 2;
  one.endpoint.sendRtp(room, packet.length, true);
  expect(Buffer.from(room.subarray(12, packet.length)).toString()).not.toBe('for all');
  const exact = rtp({ sequence: 3, payload: 'no room behind' });
  one.endpoint.sendRtp(exact, exact.length, true);
  expect(apply(one.phone, 'unprotectRtp', one.net.sent(40000)[2]!.data)).toEqual(rtp({ sequence: 3, payload: 'no room behind' }));
});

test('each packet is in one counter: plain, of a wrong key, again, from elsewhere, malformed', async () => {
  const { net, endpoint, heard, phone, say } = await open();
  say(1, 'true');
  net.deliver(40000, FROM, rtp({ sequence: 2, payload: 'plain RTP, long enough' }));
  say(3, 'wrong key', FROM, theirs({ send: key('a'), receive: key('b') }));
  const again = apply(phone, 'protectRtp', rtp({ sequence: 4, payload: 'twice' }));
  net.deliver(40000, FROM, again);
  net.deliver(40000, FROM, again);
  say(5, 'stolen', ELSEWHERE);
  net.deliver(40000, FROM, Buffer.from('nothing'));
  net.deliver(40001, FROM_RTCP, receiverReport(1, [{ ssrc: 1 }]));
  expect(heard).toEqual(['true', 'twice']);
  expect(endpoint.stats()).toMatchObject({ received: { packets: 2 }, srtp: { authFailed: 3, replayed: 1 }, foreign: 1, malformed: 1, rtcp: { received: 0 } });
});

test('padding that makes no sense once decrypted', async () => {
  const { net, endpoint, phone } = await open();
  const packet = rtp({ payload: Buffer.from([1, 2, 200]) });
  packet[0]! |= 0x20;
  net.deliver(40000, FROM, apply(phone, 'protectRtp', packet));
  packet[2] = 1;
  packet[14] = 2;
  net.deliver(40000, FROM, apply(phone, 'protectRtp', packet));
  expect(endpoint.stats()).toMatchObject({ malformed: 1, received: { packets: 1 }, srtp: { authFailed: 0 } });
});

test('only an authentic packet moves the latch, RTP and RTCP', async () => {
  const { net, endpoint, heard, phone, say } = await open();
  net.deliver(40000, ELSEWHERE, rtp({ payload: 'I am the phone, believe me' }));
  say(1, 'so am I', ELSEWHERE, theirs({ send: key('a'), receive: key('b') }));
  net.deliver(40001, ELSEWHERE, receiverReport(1, [{ ssrc: 1 }]));
  expect(endpoint.stats()).toMatchObject({ latch: 'open', latched: null, latchedRtcp: null, lastPacketAgoMs: null });
  say(1, 'from behind a NAT', '198.51.100.9:7');
  net.deliver(40001, '198.51.100.9:8', apply(phone, 'protectRtcp', receiverReport(1)));
  expect(endpoint.stats()).toMatchObject({ latched: '198.51.100.9:7', latchedRtcp: '198.51.100.9:8' });
  expect(heard).toEqual(['from behind a NAT', 'rtcp 8']);
});

test('a copy from a place the latch does not take leaves the number to the true one', async () => {
  const { net, endpoint, heard, phone, say } = await open();
  say(1, 'one');
  const two = apply(phone, 'protectRtp', rtp({ sequence: 2, payload: 'two' }));
  net.deliver(40000, ELSEWHERE, two);
  net.deliver(40000, FROM, two);
  expect(heard).toEqual(['one', 'two']);
  expect(endpoint.stats()).toMatchObject({ foreign: 1, srtp: { replayed: 0 } });
});

test('rtcp-mux: everything on the RTP port', async () => {
  const { net, endpoint, heard, phone } = await open();
  endpoint.setRemote({ ...SDP, rtcpPort: SDP.port }, true);
  net.deliver(40000, FROM, apply(phone, 'protectRtcp', receiverReport(1)));
  net.deliver(40000, FROM, receiverReport(2, [{ ssrc: 1 }]));
  endpoint.sendRtcp(receiverReport(2), 8, 0);
  expect(heard).toEqual(['rtcp 8']);
  expect(net.sent(40001)).toEqual([]);
  expect(apply(phone, 'unprotectRtcp', net.sent(40000)[0]!.data)).toEqual(receiverReport(2));
  expect(endpoint.stats()).toMatchObject({ rtcp: { received: 1, sent: 1 }, srtp: { authFailed: 1 } });
});

describe('keys change while packets flow', () => {
  const newKeys: SrtpKeys = { send: key('us2'), receive: key('phone2') };

  test('the peer’s old key is good for a moment more, ours changes at once', async () => {
    const { clock, net, endpoint, heard, say } = await open();
    const phone2 = theirs(newKeys);
    say(1, 'old');
    endpoint.setCrypto(newKeys);
    say(3, 'new', FROM, phone2);
    say(2, 'old, on its way'); // out of order and under the old key
    say(4, 'old as well');
    const packet = rtp();
    endpoint.sendRtp(packet, packet.length);
    expect(apply(phone2, 'unprotectRtp', net.sent(40000)[0]!.data)).toEqual(packet);
    expect(endpoint.stats().srtp).toMatchObject({ authFailed: 0, replayed: 0 });
    clock.ms += OLD_KEY_MS;
    say(5, 'too late');
    say(6, 'new', FROM, phone2);
    expect(heard).toEqual(['old', 'new', 'old, on its way', 'old as well', 'new']);
    expect(endpoint.stats().srtp).toMatchObject({ authFailed: 1, replayed: 0 });
  });

  test('neither key, and a replay under the old one, count once', async () => {
    const { net, endpoint, phone } = await open();
    const old = apply(phone, 'protectRtp', rtp({ sequence: 1 }));
    net.deliver(40000, FROM, old);
    endpoint.setCrypto(newKeys);
    net.deliver(40000, FROM, old);
    net.deliver(40000, FROM, rtp({ sequence: 2, payload: 'plain, and long enough' }));
    expect(endpoint.stats()).toMatchObject({ received: { packets: 1 }, srtp: { authFailed: 1, replayed: 1 } });
  });

  test('a refresh with the same keys is no change: replays stay replays', async () => {
    const { net, endpoint, phone } = await open();
    const wire = apply(phone, 'protectRtp', rtp());
    net.deliver(40000, FROM, wire);
    endpoint.setCrypto({ send: { ...ours.send }, receive: { ...ours.receive } });
    net.deliver(40000, FROM, wire);
    expect(endpoint.stats().srtp).toMatchObject({ replayed: 1 });
  });

  test('to plain RTP and back; a bad key changes nothing', async () => {
    const { net, endpoint, heard, say } = await open();
    expect(() => endpoint.setCrypto({ send: key('x'), receive: { suite: SUITE, keySalt: 'AAAA' } })).toThrow(/it takes 30/);
    say(1, 'secret');
    endpoint.setCrypto(null);
    net.deliver(40000, FROM, rtp({ sequence: 2, payload: 'open' }));
    expect([endpoint.stats().srtp, endpoint.describe()]).toEqual([null, 'udp(:40000)']);
    endpoint.setCrypto(ours);
    net.deliver(40000, FROM, rtp({ sequence: 3, payload: 'open, but no longer wanted' }));
    expect(heard).toEqual(['secret', 'open']);
  });
});

const noNative = ((libc) => (libc instanceof Error ? libc.message : undefined))(openLibc());
const plainKeys = null;
const cm: SrtpKeys = { send: key('cm-us', 'AES_256_CM_HMAC_SHA1_32'), receive: key('cm-phone', 'AES_256_CM_HMAC_SHA1_32') };
const gcm: SrtpKeys = { send: key('gcm-us', 'AEAD_AES_256_GCM'), receive: key('gcm-phone', 'AEAD_AES_256_GCM') };

describe.each(['native', 'dgram'] as const)('relayed over %s sockets', (kind) => {
  unless(kind === 'native' ? noNative : undefined)('between legs', () => {
    test.each([
      ['SRTP and plain', cm, plainKeys],
      ['plain and SRTP', plainKeys, gcm],
      ['two suites, two keys', cm, gcm],
      ['one suite, two keys', ours, { send: key('u'), receive: key('p') }],
    ] as const)('%s', async (_, keysA, keysB) => {
      const now = (): number => performance.now();
      const { net } = openNet(kind, now);
      const ports = await claimPorts(4);
      const [a, b] = [new Endpoint('a', 's', 4, 'a', now), new Endpoint('b', 's', 4, 'b', now)];
      const [phoneA, phoneB] = [await Peer.open(), await Peer.open()];
      await a.open(net, '127.0.0.1', ports.first);
      await b.open(net, '127.0.0.1', ports.first + 2);
      const sides = [
        { endpoint: a, phone: phoneA, keys: keysA, crypto: keysA && theirs(keysA) },
        { endpoint: b, phone: phoneB, keys: keysB, crypto: keysB && theirs(keysB) },
      ] as const;
      for (const { endpoint, phone, keys } of sides) {
        endpoint.setRemote({ address: '127.0.0.1', port: phone.port, rtcpPort: phone.port }, false);
        endpoint.setCrypto(keys);
      }
      const relay = new Relay(a, b, { keysOf: () => new TelephoneEventReceiver(8000, () => undefined), positionOf: () => new StreamPosition(), random32: () => 7 });
      relay.connect({ flow: true, payloadMap: { 96: 101 } }, { flow: true, payloadMap: { 101: 96 } }, now());
      // All at once: the native loop sleeps in this thread, so each turn of conversation would cost its patience.
      const sound = (side: number, n: number, payloadType: number) => rtp({ sequence: 65_530 + n, payload: `sound ${side} ${n} `.repeat(20), payloadType });
      for (const [side, { endpoint, phone, crypto }] of sides.entries()) {
        for (let n = 0; n < 10; n++) {
          const [packet, report] = [sound(side, n, side ? 101 : 96), senderReport(side, [1, n])];
          phone.send(crypto ? apply(crypto, 'protectRtp', packet) : packet, endpoint.rtpPort);
          phone.send(crypto ? apply(crypto, 'protectRtcp', report) : report, endpoint.rtpPort);
        }
      }
      for (const [side, { phone, crypto }] of sides.entries()) {
        for (let n = 0; n < 10; n++) {
          const [{ data: packet }, { data: report }] = [await phone.next(), await phone.next()];
          expect(crypto ? apply(crypto, 'unprotectRtp', packet) : packet).toEqual(sound(1 - side, n, side ? 101 : 96));
          expect(crypto ? apply(crypto, 'unprotectRtcp', report) : report).toEqual(senderReport(1 - side, [1, n]));
        }
      }
      expect(a.stats()).toMatchObject({ received: { packets: 10 }, sent: { packets: 10 }, rtcp: { received: 10, sent: 10 }, malformed: 0, foreign: 0 });
      expect(relay.describe()).toBe(`${keysA ? 'srtp' : 'udp'}(:${ports.first}) <-> relay(-> 96>101, <- 101>96) <-> ${keysB ? 'srtp' : 'udp'}(:${ports.first + 2})`);
      net.close();
      await Promise.all([phoneA.close(), phoneB.close()]);
      ports.release();
    });
  });
});
