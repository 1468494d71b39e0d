import { Endpoint } from '../../../../media/net/endpoint';
import { FakeNet } from '../support/fake-net';
import { receiverReport, rtp, senderReport } from '../support/packets';

const SDP = { address: '192.0.2.1', port: 4000 };
const FROM = '192.0.2.1:4000';
const FROM_RTCP = '192.0.2.1:4001';
const ELSEWHERE = '198.51.100.7:2222';

async function open(family: 4 | 6 = 4) {
  const clock = { ms: 1000 };
  const net = new FakeNet(() => clock.ms);
  const endpoint = new Endpoint('e1', 's', family, 'caller', () => clock.ms);
  await endpoint.open(net, family === 4 ? '0.0.0.0' : '::', 40000);
  const heard: string[] = [];
  endpoint.sink = {
    rtp: (data, length) => heard.push(`rtp ${Buffer.from(data.subarray(12, length)).toString()}`),
    rtcp: (_data, length) => heard.push(`rtcp ${length}`),
  };
  return { clock, net, endpoint, heard };
}

const sendRtp = (endpoint: Endpoint): void => endpoint.sendRtp(rtp(), 17);
const sendRtcp = (endpoint: Endpoint): void => endpoint.sendRtcp(receiverReport(1), 8, 0);

test('binds a pair, and nothing when the second is taken', async () => {
  const net = new FakeNet(() => 0);
  net.taken.add(40001);
  const endpoint = new Endpoint('e1', 's', 4, 'caller', () => 0);
  await expect(endpoint.open(net, '0.0.0.0', 40000)).rejects.toThrow('taken by another program');
  expect(net.sockets.get(40000)!.closed).toBe(true);
});

test('valid packets of the peer reach the sink, others are counted by what is wrong with them', async () => {
  const { net, endpoint, heard } = await open();
  endpoint.setRemote(SDP, false);
  net.deliver(40000, FROM, rtp({ sequence: 1, payload: 'one' }));
  net.deliver(40000, ELSEWHERE, rtp({ sequence: 2, payload: 'bleed' }));
  net.deliver(40000, FROM, new Uint8Array(0));
  net.deliver(40000, FROM, Buffer.from('\0\x01\0\0STUN-like'));
  net.deliver(40000, FROM, rtp({ sequence: 2, payload: 'two' }));
  expect(heard).toEqual(['rtp one', 'rtp two']);
  expect(endpoint.stats()).toMatchObject({ received: { packets: 2, bytes: 30 }, foreign: 1, malformed: 2, gated: 0, lost: 0, latch: 'locked', latched: FROM });
});

test('RTP and RTCP latch separately', async () => {
  const { net, endpoint } = await open();
  endpoint.setRemote(SDP, false);
  net.deliver(40000, ELSEWHERE, rtp());
  expect(endpoint.stats()).toMatchObject({ latched: ELSEWHERE, latchedRtcp: null });
  sendRtp(endpoint);
  sendRtcp(endpoint);
  expect(net.sent(40000).map((s) => s.to)).toEqual([ELSEWHERE]);
  expect(net.sent(40001).map((s) => s.to)).toEqual([FROM_RTCP]);
  net.deliver(40001, '198.51.100.7:2223', receiverReport(1));
  sendRtcp(endpoint);
  expect(net.sent(40001).map((s) => s.to)).toEqual([FROM_RTCP, '198.51.100.7:2223']);
  expect(endpoint.stats().rtcp).toMatchObject({ received: 1, sent: 2 });
});

test.each([
  ['the port after, when the SDP says nothing', undefined, 40001, FROM_RTCP],
  ['the port that a=rtcp names', 4777, 40001, '192.0.2.1:4777'],
  ['the RTP port, when both are the same (rtcp-mux)', 4000, 40000, FROM],
])('RTCP goes to %s', async (_, rtcpPort, ours, to) => {
  const { net, endpoint } = await open();
  endpoint.setRemote({ ...SDP, rtcpPort }, false);
  sendRtcp(endpoint);
  expect(net.sent(ours).map((s) => s.to)).toEqual([to]);
});

