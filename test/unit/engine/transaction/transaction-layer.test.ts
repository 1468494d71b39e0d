/** Matching, CANCEL, ACK, limits: RFC 3261 §17.1.3, §17.2.3, §9.2. */
import { SipRequest } from '../../../../signaling/engine/wire/message';
import { TransactionLayer } from '../../../../signaling/engine/transaction/transaction-layer';
import { TransportError } from '../../../../signaling/engine/transport/types';
import { makeResponse } from '../../../../signaling/engine/transport/reply';
import { answer, Bench, expectNoDefects, outgoing, Recorder, request, settled } from './support';

afterEach(expectNoDefects);

describe('matching of requests', () => {
  test.each([
    ['branch', { branch: 'z9hG4bK-2' }],
    ['sent-by host', { via: 'SIP/2.0/UDP 192.0.2.8:5062;branch=z9hG4bK-1' }],
    ['sent-by port', { via: 'SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK-1' }],
    ['CSeq number', { seq: 8 }],
  ])('another %s is another transaction', (_what, shape) => {
    const b = new Bench();
    b.receive(request('INVITE'));
    b.receive(request('INVITE', shape));
    expect(b.requests).toHaveLength(2);
    expect(new Set(b.transactions.map((t) => t.id)).size).toBe(2);
  });

  test('the host of sent-by is compared without case', () => {
    const b = new Bench();
    b.receive(request('INVITE', { via: 'SIP/2.0/UDP Phone.example;branch=z9hG4bK-1' }));
    b.receive(request('INVITE', { via: 'SIP/2.0/UDP phone.EXAMPLE;branch=z9hG4bK-1' }));
    expect(b.requests).toHaveLength(1);
  });

  test('another method with the same branch is another transaction', () => {
    const b = new Bench();
    b.receive(request('INVITE'));
    b.receive(request('UPDATE'));
    expect(b.requests.map((r) => r.method)).toEqual(['INVITE', 'UPDATE']);
  });

  test('merged requests (same Call-ID and CSeq, other branch) are separate', () => {
    const b = new Bench();
    b.receive(request('INVITE', { branch: 'z9hG4bK-a' }));
    b.receive(request('INVITE', { branch: 'z9hG4bK-b' }));
    expect(b.requests).toHaveLength(2);
  });

  describe('without the magic cookie (RFC 2543)', () => {
    const via = 'SIP/2.0/UDP 192.0.2.7:5062;rport=5062';

    test.each([
      ['no branch', via],
      ['a branch without the cookie', `${via};branch=1`],
    ])('%s: a retransmission is absorbed', (_what, line) => {
      const b = new Bench();
      b.receive(request('INVITE', { via: line }));
      b.receive(request('INVITE', { via: line }));
      expect(b.requests).toHaveLength(1);
    });

    test.each([
      ['Request-URI', { uri: 'sip:1003@192.0.2.1' }],
      ['From tag', { fromTag: 'other' }],
      ['Call-ID', { callId: 'call-2' }],
      ['CSeq number', { seq: 8 }],
      ['Via', { via: `${via};branch=2` }],
    ])('another %s is another transaction', (_what, shape) => {
      const b = new Bench();
      b.receive(request('INVITE', { via }));
      b.receive(request('INVITE', { via, ...shape }));
      expect(b.requests).toHaveLength(2);
    });

    test('the ACK, which has our To tag, and the CANCEL find their INVITE', () => {
      const b = new Bench();
      b.receive(request('INVITE', { via }));
      b.receive(request('CANCEL', { via }));
      expect(b.cancels).toHaveLength(1);
      b.respond(487);
      b.receive(request('ACK', { via, toTag: 'ours' }));
      expect(b.server.state).toBe('confirmed');
      expect(b.acks).toEqual([]);
    });
  });
});

describe('ACK', () => {
  test('to a 2xx goes up each time it arrives', () => {
    const b = new Bench();
    b.receive(request('INVITE'));
    b.respond(200);
    const ack = request('ACK', { branch: 'z9hG4bK-ack', toTag: 'ours' });
    b.receive(ack);
    b.receive(ack);
    expect(b.acks).toHaveLength(2);
    expect(b.layer.stats()).toMatchObject({ acksPassedUp: 2, server: 1 });
  });

  test('is never answered', () => {
    const b = new Bench({ maxTransactions: 0 });
    b.receive(request('ACK'));
    expect(b.udp.sent).toEqual([]);
  });
});

