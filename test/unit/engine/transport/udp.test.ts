import { existsSync } from 'node:fs';
import { hasLocalPort, localPortIsClosed } from '../../../../signaling/engine/transport/udp-refusal';
import { closeAll, options, Rig, udp4, UdpPeer, until } from './support';

afterEach(closeAll);

const via = (peer: UdpPeer, more = ''): string => `SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bK1${more}`;

describe('UDP', () => {
  test('a request comes up stamped, with its flow and size; the answer goes back to where it came from', async () => {
    const rig = await Rig.start([udp4]);
    const peer = await UdpPeer.open();
    const text = options(`SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK1`, [], 'hello');
    peer.send(text, rig.port());
    const { message, flow, bytes } = await rig.message();
    expect(bytes).toBe(Buffer.byteLength(text));
    expect(message.topVia).toMatchObject({ host: '10.0.0.7', received: '127.0.0.1', rport: peer.port });
    expect(message.body.toString()).toBe('hello');
    expect(flow).toMatchObject({ protocol: 'udp', reliable: false, open: true, local: { address: '127.0.0.1', port: rig.port() } });
    expect(flow.id).toBe(`udp:127.0.0.1:${peer.port}@127.0.0.1:${rig.port()}`);
    const way = rig.layer.responseFlow(message.topVia, flow);
    expect(way).toBe(flow);
    flow.send(Buffer.from('SIP/2.0 200 OK\r\n\r\n'));
    expect(await peer.text()).toBe('SIP/2.0 200 OK\r\n\r\n');
    expect(peer.got[0]?.from.port).toBe(rig.port());
    expect(rig.stats).toMatchObject({ messagesReceived: 1, bytesReceived: bytes, messagesSent: 1, bytesSent: 18 });
  });

  test('keep-alives are ignored: empty, CRLF, CRLFCRLF, zero bytes', async () => {
    const rig = await Rig.start([udp4]);
    const peer = await UdpPeer.open();
    for (const data of ['', '\r\n', '\r\n\r\n', '\0\0\0\0']) peer.send(data, rig.port());
    peer.send(options(via(peer)), rig.port());
    await rig.message();
    expect(rig.stats).toMatchObject({ keepalives: 4, malformed: 0, messagesReceived: 1 });
    expect(peer.got).toEqual([]);
  });

  test('a request goes out from the listening port', async () => {
    const rig = await Rig.start([udp4]);
    const peer = await UdpPeer.open();
    const flow = rig.layer.flowTo({ host: '127.0.0.1', port: peer.port });
    if (flow instanceof Promise) throw new Error('a literal address needs no waiting');
    flow.send(Buffer.from('x'));
    await peer.text();
    expect(peer.got[0]?.from.port).toBe(rig.port());
    expect(rig.layer.sentBy(flow)).toEqual({ host: '127.0.0.1', port: rig.port() });
  });

  test('a datagram that UDP cannot carry is an error; a large one is counted', async () => {
    const rig = await Rig.start([udp4]);
    const peer = await UdpPeer.open();
    const flow = await rig.layer.flowTo({ host: '127.0.0.1', port: peer.port });
    const codes: string[] = [];
    flow.send(Buffer.alloc(65_508), (error) => codes.push(error.code));
    expect(codes).toEqual([]);
    flow.send(Buffer.alloc(1_301));
    await until(() => codes.length > 0);
    expect(codes).toEqual(['too-large']);
    expect(rig.stats).toMatchObject({ largeDatagrams: 1, oversizedDatagrams: 1, sendErrors: 1, messagesSent: 1 });
  });

  test('what the kernel refuses is an error with its code, and the socket goes on', async () => {
    const rig = await Rig.start([udp4]);
    const codes: string[] = [];
    // From a loopback address nothing can go outside.
    const flow = await rig.layer.flowTo({ host: '192.0.2.1', port: 5060 });
    flow.send(Buffer.from('x'), (error) => codes.push(error.code));
    await until(() => codes.length > 0);
    expect(codes[0]).toMatch(/^E[A-Z]+$/);
    const peer = await UdpPeer.open();
    peer.send(options(via(peer)), rig.port());
    await rig.message();
  });

  test('after close a send is an error, not an exception', async () => {
    const rig = await Rig.start([udp4]);
    const flow = await rig.layer.flowTo({ host: '127.0.0.1', port: 21_002 });
    await rig.layer.close();
    expect(flow.open).toBe(false);
    const codes: string[] = [];
    flow.send(Buffer.from('x'), (error) => codes.push(error.code));
    await until(() => codes.length > 0);
    expect(codes).toEqual(['closed']);
    await expect(Promise.resolve(rig.layer.flowTo({ host: '127.0.0.1', port: 21_002 }))).rejects.toMatchObject({ code: 'no-transport' });
  });

  test('an exception of the layer above is counted and ends nothing', async () => {
    const rig = await Rig.start([udp4]);
    const peer = await UdpPeer.open();
    const note = rig.layer.onMessage;
    rig.layer.onMessage = (message, flow, bytes) => {
      note(message, flow, bytes);
      throw new Error('above');
    };
    peer.send(options(via(peer)), rig.port());
    peer.send(options(via(peer)), rig.port());
    await rig.message(1);
    expect(rig.stats.handlerErrors).toBe(2);
  });
});

