import fc from 'fast-check';
import { RtcpMonitor } from '../../../../media/rtp/rtcp-monitor';
import { receiverReport, senderReport } from '../support/packets';

const receive = (monitor: RtcpMonitor, data: Buffer, ms = 0): void => monitor.onReceived(data, data.length, ms);
const send = (monitor: RtcpMonitor, data: Buffer, ms = 0): void => monitor.onSent(data, data.length, ms);

test('a block of a receiver report is read', () => {
  const monitor = new RtcpMonitor();
  receive(monitor, receiverReport(1, [{ ssrc: 0xdeadbeef, fraction: 64, lost: 1234, jitter: 99 }]), 50);
  expect(monitor.lastReport).toEqual({ ssrc: 0xdeadbeef, fractionLost: 0.25, cumulativeLost: 1234, jitter: 99, rttMs: null, atMs: 50 });
  expect(monitor.received).toBe(1);
});

test('cumulative loss has a sign', () => {
  const monitor = new RtcpMonitor();
  receive(monitor, receiverReport(1, [{ ssrc: 2, lost: -3, fraction: 0 }]));
  expect(monitor.lastReport?.cumulativeLost).toBe(-3);
});

test('the block behind the sender information is found, in a compound too', () => {
  const monitor = new RtcpMonitor();
  receive(monitor, Buffer.concat([senderReport(1, [1, 2], [{ ssrc: 5, jitter: 7 }]), Buffer.from([0x81, 202, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0])]));
  expect(monitor.lastReport).toMatchObject({ ssrc: 5, jitter: 7 });
});

test('round-trip time is what is left of the way there and back when the peer’s delay is taken off', () => {
  const monitor = new RtcpMonitor();
  send(monitor, senderReport(0xaa, [0x00010002, 0x00030004]), 1000);
  // the peer kept it for half a second: 32768/65536 s
  receive(monitor, receiverReport(1, [{ ssrc: 0xaa, lsr: 0x00020003, dlsr: 32768 }]), 1580);
  expect(monitor.lastReport?.rttMs).toBeCloseTo(80, 6);
});

test.each([
  ['another stream', { ssrc: 0xbb, lsr: 0x00020003, dlsr: 0 }],
  ['another report', { ssrc: 0xaa, lsr: 0x00020099, dlsr: 0 }],
  ['no report yet', { ssrc: 0xaa, lsr: 0, dlsr: 0 }],
])('no round-trip time for %s', (_, block) => {
  const monitor = new RtcpMonitor();
  send(monitor, senderReport(0xaa, [0x00010002, 0x00030004]), 1000);
  receive(monitor, receiverReport(1, [block]), 1080);
  expect(monitor.lastReport?.rttMs).toBeNull();
});

test('a peer that claims to have kept the report longer than it was gone is as near as can be', () => {
  const monitor = new RtcpMonitor();
  send(monitor, senderReport(0xaa, [0, 0x00010000]), 0);
  receive(monitor, receiverReport(1, [{ ssrc: 0xaa, lsr: 1, dlsr: 65536 }]), 990);
  expect(monitor.lastReport?.rttMs).toBe(0);
});

test('the last few reports that left are remembered, not all', () => {
  const monitor = new RtcpMonitor();
  for (let i = 1; i <= 10; i++) send(monitor, senderReport(0xaa, [i, 0]), i * 100);
  receive(monitor, receiverReport(1, [{ ssrc: 0xaa, lsr: 2 << 16 }]), 2000);
  expect(monitor.lastReport?.rttMs).toBeNull();
  receive(monitor, receiverReport(1, [{ ssrc: 0xaa, lsr: 9 << 16 }]), 2000);
  expect(monitor.lastReport?.rttMs).toBe(1100);
});

test('what does not add up is not believed: encrypted, cut off, trailing octets', () => {
  const monitor = new RtcpMonitor();
  const whole = receiverReport(1, [{ ssrc: 2, jitter: 3 }]);
  for (const data of [Buffer.concat([whole, Buffer.alloc(14, 0xee)]), whole.subarray(0, 20), Buffer.concat([whole, Buffer.from([0x80])])]) receive(monitor, data);
  expect(monitor.lastReport).toBeNull();
  expect(monitor.received).toBe(3);
});

test('a report that counts more blocks than it has is read as far as it goes', () => {
  const monitor = new RtcpMonitor();
  const report = receiverReport(1, [{ ssrc: 2, jitter: 3 }]);
  report[0] = 0x9f;
  receive(monitor, report);
  expect(monitor.lastReport).toMatchObject({ ssrc: 2, jitter: 3 });
});

test('no octets make it throw', () => {
  const monitor = new RtcpMonitor();
  const compound = fc.tuple(fc.constantFrom(0x80, 0x81, 0x9f, 0x42), fc.constantFrom(200, 201, 203, 0), fc.uint8Array({ maxLength: 80 }));
  fc.assert(
    fc.property(compound, ([first, type, rest]) => {
      const data = Buffer.from([first, type, ...rest]);
      monitor.onReceived(data, data.length, 0);
      monitor.onSent(data, data.length, 0);
    }),
    { numRuns: 500 },
  );
});