describe('CANCEL', () => {
  test('of a ringing call: 200 by the layer with the tag of the INVITE’s responses, then the core is asked', () => {
    const b = new Bench();
    b.receive(request('INVITE'));
    b.respond(180, 'mine');
    b.receive(request('CANCEL'));
    expect(b.udp.whats).toEqual(['180 INVITE', '200 CANCEL']);
    expect(b.udp.last.toTag).toBe('mine');
    expect(b.cancels.map((c) => c.invite)).toEqual([b.server]);
    b.respond(487, 'mine');
    expect(b.server.state).toBe('completed');
    expect(b.requests).toHaveLength(1);
  });

  test('of a call that has no response yet gets the tag that localTag promises', () => {
    const b = new Bench();
    b.receive(request('INVITE'));
    b.receive(request('CANCEL'));
    expect(b.udp.last.toTag).toBe(b.server.localTag);
    expect(b.server.localTag).toMatch(/^[\w-]{16}$/);
  });

  test('repeated: answered again, the core is asked once', () => {
    const b = new Bench();
    b.receive(request('INVITE'));
    b.receive(request('CANCEL'));
    b.receive(request('CANCEL'));
    expect(b.udp.whats).toEqual(['200 CANCEL', '200 CANCEL']);
    expect(b.cancels).toHaveLength(1);
    b.clock.advance(32_000);
    expect(b.layer.stats()).toMatchObject({ server: 1 });
  });

  test.each([200, 486])('after a final %d: answered 200, counted, and nothing changes', (status) => {
    const b = new Bench();
    b.receive(request('INVITE'));
    b.respond(status);
    b.receive(request('CANCEL'));
    expect(b.udp.whats).toEqual([`${status} INVITE`, '200 CANCEL']);
    expect(b.cancels).toEqual([]);
    expect(b.layer.stats().lateCancels).toBe(1);
  });

  test('of nothing known: 481 without state, with the same tag each time', () => {
    const b = new Bench();
    b.receive(request('CANCEL'));
    b.receive(request('CANCEL'));
    expect(b.udp.whats).toEqual(['481 CANCEL', '481 CANCEL']);
    const [first, second] = b.udp.sent.map((s) => s.message.toTag);
    expect(first).toBe(second);
    expect(first).toBeTruthy();
    expect(b.layer.stats()).toMatchObject({ unmatchedCancels: 2, server: 0, timers: 0 });
  });

  test('of a request that is no INVITE: 481', () => {
    const b = new Bench();
    b.receive(request('OPTIONS'));
    b.receive(request('CANCEL'));
    expect(b.udp.whats).toEqual(['481 CANCEL']);
  });
});

