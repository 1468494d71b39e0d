/** SIP over WebSocket (RFC 7118): the opening, messages as text and as bytes, keep-alive, limits, slow and silent clients. */
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket, type ClientOptions } from 'ws';
import type { ListenSpec } from '../../../../signaling/engine/transport/types';
import { closeAll, hasIPv6, options, Rig, tcp4, TcpPeer, until } from './support';

const ws4: ListenSpec = { protocol: 'ws', address: '127.0.0.1', port: 0 };
const message = (n = 1, body: string | Buffer = ''): string => options(`SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK${n}`, [], String(body));
const opened: WebSocket[] = [];

afterEach(async () => {
  for (const socket of opened.splice(0)) socket.terminate();
  await closeAll();
});

class Client {
  readonly got: Array<{ data: Buffer; binary: boolean }> = [];
  closed: number | undefined;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer, binary) => void this.got.push({ data, binary }));
    socket.on('close', (code) => {
      this.closed = code;
    });
    socket.on('error', () => undefined);
  }

  static async open(port: number, more: ClientOptions & { protocols?: string[]; host?: string; path?: string } = {}): Promise<Client> {
    const { protocols = ['sip'], host = '127.0.0.1', path = '/', ...rest } = more;
    const socket = new WebSocket(`ws://${host}:${port}${path}`, protocols, rest);
    opened.push(socket);
    const client = new Client(socket);
    await once(socket, 'open');
    return client;
  }
}

const http = (port: number, headers: Record<string, string> = {}): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }> =>
  new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', headers }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    })
      .on('error', reject)
      .end();
  });

describe('the opening', () => {
  test('any path; `sip` is agreed on, also among others', async () => {
    const rig = await Rig.start([ws4]);
    expect((await Client.open(rig.port(), { path: '/ws?x=1', protocols: ['other', 'sip'] })).socket.protocol).toBe('sip');
    await until(() => rig.stats.connections === 1);
    expect(rig.stats).toMatchObject({ connectionsByProtocol: { ws: 1 }, halfOpen: 0, handshakesFailed: 0 });
  });

  test.each([[[]], [['chat']], [['SIP']]])('without it (%j): 400 in HTTP, with a sentence', async (protocols) => {
    const rig = await Rig.start([ws4]);
    const socket = new WebSocket(`ws://127.0.0.1:${rig.port()}/`, protocols);
    opened.push(socket);
    const [, response] = (await once(socket.on('error', () => undefined), 'unexpected-response')) as [unknown, { statusCode: number; on(event: 'data', fn: (chunk: Buffer) => void): void }];
    expect(response.statusCode).toBe(400);
    let body = '';
    response.on('data', (chunk) => (body += chunk.toString()));
    await until(() => body.includes('Sec-WebSocket-Protocol'));
    await until(() => rig.stats.halfOpen === 0);
    expect(rig.stats).toMatchObject({ handshakesFailed: 1, connections: 0 });
  });

  test('a browser that comes for a page is told what this is', async () => {
    const rig = await Rig.start([ws4]);
    const answer = await http(rig.port());
    expect(answer).toMatchObject({ status: 426, headers: { upgrade: 'websocket' } });
    expect(answer.body).toContain('RFC 7118');
    await until(() => rig.stats.halfOpen === 0);
  });

  test('what is no HTTP, or no proper WebSocket, gets 400', async () => {
    const rig = await Rig.start([ws4]);
    const sip = await TcpPeer.open(rig.port());
    sip.write(message());
    await sip.has('HTTP/1.1 400 ');
    await sip.end();
    const bad = await TcpPeer.open(rig.port());
    bad.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Key: short\r\n\r\n');
    await bad.has('HTTP/1.1 400 ');
    await bad.end();
    expect(rig.stats).toMatchObject({ handshakesFailed: 2, connections: 0, halfOpen: 0 });
  });

  test('one that trickles in is cut off', async () => {
    const rig = await Rig.start([ws4], { limits: { handshakeMs: 5_000 } });
    const peer = await TcpPeer.open(rig.port());
    peer.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: webs');
    await until(() => rig.stats.halfOpen === 1);
    rig.clock.advance(4_000);
    peer.write('o');
    rig.clock.advance(1_000);
    await peer.end();
    expect(rig.stats).toMatchObject({ handshakesTimedOut: 1, halfOpen: 0 });
  });
});

