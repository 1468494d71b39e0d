/** Two transaction layers on two transport layers over loopback: what unit tests with a fake transport cannot see. */
import { makeResponse } from '../../../../signaling/engine/transport/reply';
import type { Flow } from '../../../../signaling/engine/transport/types';
import { TransactionLayer } from '../../../../signaling/engine/transaction/transaction-layer';
import type { ServerTransaction } from '../../../../signaling/engine/transaction/types';
import { closeAll, quiet, Rig, tcp4, udp4, until } from '../transport/support';
import { outgoing, Recorder } from './support';

afterEach(closeAll);

class End {
  readonly incoming: ServerTransaction[] = [];
  readonly acks: string[] = [];
  readonly cancelled: ServerTransaction[] = [];

  private constructor(
    readonly rig: Rig,
    readonly layer: TransactionLayer,
  ) {
    layer.onRequest = (transaction) => void this.incoming.push(transaction);
    layer.onAck = (ack) => void this.acks.push(ack.callId);
    layer.onCancel = (invite) => this.cancelled.push(invite);
  }

  static async start(): Promise<End> {
    const rig = await Rig.start([udp4, tcp4]);
    return new End(rig, new TransactionLayer(rig.layer, {}, { clock: rig.clock, log: quiet }));
  }

  async call(index = 0): Promise<ServerTransaction> {
    await until(() => this.incoming.length > index);
    return this.incoming[index] as ServerTransaction;
  }
}

describe.each(['udp', 'tcp'] as const)('over %s', (protocol) => {
  const both = async (): Promise<{ a: End; b: End; target: { protocol: 'udp' | 'tcp'; host: string; port: number } }> => {
    const [a, b] = [await End.start(), await End.start()];
    return { a, b, target: { protocol, host: '127.0.0.1', port: b.rig.port() } };
  };

  test('a call that is busy: INVITE, 180, 486, ACK', async () => {
    const { a, b, target } = await both();
    const heard = new Recorder();
    const tx = a.layer.request(outgoing('INVITE'), target, heard);
    const call = await b.call();
    expect(call.request.topVia.rport).toBe(tx.flow?.protocol === 'udp' ? a.rig.port() : call.flow.remote.port);
    call.respond(makeResponse(call.request, 180, call.localTag));
    call.respond(makeResponse(call.request, 486, call.localTag));
    await until(() => call.state === (protocol === 'udp' ? 'confirmed' : 'terminated'));
    expect(heard.statuses).toEqual([180, 486]);
    expect(b.acks).toEqual([]);
    a.rig.clock.advance(32_000);
    b.rig.clock.advance(32_000);
    expect(a.layer.stats()).toMatchObject({ client: 0, timers: 0 });
    expect(b.layer.stats()).toMatchObject({ server: 0, timers: 0 });
  });

  test('a call that is answered: the ACK goes up, and a BYE comes back over the same flow', async () => {
    const { a, b, target } = await both();
    const heard = new Recorder();
    const tx = a.layer.request(outgoing('INVITE'), target, heard);
    const call = await b.call();
    call.respond(makeResponse(call.request, 200, call.localTag));
    await until(() => heard.statuses.length === 1);
    a.layer.sendDirect(outgoing('ACK', { toTag: 'x' }), tx.flow as Flow);
    await until(() => b.acks.length === 1);
    const bye = new Recorder();
    b.layer.request(outgoing('BYE'), call.flow, bye);
    const end = await a.call();
    end.respond(makeResponse(end.request, 200));
    await until(() => bye.statuses.length === 1);
    expect(bye.statuses).toEqual([200]);
  });

  test('CANCEL finds its INVITE and is answered by the layer', async () => {
    const { a, b, target } = await both();
    const heard = new Recorder();
    const tx = a.layer.request(outgoing('INVITE'), target, heard);
    tx.cancel();
    const call = await b.call();
    call.respond(makeResponse(call.request, 100));
    await until(() => b.cancelled.length === 1);
    expect(b.cancelled[0]).toBe(call);
    call.respond(makeResponse(call.request, 487, call.localTag));
    await until(() => heard.statuses.includes(487));
    expect(heard.statuses).toEqual([100, 487]);
  });
});

test('UDP: a lost request is sent again, the response to it repeated', async () => {
  const [a, b] = [await End.start(), await End.start()];
  const heard = new Recorder();
  a.layer.request(outgoing('OPTIONS'), { protocol: 'udp', host: '127.0.0.1', port: b.rig.port() }, heard);
  const ping = await b.call();
  a.rig.clock.advance(500);
  await until(() => b.layer.stats().absorbed === 1);
  ping.respond(makeResponse(ping.request, 200, 'x'));
  await until(() => heard.statuses.length === 1);
  expect(b.incoming).toHaveLength(1);
});

test('TCP: a peer whose connection breaks while it rings fails the call at once', async () => {
  const [a, b] = [await End.start(), await End.start()];
  const heard = new Recorder();
  a.layer.request(outgoing('INVITE'), { protocol: 'tcp', host: '127.0.0.1', port: b.rig.port() }, heard);
  const call = await b.call();
  call.respond(makeResponse(call.request, 180, 'x'));
  await until(() => heard.statuses.length === 1);
  await b.rig.layer.close();
  await until(() => heard.errors.length === 1);
  expect(heard.errors[0]?.code).toBe('closed');
});

test('UDP: a phone on this machine that has gone fails the request after the first retransmission', async () => {
  const [a, gone] = [await End.start(), await End.start()];
  const port = gone.rig.port();
  await gone.rig.layer.close();
  const heard = new Recorder();
  a.layer.request(outgoing('INVITE'), { protocol: 'udp', host: '127.0.0.1', port }, heard);
  a.rig.clock.advance(500);
  // Where the system has no table of sockets to look at, the timers have the last word.
  if (process.platform !== 'linux') a.rig.clock.advance(31_500);
  await until(() => heard.errors.length + heard.timeouts === 1);
  if (process.platform === 'linux') expect(heard.errors.map((e) => e.code)).toEqual(['ECONNREFUSED']);
});
