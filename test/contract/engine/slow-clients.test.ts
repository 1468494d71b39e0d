/**
 * Slow and hostile clients over real sockets: handshakes that stop, openings and frames that trickle, clients that never read what they are
 * answered. Each is cut off by the limit that is meant for it, and others are answered meanwhile. Bytes are written by hand: no library would
 * send them like this.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Engine, type EngineLimits, type EngineStats } from '../../../signaling/engine';
import { sameLoopBarrier } from '../../../signaling/engine/barrier';
import type { Protocol } from '../../../signaling/engine/transport/types';
import { makeCertificate, type Certificate } from '../../support/certificate';
import { need } from '../../support/peers';
import { SipPeer } from '../../support/sip-peer';
import { Stage } from '../../support/stage';
import { eventually } from '../../support/wait';
import { isRealServer, secret, startApp, type AppUnderTest, type ServerUnderTest } from './harness';

type Over = Exclude<Protocol, 'udp'>;
type Limit = 'handshakesTimedOut' | 'closedUnfinished' | 'closedSilent' | 'closedSlowReader';
/** More is not held for an engine that is slow to take it. */
const ENOUGH = 500_000;
const HOSTS = ['127.0.0.1', '::1'];
/** A byte now and then. */
const TRICKLE_MS = 120;
/** Written back in each answer, for clients that do not read: the kernel takes megabytes before anything waits in the engine. */
const FAR = `SIP/2.0/TCP far.invalid;branch=z9hG4bK${'x'.repeat(60_000)}`;

const stage = new Stage();
let certificate: Certificate;
let engine: Engine;
let app: AppUnderTest;
let ports: Record<string, number>;

async function serve(limits: Partial<EngineLimits>): Promise<void> {
  engine = new Engine(
    {
      listen: HOSTS.flatMap((address) => (['udp', 'tcp', 'tls', 'ws', 'wss'] as const).map((protocol) => ({ protocol, address, port: 0 }))),
      control: { port: 0, secret },
      tls: { certificates: [certificate] },
      // What is turned away because there is too much of it has suites of its own.
      overload: false,
      // Nobody looks at ladders, and looking through such headers takes longer than all the rest.
      limits: { maxConnectionsPerSource: 2_000, ladderMessages: 0, ...limits },
    },
    { barrier: sameLoopBarrier },
  );
  const { control, listening } = await engine.start();
  ports = Object.fromEntries(listening.map(({ protocol, address, port }) => [`${protocol} ${address}`, port]));
  app = await startApp({ control: { ...control, secret } } as ServerUnderTest, (srf) => srf.options((_req, res) => res.send(200)));
}

// --- a client that is cut off sooner or later ---------------------------------------------------------------------------

class Victim {
  /** What it received while it read. */
  heard = '';
  gone = false;
  private readonly timers: NodeJS.Timeout[] = [];

  private constructor(
    readonly over: Over,
    private readonly socket: Socket,
  ) {
    socket.on('data', (data: Buffer) => void (this.heard += data.toString('latin1')));
    socket.on('error', () => undefined).on('close', () => this.stop());
  }

  static dial(over: Over, host: string, plain = over === 'tcp' || over === 'ws'): Victim {
    const port = ports[`${over} ${host}`] ?? 0;
    return new Victim(over, plain ? connectTcp(port, host) : connectTls({ host, port, rejectUnauthorized: false }));
  }

  private get framed(): boolean {
    return this.over === 'ws' || this.over === 'wss';
  }

  /** Answered once, so that nobody waits for its first word any more; alive until it begins. */
  static async known(over: Over, host: string): Promise<Victim> {
    const victim = Victim.dial(over, host);
    if (victim.framed) {
      victim.write(OPENING);
      await eventually('the WebSocket to be open', () => victim.heard.includes('\r\n\r\n'), 10_000);
    }
    victim.say(options(over));
    await eventually('its first answer', () => victim.heard.includes('SIP/2.0 200 OK'), 10_000);
    if (victim.framed) victim.every(500, () => victim.write(frame(PONG | FIN)));
    return victim;
  }

  write(data: Buffer | string): void {
    if (!this.gone && this.socket.writableLength < ENOUGH) this.socket.write(data);
  }

  /** A message, as this transport carries it. */
  say(text: string): void {
    this.write(this.framed ? frame(TEXT | FIN, text) : text);
  }

  trickle(bytes: Buffer, then: () => Buffer | string = () => ''): void {
    let at = 0;
    this.every(TRICKLE_MS, () => this.write(at < bytes.length ? bytes.subarray(at, ++at) : then()));
  }

  deafen(): void {
    this.socket.pause();
  }

  every(ms: number, act: () => unknown): void {
    this.timers.push(setInterval(act, ms));
  }

  /** Ends what it does again and again. */
  still(): void {
    for (const timer of this.timers.splice(0)) clearInterval(timer);
  }