describe('messages', () => {
  test('one a frame, as text or as bytes, in pieces too', async () => {
    const rig = await Rig.start([ws4]);
    const { socket } = await Client.open(rig.port());
    socket.send(message(1));
    socket.send(Buffer.from(message(2)), { binary: true });
    socket.send(message(3).slice(0, 50), { fin: false });
    socket.send(message(3).slice(50), { fin: true });
    const { flow, message: last } = await rig.message(2);
    expect(rig.received.map((r) => r.message.topVia.branch)).toEqual(['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3']);
    expect(last.topVia).toMatchObject({ protocol: 'WS', host: 'df7jal23ls0d.invalid', received: '127.0.0.1' });
    expect(flow).toMatchObject({ protocol: 'ws', reliable: true, local: { address: '127.0.0.1', port: rig.port() } });
  });

  test('ours are text where they are UTF-8, bytes where they are not', async () => {
    const rig = await Rig.start([ws4]);
    const client = await Client.open(rig.port());
    client.socket.send(message());
    const { flow } = await rig.message();
    flow.send(Buffer.from('täxt'));
    flow.send(Buffer.from([0xff, 0xfe, 0x00]));
    await until(() => client.got.length === 2);
    expect(client.got.map(({ binary }) => binary)).toEqual([false, true]);
    expect(client.got[0]?.data.toString()).toBe('täxt');
  });

  test('a client that connected is reached at its address, by every name that may mean it; nobody is dialled', async () => {
    const rig = await Rig.start([ws4, tcp4]);
    const { socket } = await Client.open(rig.port());
    socket.send(message());
    const { flow } = await rig.message();
    const { address: host, port } = flow.remote;
    for (const protocol of ['ws', 'tcp', undefined] as const) expect(rig.layer.flowTo({ host, port, ...(protocol && { protocol }) })).toBe(flow);
    await expect(Promise.resolve(rig.layer.flowTo({ protocol: 'ws', host, port: 9 }))).rejects.toMatchObject({ code: 'no-transport' });
    await expect(Promise.resolve(rig.layer.flowTo({ protocol: 'wss', host, port }))).rejects.toMatchObject({ code: 'no-transport' });
    expect(rig.layer.registerFlow('a@x.invalid', flow, 1_000)).toBe(true);
    socket.close();
    await until(() => !flow.open);
    expect(rig.layer.responseFlow(rig.received[0]!.message.topVia, flow)).toBe(flow);
  });

  test('IPv6', async () => {
    if (!hasIPv6()) return;
    const rig = await Rig.start([{ ...ws4, address: '::1' }]);
    const { socket } = await Client.open(rig.port(), { host: '[::1]' });
    socket.send(message());
    const { flow, message: got } = await rig.message();
    expect(got.topVia.received).toBe('::1');
    expect(rig.layer.sentBy(flow)).toEqual({ host: '[::1]', port: rig.port() });
  });
});

describe('keep-alive', () => {
  test('CRLFs are answered, pings too', async () => {
    const rig = await Rig.start([ws4]);
    const client = await Client.open(rig.port());
    client.socket.send('\r\n\r\n');
    await until(() => client.got.length === 1);
    expect(client.got[0]?.data.toString()).toBe('\r\n');
    client.socket.ping('hello');
    const [data] = (await once(client.socket, 'pong')) as [Buffer];
    expect(data.toString()).toBe('hello');
    expect(rig.stats).toMatchObject({ keepalives: 1, malformed: 0 });
  });

  test('a silent client is pinged; one that answers stays, one that does not is cut off', async () => {
    const rig = await Rig.start([ws4], { limits: { pingMs: 30_000, unfinishedMs: 1e9, firstMessageMs: 1e9 } });
    const good = await Client.open(rig.port());
    const dead = await Client.open(rig.port(), { autoPong: false });
    await until(() => rig.stats.connections === 2);
    let pings = 0;
    good.socket.on('ping', () => pings++);
    dead.socket.on('ping', () => pings++);
    rig.clock.advance(30_000);
    await until(() => pings === 2);
    // The answer of the good one is on its way.
    good.socket.send(message());
    await rig.message();
    rig.clock.advance(30_000);
    await until(() => rig.stats.connections === 1);
    await until(() => dead.closed !== undefined);
    expect(rig.stats.closedSilent).toBe(1);
    expect(good.closed).toBeUndefined();
  });
});