describe('requests of ours', () => {
  test('get a Via on top: our address, rport on UDP only, the default port left out, a branch of their own', () => {
    const b = new Bench();
    const proxied = request('INVITE');
    const first = b.layer.request(proxied, b.udp, new Recorder());
    expect(first.request.headers.getAll('via')).toEqual([
      expect.stringMatching(/^SIP\/2\.0\/UDP 192\.0\.2\.1;rport;branch=z9hG4bK[\w-]{16}$/),
      'SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK-1;rport=5062',
    ]);
    b.transport.sentBy = () => ({ host: '[2001:db8::1]', port: 5062 });
    const second = b.layer.request(outgoing('OPTIONS'), b.tcp, new Recorder());
    expect(second.request.headers.get('via')).toMatch(/^SIP\/2\.0\/TCP \[2001:db8::1\]:5062;branch=z9hG4bK[\w-]{16}$/);
    expect(first.request.topVia.branch).not.toBe(second.request.topVia.branch);
    expect(first.id).not.toBe(second.id);
  });

  test('a response is matched by branch and method', () => {
    const b = new Bench();
    const heard = new Recorder();
    const tx = b.layer.request(outgoing('OPTIONS'), b.udp, heard);
    const other = answer(tx.request, 200);
    other.headers.set('CSeq', '7 INFO');
    b.receive(other);
    expect(heard.statuses).toEqual([]);
    b.receive(answer(tx.request, 200));
    expect(heard.statuses).toEqual([200]);
    expect(b.layer.stats().strayResponses).toBe(1);
  });

  test('a response without branch is a stray', () => {
    const b = new Bench();
    const response = answer(request('INVITE', { via: 'SIP/2.0/UDP 192.0.2.1' }), 200);
    b.receive(response);
    expect(b.strays).toHaveLength(1);
  });

  test('only 2xx to INVITE are passed up as strays', () => {
    const b = new Bench();
    b.receive(answer(request('INVITE'), 180));
    b.receive(answer(request('INVITE'), 486));
    b.receive(answer(request('BYE'), 200));
    b.receive(answer(request('INVITE'), 200));
    expect(b.strays.map((s) => s.status)).toEqual([200]);
    expect(b.layer.stats().strayResponses).toBe(4);
  });

  test('ACK and CANCEL are not started as transactions', () => {
    const b = new Bench();
    for (const method of ['ACK', 'CANCEL']) {
      expect(() => b.layer.request(outgoing(method), b.udp, new Recorder())).toThrow(expect.objectContaining({ code: 'bad-request' }));
    }
  });

  test('a request that cannot be written throws and leaves nothing behind', () => {
    const b = new Bench();
    expect(() => b.layer.request(new SipRequest('OPTIONS', 'sip:a b'), b.udp, new Recorder())).toThrow('white space');
    expect(b.layer.stats()).toMatchObject({ client: 0, timers: 0 });
  });

  test('a request that turns out not to be writable after dialling is a transport error', async () => {
    const b = new Bench();
    const heard = new Recorder();
    b.transport.flowTo = () => Promise.resolve(b.tcp);
    b.layer.request(new SipRequest('OPTIONS', 'sip:a b'), { host: 'x' }, heard);
    await settled();
    expect(heard.errors).toHaveLength(1);
    expect(b.layer.stats().client).toBe(0);
  });

  test('sendDirect: once, with a Via, and the bytes to repeat it', async () => {
    const b = new Bench();
    const ack = outgoing('ACK', { toTag: 'remote' });
    const sent = b.layer.sendDirect(ack, b.udp);
    sent.flow.send(sent.data);
    b.clock.advance(100_000);
    expect(b.udp.whats).toEqual(['ACK', 'ACK']);
    expect(b.udp.sent[0]?.message.headers.get('via')).toBe(b.udp.sent[1]?.message.headers.get('via'));
    expect(b.layer.stats().client).toBe(0);
    b.transport.flowTo = () => Promise.resolve(b.tcp);
    await b.layer.sendDirect(outgoing('ACK'), { host: 'x' });
    expect(b.tcp.whats).toEqual(['ACK']);
    b.transport.flowTo = () => b.udp;
    expect(await b.layer.sendDirect(outgoing('ACK'), { host: 'x' })).toMatchObject({ flow: b.udp });
  });

  test('sendDirect tells what became of it', async () => {
    const b = new Bench();
    const errors: TransportError[] = [];
    b.udp.broken = new TransportError('EHOSTUNREACH', 'no way');
    b.layer.sendDirect(outgoing('ACK'), b.udp, (error) => errors.push(error));
    await settled();
    expect(errors.map((e) => e.code)).toEqual(['EHOSTUNREACH']);
  });
});

describe('limits', () => {
  test('over maxTransactions a new request gets 503 with Retry-After and no state; known ones go on', () => {
    const b = new Bench({ maxTransactions: 2, retryAfterSeconds: 9 });
    b.receive(request('INVITE', { branch: 'z9hG4bK-a' }));
    b.receive(request('OPTIONS', { branch: 'z9hG4bK-b' }));
    b.receive(request('REGISTER', { branch: 'z9hG4bK-c' }));
    expect(b.udp.whats).toEqual(['503 REGISTER']);
    expect(b.udp.last.headers.get('retry-after')).toBe('9');
    expect(b.layer.stats()).toMatchObject({ overload: 1, server: 2, requestsReceived: 2 });
    b.receive(request('INVITE', { branch: 'z9hG4bK-a' }));
    b.receive(request('CANCEL', { branch: 'z9hG4bK-a' }));
    expect(b.udp.whats).toEqual(['503 REGISTER', '200 CANCEL']);
    expect(b.cancels).toHaveLength(1);
    expect(b.layer.stats().server).toBe(2);
  });

  test('a request of ours over the limit fails, but not before the call returned', async () => {
    const b = new Bench({ maxTransactions: 0 });
    const heard = new Recorder();
    b.layer.request(outgoing('OPTIONS'), b.udp, heard);
    expect(heard.errors).toEqual([]);
    await settled();
    expect(heard.errors.map((e) => e.code)).toEqual(['limit']);
    expect(b.udp.sent).toEqual([]);
  });

  test('10,000 finished transactions hold a few timers of the clock and no request', () => {
    const b = new Bench();
    b.layer.onRequest = (transaction) => void transaction.respond(makeResponse(transaction.request, 200, 'x'));
    for (let i = 0; i < 10_000; i++) b.receive(request('OPTIONS', { branch: `z9hG4bK-${i}` }));
    expect(b.layer.stats()).toMatchObject({ server: 10_000 });
    expect(b.clock.waiting).toBeLessThanOrEqual(4);
    b.clock.advance(32_000);
    expect(b.layer.stats()).toMatchObject({ server: 0, timers: 0 });
  });
});