  stop(): void {
    this.gone = true;
    this.still();
    this.socket.destroy();
  }
}

const OPENING = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const FIN = 0x80;
const TEXT = 0x1;
const CONTINUATION = 0x0;
const PING = 0x9;
const PONG = 0xa;

/** Masked with zeros, which changes nothing (RFC 6455 §5.3); its payload may be only the first part of what the header promises. */
function frame(first: number, payload = '', length = payload.length): Buffer {
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([first, ...size, 0, 0, 0, 0]), Buffer.from(payload)]);
}

let serial = 0;
/** @param large as if it had come a long way, for a dialog that is not there: answered 481, with all of that way, and nobody else is troubled */
const options = (over: Over, large = false): string =>
  [
    'OPTIONS sip:app@engine.test SIP/2.0',
    `Via: SIP/2.0/${over.toUpperCase()} client.invalid;branch=z9hG4bKs${++serial}`,
    ...(large ? [`Via: ${FAR}`] : []),
    'Max-Forwards: 70',
    `From: <sip:slow@engine.test>;tag=s${serial}`,
    `To: <sip:app@engine.test>${large ? ';tag=none' : ''}`,
    `Call-ID: slow-${serial}@client.invalid`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');

/** As long as a real one says it is, and only the first part of it. */
const halfHello = (): Buffer => Buffer.concat([Buffer.from('16030102000100 01fc0303'.replace(' ', ''), 'hex'), Buffer.alloc(100, 7)]);

// --- what can be done to us -----------------------------------------------------------------------------------------------

interface Kind {
  what: string;
  over: readonly Over[];
  limit: Limit;
  /** Whether it has been answered before it begins. */
  known: boolean;
  begin(victim: Victim): void;
}

const WEBSOCKETS = ['ws', 'wss'] as const;
const kinds: readonly Kind[] = [
  { what: 'half a ClientHello', over: ['tls', 'wss'], limit: 'handshakesTimedOut', known: false, begin: (victim) => victim.write(halfHello()) },
  { what: 'the opening of a WebSocket, a byte at a time', over: WEBSOCKETS, limit: 'handshakesTimedOut', known: false, begin: (victim) => victim.trickle(Buffer.from(OPENING)) },
  { what: 'the header of a frame, a byte at a time', over: WEBSOCKETS, limit: 'closedUnfinished', known: true, begin: (victim) => victim.trickle(frame(TEXT | FIN, '', 60_000)) },
  { what: 'a payload, a byte at a time', over: WEBSOCKETS, limit: 'closedUnfinished', known: true, begin: (victim) => (victim.write(frame(TEXT | FIN, 'OPTIONS ', 2_000)), victim.trickle(Buffer.alloc(500, 'x'))) },
  { what: 'fragments without end', over: WEBSOCKETS, limit: 'closedUnfinished', known: true, begin: (victim) => (victim.write(frame(TEXT, 'OPTIONS ')), victim.trickle(Buffer.alloc(0), () => frame(CONTINUATION, 'x'))) },
  { what: 'a fragment, and pings behind it', over: WEBSOCKETS, limit: 'closedUnfinished', known: true, begin: (victim) => (victim.write(frame(TEXT, 'OPTIONS ')), victim.trickle(Buffer.alloc(0), () => frame(PING | FIN))) },
  { what: 'a message and the first fragment of another at once', over: WEBSOCKETS, limit: 'closedUnfinished', known: true, begin: (victim) => victim.write(Buffer.concat([frame(TEXT | FIN, options('ws')), frame(TEXT, 'OPTIONS ')])) },
  { what: 'a message a byte at a time', over: ['tcp', 'tls'], limit: 'closedUnfinished', known: true, begin: (victim) => victim.trickle(Buffer.from(options('tcp'))) },
  { what: 'no answer to our pings', over: WEBSOCKETS, limit: 'closedSilent', known: true, begin: () => undefined },
  {
    what: 'requests without end, and no answer is read',
    over: ['tcp', 'tls', 'ws', 'wss'],
    limit: 'closedSlowReader',
    known: true,
    begin: (victim) => (victim.deafen(), victim.every(50, () => victim.say(options(victim.over, true)))),
  },
];

/** Asks again and again, on every transport; each question is answered, or this rejects. */
class Witness {
  rounds = 0;
  private wanted = true;
  private readonly asking: Promise<void>;

  private constructor(private readonly peers: readonly SipPeer[]) {
    this.asking = this.ask();
    this.asking.catch(() => undefined);
  }

  static async come(): Promise<Witness> {
    const at = (protocol: Protocol): { host: string; port: number } => ({ host: '127.0.0.1', port: ports[`${protocol} 127.0.0.1`] ?? 0 });
    const witness = new Witness([await SipPeer.udp(at('udp')), await SipPeer.tcp(at('tcp')), await SipPeer.tls(at('tls')), await SipPeer.ws(at('ws'))]);
    await eventually('the first answers', () => witness.rounds > 0);
    return witness;
  }

  async leave(): Promise<void> {
    this.wanted = false;
    await this.asking.finally(() => Promise.all(this.peers.map((peer) => peer.close())));
  }

  private async ask(): Promise<void> {
    while (this.wanted) {
      const answers = this.peers.map((peer) => {
        const request = peer.request('OPTIONS', 'sip:witness@engine.test');
        peer.send(request);
        return peer.getFinal(request, 10_000);
      });
      for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);
      this.rounds++;
    }
  }
}

