/** Requests that go to more than one place, or leave UDP: what the layer below alone does not do. Over real sockets: `test/contract/engine/names`. */
import { FakeClock } from '../../../support/fake-clock';
import { FailOver } from '../../../../signaling/engine/transaction/fail-over';
import type { Flow } from '../../../../signaling/engine/transport/types';
import { FakeFlow, FakeTransport, memoryLog, outgoing, Recorder, settled } from './support';

function bench(): { layer: FailOver; udp: FakeFlow & Pick<Flow, 'larger'>; tcp: FakeFlow; dialled(): void } {
  const clock = new FakeClock();
  const udp: FakeFlow & Pick<Flow, 'larger'> = new FakeFlow(clock, 'udp');
  const tcp = new FakeFlow(clock, 'tcp');
  let dialled = (): void => undefined;
  const dialling = new Promise<Flow>((resolve) => (dialled = () => resolve(tcp)));
  udp.larger = () => dialling;
  return { layer: new FailOver(new FakeTransport(udp), {}, { clock, log: memoryLog() }), udp, tcp, dialled };
}

const large = (uri: string): ReturnType<typeof outgoing> => {
  const request = outgoing('MESSAGE', { uri });
  request.body = Buffer.alloc(1_400, 'x');
  return request;
};

test('a large request waits for the connection that carries it', async () => {
  const { layer, udp, tcp, dialled } = bench();
  const transaction = layer.request(large('sip:1002@192.0.2.7'), udp, new Recorder());
  expect(transaction.connecting).toBeInstanceOf(Promise);
  expect([udp.whats, tcp.whats]).toEqual([[], []]);
  dialled();
  await settled();
  expect([udp.whats, tcp.whats]).toEqual([[], ['MESSAGE']]);
});

test('what cannot be written is refused at once, not when there is nobody to catch it', async () => {
  const { layer, udp, tcp, dialled } = bench();
  const recorder = new Recorder();
  expect(() => layer.request(large('sip:1002@192.0.2.7\u0001'), udp, recorder)).toThrow(/Request-URI .* control characters/);
  dialled();
  await settled();
  expect([udp.whats, tcp.whats]).toEqual([[], []]);
  expect(recorder.errors).toEqual([]);
});
