/**
 * Seeing inside, with real traffic: what the capture feed says is what SIPp says that it sent and received, whatever carried it; statistics count
 * the same messages; the ladder of a bridged call. The datagrams are read by a decoder of the tests' own.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once as event } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { Engine, startEmbeddedEngine } from '../../../signaling/engine';
import { sameLoopBarrier } from '../../../signaling/engine/barrier';
import type { MessageCounts } from '../../../signaling/engine/observe/traffic';
import type { Protocol } from '../../../signaling/engine/transport/types';
import { makeCertificate, type Certificate } from '../../support/certificate';
import { run } from '../../support/child';
import { peerPath, unless } from '../../support/peers';
import { PeerDialog, sdp, SipPeer } from '../../support/sip-peer';
import { parseMessages, type SippMessage } from '../../support/sipp';
import { Stage } from '../../support/stage';
import { eventually, readIfThere } from '../../support/wait';
import { readHep } from '../../unit/engine/observe/hep-decoder';
import { fastTimers, isRealServer, secret, startApp, startServer, type AppUnderTest, type ServerUnderTest } from './harness';

type Captured = ReturnType<typeof readHep>;
const CALLS = 5;

let stage: Stage;
let certificate: Certificate;
let collector: UdpSocket;
let captured: Captured[];
let engine: Engine;
let app: AppUnderTest;
let ports: Record<string, number>;
const open: Array<() => unknown> = [];

const callIdOf = (text: string): string => /^(?:Call-ID|i):[ \t]*(\S+)/im.exec(text)?.[1] ?? '';
/** The engine receives what they sent. A trace ends with line ends of its own. */
const line = (toEngine: boolean, text: string): string => `${toEngine ? '>' : '<'} ${text.trimEnd()}`;

/** SIPp's own uac scenario, CALLS times; what it says that went over the wire. */
async function sipp(over: 'udp' | 'tcp' | 'tls'): Promise<{ port: number; messages: SippMessage[] }> {
  const port = await stage.port();
  let target = ports[`${over} 127.0.0.1`] ?? 0;
  if (over === 'tls') {
    // Debian's SIPp cannot encrypt: a pipe of ours does that for it.
    const pipe = createServer((plain) => {
      const encrypted = connectTls({ host: '127.0.0.1', port: ports['tls 127.0.0.1'], ca: readFileSync(certificate.ca) });
      for (const socket of [plain, encrypted]) socket.on('error', () => undefined);
      plain.pipe(encrypted).pipe(plain);
    }).listen(0, '127.0.0.1');
    open.push(() => pipe.close());
    await event(pipe, 'listening');
    target = (pipe.address() as AddressInfo).port;
  }
  const file = join(stage.folder, `${over}.log`);
  const args = ['-sn', 'uac', '-t', over === 'udp' ? 'u1' : 't1', '-i', '127.0.0.1', '-p', String(port), '-m', String(CALLS), '-r', '10', '-d', '50', '-trace_msg', '-message_file', file];
  const result = await run(peerPath('sipp'), [...args, '-timeout', '20', '-timeout_error', '-nostdin', '-s', 'app', `127.0.0.1:${target}`], { cwd: stage.folder, env: { TERM: 'dumb' }, timeoutMs: 30_000 });
  expect(result.output.slice(-2_000)).toMatch(new RegExp(`Successful call\\s+\\|\\s+\\d+\\s+\\|\\s+${CALLS}\\s`));
  return { port, messages: parseMessages(readIfThere(file)) };
}

/** The same as the statistics have it, from texts. */
function counted(messages: ReadonlyArray<{ text: string }>): NonNullable<MessageCounts['udp']> {
  const counts: Record<string, Record<string, number>> = {};
  for (const { text } of messages) {
    const status = /^SIP\/2\.0 (\d)/.exec(text)?.[1];
    const row = (counts[/^CSeq: \d+ (\S+)/m.exec(text)?.[1] ?? ''] ??= {});
    const kind = status === undefined ? 'requests' : `${status}xx`;
    row[kind] = (row[kind] ?? 0) + 1;
  }
  return counts;
}