describe('a peer that may not be there', () => {
  test('a closed port on this machine is found out, an open one is left alone', async () => {
    const peer = await UdpPeer.open();
    // Only Linux lets us look at its table of sockets; elsewhere nothing is known.
    expect(await localPortIsClosed({ address: '127.0.0.1', port: 21_005 })).toBe(existsSync('/proc/net/udp'));
    expect(await localPortIsClosed({ address: '127.0.0.1', port: peer.port })).toBe(false);
    expect(peer.got).toEqual([]);
  });

  test('a phone whose socket is connected to us refuses strangers and is there all the same', async () => {
    const rig = await Rig.start([udp4]);
    const peer = await UdpPeer.open();
    await new Promise<void>((resolve) => peer.socket.connect(rig.port(), '127.0.0.1', resolve));
    expect(await localPortIsClosed({ address: '127.0.0.1', port: peer.port })).toBe(false);
  });

  test('a doubtful flow tells what was found: closed, not closed, not to be found out', async () => {
    const findings = [() => Promise.resolve(false), () => Promise.reject(new Error('no table')), () => Promise.resolve(true)];
    const rig = await Rig.start([udp4], {}, { localPortIsClosed: () => (findings.shift() ?? (() => Promise.resolve(false)))() });
    const flow = await rig.layer.flowTo({ host: '127.0.0.1', port: 21_005 });
    const told: string[] = [];
    for (const name of ['first', 'second', 'third']) flow.doubt?.((error) => told.push(`${name} ${error.code} ${error.port}`));
    await until(() => told.length > 0);
    expect(told).toEqual(['third ECONNREFUSED 21005']);
    expect(rig.stats.sendErrors).toBe(1);
  });

  test('other machines are not asked, and questions are bounded', async () => {
    const questions: string[] = [];
    const rig = await Rig.start([udp4], {}, {
      localPortIsClosed: ({ address }) => {
        questions.push(address);
        return new Promise(() => undefined);
      },
    });
    for (const host of ['192.0.2.7', ...Array.from({ length: 20 }, (_, i) => `127.0.0.${i + 1}`)]) {
      (await rig.layer.flowTo({ host, port: 9 })).doubt?.(() => undefined);
    }
    expect(questions).toHaveLength(16);
    expect(questions).not.toContain('192.0.2.7');
  });

  test('the kernel’s table of sockets is read by port', () => {
    const table = [
      '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
      ' 1041: 0100007F:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 98765 2 0000000000000000 0',
    ].join('\n');
    expect(hasLocalPort(table, 0x13c4)).toBe(true);
    expect(hasLocalPort(table, 0)).toBe(false);
    expect(hasLocalPort(table, 0x3c4)).toBe(false);
  });
});

describe('malformed messages', () => {
  const bad = (peer: UdpPeer, method = 'OPTIONS', more: string[] = [], version = 'SIP/2.0'): string =>
    [
      `${method} sip:1001@127.0.0.1 ${version}`,
      `Via: ${via(peer)}`,
      'From: <sip:1002@127.0.0.1>;tag=theirs',
      'To: <sip:1001@127.0.0.1>',
      'Call-ID: call-1',
      `CSeq: 1 ${method}`,
      ...more,
      '',
      '',
    ].join('\r\n');

  test.each([
    ['Content-Length beyond the datagram', 'SIP/2.0', ['Content-Length: 999'], 400],
    ['two From', 'SIP/2.0', ['From: <sip:x@y>;tag=2'], 400],
    ['another version', 'SIP/7.0', [], 505],
    ['too large', 'SIP/2.0', [`X-Big: ${'x'.repeat(20_000)}`], 413],
  ])('%s is answered', async (_what, version, more, status) => {
    const rig = await Rig.start([udp4]);
    const peer = await UdpPeer.open();
    peer.send(bad(peer, 'OPTIONS', more, version), rig.port());
    const text = await peer.text();
    expect(text).toMatch(new RegExp(`^SIP/2\\.0 ${status} `));
    expect(text).toContain(`Via: ${via(peer)};rport=${peer.port}\r\n`);
    expect(text).toMatch(/To: <sip:1001@127\.0\.0\.1>;tag=[\w-]{16}\r\n/);
    expect(text).toContain('Call-ID: call-1\r\n');
    expect(text).toContain('CSeq: 1 OPTIONS\r\n');
    expect(rig.stats).toMatchObject({ malformed: 1, malformedAnswered: 1 });
    expect(rig.received).toEqual([]);
  });

  test('an ACK, a response and noise are counted and not answered', async () => {
    const rig = await Rig.start([udp4]);
    const peer = await UdpPeer.open();
    peer.send(bad(peer, 'ACK', ['Content-Length: 999']), rig.port());
    peer.send(`SIP/2.0 200 OK\r\nVia: ${via(peer)}\r\n\r\n`, rig.port());
    peer.send(Buffer.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8]), rig.port());
    peer.send('hello', rig.port());
    peer.send(options('not a via'), rig.port());
    peer.send(options(via(peer)), rig.port());
    await rig.message();
    expect(rig.stats).toMatchObject({ malformed: 5, malformedAnswered: 0, messagesSent: 0 });
    expect(rig.received).toHaveLength(1);
  });
});
