/**
 * The engine and an application on a stock drachtio-srf under fire, in a process of its own and (started by `engine.test.ts`) a network of its
 * own: damaged traffic by UDP, TCP, TLS and WebSocket, damaged control frames on authenticated connections, answers that make no sense. Now and then somebody
 * well-behaved asks, and is to be answered. Prints one line of JSON, `Outcome`.
 *
 *     node --expose-gc --require test/support/register-ts.cjs engine-fuzz.ts MESSAGES SEED CERTIFICATE KEY
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import Srf from 'drachtio-srf';
import { WebSocket } from 'ws';
import { createLog, Engine } from '../../../signaling/engine';
import { sameLoopBarrier } from '../../../signaling/engine/barrier';
import { frameText } from '../../../signaling/engine/control/framing';
import { seeded } from '../../unit/media/port/line';
import type { TestDialog, TestRequest, TestSrf } from '../../contract/engine/harness';
import { ControlFrames } from './control-frames';
import { Mutator } from './mutate';
import { pick, SipTraffic, text } from './sip-traffic';

export interface Outcome {
  sent: { udp: number; tcp: number; tls: number; ws: number; control: number; answers: number };
  /** What escaped: exceptions, rejections, errors that the engine logged. */
  problems: string[];
  /** Questions of the well-behaved, and how many of them were answered. */
  asked: number;
  answered: number;
  /** Once all is quiet: what is left over. */
  left: { transactions: number; dialogs: number; incoming: number; outgoing: number; proxying: number };
  /** The core's: which paths were reached. */
  counters: Readonly<Record<string, number>>;
  /** MB of heap a quarter of the way through, and at the end. */
  heap: { early: number; end: number };
}

const HOST = '127.0.0.1';
const SECRET = 'fuzzed';
const BATCH = 100;
const ASK_MS = 10_000;
const QUIET_MS = 30_000;
const STREAMS = 3;
const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40002 RTP/AVP 0\r\n';

const problems: string[] = [];
const problem = (what: string, err: unknown): void => {
  if (problems.length < 20) problems.push(`${what}: ${err instanceof Error ? (err.stack ?? err.message) : String(err)}`);
};
process.on('uncaughtException', (err) => problem('exception', err));
process.on('unhandledRejection', (err) => problem('rejection', err));

async function udpSocket(heard: (message: string, port: number) => void): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  socket.on('message', (data, from) => heard(data.toString('latin1'), from.port));
  await new Promise<void>((resolve) => socket.bind(0, HOST, resolve));
  return socket;
}

/** A connection to write to; `undefined` until it is there. */
interface Line {
  readonly open: boolean;
  write(bytes: Buffer): void;
  destroy(): void;
}

type Dial = (heard: (text: string) => void) => Promise<Line>;

function lineOf(socket: Socket, greeting?: Buffer): Line {
  if (greeting) socket.write(greeting);
  return { get open() { return !socket.destroyed && socket.writable; }, write: (bytes) => void socket.write(bytes), destroy: () => socket.destroy() };
}

async function dialled(socket: Socket, event: string, heard: (text: string) => void): Promise<Socket> {
  socket.on('error', () => undefined);
  socket.on('data', (data) => heard(data.toString('latin1')));
  await new Promise((resolve) => socket.once(event, resolve).once('close', resolve));
  return socket;
}