test('RTCP on the RTP port is told from RTP, and answered there when that is all the RTCP there is', async () => {
  const { net, endpoint, heard } = await open();
  endpoint.setRemote(SDP, false);
  net.deliver(40000, FROM, receiverReport(1));
  expect(heard).toEqual(['rtcp 8']);
  expect(endpoint.stats()).toMatchObject({ received: { packets: 0 }, rtcp: { received: 1 } });
  sendRtcp(endpoint);
  expect(net.sent(40000)).toHaveLength(1);
  net.deliver(40001, FROM_RTCP, receiverReport(1)); // it has an RTCP port of its own after all
  sendRtcp(endpoint);
  expect(net.sent(40001).map((s) => s.to)).toEqual([FROM_RTCP]);
});

test('foreign and malformed RTCP is not read', async () => {
  const { net, endpoint, heard } = await open();
  endpoint.setRemote(SDP, false);
  net.deliver(40001, FROM_RTCP, receiverReport(1));
  net.deliver(40001, ELSEWHERE, receiverReport(2, [{ ssrc: 9 }]));
  net.deliver(40001, FROM_RTCP, Buffer.from([0x80, 201, 0xff, 0xff, 0, 0, 0, 0]));
  net.deliver(40000, FROM, Buffer.from([0x80, 201, 0xff, 0xff, 0, 0, 0, 0]));
  expect(heard).toEqual(['rtcp 8']);
  expect(endpoint.stats()).toMatchObject({ foreign: 1, malformed: 2, rtcp: { received: 1, lastReport: null } });
});

test('round-trip time from reports that pass through', async () => {
  const { net, endpoint, clock } = await open();
  endpoint.setRemote(SDP, false);
  const report = senderReport(0xaa, [0, 0x00070000]);
  endpoint.sendRtcp(report, report.length, clock.ms);
  clock.ms += 130;
  net.deliver(40001, FROM_RTCP, receiverReport(1, [{ ssrc: 0xaa, lsr: 7, dlsr: 65536 / 10, fraction: 128 }]));
  clock.ms += 5;
  const { lastReport } = endpoint.stats().rtcp;
  expect(lastReport).toMatchObject({ ssrc: 0xaa, fractionLost: 0.5, agoMs: 5 });
  expect(lastReport?.rttMs).toBeCloseTo(30, 1);
});

test('nobody to send to, and a system that refuses, are counted apart', async () => {
  const { net, endpoint } = await open();
  sendRtp(endpoint);
  sendRtcp(endpoint);
  endpoint.setRemote(SDP, false);
  net.sockets.get(40000)!.refusing = true;
  sendRtp(endpoint);
  net.sockets.get(40000)!.refusing = false;
  sendRtp(endpoint);
  expect(endpoint.stats()).toMatchObject({ noRemote: 2, sendErrors: 1, sent: { packets: 1, bytes: 17 } });
});

test('relatch goes back to the SDP address, for RTCP as well', async () => {
  const { net, endpoint } = await open();
  endpoint.setRemote(SDP, false);
  net.deliver(40000, FROM, rtp());
  net.deliver(40001, FROM_RTCP, receiverReport(1));
  endpoint.setRemote({ address: '192.0.2.50', port: 6000 }, false);
  expect(endpoint.stats()).toMatchObject({ latched: FROM, remote: '192.0.2.50:6000' });
  endpoint.setRemote({ address: '192.0.2.50', port: 6000 }, true);
  expect(endpoint.stats()).toMatchObject({ latched: null, latchedRtcp: null, latch: 'open' });
  sendRtp(endpoint);
  sendRtcp(endpoint);
  expect([net.sent(40000), net.sent(40001)].map((s) => s.at(-1)?.to)).toEqual(['192.0.2.50:6000', '192.0.2.50:6001']);
});

