import { QueueProbe } from '../../../../signaling/engine/transport/queue-probe';
import { FakeClock } from '../../../support/fake-clock';

test('a probe tells how long it waited; one is under way at a time, and one that is lost is sent again', () => {
  const clock = new FakeClock();
  const sent: Buffer[] = [];
  const probe = new QueueProbe(clock, (datagram) => void sent.push(datagram));
  expect(probe.waited()).toBe(0);
  clock.advance(30);
  expect(probe.takes(sent[0]!)).toBe(true);
  expect(probe.waited()).toBe(30);
  clock.advance(400);
  expect(probe.waited()).toBe(400);
  expect(sent).toHaveLength(2);
  clock.advance(1_600);
  expect(probe.waited()).toBe(2_000);
  expect(sent).toHaveLength(3);
  clock.advance(5);
  expect(probe.takes(sent[2]!)).toBe(true);
  expect(probe.waited()).toBe(5);
});

test('nothing else is taken for it', () => {
  const sent: Buffer[] = [];
  const probe = new QueueProbe(new FakeClock(), (datagram) => void sent.push(datagram));
  probe.waited();
  for (const other of ['', '\0\0\0\0', '\r\n\r\n', 'OPTIONS']) expect(probe.takes(Buffer.from(other))).toBe(false);
  const forged = Buffer.from(sent[0]!);
  forged[4]! ^= 1;
  expect(probe.takes(forged)).toBe(false);
});