const byTcp = (port: number, greeting?: Buffer): Dial => async (heard) => lineOf(await dialled(connect(port, HOST), 'connect', heard), greeting);
const byTls = (port: number): Dial => async (heard) => lineOf(await dialled(connectTls({ host: HOST, port, rejectUnauthorized: false }), 'secureConnect', heard));
const byWebSocket = (port: number): Dial => async (heard) => {
  const socket = new WebSocket(`ws://${HOST}:${port}`, 'sip');
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer) => heard(data.toString('latin1')));
  await new Promise((resolve) => socket.once('open', resolve).once('close', resolve));
  return { get open() { return socket.readyState === WebSocket.OPEN; }, write: (bytes) => socket.send(bytes), destroy: () => socket.terminate() };
};
/** Below the WebSocket: what comes is not even that. */
const byBrokenWebSocket = (port: number): Dial => {
  const upgrade = text('GET / HTTP/1.1', [`Host: ${HOST}:${port}`, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Protocol: sip']);
  return byTcp(port, Buffer.from(upgrade));
};

/** Connections that are made again when the other side has had enough. */
class Streams {
  private readonly lines: Array<Line | undefined> = [];

  constructor(
    private readonly dial: Dial,
    private readonly heard: (text: string) => void,
  ) {}

  async write(index: number, bytes: Buffer): Promise<void> {
    let line = this.lines[index];
    if (!line?.open) {
      line = await this.dial(this.heard);
      this.lines[index] = line;
    }
    if (line.open) line.write(bytes);
  }

  close(index: number): void {
    this.lines[index]?.destroy();
  }

  closeAll(): void {
    for (const line of this.lines) line?.destroy();
  }
}

async function startEngine(certificate: string, key: string): Promise<{ engine: Engine; port(protocol: string): number; control: number }> {
  const log = createLog((level, message, fields) => problem(`the engine logged ${level} "${message}"`, (fields as { err?: unknown } | undefined)?.err ?? JSON.stringify(fields)), 'error');
  const engine = new Engine(
    {
      listen: [
        { protocol: 'udp', address: HOST, port: 0 },
        { protocol: 'tcp', address: HOST, port: 0 },
        { protocol: 'tls', address: HOST, port: 0 },
        { protocol: 'ws', address: HOST, port: 0 },
      ],
      tls: { certificates: [{ certificate, key }] },
      control: { port: 0, secret: SECRET, graceSeconds: 0 },
      timers: { t1: 10, t2: 80, t4: 100 },
      limits: { maxRingingSeconds: 2, maxMessageBytes: 16_384, maxHeaders: 200, maxDialogs: 2000, maxTransactions: 5000, maxPendingRequests: 2000 },
    },
    { log, barrier: sameLoopBarrier },
  );
  const ready = await engine.start();
  const port = (protocol: string): number => ready.listening.find((point) => point.protocol === protocol)?.port ?? 0;
  return { engine, port, control: ready.control.port };
}

/** An application that does a bit of everything, by chance. */
async function startApplication(control: number, peer: string, random: () => number): Promise<TestSrf> {
  const srf = new Srf() as unknown as TestSrf;
  srf.connect({ host: HOST, port: control, secret: SECRET });
  await new Promise<void>((resolve) => srf.once('connect', () => resolve()));
  const expected = (): undefined => undefined;
  const soon = (dialog: TestDialog): void => void setTimeout(() => void dialog.destroy().catch(expected), 300 * random());
  /** Nobody waits for an answer for ever. */
  const impatient = { cbRequest: (_err: unknown, sent?: TestRequest) => void setTimeout(() => sent?.cancel({}, expected), 500 + 500 * random()) };
  srf.invite((req, res) => {
    const choice = random();
    if (choice < 0.3) res.send(486);
    else if (choice < 0.6) void srf.createUAS(req, res, { localSdp: SDP }).then(soon, expected);
    else if (choice < 0.8) void srf.createB2BUA(req, res, `sip:b@${peer}`, { localSdpB: req.body }, impatient).then(({ uas, uac }) => (soon(uas), soon(uac)), expected);
    else if (choice < 0.9) {
      const destination = [`sip:p@${peer}`, `sip:q@${peer}`];
      const forking = random() < 0.5 ? 'simultaneous' : 'sequential';
      void req.proxy({ destination, forking, remainInDialog: true, followRedirects: true, provisionalTimeout: '1s', finalTimeout: '2s' }).catch(expected);
    }
  });
  srf.message((_req, res) => {
    res.send(200);
    const headers = random() < 0.3 ? { 'Session-Expires': '90' } : {};
    if (random() < 0.5) void srf.createUAC(`sip:c@${peer}`, { localSdp: SDP, headers }, impatient).then(soon, expected);
    else void srf.request(`sip:d@${peer}`, { method: 'OPTIONS' }).catch(expected);
  });
  for (const method of ['register', 'options', 'notify', 'update', 'info']) srf.use(method, (_req, res) => res.send(200));
  // A 2xx would begin subscriptions that outlive us
  for (const method of ['subscribe', 'refer']) srf.use(method, (_req, res) => res.send(489));
  return srf;
}

async function main(messages: number, seed: number, certificate: string, key: string): Promise<void> {
  const random = seeded(seed);
  const { engine, port: portOf, control } = await startEngine(certificate, key);
  const port = portOf('udp');
  const traffic = new SipTraffic(random);
  const mutator = new Mutator(random);
  const sent = { udp: 0, tcp: 0, tls: 0, ws: 0, control: 0, answers: 0 };
  const to = `${HOST}:${port}`;

  const socket = await udpSocket((message, from) => {
    if (message.startsWith('SIP/2.0')) return traffic.learn(message);
    const first = traffic.response({ transport: 'UDP', from: own, to }, message);
    for (let answer = first; answer !== undefined; answer = random() < 0.3 ? answer : random() < 0.5 ? traffic.response({ transport: 'UDP', from: own, to }, message) : undefined) {
      sent.answers++;
      socket.send(mutator.damage(answer, 2), from, HOST);
    }
  });
  const own = `${HOST}:${socket.address().port}`;
  const application = await startApplication(control, own, random);

  const frames = new ControlFrames(random, mutator, own);
  const learn = (data: string): void => traffic.learn(data);
  const streams = {
    tcp: new Streams(byTcp(portOf('tcp')), learn),
    tls: new Streams(byTls(portOf('tls')), learn),
    ws: new Streams(byWebSocket(portOf('ws')), learn),
  };
  const brokenWebSockets = new Streams(byBrokenWebSocket(portOf('ws')), learn);
  const applications = new Streams(byTcp(control, Buffer.from(frameText(`a|authenticate|${SECRET}|`))), (data) => frames.learn(data));

  let waiting: { callId: string; resolve(): void } | undefined;
  const asker = await udpSocket((message) => {
    if (!waiting || !message.startsWith('SIP/2.0 200') || !message.includes(`${waiting.callId}\r\n`)) return;
    const { resolve } = waiting;
    // The same answer may come again, to the question's repetition.
    waiting = undefined;
    resolve();
  });
  let [asked, answered] = [0, 0];
  /** Sent again as a UDP client does: what fires may have filled the socket's buffer. */
  const ask = async (): Promise<void> => {
    const callId = `asked-${asked++}`;
    const at = `${HOST}:${asker.address().port}`;
    const question = text(`OPTIONS sip:${to} SIP/2.0`, [`Via: SIP/2.0/UDP ${at};branch=z9hG4bK${callId}`, 'Max-Forwards: 70', 'From: <sip:good@x.test>;tag=1', `To: <sip:${to}>`, `Call-ID: ${callId}`, 'CSeq: 1 OPTIONS']);
    let timers: NodeJS.Timeout[] = [];
    await new Promise<void>((resolve) => {
      waiting = { callId, resolve: () => (answered++, resolve()) };
      const again = (): boolean => void asker.send(question, port, HOST) === undefined;
      again();
      timers = [setInterval(again, 500), setTimeout(resolve, ASK_MS)];
    });
    timers.forEach(clearTimeout);
  };

  let early = 0;
  const heapMb = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed / 1e6;
  };
  for (let n = 0; n < messages; n++) {
    const choice = random();
    if (choice < 0.55) {
      sent.udp++;
      const message = random() < 0.9 ? traffic.request({ transport: 'UDP', from: own, to }) : (traffic.response({ transport: 'UDP', from: own, to }, traffic.request({ transport: 'UDP', from: to, to: own })) ?? '');
      socket.send(mutator.damage(message).subarray(0, 60_000), port, HOST);
    } else if (choice < 0.9) {
      const protocol = pick(random, ['tcp', 'tcp', 'tls', 'ws'] as const);
      sent[protocol]++;
      const bytes = mutator.damage(traffic.request({ transport: protocol.toUpperCase(), from: own, to: `${HOST}:${portOf(protocol)}` }), 2);
      await (protocol === 'ws' && random() < 0.1 ? brokenWebSockets : streams[protocol]).write(n % STREAMS, bytes);
    } else {
      sent.control++;
      await applications.write(n % 2, frames.next());
    }
    if (n % BATCH === 0) await ask();
    if (n % 1500 === 0) [...Object.values(streams), applications].forEach((some) => some.close(0));
    if (n === Math.floor(messages / 4)) early = heapMb();
  }
  await ask();
  for (const some of [...Object.values(streams), brokenWebSockets, applications]) some.closeAll();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  // It has lost sight of calls itself (createB2BUA of an answer that nobody acknowledged, say): what it holds ends with it
  application.disconnect();

  const until = Date.now() + QUIET_MS;
  const stillThere = (): boolean => engine.stats().dialogs > 0 || transactionsOf(engine) > 0;
  while (stillThere() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
  const stats = engine.stats();
  const outcome: Outcome = {
    sent,
    problems,
    asked,
    answered,
    left: { transactions: transactionsOf(engine), dialogs: stats.dialogs, incoming: stats.core.incoming, outgoing: stats.core.outgoing, proxying: stats.core.proxying },
    counters: stats.core.counters,
    heap: { early, end: heapMb() },
  };
  process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
}

function transactionsOf(engine: Engine): number {
  const { server, client } = engine.stats().transactions;
  return server + client;
}

const [messages, seed, certificate = '', key = ''] = process.argv.slice(2);
void main(Number(messages), Number(seed), certificate, key);
