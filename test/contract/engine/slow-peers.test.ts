/**
 * Real clients that are slow or hostile: `openssl s_client` and WebSockets of the library `ws`. What they would not do by themselves is done to them:
 * bytes are given to them one by one, nobody takes what they have read, and what stands between them and the engine stops in mid-handshake.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { makeCertificate, type Certificate } from '../../support/certificate';
import { need, peerPath } from '../../support/peers';
import { Stage } from '../../support/stage';
import { eventually } from '../../support/wait';
import { isRealServer } from './harness';
import { counts, HOSTS, ImpatientEngine, options, Witness, type Limit } from './impatient-engine';

type Host = (typeof HOSTS)[number];
const TRICKLE_MS = 100;

const stage = new Stage();
let certificate: Certificate;
let engine: ImpatientEngine;
let witness: Witness;
/** Ends what a test has begun. */
const ends: Array<() => void> = [];

const every = (ms: number, act: () => unknown): void => {
  const timer = setInterval(act, ms);
  ends.push(() => clearInterval(timer));
};

/** Lets so many pieces through from whoever connects to the engine, and holds back the others; the answers pass. */
async function stoppingAfter(pieces: number, to: { host: string; port: number }): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect(to);
    sockets.push(near, far);
    let passed = 0;
    near.on('data', (data) => passed++ < pieces && far.write(data));
    far.on('data', (data) => near.write(data));
    far.on('close', () => near.destroy());
    for (const socket of [near, far]) socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, HOSTS[0], resolve));
  ends.push(() => (sockets.forEach((socket) => socket.destroy()), server.close()));
  return (server.address() as AddressInfo).port;
}

function sClient({ host, port }: { host: string; port: number }): ChildProcessWithoutNullStreams {
  const child = spawn(peerPath('openssl'), ['s_client', '-quiet', '-connect', host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`]);
  child.stdin.on('error', () => undefined);
  ends.push(() => child.kill('SIGKILL'));
  return child;
}

/** One that is answered to its first question. */
async function known(host: Host): Promise<ChildProcessWithoutNullStreams> {
  const child = sClient(engine.at('tls', host));
  let printed = '';
  const hear = (data: Buffer): void => void (printed += data.toString('latin1'));
  child.stdout.on('data', hear);
  child.stdin.write(options('tls'));
  await eventually('its first answer', () => printed.includes('SIP/2.0 200 OK'));
  child.stdout.off('data', hear);
  return child;
}

async function webSocket(over: 'ws' | 'wss', host: Host): Promise<WebSocket> {
  const { port } = engine.at(over, host);
  const socket = new WebSocket(`${over}://${host.includes(':') ? `[${host}]` : host}:${port}`, 'sip', { rejectUnauthorized: false });
  socket.on('error', () => undefined);
  ends.push(() => socket.terminate());
  await new Promise((resolve) => socket.once('open', resolve));
  const answered = new Promise((resolve) => socket.once('message', resolve));
  socket.send(options(over));
  await answered;
  return socket;
}

(isRealServer ? describe.skip : need('openssl'))('slow real clients, over IPv4 and IPv6', () => {
  beforeAll(async () => {
    certificate = await makeCertificate(stage);
  });
  beforeEach(async () => {
    engine = await ImpatientEngine.start(certificate, { handshakeSeconds: 2, unfinishedSeconds: 2, firstMessageSeconds: 10, webSocketPingSeconds: 2 });
    witness = await Witness.come(engine);
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) end();
    await witness.leave();
    await engine.close();
  });
  afterAll(() => stage.close());

  /** Those that `begin` has let loose on each address are cut off by this limit and no other, while the witness is answered. */
  async function areCutOff(limit: Limit, begin: (host: Host) => Promise<unknown>): Promise<void> {
    const before = engine.connections;
    const { rounds } = witness;
    await Promise.all(HOSTS.map(begin));
    await eventually('them to be cut off', () => engine.counted[limit] === HOSTS.length, 20_000);
    expect(engine.counted).toEqual(counts(HOSTS.map(() => limit)));
    await eventually('their places to be free', () => engine.connections === before);
    expect(witness.rounds).toBeGreaterThan(rounds);
  }

  test('s_client that is silent after the server has said who it is', async () => {
    const children: ChildProcessWithoutNullStreams[] = [];
    await areCutOff('handshakesTimedOut', async (host) => children.push(sClient({ host: HOSTS[0], port: await stoppingAfter(1, engine.at('tls', host)) })));
    await eventually('them to see that', () => children.every(({ exitCode }) => exitCode !== null));
  });

  test('s_client whose message comes a byte at a time', () =>
    areCutOff('closedUnfinished', async (host) => {
      const { stdin } = await known(host);
      const text = options('tls');
      let at = 0;
      every(TRICKLE_MS, () => stdin.write(text[at++ % text.length]));
    }));

  test('s_client whose output nobody takes', () =>
    areCutOff('closedSlowReader', async (host) => {
      const { stdin, stdout } = await known(host);
      stdout.pause();
      every(20, () => stdin.writableLength < 500_000 && stdin.write(options('tls', true)));
    }));

  test('a WebSocket over TLS whose handshake stops', () =>
    areCutOff('handshakesTimedOut', async (host) => {
      const socket = new WebSocket(`wss://${HOSTS[0]}:${await stoppingAfter(1, engine.at('wss', host))}`, 'sip', { rejectUnauthorized: false });
      socket.on('error', () => undefined);
      ends.push(() => socket.terminate());
    }));

  describe.each(['ws', 'wss'] as const)('%s', (over) => {
    test('whose message has fragments without end', () =>
      areCutOff('closedUnfinished', async (host) => {
        const socket = await webSocket(over, host);
        every(TRICKLE_MS, () => socket.readyState === WebSocket.OPEN && socket.send('OPTIONS ', { fin: false }));
      }));

    test('that asks and never reads', () =>
      areCutOff('closedSlowReader', async (host) => {
        const socket = await webSocket(over, host);
        socket.pause();
        every(20, () => socket.readyState === WebSocket.OPEN && socket.bufferedAmount < 500_000 && socket.send(options(over, true)));
      }));

    test('that is asleep, and answers no ping', () => areCutOff('closedSilent', async (host) => (await webSocket(over, host)).pause()));
  });
});
