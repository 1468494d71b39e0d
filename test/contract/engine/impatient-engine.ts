/**
 * An engine of little patience in this process, on every transport over IPv4 and IPv6, and somebody who asks it again and again: what suites of
 * slow clients have in common.
 */
import { Engine, type EngineLimits } from '../../../signaling/engine';
import { sameLoopBarrier } from '../../../signaling/engine/barrier';
import type { Protocol } from '../../../signaling/engine/transport/types';
import type { Certificate } from '../../support/certificate';
import { SipPeer } from '../../support/sip-peer';
import { eventually } from '../../support/wait';
import { secret, startApp, type AppUnderTest, type ServerUnderTest } from './harness';

export type Over = Exclude<Protocol, 'udp'>;
export const HOSTS = ['127.0.0.1', '::1'] as const;

/** What cuts slow clients off. */
const LIMITS = ['handshakesTimedOut', 'closedUnfinished', 'closedSilent', 'closedSlowReader'] as const;
export type Limit = (typeof LIMITS)[number];
export type Counted = Record<Limit | 'handshakesFailed', number>;

export class ImpatientEngine {
  private constructor(
    private readonly engine: Engine,
    private readonly app: AppUnderTest,
    private readonly ports: ReadonlyMap<string, number>,
  ) {}

  static async start(certificate: Certificate, limits: Partial<EngineLimits>): Promise<ImpatientEngine> {
    const engine = new Engine(
      {
        listen: HOSTS.flatMap((address) => (['udp', 'tcp', 'tls', 'ws', 'wss'] as const).map((protocol) => ({ protocol, address, port: 0 }))),
        control: { port: 0, secret },
        tls: { certificates: [certificate] },
        // What is turned away because there is too much of it has suites of its own.
        overload: false,
        // Nobody looks at ladders, and looking through long headers takes longer than all the rest.
        limits: { maxConnectionsPerSource: 4_000, ladderMessages: 0, ...limits },
      },
      { barrier: sameLoopBarrier },
    );
    const { control, listening } = await engine.start();
    const app = await startApp({ control: { ...control, secret } } as ServerUnderTest, (srf) => srf.options((_req, res) => res.send(200)));
    return new ImpatientEngine(engine, app, new Map(listening.map(({ protocol, address, port }) => [`${protocol} ${address}`, port])));
  }

  at(protocol: Protocol, host: string): { host: string; port: number } {
    return { host, port: this.ports.get(`${protocol} ${host}`) ?? 0 };
  }

  /** Those in their handshake, too. */
  get connections(): number {
    const { connections, halfOpen } = this.engine.stats().transport;
    return connections + halfOpen;
  }

  /** How many each limit has cut off. */
  get counted(): Counted {
    const { handshakesTimedOut, closedUnfinished, closedSilent, closedSlowReader, handshakesFailed } = this.engine.stats().transport;
    return { handshakesTimedOut, closedUnfinished, closedSilent, closedSlowReader, handshakesFailed };
  }

  async close(): Promise<void> {
    this.app.close();
    await this.engine.close();
  }
}

/** What has to have been counted when these limits have each done their work so often. */
export function counts(limits: readonly Limit[]): Counted {
  const by: Counted = { handshakesTimedOut: 0, closedUnfinished: 0, closedSilent: 0, closedSlowReader: 0, handshakesFailed: 0 };
  for (const limit of limits) by[limit]++;
  return by;
}

/** Asks again and again, on every transport; each question is answered, or `leave` rejects. */
export class Witness {
  rounds = 0;
  /** The longest that a round of questions took, ms. */
  slowest = 0;
  private wanted = true;
  private readonly asking: Promise<void>;

  private constructor(private readonly peers: readonly SipPeer[]) {
    this.asking = this.ask();
    this.asking.catch(() => undefined);
  }

  static async come(engine: ImpatientEngine): Promise<Witness> {
    const at = (protocol: Protocol): { host: string; port: number } => engine.at(protocol, HOSTS[0]);
    const witness = new Witness([await SipPeer.udp(at('udp')), await SipPeer.tcp(at('tcp')), await SipPeer.tls(at('tls')), await SipPeer.ws(at('ws'))]);
    await eventually('the first answers', () => witness.rounds > 0);
    witness.slowest = 0;
    return witness;
  }

  async leave(): Promise<void> {
    this.wanted = false;
    await this.asking.finally(() => Promise.all(this.peers.map((peer) => peer.close())));
  }

  private async ask(): Promise<void> {
    while (this.wanted) {
      const since = performance.now();
      const answers = this.peers.map((peer) => {
        const request = peer.request('OPTIONS', 'sip:witness@engine.test');
        peer.send(request);
        return peer.getFinal(request, 10_000);
      });
      for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);
      this.rounds++;
      this.slowest = Math.max(this.slowest, performance.now() - since);
    }
  }
}

/** Written back in each answer, for clients that do not read: the kernel takes megabytes before anything waits in the engine. */
const FAR = `SIP/2.0/TCP far.invalid;branch=z9hG4bK${'x'.repeat(60_000)}`;

let serial = 0;
/** OPTIONS as text. `large`: as if it had come a long way, for a dialog that is not there: answered 481, with all of that way, and nobody else is troubled. */
export const options = (over: Over, large = false): string =>
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