const LIMITS: readonly Limit[] = ['handshakesTimedOut', 'closedUnfinished', 'closedSilent', 'closedSlowReader'];
type Counted = Record<Limit | 'handshakesFailed', number>;
const counted = ({ transport }: EngineStats): Counted => {
  const { handshakesTimedOut, closedUnfinished, closedSilent, closedSlowReader, handshakesFailed } = transport;
  return { handshakesTimedOut, closedUnfinished, closedSilent, closedSlowReader, handshakesFailed };
};
const less = (now: Counted, before: Counted): Counted => Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - before[name as Limit]])) as Counted;

interface Attack {
  kind: Kind;
  over: Over;
  host: string;
}

/** All of them at once; resolves when they are gone. Those that have to be known are let in first, a few at a time. */
async function attack(attacks: readonly Attack[]): Promise<{ by: Counted; expected: Counted; most: number; rounds: number }> {
  const witness = await Witness.come();
  const before = engine.stats();
  const victims: Victim[] = [];
  try {
    const known: Array<[Attack, Victim]> = [];
    const waiting = attacks.filter(({ kind }) => kind.known);
    for (let from = 0; from < waiting.length; from += 20) {
      known.push(...(await Promise.all(waiting.slice(from, from + 20).map(async (one): Promise<[Attack, Victim]> => [one, await Victim.known(one.over, one.host)]))));
    }
    for (const { kind, over, host } of attacks.filter((one) => !one.kind.known)) {
      const victim = Victim.dial(over, host, kind.what === 'half a ClientHello' || over === 'ws');
      victims.push(victim);
      kind.begin(victim);
    }
    for (const [{ kind }, victim] of known) {
      victims.push(victim);
      victim.still();
      kind.begin(victim);
    }
    const rounds = witness.rounds;
    let most = 0;
    await eventually(
      'all of them to be gone',
      () => {
        const { connections, halfOpen } = engine.stats().transport;
        most = Math.max(most, connections + halfOpen - before.transport.connections);
        return connections + halfOpen === before.transport.connections;
      },
      30_000,
    ).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(less(counted(engine.stats()), counted(before)))}`);
    });
    const expected = { ...less(counted(before), counted(before)) };
    for (const { kind } of attacks) expected[kind.limit]++;
    await eventually('them to see it', () => victims.every(({ gone }) => gone));
    return { by: less(counted(engine.stats()), counted(before)), expected, most, rounds: witness.rounds - rounds };
  } finally {
    for (const victim of victims) victim.stop();
    await witness.leave();
  }
}

need('openssl')('slow and hostile clients', () => {
  beforeAll(async () => {
    certificate = await makeCertificate(stage);
  });
  afterEach(async () => {
    app.close();
    await engine.close();
  });
  afterAll(() => stage.close());

  const contract = isRealServer ? (title: string, ...rest: [() => Promise<void>, number?]) => test.skip(`${title} [skipped: its limits are not ours]`, ...rest) : test;

  contract('of every kind two on every transport, over IPv4 and IPv6: each is cut off by its own limit, others are answered', async () => {
    await serve({ handshakeSeconds: 1, unfinishedSeconds: 1, firstMessageSeconds: 2, webSocketPingSeconds: 1 });
    const attacks = kinds.flatMap((kind) => kind.over.flatMap((over) => HOSTS.map((host) => ({ kind, over, host }))));
    const { by, expected, rounds } = await attack(attacks);
    expect(by).toEqual(expected);
    for (const limit of LIMITS) expect(by[limit]).toBeGreaterThan(0);
    expect(rounds).toBeGreaterThan(0);
  }, 60_000);

  contract('100 of every kind at once', async () => {
    // Patience enough for as many handshakes as a busy machine has to make here.
    await serve({ handshakeSeconds: 3, unfinishedSeconds: 2, firstMessageSeconds: 20, webSocketPingSeconds: 2 });
    const attacks = kinds.flatMap((kind) => Array.from({ length: 100 }, (_, n) => ({ kind, over: kind.over[n % kind.over.length]!, host: HOSTS[n % 3 === 0 ? 1 : 0]! })));
    const { by, expected, most, rounds } = await attack(attacks);
    expect(by).toEqual(expected);
    expect(most).toBeGreaterThan(500);
    expect(rounds).toBeGreaterThan(0);
  }, 90_000);
});
