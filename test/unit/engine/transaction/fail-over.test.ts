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

describe('several places', () => {
  type Place = FakeFlow & Pick<Flow, 'larger' | 'next'>;

  /** Two places that are reached over UDP; `over`: what a place has for large requests. */
  function places(over: [Flow | 'refused' | undefined, Flow | 'refused' | undefined], clock = new FakeClock()): { layer: FailOver; first: Place; second: Place; clock: FakeClock } {
    const [first, second] = over.map((larger) => {
      const place: Place = new FakeFlow(clock, 'udp');
      if (larger) place.larger = () => (larger === 'refused' ? Promise.reject(new Error('refused')) : Promise.resolve(larger));
      return place;
    }) as [Place, Place];
    first.next = () => Promise.resolve(second);
    return { layer: new FailOver(new FakeTransport(first), {}, { clock, log: memoryLog() }), first, second, clock };
  }

  test('a large request is asked over TCP at each of them, and over UDP where that is refused', async () => {
    const clock = new FakeClock();
    const tcp = new FakeFlow(clock, 'tcp');
    const { layer, first, second } = places(['refused', tcp], clock);
    layer.request(large('sip:1002@pbx.example'), first, new Recorder());
    await settled();
    expect([first.whats, second.whats, tcp.whats]).toEqual([['MESSAGE'], [], []]);
    clock.advance(32_000);
    await settled();
    expect([second.whats, tcp.whats]).toEqual([[], ['MESSAGE']]);
  });

  test('after silence over TCP the next place is tried, too', async () => {
    const clock = new FakeClock();
    const tcp = new FakeFlow(clock, 'tcp');
    const { layer, first, second } = places([tcp, undefined], clock);
    const recorder = new Recorder();
    const transaction = layer.request(large('sip:1002@pbx.example'), first, recorder);
    await settled();
    expect([first.whats, tcp.whats]).toEqual([[], ['MESSAGE']]);
    clock.advance(32_000);
    await settled();
    expect(second.whats).toEqual(['MESSAGE']);
    expect(transaction.flow).toBe(second);
    expect(recorder.errors).toEqual([]);
  });

  test('a small one goes over UDP to each', async () => {
    const clock = new FakeClock();
    const { layer, first, second } = places([new FakeFlow(clock, 'tcp'), new FakeFlow(clock, 'tcp')], clock);
    layer.request(outgoing('MESSAGE', { uri: 'sip:1002@pbx.example' }), first, new Recorder());
    clock.advance(32_000);
    await settled();
    expect([new Set(first.whats), second.whats]).toEqual([new Set(['MESSAGE']), ['MESSAGE']]);
  });
});
