/** The INVITE client transaction, row by row: RFC 3261 §17.1.1 with RFC 6026, and CANCEL (§9.1). */
import { inviteClientTable } from '../../../../signaling/engine/transaction/ict';
import type { ClientTransaction } from '../../../../signaling/engine/transaction/types';
import { TransportError, type Flow } from '../../../../signaling/engine/transport/types';
import { answer, Bench, expectNoDefects, type FakeFlow, outgoing, Recorder, settled, watchTable } from './support';

afterEach(expectNoDefects);

const rows = watchTable(inviteClientTable);
afterAll(() => expect(rows.missing()).toEqual([]));

class Call extends Bench {
  readonly heard = new Recorder();
  readonly tx: ClientTransaction;

  constructor(
    readonly flow: 'udp' | 'tcp' = 'udp',
    options: ConstructorParameters<typeof Bench>[0] = {},
  ) {
    super(options);
    this.tx = this.layer.request(outgoing('INVITE'), this[flow], this.heard);
  }

  hear(status: number, tag = 'remote'): void {
    this.receive(answer(this.tx.request, status, tag), this[this.flow]);
  }

  get line(): FakeFlow {
    return this[this.flow];
  }
}

describe('INVITE client transaction', () => {
  test('calling on UDP: timer A at 0.5, 1, 2, 4, 8, 16 s apart, timer B at 32 s', () => {
    const c = new Call();
    c.clock.advance(31_999);
    expect(c.line.times).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    expect(c.tx.state).toBe('calling');
    expect(c.heard.timeouts).toBe(0);
    c.clock.advance(1);
    expect(c.tx.state).toBe('terminated');
    expect(c.heard).toMatchObject({ timeouts: 1, terminations: 1, errors: [] });
    c.clock.advance(100_000);
    expect(c.line.times).toHaveLength(7);
    expect(c.layer.stats()).toMatchObject({ client: 0, timers: 0, timeouts: 1, requestsRepeated: 6 });
  });

  test('calling on TCP: sent once, timer B at 32 s', () => {
    const c = new Call('tcp');
    c.clock.advance(32_000);
    expect(c.line.times).toEqual([0]);
    expect(c.heard.timeouts).toBe(1);
    expect(c.tcp.watchers).toBe(0);
  });

  test('a provisional ends the retransmission and timer B; all of them go up', () => {
    const c = new Call();
    c.clock.advance(600);
    c.hear(100);
    expect(c.tx.state).toBe('proceeding');
    c.hear(180);
    c.hear(180);
    c.clock.advance(120_000);
    expect(c.line.times).toEqual([0, 500]);
    expect(c.heard.statuses).toEqual([100, 180, 180]);
    expect(c.heard.timeouts).toBe(0);
  });

  test('proceeding without an end is given up after the guard time', () => {
    const c = new Call('udp', { maxProceedingMs: 600_000 });
    c.hear(180);
    c.clock.advance(300_000);
    c.hear(180);
    c.clock.advance(599_999);
    expect(c.tx.state).toBe('proceeding');
    c.clock.advance(1);
    expect(c.heard.timeouts).toBe(1);
    expect(c.layer.stats()).toMatchObject({ abandoned: 1, client: 0 });
  });

  test.each([[[]], [[180]]])('a failure after %j is acknowledged and passed up once, its repetitions acknowledged again, timer D at 32 s', (before: number[]) => {
    const c = new Call();
    for (const status of before) c.hear(status);
    c.hear(486);
    c.hear(486);
    c.clock.advance(31_999);
    c.hear(486);
    c.hear(180);
    expect(c.line.whats).toEqual(['INVITE', 'ACK', 'ACK', 'ACK']);
    expect(c.heard.statuses).toEqual([...before, 486]);
    expect(c.tx.state).toBe('completed');
    c.clock.advance(1);
    expect(c.tx.state).toBe('terminated');
    expect(c.layer.stats()).toMatchObject({ client: 0, timers: 0 });
  });

  test('on TCP timer D is zero', () => {
    const c = new Call('tcp');
    c.hear(486);
    expect(c.tx.state).toBe('terminated');
    expect(c.line.whats).toEqual(['INVITE', 'ACK']);
    expect(c.heard).toMatchObject({ statuses: [486], terminations: 1, timeouts: 0 });
    expect(c.tcp.watchers).toBe(0);
  });

  test('the ACK has the Via, Request-URI, From, Call-ID, CSeq number and Route of the INVITE and the To of the response', () => {
    const b = new Bench();
    const invite = outgoing('INVITE', { seq: 101 });
    invite.headers.append('Route', '<sip:192.0.2.9;lr>');
    invite.headers.append('Route', '<sip:192.0.2.10;lr>');
    const tx = b.layer.request(invite, b.udp, new Recorder());
    b.receive(answer(tx.request, 486, 'busy'));
    const ack = b.udp.last;
    expect([...ack.headers].map(({ name, value }) => `${name}: ${value}`)).toEqual([
      `Via: ${tx.request.headers.get('via')}`,
      'Max-Forwards: 70',
      'Route: <sip:192.0.2.9;lr>',
      'Route: <sip:192.0.2.10;lr>',
      'From: <sip:1002@192.0.2.1>;tag=theirs',
      'Call-ID: call-1',
      'To: <sip:1001@192.0.2.1>;tag=busy',
      'CSeq: 101 ACK',
      'Content-Length: 0',
    ].sort((x, y) => order(ack, x) - order(ack, y)));
    expect(ack).toMatchObject({ method: 'ACK', uri: 'sip:1001@192.0.2.1' });
  });

  test.each([[[]], [[180]]])('a 2xx after %j goes up, and every further one with the mark `again` until timer M at 32 s; no ACK of ours', (before: number[]) => {
    const c = new Call();
    for (const status of before) c.hear(status);
    c.hear(200, 'first');
    c.hear(200, 'first');
    c.hear(200, 'fork');
    expect(c.tx.state).toBe('accepted');
    expect(c.heard.responses.slice(before.length)).toEqual([
      { status: 200, again: false, tag: 'first' },
      { status: 200, again: true, tag: 'first' },
      { status: 200, again: true, tag: 'fork' },
    ]);
    c.hear(180);
    c.hear(486);
    expect(c.heard.responses).toHaveLength(before.length + 3);
    expect(c.line.whats).toEqual(['INVITE']);
    c.clock.advance(31_999);
    expect(c.tx.state).toBe('accepted');
    c.clock.advance(1);
    expect(c.tx.state).toBe('terminated');
    expect(c.heard).toMatchObject({ timeouts: 0, terminations: 1 });
    c.hear(200, 'late');
    expect(c.strays.map((s) => s.toTag)).toEqual(['late']);
    expect(c.layer.stats()).toMatchObject({ client: 0, timers: 0, strayResponses: 1 });
  });

  test('on TCP timer M is 32 s as well: another branch of a fork may still answer', () => {
    const c = new Call('tcp');
    c.hear(200);
    c.clock.advance(31_999);
    c.hear(200, 'fork');
    expect(c.heard.responses.at(-1)).toEqual({ status: 200, again: true, tag: 'fork' });
    c.clock.advance(1);
    expect(c.tx.state).toBe('terminated');
  });

  test('a 2xx of another branch after a failure is handed up as a stray, to be ended', () => {
    const c = new Call();
    c.hear(486);
    c.hear(200, 'fork');
    expect(c.heard.statuses).toEqual([486]);
    expect(c.strays.map((s) => s.toTag)).toEqual(['fork']);
  });

  test('a send that fails while calling is told, and is the end', async () => {
    const b = new Bench();
    const heard = new Recorder();
    b.udp.broken = new TransportError('EHOSTUNREACH', 'no way');
    const tx = b.layer.request(outgoing('INVITE'), b.udp, heard);
    expect(heard.errors).toEqual([]);
    await settled();
    expect(heard.errors.map((e) => e.code)).toEqual(['EHOSTUNREACH']);
    expect(tx.state).toBe('terminated');
    expect(b.layer.stats()).toMatchObject({ client: 0, timers: 0 });
    b.clock.advance(100_000);
    expect(heard).toMatchObject({ timeouts: 0, terminations: 1 });
  });

  test('with the first retransmission the flow is asked whether anybody is there; a no is the end', () => {
    const c = new Call();
    c.clock.advance(10_000);
    expect(c.udp.doubts.map((d) => d.at)).toEqual([500]);
    c.udp.doubts[0]?.onError(new TransportError('ECONNREFUSED', 'nobody'));
    expect(c.heard.errors.map((e) => e.code)).toEqual(['ECONNREFUSED']);
    expect(c.tx.state).toBe('terminated');
  });

  test.each(['calling', 'proceeding'])('a connection that closes is told at once: %s', (state) => {
    const c = new Call('tcp');
    if (state === 'proceeding') c.hear(180);
    c.tcp.close();
    expect(c.heard.errors.map((e) => e.code)).toEqual(['closed']);
    expect(c.tx.state).toBe('terminated');
  });

  test('a connection that closes after the answer disturbs nobody', async () => {
    const c = new Call('tcp');
    c.hear(200);
    c.tcp.close();
    await settled();
    expect(c.heard.errors).toEqual([]);
    expect(c.tx.state).toBe('accepted');
  });

  test('an ACK that cannot be sent ends the transaction without another word to the core', async () => {
    const c = new Call();
    c.line.broken = new TransportError('EHOSTUNREACH', 'no way');
    c.hear(486);
    await settled();
    expect(c.heard).toMatchObject({ statuses: [486], errors: [], terminations: 1 });
    expect(c.tx.state).toBe('terminated');
  });

  test('errors of sends that were overtaken by a 2xx, or by the end, are nobody’s business', async () => {
    for (const protocol of ['udp', 'tcp'] as const) {
      const b = new Bench();
      const heard = new Recorder();
      b[protocol].broken = new TransportError('EHOSTUNREACH', 'no way');
      const tx = b.layer.request(outgoing('INVITE'), b[protocol], heard);
      b.receive(answer(tx.request, protocol === 'udp' ? 200 : 486));
      await settled();
      expect(heard.errors).toEqual([]);
      expect(tx.state).toBe(protocol === 'udp' ? 'accepted' : 'terminated');
    }
  });

  test('the ACK goes over a new connection when the old one closed with the answer', async () => {
    const c = new Call();
    const asked: unknown[] = [];
    c.transport.flowTo = (target) => {
      asked.push(target);
      return Promise.resolve(c.tcp);
    };
    c.udp.open = false;
    c.hear(486);
    await settled();
    expect(asked).toEqual([{ protocol: 'udp', host: '192.0.2.7', port: 5062 }]);
    expect(c.tcp.whats).toEqual(['ACK']);
    c.transport.flowTo = () => c.tcp;
    c.hear(486);
    expect(c.tcp.whats).toEqual(['ACK', 'ACK']);
  });

  describe('CANCEL', () => {
    test('is held until a provisional has come', () => {
      const c = new Call();
      expect(c.tx.cancel([{ name: 'Reason', value: 'SIP;cause=200;text="Call completed elsewhere"' }])).toBe(true);
      expect(c.tx.cancel()).toBe(true);
      c.clock.advance(700);
      expect(c.line.whats).toEqual(['INVITE', 'INVITE']);
      c.hear(100);
      expect(c.line.whats).toEqual(['INVITE', 'INVITE', 'CANCEL']);
      const cancel = c.line.last;
      expect(cancel).toMatchObject({ method: 'CANCEL', uri: 'sip:1001@192.0.2.1' });
      expect(cancel.headers.getAll('via')).toEqual([c.tx.request.headers.get('via')]);
      expect(cancel.headers.get('to')).toBe('<sip:1001@192.0.2.1>');
      expect(cancel.headers.get('from')).toBe('<sip:1002@192.0.2.1>;tag=theirs');
      expect(cancel.headers.get('cseq')).toBe('7 CANCEL');
      expect(cancel.headers.get('reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
    });

    test('goes at once when one has, and only once; its own answer is not reported, the INVITE’s is', () => {
      const c = new Call();
      c.hear(180);
      expect(c.tx.cancel()).toBe(true);
      expect(c.tx.cancel()).toBe(true);
      expect(c.line.whats).toEqual(['INVITE', 'CANCEL']);
      const cancel = c.line.last;
      if (!('method' in cancel)) throw new Error('not a request');
      c.receive(answer(cancel, 200));
      c.hear(487);
      expect(c.heard.statuses).toEqual([180, 487]);
      expect(c.line.whats).toEqual(['INVITE', 'CANCEL', 'ACK']);
    });

    test('is retransmitted like any request, and a provisional does not prolong the wait for the 487 beyond 32 s', () => {
      const c = new Call();
      c.hear(180);
      c.tx.cancel();
      c.clock.advance(10_000);
      expect(c.line.sent.filter((s) => s.what === 'CANCEL').map((s) => s.at)).toEqual([0, 500, 1_500, 3_500, 7_500]);
      c.hear(180);
      c.clock.advance(21_999);
      expect(c.heard.timeouts).toBe(0);
      c.clock.advance(1);
      expect(c.heard.timeouts).toBe(1);
      expect(c.tx.state).toBe('terminated');
      expect(c.layer.stats()).toMatchObject({ client: 0, timers: 0, abandoned: 0 });
    });

    test('is never sent after a final response', () => {
      const c = new Call();
      c.tx.cancel();
      c.hear(200);
      expect(c.line.whats).toEqual(['INVITE']);
      expect(c.tx.cancel()).toBe(false);
      const d = new Call();
      d.hear(486);
      expect(d.tx.cancel()).toBe(false);
    });

    test('a 2xx that crosses it goes up', () => {
      const c = new Call();
      c.hear(180);
      c.tx.cancel();
      c.hear(200);
      expect(c.heard.statuses).toEqual([180, 200]);
    });

    test('has a place even when the layer is full', () => {
      const c = new Call('udp', { maxTransactions: 1 });
      c.hear(180);
      c.tx.cancel();
      expect(c.line.whats).toEqual(['INVITE', 'CANCEL']);
    });
  });

  describe('connecting', () => {
    test('nothing is on the wire and no timer runs before the way is known', async () => {
      const b = new Bench();
      const heard = new Recorder();
      let connect: (flow: Flow) => void = () => undefined;
      b.transport.flowTo = () => new Promise((resolve) => (connect = resolve));
      const tx = b.layer.request(outgoing('INVITE'), { host: 'phone.example' }, heard);
      expect(tx.state).toBe('connecting');
      expect(tx.flow).toBeUndefined();
      expect(tx.cancel()).toBe(true);
      b.clock.advance(3_000);
      connect(b.udp);
      await settled();
      expect(tx.state).toBe('calling');
      expect(tx.flow).toBe(b.udp);
      b.clock.advance(600);
      expect(b.udp.times).toEqual([3_000, 3_500]);
      b.receive(answer(tx.request, 100));
      expect(b.udp.whats).toEqual(['INVITE', 'INVITE', 'CANCEL']);
    });

    test('no way is a transport error', async () => {
      const b = new Bench();
      const heard = new Recorder();
      b.transport.flowTo = () => Promise.reject(new TransportError('ECONNREFUSED', 'refused'));
      const tx = b.layer.request(outgoing('INVITE'), { host: '192.0.2.7', protocol: 'tcp' }, heard);
      await settled();
      expect(heard.errors.map((e) => e.code)).toEqual(['ECONNREFUSED']);
      expect(tx.state).toBe('terminated');
      expect(b.layer.stats().client).toBe(0);
    });
  });
});

function order(message: { headers: Iterable<{ name: string; value: string }> }, line: string): number {
  return [...message.headers].findIndex(({ name, value }) => `${name}: ${value}` === line);
}
