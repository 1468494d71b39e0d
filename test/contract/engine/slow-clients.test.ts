/**
 * Slow and hostile clients over real sockets: handshakes that stop, openings and frames that trickle, clients that never read what they are
 * answered. Each is cut off by the limit that is meant for it, others are answered meanwhile, and nothing of them stays. Bytes are written by
 * hand: no library would send them like this (slow-peers.test.ts has real ones).
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { makeCertificate, type Certificate } from '../../support/certificate';
import { heapInUse } from '../../support/heap';
import { need } from '../../support/peers';
import { Stage } from '../../support/stage';
import { eventually } from '../../support/wait';
import { isRealServer } from './harness';
import { counts, HOSTS, ImpatientEngine, options, Witness, type Limit, type Over } from './impatient-engine';

/** More is not held for an engine that is slow to take it. */
const ENOUGH = 500_000;
/** A byte now and then. */
const TRICKLE_MS = 120;
const MANY = 200;
/** What a test's own objects may take. Those of the clients that do not read alone have a megabyte each waiting for them. */
const KEPT_BYTES = 30e6;

const stage = new Stage();
let certificate: Certificate;
let engine: ImpatientEngine;

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
    const at = engine.at(over, host);
    return new Victim(over, plain ? connectTcp(at) : connectTls({ ...at, rejectUnauthorized: false }));
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

interface Attack {
  kind: Kind;
  over: Over;
  host: string;
}

/** All of them at once; resolves when they are gone. Those that have to be known are let in first, a few at a time. */
async function attack(attacks: readonly Attack[]): Promise<{ most: number; rounds: number }> {
  const witness = await Witness.come(engine);
  const before = engine.connections;
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
        most = Math.max(most, engine.connections - before);
        return engine.connections === before;
      },
      60_000,
    ).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(engine.counted)}`);
    });
    await eventually('them to see it', () => victims.every(({ gone }) => gone));
    return { most, rounds: witness.rounds - rounds };
  } finally {
    for (const victim of victims) victim.stop();
    await witness.leave();
  }
}

need('openssl')('slow and hostile clients', () => {
  beforeAll(async () => {
    certificate = await makeCertificate(stage);
  });
  afterEach(() => engine.close());
  afterAll(() => stage.close());

  const contract = isRealServer ? (title: string, ...rest: [() => Promise<void>, number?]) => test.skip(`${title} [skipped: its limits are not ours]`, ...rest) : test;
  const limitsOf = (attacks: readonly Attack[]): Limit[] => attacks.map(({ kind }) => kind.limit);

  contract('of every kind two on every transport, over IPv4 and IPv6: each is cut off by its own limit, others are answered', async () => {
    engine = await ImpatientEngine.start(certificate, { handshakeSeconds: 1, unfinishedSeconds: 1, firstMessageSeconds: 2, webSocketPingSeconds: 1 });
    const attacks = kinds.flatMap((kind) => kind.over.flatMap((over) => HOSTS.map((host) => ({ kind, over, host }))));
    const { rounds } = await attack(attacks);
    expect(engine.counted).toEqual(counts(limitsOf(attacks)));
    expect(rounds).toBeGreaterThan(0);
  }, 60_000);

  contract(`${MANY} of every kind at once, and nothing of them stays in memory`, async () => {
    // Patience enough for as many handshakes as a busy machine has to make here.
    engine = await ImpatientEngine.start(certificate, { handshakeSeconds: 5, unfinishedSeconds: 3, firstMessageSeconds: 40, webSocketPingSeconds: 4 });
    const attacks = kinds.flatMap((kind) => Array.from({ length: MANY }, (_, n) => ({ kind, over: kind.over[n % kind.over.length]!, host: HOSTS[n % 3 === 0 ? 1 : 0] })));
    const before = heapInUse();
    const { most, rounds } = await attack(attacks);
    expect(engine.counted).toEqual(counts(limitsOf(attacks)));
    expect(most).toBeGreaterThan(5 * MANY);
    expect(rounds).toBeGreaterThan(0);
    // Buffers are given back a moment after they are let go of.
    await eventually('the memory to be free', () => heapInUse() - before < KEPT_BYTES, 20_000, 500);
  }, 150_000);
});
