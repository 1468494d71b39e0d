/** Streams: framing in pieces, keep-alive, limits, slow peers. */
import { closeAll, options, Rig, tcp4, TcpListeningPeer, TcpPeer, until } from './support';
import type { Flow } from '../../../../signaling/engine/transport/types';

afterEach(closeAll);

const message = (n = 1, body = ''): string => options(`SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK${n}`, [], body);

describe('TCP', () => {
  test('a message in pieces, and several in one', async () => {
    const rig = await Rig.start([tcp4]);
    const peer = await TcpPeer.open(rig.port());
    const text = message(1, 'body');
    for (const piece of [text.slice(0, 1), text.slice(1, 40), text.slice(40, text.length - 2), text.slice(text.length - 2)]) {
      peer.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await rig.message(0);
    peer.write(message(2) + message(3, 'x') + message(4).slice(0, 30));
    await rig.message(2);
    peer.write(message(4).slice(30));
    const { message: last, flow, bytes } = await rig.message(3);
    expect(rig.received.map((r) => r.message.topVia.branch)).toEqual(['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3', 'z9hG4bK4']);
    expect(rig.received.map((r) => r.message.body.toString())).toEqual(['body', '', 'x', '']);
    expect(bytes).toBe(message(4).length);
    expect(last.topVia.rport).toBe(peer.port);
    expect(new Set(rig.received.map((r) => r.flow.id)).size).toBe(1);
    expect(flow).toMatchObject({ protocol: 'tcp', reliable: true, local: { address: '127.0.0.1', port: rig.port() }, remote: { address: '127.0.0.1', port: peer.port } });
  });

  test('CRLFCRLF is answered with CRLF', async () => {
    const rig = await Rig.start([tcp4]);
    const peer = await TcpPeer.open(rig.port());
    peer.write('\r\n\r\n');
    await peer.has('\r\n');
    peer.write(message());
    await rig.message();
    expect(peer.data).toBe('\r\n');
    expect(rig.stats.keepalives).toBe(1);
  });

  test('a flood of pings is answered once a chunk', async () => {
    const rig = await Rig.start([tcp4]);
    const peer = await TcpPeer.open(rig.port());
    peer.write('\r\n\r\n'.repeat(1_000));
    peer.write(message());
    await rig.message();
    expect(rig.stats.keepalives).toBe(1_000);
    rig.received[0]?.flow.send(Buffer.from('end'));
    await peer.has('end');
    expect(peer.data.length).toBeLessThan(100);
  });

  test('bytes that are not SIP close the connection', async () => {
    const rig = await Rig.start([tcp4]);
    const peer = await TcpPeer.open(rig.port());
    peer.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await peer.end();
    expect(peer.data).toBe('');
    expect(rig.stats).toMatchObject({ closedFraming: 1, malformed: 1, connections: 0 });
  });

  test('what is over the limit is answered 413 where possible, and the connection closed; what came before is delivered', async () => {
    const rig = await Rig.start([tcp4]);
    const peer = await TcpPeer.open(rig.port());
    peer.write(message(1) + message(2).replace('Content-Length: 0', 'Content-Length: 99999'));
    await peer.has('SIP/2.0 413 ');
    await peer.end();
    expect(rig.received.map((r) => r.message.topVia.branch)).toEqual(['z9hG4bK1']);
    expect(rig.stats).toMatchObject({ closedFraming: 1, malformedAnswered: 1 });
  });

  test('a malformed message with clear borders is answered and the connection kept', async () => {
    const rig = await Rig.start([tcp4]);
    const peer = await TcpPeer.open(rig.port());
    peer.write(message(1).replace('CSeq: 1 OPTIONS', 'CSeq: x OPTIONS'));
    await peer.has('SIP/2.0 400 ');
    peer.write(message(2));
    await rig.message();
    expect(rig.stats.connections).toBe(1);
  });

  test('messages that cannot be understood are answered until their bytes are too many', async () => {
    const bad = message(1).replace('CSeq: 1 OPTIONS', 'CSeq: x OPTIONS');
    const rig = await Rig.start([tcp4], { limits: { maxUnparsableBytes: bad.length * 2 } });
    const peer = await TcpPeer.open(rig.port());
    peer.write(bad + bad + message(2));
    await rig.message();
    expect(rig.stats).toMatchObject({ closedUnparsable: 0, connections: 1 });
    peer.write(bad + message(3));
    await peer.end();
    expect(peer.data.match(/SIP\/2\.0 400/g)).toHaveLength(3);
    expect(rig.received).toHaveLength(1);
    expect(rig.stats).toMatchObject({ closedUnparsable: 1, connections: 0 });
  });

  test('a flow that ends says so to its listeners, once, and to those that come later', async () => {
    const rig = await Rig.start([tcp4]);
    const peer = await TcpPeer.open(rig.port());
    peer.write(message());
    const { flow } = await rig.message();
    const heard: string[] = [];
    flow.onClose(() => heard.push('a'));
    flow.onClose(() => {
      throw new Error('listener');
    });
    flow.onClose(() => heard.push('b'));
    flow.onClose(() => heard.push('never'))();
    peer.socket.end();
    await until(() => !flow.open);
    expect(heard).toEqual(['a', 'b']);
    flow.onClose(() => heard.push('late'));
    flow.onClose(() => heard.push('never'))();
    expect(heard).toEqual(['a', 'b']);
    await until(() => heard.length === 3);
    expect(heard).toEqual(['a', 'b', 'late']);
    const codes: string[] = [];
    flow.send(Buffer.from('x'), (error) => codes.push(error.code));
    await until(() => codes.length === 1);
    expect(codes).toEqual(['closed']);
    expect(rig.stats).toMatchObject({ connections: 0, handlerErrors: 1 });
  });

  test('messages behind one whose handling closed the flow are not delivered', async () => {
    const rig = await Rig.start([tcp4], { limits: { maxWriteBufferBytes: 10 } });
    const note = rig.layer.onMessage;
    rig.layer.onMessage = (m, flow, bytes) => {
      note(m, flow, bytes);
      // More than any socket buffer takes at once.
      flow.send(Buffer.alloc(32_000_000, 65));
    };
    const peer = await TcpPeer.open(rig.port());
    peer.socket.pause();
    peer.write(message(1) + message(2));
    await until(() => rig.stats.closedSlowReader === 1);
    expect(rig.received).toHaveLength(1);
    expect(rig.received[0]?.flow.open).toBe(false);
  });
});

describe('limits on connections', () => {
  test('per source', async () => {
    const rig = await Rig.start([tcp4], { limits: { maxConnectionsPerSource: 2 } });
    const peers = [await TcpPeer.open(rig.port()), await TcpPeer.open(rig.port())];
    await until(() => rig.stats.connections === 2);
    const third = await TcpPeer.open(rig.port());
    await third.end();
    expect(rig.stats).toMatchObject({ refusedPerSource: 1, connections: 2, connectionsByProtocol: { tcp: 2 }, connectionsAccepted: 2 });
    peers[0]?.socket.destroy();
    await until(() => rig.stats.connections === 1);
    const fourth = await TcpPeer.open(rig.port());
    fourth.write(message());
    await rig.message();
  });

  test('in all; a dialled connection counts', async () => {
    const far = await TcpListeningPeer.open();
    const rig = await Rig.start([tcp4], { limits: { maxConnections: 2 } });
    await TcpPeer.open(rig.port());
    await until(() => rig.stats.connections === 1);
    await rig.layer.flowTo({ protocol: 'tcp', host: '127.0.0.1', port: far.port });
    const third = await TcpPeer.open(rig.port());
    await third.end();
    expect(rig.stats.refusedTotal).toBe(1);
    const other = await TcpListeningPeer.open();
    await expect(Promise.resolve(rig.layer.flowTo({ protocol: 'tcp', host: '127.0.0.1', port: other.port }))).rejects.toMatchObject({ code: 'limit' });
    expect(rig.stats).toMatchObject({ connections: 2, dialFailures: 1 });
  });
});

describe('slow and silent peers', () => {
  const limits = { unfinishedMs: 15_000, idleMs: 60_000 };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('a message that does not end is cut off, however busily its bytes trickle', async () => {
    const rig = await Rig.start([tcp4], { limits });
    const peer = await TcpPeer.open(rig.port());
    const long = message(1, 'x'.repeat(5_000));
    peer.write(long.slice(0, 10));
    await until(() => rig.stats.connections === 1);
    for (let second = 0; second < 15 && !peer.closed; second++) {
      peer.write(long.slice(10 + second, 11 + second));
      await turn();
      expect(rig.stats.closedUnfinished).toBe(0);
      rig.clock.advance(1_000);
    }
    await peer.end();
    expect(rig.stats).toMatchObject({ closedUnfinished: 1, connections: 0 });
    expect(rig.clock.waiting).toBe(0);
  });

  test('each message has its own time', async () => {
    const rig = await Rig.start([tcp4], { limits });
    const peer = await TcpPeer.open(rig.port());
    let rest = message(1);
    for (let n = 1; n <= 4; n++) {
      peer.write(rest + message(n + 1).slice(0, 20));
      await rig.message(n - 1);
      rest = message(n + 1).slice(20);
      rig.clock.advance(10_000);
    }
    peer.write(rest);
    await rig.message(4);
    rig.clock.advance(20_000);
    expect(rig.stats).toMatchObject({ closedUnfinished: 0, connections: 1 });
  });

  test('an accepted connection that never says anything is closed; one that pinged is not', async () => {
    const rig = await Rig.start([tcp4], { limits });
    const silent = await TcpPeer.open(rig.port());
    const pinging = await TcpPeer.open(rig.port());
    pinging.write('\r\n\r\n');
    await pinging.has('\r\n');
    await until(() => rig.stats.connections === 2);
    rig.clock.advance(15_000);
    await silent.end();
    expect(rig.stats).toMatchObject({ closedUnfinished: 1, connections: 1 });
  });

  test('one that pings and never sends a message is closed, too, only later', async () => {
    const rig = await Rig.start([tcp4], { limits: { ...limits, firstMessageMs: 40_000 } });
    const [pinging, talking] = [await TcpPeer.open(rig.port()), await TcpPeer.open(rig.port())];
    talking.write(message());
    await rig.message();
    for (let n = 1; n < 40; n++) {
      pinging.write('\r\n\r\n');
      await until(() => rig.stats.keepalives === n);
      rig.clock.advance(1_000);
    }
    expect(rig.stats).toMatchObject({ connections: 2, closedUnfinished: 0 });
    rig.clock.advance(1_000);
    await pinging.end();
    expect(rig.stats).toMatchObject({ connections: 1, closedUnfinished: 1 });
  });

  test('one that says it is done, and does not take what it was sent, holds its place no longer than others that end', async () => {
    const rig = await Rig.start([tcp4], { limits: { ...limits, maxConnectionsPerSource: 1, maxWriteBufferBytes: 1e9 } });
    const deaf = await TcpPeer.open(rig.port());
    deaf.socket.pause();
    deaf.write(message());
    const { flow } = await rig.message();
    flow.send(Buffer.alloc(32_000_000, 0x20));
    deaf.socket.end();
    await until(() => rig.stats.connections === 0);
    rig.clock.advance(4_999);
    await (await TcpPeer.open(rig.port())).end();
    expect(rig.stats.refusedPerSource).toBe(1);
    rig.clock.advance(1);
    await turn();
    (await TcpPeer.open(rig.port())).write(message(2));
    await rig.message(1);
  });

  test('an idle connection is closed; traffic in either direction keeps it', async () => {
    const rig = await Rig.start([tcp4], { limits });
    const peer = await TcpPeer.open(rig.port());
    peer.write(message());
    const { flow } = await rig.message();
    rig.clock.advance(59_000);
    flow.send(Buffer.from('\r\n'));
    rig.clock.advance(59_000);
    peer.write('\r\n\r\n');
    await until(() => rig.stats.keepalives === 1);
    rig.clock.advance(59_000);
    expect(flow.open).toBe(true);
    rig.clock.advance(1_000);
    expect(flow.open).toBe(false);
    await peer.end();
    expect(rig.stats.closedIdle).toBe(1);
  });

  test('a connection that carries a registration is kept as long as that lasts', async () => {
    const rig = await Rig.start([tcp4], { limits });
    const peer = await TcpPeer.open(rig.port());
    peer.write(message());
    const { flow } = await rig.message();
    expect(rig.layer.registerFlow('1002@phone.invalid', flow, 600_000)).toBe(true);
    rig.clock.advance(599_000);
    expect(flow.open).toBe(true);
    rig.clock.advance(1_000);
    expect(flow.open).toBe(false);
  });
});

describe('dialling', () => {
  test('one connection for requests that start at the same time, reused later, found by those that come over it', async () => {
    const far = await TcpListeningPeer.open();
    const rig = await Rig.start([tcp4]);
    const target = { protocol: 'tcp', host: '127.0.0.1', port: far.port } as const;
    const [one, two] = await Promise.all([rig.layer.flowTo(target), rig.layer.flowTo(target)]);
    expect(one).toBe(two);
    expect(rig.layer.flowTo(target)).toBe(one);
    one?.send(Buffer.from('hello'));
    const peer = await far.connection();
    await peer.has('hello');
    expect(far.accepted).toHaveLength(1);
    // Sent-by is where we listen, not the port of this connection.
    expect(rig.layer.sentBy(one as Flow)).toEqual({ host: '127.0.0.1', port: rig.port() });
    peer.write(message());
    expect((await rig.message()).flow).toBe(one);
    expect(rig.stats).toMatchObject({ connectionsDialled: 1, connections: 1 });
  });

  test('a connection the peer opened is reused for requests to its address and port', async () => {
    const rig = await Rig.start([tcp4]);
    const peer = await TcpPeer.open(rig.port());
    peer.write(message());
    const { flow } = await rig.message();
    expect(rig.layer.flowTo({ protocol: 'tcp', host: '127.0.0.1', port: peer.port })).toBe(flow);
    expect(rig.layer.flowTo({ host: '127.0.0.1', port: peer.port })).toBe(flow);
  });

  test('a dialled connection that is silent is not taken for a slow loris', async () => {
    const far = await TcpListeningPeer.open();
    const rig = await Rig.start([tcp4], { limits: { unfinishedMs: 15_000 } });
    const flow = await rig.layer.flowTo({ protocol: 'tcp', host: '127.0.0.1', port: far.port });
    rig.clock.advance(60_000);
    expect(flow.open).toBe(true);
  });

  test('refused', async () => {
    const far = await TcpListeningPeer.open();
    const port = far.port;
    await new Promise((resolve) => far.server.close(resolve));
    const rig = await Rig.start([tcp4]);
    await expect(Promise.resolve(rig.layer.flowTo({ protocol: 'tcp', host: '127.0.0.1', port }))).rejects.toMatchObject({
      name: 'TransportError',
      code: 'ECONNREFUSED',
      protocol: 'tcp',
      address: '127.0.0.1',
      port,
    });
    expect(rig.stats).toMatchObject({ dialFailures: 1, connections: 0 });
    expect(rig.clock.waiting).toBe(0);
  });

  test('without an answer: given up after the connect time, and when the layer closes', async () => {
    const far = await TcpListeningPeer.open();
    const rig = await Rig.start([tcp4], { limits: { connectMs: 5_000 } });
    // The event loop has not turned yet, so the connection is not up yet when the time is over.
    const given = Promise.resolve(rig.layer.flowTo({ protocol: 'tcp', host: '127.0.0.1', port: far.port })).catch((error: unknown) => error);
    rig.clock.advance(5_000);
    expect(await given).toMatchObject({ code: 'timeout' });
    const again = Promise.resolve(rig.layer.flowTo({ protocol: 'tcp', host: '127.0.0.1', port: far.port })).catch((error: unknown) => error);
    await rig.layer.close();
    expect(await again).toMatchObject({ code: 'closed' });
    expect(rig.clock.waiting).toBe(0);
  });
});