describe('limits', () => {
  test('a message over the limit: closed with 1009; text that is none: 1007', async () => {
    const rig = await Rig.start([ws4]);
    const big = await Client.open(rig.port());
    big.socket.send(message(1, 'x'.repeat(20_000)));
    await until(() => big.closed !== undefined);
    expect(big.closed).toBe(1009);
    const garbled = await Client.open(rig.port());
    garbled.socket.send(Buffer.from([0xff, 0xff]), { binary: false });
    await until(() => garbled.closed !== undefined);
    expect(garbled.closed).toBe(1007);
    expect(rig.stats).toMatchObject({ closedFraming: 2, connections: 0 });
  });

  test('what cannot be understood is answered where it can be, and closed with 1008 when it is too much', async () => {
    const rig = await Rig.start([ws4], { limits: { maxUnparsableBytes: 1_000 } });
    const client = await Client.open(rig.port());
    client.socket.send(message(1).replace('CSeq: 1 OPTIONS', 'CSeq: x OPTIONS'));
    await until(() => client.got.length === 1);
    expect(client.got[0]?.data.toString()).toMatch(/^SIP\/2\.0 400 /);
    client.socket.send('y'.repeat(600));
    client.socket.send(message(2));
    await rig.message();
    client.socket.send('z'.repeat(600));
    await until(() => client.closed !== undefined);
    expect(client.closed).toBe(1008);
    expect(rig.stats).toMatchObject({ closedUnparsable: 1, malformed: 3 });
  });

  test('slow loris: a message in fragments that does not end, an open WebSocket that says nothing, one that only pings', async () => {
    const rig = await Rig.start([ws4], { limits: { unfinishedMs: 15_000, firstMessageMs: 40_000 } });
    const slow = await Client.open(rig.port());
    slow.socket.send(message());
    await rig.message();
    slow.socket.send('OPTIONS ', { fin: false });
    const silent = await Client.open(rig.port());
    const pinging = await Client.open(rig.port());
    pinging.socket.send('\r\n\r\n');
    await until(() => rig.stats.keepalives === 1);
    await until(() => rig.stats.connections === 3);
    rig.clock.advance(15_000);
    await until(() => slow.closed !== undefined && silent.closed !== undefined);
    expect(rig.stats).toMatchObject({ closedUnfinished: 2, connections: 1 });
    rig.clock.advance(25_000);
    await until(() => pinging.closed !== undefined);
    expect(rig.stats).toMatchObject({ closedUnfinished: 3, connections: 0 });
  });

  test('more pings than answers may wait: cut off, and counted', async () => {
    const rig = await Rig.start([ws4]);
    const { socket } = await Client.open(rig.port());
    socket.send(message());
    await rig.message();
    const raw = (socket as unknown as { _socket: Socket })._socket;
    const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
    raw.write(Buffer.concat(Array.from({ length: 40 }, () => ping)));
    await once(socket, 'pong');
    expect(rig.stats.connections).toBe(1);
    raw.write(Buffer.concat(Array.from({ length: 500 }, () => ping)));
    await until(() => rig.stats.connections === 0);
    expect(rig.stats).toMatchObject({ closedSlowReader: 1 });
  });

  test('slow loris: pings among its fragments do not give a message more time, nor does coming right behind another', async () => {
    const rig = await Rig.start([ws4], { limits: { unfinishedMs: 15_000, pingMs: 1e9 } });
    const pinging = await Client.open(rig.port());
    pinging.socket.send(message(1));
    await rig.message();
    pinging.socket.send('OPTIONS ', { fin: false });
    for (let n = 0; n < 4; n++) {
      pinging.socket.ping();
      await once(pinging.socket, 'pong');
      if (n < 3) rig.clock.advance(4_000);
    }
    const behind = await Client.open(rig.port());
    const raw = (behind.socket as unknown as { _socket: Socket })._socket;
    raw.cork();
    behind.socket.send(message(2));
    behind.socket.send('OPTIONS ', { fin: false });
    raw.uncork();
    await rig.message(1);
    rig.clock.advance(3_000);
    await until(() => pinging.closed !== undefined);
    expect(rig.stats).toMatchObject({ closedUnfinished: 1, connections: 1 });
    rig.clock.advance(12_000);
    await until(() => behind.closed !== undefined);
    expect(rig.stats).toMatchObject({ closedUnfinished: 2, connections: 0 });
  });

  test('idle ones are closed with 1000, all others with 1001 when the server goes', async () => {
    const rig = await Rig.start([ws4], { limits: { idleMs: 60_000, pingMs: 1e9 } });
    const idle = await Client.open(rig.port());
    idle.socket.send(message(1));
    await rig.message();
    rig.clock.advance(60_000);
    await until(() => idle.closed !== undefined);
    expect(idle.closed).toBe(1000);
    const other = await Client.open(rig.port());
    other.socket.send(message(2));
    await rig.message(1);
    await rig.layer.close();
    await until(() => other.closed !== undefined);
    expect(other.closed).toBe(1001);
    expect(rig.stats.closedIdle).toBe(1);
  });
});
