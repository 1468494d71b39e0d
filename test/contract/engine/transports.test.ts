/**
 * The engine on every transport, with clients that are not ours and a stock drachtio-srf above: what the application is told, what the peer is
 * told, which connection requests go back over; `openssl s_client`, slow-loris clients, connections that only sit there.
 */
import { spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { Engine, type EngineLimits } from '../../../signaling/engine';
import { sameLoopBarrier } from '../../../signaling/engine/barrier';
import type { Protocol } from '../../../signaling/engine/transport/types';
import { makeCertificate, type Certificate } from '../../support/certificate';
import { run } from '../../support/child';
import { peerPath, unless } from '../../support/peers';
import { sdp } from '../../support/sip-peer';
import { Stage } from '../../support/stage';
import { eventually } from '../../support/wait';
import { isRealServer, secret, startApp, type AppUnderTest, type ServerUnderTest, type TestRequest, type TestResponse } from './harness';

type Over = Exclude<Protocol, 'udp'>;
const OVER: readonly Over[] = ['tcp', 'tls', 'ws', 'wss'];
/** As drachtio's frames name them (PROTOCOL 1.2), and as URIs do. */
const FRAME: Record<Over, string> = { tcp: 'tcp', tls: 'tls', ws: 'tcp', wss: 'tcp' };
const URI: Record<Over, string> = { tcp: 'tcp', tls: 'tls', ws: 'ws', wss: 'ws' };

let stage: Stage;
let certificate: Certificate;
let other: Certificate;
let engine: Engine;
let app: AppUnderTest;
let ports: Record<string, number>;
let onRegister: (req: TestRequest, res: TestResponse) => void;
const open: Array<() => void> = [];

/** A client of any transport: what it received, as one text. */
interface Client {
  heard: string;
  closed: boolean;
  send(text: string): void;
}

async function client(over: Over, host = '127.0.0.1'): Promise<Client> {
  const port = ports[`${over} ${host}`] ?? 0;
  const made: Client = { heard: '', closed: false, send: () => undefined };
  const take = (data: Buffer): void => void (made.heard += data.toString());
  const gone = (): void => void (made.closed = true);
  if (over === 'ws' || over === 'wss') {
    const socket = new WebSocket(`${over}://${host.includes(':') ? `[${host}]` : host}:${port}/`, 'sip', { rejectUnauthorized: false });
    open.push(() => socket.terminate());
    socket.on('message', take).on('close', gone).on('error', () => undefined);
    made.send = (text) => socket.send(text);
    await event(socket, 'open');
  } else {
    const socket: Socket = over === 'tls' ? connectTls({ host, port, rejectUnauthorized: false }) : connectTcp(port, host);
    open.push(() => void socket.destroy());
    socket.on('data', take).on('close', gone).on('error', () => undefined);
    made.send = (text) => void socket.write(text);
    await event(socket, over === 'tls' ? 'secureConnect' : 'connect');
  }
  return made;
}

const VIA: Record<Over, string> = { tcp: 'TCP', tls: 'TLS', ws: 'WS', wss: 'WSS' };
let serial = 0;

function request(method: string, over: Over, user: string, more: { uri?: string; headers?: string[]; body?: string } = {}): string {
  const { uri = 'sip:engine.test', headers = [], body = '' } = more;
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/${VIA[over]} client.invalid;branch=z9hG4bKt${++serial}`,
    'Max-Forwards: 70',
    `From: <sip:${user}@engine.test>;tag=t${serial}`,
    `To: <sip:${method === 'REGISTER' ? user : 'app'}@engine.test>`,
    `Call-ID: call-${serial}@client.invalid`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:${user}@client.invalid;transport=${URI[over]};ob>`,
    ...headers,
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

unless(isRealServer ? 'the listening points of a real drachtio-server are not ours to choose' : undefined)('transports', () => {
  const begin = async (limits: Partial<EngineLimits>): Promise<void> => {
    engine = new Engine(
      {
        listen: ['127.0.0.1', '::1'].flatMap((address) => (['udp', ...OVER] as const).map((protocol) => ({ protocol, address, port: 0 }))),
        control: { port: 0, secret },
        tls: { certificates: [certificate, other].map(({ certificate: cert, key }) => ({ certificate: cert, key })) },
        limits: { maxConnectionsPerSource: 300, ...limits },
      },
      { barrier: sameLoopBarrier },
    );
    const { control, listening } = await engine.start();
    ports = Object.fromEntries(listening.map(({ protocol, address, port }) => [`${protocol} ${address}`, port]));
    app = await startApp({ control: { ...control, secret } } as ServerUnderTest, (srf) => {
      srf.register((req, res) => onRegister(req, res));
      srf.options((_req, res) => res.send(200));
      srf.invite((req, res) => void srf.createUAS(req, res, { localSdp: sdp() }).catch(() => undefined));
    });
  };
  beforeAll(async () => {
    stage = new Stage();
    certificate = await makeCertificate(stage, { names: ['one.test', '127.0.0.1', '::1'] });
    other = await makeCertificate(stage, { names: ['two.test'] });
    await begin({ unfinishedSeconds: 2, firstMessageSeconds: 3, handshakeSeconds: 1 });
  }, 30_000);
  afterEach(() => {
    for (const close of open.splice(0)) close();
  });
  afterAll(async () => {
    app.close();
    await engine.close();
    await stage.close();
  });

  const everywhere = OVER.flatMap((over) => [[over, '127.0.0.1'], [over, '::1']] as const);

  test.each(everywhere)('%s on %s: a client registers, and is called over its connection', async (over, host) => {
    const peer = await client(over, host);
    const seen: TestRequest[] = [];
    onRegister = (req, res) => {
      seen.push(req);
      res.send(200, { headers: { Contact: `<sip:${over}@client.invalid;transport=${URI[over]};ob>;expires=60` } });
    };
    peer.send(request('REGISTER', over, over));
    await eventually('the registration', () => peer.heard.includes('SIP/2.0 200 OK'));
    expect(seen[0]).toMatchObject({ protocol: FRAME[over], source_address: host });
    expect(peer.heard).toMatch(new RegExp(`Via: SIP/2.0/${VIA[over]} client\\.invalid;branch=z9hG4bKt${serial};received=${host};rport=${seen[0]?.source_port}\r\n`));
    const made = app.srf.createUAC(`sip:${over}@client.invalid;transport=${URI[over]}`, { localSdp: sdp() }).catch((error: { status?: number }) => error.status);
    const [, via, contact] = await eventually('the call', () => /INVITE sip:[^]*Via: (\S+ \S+)[^]*Contact: <(\S+)>/.exec(peer.heard) ?? undefined);
    const shown = `${host.includes(':') ? `[${host}]` : host}:${ports[`${over} ${host}`]}`;
    expect(via).toMatch(new RegExp(`^SIP/2\\.0/${VIA[over]} ${shown.replace(/[.[\]]/g, '\\$&')};branch=`));
    expect(contact).toBe(`sip:${shown};transport=${URI[over]}`);
    const invite = peer.heard.slice(peer.heard.indexOf('INVITE sip:'));
    const copied = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => new RegExp(`^${name}: .*$`, 'm').exec(invite)?.[0]?.trim());
    peer.send(['SIP/2.0 486 Busy Here', ...copied, `To: <sip:${over}@client.invalid>;tag=b`, 'Content-Length: 0', '', ''].join('\r\n'));
    expect(await made).toBe(486);
  });

  test.each(everywhere)('%s on %s: a call to the application is acknowledged and ended by it over the same connection', async (over, host) => {
    const peer = await client(over, host);
    peer.send(request('INVITE', over, 'caller', { uri: over === 'tls' || over === 'wss' ? 'sips:app@engine.test' : 'sip:app@engine.test', body: sdp() }));
    const [, to = '', contact = ''] = await eventually('the answer', () => /SIP\/2\.0 200[^]*?To: (.*)\r\n[^]*?Contact: <(\S+)>/.exec(peer.heard) ?? undefined);
    // RFC 3261 §12.1.1: a SIPS Request-URI is answered with a SIPS Contact.
    expect(contact).toMatch(over === 'tls' ? /^sips:\S+:\d+$/ : over === 'wss' ? /^sips:\S+;transport=ws$/ : new RegExp(`^sip:\\S+;transport=${over}$`));
    const call = { from: `<sip:caller@engine.test>;tag=t${serial}`, id: `call-${serial}@client.invalid` };
    for (const method of ['ACK', 'BYE']) {
      peer.send([`${method} ${contact} SIP/2.0`, `Via: SIP/2.0/${VIA[over]} client.invalid;branch=z9hG4bK${method}${serial}`, 'Max-Forwards: 70', `From: ${call.from}`, `To: ${to}`, `Call-ID: ${call.id}`, `CSeq: ${method === 'ACK' ? 1 : 2} ${method}`, 'Content-Length: 0', '', ''].join('\r\n'));
    }
    await eventually('the end', () => /SIP\/2\.0 200 OK\r\n[^]*CSeq: 2 BYE/.test(peer.heard));
  });

  test('it is announced: every transport with its own port', () => {
    for (const over of OVER) expect(app.hostports.split(',')).toEqual(expect.arrayContaining([`${over}/127.0.0.1:${ports[`${over} 127.0.0.1`]}`, `${over}/[::1]:${ports[`${over} ::1`]}`]));
  });

  describe('openssl s_client', () => {
    const shake = (...more: string[]): ReturnType<typeof run> => run('sh', ['-c', `echo | ${peerPath('openssl')} s_client -connect 127.0.0.1:${ports['tls 127.0.0.1']} ${more.join(' ')}`], { timeoutMs: 10_000 });

    test('TLS 1.2 and 1.3, verified; 1.1 refused', async () => {
      for (const version of ['tls1_2', 'tls1_3']) {
        const { output } = await shake(`-${version}`, '-CAfile', certificate.ca, '-verify_return_error', '-servername one.test', '-verify_hostname one.test');
        expect(output).toContain('Verify return code: 0 (ok)');
      }
      const old = await shake('-tls1_1', '-cipher DEFAULT@SECLEVEL=0');
      expect(old.code).not.toBe(0);
      expect(old.output).toMatch(/alert|wrong version|no protocols|unsupported/i);
    });

    test('OPTIONS typed in by hand is answered', async () => {
      const client = spawn(peerPath('openssl'), ['s_client', '-quiet', '-crlf', '-connect', `127.0.0.1:${ports['tls 127.0.0.1']}`]);
      let printed = '';
      client.stdout.on('data', (data: Buffer) => (printed += data.toString()));
      try {
        // What a person types: LF, which `-crlf` makes CRLF.
        client.stdin.write(request('OPTIONS', 'tls', 'typed').replaceAll('\r\n', '\n'));
        await eventually('the answer', () => /^SIP\/2\.0 200 OK\r\n/m.test(printed));
      } finally {
        client.kill('SIGKILL');
      }
    });

    test('SNI chooses the certificate', async () => {
      expect((await shake('-servername two.test')).output).toMatch(/subject=CN ?= ?two\.test/);
      expect((await shake('-noservername')).output).toMatch(/subject=CN ?= ?one\.test/);
    });
  });

  test('slow loris: on each transport those that begin and do not end are cut off, while others are served', async () => {
    const before = engine.stats().transport;
    onRegister = (_req, res) => res.send(200);
    const slow = await Promise.all(OVER.flatMap((over) => [client(over), client(over)]));
    const handshakes = (['tls', 'ws', 'wss'] as const).map((over) => connectTcp(ports[`${over} 127.0.0.1`] ?? 0, '127.0.0.1').on('error', () => undefined));
    open.push(() => handshakes.forEach((socket) => socket.destroy()));
    const text = request('REGISTER', 'tcp', 'slow');
    let at = 0;
    const trickle = setInterval(() => {
      // WebSockets carry whole messages: theirs stay silent, and ping like a client that means nothing by it.
      for (const [index, one] of slow.entries()) if (!one.closed) one.send(index < 4 ? (text[at] ?? '') : '\r\n\r\n');
      for (const socket of handshakes) if (!socket.destroyed) socket.write('G');
      at++;
    }, 100);
    open.push(() => clearInterval(trickle));
    const busy = await client('tls');
    busy.send(request('REGISTER', 'tls', 'busy'));
    await eventually('the other to be served', () => busy.heard.includes('SIP/2.0 200 OK'));
    await eventually('all of them to be gone', () => slow.every(({ closed }) => closed) && handshakes.every(({ destroyed }) => destroyed), 10_000);
    const { closedUnfinished, handshakesTimedOut, handshakesFailed, halfOpen } = engine.stats().transport;
    expect(closedUnfinished - before.closedUnfinished).toBe(8);
    // A `G` is no TLS, and half an HTTP request.
    expect(handshakesTimedOut + handshakesFailed - before.handshakesTimedOut - before.handshakesFailed).toBe(3);
    expect(halfOpen).toBe(0);
    expect(busy.closed).toBe(false);
  }, 30_000);

  test('200 connections that only sit there, and the one that calls is served', async () => {
    // With the patience of a real one: 200 handshakes take a busy machine longer than the second that slow clients are given above.
    app.close();
    await engine.close();
    await begin({});
    onRegister = (_req, res) => res.send(200);
    const sitting: Client[] = [];
    for (let from = 0; from < 200; from += 20) {
      const some = Array.from({ length: 20 }, async (_, n) => {
        const over = OVER[n % 4] as Over;
        const one = await client(over);
        one.send(request('REGISTER', over, `u${from + n}`));
        return one;
      });
      sitting.push(...(await Promise.all(some)));
    }
    await eventually('all to be registered', () => sitting.every(({ heard }) => heard.includes('SIP/2.0 200 OK')), 20_000);
    expect(engine.stats().transport.connections).toBeGreaterThanOrEqual(200);
    const caller = await client('wss');
    caller.send(request('INVITE', 'wss', 'caller', { body: sdp() }));
    await eventually('the answer', () => caller.heard.includes('SIP/2.0 200 OK'));
    for (const close of open.splice(0)) close();
    await eventually('all to be gone', () => engine.stats().transport.connections === 0);
  }, 60_000);
});