unless(isRealServer ? 'the feed of a real drachtio-server is not ours to set' : undefined)('seeing inside', () => {
  beforeAll(async () => {
    stage = new Stage();
    certificate = await makeCertificate(stage);
    collector = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    captured = [];
    collector.on('message', (data) => void captured.push(readHep(data)));
    collector.bind(0, '127.0.0.1');
    await event(collector, 'listening');
    const listen = [...(['udp', 'tcp', 'tls', 'ws', 'wss'] as const).map((protocol) => ({ protocol, address: '127.0.0.1', port: 0 })), { protocol: 'udp' as Protocol, address: '::1', port: 0 }];
    engine = new Engine(
      {
        listen,
        control: { port: 0, secret },
        tls: { certificates: [{ certificate: certificate.certificate, key: certificate.key }] },
        capture: { host: '127.0.0.1', port: collector.address().port, id: 2_001, key: 'sesame' },
      },
      { barrier: sameLoopBarrier },
    );
    const { control, listening } = await engine.start();
    ports = Object.fromEntries(listening.map(({ protocol, address, port }) => [`${protocol} ${address}`, port]));
    app = await startApp({ control: { ...control, secret } } as ServerUnderTest, (srf) => {
      srf.options((_req, res) => res.send(200));
      srf.invite((req, res) => {
        const target = /^sip:to-(\d+)@/.exec(req.uri)?.[1];
        if (target === undefined) {
          void srf.createUAS(req, res, { localSdp: sdp() }).catch(() => undefined);
          return;
        }
        void srf.createB2BUA(req, res, `sip:bob@127.0.0.1:${target}`, { localSdpB: req.body }).then(
          ({ uas, uac }) => uas.on('destroy', () => void uac.destroy()),
          () => undefined,
        );
      });
    });
  }, 30_000);
  afterEach(() => {
    for (const close of open.splice(0)) close();
  });
  afterAll(async () => {
    app.close();
    await engine.close();
    collector.close();
    await stage.close();
  });

  test.each(['udp', 'tcp', 'tls'] as const)('SIPp over %s: the collector gets every message, byte for byte, and the statistics count them', async (over) => {
    const before = engine.stats().traffic.messages;
    const began = Date.now();
    const { port, messages } = await sipp(over);
    const calls = new Set(messages.map(({ text }) => callIdOf(text)));
    expect([calls.size, messages.length >= CALLS * 6]).toEqual([CALLS, true]);
    const seen = await eventually('every copy', () => {
      const of = captured.filter(({ text }) => calls.has(callIdOf(text)));
      return of.length >= messages.length && of;
    });
    const engineAt = `127.0.0.1 ${ports[`${over} 127.0.0.1`]}`;
    const received = seen.filter(({ destination }) => destination === engineAt);
    const sent = seen.filter(({ source }) => source === engineAt);
    expect(received.length + sent.length).toBe(seen.length);
    expect([...received.map(({ text }) => line(true, text)), ...sent.map(({ text }) => line(false, text))].sort()).toEqual(messages.map(({ direction, text }) => line(direction === 'sent', text)).sort());
    for (const one of seen) {
      expect(one).toMatchObject({ family: 2, ipProtocol: over === 'udp' ? 17 : 6, kind: 1, captureId: 2_001, key: 'sesame', callId: callIdOf(one.text) });
      expect([one.at >= began - 50, one.at <= Date.now() + 50]).toEqual([true, true]);
    }
    if (over !== 'tls') expect(new Set(received.map(({ source }) => source))).toEqual(new Set([`127.0.0.1 ${port}`]));
    const now = engine.stats().traffic.messages;
    expect(before.received[over]).toBeUndefined();
    expect(now.received[over]).toEqual(counted(messages.filter(({ direction }) => direction === 'sent')));
    expect(now.sent[over]).toEqual(counted(messages.filter(({ direction }) => direction === 'received')));
    expect(engine.stats().capture).toMatchObject({ droppedBehind: 0, droppedTooLarge: 0, failed: 0 });
  }, 40_000);

  test.each(['ws', 'wss'] as const)('%s: what the browser said and heard, decrypted', async (over) => {
    const socket = new WebSocket(`${over}://127.0.0.1:${ports[`${over} 127.0.0.1`]}/`, 'sip', { rejectUnauthorized: false });
    open.push(() => socket.terminate());
    let heard = '';
    socket.on('message', (data) => void (heard += String(data)));
    await event(socket, 'open');
    const text = [`OPTIONS sip:a@engine.test SIP/2.0`, `Via: SIP/2.0/${over.toUpperCase()} x.invalid;branch=z9hG4bK${over}`, 'From: <sip:b@x.invalid>;tag=1', 'To: <sip:a@engine.test>', `Call-ID: ${over}@x.invalid`, 'CSeq: 1 OPTIONS', 'Content-Length: 0', '', ''].join('\r\n');
    socket.send(text);
    await eventually('the answer', () => heard.startsWith('SIP/2.0 200'));
    const seen = await eventually('both copies', () => captured.filter(({ callId }) => callId === `${over}@x.invalid`).length === 2 && captured.filter(({ callId }) => callId === `${over}@x.invalid`));
    expect(seen.map(({ ipProtocol, text: copy }) => [ipProtocol, copy])).toEqual([[6, text], [6, heard]]);
    expect([seen[0]?.destination, seen[1]?.source]).toEqual([`127.0.0.1 ${ports[`${over} 127.0.0.1`]}`, `127.0.0.1 ${ports[`${over} 127.0.0.1`]}`]);
  });

  test('IPv6', async () => {
    const peer = await SipPeer.udp({ host: '::1', port: ports['udp ::1'] ?? 0 }, '::1');
    open.push(() => peer.close());
    const request = peer.request('OPTIONS', 'sip:engine.test', { advertised: { host: '[::1]', port: peer.port } });
    peer.send(request);
    await peer.getResponse(200, 'OPTIONS');
    const seen = await eventually('both copies', () => captured.filter(({ callId }) => callId === request.callId).length === 2 && captured.filter(({ callId }) => callId === request.callId));
    const one = '0000:0000:0000:0000:0000:0000:0000:0001';
    expect(seen.map(({ family, source, destination }) => [family, source, destination])).toEqual([
      [10, `${one} ${peer.port}`, `${one} ${ports['udp ::1']}`],
      [10, `${one} ${ports['udp ::1']}`, `${one} ${peer.port}`],
    ]);
  });

  test('the ladder of a bridged call: both legs, what was said twice, no secrets', async () => {
    const alice = await SipPeer.udp({ host: '127.0.0.1', port: ports['udp 127.0.0.1'] ?? 0 });
    const bob = await SipPeer.udp({ host: '127.0.0.1', port: ports['udp 127.0.0.1'] ?? 0 });
    open.push(() => alice.close(), () => bob.close());
    const secrets = { body: sdp(40_000, 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEYKEYKEY\r\n'), headers: { Authorization: 'Digest username="alice", realm="x", nonce="n", uri="sip:x", response="0123abcd"' } };
    const invite = alice.request('INVITE', `sip:to-${bob.port}@127.0.0.1`, secrets);
    alice.send(invite);
    await alice.getResponse(100, 'INVITE');
    alice.send(invite);
    const called = await bob.getRequest('INVITE');
    bob.reply(called, 180);
    await alice.getResponse(180, 'INVITE');
    bob.reply(called, 200, { body: sdp(40_002) });
    const dialog = PeerDialog.caller(alice, invite, await alice.getResponse(200, 'INVITE'));
    dialog.ack();
    await bob.getRequest('ACK');
    dialog.send('BYE');
    bob.reply(await bob.getRequest('BYE'), 200);
    await alice.getResponse(200, 'BYE');
    await eventually('the last answer to be received', () => engine.ladder(called.message.callId).messages.at(-1)?.firstLine === 'SIP/2.0 200 OK' && engine.ladder(called.message.callId).messages.length === 6);

    const { messages, diagram } = engine.ladder([invite.callId, called.message.callId], 80);
    const said = (port: number): string[] => messages.filter((one) => one.from.endsWith(`:${port}`) || one.to.endsWith(`:${port}`)).map((one) => `${one.direction === 'sent' ? '<' : '>'} ${one.firstLine.replace(/ sip:.*/, '').replace('SIP/2.0 ', '')}${one.again ? ' again' : ''}`);
    expect(said(alice.port)).toEqual(['> INVITE', '< 100 Trying', '> INVITE again', expect.stringMatching(/^< 100 Trying again$/), '< 180 Ringing', '< 200 OK', '> ACK', '> BYE', '< 200 OK']);
    expect(said(bob.port)).toEqual(['< INVITE', '> 180 Ringing', '> 200 OK', '< ACK', '< BYE', '> 200 OK']);
    expect(messages.every((one, index) => index === 0 || one.at >= (messages[index - 1]?.at ?? 0))).toBe(true);
    expect(new Set(messages.map(({ callId }) => callId))).toEqual(new Set([invite.callId, called.message.callId]));
    expect(JSON.stringify(messages)).not.toMatch(/KEYKEYKEY|0123abcd/);
    expect(messages[0]?.text).toContain('inline:***');
    expect(diagram).toMatch(/127\.0\.0\.1:\d+ +engine +127\.0\.0\.1:\d+/);
    expect(diagram).toMatch(/├╌ INVITE sdp again ╌+▶│/);
    expect(diagram.split('\n').every((row) => row.length <= 80)).toBe(true);
    // One leg alone, by a text instead of a list.
    expect(engine.ladder(called.message.callId).messages.map(({ callId }) => callId)).toEqual(Array.from({ length: 6 }, () => called.message.callId));
    expect(engine.ladder('nobody').messages).toEqual([]);
  });
});

test('repetitions, timers by letter and why transactions ended', async () => {
  if (isRealServer) return;
  const server = await startServer({ timers: fastTimers });
  const deaf = await SipPeer.udp(server.udp);
  const caller = await SipPeer.udp(server.udp);
  const one = await startApp(server, (srf) => {
    srf.invite((_req, res) => res.send(486));
    srf.options((_req, res) => res.send(200));
  });
  const ended = new Promise<number>((resolve) => one.srf.request(deaf.uri, { method: 'OPTIONS' }, (_error, request) => request.on('response', ({ status }) => resolve(status))));
  expect(await ended).toBe(408);
  const invite = caller.request('INVITE', 'sip:app@127.0.0.1', { body: sdp() });
  caller.send(invite);
  // Never acknowledged: G until H.
  await caller.getResponse(486, 'INVITE');
  await eventually('timer H', () => server.stats().traffic.timersFired.H === 1);
  const options = caller.request('OPTIONS', 'sip:app@127.0.0.1');
  caller.send(options);
  await caller.getResponse(200, 'OPTIONS');
  caller.send(options);
  await caller.getResponse(200, 'OPTIONS');
  caller.send('BYE sip:x SIP/2.0\r\nnonsense\r\n\r\n');
  await eventually('the nonsense', () => server.stats().transport.malformed === 1);
  const { traffic } = server.stats();
  expect(traffic.timersFired).toMatchObject({ A: 0, B: 0, C: 0, F: 1, H: 1 });
  expect(traffic.timersFired.E).toBe(deaf.heard.length - 1);
  expect(traffic.timersFired.G).toBe(caller.heard.filter(({ message }) => message.cseq.method === 'INVITE' && 'status' in message && message.status === 486).length - 1);
  expect(traffic.retransmissions).toMatchObject({ requestsSent: traffic.timersFired.E, responsesSent: traffic.timersFired.G + 1, requestsReceived: 1, answersSent: 0 });
  expect(traffic.transactionsEnded).toMatchObject({ client: { timedOut: 1, done: 0 }, inviteServer: { unacknowledged: 1, done: 0 } });
  expect(Object.entries(traffic.parseErrors).filter(([, count]) => count > 0)).toEqual([['header', 1]]);
  one.close();
  await Promise.all([deaf.close(), caller.close()]);
  await server.close();
});

test('the ladder and the statistics of an engine in its own thread', async () => {
  if (isRealServer) return;
  const workerFile = join(__dirname, '../../support/engine-worker.cjs');
  const embedded = await startEmbeddedEngine({ listen: [{ protocol: 'udp', address: '127.0.0.1', port: 0 }], control: { port: 0, secret } }, { workerFile });
  const peer = await SipPeer.udp({ host: '127.0.0.1', port: embedded.listening[0]?.port ?? 0 });
  const request = peer.request('OPTIONS', 'sip:nobody');
  peer.send(request);
  await peer.getResponse(503, 'OPTIONS');
  const ladder = await embedded.ladder(request.callId, 90);
  expect(ladder.messages.map(({ direction, firstLine }) => `${direction} ${firstLine}`)).toEqual(['received OPTIONS sip:nobody SIP/2.0', 'sent SIP/2.0 503 Service Unavailable']);
  expect(ladder.diagram).toContain('503 Service Unavailable (OPTIONS)');
  expect((await embedded.stats()).traffic.messages).toEqual({ received: { udp: { OPTIONS: { requests: 1 } } }, sent: { udp: { OPTIONS: { '5xx': 1 } } } });
  expect(await embedded.ladderCalls(5)).toMatchObject([{ callId: request.callId, method: 'OPTIONS', messages: 2, status: 503 }]);
  expect((await embedded.stats()).capture).toBeUndefined();
  await peer.close();
  await embedded.close();
});

test('a ladder that is turned off says so; a collector without a port is refused', async () => {
  if (isRealServer) return;
  const server = await startServer({ limits: { ladderMessages: 0 } });
  const peer = await SipPeer.udp(server.udp);
  const request = peer.request('OPTIONS', 'sip:nobody');
  peer.send(request);
  await peer.getResponse(503, 'OPTIONS');
  await peer.close();
  await server.close();
  const made = (capture: { host: string; port: number; id?: number }) => () => new Engine({ listen: [], control: { port: 0, secret }, capture });
  expect(made({ host: 'localhost', port: 0 })).toThrow(/host and the port/);
  expect(made({ host: '', port: 9060 })).toThrow(/host and the port/);
  expect(made({ host: 'localhost', port: 9060, id: -1 })).toThrow(/id of the capture feed/);
  const off = new Engine({ listen: [], control: { port: 0, secret }, limits: { ladderMessages: 0 } });
  expect(off.ladder('x')).toEqual({ messages: [], diagram: expect.stringContaining('limits.ladderMessages') as string });
  await off.close();
});