test('no remote: nothing is sent, nothing is remembered', async () => {
  const { net, endpoint } = await open();
  endpoint.setRemote(SDP, false);
  net.deliver(40000, FROM, rtp());
  endpoint.setRemote(null, false);
  sendRtp(endpoint);
  expect(endpoint.stats()).toMatchObject({ noRemote: 1, remote: null, latched: null });
});

test.each([
  [4, 'example.com', 5],
  [4, '::1', 5],
  [6, '127.0.0.1', 5],
  [6, 'fe80::1%lo', 5],
  [4, '192.0.2.1', 70000],
] as const)('an IPv%d endpoint refuses %s port %d and keeps what it had', async (family, address, port) => {
  const { endpoint } = await open(family);
  const good = family === 4 ? SDP : { address: '2001:db8::1', port: 4000 };
  expect(endpoint.setRemote(good, false)).toBe(true);
  const before = endpoint.stats().remote;
  expect(endpoint.setRemote({ address, port }, true)).toBe(false);
  expect(endpoint.stats().remote).toBe(before);
});

test('the last port of all has none after it: RTCP goes nowhere until some arrives', async () => {
  const { net, endpoint } = await open();
  expect(endpoint.setRemote({ address: '192.0.2.1', port: 65535 }, false)).toBe(true);
  sendRtcp(endpoint);
  net.deliver(40001, '192.0.2.1:1024', receiverReport(1));
  sendRtcp(endpoint);
  expect(net.sent(40001).map((s) => s.to)).toEqual(['192.0.2.1:1024']);
});

test('port 0 and 0.0.0.0 hold: nothing more is sent to the SDP address', async () => {
  const { net, endpoint } = await open();
  endpoint.setRemote(SDP, false);
  expect(endpoint.setRemote({ address: '0.0.0.0', port: 0 }, false)).toBe(true);
  sendRtp(endpoint);
  expect(net.sent(40000)).toEqual([]);
  expect(endpoint.stats().noRemote).toBe(1);
});

test('jitter counts by the clock of the payload type', async () => {
  const { net, endpoint, clock } = await open();
  endpoint.clocks = new Int32Array(128).fill(48000, 96, 97);
  endpoint.setRemote(SDP, false);
  net.deliver(40000, FROM, rtp({ payloadType: 96, sequence: 1, timestamp: 0 }));
  clock.ms += 36;
  net.deliver(40000, FROM, rtp({ payloadType: 96, sequence: 2, timestamp: 960 }));
  expect(endpoint.stats().jitterMs).toBeCloseTo(1, 6);
});

test('without a sink packets are counted as gated', async () => {
  const { net, endpoint } = await open();
  endpoint.sink = undefined;
  net.deliver(40000, FROM, rtp());
  net.deliver(40001, FROM_RTCP, receiverReport(1));
  expect(endpoint.stats()).toMatchObject({ received: { packets: 1 }, gated: 1, rtcp: { received: 1 } });
});

test('closing twice is closing once, and the counters stay', async () => {
  const { net, endpoint } = await open();
  net.deliver(40000, FROM, rtp());
  endpoint.close();
  endpoint.close();
  expect([...net.sockets.values()].map((s) => s.closed)).toEqual([true, true]);
  expect(endpoint.stats().received.packets).toBe(1);
});

test('STUN is told from garbage, on either port', async () => {
  const { net, endpoint } = await open();
  const stun = Buffer.alloc(20);
  stun.writeUInt16BE(1, 0);
  stun.writeUInt32BE(0x2112a442, 4);
  net.deliver(40000, '192.0.2.1:4000', stun);
  net.deliver(40001, '192.0.2.1:4001', stun);
  net.deliver(40000, '192.0.2.1:4000', Buffer.alloc(20));
  net.deliver(40001, '192.0.2.1:4001', stun.subarray(0, 19));
  expect(endpoint.stats()).toMatchObject({ stun: 2, malformed: 2, received: { packets: 0 } });
});
