/** The non-INVITE client transaction, row by row: RFC 3261 §17.1.2. */
import { nonInviteClientTable } from '../../../../signaling/engine/transaction/nict';
import { TransportError } from '../../../../signaling/engine/transport/types';
import { answer, Bench, expectNoDefects, outgoing, Recorder, settled, watchTable } from './support';

afterEach(expectNoDefects);

const rows = watchTable(nonInviteClientTable);
afterAll(() => expect(rows.missing()).toEqual([]));

function start(flow: 'udp' | 'tcp' = 'udp') {
  const b = new Bench();
  const heard = new Recorder();
  const tx = b.layer.request(outgoing('OPTIONS'), b[flow], heard);
  return { b, heard, tx, line: b[flow], hear: (status: number) => b.receive(answer(tx.request, status), b[flow]) };
}

describe('non-INVITE client transaction', () => {
  test('trying on UDP: timer E at 0.5, 1, 2, 4, 4 ... s apart, timer F at 32 s', () => {
    const { b, heard, tx, line } = start();
    b.clock.advance(31_999);
    expect(line.times).toEqual([0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    expect(tx.state).toBe('trying');
    b.clock.advance(1);
    expect(tx.state).toBe('terminated');
    expect(heard).toMatchObject({ timeouts: 1, terminations: 1 });
    expect(b.layer.stats()).toMatchObject({ client: 0, timers: 0, timeouts: 1, requestsRepeated: 10 });
  });

  test('on TCP: sent once, timer F at 32 s', () => {
    const { b, heard, line } = start('tcp');
    b.clock.advance(32_000);
    expect(line.times).toEqual([0]);
    expect(heard.timeouts).toBe(1);
  });

  test('after a provisional timer E runs every 4 s, timer F goes on', () => {
    const { b, heard, tx, line, hear } = start();
    b.clock.advance(600);
    hear(100);
    expect(tx.state).toBe('proceeding');
    b.clock.advance(20_000);
    hear(100);
    expect(line.times).toEqual([0, 500, 1_500, 5_500, 9_500, 13_500, 17_500]);
    expect(heard.statuses).toEqual([100, 100]);
    b.clock.advance(11_400);
    expect(heard.timeouts).toBe(1);
    expect(tx.state).toBe('terminated');
  });

  test.each([[[]], [[100]]])('a final response after %j goes up once; timer K buffers its repetitions for 5 s', (before: number[]) => {
    const { b, heard, tx, line, hear } = start();
    for (const status of before) hear(status);
    hear(200);
    b.clock.advance(4_999);
    hear(200);
    hear(100);
    expect(tx.state).toBe('completed');
    b.clock.advance(1);
    expect(tx.state).toBe('terminated');
    expect(heard.statuses).toEqual([...before, 200]);
    expect(line.times).toEqual([0]);
    expect(heard).toMatchObject({ timeouts: 0, terminations: 1 });
    hear(200);
    expect(b.layer.stats()).toMatchObject({ client: 0, timers: 0, strayResponses: 1 });
    expect(b.strays).toEqual([]);
  });

  test('on TCP timer K is zero', () => {
    const { b, heard, tx, hear } = start('tcp');
    hear(404);
    expect(tx.state).toBe('terminated');
    expect(heard.statuses).toEqual([404]);
    expect(b.tcp.watchers).toBe(0);
  });

  test('with the first retransmission the flow is asked whether anybody is there; a no is the end', () => {
    const { b, heard, tx } = start();
    b.clock.advance(30_000);
    expect(b.udp.doubts.map((d) => d.at)).toEqual([500]);
    b.udp.doubts[0]?.onError(new TransportError('ECONNREFUSED', 'nobody'));
    expect(heard.errors.map((e) => e.code)).toEqual(['ECONNREFUSED']);
    expect(tx.state).toBe('terminated');
  });

  test('it cannot be cancelled', () => {
    const { tx, line, hear } = start();
    hear(100);
    expect(tx.cancel()).toBe(false);
    expect(line.whats).toEqual(['OPTIONS']);
  });

  test.each(['trying', 'proceeding'])('a connection that closes is told at once: %s', (state) => {
    const { b, heard, tx, hear } = start('tcp');
    if (state === 'proceeding') hear(100);
    b.tcp.close();
    expect(heard.errors.map((e) => e.code)).toEqual(['closed']);
    expect(tx.state).toBe('terminated');
  });

  test('a send that fails after the answer came, or after the end, disturbs nobody', async () => {
    for (const protocol of ['udp', 'tcp'] as const) {
      const b = new Bench();
      const heard = new Recorder();
      b[protocol].broken = new TransportError('EPIPE', 'gone');
      const tx = b.layer.request(outgoing('OPTIONS'), b[protocol], heard);
      b.receive(answer(tx.request, 200));
      await settled();
      expect(heard).toMatchObject({ statuses: [200], errors: [] });
      expect(tx.state).toBe(protocol === 'udp' ? 'completed' : 'terminated');
    }
  });

  test('no way is a transport error', async () => {
    const b = new Bench();
    const heard = new Recorder();
    b.transport.flowTo = () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }));
    const tx = b.layer.request(outgoing('OPTIONS'), { host: 'nowhere.invalid' }, heard);
    expect(tx.state).toBe('connecting');
    await settled();
    expect(heard.errors.map((e) => [e.name, e.code])).toEqual([['TransportError', 'ENOTFOUND']]);
    expect(tx.state).toBe('terminated');
  });
});