describe('the core above', () => {
  test('an exception of a handler is logged and counted, and the machine goes on', () => {
    const b = new Bench();
    b.layer.onRequest = () => {
      throw new Error('core');
    };
    b.receive(request('INVITE'));
    const boom = (): never => {
      throw new Error('core');
    };
    const tx = b.layer.request(outgoing('OPTIONS'), b.udp, { onResponse: boom, onTimeout: boom, onTransportError: boom, onTerminated: boom });
    b.receive(answer(tx.request, 200));
    b.clock.advance(5_000);
    expect(tx.state).toBe('terminated');
    expect(b.layer.stats()).toMatchObject({ handlerErrors: 3, client: 0, server: 1 });
    expect(b.log.lines.map((l) => l.message)).toEqual([
      'A handler of the core threw in onRequest',
      'A handler of the core threw in onResponse',
      'A handler of the core threw in onTerminated',
    ]);
  });

  test('may answer while it is told of the request', () => {
    const b = new Bench();
    b.layer.onRequest = (transaction) => void transaction.respond(makeResponse(transaction.request, 404, 'x'));
    b.receive(request('INVITE'));
    b.receive(request('INVITE'));
    expect(b.udp.whats).toEqual(['404 INVITE', '404 INVITE']);
  });

  test('after close nothing is received, sent or timed', async () => {
    const b = new Bench();
    const heard = new Recorder();
    b.receive(request('INVITE'));
    b.respond(486);
    b.layer.request(outgoing('OPTIONS'), b.udp, heard);
    let connect: (flow: typeof b.tcp) => void = () => undefined;
    b.transport.flowTo = () => new Promise((resolve) => (connect = resolve));
    b.layer.request(outgoing('OPTIONS'), { host: 'x' }, heard);
    const before = b.udp.sent.length;
    b.layer.close();
    connect(b.tcp);
    await settled();
    b.receive(request('REGISTER'));
    b.clock.advance(100_000);
    expect(b.udp.sent).toHaveLength(before);
    expect(b.tcp.sent).toEqual([]);
    expect(heard).toMatchObject({ timeouts: 0, errors: [] });
    expect(b.clock.waiting).toBe(0);
  });

  test('without handlers set, requests wait and the defaults do no harm', () => {
    const b = new Bench();
    const layer = new TransactionLayer(b.transport, {}, { clock: b.clock, log: b.log });
    b.receive(request('INVITE'));
    b.receive(request('CANCEL'));
    b.receive(request('ACK', { branch: 'z9hG4bK-x' }));
    b.receive(answer(request('INVITE'), 200));
    expect(b.udp.whats).toEqual(['200 CANCEL']);
    expect(layer.stats()).toMatchObject({ server: 2, handlerErrors: 0 });
  });
});

describe('admission', () => {
  test('a request that is turned away gets 503 with Retry-After and no state; one that has its transaction is not asked about again', () => {
    const asked: string[] = [];
    let wait: number | undefined;
    const b = new Bench({}, { refuses: (message, key) => (asked.push(`${message.method} ${key.includes('z9hG4bK')}`), wait) });
    b.receive(request('INVITE', { branch: 'z9hG4bK-a' }));
    wait = 7;
    b.receive(request('INVITE', { branch: 'z9hG4bK-a' }));
    b.receive(request('INVITE', { branch: 'z9hG4bK-b' }));
    expect(asked).toEqual(['INVITE true', 'INVITE true']);
    expect(b.requests).toHaveLength(1);
    const refusal = b.udp.last;
    expect([refusal.headers.get('retry-after'), refusal.toTag]).toEqual(['7', expect.stringMatching(/./)]);
    expect(b.layer.stats()).toMatchObject({ server: 1, requestsReceived: 1, overload: 0 });
    b.receive(request('INVITE', { branch: 'z9hG4bK-b' }));
    expect(b.udp.last.toTag).toBe(refusal.toTag);

    b.receive(request('CANCEL', { branch: 'z9hG4bK-a' }));
    expect(b.cancels).toHaveLength(1);
    b.receive(request('ACK', { branch: 'z9hG4bK-b', toTag: refusal.toTag! }));
    expect(asked).toHaveLength(3);
    expect(b.server.state).toBe('proceeding');
  });
});
